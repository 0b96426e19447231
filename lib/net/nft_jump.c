// SPDX-License-Identifier: Apache-2.0
/* Which rules jump to a chain, and removing both. */
#include "net/nft_jump.h"

#include <errno.h>

#include <linux/netfilter/nf_tables.h>

#include "base/text.h"
#include "net/nft_msg.h"

#define TRIES	  100
#define JUMPS_MAX 16 /* rules; more than one is somebody's mistake already */

struct jumps {
	const char *chain;
	uint64_t handle[JUMPS_MAX]; /* network byte order */
	size_t n;
};

/* True when the expression is a verdict that leads to the chain. */
static bool leads_to(struct nlattr *expr, const char *chain)
{
	struct nlattr *e[NFTA_EXPR_MAX + 1], *i[NFTA_IMMEDIATE_MAX + 1], *d[NFTA_DATA_MAX + 1],
		*v[NFTA_VERDICT_MAX + 1];

	return nla_parse_nested(e, NFTA_EXPR_MAX, expr, NULL) == 0 &&
	       fl_streq(fl_attr_str(e[NFTA_EXPR_NAME]), "immediate") && e[NFTA_EXPR_DATA] &&
	       nla_parse_nested(i, NFTA_IMMEDIATE_MAX, e[NFTA_EXPR_DATA], NULL) == 0 &&
	       i[NFTA_IMMEDIATE_DATA] &&
	       nla_parse_nested(d, NFTA_DATA_MAX, i[NFTA_IMMEDIATE_DATA], NULL) == 0 &&
	       d[NFTA_DATA_VERDICT] &&
	       nla_parse_nested(v, NFTA_VERDICT_MAX, d[NFTA_DATA_VERDICT], NULL) == 0 &&
	       fl_streq(fl_attr_str(v[NFTA_VERDICT_CHAIN]), chain);
}

static int each_rule(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	struct jumps *j = arg;
	struct nlattr *tb[NFTA_RULE_MAX + 1], *e;
	int rem, r;

	if (!h || h->nlmsg_type != fl_nft_msg_type(NFT_MSG_NEWRULE))
		return 0;
	r = fl_nft_parse(h, tb, NFTA_RULE_MAX, err);
	if (r < 0 || !tb[NFTA_RULE_EXPRESSIONS] || !tb[NFTA_RULE_HANDLE] ||
	    nla_len(tb[NFTA_RULE_HANDLE]) != sizeof(j->handle[0]))
		return r;
	nla_for_each_nested(e, tb[NFTA_RULE_EXPRESSIONS], rem)
	{
		if (j->n == JUMPS_MAX || !leads_to(e, j->chain))
			continue;
		memcpy(&j->handle[j->n++], nla_data(tb[NFTA_RULE_HANDLE]), sizeof(j->handle[0]));
		break;
	}
	return 0;
}

static int find_jumps(struct fl_nl *nl, const struct fl_nft_table *t, const char *from,
		      struct jumps *j, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	struct nl_msg *m;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	m = fl_nft_msg(b, NFT_MSG_GETRULE, NLM_F_DUMP, t, "read rules");
	fl_put_str(b, m, NFTA_RULE_CHAIN, from);
	/* What was passed over because it changed meanwhile is found by the generation. */
	r = fl_nl_dump_once(nl, b, each_rule, j, err);
	return r < 0 ? r : 0;
}

static int try_remove(struct fl_nl *nl, const struct fl_nft_table *t, const char *from,
		      const char *chain, struct fl_err *err)
{
	struct jumps j = { .chain = chain };
	fl_auto_batch struct fl_batch *b = NULL;
	struct nl_msg *m;
	uint32_t gen = 0;
	int r;

	r = fl_nft_generation(nl, &gen, err) ?: find_jumps(nl, t, from, &j, err);
	r = r ?: fl_batch_new(&b, err);
	if (r < 0)
		return r;
	fl_nft_begin(b, gen);
	for (size_t i = 0; i < j.n; i++) {
		m = fl_nft_msg(b, NFT_MSG_DELRULE, 0, t, "remove a rule");
		fl_put_str(b, m, NFTA_RULE_CHAIN, from);
		fl_put(b, m, NFTA_RULE_HANDLE, &j.handle[i], sizeof(j.handle[i]));
	}
	m = fl_nft_msg(b, NFT_MSG_DELRULE, 0, t, "empty a chain");
	fl_put_str(b, m, NFTA_RULE_CHAIN, chain);
	m = fl_nft_msg(b, NFT_MSG_DELCHAIN, 0, t, "remove a chain");
	fl_put_str(b, m, NFTA_CHAIN_NAME, chain);
	fl_nft_end(b);
	return fl_batch_send(nl, b, err);
}

int fl_nft_chain_remove(struct fl_nl *nl, const struct fl_nft_table *t, const char *from,
			const char *chain, struct fl_err *err)
{
	int r = -ERESTART;

	for (int i = 0; r == -ERESTART && i < TRIES; i++)
		r = try_remove(nl, t, from, chain, err);
	if (r == -ERESTART)
		r = fl_fail(err, EAGAIN, "the rules of nf_tables changed during %d tries", TRIES);
	return r == -ENOENT || r == -EOPNOTSUPP ? 0 : r;
}
