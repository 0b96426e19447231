// SPDX-License-Identifier: Apache-2.0
/* Adding, listing and removing addresses. */
#include "net/addr.h"

#include <errno.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "net/msg.h"

static struct nl_msg *add(struct fl_batch *b, uint16_t type, uint16_t flags, uint32_t link,
			  const struct fl_prefix *addr)
{
	struct ifaddrmsg ifa = {
		.ifa_family = (uint8_t)fl_ip_family(&addr->ip),
		.ifa_prefixlen = addr->len,
		.ifa_index = link,
	};
	char text[FL_PREFIX_STR];
	struct nl_msg *m;
	const void *raw;
	size_t len;

	m = fl_batch_add(b, &(struct fl_hdr){ type, flags, &ifa, sizeof(ifa) }, "%s address %s",
			 type == RTM_NEWADDR ? "add" : "remove", fl_prefix_format(addr, text));
	raw = fl_ip_raw(&addr->ip, &len);
	fl_put(b, m, IFA_LOCAL, raw, len);
	fl_put(b, m, IFA_ADDRESS, raw, len);
	return m;
}

void fl_addr_put(struct fl_batch *b, uint32_t link, const struct fl_prefix *addr, bool dad)
{
	struct nl_msg *m = add(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, link, addr);
	struct fl_ip last = fl_prefix_last(addr);
	const void *raw;
	size_t len;

	if (!fl_ip_is4(&addr->ip)) {
		fl_put_u32(b, m, IFA_FLAGS, dad ? 0 : IFA_F_NODAD);
	} else if (addr->len <= 30) {
		raw = fl_ip_raw(&last, &len);
		fl_put(b, m, IFA_BROADCAST, raw, len);
	}
}

struct listing {
	uint32_t link;
	struct fl_list found;
};

/* 1 when the message is about an address of the link, or of any for 0. */
static int read_addr(const struct nlmsghdr *h, uint32_t link, struct fl_addr *out,
		     struct fl_err *err)
{
	const struct ifaddrmsg *ifa = NLMSG_DATA(h);
	struct nlattr *tb[IFA_MAX + 1], *a;
	int want = ifa->ifa_family == AF_INET ? 4 : 16;
	uint32_t flags;

	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*ifa), tb, IFA_MAX, NULL) < 0)
		return fl_fail(err, EBADMSG, "unreadable address message");
	a = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if ((link && ifa->ifa_index != link) || !a || nla_len(a) != want ||
	    (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6))
		return 0;
	flags = fl_attr_u32(tb[IFA_FLAGS], ifa->ifa_flags);
	*out = (struct fl_addr){
		.link = ifa->ifa_index,
		.addr = { fl_ip_from_raw(ifa->ifa_family, nla_data(a)), ifa->ifa_prefixlen },
		.tentative = flags & IFA_F_TENTATIVE,
		.dad_failed = flags & IFA_F_DADFAILED,
		.dynamic = !(flags & IFA_F_PERMANENT),
	};
	return 1;
}

static int each_list(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	struct listing *l = arg;
	struct fl_addr addr;
	int r;

	if (!h) {
		l->found.n = 0;
		return 0;
	}
	r = read_addr(h, l->link, &addr, err);
	return r <= 0 ? r : fl_list_add(&l->found, &addr, sizeof(addr), err);
}

int fl_addr_list(struct fl_nl *nl, uint32_t link, int family,
		 int (*each)(const struct fl_addr *addr, void *arg, struct fl_err *err), void *arg,
		 struct fl_err *err)
{
	struct listing l = { .link = link };
	fl_auto_list struct fl_list found = { 0 };
	struct ifaddrmsg ifa = { .ifa_family = (uint8_t)family, .ifa_index = link };
	fl_auto_batch struct fl_batch *b = NULL;
	int r;

	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	(void)fl_batch_add(b, &(struct fl_hdr){ RTM_GETADDR, NLM_F_DUMP, &ifa, sizeof(ifa) },
			   "list addresses of link %u", link);
	r = fl_nl_query(nl, b, each_list, &l, err);
	found = l.found;
	for (size_t i = 0; r == 0 && i < found.n; i++)
		r = each((struct fl_addr *)found.items + i, arg, err);
	return r;
}

int fl_addr_del(struct fl_nl *nl, uint32_t link, const struct fl_prefix *addr, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r;

	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	(void)add(b, RTM_DELADDR, 0, link, addr);
	r = fl_batch_send(nl, b, err);
	return r == -EADDRNOTAVAIL || r == -ENODEV ? 0 : r;
}
