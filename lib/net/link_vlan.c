// SPDX-License-Identifier: Apache-2.0
/* Reading the VLANs of bridge ports. */
#include <sys/socket.h>

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "net/link.h"
#include "net/msg.h"

struct reading {
	uint32_t index;
	struct fl_port_vlans *out;
	unsigned int first; /* of the range that is being read */
};

static void take_vlan(struct reading *k, const struct bridge_vlan_info *v)
{
	unsigned int first = v->vid;

	if (v->flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) {
		k->first = v->vid;
		return;
	}
	if (v->flags & BRIDGE_VLAN_INFO_RANGE_END)
		first = k->first;
	for (unsigned int i = first; i <= v->vid && i <= FL_VLAN_MAX; i++)
		k->out->has[i / 64] |= UINT64_C(1) << (i % 64);
	if (v->flags & BRIDGE_VLAN_INFO_PVID)
		k->out->native = v->vid;
}

/* The kernel tells of every bridge port; only one is of interest. */
static int each_port(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	struct reading *k = arg;
	const struct ifinfomsg *ifi = h ? NLMSG_DATA(h) : NULL;
	struct nlattr *spec, *a;
	int left;

	(void)err;
	if (!h) {
		*k->out = (struct fl_port_vlans){ 0 };
		return 0;
	}
	if (ifi->ifi_family != AF_BRIDGE || (uint32_t)ifi->ifi_index != k->index)
		return 0;
	spec = nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)h, sizeof(*ifi), IFLA_AF_SPEC);
	if (!spec)
		return 0;
	nla_for_each_nested(a, spec, left)
	{
		if (nla_type(a) == IFLA_BRIDGE_VLAN_INFO &&
		    nla_len(a) >= (int)sizeof(struct bridge_vlan_info))
			take_vlan(k, nla_data(a));
	}
	return 0;
}

int fl_link_vlans(struct fl_nl *nl, uint32_t index, struct fl_port_vlans *out, struct fl_err *err)
{
	struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE };
	fl_auto_batch struct fl_batch *b = NULL;
	struct fl_port_vlans found = { 0 };
	struct reading k = { .index = index, .out = &found };
	struct nl_msg *m;
	int r;

	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	m = fl_batch_add(b, &(struct fl_hdr){ RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi) },
			 "list VLANs of bridge ports");
	fl_put_u32(b, m, IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN);
	r = fl_nl_query(nl, b, each_port, &k, err);
	if (r == 0)
		*out = found;
	return r;
}
