// SPDX-License-Identifier: Apache-2.0
/* A multicast netlink socket whose messages only say "look again". */
#include "net/watch.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "net/msg.h"
#include "net/route.h"

struct fl_watch {
	int fd;
	unsigned int what;
};

static uint32_t groups_of(unsigned int what)
{
	uint32_t groups = 0;

	if (what & FL_WATCH_LINKS)
		groups |= RTMGRP_LINK;
	if (what & FL_WATCH_ADDRS)
		groups |= RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
	if (what & FL_WATCH_ROUTES)
		groups |= RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
	if (what & FL_WATCH_NEIGHS)
		groups |= RTMGRP_NEIGH;
	return groups;
}

int fl_watch_open(unsigned int what, struct fl_watch **out, struct fl_err *err)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = groups_of(what) };
	fl_auto_watch struct fl_watch *w = malloc(sizeof(*w));

	if (!w)
		return fl_fail_errno(err, ENOMEM, "watch the kernel's networking");
	w->what = what;
	w->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (w->fd < 0 || bind(w->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return fl_fail_errno(err, errno, "watch the kernel's networking");
	*out = FL_TAKE(w);
	return 0;
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

/* What a message is about; 0 when it means nothing to those who watch. */
static unsigned int subject(const struct nlmsghdr *h)
{
	const struct rtmsg *rt = NLMSG_DATA(h);
	const struct ndmsg *nd = NLMSG_DATA(h);

	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return FL_WATCH_LINKS;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return FL_WATCH_ADDRS;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*rt)) ||
		    rt->rtm_protocol == FL_ROUTE_BY_POD || rt->rtm_table == RT_TABLE_LOCAL)
			return 0;
		return FL_WATCH_ROUTES;
	case RTM_NEWNEIGH: /* what the kernel learns and forgets all the time is no news */
		if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*nd)) || !(nd->ndm_state & NUD_PERMANENT))
			return 0;
		return FL_WATCH_NEIGHS;
	case RTM_DELNEIGH:
		return FL_WATCH_NEIGHS;
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
			*what |= subject(h);
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
