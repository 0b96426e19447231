// SPDX-License-Identifier: Apache-2.0
/* Adding, replacing and removing routes. */
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

static void put_ip(struct fl_batch *b, struct nl_msg *m, int type, const struct fl_ip *ip)
{
	size_t len;
	const void *raw = fl_ip_raw(ip, &len);

	fl_put(b, m, type, raw, len);
}

/* What identifies the route: common to adding and to removing. */
static struct nl_msg *add(struct fl_batch *b, uint16_t type, uint16_t flags,
			  const struct fl_route *r)
{
	struct rtmsg rt = {
		.rtm_family = (uint8_t)fl_ip_family(&r->dst.ip),
		.rtm_dst_len = r->dst.len,
		.rtm_table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_UNSPEC,
		.rtm_protocol = r->protocol ? r->protocol : RTPROT_BOOT,
		.rtm_scope = type == RTM_DELROUTE ? RT_SCOPE_NOWHERE : r->scope,
		.rtm_type = r->type == FL_ROUTE_BLACKHOLE ? RTN_BLACKHOLE : RTN_UNICAST,
		.rtm_flags = r->onlink && type == RTM_NEWROUTE ? RTNH_F_ONLINK : 0,
	};
	char text[FL_PREFIX_STR];
	struct nl_msg *m;

	m = fl_batch_add(b, &(struct fl_hdr){ type, flags, &rt, sizeof(rt) }, "%s route %s",
			 type == RTM_NEWROUTE ? "add" : "remove", fl_prefix_format(&r->dst, text));
	if (r->dst.len > 0)
		put_ip(b, m, RTA_DST, &r->dst.ip);
	if (r->has_gw)
		put_ip(b, m, RTA_GATEWAY, &r->gw);
	if (r->link)
		fl_put_u32(b, m, RTA_OIF, r->link);
	fl_put_u32(b, m, RTA_TABLE, r->table);
	if (r->priority)
		fl_put_u32(b, m, RTA_PRIORITY, r->priority);
	return m;
}

static void put(struct fl_batch *b, uint16_t flags, const struct fl_route *r)
{
	struct nl_msg *m = add(b, RTM_NEWROUTE, flags, r);

	if (r->has_src)
		put_ip(b, m, RTA_PREFSRC, &r->src);
	put_metrics(b, m, r);
}

void fl_route_put(struct fl_batch *b, const struct fl_route *r)
{
	put(b, NLM_F_CREATE, r);
}

void fl_route_put_new(struct fl_batch *b, const struct fl_route *r)
{
	put(b, NLM_F_CREATE | NLM_F_EXCL, r);
}

void fl_route_put_replace(struct fl_batch *b, const struct fl_route *r)
{
	put(b, NLM_F_CREATE | NLM_F_REPLACE, r);
}

void fl_route_put_del(struct fl_batch *b, const struct fl_route *r)
{
	(void)add(b, RTM_DELROUTE, 0, r);
	fl_batch_tolerate(b, ESRCH);
}
