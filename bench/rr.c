// SPDX-License-Identifier: Apache-2.0
/*
 * Traffic, one thing at a time, over plain sockets.
 *
 *	rr serve PORT			echoes, by UDP and by TCP; many TCP connections, in turn
 *	rr udp|tcp ADDRESS PORT MS	round trips of 64 bytes for so many milliseconds; a second
 *	rr crr ADDRESS PORT MS		connections with one round trip each; a second
 *	rr send ADDRESS PORT MS BYTES	datagrams of so many bytes as fast as they go; prints
 *nothing rr sink PORT MS			datagrams that come in so many milliseconds from the
 *first one on; a second
 *
 * A lost datagram is asked again after 200 ms. The sink never sleeps, so that its waking up is not
 * what is measured.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 64, AGAIN_MS = 200, FIRST_MS = 5000, ROOM = 16 << 20, CONNECTIONS = 64 };
enum { UDP, LISTENER, TCP };

static void die(const char *what)
{
	fprintf(stderr, "rr: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_server(int type, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, type, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || (type == SOCK_STREAM && listen(fd, 64)))
		die("serve");
	return fd;
}

static void echo_udp(int fd)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char buf[SIZE];
	ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);

	if (n > 0 && sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&from, len) < 0)
		die("echo");
}

/* False when the connection has ended. */
static int echo_tcp(int fd)
{
	char buf[SIZE];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	return n > 0 && send(fd, buf, (size_t)n, MSG_NOSIGNAL) == n;
}

/* Takes a connection; the oldest goes where there is no room. Returns how many polls there are. */
static int take(struct pollfd *p, int n)
{
	int one = 1;

	if (n == TCP + CONNECTIONS) {
		close(p[TCP].fd);
		memmove(p + TCP, p + TCP + 1, (size_t)(--n - TCP) * sizeof(*p));
	}
	p[n] = (struct pollfd){ .fd = accept(p[LISTENER].fd, NULL, NULL), .events = POLLIN };
	setsockopt(p[n].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return n + 1;
}

static void serve(const char *port)
{
	struct pollfd p[TCP + CONNECTIONS] = {
		[UDP] = { .fd = open_server(SOCK_DGRAM, port), .events = POLLIN },
		[LISTENER] = { .fd = open_server(SOCK_STREAM, port), .events = POLLIN },
	};
	int n = TCP;

	while (poll(p, (nfds_t)n, -1) > 0) {
		if (p[UDP].revents)
			echo_udp(p[UDP].fd);
		for (int i = n; i-- > TCP;)
			if (p[i].revents && !echo_tcp(p[i].fd)) {
				close(p[i].fd);
				p[i] = p[--n];
			}
		if (p[LISTENER].revents)
			n = take(p, n);
	}
	die("poll");
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_client(int type, char **args)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(args[1])) };
	int fd = socket(AF_INET, type, 0), one = 1;

	if (inet_pton(AF_INET, args[0], &a.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die(args[0]);
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* One round trip; false when the datagram was lost. */
static int trip(int fd, int type)
{
	char buf[SIZE] = { 0 };

	if (send(fd, buf, SIZE, 0) != SIZE)
		die("ask");
	if (recv(fd, buf, SIZE, type == SOCK_STREAM ? MSG_WAITALL : 0) == SIZE)
		return 1;
	if (type == SOCK_STREAM || errno != EAGAIN)
		die("hear");
	return 0;
}

static double ask(int type, char **args)
{
	struct timeval again = { .tv_usec = AGAIN_MS * 1000 };
	int fd = open_client(type, args);
	double began = now_s(), limit = atof(args[2]) / 1e3;
	unsigned long n = 0;

	if (type == SOCK_DGRAM)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &again, sizeof(again));
	while (now_s() - began < limit)
		n += trip(fd, type);
	return (double)n / (now_s() - began);
}

static double connections(char **args)
{
	double began = now_s(), limit = atof(args[2]) / 1e3;
	unsigned long n = 0;

	for (; now_s() - began < limit; n++) {
		int fd = open_client(SOCK_STREAM, args);

		trip(fd, SOCK_STREAM);
		close(fd);
	}
	return (double)n / (now_s() - began);
}

static void send_all(char **args)
{
	int fd = open_client(SOCK_DGRAM, args), size = atoi(args[3]);
	double began = now_s(), limit = atof(args[2]) / 1e3;
	char buf[2048] = { 0 };

	while (now_s() - began < limit)
		for (int i = 0; i < 64; i++)
			if (send(fd, buf, (size_t)size, 0) < 0 && errno != ECONNREFUSED)
				die("send");
}

static double sink(char **args)
{
	int fd = open_server(SOCK_DGRAM, args[0]), room = ROOM;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	double began, limit = atof(args[1]) / 1e3;
	unsigned long n = 0;
	char buf[2048];

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (poll(&p, 1, FIRST_MS) != 1)
		return 0;
	for (began = now_s(); now_s() - began < limit;)
		for (int i = 0; i < 64; i++)
			n += recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0;
	return (double)n / (now_s() - began);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (argc == 3 && strcmp(verb, "serve") == 0)
		serve(argv[2]);
	else if (argc == 5 && strcmp(verb, "udp") == 0)
		printf("%.1f\n", ask(SOCK_DGRAM, argv + 2));
	else if (argc == 5 && strcmp(verb, "tcp") == 0)
		printf("%.1f\n", ask(SOCK_STREAM, argv + 2));
	else if (argc == 5 && strcmp(verb, "crr") == 0)
		printf("%.1f\n", connections(argv + 2));
	else if (argc == 6 && strcmp(verb, "send") == 0)
		send_all(argv + 2);
	else if (argc == 4 && strcmp(verb, "sink") == 0)
		printf("%.1f\n", sink(argv + 2));
	else
		return fprintf(stderr, "usage: rr serve PORT | rr udp|tcp|crr ADDRESS PORT MS\n"
				       "       rr send ADDRESS PORT MS BYTES | rr sink PORT MS\n"),
		       2;
	return 0;
}
