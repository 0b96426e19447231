// SPDX-License-Identifier: Apache-2.0
/* Sockets in the namespaces of the ends. */
#include "tests/harness/prober/prober.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROOM = 4 << 20 /* of a socket's queues, bytes */, BACKLOG = 4096 };

void pr_enter(const struct prober *p, const char *netns)
{
	int fd = netns ? open(netns, O_RDONLY | O_CLOEXEC) : p->own_netns;

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		pr_die(netns ? netns : "own namespace");
	if (netns)
		close(fd);
}

void pr_listen(const struct prober *p, struct pr_ear *ear)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = ear };

	if (epoll_ctl(p->poller, EPOLL_CTL_ADD, ear->fd, &e) < 0)
		pr_die("epoll");
}

void pr_set_port(struct sockaddr_storage *addr, uint16_t port)
{
	if (addr->ss_family == AF_INET6)
		((struct sockaddr_in6 *)addr)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)addr)->sin_port = htons(port);
}

/* A socket of the end's address, in the current namespace. port: of UDP, else 0. */
static void open_ear(const struct prober *p, struct pr_ear *ear, int proto)
{
	struct sockaddr_storage addr = ear->end->addr;
	int one = 1, room = ROOM, type = proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_RAW;

	ear->fd = socket(addr.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, proto);
	if (ear->fd < 0)
		pr_die("socket");
	(void)setsockopt(ear->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	(void)setsockopt(ear->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	/* An address that the end has lost for a while does no harm. */
	if (ear->end->v6)
		(void)setsockopt(ear->fd, SOL_IPV6, IPV6_FREEBIND, &one, sizeof(one));
	else
		(void)setsockopt(ear->fd, SOL_IP, IP_FREEBIND, &one, sizeof(one));
	pr_set_port(&addr, ear->port);
	if (bind(ear->fd, (struct sockaddr *)&addr, ear->end->len) < 0)
		pr_die("bind");
	pr_listen(p, ear);
}

static void open_listener(const struct prober *p, uint16_t port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct pr_ear *ear = calloc(1, sizeof(*ear));
	int one = 1;

	if (!ear)
		pr_die("listen");
	ear->kind = PR_LISTENER;
	ear->fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ear->fd < 0 || setsockopt(ear->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(ear->fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(ear->fd, BACKLOG) < 0)
		pr_die("listen");
	pr_listen(p, ear);
}

/* TCP ports of the current namespace, both families, once for each namespace. */
static void open_listeners(struct prober *p)
{
	struct stat st;

	if (stat("/proc/self/ns/net", &st) < 0)
		pr_die("/proc/self/ns/net");
	for (unsigned int i = 0; i < p->n_listening; i++)
		if (p->listening[i] == st.st_ino)
			return;
	p->listening[p->n_listening++] = st.st_ino;
	open_listener(p, 80);
	open_listener(p, 81);
}

void pr_end_add(struct prober *p, const char *netns, const char *address)
{
	struct pr_end *end = calloc(1, sizeof(*end));
	struct sockaddr_in6 *a6;
	struct sockaddr_in *a4;

	errno = EINVAL;
	if (!end || p->n_ends == PR_ENDS_MAX)
		pr_die("too many ends");
	(void)snprintf(end->netns, sizeof(end->netns), "%s", netns);
	a6 = (struct sockaddr_in6 *)&end->addr;
	a4 = (struct sockaddr_in *)&end->addr;
	end->v6 = inet_pton(AF_INET6, address, &a6->sin6_addr) == 1;
	if (!end->v6 && inet_pton(AF_INET, address, &a4->sin_addr) != 1)
		pr_die(address);
	end->addr.ss_family = end->v6 ? AF_INET6 : AF_INET;
	end->len = end->v6 ? sizeof(*a6) : sizeof(*a4);
	end->client[0].fd = end->client[1].fd = -1;
	end->tcp = (struct pr_ear){ .kind = PR_TCP, .end = end };
	end->sctp = (struct pr_ear){ .kind = PR_SCTP, .end = end };
	end->icmp = (struct pr_ear){ .kind = PR_ICMP, .end = end };
	pr_enter(p, netns);
	open_ear(p, &end->tcp, IPPROTO_TCP);
	open_ear(p, &end->sctp, PR_PROTO_SCTP);
	open_ear(p, &end->icmp, end->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	open_listeners(p);
	pr_enter(p, NULL);
	p->ends[p->n_ends++] = end;
}

void pr_need_server(const struct prober *p, struct pr_end *end, uint16_t port)
{
	struct pr_ear *ear = &end->server[end->n_servers];

	for (unsigned int i = 0; i < end->n_servers; i++)
		if (end->server[i].port == port)
			return;
	errno = EINVAL;
	if (end->n_servers == PR_SERVERS_MAX)
		pr_die("too many UDP ports");
	*ear = (struct pr_ear){ .kind = PR_SERVER, .end = end, .port = port };
	pr_enter(p, end->netns);
	open_ear(p, ear, IPPROTO_UDP);
	pr_enter(p, NULL);
	end->n_servers++;
}

int pr_need_client(const struct prober *p, struct pr_end *end, bool fresh, uint16_t port)
{
	struct pr_ear *ear = &end->client[fresh];

	if (ear->fd >= 0 && ear->port == port)
		return ear->fd;
	if (ear->fd >= 0)
		close(ear->fd);
	*ear = (struct pr_ear){ .kind = PR_CLIENT, .end = end, .port = port };
	pr_enter(p, end->netns);
	open_ear(p, ear, IPPROTO_UDP);
	pr_enter(p, NULL);
	return ear->fd;
}
