// SPDX-License-Identifier: Apache-2.0
/* Listing routes, and asking which one an address takes. */
#include <errno.h>

#include <linux/rtnetlink.h>

#include "net/msg.h"
#include "net/route.h"

typedef int route_each(const struct fl_route *route, void *arg, struct fl_err *err);

struct listing {
	uint32_t link;	  /* only through this one; 0: any */
	uint32_t table;	  /* only of this one; 0: any */
	uint8_t protocol; /* only of this one; 0: any */
	bool blackholes;  /* these too */
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

/* Where a route leads, as its message or one struct rtnexthop of it says. */
static void read_hop(struct fl_route *route, uint32_t link, unsigned int flags,
		     const struct nlattr *gateway)
{
	int family = fl_ip_family(&route->dst.ip);

	route->link = link;
	route->onlink = (flags & RTNH_F_ONLINK) != 0;
	route->has_gw = gateway != NULL;
	if (gateway)
		route->gw = read_ip(gateway, family);
}

/* All of a route but its next hops. 1 when it is of a kind that this file tells of. */
static int read_route(const struct nlmsghdr *h, struct nlattr **tb, struct fl_route *out,
		      struct fl_err *err)
{
	const struct rtmsg *rt = NLMSG_DATA(h);

	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*rt), tb, RTA_MAX, NULL) < 0)
		return fl_fail(err, EBADMSG, "unreadable route message");
	if ((rt->rtm_family != AF_INET && rt->rtm_family != AF_INET6) ||
	    rt->rtm_dst_len > (rt->rtm_family == AF_INET ? 32 : 128))
		return 0;
	*out = (struct fl_route){
		.dst = { read_ip(tb[RTA_DST], rt->rtm_family), rt->rtm_dst_len },
		.type = rt->rtm_type == RTN_BLACKHOLE ? FL_ROUTE_BLACKHOLE : FL_ROUTE_UNICAST,
		.table = fl_attr_u32(tb[RTA_TABLE], rt->rtm_table),
		.priority = fl_attr_u32(tb[RTA_PRIORITY], 0),
		.scope = rt->rtm_scope,
		.protocol = rt->rtm_protocol,
		.has_src = tb[RTA_PREFSRC] != NULL,
	};
	if (out->has_src)
		out->src = read_ip(tb[RTA_PREFSRC], rt->rtm_family);
	read_metrics(tb[RTA_METRICS], out);
	return 1;
}

static int add_hop(struct listing *l, const struct fl_route *route, struct fl_err *err)
{
	if (l->link && route->link != l->link)
		return 0;
	return fl_list_add(&l->found, route, sizeof(*route), err);
}

/* Routes to one destination with the same metric are one route to IPv6, with several next hops. */
static int add_hops(struct listing *l, struct fl_route *route, const struct nlattr *multipath,
		    struct fl_err *err)
{
	struct rtnexthop *hop = nla_data(multipath);
	int left = nla_len(multipath), r = 0;
	struct nlattr *tb[RTA_MAX + 1];

	for (; r == 0 && RTNH_OK(hop, left); hop = RTNH_NEXT(hop)) {
		if (nla_parse(tb, RTA_MAX, (struct nlattr *)RTNH_DATA(hop),
			      hop->rtnh_len - (int)RTNH_LENGTH(0), NULL) < 0)
			return fl_fail(err, EBADMSG, "unreadable next hop");
		read_hop(route, (uint32_t)hop->rtnh_ifindex, hop->rtnh_flags, tb[RTA_GATEWAY]);
		r = add_hop(l, route, err);
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
	int r;

	if (!h) {
		l->found.n = 0;
		return 0;
	}
	r = read_route(h, tb, &route, err);
	if (r <= 0)
		return r;
	rt = NLMSG_DATA(h);
	if ((rt->rtm_type != RTN_UNICAST && !(l->blackholes && rt->rtm_type == RTN_BLACKHOLE)) ||
	    rt->rtm_flags & RTM_F_CLONED || (l->table && route.table != l->table) ||
	    (l->protocol && route.protocol != l->protocol))
		return 0;
	if (tb[RTA_MULTIPATH])
		return add_hops(l, &route, tb[RTA_MULTIPATH], err);
	/* IPv6 has its blackholes on the loopback interface. */
	if (route.type == FL_ROUTE_UNICAST)
		read_hop(&route, fl_attr_u32(tb[RTA_OIF], 0), rt->rtm_flags, tb[RTA_GATEWAY]);
	return add_hop(l, &route, err);
}

static int list(struct fl_nl *nl, struct fl_batch *b, struct listing *l, route_each *each,
		void *arg, struct fl_err *err)
{
	fl_auto_list struct fl_list found = { 0 };
	int r = fl_nl_query(nl, b, each_list, l, err);

	found = l->found;
	for (size_t i = 0; r == 0 && i < found.n; i++)
		r = each((struct fl_route *)found.items + i, arg, err);
	return r;
}

int fl_route_list(struct fl_nl *nl, uint32_t link, route_each *each, void *arg, struct fl_err *err)
{
	struct listing l = { .link = link };
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
	return list(nl, b, &l, each, arg, err);
}

int fl_route_list_by(struct fl_nl *nl, uint8_t protocol, route_each *each, void *arg,
		     struct fl_err *err)
{
	struct listing l = { .table = RT_TABLE_MAIN, .protocol = protocol, .blackholes = true };
	struct rtmsg rt = { .rtm_table = RT_TABLE_MAIN, .rtm_protocol = protocol };
	fl_auto_batch struct fl_batch *b = NULL;
	int r;

	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	(void)fl_batch_add(b, &(struct fl_hdr){ RTM_GETROUTE, NLM_F_DUMP, &rt, sizeof(rt) },
			   "list routes of protocol %u", protocol);
	return list(nl, b, &l, each, arg, err);
}

static int each_lookup(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	const struct rtmsg *rt;
	struct nlattr *tb[RTA_MAX + 1];
	struct fl_route route;
	int r;

	if (!h)
		return 0;
	r = read_route(h, tb, &route, err);
	if (r < 0)
		return r;
	rt = NLMSG_DATA(h);
	if (r == 0 || (rt->rtm_type != RTN_UNICAST && rt->rtm_type != RTN_LOCAL))
		return fl_fail(err, ENETUNREACH, "the way there is closed");
	read_hop(&route, fl_attr_u32(tb[RTA_OIF], 0), rt->rtm_flags, tb[RTA_GATEWAY]);
	route.local = rt->rtm_type == RTN_LOCAL;
	*(struct fl_route *)arg = route;
	return 0;
}

int fl_route_lookup(struct fl_nl *nl, const struct fl_ip *to, struct fl_route *out,
		    struct fl_err *err)
{
	struct rtmsg rt = {
		.rtm_family = (uint8_t)fl_ip_family(to),
		.rtm_dst_len = (uint8_t)fl_ip_bits(to),
		/* IPv6 says which table in any case, and refuses the flag on a strict socket. */
		.rtm_flags = fl_ip_is4(to) ? RTM_F_LOOKUP_TABLE : 0,
	};
	fl_auto_batch struct fl_batch *b = NULL;
	char text[FL_IP_STR];
	struct nl_msg *m;
	const void *raw;
	size_t len;
	int r;

	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	m = fl_batch_add(b, &(struct fl_hdr){ RTM_GETROUTE, 0, &rt, sizeof(rt) },
			 "look up the route to '%s'", fl_ip_format(to, text));
	raw = fl_ip_raw(to, &len);
	fl_put(b, m, RTA_DST, raw, len);
	r = fl_nl_query(nl, b, each_lookup, out, err);
	/* What the kernel says of routes of type unreachable, blackhole and prohibit. */
	if (r == -EHOSTUNREACH || r == -EINVAL || r == -EACCES) {
		err->sys = ENETUNREACH;
		r = -ENETUNREACH;
	}
	return r;
}
