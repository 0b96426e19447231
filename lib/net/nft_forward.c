// SPDX-License-Identifier: Apache-2.0
/* Base chains at the hook forward, and what their rules leave of what they accept. */
#include "net/nft_forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/text.h"
#include "net/nft_msg.h"

#define CHAINS_MAX 32 /* of those whose rules are looked at */

/* A base chain that accepts what no rule of it drops. */
struct chain {
	uint8_t family; /* NFPROTO_... */
	char table[NFT_TABLE_MAXNAMELEN], name[NFT_CHAIN_MAXNAMELEN];
};

struct walk {
	void (*each)(const struct fl_nft_foreign *chain, void *arg);
	void *arg;
	struct chain open[CHAINS_MAX];
	size_t n_open;
	bool drops; /* a rule of the chain that is being looked at drops all */
};

static const char *family_text(uint8_t family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_INET:
		return "inet";
	default:
		return NULL; /* does not see what is routed */
	}
}

/* A name that is too long for its place would be another chain's: it is passed over. */
static void remember(struct walk *w, uint8_t family, const struct fl_nft_foreign *c)
{
	struct chain *to = &w->open[w->n_open];
	struct fl_err cut;

	if (w->n_open == CHAINS_MAX ||
	    fl_format(to->table, sizeof(to->table), &cut, "%s", c->table) < 0 ||
	    fl_format(to->name, sizeof(to->name), &cut, "%s", c->chain) < 0)
		return;
	to->family = family;
	w->n_open++;
}

static int visit(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	struct nlattr *tb[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1] = { NULL };
	struct fl_nft_foreign c;
	struct walk *w = arg;
	uint8_t family;
	int r;

	if (!h)
		return 0;
	r = fl_nft_parse(h, tb, NFTA_CHAIN_MAX, err);
	if (r < 0)
		return r;
	if (!tb[NFTA_CHAIN_HOOK] ||
	    nla_parse_nested(hook, NFTA_HOOK_MAX, tb[NFTA_CHAIN_HOOK], NULL) < 0)
		return 0;
	family = ((const struct nfgenmsg *)nlmsg_data(h))->nfgen_family;
	c.family = family_text(family);
	c.table = fl_attr_str(tb[NFTA_CHAIN_TABLE]);
	c.chain = fl_attr_str(tb[NFTA_CHAIN_NAME]);
	if (!c.family || !c.table || !c.chain ||
	    ntohl(fl_attr_u32(hook[NFTA_HOOK_HOOKNUM], UINT32_MAX)) != NF_INET_FORWARD)
		return 0;
	if (ntohl(fl_attr_u32(tb[NFTA_CHAIN_POLICY], htonl(NF_ACCEPT))) == NF_DROP)
		w->each(&c, w->arg);
	else
		remember(w, family, &c);
	return 0;
}

static bool is_drop(struct nlattr *data)
{
	struct nlattr *i[NFTA_IMMEDIATE_MAX + 1], *d[NFTA_DATA_MAX + 1], *v[NFTA_VERDICT_MAX + 1];

	return data && nla_parse_nested(i, NFTA_IMMEDIATE_MAX, data, NULL) == 0 &&
	       i[NFTA_IMMEDIATE_DATA] &&
	       nla_parse_nested(d, NFTA_DATA_MAX, i[NFTA_IMMEDIATE_DATA], NULL) == 0 &&
	       d[NFTA_DATA_VERDICT] &&
	       nla_parse_nested(v, NFTA_VERDICT_MAX, d[NFTA_DATA_VERDICT], NULL) == 0 &&
	       ntohl(fl_attr_u32(v[NFTA_VERDICT_CODE], UINT32_MAX)) == NF_DROP;
}

/* Whether the rule drops or rejects whatever comes to it, as firewalld's last one does. */
static bool drops_all(struct nlattr *expressions)
{
	struct nlattr *e, *x[NFTA_EXPR_MAX + 1], *t[NFTA_TARGET_MAX + 1] = { NULL };
	const char *name;
	int rem;

	nla_for_each_nested(e, expressions, rem)
	{
		if (nla_parse_nested(x, NFTA_EXPR_MAX, e, NULL) < 0)
			return false;
		name = fl_attr_str(x[NFTA_EXPR_NAME]);
		if (fl_streq(name, "counter") || fl_streq(name, "log"))
			continue;
		if (fl_streq(name, "target")) /* iptables' */
			return x[NFTA_EXPR_DATA] &&
			       nla_parse_nested(t, NFTA_TARGET_MAX, x[NFTA_EXPR_DATA], NULL) == 0 &&
			       fl_streq(fl_attr_str(t[NFTA_TARGET_NAME]), "REJECT");
		return fl_streq(name, "reject") ||
		       (fl_streq(name, "immediate") && is_drop(x[NFTA_EXPR_DATA]));
	}
	return false;
}

static int visit_rule(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	struct nlattr *tb[NFTA_RULE_MAX + 1];
	struct walk *w = arg;
	int r;

	if (!h || h->nlmsg_type != fl_nft_msg_type(NFT_MSG_NEWRULE))
		return 0;
	r = fl_nft_parse(h, tb, NFTA_RULE_MAX, err);
	if (r == 0 && tb[NFTA_RULE_EXPRESSIONS])
		w->drops |= drops_all(tb[NFTA_RULE_EXPRESSIONS]);
	return r;
}

static int look_at_rules(struct fl_nl *nl, struct walk *w, const struct chain *c,
			 struct fl_err *err)
{
	const struct fl_nft_foreign found = { family_text(c->family), c->table, c->name };
	const struct fl_nft_table table = {
		.family = c->family == NFPROTO_IPV4   ? FL_NFT_IP
			  : c->family == NFPROTO_IPV6 ? FL_NFT_IP6
						      : FL_NFT_INET,
		.name = c->table,
	};
	fl_auto_batch struct fl_batch *b = NULL;
	struct nl_msg *m;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	m = fl_nft_msg(b, NFT_MSG_GETRULE, NLM_F_DUMP, &table, "read rules");
	fl_put_str(b, m, NFTA_RULE_CHAIN, c->name);
	w->drops = false;
	r = fl_nl_dump_once(nl, b, visit_rule, w, err);
	if (r >= 0 && w->drops)
		w->each(&found, w->arg);
	return r < 0 && r != -ENOENT ? r : 0;
}

int fl_nft_forward_drops(struct fl_nl *nl,
			 void (*each)(const struct fl_nft_foreign *chain, void *arg), void *arg,
			 struct fl_err *err)
{
	struct walk w = { .each = each, .arg = arg };
	fl_auto_batch struct fl_batch *b = NULL;
	int r;

	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	(void)fl_nft_msg(b, NFT_MSG_GETCHAIN, NLM_F_DUMP, NULL, "list chains");
	r = fl_nl_query(nl, b, visit, &w, err);
	for (size_t i = 0; r == 0 && i < w.n_open; i++)
		r = look_at_rules(nl, &w, &w.open[i], err);
	return r;
}
