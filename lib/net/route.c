// SPDX-License-Identifier: Apache-2.0
/* Adding and listing routes. */
#include "net/route.h"

#include <errno.h>

#include <linux/rtnetlink.h>

#include "net/msg.h"

static void put_metrics(struct fl_batch *b, struct nl_msg *m, const struct fl_route *r)
{
	struct nlattr *metrics;

	if (!r->mtu && !r->advmss)
		return;
	metrics = fl_nest(b, m, RTA_METRICS);
	if (r->mtu)
		fl_put_u32(b, m, RTAX_MTU, r->mtu);
	if (r->advmss)
		fl_put_u32(b, m, RTAX_ADVMSS, r->advmss);
	fl_nest_end(m, metrics);
}

void fl_route_put(struct fl_batch *b, const struct fl_route *r)
{
	struct rtmsg rt = {
		.rtm_family = (uint8_t)fl_ip_family(&r->dst.ip),
		.rtm_dst_len = r->dst.len,
		.rtm_table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_UNSPEC,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = r->scope,
		.rtm_type = RTN_UNICAST,
	};
	char text[FL_PREFIX_STR];
	struct nl_msg *m;
	const void *raw;
	size_t len;

	m = fl_batch_add(b, &(struct fl_hdr){ RTM_NEWROUTE, NLM_F_CREATE, &rt, sizeof(rt) },
			 "add route %s", fl_prefix_format(&r->dst, text));
	raw = fl_ip_raw(&r->dst.ip, &len);
	if (r->dst.len > 0)
		fl_put(b, m, RTA_DST, raw, len);
	if (r->has_gw) {
		raw = fl_ip_raw(&r->gw, &len);
		fl_put(b, m, RTA_GATEWAY, raw, len);
	}
	fl_put_u32(b, m, RTA_OIF, r->link);
	fl_put_u32(b, m, RTA_TABLE, r->table);
	if (r->priority)
		fl_put_u32(b, m, RTA_PRIORITY, r->priority);
	put_metrics(b, m, r);
}

struct listing {
	uint32_t link;
	struct fl_list found;
};

static struct fl_ip read_ip(const struct nlattr *a, int family)
{
	static const uint8_t any[16];
	int want = family == AF_INET ? 4 : 16;

	return fl_ip_from_raw(family, a && nla_len(a) == want ? nla_data(a) : any);
}

static void read_metrics(struct nlattr *a, struct fl_route *out)
{
	struct nlattr *tb[RTAX_MAX + 1];

	if (!a || nla_parse_nested(tb, RTAX_MAX, a, NULL) < 0)
		return;
	out->mtu = fl_attr_u32(tb[RTAX_MTU], 0);
	out->advmss = fl_attr_u32(tb[RTAX_ADVMSS], 0);
}

/* Adds the route as the next hop of one message or of one struct rtnexthop makes it. */
static int add_hop(struct listing *l, struct fl_route route, uint32_t link,
		   const struct nlattr *gateway, struct fl_err *err)
{
	if (link != l->link)
		return 0;
	route.link = link;
	route.has_gw = gateway != NULL;
	route.gw = read_ip(gateway, fl_ip_family(&route.dst.ip));
	return fl_list_add(&l->found, &route, sizeof(route), err);
}

/* Routes to one destination with the same metric are one route to IPv6, with several next hops. */
static int add_hops(struct listing *l, const struct fl_route *route, const struct nlattr *multipath,
		    struct fl_err *err)
{
	struct rtnexthop *hop = nla_data(multipath);
	int left = nla_len(multipath), r = 0;
	struct nlattr *tb[RTA_MAX + 1];

	for (; r == 0 && RTNH_OK(hop, left); hop = RTNH_NEXT(hop)) {
		if (nla_parse(tb, RTA_MAX, (struct nlattr *)RTNH_DATA(hop),
			      hop->rtnh_len - (int)RTNH_LENGTH(0), NULL) < 0)
			return fl_fail(err, EBADMSG, "unreadable next hop");
		r = add_hop(l, *route, (uint32_t)hop->rtnh_ifindex, tb[RTA_GATEWAY], err);
		left -= (int)NLMSG_ALIGN(hop->rtnh_len);
	}
	return r;
}

static int each_list(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	struct listing *l = arg;
	const struct rtmsg *rt;
	struct nlattr *tb[RTA_MAX + 1];
	struct fl_route route;

	if (!h) {
		l->found.n = 0;
		return 0;
	}
	rt = NLMSG_DATA(h);
	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*rt), tb, RTA_MAX, NULL) < 0)
		return fl_fail(err, EBADMSG, "unreadable route message");
	if (rt->rtm_type != RTN_UNICAST || rt->rtm_flags & RTM_F_CLONED ||
	    (rt->rtm_family != AF_INET && rt->rtm_family != AF_INET6))
		return 0;
	route = (struct fl_route){
		.dst = { read_ip(tb[RTA_DST], rt->rtm_family), rt->rtm_dst_len },
		.table = fl_attr_u32(tb[RTA_TABLE], rt->rtm_table),
		.priority = fl_attr_u32(tb[RTA_PRIORITY], 0),
		.scope = rt->rtm_scope,
	};
	read_metrics(tb[RTA_METRICS], &route);
	if (tb[RTA_MULTIPATH])
		return add_hops(l, &route, tb[RTA_MULTIPATH], err);
	return add_hop(l, route, fl_attr_u32(tb[RTA_OIF], 0), tb[RTA_GATEWAY], err);
}

int fl_route_list(struct fl_nl *nl, uint32_t link,
		  int (*each)(const struct fl_route *route, void *arg, struct fl_err *err),
		  void *arg, struct fl_err *err)
{
	struct listing l = { .link = link };
	fl_auto_list struct fl_list found = { 0 };
	fl_auto_batch struct fl_batch *b = NULL;
	struct rtmsg rt = { 0 };
	struct nl_msg *m;
	int r;

	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	m = fl_batch_add(b, &(struct fl_hdr){ RTM_GETROUTE, NLM_F_DUMP, &rt, sizeof(rt) },
			 "list routes of link %u", link);
	fl_put_u32(b, m, RTA_OIF, link);
	r = fl_nl_query(nl, b, each_list, &l, err);
	found = l.found;
	for (size_t i = 0; r == 0 && i < found.n; i++)
		r = each((struct fl_route *)found.items + i, arg, err);
	return r;
}
