// SPDX-License-Identifier: Apache-2.0
/* XDP over rtnetlink. */
#include "net/xdp.h"

#include <errno.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "net/msg.h"

static int each_link(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	struct nlattr *tb[IFLA_MAX + 1], *xdp[IFLA_XDP_MAX + 1];
	struct fl_xdp *out = arg;

	(void)err;
	if (!h || nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(struct ifinfomsg), tb,
			      IFLA_MAX, NULL) < 0)
		return 0;
	if (!tb[IFLA_XDP] || nla_parse_nested(xdp, IFLA_XDP_MAX, tb[IFLA_XDP], NULL) < 0)
		return 0;
	switch (fl_attr_u8(xdp[IFLA_XDP_ATTACHED], XDP_ATTACHED_NONE)) {
	case XDP_ATTACHED_NONE:
		break;
	case XDP_ATTACHED_SKB:
		*out = (struct fl_xdp){ FL_XDP_GENERIC, fl_attr_u32(xdp[IFLA_XDP_PROG_ID], 0) };
		break;
	case XDP_ATTACHED_MULTI:
		*out = (struct fl_xdp){ FL_XDP_NATIVE, fl_attr_u32(xdp[IFLA_XDP_DRV_PROG_ID], 0) };
		break;
	default:
		*out = (struct fl_xdp){ FL_XDP_NATIVE, fl_attr_u32(xdp[IFLA_XDP_PROG_ID], 0) };
	}
	return 0;
}

int fl_xdp_get(struct fl_nl *nl, uint32_t link, struct fl_xdp *out, struct fl_err *err)
{
	struct ifinfomsg ifi = { .ifi_index = (int)link };
	fl_auto_batch struct fl_batch *b = NULL;
	struct fl_xdp found = { 0 };
	struct nl_msg *m;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	m = fl_batch_add(b, &(struct fl_hdr){ RTM_GETLINK, 0, &ifi, sizeof(ifi) },
			 "read the XDP program of link %u", link);
	fl_put_u32(b, m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = fl_nl_query(nl, b, each_link, &found, err);
	if (r < 0 && r != -ENODEV)
		return r;
	*out = found;
	return 0;
}

void fl_xdp_put(struct fl_batch *b, uint32_t link, int prog_fd, int instead_of,
		enum fl_xdp_mode mode)
{
	struct ifinfomsg ifi = { .ifi_index = (int)link };
	struct nl_msg *m = fl_batch_add(b, &(struct fl_hdr){ RTM_SETLINK, 0, &ifi, sizeof(ifi) },
					"%s the XDP program of link %u",
					prog_fd < 0 ? "take off" : "put", link);
	struct nlattr *xdp = fl_nest(b, m, IFLA_XDP | NLA_F_NESTED);

	fl_put_u32(b, m, IFLA_XDP_FD, (uint32_t)prog_fd);
	fl_put_u32(b, m, IFLA_XDP_EXPECTED_FD, (uint32_t)instead_of);
	fl_put_u32(b, m, IFLA_XDP_FLAGS,
		   XDP_FLAGS_REPLACE |
			   (mode == FL_XDP_GENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE));
	fl_nest_end(m, xdp);
	if (prog_fd < 0)
		fl_batch_tolerate(b, ENODEV);
}
