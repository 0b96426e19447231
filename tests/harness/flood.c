// SPDX-License-Identifier: Apache-2.0
/*
 * Numbered UDP packets, each of which is either meant to arrive or meant not to, so that one lost
 * and one that slipped through are both seen. Which port is which is for the test to know.
 *
 *	flood receive PORT[:echo]...	counts, until some time after SIGTERM without a packet, and
 *					then prints for each port
 *					"PORT received N twice N own N backlog N last MS first N"
 *	flood send ADDRESS RATE PORT[:fresh]...
 *					RATE packets a second to each port, until SIGTERM, and then
 *					prints for each "PORT sent N answered N"
 *
 * A port's packets are one long flow; with ":fresh" each comes from a port of its own, so that each
 * opens a flow and is judged by itself. With ":echo" each is sent back as it came. received counts
 * every number once, twice those that came again; own is what the receiver's socket had no room
 * for, and backlog what this machine's queues before the stack had none for since it began,
 * whoever's it was: nobody else's fault. first is the lowest number that came (0 for the first
 * packet, -1 for none), last when the latest came, in milliseconds of the monotonic clock. Sending
 * begins at once and does not care for errors that come back; a packet that the sender's own kernel
 * does not take is not counted and has no number. receive prints "listening" when it does. Both
 * speak IPv4 and IPv6.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	PORTS_MAX = 16,
	NUMBERS_MAX = 1 << 22, /* of one port */
	STEP_MS = 2,
	BURST_MAX = 64, /* packets of one port in a step, however late it is */
	FRESH_FIRST = 10000,
	FRESH_LAST = 60000,
	TRIES = FRESH_LAST - FRESH_FIRST, /* others of this namespace may have many */
	BUFFER = 16 << 20,
	HEARD_MAX = 128, /* sockets of ":fresh" that may still be answered */
	QUIET_MS = 400,	 /* then nothing is on its way any more */
};

struct packet {
	uint32_t number;
	char filler[60];
};

struct port {
	int fd;
	char *name;
	bool is_fresh, is_echo;
	uint32_t n, twice, own, fresh_next, first, answered;
	int heard[HEARD_MAX]; /* their descriptors, the oldest of which gives way; 0: none */
	double last_ms;
	uint8_t *seen; /* a bit a number */
};

static volatile sig_atomic_t over;

static void die(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void end(int sig)
{
	(void)sig;
	over = 1;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Takes what follows the port's number off; true when it is this. */
static bool take_word(struct port *p, const char *word)
{
	char *colon = strchrnul(p->name, ':');
	bool is_it = *colon && strcmp(colon + 1, word) == 0;

	*colon = '\0';
	return is_it;
}

static void receiver_open(struct port *p)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
				  .sin6_port = htons((uint16_t)atoi(p->name)) };
	int one = 1, room = BUFFER;

	p->seen = calloc(NUMBERS_MAX / 8, 1);
	p->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	p->first = UINT32_MAX;
	if (!p->seen || p->fd < 0 ||
	    setsockopt(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    setsockopt(p->fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one)) ||
	    bind(p->fd, (struct sockaddr *)&a, sizeof(a)))
		die("listen");
}

static void note(struct port *p, uint32_t number)
{
	if (number >= NUMBERS_MAX) {
		errno = ERANGE;
		die("count so many packets");
	}
	if (p->seen[number / 8] & (1 << number % 8)) {
		p->twice++;
		return;
	}
	p->seen[number / 8] |= (uint8_t)(1 << number % 8);
	p->n++;
	p->last_ms = now_ms();
	if (number < p->first)
		p->first = number;
}

/* Takes what is there. */
static void drain(struct port *p)
{
	struct packet packet;
	char control[CMSG_SPACE(sizeof(uint32_t))];
	struct iovec part = { &packet, sizeof(packet) };

	for (;;) {
		struct sockaddr_in6 from;
		struct msghdr m = { .msg_name = &from,
				    .msg_namelen = sizeof(from),
				    .msg_iov = &part,
				    .msg_iovlen = 1,
				    .msg_control = control,
				    .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(p->fd, &m, 0);

		if (n < 0)
			return;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
			if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL)
				memcpy(&p->own, CMSG_DATA(c), sizeof(p->own));
		if (n != sizeof(packet))
			continue;
		note(p, packet.number);
		if (p->is_echo)
			(void)sendto(p->fd, &packet, sizeof(packet), 0, m.msg_name, m.msg_namelen);
	}
}

/* Packets that the processors had no room for before anybody could look at them. */
static unsigned int backlog_drops(void)
{
	unsigned int sum = 0, processed, dropped;
	FILE *f = fopen("/proc/net/softnet_stat", "re");
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%x %x", &processed, &dropped) == 2)
			sum += dropped;
	if (f)
		fclose(f);
	return sum;
}

static bool is_quiet(const struct port *ports, size_t n, double since_ms)
{
	for (size_t i = 0; i < n; i++)
		if (ports[i].last_ms > since_ms)
			since_ms = ports[i].last_ms;
	return now_ms() - since_ms > QUIET_MS;
}

static int receive(struct port *ports, size_t n)
{
	unsigned int before = backlog_drops();
	struct pollfd wait[PORTS_MAX];
	double ended_ms = 0;

	for (size_t i = 0; i < n; i++) {
		ports[i].is_echo = take_word(&ports[i], "echo");
		receiver_open(&ports[i]);
		wait[i] = (struct pollfd){ .fd = ports[i].fd, .events = POLLIN };
	}
	puts("listening");
	fflush(stdout);
	while (!over || !is_quiet(ports, n, ended_ms)) {
		if (over && ended_ms == 0)
			ended_ms = now_ms();
		/* A signal between the look at "over" and poll() costs no more than this. */
		(void)poll(wait, n, 50);
		for (size_t i = 0; i < n; i++)
			drain(&ports[i]);
	}
	for (size_t i = 0; i < n; i++)
		printf("%s received %u twice %u own %u backlog %u last %.0f first %d\n",
		       ports[i].name, ports[i].n, ports[i].twice, ports[i].own,
		       backlog_drops() - before, ports[i].last_ms, (int)ports[i].first);
	return 0;
}

static struct addrinfo *target_of(const char *address, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST }, *a;

	if (getaddrinfo(address, port, &hints, &a)) {
		errno = EINVAL;
		die(address);
	}
	return a;
}

/* A socket with a source port that has not been used for long. */
static int fresh_socket(struct port *p, int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	for (int tries = 0; fd >= 0 && tries < TRIES; tries++) {
		struct sockaddr_in6 a = { .sin6_family = AF_INET6 };
		struct sockaddr_in a4 = { .sin_family = AF_INET };

		if (p->fresh_next < FRESH_FIRST || p->fresh_next >= FRESH_LAST)
			p->fresh_next = FRESH_FIRST;
		a.sin6_port = a4.sin_port = htons((uint16_t)p->fresh_next++);
		if (bind(fd, family == AF_INET6 ? (struct sockaddr *)&a : (struct sockaddr *)&a4,
			 family == AF_INET6 ? sizeof(a) : sizeof(a4)) == 0)
			return fd;
	}
	die("find a port");
	return -1;
}

/* Counts the answers that have come; an error that has come is taken away. */
static void hear(struct port *p, int fd)
{
	struct packet packet;
	ssize_t n;

	while ((n = recv(fd, &packet, sizeof(packet), 0)) >= 0 || errno != EAGAIN)
		p->answered += n == sizeof(packet);
}

static void send_one(struct port *p, const struct addrinfo *to)
{
	struct packet packet = { .number = p->n };
	int fd = p->is_fresh ? fresh_socket(p, to->ai_family) : p->fd;
	int *place = &p->heard[p->n % HEARD_MAX];

	if (p->is_fresh && *place) {
		hear(p, *place);
		close(*place);
	}
	if (p->is_fresh)
		*place = fd;
	else
		hear(p, fd);
	if (sendto(fd, &packet, sizeof(packet), 0, to->ai_addr, to->ai_addrlen) == sizeof(packet))
		p->n++;
}

/* After what is still on its way. */
static void hear_last(struct port *p)
{
	for (size_t i = 0; i < HEARD_MAX; i++)
		if (p->heard[i])
			hear(p, p->heard[i]);
	if (!p->is_fresh)
		hear(p, p->fd);
}

static bool is_answered(const struct port *ports, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ports[i].answered)
			return true;
	return false;
}

static int send_all(const char *address, long rate, struct port *ports, size_t n)
{
	struct timespec step = { .tv_nsec = STEP_MS * 1000000 };
	struct timespec quiet = { .tv_nsec = QUIET_MS * 1000000 };
	struct addrinfo *to[PORTS_MAX];
	double owed = 0, last;
	int room = BUFFER;

	for (size_t i = 0; i < n; i++) {
		ports[i].is_fresh = take_word(&ports[i], "fresh");
		to[i] = target_of(address, ports[i].name);
		ports[i].fd = socket(to[i]->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
				     0);
		ports[i].fresh_next = FRESH_FIRST + (uint32_t)i * 2503;
		/* Answers wait there while this one sleeps, on a busy machine for long. */
		if (ports[i].fd < 0 ||
		    setsockopt(ports[i].fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
			die("open a socket");
	}
	last = now_ms();
	while (!over) {
		double now = now_ms();

		owed += (now - last) * (double)rate / 1e3;
		last = now;
		if (owed > BURST_MAX)
			owed = BURST_MAX;
		for (; owed >= 1; owed--)
			for (size_t i = 0; i < n; i++)
				send_one(&ports[i], to[i]);
		nanosleep(&step, NULL);
	}
	if (is_answered(ports, n))
		(void)nanosleep(&quiet, NULL);
	for (size_t i = 0; i < n; i++) {
		hear_last(&ports[i]);
		printf("%s sent %u answered %u\n", ports[i].name, ports[i].n, ports[i].answered);
		freeaddrinfo(to[i]);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = end };
	static struct port ports[PORTS_MAX];
	int from = argc > 1 && strcmp(argv[1], "send") == 0 ? 4 : 2;
	size_t n = 0;

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	for (int i = from; i < argc && n < PORTS_MAX; i++)
		ports[n++].name = argv[i];
	if (n > 0 && strcmp(argv[1], "receive") == 0)
		return receive(ports, n);
	if (n > 0 && from == 4)
		return send_all(argv[2], atol(argv[3]), ports, n);
	fprintf(stderr,
		"usage: flood receive PORT[:echo]... | flood send ADDRESS RATE PORT[:fresh]...\n");
	return 2;
}
