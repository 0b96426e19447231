// SPDX-License-Identifier: Apache-2.0
/* Settings of a namespace that netlink tells: cheaper than opening /proc/sys. */
#include <errno.h>

#include <linux/netconf.h>
#include <linux/rtnetlink.h>

#include "net/msg.h"
#include "net/netns.h"

static int each_netconf(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	struct nlattr *tb[NETCONFA_MAX + 1];
	bool *on = arg;

	if (!h)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(struct netconfmsg), tb,
			NETCONFA_MAX, NULL) < 0)
		return fl_fail(err, EBADMSG, "unreadable netconf message");
	*on = fl_attr_u32(tb[NETCONFA_FORWARDING], 0) != 0;
	return 0;
}

int fl_ipv6_forwarding_get(struct fl_nl *nl, bool *on, struct fl_err *err)
{
	struct netconfmsg conf = { .ncm_family = AF_INET6 };
	fl_auto_batch struct fl_batch *b = NULL;
	struct nl_msg *m;
	int r;

	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	m = fl_batch_add(b, &(struct fl_hdr){ RTM_GETNETCONF, 0, &conf, sizeof(conf) },
			 "read forwarding of IPv6");
	fl_put_u32(b, m, NETCONFA_IFINDEX, (uint32_t)NETCONFA_IFINDEX_ALL);
	return fl_nl_query(nl, b, each_netconf, on, err);
}
