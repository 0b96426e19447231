// SPDX-License-Identifier: Apache-2.0
/* The client of BIRD's control socket. */
#include "agent/bgp/ctl.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/bgp/reply.h"
#include "base/text.h"

void bgp_ctl_close(struct bgp_ctl *c)
{
	fl_close_p(&c->fd);
	fl_free_p(&c->buf);
	c->len = c->size = 0;
	c->owed = false;
}

int bgp_ctl_open(const char *path, struct bgp_ctl *c, pid_t *pid, struct fl_err *err)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	fl_auto_close int fd = -1;
	int r;

	r = fl_copy(to.sun_path, sizeof(to.sun_path), path, err);
	if (r < 0)
		return fl_wrap(err, r, "connect to a unix socket");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fl_fail_errno(err, errno, "make a unix socket");
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return fl_fail_errno(err, errno, "connect to '%s'", path);
	*pid = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ? -1 : peer.pid;
	*c = (struct bgp_ctl){ .fd = FL_TAKE_FD(fd), .owed = true };
	return 0;
}

static int unasked(struct fl_err *err)
{
	return fl_fail(err, EPROTO, "bird has said what nobody asked for");
}

int bgp_ctl_send(struct bgp_ctl *c, const char *command, struct fl_err *err)
{
	char line[512], first;
	int n = snprintf(line, sizeof(line), "%s\n", command);

	if (n < 0 || (size_t)n >= sizeof(line))
		return fl_fail(err, ENAMETOOLONG, "a command to bird is longer than %zu bytes",
			       sizeof(line) - 2);
	/* What lies there already would be taken for the answer. */
	if (recv(c->fd, &first, 1, MSG_PEEK) > 0)
		return unasked(err);
	/* One command at a time: there is always room for it. */
	if (send(c->fd, line, (size_t)n, MSG_NOSIGNAL) != n)
		return fl_fail_errno(err, errno, "ask bird");
	c->owed = true;
	return 0;
}

/* Room for at least one more byte and a NUL. */
static int make_room(struct bgp_ctl *c, struct fl_err *err)
{
	size_t size = c->size ? c->size * 2 : 4096;
	char *buf;

	if (c->len + 1 < c->size)
		return 0;
	if (size > BGP_ANSWER_MAX)
		return fl_fail(err, EFBIG, "bird's answer is longer than %u bytes", BGP_ANSWER_MAX);
	buf = realloc(c->buf, size);
	if (!buf)
		return fl_fail_errno(err, ENOMEM, "read bird's answer");
	c->buf = buf;
	c->size = size;
	return 0;
}

/* Takes the answer that has arrived: 1, or 0 when it is not whole. */
static int take_answer(struct bgp_ctl *c, char **answer, struct fl_err *err)
{
	size_t n = c->owed ? bgp_reply_length(c->buf, c->len) : 0;
	char *copy;

	/* Of two answers to one question, who knows which is which? */
	if (n < c->len && (n || !c->owed))
		return unasked(err);
	if (n == 0)
		return 0;
	copy = strndup(c->buf, n);
	if (!copy)
		return fl_fail_errno(err, ENOMEM, "read bird's answer");
	c->len = 0;
	c->owed = false;
	*answer = copy;
	return 1;
}

int bgp_ctl_take(struct bgp_ctl *c, char **answer, struct fl_err *err)
{
	int r;

	for (;;) {
		ssize_t n;

		r = make_room(c, err);
		if (r < 0)
			return r;
		n = recv(c->fd, c->buf + c->len, c->size - c->len - 1, 0);
		if (n > 0) {
			c->len += (size_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return fl_fail_errno(err, errno, "read bird's answer");
		r = take_answer(c, answer, err);
		if (r == 0 && n == 0)
			return fl_fail(err, EPIPE, "bird has hung up");
		return r;
	}
}

int bgp_ctl_ask(struct bgp_ctl *c, const char *command, const struct fl_deadline *d, char **answer,
		struct fl_err *err)
{
	fl_auto_free char *text = NULL;
	int r;

	r = command ? bgp_ctl_send(c, command, err) : 0;
	while (r == 0) {
		struct pollfd p = { .fd = c->fd, .events = POLLIN };

		if (poll(&p, 1, fl_deadline_left(d)) == 0)
			return fl_fail(err, ETIMEDOUT, "bird does not answer");
		r = bgp_ctl_take(c, &text, err);
	}
	if (r < 0)
		return r;
	r = bgp_reply_check(text, err);
	if (r < 0)
		return r;
	*answer = FL_TAKE(text);
	return 0;
}
