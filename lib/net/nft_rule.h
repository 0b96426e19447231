// SPDX-License-Identifier: Apache-2.0
/*
 * nf_tables rules: a row of steps, translated to the expressions that the nft tool would
 * write for the same words, and found again by comparing expressions. So a rule that nft
 * saved and loaded is still ours, and one that somebody altered is not. FL_NFT_BPF_SAYS is what
 * iptables would write: nft prints it, and does not load it.
 */
#pragma once

#include "base/ip.h"
#include "net/nft.h"

#define FL_NFT_STEPS	8
#define FL_NFT_PATH_MAX 511

enum fl_nft_what {
	FL_NFT_IS_FAMILY,    /* packet is of net's family; goes before every match on addresses */
	FL_NFT_SADDR_IN,     /* ip saddr NET; net's host bits must be clear */
	FL_NFT_DADDR_NOT_IN, /* ip daddr != NET */
	FL_NFT_SADDR_IN_SET, /* ip saddr @SET, of net's family */
	FL_NFT_DADDR_NOT_IN_SET, /* ip daddr != @SET, of net's family */
	FL_NFT_PORT_IN_SET,	 /* iifname @SET */
	FL_NFT_PORT_MAC_NOT_IN,	 /* iifname . ether saddr != @SET */
	FL_NFT_IS_TRANSLATED,	 /* ct status dnat */
	FL_NFT_BPF_SAYS,	 /* xt match bpf: the program pinned at the path in set wants it */
	FL_NFT_MASQUERADE,	 /* masquerade */
	FL_NFT_DROP,		 /* drop */
};

struct fl_nft_step {
	enum fl_nft_what what;
	struct fl_prefix net;
	const char *set; /* or a path of at most FL_NFT_PATH_MAX bytes */
};

struct fl_nft_rule {
	size_t n;
	struct fl_nft_step step[FL_NFT_STEPS];
	char comment[FL_NFT_COMMENT_SIZE]; /* shown by nft; "" for none */
};

/* Appends the rule to the chain. */
void fl_nft_rule_put(struct fl_batch *b, const struct fl_nft_table *t, const char *chain,
		     const struct fl_nft_rule *rule);

/*
 * Reads the chain's rules once and sets found[i] where rules[i] is among them, whatever its
 * comment. A missing table or chain has no rules. At most 64 rules.
 */
fl_must int fl_nft_rules_find(struct fl_nl *nl, const struct fl_nft_table *t, const char *chain,
			      const struct fl_nft_rule *rules, size_t n, bool *found,
			      struct fl_err *err);
