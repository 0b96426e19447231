// SPDX-License-Identifier: Apache-2.0
/* Making the API's sockets. */
#include "agent/api/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/deadline.h"
#include "base/file.h"
#include "base/text.h"

#define SOCKET_FLAGS (SOCK_CLOEXEC | SOCK_NONBLOCK)
#define LOCK_MS	     5000

/* The address in front of the colon; that of IPv6 is in brackets. */
static bool read_host(const char *text, const char *colon, struct fl_ip *ip)
{
	bool is_v6 = *text == '[' && colon[-1] == ']';
	size_t len = (size_t)(colon - text) - 2 * is_v6;
	char host[FL_IP_STR] = "";
	struct fl_err why = { 0 };

	if (len >= sizeof(host))
		return false;
	memcpy(host, text + is_v6, len);
	return fl_ip_parse(host, ip, &why) == 0 && fl_ip_is4(ip) != is_v6;
}

int api_listen_parse(const char *text, struct fl_ip *ip, uint16_t *port, struct fl_err *err)
{
	const char *colon = strrchr(text, ':');
	struct fl_err why = { 0 };
	struct fl_ip host;
	uint32_t n = 0;

	if (!colon || !read_host(text, colon, &host))
		return fl_fail(err, EINVAL,
			       "metrics.listen '%s': expected an address and a port, as in "
			       "'127.0.0.1:9464' or '[::1]:9464'",
			       text);
	if (fl_parse_u32(colon + 1, 1, 65535, &n, &why) < 0)
		return fl_fail(err, EINVAL, "metrics.listen '%s': port: %s", text, why.text);
	*ip = host;
	*port = (uint16_t)n;
	return 0;
}

union any_addr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
};

static socklen_t fill_inet(const struct fl_ip *ip, uint16_t port, union any_addr *a)
{
	size_t len = 0;
	const void *raw = fl_ip_raw(ip, &len);

	*a = (union any_addr){ 0 };
	if (fl_ip_is4(ip)) {
		a->v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
		memcpy(&a->v4.sin_addr, raw, len);
		return sizeof(a->v4);
	}
	a->v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
	memcpy(&a->v6.sin6_addr, raw, len);
	return sizeof(a->v6);
}

int api_listen_tcp(const char *text, int *fd, struct fl_err *err)
{
	fl_auto_close int s = -1;
	const int on = 1;
	union any_addr a;
	struct fl_ip ip;
	uint16_t port;
	socklen_t len;
	int r;

	r = api_listen_parse(text, &ip, &port, err);
	if (r < 0)
		return r;
	len = fill_inet(&ip, port, &a);
	s = socket(fl_ip_family(&ip), SOCK_STREAM | SOCKET_FLAGS, 0);
	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (!fl_ip_is4(&ip) && setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    bind(s, &a.any, len) < 0 || listen(s, API_BACKLOG) < 0)
		return fl_fail_errno(err, errno, "metrics.listen '%s'", text);
	*fd = FL_TAKE_FD(s);
	return 0;
}

static int fill_unix(const char *path, union any_addr *a, struct fl_err *err)
{
	*a = (union any_addr){ .un.sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(a->un.sun_path))
		return fl_fail(err, ENAMETOOLONG,
			       "listen on '%s': a unix socket's path has at most %zu bytes", path,
			       sizeof(a->un.sun_path) - 1);
	memcpy(a->un.sun_path, path, strlen(path));
	return 0;
}

/*
 * Removes what stands at the path unless somebody lives there. A living agent that is too busy to
 * answer has a full backlog (EAGAIN), and is no less alive.
 */
static int clear_path(const char *path, const union any_addr *a, struct fl_err *err)
{
	fl_auto_close int s = -1;
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : fl_fail_errno(err, errno, "listen on '%s'", path);
	if (!S_ISSOCK(st.st_mode))
		return fl_fail(err, EEXIST, "listen on '%s': there is something that is no socket",
			       path);
	s = socket(AF_UNIX, SOCK_STREAM | SOCKET_FLAGS, 0);
	if (s < 0)
		return fl_fail_errno(err, errno, "listen on '%s'", path);
	if (connect(s, &a->any, sizeof(a->un)) == 0 || errno != ECONNREFUSED)
		return fl_fail(err, EADDRINUSE, "listen on '%s': an agent is running there", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return fl_fail_errno(err, errno, "remove '%s'", path);
	return 0;
}

/* Two agents that start at once must not each find the other's socket dead: a lock on the folder.
 */
static int lock_folder(const char *path, int *fd, struct fl_err *err)
{
	struct fl_deadline until = fl_deadline_in(LOCK_MS);
	fl_auto_close int dir = -1;
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	int r;

	r = fl_format(folder, sizeof(folder), err, "%.*s", slash ? (int)(slash - path) : 1,
		      slash ? path : ".");
	if (r < 0)
		return r;
	r = fl_open_dir(*folder ? folder : "/", 0755, &dir, err);
	if (r < 0)
		return r;
	r = fl_flock(dir, LOCK_EX, &until, err);
	if (r < 0)
		return fl_wrap(err, r, "lock '%s'", folder);
	*fd = FL_TAKE_FD(dir);
	return 0;
}

int api_listen_unix(const char *path, int *fd, struct stat *as, struct fl_err *err)
{
	fl_auto_close int s = -1, lock = -1;
	union any_addr a;
	int r;

	r = fill_unix(path, &a, err);
	if (r < 0)
		return r;
	r = lock_folder(path, &lock, err);
	if (r < 0)
		return r;
	r = clear_path(path, &a, err);
	if (r < 0)
		return r;
	s = socket(AF_UNIX, SOCK_STREAM | SOCKET_FLAGS, 0);
	/* bind() makes the name with the socket's own mode, so that it is never open to others */
	if (s < 0 || fchmod(s, 0600) < 0 || bind(s, &a.any, sizeof(a.un)) < 0)
		return fl_fail_errno(err, errno, "listen on '%s'", path);
	if (listen(s, API_BACKLOG) < 0 || lstat(path, as) < 0) {
		r = fl_fail_errno(err, errno, "listen on '%s'", path);
		(void)unlink(path);
		return r;
	}
	*fd = FL_TAKE_FD(s);
	return 0;
}

void api_listen_remove(const char *path, const struct stat *as)
{
	struct stat st;

	if (lstat(path, &st) == 0 && st.st_dev == as->st_dev && st.st_ino == as->st_ino)
		(void)unlink(path);
}
