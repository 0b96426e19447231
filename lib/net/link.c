// SPDX-License-Identifier: Apache-2.0
/* Making and changing links. */
#include "net/link.h"

#include <errno.h>
#include <net/if.h>

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "net/msg.h"

static struct nl_msg *add(struct fl_batch *b, uint16_t type, uint16_t flags,
			  const struct ifinfomsg *ifi, const char *what)
{
	return fl_batch_add(b, &(struct fl_hdr){ type, flags, ifi, sizeof(*ifi) }, "%s", what);
}

static void put_name(struct fl_batch *b, struct nl_msg *m, const char *name)
{
	fl_put_str(b, m, IFLA_IFNAME, name);
}

static void put_number(struct fl_batch *b, struct nl_msg *m, int type, uint32_t v)
{
	if (v)
		fl_put_u32(b, m, type, v);
}

/*
 * The kernel prepares a veth for a queue per processor, puts one to use and takes the others out
 * again, under the rtnl lock: a quarter of the cost of the pair on two processors. Asking for one
 * leaves the data path as it is; "ethtool -L" can add none then.
 */
static void put_one_queue(struct fl_batch *b, struct nl_msg *m)
{
	fl_put_u32(b, m, IFLA_NUM_TX_QUEUES, 1);
	fl_put_u32(b, m, IFLA_NUM_RX_QUEUES, 1);
}

void fl_link_put_veth(struct fl_batch *b, const struct fl_veth *v)
{
	struct ifinfomsg ifi = { 0 };
	struct nlattr *info, *data, *peer;
	struct nl_msg *m;
	char what[80];

	(void)snprintf(what, sizeof(what), "create veth '%s' <-> '%s'", v->name, v->peer);
	m = add(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, what);
	put_name(b, m, v->name);
	put_number(b, m, IFLA_MTU, v->mtu);
	put_number(b, m, IFLA_MASTER, v->master);
	fl_put(b, m, IFLA_ADDRESS, v->mac, FL_MAC_LEN);
	put_one_queue(b, m);
	info = fl_nest(b, m, IFLA_LINKINFO);
	fl_put_str(b, m, IFLA_INFO_KIND, "veth");
	data = fl_nest(b, m, IFLA_INFO_DATA);
	peer = fl_nest(b, m, VETH_INFO_PEER);
	if (m && nlmsg_append(m, &ifi, sizeof(ifi), NLMSG_ALIGNTO) < 0)
		fl_batch_break(b);
	put_name(b, m, v->peer);
	put_number(b, m, IFLA_MTU, v->mtu);
	fl_put(b, m, IFLA_ADDRESS, v->peer_mac, FL_MAC_LEN);
	put_one_queue(b, m);
	if (v->peer_netns >= 0)
		fl_put_u32(b, m, IFLA_NET_NS_FD, (uint32_t)v->peer_netns);
	fl_nest_end(m, peer);
	fl_nest_end(m, data);
	fl_nest_end(m, info);
}

void fl_link_put_bridge(struct fl_batch *b, const char *name, const uint8_t mac[FL_MAC_LEN],
			uint32_t mtu, bool vlan_filtering)
{
	struct ifinfomsg ifi = { 0 };
	struct nlattr *info, *data;
	struct nl_msg *m;
	char what[64];

	(void)snprintf(what, sizeof(what), "create bridge '%s'", name);
	m = add(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, what);
	put_name(b, m, name);
	put_number(b, m, IFLA_MTU, mtu);
	fl_put(b, m, IFLA_ADDRESS, mac, FL_MAC_LEN);
	info = fl_nest(b, m, IFLA_LINKINFO);
	fl_put_str(b, m, IFLA_INFO_KIND, "bridge");
	if (vlan_filtering) {
		data = fl_nest(b, m, IFLA_INFO_DATA);
		fl_put_u8(b, m, IFLA_BR_VLAN_FILTERING, 1);
		fl_nest_end(m, data);
	}
	fl_nest_end(m, info);
}

/* Per-device settings of IPv4 and IPv6 that netlink can set: saves opening /proc/sys. */
static void put_arp_notify(struct fl_batch *b, struct nl_msg *m, const struct fl_link_set *s)
{
	struct nlattr *spec, *family, *conf;

	if (s->arp_notify == FL_KEEP)
		return;
	spec = fl_nest(b, m, IFLA_AF_SPEC);
	family = fl_nest(b, m, AF_INET);
	conf = fl_nest(b, m, IFLA_INET_CONF);
	fl_put_u32(b, m, IPV4_DEVCONF_ARP_NOTIFY, s->arp_notify == FL_ON);
	fl_nest_end(m, conf);
	fl_nest_end(m, family);
	fl_nest_end(m, spec);
}

/*
 * A message of its own: the kernel sets a link up before it reads how IPv6 shall behave on it, and
 * refuses the whole message where there is no IPv6 (ipv6.disable=1, an MTU below 1280): as good.
 */
static void put_ipv6_auto(struct fl_batch *b, const struct ifinfomsg *link, const char *what,
			  const struct fl_link_set *s)
{
	struct nlattr *spec, *family;
	struct nl_msg *m = add(b, RTM_NEWLINK, 0, link, what);

	put_name(b, m, s->name);
	spec = fl_nest(b, m, IFLA_AF_SPEC);
	family = fl_nest(b, m, AF_INET6);
	fl_put_u8(b, m, IFLA_INET6_ADDR_GEN_MODE,
		  s->ipv6_auto == FL_ON ? IN6_ADDR_GEN_MODE_EUI64 : IN6_ADDR_GEN_MODE_NONE);
	fl_nest_end(m, family);
	fl_nest_end(m, spec);
	fl_batch_tolerate(b, EAFNOSUPPORT);
}

static void put_switch(struct fl_batch *b, struct nl_msg *m, int type, enum fl_change c)
{
	if (c != FL_KEEP)
		fl_put_u8(b, m, type, c == FL_ON);
}

/* What belongs to a bridge, or to the port of one. */
static void put_bridge_info(struct fl_batch *b, struct nl_msg *m, const struct fl_link_set *s)
{
	bool port = s->hairpin != FL_KEEP || s->isolated != FL_KEEP;
	struct nlattr *info, *data;

	if (!port && s->vlan_filtering == FL_KEEP)
		return;
	info = fl_nest(b, m, IFLA_LINKINFO);
	fl_put_str(b, m, port ? IFLA_INFO_SLAVE_KIND : IFLA_INFO_KIND, "bridge");
	data = fl_nest(b, m, port ? IFLA_INFO_SLAVE_DATA : IFLA_INFO_DATA);
	put_switch(b, m, IFLA_BRPORT_MODE, s->hairpin);
	put_switch(b, m, IFLA_BRPORT_ISOLATED, s->isolated);
	put_switch(b, m, IFLA_BR_VLAN_FILTERING, s->vlan_filtering);
	fl_nest_end(m, data);
	fl_nest_end(m, info);
}

static void set_flag(struct ifinfomsg *ifi, unsigned int flag, enum fl_change c)
{
	if (c == FL_KEEP)
		return;
	ifi->ifi_change |= flag;
	if (c == FL_ON)
		ifi->ifi_flags |= flag;
}

/* Sets link what s says, but for its state. */
static void put_settings(struct fl_batch *b, struct ifinfomsg *link, const char *what,
			 const struct fl_link_set *s)
{
	struct nl_msg *m;

	set_flag(link, IFF_PROMISC, s->promisc);
	/* RTM_SETLINK does not know the settings of bridges and their ports. */
	m = add(b, RTM_NEWLINK, 0, link, what);
	put_name(b, m, s->name);
	put_number(b, m, IFLA_MASTER, s->master);
	put_number(b, m, IFLA_MTU, s->mtu);
	fl_put(b, m, IFLA_ADDRESS, s->mac, FL_MAC_LEN);
	/* Without its NUL, which would count among the 255 bytes that the kernel takes. */
	fl_put(b, m, IFLA_IFALIAS, s->alias, s->alias ? strlen(s->alias) : 0);
	put_arp_notify(b, m, s);
	put_bridge_info(b, m, s);
}

static bool has_settings(const struct fl_link_set *s)
{
	return s->master || s->mtu || s->mac || s->alias || s->promisc || s->arp_notify ||
	       s->hairpin || s->isolated || s->vlan_filtering;
}

/*
 * The state comes last, in a message of its own: whatever is set on a link that is up the kernel
 * tells everybody, at more than the cost of a message.
 */
void fl_link_put_set(struct fl_batch *b, const struct fl_link_set *s)
{
	struct ifinfomsg ifi = { .ifi_index = (int)s->index }, state = ifi;
	char what[64];

	if (s->name)
		(void)snprintf(what, sizeof(what), "set link '%s'", s->name);
	else
		(void)snprintf(what, sizeof(what), "set link %u", s->index);
	if (s->ipv6_auto != FL_KEEP)
		put_ipv6_auto(b, &ifi, what, s);
	if (has_settings(s))
		put_settings(b, &ifi, what, s);
	set_flag(&state, IFF_UP, s->up);
	if (s->up != FL_KEEP)
		put_name(b, add(b, RTM_NEWLINK, 0, &state, what), s->name);
}

static void put_vlan_info(struct fl_batch *b, struct nl_msg *m, uint16_t vlan, uint16_t flags)
{
	struct bridge_vlan_info info = { .flags = flags, .vid = vlan };

	fl_put(b, m, IFLA_BRIDGE_VLAN_INFO, &info, sizeof(info));
}

void fl_link_put_vlan(struct fl_batch *b, uint32_t index, const uint16_t first_last[2], bool native)
{
	struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE, .ifi_index = (int)index };
	uint16_t flags = native ? BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED : 0;
	struct nlattr *spec;
	struct nl_msg *m;
	char what[64];

	(void)snprintf(what, sizeof(what), "add VLAN %u-%u to port %u", first_last[0],
		       first_last[1], index);
	m = add(b, RTM_SETLINK, 0, &ifi, what);
	spec = fl_nest(b, m, IFLA_AF_SPEC);
	if (first_last[0] == first_last[1]) {
		put_vlan_info(b, m, first_last[0], flags);
	} else {
		put_vlan_info(b, m, first_last[0], flags | BRIDGE_VLAN_INFO_RANGE_BEGIN);
		put_vlan_info(b, m, first_last[1], flags | BRIDGE_VLAN_INFO_RANGE_END);
	}
	fl_nest_end(m, spec);
}

void fl_link_put_vlan_del(struct fl_batch *b, uint32_t index, uint16_t vlan)
{
	struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE, .ifi_index = (int)index };
	struct nlattr *spec;
	struct nl_msg *m;
	char what[64];

	(void)snprintf(what, sizeof(what), "remove VLAN %u from port %u", vlan, index);
	m = add(b, RTM_DELLINK, 0, &ifi, what);
	spec = fl_nest(b, m, IFLA_AF_SPEC);
	put_vlan_info(b, m, vlan, 0);
	fl_nest_end(m, spec);
}
