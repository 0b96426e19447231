// SPDX-License-Identifier: Apache-2.0
/*
 * A network's nf_tables table: some sets, one chain, some rules that never change, and
 * elements that come and go. Keeping it there against everybody who flushes, against others
 * who make it at the same moment, and saying how it differs from what it should be.
 */
#pragma once

#include "net/nft_rule.h"

#define FL_RULESET_MAX_SETS  2
#define FL_RULESET_MAX_RULES 16

struct fl_ruleset {
	char name[FL_NFT_NAME_SIZE]; /* what table.name points to: do not copy this struct */
	struct fl_nft_table table;
	const struct fl_nft_set *sets;
	size_t n_sets;
	const struct fl_nft_chain *chain;
	const struct fl_nft_rule *rules;
	size_t n_rules;
};

/* Puts the elements to be added into a transaction. */
typedef void fl_ruleset_put(struct fl_batch *b, const struct fl_ruleset *rs, const void *arg);

/* Sets the table: "fairlead-NETWORK" of the family. -ENAMETOOLONG: above 246 bytes. */
fl_must int fl_ruleset_name(struct fl_ruleset *rs, enum fl_nft_family family, const char *network,
			    struct fl_err *err);

/*
 * Makes everything be there, with the elements of put(), in one transaction; what is there
 * stays. *fresh becomes true when a set had to be made, else false. -EEXIST: an object of
 * another type has a name of ours. -EAGAIN: the rule set kept changing during 100 tries.
 * -EOPNOTSUPP: the kernel has no nf_tables.
 */
fl_must int fl_ruleset_apply(struct fl_nl *nl, const struct fl_ruleset *rs, fl_ruleset_put *put,
			     const void *arg, bool *fresh, struct fl_err *err);

/* Whether the element with this key stays. */
typedef bool fl_ruleset_keep(const uint8_t *key, void *arg);

/* Elements of one set. */
struct fl_ruleset_elems {
	const struct fl_nft_elem *elems;
	size_t n;
};

/*
 * Removes elements: gone[i] are those of sets[i]. Those not there count as removed; so do all
 * of a set or table that is missing, or that is of another type and so cannot hold ours, and
 * all where the kernel has no nf_tables.
 */
fl_must int fl_ruleset_drop(struct fl_nl *nl, const struct fl_ruleset *rs,
			    const struct fl_ruleset_elems *gone, struct fl_err *err);

/*
 * Removes the elements of sets[set] whose key, FL_NFT_KEY_MAX bytes of which the set's type uses
 * some, keep() does not want. A missing table or set is fine, and so is a set of another type,
 * which holds nothing of ours.
 */
fl_must int fl_ruleset_sweep(struct fl_nl *nl, const struct fl_ruleset *rs, size_t set,
			     fl_ruleset_keep *keep, void *arg, struct fl_err *err);

/* 0 when table, chain and rules are in force, which their sets then are; else -ENOENT with what was
 * expected and found in the text. */
fl_must int fl_ruleset_check(struct fl_nl *nl, const struct fl_ruleset *rs, struct fl_err *err);

/* 0 when the element is there; else -ENOENT with what was expected
 * and found in the text. shown: its key as nft prints it. */
fl_must int fl_ruleset_check_elem(struct fl_nl *nl, const struct fl_ruleset *rs,
				  const struct fl_nft_set *set, const struct fl_nft_elem *elem,
				  const char *shown, struct fl_err *err);

/*
 * Where r is an error that may come of a kernel without nf_tables, finds out whether it does:
 * then -EOPNOTSUPP, and the text says so. Else r.
 */
int fl_ruleset_explain(struct fl_nl *nl, int r, struct fl_err *err);

/* Puts "table 'FAMILY NAME': " before the text of an error. Returns r. */
int fl_ruleset_wrap(struct fl_err *err, int r, const struct fl_ruleset *rs);
