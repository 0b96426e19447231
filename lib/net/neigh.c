// SPDX-License-Identifier: Apache-2.0
/* Permanent neighbours, and the forwarding entries of VXLAN devices: both RTM_*NEIGH. */
#include "net/neigh.h"

#include <errno.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "net/msg.h"

#define REPLACE (NLM_F_CREATE | NLM_F_REPLACE)

static void put_ip(struct fl_batch *b, struct nl_msg *m, const struct fl_ip *ip)
{
	size_t len;
	const void *raw = fl_ip_raw(ip, &len);

	fl_put(b, m, NDA_DST, raw, len);
}

/* Removing what is not there, or from a link that is not there, is done. */
static void tolerate_absence(struct fl_batch *b)
{
	fl_batch_tolerate(b, ENOENT);
	fl_batch_tolerate(b, ENODEV);
}

static struct nl_msg *add_neigh(struct fl_batch *b, uint16_t type, uint16_t flags,
				const struct fl_neigh *n)
{
	struct ndmsg nd = {
		.ndm_family = (uint8_t)fl_ip_family(&n->ip),
		.ndm_ifindex = (int)n->link,
		.ndm_state = NUD_PERMANENT,
	};
	char text[FL_IP_STR];
	struct nl_msg *m;

	m = fl_batch_add(b, &(struct fl_hdr){ type, flags, &nd, sizeof(nd) },
			 "%s neighbour %s of link %u", type == RTM_NEWNEIGH ? "add" : "remove",
			 fl_ip_format(&n->ip, text), n->link);
	put_ip(b, m, &n->ip);
	return m;
}

void fl_neigh_put(struct fl_batch *b, const struct fl_neigh *n)
{
	fl_put(b, add_neigh(b, RTM_NEWNEIGH, REPLACE, n), NDA_LLADDR, n->mac, FL_MAC_LEN);
}

void fl_neigh_put_del(struct fl_batch *b, const struct fl_neigh *n)
{
	(void)add_neigh(b, RTM_DELNEIGH, 0, n);
	tolerate_absence(b);
}

static void add_fdb(struct fl_batch *b, uint16_t type, uint16_t flags, const struct fl_fdb *f)
{
	struct ndmsg nd = {
		.ndm_family = AF_BRIDGE,
		.ndm_ifindex = (int)f->link,
		.ndm_state = NUD_PERMANENT,
		.ndm_flags = NTF_SELF,
	};
	char mac[FL_MAC_STR];
	struct nl_msg *m;

	fl_mac_format(f->mac, mac);
	m = fl_batch_add(b, &(struct fl_hdr){ type, flags, &nd, sizeof(nd) },
			 "%s forwarding entry %s of link %u",
			 type == RTM_NEWNEIGH ? "add" : "remove", mac, f->link);
	fl_put(b, m, NDA_LLADDR, f->mac, FL_MAC_LEN);
	put_ip(b, m, &f->remote);
}

void fl_fdb_put(struct fl_batch *b, const struct fl_fdb *f)
{
	add_fdb(b, RTM_NEWNEIGH, REPLACE, f);
}

void fl_fdb_put_del(struct fl_batch *b, const struct fl_fdb *f)
{
	add_fdb(b, RTM_DELNEIGH, 0, f);
	tolerate_absence(b);
}

struct listing {
	uint32_t link;
	struct fl_list found;
};

/* 1 when the message is about a permanent entry of the link. */
static int read_entry(const struct nlmsghdr *h, uint32_t link, struct nlattr **tb,
		      struct fl_err *err)
{
	const struct ndmsg *nd = NLMSG_DATA(h);
	const struct nlattr *mac;

	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*nd), tb, NDA_MAX, NULL) < 0)
		return fl_fail(err, EBADMSG, "unreadable neighbour message");
	mac = tb[NDA_LLADDR];
	return (uint32_t)nd->ndm_ifindex == link && nd->ndm_state & NUD_PERMANENT && mac &&
	       nla_len(mac) == FL_MAC_LEN;
}

static int each_neigh(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	struct listing *l = arg;
	struct fl_neigh n = { .link = l->link };
	struct nlattr *tb[NDA_MAX + 1];
	int r, family;

	if (!h) {
		l->found.n = 0;
		return 0;
	}
	r = read_entry(h, l->link, tb, err);
	if (r <= 0)
		return r;
	family = ((const struct ndmsg *)NLMSG_DATA(h))->ndm_family;
	if ((family != AF_INET && family != AF_INET6) || !tb[NDA_DST] ||
	    nla_len(tb[NDA_DST]) != (family == AF_INET ? 4 : 16))
		return 0;
	n.ip = fl_ip_from_raw(family, nla_data(tb[NDA_DST]));
	memcpy(n.mac, nla_data(tb[NDA_LLADDR]), FL_MAC_LEN);
	return fl_list_add(&l->found, &n, sizeof(n), err);
}

static int each_fdb(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	struct listing *l = arg;
	struct fl_fdb f = { .link = l->link };
	struct nlattr *tb[NDA_MAX + 1];
	int r, family;

	if (!h) {
		l->found.n = 0;
		return 0;
	}
	r = read_entry(h, l->link, tb, err);
	if (r <= 0)
		return r;
	if (((const struct ndmsg *)NLMSG_DATA(h))->ndm_family != AF_BRIDGE || !tb[NDA_DST] ||
	    (nla_len(tb[NDA_DST]) != 4 && nla_len(tb[NDA_DST]) != 16))
		return 0;
	family = nla_len(tb[NDA_DST]) == 4 ? AF_INET : AF_INET6;
	f.remote = fl_ip_from_raw(family, nla_data(tb[NDA_DST]));
	/* Another port, VNI or interface: it leads elsewhere, so its remote is none to compare. */
	if (tb[NDA_PORT] || tb[NDA_VNI] || tb[NDA_IFINDEX])
		f.remote = fl_ip_from_raw(family, (uint8_t[16]){ 0 });
	memcpy(f.mac, nla_data(tb[NDA_LLADDR]), FL_MAC_LEN);
	return fl_list_add(&l->found, &f, sizeof(f), err);
}

/* The kernel's answer to a question about one link, collected. */
static int collect(struct fl_nl *nl, uint8_t family, fl_nl_each *each, struct listing *l,
		   struct fl_err *err)
{
	struct ndmsg nd = { .ndm_family = family };
	fl_auto_batch struct fl_batch *b = NULL;
	struct nl_msg *m;
	int r;

	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	m = fl_batch_add(b, &(struct fl_hdr){ RTM_GETNEIGH, NLM_F_DUMP, &nd, sizeof(nd) },
			 "list %s of link %u",
			 family == AF_BRIDGE ? "forwarding entries" : "neighbours", l->link);
	fl_put_u32(b, m, NDA_IFINDEX, l->link);
	return fl_nl_query(nl, b, each, l, err);
}

int fl_neigh_list(struct fl_nl *nl, uint32_t link,
		  int (*each)(const struct fl_neigh *n, void *arg, struct fl_err *err), void *arg,
		  struct fl_err *err)
{
	struct listing l = { .link = link };
	fl_auto_list struct fl_list found = { 0 };
	int r = collect(nl, AF_UNSPEC, each_neigh, &l, err);

	found = l.found;
	for (size_t i = 0; r == 0 && i < found.n; i++)
		r = each((struct fl_neigh *)found.items + i, arg, err);
	return r;
}

int fl_fdb_list(struct fl_nl *nl, uint32_t link,
		int (*each)(const struct fl_fdb *f, void *arg, struct fl_err *err), void *arg,
		struct fl_err *err)
{
	struct listing l = { .link = link };
	fl_auto_list struct fl_list found = { 0 };
	int r = collect(nl, AF_BRIDGE, each_fdb, &l, err);

	found = l.found;
	for (size_t i = 0; r == 0 && i < found.n; i++)
		r = each((struct fl_fdb *)found.items + i, arg, err);
	return r;
}
