// SPDX-License-Identifier: Apache-2.0
/*
 * Round trips of 64 bytes, one at a time, over plain blocking sockets.
 *
 *	rr serve PORT			echoes, by UDP and by TCP, one TCP connection at a time
 *	rr udp|tcp ADDRESS PORT MS	asks for so many milliseconds; prints round trips a second
 *
 * A lost datagram is asked again after 200 ms.
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

enum { SIZE = 64, AGAIN_MS = 200, UDP = 0, LISTENER = 1, TCP = 2 };

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
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || (type == SOCK_STREAM && listen(fd, 4)))
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

static void serve(const char *port)
{
	struct pollfd p[] = {
		[UDP] = { .fd = open_server(SOCK_DGRAM, port), .events = POLLIN },
		[LISTENER] = { .fd = open_server(SOCK_STREAM, port), .events = POLLIN },
		[TCP] = { .fd = -1, .events = POLLIN },
	};
	int one = 1;

	while (poll(p, 3, -1) > 0) {
		if (p[UDP].revents)
			echo_udp(p[UDP].fd);
		if (p[LISTENER].revents) {
			close(p[TCP].fd);
			p[TCP].fd = accept(p[LISTENER].fd, NULL, NULL);
			setsockopt(p[TCP].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		} else if (p[TCP].revents && !echo_tcp(p[TCP].fd)) {
			close(p[TCP].fd);
			p[TCP].fd = -1;
		}
	}
	die("poll");
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void ask(int type, char **args)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(args[1])) };
	struct timeval again = { .tv_usec = type == SOCK_DGRAM ? AGAIN_MS * 1000 : 0 };
	int fd = socket(AF_INET, type, 0), one = 1;
	double began = now_s(), limit = atof(args[2]) / 1e3;
	unsigned long n = 0;
	char buf[SIZE] = { 0 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &again, sizeof(again));
	if (inet_pton(AF_INET, args[0], &a.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die(args[0]);
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	while (now_s() - began < limit) {
		if (send(fd, buf, SIZE, 0) != SIZE)
			die("ask");
		if (recv(fd, buf, SIZE, type == SOCK_STREAM ? MSG_WAITALL : 0) == SIZE)
			n++;
		else if (type == SOCK_STREAM || errno != EAGAIN)
			die("hear");
	}
	printf("%.1f\n", (double)n / (now_s() - began));
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve(argv[2]);
	else if (argc == 5 && strcmp(argv[1], "udp") == 0)
		ask(SOCK_DGRAM, argv + 2);
	else if (argc == 5 && strcmp(argv[1], "tcp") == 0)
		ask(SOCK_STREAM, argv + 2);
	else
		return fprintf(stderr, "usage: rr serve PORT | rr udp|tcp ADDRESS PORT MS\n"), 2;
	return 0;
}
