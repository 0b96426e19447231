// SPDX-License-Identifier: Apache-2.0
/* Base chains at the hook forward. */
#include "net/nft_forward.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "net/nft_msg.h"

struct walk {
	void (*each)(const struct fl_nft_foreign *chain, void *arg);
	void *arg;
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

static int visit(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	struct nlattr *tb[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1] = { NULL };
	const struct walk *w = arg;
	struct fl_nft_foreign c;
	int r;

	if (!h)
		return 0;
	r = fl_nft_parse(h, tb, NFTA_CHAIN_MAX, err);
	if (r < 0)
		return r;
	if (!tb[NFTA_CHAIN_HOOK] ||
	    nla_parse_nested(hook, NFTA_HOOK_MAX, tb[NFTA_CHAIN_HOOK], NULL) < 0)
		return 0;
	c.family = family_text(((const struct nfgenmsg *)nlmsg_data(h))->nfgen_family);
	c.table = fl_attr_str(tb[NFTA_CHAIN_TABLE]);
	c.chain = fl_attr_str(tb[NFTA_CHAIN_NAME]);
	if (c.family && c.table && c.chain &&
	    ntohl(fl_attr_u32(hook[NFTA_HOOK_HOOKNUM], UINT32_MAX)) == NF_INET_FORWARD &&
	    ntohl(fl_attr_u32(tb[NFTA_CHAIN_POLICY], htonl(NF_ACCEPT))) == NF_DROP)
		w->each(&c, w->arg);
	return 0;
}

int fl_nft_forward_drops(struct fl_nl *nl,
			 void (*each)(const struct fl_nft_foreign *chain, void *arg), void *arg,
			 struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	struct walk w = { each, arg };
	int r;

	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	(void)fl_nft_msg(b, NFT_MSG_GETCHAIN, NLM_F_DUMP, NULL, "list chains");
	return fl_nl_query(nl, b, visit, &w, err);
}
