// SPDX-License-Identifier: Apache-2.0
/* Sending probes and waiting for what they are worth. */
#include "cli/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/deadline.h"
#include "base/text.h"

#define SMALL	   64 /* bytes of payload */
#define PACKET_MAX 65535
#define ICMP_HEAD  8

union any_addr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static void close_fds(struct pollfd **fds)
{
	for (struct pollfd *p = *fds; p && p->events; p++)
		fl_close_p(&p->fd);
	fl_free_p(fds);
}

static socklen_t address(const struct fl_ip *ip, uint16_t port, union any_addr *a)
{
	size_t len;
	const void *raw = fl_ip_raw(ip, &len);

	memset(a, 0, sizeof(*a));
	if (fl_ip_is4(ip)) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons(port);
		memcpy(&a->v4.sin_addr, raw, len);
		return sizeof(a->v4);
	}
	a->v6.sin6_family = AF_INET6;
	a->v6.sin6_port = htons(port);
	memcpy(&a->v6.sin6_addr, raw, len);
	return sizeof(a->v6);
}

/* The internet checksum (RFC 1071), begun with sum. */
static uint16_t checksum(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (; len > 1; p += 2, len -= 2)
		sum += (uint32_t)p[0] << 8 | p[1];
	if (len)
		sum += (uint32_t)p[0] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* The sum over an address, for the pseudo header. */
static uint32_t sum_of(const struct fl_ip *ip)
{
	size_t len;
	const uint8_t *raw = fl_ip_raw(ip, &len);
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)raw[i] << 8 | raw[i + 1];
	return sum;
}

/* What this socket sends from. */
static struct fl_ip source(int fd)
{
	union any_addr a = { 0 };
	socklen_t len = sizeof(a);

	(void)getsockname(fd, &a.any, &len);
	return a.any.sa_family == AF_INET6 ? fl_ip_from_raw(AF_INET6, &a.v6.sin6_addr)
					   : fl_ip_from_raw(AF_INET, &a.v4.sin_addr);
}

static size_t ip_head(const struct fl_ip *ip)
{
	return fl_ip_is4(ip) ? sizeof(struct iphdr) : 40;
}

/* The kernel of IPv6 fills in the checksum of ICMP by itself. */
static ssize_t send_echo(int fd, const struct cli_probe *p, uint16_t id)
{
	uint8_t packet[PACKET_MAX] = { fl_ip_is4(&p->to) ? ICMP_ECHO : ICMP6_ECHO_REQUEST };
	size_t len = p->size ? p->size - ip_head(&p->to) : ICMP_HEAD + SMALL;
	uint16_t sum;

	packet[4] = (uint8_t)(id >> 8);
	packet[5] = (uint8_t)id;
	if (fl_ip_is4(&p->to)) {
		sum = checksum(0, packet, len);
		memcpy(packet + 2, &sum, sizeof(sum));
	}
	return send(fd, packet, len, 0);
}

static ssize_t send_soft(int fd, const struct cli_probe *p)
{
	struct fl_ip from = source(fd);
	struct {
		struct udphdr head;
		uint8_t payload[SMALL];
	} packet = { 0 };

	packet.head.uh_sport = htons(PROBE_UDP_SOFT_PORT);
	packet.head.uh_dport = htons(PROBE_UDP_SOFT_PORT);
	packet.head.uh_ulen = htons(sizeof(packet));
	packet.head.uh_sum = checksum(sum_of(&from) + sum_of(&p->to) + IPPROTO_UDP +
					      (uint32_t)sizeof(packet),
				      &packet, sizeof(packet));
	return send(fd, &packet, sizeof(packet), 0);
}

static void transmit(int fd, struct cli_probe *p, uint16_t id)
{
	static const char payload[SMALL];
	ssize_t n = 0;

	if (p->kind == PROBE_ECHO)
		n = send_echo(fd, p, id);
	else if (p->kind == PROBE_UDP)
		n = send(fd, payload, sizeof(payload), 0);
	else if (p->kind == PROBE_UDP_SOFT)
		n = send_soft(fd, p);
	if (n >= 0)
		return;
	/* the answer to the packet before may be what is reported here */
	p->answered |= errno == ECONNREFUSED && p->kind != PROBE_ECHO;
	p->sys = errno;
}

static int set_whole(int fd, bool is4)
{
	const int probe4 = IP_PMTUDISC_PROBE, probe6 = IPV6_PMTUDISC_PROBE;

	return is4 ? setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe4, sizeof(probe4))
		   : setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe6, sizeof(probe6));
}

/* A socket for the probe, bound to its peer, or -1 with the reason in p. */
static int open_probe(struct cli_probe *p)
{
	static const struct {
		int type, proto4, proto6;
		uint16_t port;
	} kinds[] = {
		[PROBE_ECHO] = { SOCK_RAW, IPPROTO_ICMP, IPPROTO_ICMPV6, 0 },
		[PROBE_UDP] = { SOCK_DGRAM, 0, 0, PROBE_UDP_PORT },
		[PROBE_UDP_SOFT] = { SOCK_RAW, IPPROTO_UDP, IPPROTO_UDP, 0 },
		[PROBE_TCP] = { SOCK_STREAM, 0, 0, PROBE_TCP_PORT },
	};
	bool is4 = fl_ip_is4(&p->to);
	fl_auto_close int fd = -1;
	union any_addr a;
	socklen_t len = address(&p->to, kinds[p->kind].port, &a);

	fd = socket(a.any.sa_family, kinds[p->kind].type | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    is4 ? kinds[p->kind].proto4 : kinds[p->kind].proto6);
	if (fd < 0 || (p->size && set_whole(fd, is4) < 0) ||
	    (connect(fd, &a.any, len) < 0 && errno != EINPROGRESS)) {
		p->answered = p->kind == PROBE_TCP && errno == ECONNREFUSED;
		p->sys = errno;
		return -1;
	}
	return FL_TAKE_FD(fd);
}

/* Whether what was received is the answer to this echo. A raw IPv4 socket sees the IP header. */
static bool is_reply(const struct cli_probe *p, const uint8_t *data, size_t len, uint16_t id)
{
	bool is4 = fl_ip_is4(&p->to);
	size_t head = is4 && len ? (size_t)(data[0] & 15) * 4 : 0;

	return len >= head + ICMP_HEAD && data[head] == (is4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) &&
	       data[head + 4] == (uint8_t)(id >> 8) && data[head + 5] == (uint8_t)id;
}

static void receive(int fd, struct cli_probe *p, uint16_t id)
{
	uint8_t data[256]; /* the head of it will do */
	socklen_t len = sizeof(p->sys);
	ssize_t n;

	if (p->kind == PROBE_TCP) {
		(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &p->sys, &len);
		p->answered = p->sys == 0 || p->sys == ECONNREFUSED;
		return;
	}
	while ((n = recv(fd, data, sizeof(data), 0)) >= 0)
		if (p->kind == PROBE_UDP ||
		    (p->kind == PROBE_ECHO && is_reply(p, data, (size_t)n, id)))
			p->answered = true;
	if (errno != EAGAIN) {
		p->sys = errno;
		p->answered |= p->kind != PROBE_ECHO && errno == ECONNREFUSED;
	}
}

/* Takes answers until all are there or the time is over. */
static void gather(struct cli_probe *probes, struct pollfd *fds, size_t n, int wait_ms)
{
	struct fl_deadline until = fl_deadline_in(wait_ms);
	size_t silent;

	for (;;) {
		silent = 0;
		for (size_t i = 0; i < n; i++) {
			if (fds[i].fd >= 0 && fds[i].revents)
				receive(fds[i].fd, &probes[i], (uint16_t)(getpid() + (int)i));
			fds[i].revents = 0;
			/* one that has met its end is not waited for any longer */
			if (probes[i].answered || (probes[i].kind == PROBE_TCP && probes[i].sys))
				fl_close_p(&fds[i].fd);
			silent += fds[i].fd >= 0;
		}
		if (!silent || !fl_deadline_left(&until) ||
		    poll(fds, (nfds_t)n, fl_deadline_left(&until)) <= 0)
			return;
	}
}

int cli_probe(struct cli_probe *probes, size_t n, int wait_ms, struct fl_err *err)
{
	fl_auto(close_fds) struct pollfd *fds = calloc(n + 1, sizeof(*fds));

	if (!fds)
		return fl_fail(err, ENOMEM, "probe peers: out of memory");
	for (size_t i = 0; i < n; i++)
		fds[i] = (struct pollfd){ .fd = open_probe(&probes[i]),
					  .events = probes[i].kind == PROBE_TCP ? POLLOUT
										: POLLIN };
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < n; i++)
			if (fds[i].fd >= 0)
				transmit(fds[i].fd, &probes[i], (uint16_t)(getpid() + (int)i));
		gather(probes, fds, n, wait_ms / 2);
	}
	return 0;
}
