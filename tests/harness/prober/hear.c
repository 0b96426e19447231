// SPDX-License-Identifier: Apache-2.0
/* What is sent, and what is made of what is heard. */
#include "tests/harness/prober/prober.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Source ports, and identifiers of ICMP: one that stays, and others that a round has for itself. */
enum { PORT_SAME = 4000, PORT_FRESH = 10000, PORTS_FRESH = 50000 };

/* A packet, and from where. */
struct heard {
	struct pr_ear *ear;
	const uint8_t *data;
	size_t len;
	struct sockaddr_storage src;
};

static uint32_t nonce_of(const struct prober *p, const struct pr_question *q)
{
	return (uint32_t)p->round << 16 | (uint32_t)(q - p->questions);
}

/* The question that the nonce belongs to, NULL if it is none of this round. */
static struct pr_question *question_of(struct prober *p, uint32_t nonce, uint8_t proto)
{
	struct pr_question *q = &p->questions[nonce & 0xffff];

	if (nonce >> 16 != p->round || (nonce & 0xffff) >= p->n_questions || q->proto != proto)
		return NULL;
	return q;
}

bool pr_is_through(const struct pr_question *q)
{
	return (q->state & (PR_ARRIVED | PR_ANSWERED | PR_OPEN)) == (PR_ARRIVED | PR_ANSWERED);
}

static void set_state(struct prober *p, struct pr_question *q, unsigned int state)
{
	bool was = pr_is_through(q);

	q->state = (uint8_t)state;
	p->n_missing -= q->wanted && !was && pr_is_through(q);
}

static bool same_address(const struct pr_end *end, const struct sockaddr_storage *src)
{
	const struct sockaddr_in6 *a6 = (const void *)&end->addr, *b6 = (const void *)src;
	const struct sockaddr_in *a4 = (const void *)&end->addr, *b4 = (const void *)src;

	return end->v6 ? memcmp(&a6->sin6_addr, &b6->sin6_addr, 16) == 0
		       : a4->sin_addr.s_addr == b4->sin_addr.s_addr;
}

/* The question's packet (PR_ARRIVED) or its answer; q may be NULL. */
static void mark(struct prober *p, struct pr_question *q, unsigned int what, const struct heard *h)
{
	const struct pr_end *here, *there;
	bool odd;

	if (!q)
		return;
	here = p->ends[what == PR_ARRIVED ? q->to : q->from];
	there = p->ends[what == PR_ARRIVED ? q->from : q->to];
	odd = h->ear->end != here || !same_address(there, &h->src) || (q->state & what);
	set_state(p, q, q->state | what | (odd ? PR_ODD : 0));
}

void pr_send(struct prober *p, struct pr_question *q)
{
	struct pr_end *from = p->ends[q->from], *to = p->ends[q->to];
	bool fresh = (p->round + (q - p->questions)) & 1;
	uint16_t ports[2] = { fresh ? (uint16_t)(PORT_FRESH + p->round % PORTS_FRESH) : PORT_SAME,
			      q->port };
	struct sockaddr_storage dst = to->addr;
	uint32_t nonce = nonce_of(p, q), nonce_be = htonl(nonce);
	uint8_t packet[PR_PACKET_MAX];
	size_t len;
	int fd;

	if (q->proto == IPPROTO_TCP) {
		fd = from->tcp.fd;
		len = pr_make_syn(from, to, ports, nonce, packet);
	} else if (q->proto == PR_PROTO_SCTP) {
		fd = from->sctp.fd;
		len = pr_make_sctp(&(struct pr_sctp){ htons(ports[0]), htons(ports[1]), 0, nonce },
				   packet);
	} else if (q->proto == IPPROTO_ICMP) {
		fd = from->icmp.fd;
		len = pr_make_echo(from->v6, ports[0], nonce, packet);
	} else {
		pr_need_server(p, to, q->port);
		fd = pr_need_client(p, from, fresh, ports[0]);
		pr_set_port(&dst, q->port);
		len = sizeof(nonce_be);
		memcpy(packet, &nonce_be, len);
	}
	if (sendto(fd, packet, len, 0, (struct sockaddr *)&dst, to->len) < 0)
		q->state |= PR_ODD;
}

static void hear_tcp(struct prober *p, const struct heard *h)
{
	struct pr_question *q;
	struct tcphdr tcp;

	if (h->len < sizeof(tcp))
		return;
	memcpy(&tcp, h->data, sizeof(tcp));
	if (tcp.syn && !tcp.ack) {
		mark(p, question_of(p, ntohl(tcp.seq), IPPROTO_TCP), PR_ARRIVED, h);
	} else if (tcp.ack && (tcp.syn || tcp.rst)) {
		q = question_of(p, ntohl(tcp.ack_seq) - 1, IPPROTO_TCP);
		/* This end's kernel resets it, which may have been heard already. */
		if (q && tcp.syn)
			q->state ^= PR_OPEN;
		mark(p, q, PR_ANSWERED, h);
	} else if (tcp.rst) {
		q = question_of(p, ntohl(tcp.seq) - 1, IPPROTO_TCP);
		if (q)
			set_state(p, q, q->state ^ PR_OPEN);
	}
}

/* Sends something back to where h came from. */
static void answer(struct pr_question *q, const struct heard *h, const void *packet, size_t len)
{
	if (sendto(h->ear->fd, packet, len, 0, (const struct sockaddr *)&h->src, h->ear->end->len) <
	    0)
		q->state |= PR_ODD;
}

static void hear_sctp(struct prober *p, const struct heard *h)
{
	uint8_t packet[PR_PACKET_MAX];
	struct pr_question *q;
	struct pr_sctp s;
	bool is_init;

	if (!pr_read_sctp(h->data, h->len, &s, &is_init))
		return;
	q = question_of(p, is_init ? s.tag : s.vtag, PR_PROTO_SCTP);
	mark(p, q, is_init ? PR_ARRIVED : PR_ANSWERED, h);
	if (q && is_init)
		answer(q, h, packet,
		       pr_make_sctp(&(struct pr_sctp){ s.dport_be, s.sport_be, s.tag, 1 }, packet));
}

static void hear_icmp(struct prober *p, const struct heard *h)
{
	bool v6 = h->ear->end->v6;
	uint32_t nonce_be;

	if (h->len < sizeof(struct icmphdr) + sizeof(nonce_be))
		return;
	memcpy(&nonce_be, h->data + sizeof(struct icmphdr), sizeof(nonce_be));
	if (*h->data == (v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO))
		mark(p, question_of(p, ntohl(nonce_be), IPPROTO_ICMP), PR_ARRIVED, h);
	else if (*h->data == (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY))
		mark(p, question_of(p, ntohl(nonce_be), IPPROTO_ICMP), PR_ANSWERED, h);
}

static void hear_udp(struct prober *p, const struct heard *h)
{
	struct pr_question *q;
	uint32_t nonce_be;

	if (h->len != sizeof(nonce_be))
		return;
	memcpy(&nonce_be, h->data, sizeof(nonce_be));
	q = question_of(p, ntohl(nonce_be), IPPROTO_UDP);
	mark(p, q, h->ear->kind == PR_SERVER ? PR_ARRIVED : PR_ANSWERED, h);
	if (q && h->ear->kind == PR_SERVER)
		answer(q, h, h->data, h->len);
}

static void hear_packets(struct prober *p, struct pr_ear *ear)
{
	static void (*const by_kind[])(struct prober *, const struct heard *) = {
		[PR_TCP] = hear_tcp,	[PR_SCTP] = hear_sctp,	[PR_ICMP] = hear_icmp,
		[PR_CLIENT] = hear_udp, [PR_SERVER] = hear_udp,
	};
	struct heard h = { .ear = ear };
	uint8_t buffer[2048];
	socklen_t len = sizeof(h.src);
	size_t header;
	ssize_t n;

	while ((n = recvfrom(ear->fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&h.src,
			     &len)) >= 0) {
		/* Raw sockets of IPv4 show the header, those of IPv6 do not. */
		header = ear->kind <= PR_ICMP && !ear->end->v6 ? (buffer[0] & 15) * 4u : 0;
		len = sizeof(h.src);
		if ((size_t)n <= header)
			continue;
		h.data = buffer + header;
		h.len = (size_t)n - header;
		/* A raw socket's port is the protocol to the kernel. */
		if (ear->kind <= PR_ICMP)
			pr_set_port(&h.src, 0);
		by_kind[ear->kind](p, &h);
	}
}

static void take_connections(struct prober *p, struct pr_ear *listener)
{
	int fd;

	while ((fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct pr_ear *ear = calloc(1, sizeof(*ear));

		if (!ear)
			pr_die("accept");
		*ear = (struct pr_ear){ .fd = fd, .kind = PR_ECHO };
		pr_listen(p, ear);
	}
}

/* A connection's bytes go back; when it is over, it goes. */
static void echo(struct pr_ear *ear)
{
	uint8_t data[256];
	ssize_t n;

	while ((n = recv(ear->fd, data, sizeof(data), 0)) > 0)
		if (send(ear->fd, data, (size_t)n, MSG_NOSIGNAL) < n)
			break;
	if (n < 0 && errno == EAGAIN)
		return;
	close(ear->fd);
	free(ear);
}

bool pr_hear(struct prober *p, int wait_ms)
{
	struct epoll_event events[64];
	int n = epoll_wait(p->poller, events, 64, wait_ms);

	if (n < 0 && errno != EINTR)
		pr_die("epoll");
	for (int i = 0; i < n; i++) {
		struct pr_ear *ear = events[i].data.ptr;

		if (ear->kind == PR_LISTENER)
			take_connections(p, ear);
		else if (ear->kind == PR_ECHO)
			echo(ear);
		else
			hear_packets(p, ear);
	}
	return n > 0;
}
