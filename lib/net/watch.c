// SPDX-License-Identifier: Apache-2.0
/* A multicast netlink socket whose messages only say "look again". */
#include "net/watch.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>

#include "base/text.h"
#include "net/msg.h"
#include "net/route.h"

struct fl_watch {
	int fd;
	unsigned int what;
	const char *table;			 /* of nf_tables; borrowed */
	bool (*passed_over)(const char *ifname); /* NULL: none is */
	uint32_t only_of;			 /* link; 0: all */
};

static uint32_t groups_of(unsigned int what)
{
	uint32_t groups = 0;

	if (what & FL_WATCH_LINKS)
		groups |= RTMGRP_LINK;
	if (what & FL_WATCH_ADDRS)
		groups |= RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
	if (what & (FL_WATCH_ROUTES | FL_WATCH_PODWAYS))
		groups |= RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
	if (what & FL_WATCH_NEIGHS)
		groups |= RTMGRP_NEIGH;
	if (what & (FL_WATCH_TC | FL_WATCH_QUEUES))
		groups |= RTMGRP_TC;
	return groups;
}

static int subscribe(struct fl_watch *w, int proto, uint32_t groups, struct fl_err *err)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = groups };

	w->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, proto);
	if (w->fd < 0 || bind(w->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return fl_fail_errno(err, errno, "watch the kernel's networking");
	return 0;
}

static int open_watch(struct fl_watch with, int proto, uint32_t groups, struct fl_watch **out,
		      struct fl_err *err)
{
	fl_auto_watch struct fl_watch *w = malloc(sizeof(*w));
	int r;

	if (!w)
		return fl_fail_errno(err, ENOMEM, "watch the kernel's networking");
	*w = with;
	r = subscribe(w, proto, groups, err);
	if (r == 0)
		*out = FL_TAKE(w);
	return r;
}

int fl_watch_open(unsigned int what, struct fl_watch **out, struct fl_err *err)
{
	struct fl_watch with = { .fd = -1, .what = what };

	return open_watch(with, NETLINK_ROUTE, groups_of(what), out, err);
}

int fl_watch_open_nft(const char *table, struct fl_watch **out, struct fl_err *err)
{
	struct fl_watch with = { .fd = -1, .what = FL_WATCH_NFT, .table = table };

	return open_watch(with, NETLINK_NETFILTER, 1u << (NFNLGRP_NFTABLES - 1), out, err);
}

int fl_watch_open_xfrm(struct fl_watch **out, struct fl_err *err)
{
	struct fl_watch with = { .fd = -1, .what = FL_WATCH_XFRM };

	return open_watch(with, NETLINK_XFRM, 1u << (XFRMNLGRP_POLICY - 1), out, err);
}

void fl_watch_pass_over(struct fl_watch *w, bool (*passed_over)(const char *ifname))
{
	w->passed_over = passed_over;
}

void fl_watch_only_of(struct fl_watch *w, uint32_t link)
{
	w->only_of = link;
}

void fl_watch_close(struct fl_watch **w)
{
	if (*w)
		fl_close_p(&(*w)->fd);
	fl_free_p(w);
}

int fl_watch_fd(const struct fl_watch *w)
{
	return w->fd;
}

int fl_watch_wait(struct fl_watch *w, int timeout_ms, struct fl_err *err)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	char buf[256]; /* the content is not looked at: longer messages may be cut */
	int r;

	r = poll(&p, 1, timeout_ms);
	if (r == 0)
		return fl_fail(err, ETIMEDOUT, "nothing happened before the deadline");
	if (r < 0 && errno != EINTR)
		return fl_fail_errno(err, errno, "wait for a change in the kernel's networking");
	while (recv(w->fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
	return 0;
}

/* True when the message has the fixed header and, after it, this attribute as text: in *out. */
static bool text_of(const struct nlmsghdr *h, size_t fixed, int attr, const char **out)
{
	struct nlattr *a;

	if (h->nlmsg_len < NLMSG_LENGTH(fixed))
		return false;
	a = nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)h, (int)fixed, attr);
	*out = a ? fl_attr_str(a) : NULL;
	return *out != NULL;
}

static unsigned int subject_link(const struct fl_watch *w, const struct nlmsghdr *h)
{
	const char *name;

	return w->passed_over && text_of(h, sizeof(struct ifinfomsg), IFLA_IFNAME, &name) &&
			       w->passed_over(name)
		       ? 0
		       : FL_WATCH_LINKS;
}

static unsigned int subject_route(const struct nlmsghdr *h)
{
	const struct rtmsg *rt = NLMSG_DATA(h);

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*rt)) || rt->rtm_table == RT_TABLE_LOCAL)
		return 0;
	if (rt->rtm_protocol == FL_ROUTE_BY_POD)
		return h->nlmsg_type == RTM_DELROUTE ? FL_WATCH_PODWAYS : 0;
	return FL_WATCH_ROUTES;
}

/* What the kernel learns and forgets all the time is no news. */
static unsigned int subject_neigh(const struct fl_watch *w, const struct nlmsghdr *h)
{
	const struct ndmsg *nd = NLMSG_DATA(h);

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*nd)) ||
	    (w->only_of && (uint32_t)nd->ndm_ifindex != w->only_of) ||
	    (h->nlmsg_type == RTM_NEWNEIGH && !(nd->ndm_state & NUD_PERMANENT)))
		return 0;
	return FL_WATCH_NEIGHS;
}

/* Of queueing disciplines that go, FL_WATCH_TC are only those that filters stand in. */
static unsigned int subject_tc(const struct fl_watch *w, const struct nlmsghdr *h)
{
	const struct tcmsg *tcm = NLMSG_DATA(h);
	unsigned int what = 0;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*tcm)))
		return 0;
	if (!w->only_of || (uint32_t)tcm->tcm_ifindex == w->only_of)
		what |= FL_WATCH_QUEUES;
	if (h->nlmsg_type == RTM_DELTFILTER ||
	    (h->nlmsg_type == RTM_DELQDISC && tcm->tcm_parent == TC_H_CLSACT))
		what |= FL_WATCH_TC;
	return what;
}

/* The table's name is the first attribute of every message but that of a new generation. */
static unsigned int subject_nft(const struct fl_watch *w, const struct nlmsghdr *h)
{
	const char *name;

	if (NFNL_SUBSYS_ID(h->nlmsg_type) != NFNL_SUBSYS_NFTABLES ||
	    NFNL_MSG_TYPE(h->nlmsg_type) == NFT_MSG_NEWGEN ||
	    !text_of(h, sizeof(struct nfgenmsg), NFTA_TABLE_NAME, &name) ||
	    !fl_streq(name, w->table))
		return 0;
	return FL_WATCH_NFT;
}

/* What a message is about; 0 when it means nothing to those who watch. */
static unsigned int subject(const struct fl_watch *w, const struct nlmsghdr *h)
{
	if (w->table)
		return subject_nft(w, h);
	if (w->what == FL_WATCH_XFRM)
		return FL_WATCH_XFRM;
	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return subject_link(w, h);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return FL_WATCH_ADDRS;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return subject_route(h);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return subject_neigh(w, h);
	case RTM_NEWQDISC:
	case RTM_DELQDISC:
	case RTM_NEWTFILTER:
	case RTM_DELTFILTER:
		return subject_tc(w, h);
	default:
		return 0;
	}
}

/* 1 when there was something, and *what has it added; 0 when there is nothing more. */
static int take_some(struct fl_watch *w, uint32_t port, unsigned int *what, struct fl_err *err)
{
	char buf[32768] __attribute__((aligned(NLMSG_ALIGNTO)));
	ssize_t n = recv(w->fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0 && errno == EINTR)
		return 1;
	if (n < 0 && errno != ENOBUFS)
		return fl_fail_errno(err, errno, "hear of changes in the kernel's networking");
	if (n < 0 || n > (ssize_t)sizeof(buf)) {
		*what |= w->what;
		return 1;
	}
	for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, (unsigned int)n); h = NLMSG_NEXT(h, n))
		if (!port || h->nlmsg_pid != port)
			*what |= subject(w, h);
	return 1;
}

int fl_watch_take(struct fl_watch *w, const struct fl_nl *by, unsigned int *what,
		  struct fl_err *err)
{
	uint32_t port = by ? fl_nl_port(by) : 0;
	unsigned int found = 0;
	int r;

	while ((r = take_some(w, port, &found, err)) == 1)
		;
	if (r == 0)
		*what = found & w->what;
	return r;
}
