// SPDX-License-Identifier: Apache-2.0
/*
 * The program that judges what the stack has translated, where netfilter forwards, takes in, and
 * has something of a process of the node's: what that answers. Of what reaches a program there,
 * nf_tables' way by iptables' match "bpf" is what all kernels have; programs of netfilter's own
 * begin with Linux 6.4. A table for each family, since the kernel loads that match's module for
 * these two only.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "agent/datapath/dp.h"
#include "base/text.h"
#include "bpf/datapath.skel.h"
#include "net/nft_rule.h"

static const enum fl_nft_family families[] = { FL_NFT_IP, FL_NFT_IP6 };

static struct fl_nft_table table_of(size_t i, bool kept)
{
	return (struct fl_nft_table){ families[i], DP_STACK_TABLE, kept };
}

static const struct fl_nft_chain chains[] = {
	{ "input", FL_NFT_INPUT },
	{ "forward", FL_NFT_FORWARD },
	{ "output", FL_NFT_OUTPUT },
};

/* The rule, which borrows the path. */
static struct fl_nft_rule rule_of(const char *path)
{
	return (struct fl_nft_rule){ .n = 3,
				     .step = { { .what = FL_NFT_IS_TRANSLATED },
					       { .what = FL_NFT_BPF_SAYS, .set = path },
					       { .what = FL_NFT_DROP } },
				     .comment = "policy of pods, to Services" };
}

/* Our program at the path that the rules name; they have the one that was there when they were
 * made.
 */
static int pin(const struct dp *d, const char *path, struct fl_err *err)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return fl_fail_errno(err, errno, "remove '%s'", path);
	if (bpf_obj_pin(bpf_program__fd(d->bpf->progs.fl_in_stack), path) < 0)
		return fl_fail_errno(err, errno, "pin '%s'", path);
	return 0;
}

/* The tables as they should be, in place of what there is, in one step. NULL: none. */
static int put_tables(struct fl_nl *nft, const struct fl_nft_rule *rule, bool kept,
		      struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	fl_nft_begin(b, 0);
	for (size_t i = 0; i < FL_ARRAY_LEN(families); i++) {
		const struct fl_nft_table t = table_of(i, kept);

		fl_nft_table_drop_put(b, &t);
		if (!rule)
			continue;
		fl_nft_table_put(b, &t);
		for (size_t k = 0; k < FL_ARRAY_LEN(chains); k++) {
			fl_nft_chain_put(b, &t, &chains[k]);
			fl_nft_rule_put(b, &t, chains[k].name, rule);
		}
	}
	fl_nft_end(b);
	return fl_batch_send(nft, b, err);
}

/*
 * Kept, so that no flush of the whole ruleset takes them along; where the kernel does not know that
 * as any tables. *unkept says which.
 */
static int put(struct fl_nl *nft, const struct fl_nft_rule *rule, bool *unkept, struct fl_err *err)
{
	int r = *unkept ? -EOPNOTSUPP : put_tables(nft, rule, true, err);

	if (r != -EOPNOTSUPP && r != -EINVAL)
		return r;
	r = put_tables(nft, rule, false, err);
	*unkept |= r == 0;
	return r;
}

/* 0: all of it is there and in force. */
static int verify(struct fl_nl *nft, const struct fl_nft_rule *rule, struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < FL_ARRAY_LEN(families); i++) {
		const struct fl_nft_table t = table_of(i, false);

		r = fl_nft_table_verify(nft, &t, err);
		for (size_t k = 0; r == 0 && k < FL_ARRAY_LEN(chains); k++) {
			bool found = false;

			r = fl_nft_chain_verify(nft, &t, &chains[k], err)
				    ?: fl_nft_rules_find(nft, &t, chains[k].name, rule, 1, &found,
							 err);
			if (r == 0 && !found)
				r = fl_fail(err, ENOENT, "a rule is gone");
		}
	}
	return r;
}

int dp_join_stack(struct dp *d, struct fl_nl *nft, struct fl_err *err)
{
	char path[PATH_MAX];
	struct fl_nft_rule rule;
	struct fl_err ignored;
	int r = fl_format(path, sizeof(path), err, "%s/fl_in_stack", d->own);

	if (r < 0)
		return r;
	if (strlen(path) > FL_NFT_PATH_MAX)
		return fl_fail(err, ENAMETOOLONG, "'%s' has more than %d bytes", path,
			       FL_NFT_PATH_MAX);
	rule = rule_of(path);
	if (d->in_stack && verify(nft, &rule, &ignored) == 0)
		return 0;
	r = pin(d, path, err) ?: put(nft, &rule, &d->unkept, err);
	d->in_stack = r == 0;
	return r;
}

/* True when neither table is there; what cannot be told may be. */
static bool has_left(struct fl_nl *nft)
{
	struct fl_err ignored;

	for (size_t i = 0; i < FL_ARRAY_LEN(families); i++) {
		const struct fl_nft_table t = table_of(i, false);

		if (fl_nft_table_verify(nft, &t, &ignored) != -ENOENT)
			return false;
	}
	return true;
}

int dp_leave_stack(struct fl_nl *nft, struct fl_err *err)
{
	bool unkept = false;
	int r;

	/* What is not there is not made to be removed: others listen. */
	if (has_left(nft))
		return 0;
	r = put(nft, NULL, &unkept, err);
	return r == -EOPNOTSUPP ? 0 : r;
}
