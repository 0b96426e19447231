// SPDX-License-Identifier: Apache-2.0
/* A multicast netlink socket whose messages only say "look again". */
#include "net/watch.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

struct fl_watch {
	int fd;
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
