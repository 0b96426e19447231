// SPDX-License-Identifier: Apache-2.0
/* VXLAN devices: making, changing and reading them. */
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "net/link.h"
#include "net/link_vxlan.h"
#include "net/msg.h"

static struct nl_msg *add(struct fl_batch *b, uint16_t flags, const char *name, const char *verb)
{
	struct ifinfomsg ifi = { 0 };
	struct nl_msg *m;

	m = fl_batch_add(b, &(struct fl_hdr){ RTM_NEWLINK, flags, &ifi, sizeof(ifi) },
			 "%s VXLAN device '%s'", verb, name);
	fl_put_str(b, m, IFLA_IFNAME, name);
	return m;
}

static void put_info(struct fl_batch *b, struct nl_msg *m, const struct fl_vxlan *v, bool port)
{
	uint16_t port_be = htobe16(v->port);
	struct nlattr *info, *data;
	const void *raw;
	size_t len;

	info = fl_nest(b, m, IFLA_LINKINFO);
	fl_put_str(b, m, IFLA_INFO_KIND, "vxlan");
	data = fl_nest(b, m, IFLA_INFO_DATA);
	fl_put_u32(b, m, IFLA_VXLAN_ID, v->vni);
	if (port)
		fl_put(b, m, IFLA_VXLAN_PORT, &port_be, sizeof(port_be));
	raw = fl_ip_raw(&v->local, &len);
	fl_put(b, m, len == 4 ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, raw, len);
	fl_put_u8(b, m, IFLA_VXLAN_LEARNING, 0);
	fl_nest_end(m, data);
	fl_nest_end(m, info);
}

void fl_link_put_vxlan(struct fl_batch *b, const char *name, const struct fl_vxlan *v,
		       const uint8_t mac[FL_MAC_LEN], uint32_t mtu)
{
	struct nl_msg *m = add(b, NLM_F_CREATE | NLM_F_EXCL, name, "create");

	if (mtu)
		fl_put_u32(b, m, IFLA_MTU, mtu);
	fl_put(b, m, IFLA_ADDRESS, mac, FL_MAC_LEN);
	put_info(b, m, v, true);
}

void fl_link_put_vxlan_local(struct fl_batch *b, const char *name, const struct fl_vxlan *v)
{
	/* The kernel wants to hear the VNI again, and refuses to hear the port. */
	put_info(b, add(b, 0, name, "change"), v, false);
}

/* Settings that change what is sent, or to whom: 0 each, unless somebody has set them. */
static bool is_odd(struct nlattr *const tb[IFLA_VXLAN_MAX + 1])
{
	static const uint8_t bytes[] = { IFLA_VXLAN_TTL, IFLA_VXLAN_TTL_INHERIT,
					 IFLA_VXLAN_TOS, IFLA_VXLAN_DF,
					 IFLA_VXLAN_RSC, IFLA_VXLAN_REMCSUM_TX };
	static const uint8_t flags[] = { IFLA_VXLAN_GBP, IFLA_VXLAN_GPE };
	const struct ifla_vxlan_port_range *range;

	for (size_t i = 0; i < sizeof(bytes); i++)
		if (fl_attr_u8(tb[bytes[i]], 0))
			return true;
	for (size_t i = 0; i < sizeof(flags); i++)
		if (tb[flags[i]])
			return true;
	range = tb[IFLA_VXLAN_PORT_RANGE] ? nla_data(tb[IFLA_VXLAN_PORT_RANGE]) : NULL;
	return fl_attr_u32(tb[IFLA_VXLAN_LINK], 0) || (range && (range->low || range->high));
}

void fl_link_vxlan_read(const struct nlattr *data, struct fl_link *link)
{
	struct nlattr *tb[IFLA_VXLAN_MAX + 1], *a;

	if (nla_parse_nested(tb, IFLA_VXLAN_MAX, (struct nlattr *)(uintptr_t)data, NULL) < 0)
		return;
	link->vxlan.vni = fl_attr_u32(tb[IFLA_VXLAN_ID], 0);
	if ((a = tb[IFLA_VXLAN_PORT]) && nla_len(a) == 2)
		link->vxlan.port = be16toh(nla_get_u16(a));
	if ((a = tb[IFLA_VXLAN_LOCAL]) && nla_len(a) == 4)
		link->vxlan.local = fl_ip_from_raw(AF_INET, nla_data(a));
	if ((a = tb[IFLA_VXLAN_LOCAL6]) && nla_len(a) == 16)
		link->vxlan.local = fl_ip_from_raw(AF_INET6, nla_data(a));
	link->learning = fl_attr_u8(tb[IFLA_VXLAN_LEARNING], 0) != 0;
	link->odd = is_odd(tb);
	link->external = fl_attr_u8(tb[IFLA_VXLAN_COLLECT_METADATA], 0) != 0;
}
