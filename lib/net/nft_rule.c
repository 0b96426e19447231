// SPDX-License-Identifier: Apache-2.0
/* nf_tables rules: steps to expressions, and finding rules by their expressions. */
#include "net/nft_rule.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_bpf.h>

#include "net/nft_msg.h"

#define RULES_MAX 64 /* a batch's messages */

/* Offsets in the headers of Ethernet, IPv4 and IPv6. */
enum { ETHER_SADDR = 6, IP4_SADDR = 12, IP4_DADDR = 16, IP6_SADDR = 8, IP6_DADDR = 24 };

/* A rule under construction. */
struct build {
	struct fl_batch *b;
	struct nl_msg *m;
	struct nlattr *expr, *data;
};

static void begin_expr(struct build *x, const char *name)
{
	x->expr = fl_nest(x->b, x->m, NFTA_LIST_ELEM);
	fl_put_str(x->b, x->m, NFTA_EXPR_NAME, name);
	x->data = fl_nest(x->b, x->m, NFTA_EXPR_DATA);
}

static void end_expr(struct build *x)
{
	fl_nest_end(x->m, x->data);
	fl_nest_end(x->m, x->expr);
}

static void put_value(struct build *x, int attr, const void *value, size_t len)
{
	struct nlattr *nest = fl_nest(x->b, x->m, attr);

	fl_put(x->b, x->m, NFTA_DATA_VALUE, value, len);
	fl_nest_end(x->m, nest);
}

static void put_meta(struct build *x, uint32_t key)
{
	begin_expr(x, "meta");
	fl_put_be32(x->b, x->m, NFTA_META_KEY, key);
	fl_put_be32(x->b, x->m, NFTA_META_DREG, NFT_REG_1);
	end_expr(x);
}

static void put_payload(struct build *x, uint32_t dreg, uint32_t base, uint32_t offset,
			uint32_t len)
{
	begin_expr(x, "payload");
	fl_put_be32(x->b, x->m, NFTA_PAYLOAD_DREG, dreg);
	fl_put_be32(x->b, x->m, NFTA_PAYLOAD_BASE, base);
	fl_put_be32(x->b, x->m, NFTA_PAYLOAD_OFFSET, offset);
	fl_put_be32(x->b, x->m, NFTA_PAYLOAD_LEN, len);
	end_expr(x);
}

static void put_cmp(struct build *x, uint32_t op, const void *value, size_t len)
{
	begin_expr(x, "cmp");
	fl_put_be32(x->b, x->m, NFTA_CMP_SREG, NFT_REG_1);
	fl_put_be32(x->b, x->m, NFTA_CMP_OP, op);
	put_value(x, NFTA_CMP_DATA, value, len);
	end_expr(x);
}

static void put_mask(struct build *x, const uint8_t *mask, size_t len)
{
	static const uint8_t zero[16];

	begin_expr(x, "bitwise");
	fl_put_be32(x->b, x->m, NFTA_BITWISE_SREG, NFT_REG_1);
	fl_put_be32(x->b, x->m, NFTA_BITWISE_DREG, NFT_REG_1);
	fl_put_be32(x->b, x->m, NFTA_BITWISE_LEN, (uint32_t)len);
	put_value(x, NFTA_BITWISE_MASK, mask, len);
	put_value(x, NFTA_BITWISE_XOR, zero, len);
	end_expr(x);
}

static void put_lookup(struct build *x, const char *set, uint32_t flags)
{
	begin_expr(x, "lookup");
	fl_put_str(x->b, x->m, NFTA_LOOKUP_SET, set);
	fl_put_be32(x->b, x->m, NFTA_LOOKUP_SREG, NFT_REG_1);
	fl_put_be32(x->b, x->m, NFTA_LOOKUP_FLAGS, flags);
	end_expr(x);
}

static void put_drop(struct build *x)
{
	struct nlattr *value, *verdict;

	begin_expr(x, "immediate");
	fl_put_be32(x->b, x->m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	value = fl_nest(x->b, x->m, NFTA_IMMEDIATE_DATA);
	verdict = fl_nest(x->b, x->m, NFTA_DATA_VERDICT);
	fl_put_be32(x->b, x->m, NFTA_VERDICT_CODE, NF_DROP);
	fl_nest_end(x->m, verdict);
	fl_nest_end(x->m, value);
	end_expr(x);
}

static void put_is_translated(struct build *x)
{
	const uint32_t bit = IPS_DST_NAT, none = 0;

	begin_expr(x, "ct");
	fl_put_be32(x->b, x->m, NFTA_CT_KEY, NFT_CT_STATUS);
	fl_put_be32(x->b, x->m, NFTA_CT_DREG, NFT_REG_1);
	end_expr(x);
	put_mask(x, (const uint8_t *)&bit, sizeof(bit));
	put_cmp(x, NFT_CMP_NEQ, &none, sizeof(none));
}

_Static_assert(FL_NFT_PATH_MAX == XT_BPF_PATH_MAX - 1, "a path and its NUL");

/* By way of iptables' match, which every kernel since 4.16 has; it is given as a block of bytes. */
static void put_bpf(struct build *x, const char *path)
{
	union {
		struct xt_bpf_info_v1 info;
		char bytes[XT_ALIGN(sizeof(struct xt_bpf_info_v1))];
	} u = { .bytes = { 0 } };

	u.info.mode = XT_BPF_MODE_PATH_PINNED;
	(void)snprintf(u.info.path, sizeof(u.info.path), "%s", path);
	begin_expr(x, "match");
	fl_put_str(x->b, x->m, NFTA_MATCH_NAME, "bpf");
	fl_put_be32(x->b, x->m, NFTA_MATCH_REV, 1);
	fl_put(x->b, x->m, NFTA_MATCH_INFO, u.bytes, sizeof(u.bytes));
	end_expr(x);
}

static void put_masquerade(struct build *x)
{
	struct nlattr *expr = fl_nest(x->b, x->m, NFTA_LIST_ELEM);

	fl_put_str(x->b, x->m, NFTA_EXPR_NAME, "masq");
	fl_nest_end(x->m, expr);
}

static uint32_t address_offset(const struct fl_prefix *net, bool daddr)
{
	if (fl_ip_is4(&net->ip))
		return daddr ? IP4_DADDR : IP4_SADDR;
	return daddr ? IP6_DADDR : IP6_SADDR;
}

/* As nft does it: whole bytes are loaded and compared alone, other lengths take a mask. */
static void put_net(struct build *x, const struct fl_prefix *net, bool daddr, uint32_t op)
{
	uint32_t offset = address_offset(net, daddr);
	uint8_t mask[16] = { 0 };
	const void *raw;
	size_t len;

	raw = fl_ip_raw(&net->ip, &len);
	if (net->len % 8 == 0 && net->len > 0)
		len = net->len / 8;
	put_payload(x, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, offset, (uint32_t)len);
	if (net->len % 8 != 0 || net->len == 0) {
		memset(mask, 0xff, net->len / 8);
		if (net->len % 8 != 0)
			mask[net->len / 8] = (uint8_t)(0xff << (8 - net->len % 8));
		put_mask(x, mask, len);
	}
	put_cmp(x, op, raw, len);
}

static void put_step(struct build *x, const struct fl_nft_step *s)
{
	uint8_t proto = fl_ip_is4(&s->net.ip) ? NFPROTO_IPV4 : NFPROTO_IPV6;

	switch (s->what) {
	case FL_NFT_IS_FAMILY:
		put_meta(x, NFT_META_NFPROTO);
		put_cmp(x, NFT_CMP_EQ, &proto, sizeof(proto));
		break;
	case FL_NFT_SADDR_IN:
		put_net(x, &s->net, false, NFT_CMP_EQ);
		break;
	case FL_NFT_DADDR_NOT_IN:
		put_net(x, &s->net, true, NFT_CMP_NEQ);
		break;
	case FL_NFT_SADDR_IN_SET:
	case FL_NFT_DADDR_NOT_IN_SET:
		put_payload(x, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER,
			    address_offset(&s->net, s->what == FL_NFT_DADDR_NOT_IN_SET),
			    fl_ip_bits(&s->net.ip) / 8);
		put_lookup(x, s->set, s->what == FL_NFT_SADDR_IN_SET ? 0 : NFT_LOOKUP_F_INV);
		break;
	case FL_NFT_PORT_IN_SET:
		put_meta(x, NFT_META_IIFNAME);
		put_lookup(x, s->set, 0);
		break;
	case FL_NFT_PORT_MAC_NOT_IN:
		/* A name fills register 1, so that the address next to it goes to register 2. */
		put_meta(x, NFT_META_IIFNAME);
		put_payload(x, NFT_REG_2, NFT_PAYLOAD_LL_HEADER, ETHER_SADDR, 6);
		put_lookup(x, s->set, NFT_LOOKUP_F_INV);
		break;
	case FL_NFT_IS_TRANSLATED:
		put_is_translated(x);
		break;
	case FL_NFT_BPF_SAYS:
		put_bpf(x, s->set);
		break;
	case FL_NFT_MASQUERADE:
		put_masquerade(x);
		break;
	case FL_NFT_DROP:
		put_drop(x);
		break;
	}
}

static struct nl_msg *put_rule(struct fl_batch *b, const struct fl_nft_table *t, const char *chain,
			       const struct fl_nft_rule *rule)
{
	struct build x = { .b = b };
	struct nlattr *list;

	x.m = fl_nft_msg(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, t, "add rule");
	fl_put_str(b, x.m, NFTA_RULE_CHAIN, chain);
	list = fl_nest(b, x.m, NFTA_RULE_EXPRESSIONS);
	for (size_t i = 0; i < rule->n; i++)
		put_step(&x, &rule->step[i]);
	fl_nest_end(x.m, list);
	fl_nft_comment_put(b, x.m, NFTA_RULE_USERDATA, rule->comment);
	return x.m;
}

void fl_nft_rule_put(struct fl_batch *b, const struct fl_nft_table *t, const char *chain,
		     const struct fl_nft_rule *rule)
{
	(void)put_rule(b, t, chain, rule);
}

/*
 * True when every attribute of want is in got with the same value. The kernel adds some of its
 * own (defaults), and marks no nest, so what is a nest is read from ours.
 */
static bool includes(struct nlattr *want, struct nlattr *got)
{
	bool nested = want->nla_type & NLA_F_NESTED;
	struct nlattr *w, *g;
	int rem;

	if (!nested)
		return nla_len(want) == nla_len(got) &&
		       memcmp(nla_data(want), nla_data(got), (size_t)nla_len(want)) == 0;
	nla_for_each_nested(w, want, rem)
	{
		g = nla_find(nla_data(got), nla_len(got), nla_type(w));
		if (!g || !includes(w, g))
			return false;
	}
	return true;
}

/* The same number of expressions, each of them including ours. */
static bool same_expressions(struct nlattr *want, struct nlattr *got)
{
	struct nlattr *w = nla_data(want), *g = nla_data(got);
	int wrem = nla_len(want), grem = nla_len(got);

	while (nla_ok(w, wrem) && nla_ok(g, grem)) {
		if (!includes(w, g))
			return false;
		w = nla_next(w, &wrem);
		g = nla_next(g, &grem);
	}
	return wrem <= 0 && grem <= 0;
}

struct search {
	struct nlattr *want[RULES_MAX];
	size_t n;
	bool *found;
};

static int compare_rule(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	struct search *s = arg;
	struct nlattr *tb[NFTA_RULE_MAX + 1];
	int r;

	if (!h || h->nlmsg_type != fl_nft_msg_type(NFT_MSG_NEWRULE))
		return 0;
	r = fl_nft_parse(h, tb, NFTA_RULE_MAX, err);
	if (r < 0 || !tb[NFTA_RULE_EXPRESSIONS])
		return r;
	for (size_t i = 0; i < s->n; i++)
		if (!s->found[i])
			s->found[i] = same_expressions(s->want[i], tb[NFTA_RULE_EXPRESSIONS]);
	return 0;
}

int fl_nft_rules_find(struct fl_nl *nl, const struct fl_nft_table *t, const char *chain,
		      const struct fl_nft_rule *rules, size_t n, bool *found, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *want = NULL, *b = NULL;
	struct search s = { .n = n, .found = found };
	struct nl_msg *m;
	int r = fl_batch_new(&want, err);

	if (r == 0)
		r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	/* The wanted rules are built as for adding them, but never sent. */
	for (size_t i = 0; i < n; i++) {
		m = put_rule(want, t, chain, &rules[i]);
		s.want[i] = m ? nlmsg_find_attr(nlmsg_hdr(m), sizeof(uint32_t),
						NFTA_RULE_EXPRESSIONS)
			      : NULL;
		if (!s.want[i])
			return fl_fail_errno(err, ENOMEM, "find rules");
		found[i] = false;
	}
	m = fl_nft_msg(b, NFT_MSG_GETRULE, NLM_F_DUMP, t, "read rules");
	fl_put_str(b, m, NFTA_RULE_CHAIN, chain);
	/*
	 * Interrupted or not: a rule that was seen was there, and a rule passed over is looked
	 * for again in the transaction that would add it, by way of the generation.
	 */
	r = fl_nl_dump_once(nl, b, compare_rule, &s, err);
	return r < 0 ? r : 0;
}
