// SPDX-License-Identifier: Apache-2.0
/* One datagram to $NOTIFY_SOCKET. */
#include "agent/notify.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/text.h"

int agent_notify(const char *socket_path, const char *state, struct fl_err *err)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = socket_path ? strlen(socket_path) : 0;
	fl_auto_close int fd = -1;

	if (len == 0)
		return 0;
	if ((socket_path[0] != '/' && socket_path[0] != '@') || len >= sizeof(to.sun_path))
		return fl_fail(err, EINVAL, "NOTIFY_SOCKET: '%s' is no path of a socket",
			       socket_path);
	memcpy(to.sun_path, socket_path, len);
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		return fl_fail_errno(err, errno, "notify '%s'", socket_path);
	return 0;
}
