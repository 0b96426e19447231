// SPDX-License-Identifier: Apache-2.0
/*
 * A TCP stream of bytes that are known beforehand, so that a lost, doubled or altered one is
 * seen at once.
 *
 *	stream serve PORT		takes one connection, checks it, answers with the number of
 *					bytes, and ends when the sender has ended
 *	stream send ADDRESS PORT [RATE]	sends RATE bytes a second (default 1,000,000) until SIGTERM,
 *					then waits for the answer and prints
 *					"bytes N retransmits N pause MS"
 *
 * pause is the longest time for which the peer acknowledged nothing although there was
 * something to acknowledge. Exit status 1: the stream broke, or what came was not what was
 * sent. serve prints "listening" when it can be connected to.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { STEP_MS = 5, WAIT_S = 20 };

static volatile sig_atomic_t over;

static void die(const char *what)
{
	fprintf(stderr, "stream: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void end(int sig)
{
	(void)sig;
	over = 1;
}

/* The byte at this place of the stream; no two runs of 64 KiB are alike. */
static uint8_t byte_at(uint64_t at)
{
	return (uint8_t)((at * 0x9e3779b97f4a7c15ull) >> 56);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int serve(const char *port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
				  .sin6_port = htons((uint16_t)atoi(port)) };
	int listener = socket(AF_INET6, SOCK_STREAM, 0), one = 1, fd;
	static uint8_t buf[65536];
	uint64_t got = 0;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) || listen(listener, 1))
		die("listen");
	puts("listening");
	fflush(stdout);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		die("accept");
	puts("connected");
	fflush(stdout);
	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0)
			die("receive");
		if (n == 0)
			break;
		for (ssize_t i = 0; i < n; i++, got++) {
			if (buf[i] == byte_at(got))
				continue;
			fprintf(stderr, "stream: byte %llu is wrong\n", (unsigned long long)got);
			return 1;
		}
	}
	if (write(fd, &got, sizeof(got)) != sizeof(got))
		die("answer");
	return 0;
}

static int dial(const char *address, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST }, *a;
	struct timeval limit = { .tv_sec = WAIT_S };
	int fd;

	if (getaddrinfo(address, port, &hints, &a))
		die(address);
	fd = socket(a->ai_family, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, a->ai_addr, a->ai_addrlen))
		die("connect");
	freeaddrinfo(a);
	return fd;
}

static void send_chunk(int fd, uint64_t *sent, size_t len)
{
	static uint8_t buf[65536];
	size_t done = 0;

	for (size_t i = 0; i < len; i++)
		buf[i] = byte_at(*sent + i);
	while (done < len) {
		ssize_t n = send(fd, buf + done, len - done, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			die("send");
		done += n < 0 ? 0 : (size_t)n;
	}
	*sent += len;
}

/* What the kernel says of the connection. */
static struct tcp_info info_of(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		die("ask the kernel");
	return info;
}

static int send_all(const char *address, const char *port, long rate)
{
	struct timespec step = { .tv_nsec = STEP_MS * 1000000 };
	int fd = dial(address, port);
	uint64_t sent = 0, acked = 0, there = 0;
	double began = now_ms(), moved = began, pause = 0;
	struct tcp_info info;
	ssize_t n;

	signal(SIGTERM, end);
	while (!over) {
		double due = (now_ms() - began) * (double)rate / 1e3 - (double)sent;

		if (due >= 1)
			send_chunk(fd, &sent, due > 65536 ? 65536 : (size_t)due);
		nanosleep(&step, NULL);
		info = info_of(fd);
		if (info.tcpi_bytes_acked != acked && now_ms() - moved > pause)
			pause = now_ms() - moved;
		if (info.tcpi_bytes_acked != acked || !info.tcpi_unacked)
			moved = now_ms();
		acked = info.tcpi_bytes_acked;
	}
	shutdown(fd, SHUT_WR);
	do
		n = read(fd, &there, sizeof(there));
	while (n < 0 && errno == EINTR);
	if (n != sizeof(there))
		die("wait for the answer");
	info = info_of(fd);
	printf("bytes %llu retransmits %u pause %.0f\n", (unsigned long long)sent,
	       info.tcpi_total_retrans, pause);
	if (there == sent)
		return 0;
	fprintf(stderr, "stream: %llu of %llu bytes came\n", (unsigned long long)there,
		(unsigned long long)sent);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2]);
	if (argc >= 4 && strcmp(argv[1], "send") == 0)
		return send_all(argv[2], argv[3], argc > 4 ? atol(argv[4]) : 1000000);
	fprintf(stderr, "usage: stream serve PORT | stream send ADDRESS PORT [RATE]\n");
	return 2;
}
