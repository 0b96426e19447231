// SPDX-License-Identifier: Apache-2.0
/* The kernel's database of IPsec policies, of which only the size is asked. */
#include "net/xfrm.h"

#include <errno.h>

#include <linux/xfrm.h>

#include "net/msg.h"

static int each_info(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	const struct xfrmu_spdinfo *info;
	uint32_t *n = arg;
	struct nlattr *a;

	if (!h)
		return 0;
	a = nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)h, sizeof(uint32_t), XFRMA_SPD_INFO);
	if (h->nlmsg_type != XFRM_MSG_NEWSPDINFO || !a || nla_len(a) < (int)sizeof(*info))
		return fl_fail(err, EBADMSG, "unreadable message");
	info = nla_data(a);
	*n = info->incnt + info->outcnt + info->fwdcnt;
	return 0;
}

int fl_xfrm_policies(struct fl_nl *nl, uint32_t *n, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	uint32_t flags = 0;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	(void)fl_batch_add(b, &(struct fl_hdr){ XFRM_MSG_GETSPDINFO, 0, &flags, sizeof(flags) },
			   "count IPsec policies");
	return fl_nl_query(nl, b, each_info, n, err);
}
