// SPDX-License-Identifier: Apache-2.0
/* One datagram from a pod to 192.0.2.2, over the default route, and where it seems to come from. */
#include "proof.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define TRIES 25 /* of 200 ms each: neighbours must be found first */

static int udp_in(const char *netns, struct fl_err *err)
{
	char path[128];
	fl_auto_close int ns = -1;
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		return fl_fail_errno(err, errno, "enter '%s'", path);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? fl_fail_errno(err, errno, "open a socket in '%s'", netns) : fd;
}

static int judge(const struct sockaddr_in *from, bool masq, struct fl_err *err)
{
	in_addr_t source = ntohl(from->sin_addr.s_addr);
	bool host = source == 0xc0000201, pod = source >> 16 == 0x0a58;

	if (masq ? host : pod)
		return 0;
	return fl_fail(err, EPROTO, "datagram came from '%s', expected %s",
		       inet_ntoa(from->sin_addr), masq ? "the host's 192.0.2.1" : "the pod's own");
}

int bench_prove(const char *pod, const char *outside, bool masq, struct fl_err *err)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) }, from;
	const struct timeval patience = { .tv_usec = 200000 };
	socklen_t len = sizeof(from);
	fl_auto_close int rx = -1;
	fl_auto_close int tx = -1;
	char byte = 0;

	to.sin_addr.s_addr = htonl(0xc0000202);
	rx = udp_in(outside, err);
	if (rx < 0)
		return rx;
	tx = udp_in(pod, err);
	if (tx < 0)
		return tx;
	if (bind(rx, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    setsockopt(rx, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return fl_fail_errno(err, errno, "listen on 192.0.2.2");
	for (int i = 0; i < TRIES; i++) {
		if (sendto(tx, &byte, 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			return fl_fail_errno(err, errno, "send from the pod to 192.0.2.2");
		if (recvfrom(rx, &byte, 1, 0, (struct sockaddr *)&from, &len) == 1)
			return judge(&from, masq, err);
	}
	return fl_fail(err, ETIMEDOUT, "no datagram of the pod reached 192.0.2.2");
}
