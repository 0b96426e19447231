// SPDX-License-Identifier: Apache-2.0
/* Reading links. */
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>

#include "net/link.h"
#include "net/link_vxlan.h"
#include "net/msg.h"

/* IF_OPER_UP of <linux/if.h>, which does not go with <net/if.h> everywhere (RFC 2863). */
enum { OPERATIONAL = 6 };

typedef int link_each(const struct fl_link *link, void *arg, struct fl_err *err);

static void copy_text(char *out, size_t size, const struct nlattr *a)
{
	const char *text = fl_attr_str(a);

	(void)snprintf(out, size, "%s", text ? text : "");
}

static void read_port(const struct nlattr *a, struct fl_link *link)
{
	struct nlattr *tb[IFLA_BRPORT_MAX + 1], *id;

	if (nla_parse_nested(tb, IFLA_BRPORT_MAX, (struct nlattr *)(uintptr_t)a, NULL) < 0)
		return;
	link->bridging = fl_attr_u8(tb[IFLA_BRPORT_STATE], 0) != BR_STATE_DISABLED;
	link->hairpin = fl_attr_u8(tb[IFLA_BRPORT_MODE], 0) != 0;
	link->isolated = fl_attr_u8(tb[IFLA_BRPORT_ISOLATED], 0) != 0;
	id = tb[IFLA_BRPORT_BRIDGE_ID];
	if (id && nla_len(id) == sizeof(struct ifla_bridge_id))
		memcpy(link->bridge_mac, ((const struct ifla_bridge_id *)nla_data(id))->addr,
		       FL_MAC_LEN);
}

static void read_info(const struct nlattr *a, struct fl_link *link)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1], *br[IFLA_BR_MAX + 1];
	const char *slave;

	if (nla_parse_nested(tb, IFLA_INFO_MAX, (struct nlattr *)(uintptr_t)a, NULL) < 0)
		return;
	copy_text(link->kind, sizeof(link->kind), tb[IFLA_INFO_KIND]);
	slave = fl_attr_str(tb[IFLA_INFO_SLAVE_KIND]);
	if (slave && fl_streq(slave, "bridge") && tb[IFLA_INFO_SLAVE_DATA])
		read_port(tb[IFLA_INFO_SLAVE_DATA], link);
	if (fl_streq(link->kind, "bridge") && tb[IFLA_INFO_DATA] &&
	    nla_parse_nested(br, IFLA_BR_MAX, tb[IFLA_INFO_DATA], NULL) == 0)
		link->vlan_filtering = fl_attr_u8(br[IFLA_BR_VLAN_FILTERING], 0) != 0;
	if (fl_streq(link->kind, "vxlan") && tb[IFLA_INFO_DATA])
		fl_link_vxlan_read(tb[IFLA_INFO_DATA], link);
}

/* One of the settings that a family has for the link, an array; 0 when there is none such. */
static uint32_t read_setting(struct nlattr *a, int family, int array, int index)
{
	struct nlattr *inet, *conf;

	inet = a ? nla_find(nla_data(a), nla_len(a), family) : NULL;
	conf = inet ? nla_find(nla_data(inet), nla_len(inet), array) : NULL;
	if (!conf || nla_len(conf) < (int)((index + 1) * sizeof(uint32_t)))
		return 0;
	return ((const uint32_t *)nla_data(conf))[index];
}

static void read_settings(struct nlattr *a, struct fl_link *link)
{
	link->ipv4_forwarding = read_setting(a, AF_INET, IFLA_INET_CONF,
					     IPV4_DEVCONF_FORWARDING - 1) != 0;
	link->accept_ra = (uint8_t)read_setting(a, AF_INET6, IFLA_INET6_CONF, DEVCONF_ACCEPT_RA);
}

static int read_link(const struct nlmsghdr *h, struct fl_link *link, struct fl_err *err)
{
	const struct ifinfomsg *ifi = NLMSG_DATA(h);
	struct nlattr *tb[IFLA_MAX + 1];
	const char *qdisc;

	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*ifi), tb, IFLA_MAX, NULL) < 0)
		return fl_fail(err, EBADMSG, "unreadable link message");
	*link = (struct fl_link){
		.index = (uint32_t)ifi->ifi_index,
		.up = ifi->ifi_flags & IFF_UP,
		.ether = ifi->ifi_type == ARPHRD_ETHER,
		.carrier = fl_attr_u8(tb[IFLA_CARRIER], 0) != 0,
		.operational = fl_attr_u8(tb[IFLA_OPERSTATE], 0) == OPERATIONAL,
		.mtu = fl_attr_u32(tb[IFLA_MTU], 0),
		.peer = fl_attr_u32(tb[IFLA_LINK], 0),
		.master = fl_attr_u32(tb[IFLA_MASTER], 0),
		.promiscuity = fl_attr_u32(tb[IFLA_PROMISCUITY], 0),
	};
	qdisc = fl_attr_str(tb[IFLA_QDISC]);
	link->queued = qdisc && !fl_streq(qdisc, "noqueue") && !fl_streq(qdisc, "noop");
	read_settings(tb[IFLA_AF_SPEC], link);
	copy_text(link->name, sizeof(link->name), tb[IFLA_IFNAME]);
	copy_text(link->alias, sizeof(link->alias), tb[IFLA_IFALIAS]);
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == FL_MAC_LEN)
		memcpy(link->mac, nla_data(tb[IFLA_ADDRESS]), FL_MAC_LEN);
	if (tb[IFLA_LINKINFO])
		read_info(tb[IFLA_LINKINFO], link);
	return 0;
}

static int each_get(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	return h ? read_link(h, arg, err) : 0;
}

int fl_link_get(struct fl_nl *nl, const char *name, struct fl_link *out, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r = fl_batch_new(&b, err);

	return r < 0 ? r : fl_link_send_and_get(nl, b, name, out, err);
}

int fl_link_send_and_get(struct fl_nl *nl, struct fl_batch *b, const char *name,
			 struct fl_link *out, struct fl_err *err)
{
	struct ifinfomsg ifi = { 0 };
	struct nl_msg *m;

	m = fl_batch_add(b, &(struct fl_hdr){ RTM_GETLINK, 0, &ifi, sizeof(ifi) }, "read link '%s'",
			 name);
	fl_put_str(b, m, IFLA_IFNAME, name);
	fl_put_u32(b, m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return fl_nl_query(nl, b, each_get, out, err);
}

int fl_link_get_index(struct fl_nl *nl, uint32_t index, struct fl_link *out, struct fl_err *err)
{
	struct ifinfomsg ifi = { .ifi_index = (int)index };
	fl_auto_batch struct fl_batch *b = NULL;
	struct nl_msg *m;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	m = fl_batch_add(b, &(struct fl_hdr){ RTM_GETLINK, 0, &ifi, sizeof(ifi) }, "read link %u",
			 index);
	fl_put_u32(b, m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return fl_nl_query(nl, b, each_get, out, err);
}

struct listing {
	uint32_t master;
	struct fl_list found;
};

static int each_list(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	struct listing *l = arg;
	struct fl_link link;
	int r;

	if (!h) {
		l->found.n = 0;
		return 0;
	}
	r = read_link(h, &link, err);
	if (r < 0 || (l->master && link.master != l->master))
		return r;
	return fl_list_add(&l->found, &link, sizeof(link), err);
}

int fl_link_list(struct fl_nl *nl, uint32_t master, link_each *each, void *arg, struct fl_err *err)
{
	struct listing l = { .master = master };
	fl_auto_list struct fl_list found = { 0 };
	fl_auto_batch struct fl_batch *b = NULL;
	struct ifinfomsg ifi = { 0 };
	struct nl_msg *m;
	int r;

	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	m = fl_batch_add(b, &(struct fl_hdr){ RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi) },
			 "list links");
	fl_put_u32(b, m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (master)
		fl_put_u32(b, m, IFLA_MASTER, master);
	r = fl_nl_query(nl, b, each_list, &l, err);
	found = l.found;
	for (size_t i = 0; r == 0 && i < found.n; i++)
		r = each((struct fl_link *)found.items + i, arg, err);
	return r;
}

struct named {
	const char *alias;
	struct fl_link *out;
	bool found;
};

static int each_alias(const struct fl_link *link, void *arg, struct fl_err *err)
{
	struct named *n = arg;

	(void)err;
	if (fl_streq(link->alias, n->alias)) {
		*n->out = *link;
		n->found = true;
	}
	return 0;
}

int fl_link_get_alias(struct fl_nl *nl, const char *alias, struct fl_link *out, struct fl_err *err)
{
	struct named n = { .alias = alias, .out = out };
	int r = strlen(alias) < FL_IFALIAS_SIZE - 1 ? fl_link_list(nl, 0, each_alias, &n, err) : 0;

	return r < 0 || n.found ? r : fl_fail_errno(err, ENODEV, "link with alias '%s'", alias);
}
