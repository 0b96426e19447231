// SPDX-License-Identifier: Apache-2.0
/* tc blocks over rtnetlink. */
#include "net/tc.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "net/msg.h"

#define CLSACT TC_H_MAKE(TC_H_CLSACT, 0)
#define OURS   1 /* priority and handle of our filter in a block */

static const struct tcmsg *tcm_of(const struct nlmsghdr *h)
{
	return nlmsg_data(h);
}

void fl_tc_put_anchor(struct fl_batch *b, const char *name)
{
	struct ifinfomsg ifi = { 0 };
	struct nlattr *info;
	struct nl_msg *m = fl_batch_add(
		b, &(struct fl_hdr){ RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi) },
		"create ifb '%s'", name);

	fl_put_str(b, m, IFLA_IFNAME, name);
	info = fl_nest(b, m, IFLA_LINKINFO);
	fl_put_str(b, m, IFLA_INFO_KIND, "ifb");
	fl_nest_end(m, info);
}

void fl_tc_put_blocks(struct fl_batch *b, uint32_t link, const struct fl_blocks *blocks)
{
	struct tcmsg tcm = { .tcm_ifindex = (int)link,
			     .tcm_parent = TC_H_CLSACT,
			     .tcm_handle = CLSACT };
	struct nl_msg *m = fl_batch_add(
		b, &(struct fl_hdr){ RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &tcm, sizeof(tcm) },
		"make link %u join the blocks %u and %u", link, blocks->ingress, blocks->egress);

	fl_put_str(b, m, TCA_KIND, "clsact");
	fl_put_u32(b, m, TCA_INGRESS_BLOCK, blocks->ingress);
	fl_put_u32(b, m, TCA_EGRESS_BLOCK, blocks->egress);
}

/* A link with a clsact or ingress qdisc. */
struct joined {
	uint32_t link;
	bool clsact;
	struct fl_blocks blocks;
};

/* False: the message is about another qdisc. */
static bool read_joined(const struct nlmsghdr *h, struct joined *out)
{
	struct nlattr *tb[TCA_MAX + 1];

	if (h->nlmsg_type != RTM_NEWQDISC || h->nlmsg_len < NLMSG_LENGTH(sizeof(struct tcmsg)) ||
	    tcm_of(h)->tcm_handle != CLSACT ||
	    nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(struct tcmsg), tb, TCA_MAX, NULL) <
		    0)
		return false;
	out->link = (uint32_t)tcm_of(h)->tcm_ifindex;
	out->clsact = fl_attr_str(tb[TCA_KIND]) && strcmp(fl_attr_str(tb[TCA_KIND]), "clsact") == 0;
	out->blocks.ingress = fl_attr_u32(tb[TCA_INGRESS_BLOCK], 0);
	out->blocks.egress = fl_attr_u32(tb[TCA_EGRESS_BLOCK], 0);
	return true;
}

static int each_get(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	(void)err;
	if (h)
		(void)read_joined(h, arg);
	return 0;
}

static int find_qdisc(struct fl_nl *nl, uint32_t link, struct joined *out, struct fl_err *err)
{
	struct tcmsg tcm = { .tcm_ifindex = (int)link, .tcm_parent = TC_H_CLSACT };
	fl_auto_batch struct fl_batch *b = NULL;
	struct joined found = { 0 };
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	/*
	 * Without "echo" the kernel tells everybody but us; of one that has been removed it says
	 * nothing at all but that it has understood.
	 */
	(void)fl_batch_add(
		b, &(struct fl_hdr){ RTM_GETQDISC, NLM_F_ECHO | NLM_F_ACK, &tcm, sizeof(tcm) },
		"read the clsact qdisc of link %u", link);
	r = fl_nl_query(nl, b, each_get, &found, err);
	/* Not one yet, or not one any more. */
	if (r == -ENOENT || r == -EINVAL || (r == 0 && !found.link))
		return fl_fail(err, ENOENT, "link %u has no clsact qdisc", link);
	if (r == 0)
		*out = found;
	return r;
}

int fl_tc_get_blocks(struct fl_nl *nl, uint32_t link, struct fl_blocks *out, struct fl_err *err)
{
	struct joined found = { 0 };
	int r = find_qdisc(nl, link, &found, err);

	if (r == 0)
		*out = found.blocks;
	return r;
}

static int each_listed(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	struct fl_list *all = arg;
	struct joined one;

	if (!h)
		all->n = 0;
	return h && read_joined(h, &one) ? fl_list_add(all, &one, sizeof(one), err) : 0;
}

int fl_tc_list_blocks(struct fl_nl *nl,
		      int (*each)(uint32_t link, const struct fl_blocks *blocks, void *arg,
				  struct fl_err *err),
		      void *arg, struct fl_err *err)
{
	fl_auto_list struct fl_list all = { 0 };
	fl_auto_batch struct fl_batch *b = NULL;
	struct tcmsg tcm = { 0 };
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	(void)fl_batch_add(b, &(struct fl_hdr){ RTM_GETQDISC, NLM_F_DUMP, &tcm, sizeof(tcm) },
			   "list queueing disciplines");
	r = fl_nl_query(nl, b, each_listed, &all, err);
	for (size_t i = 0; r == 0 && i < all.n; i++) {
		const struct joined *one = (struct joined *)all.items + i;

		r = each(one->link, &one->blocks, arg, err);
	}
	return r;
}

int fl_tc_get_clsact(struct fl_nl *nl, uint32_t link, bool *has, struct fl_err *err)
{
	struct joined found = { 0 };
	int r = find_qdisc(nl, link, &found, err);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && !found.clsact)
		return fl_fail(err, EEXIST,
			       "link %u has an ingress qdisc, which is in the way of a clsact one",
			       link);
	if (r == 0 && (found.blocks.ingress || found.blocks.egress))
		return fl_fail(err, EEXIST, "link %u is in the tc blocks %u and %u", link,
			       found.blocks.ingress, found.blocks.egress);
	*has = r == 0;
	return 0;
}

void fl_tc_put_clsact(struct fl_batch *b, uint32_t link)
{
	struct tcmsg tcm = { .tcm_ifindex = (int)link,
			     .tcm_parent = TC_H_CLSACT,
			     .tcm_handle = CLSACT };
	struct nl_msg *m = fl_batch_add(
		b, &(struct fl_hdr){ RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &tcm, sizeof(tcm) },
		"give link %u a clsact qdisc", link);

	fl_put_str(b, m, TCA_KIND, "clsact");
}

/* Where our filter stands in a block; and where on a link, which others have filters on, too. */
static struct tcmsg in_block(uint32_t block)
{
	return (struct tcmsg){
		.tcm_ifindex = (int)TCM_IFINDEX_MAGIC_BLOCK,
		.tcm_block_index = block,
		.tcm_handle = OURS,
		.tcm_info = TC_H_MAKE(OURS << 16, htobe16(ETH_P_ALL)),
	};
}

static struct tcmsg on_link(const struct fl_tc_side *side)
{
	return (struct tcmsg){
		.tcm_ifindex = (int)side->link,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT,
					side->egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS),
		.tcm_handle = FL_TC_HANDLE,
		.tcm_info = TC_H_MAKE(FL_TC_PRIORITY << 16, htobe16(ETH_P_ALL)),
	};
}

static const char *way_of(const struct fl_tc_side *side)
{
	return side->egress ? "out of" : "into";
}

static void fill_filter(struct fl_batch *b, struct nl_msg *m, int prog_fd, const char *name)
{
	struct nlattr *options;

	fl_put_str(b, m, TCA_KIND, "bpf");
	options = fl_nest(b, m, TCA_OPTIONS);
	fl_put_u32(b, m, TCA_BPF_FD, (uint32_t)prog_fd);
	fl_put_str(b, m, TCA_BPF_NAME, name);
	fl_put_u32(b, m, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	fl_nest_end(m, options);
}

void fl_tc_put_filter(struct fl_batch *b, uint32_t block, int prog_fd, const char *name)
{
	struct tcmsg tcm = in_block(block);
	struct nl_msg *m = fl_batch_add(
		b, &(struct fl_hdr){ RTM_NEWTFILTER, NLM_F_CREATE, &tcm, sizeof(tcm) },
		"put program '%s' into block %u", name, block);

	fill_filter(b, m, prog_fd, name);
}

void fl_tc_put_side_filter(struct fl_batch *b, const struct fl_tc_side *side, int prog_fd,
			   const char *name)
{
	struct tcmsg tcm = on_link(side);
	struct nl_msg *m = fl_batch_add(
		b, &(struct fl_hdr){ RTM_NEWTFILTER, NLM_F_CREATE, &tcm, sizeof(tcm) },
		"put program '%s' on the way %s link %u", name, way_of(side), side->link);

	fill_filter(b, m, prog_fd, name);
}

void fl_tc_put_filter_del(struct fl_batch *b, uint32_t block)
{
	struct tcmsg tcm = in_block(block);
	struct nl_msg *m = fl_batch_add(b, &(struct fl_hdr){ RTM_DELTFILTER, 0, &tcm, sizeof(tcm) },
					"remove our filter from block %u", block);

	fl_put_str(b, m, TCA_KIND, "bpf");
	fl_batch_tolerate(b, ENOENT);
	fl_batch_tolerate(b, EINVAL);
}

void fl_tc_put_side_filter_del(struct fl_batch *b, const struct fl_tc_side *side)
{
	struct tcmsg tcm = on_link(side);
	struct nl_msg *m = fl_batch_add(b, &(struct fl_hdr){ RTM_DELTFILTER, 0, &tcm, sizeof(tcm) },
					"remove our filter from the way %s link %u", way_of(side),
					side->link);

	fl_put_str(b, m, TCA_KIND, "bpf");
	fl_batch_tolerate(b, ENOENT);
	fl_batch_tolerate(b, EINVAL);
}

struct filter_search {
	struct tcmsg at; /* our place */
	struct fl_filter found;
	unsigned int others;
	bool has;
};

static int each_filter(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	struct nlattr *tb[TCA_MAX + 1], *bpf[TCA_BPF_MAX + 1];
	struct filter_search *s = arg;
	const char *name;

	(void)err;
	if (!h) {
		s->others = 0;
		s->has = false;
		return 0;
	}
	/* Each priority has an entry without a handle beside its filters. */
	if (h->nlmsg_type != RTM_NEWTFILTER || tcm_of(h)->tcm_handle == 0)
		return 0;
	if (TC_H_MAJ(tcm_of(h)->tcm_info) != TC_H_MAJ(s->at.tcm_info) ||
	    tcm_of(h)->tcm_handle != s->at.tcm_handle ||
	    nlmsg_parse((struct nlmsghdr *)h, sizeof(struct tcmsg), tb, TCA_MAX, NULL) < 0 ||
	    !tb[TCA_OPTIONS] || !fl_attr_str(tb[TCA_KIND]) ||
	    strcmp(fl_attr_str(tb[TCA_KIND]), "bpf") != 0 ||
	    nla_parse_nested(bpf, TCA_BPF_MAX, tb[TCA_OPTIONS], NULL) < 0) {
		s->others++;
		return 0;
	}
	s->has = true;
	s->found.prog_id = fl_attr_u32(bpf[TCA_BPF_ID], 0);
	name = bpf[TCA_BPF_NAME] ? fl_attr_str(bpf[TCA_BPF_NAME]) : NULL;
	(void)snprintf(s->found.name, sizeof(s->found.name), "%s", name ? name : "");
	return 0;
}

/* what: the place in words. *others is set in any case but an error of the kernel's. */
static int get_filter(struct fl_nl *nl, struct filter_search *s, const char *what,
		      struct fl_filter *out, unsigned int *others, struct fl_err *err)
{
	struct tcmsg tcm = { .tcm_ifindex = s->at.tcm_ifindex, .tcm_parent = s->at.tcm_parent };
	fl_auto_batch struct fl_batch *b = NULL;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	(void)fl_batch_add(b, &(struct fl_hdr){ RTM_GETTFILTER, NLM_F_DUMP, &tcm, sizeof(tcm) },
			   "list the filters of %s", what);
	r = fl_nl_query(nl, b, each_filter, s, err);
	/* A block that does not exist: newer kernels say so, older ones have nothing to list. */
	if (r < 0 && r != -EINVAL)
		return r;
	*others = s->others;
	if (!s->has)
		return fl_fail(err, ENOENT, "%s has no filter of ours", what);
	*out = s->found;
	return 0;
}

int fl_tc_get_filter(struct fl_nl *nl, uint32_t block, struct fl_filter *out, unsigned int *others,
		     struct fl_err *err)
{
	struct filter_search s = { .at = in_block(block) };
	char what[32];

	(void)snprintf(what, sizeof(what), "block %u", block);
	return get_filter(nl, &s, what, out, others, err);
}

int fl_tc_get_side_filter(struct fl_nl *nl, const struct fl_tc_side *side, struct fl_filter *out,
			  unsigned int *others, struct fl_err *err)
{
	struct filter_search s = { .at = on_link(side) };
	char what[48];

	(void)snprintf(what, sizeof(what), "the way %s link %u", way_of(side), side->link);
	return get_filter(nl, &s, what, out, others, err);
}
