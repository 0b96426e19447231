// SPDX-License-Identifier: Apache-2.0
/*
 * What a packet's way costs: both ends in one thread, nobody waits and nobody is woken, and what
 * counts is the thread's processor time, which holds the kernel's part on both sides. So a busy
 * machine is in the way less than where two processes take turns. As root.
 *
 * cost trips|connections|packets NETNS ADDRESS MS: TCP round trips of 64 bytes, connections with
 * one round trip each, or UDP datagrams of 18 bytes, for so many milliseconds, from here to the
 * address, which is in the namespace (a path). Prints how many in a second of processor time.
 *
 * cost join|leave IFINDEX PROGRAM: puts the program of this number on the interface's way in, by
 * tcx, or takes it off.
 *
 * cost redirect IFINDEX PATH: pins a program of tc's there that gives every packet to the pod
 * behind the interface, and does nothing else: less than that no datapath in tc can do.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

enum { PORT = 9, TRIP = 64, SMALL = 18, BATCH = 64, ROOM = 4 << 20 };
/* BPF_TCX_INGRESS of Linux 6.6, which older headers do not have. */
#define TCX_INGRESS ((enum bpf_attach_type)46)

/* Sockets of both ends. */
static struct {
	struct sockaddr_in to;
	int listener, near, far;
} end;

static void die(const char *what)
{
	fprintf(stderr, "cost: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double clock_s(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int new_socket(int type)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 ||
	    (type == SOCK_STREAM && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
				     setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))))
		die("socket");
	return fd;
}

/* The far end, of that type, in the namespace; this thread is back in its own after it. */
static int open_far(int type, const char *netns)
{
	/* The address that is asked may be a Service's. */
	const struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = open(netns, O_RDONLY | O_CLOEXEC), room = ROOM, fd;

	if (home < 0 || there < 0 || setns(there, CLONE_NEWNET))
		die(netns);
	fd = new_socket(type);
	if (bind(fd, (const struct sockaddr *)&own, sizeof(own)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    (type == SOCK_STREAM && listen(fd, BATCH)) || setns(home, CLONE_NEWNET))
		die("open the far end");
	close(home);
	close(there);
	return fd;
}

static int open_near(int type)
{
	int fd = new_socket(type);

	if (connect(fd, (struct sockaddr *)&end.to, sizeof(end.to)))
		die("connect");
	return fd;
}

static int take_far(void)
{
	int fd = accept(end.listener, NULL, NULL), one = 1;

	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		die("accept");
	return fd;
}

static void pass(int from, int to, size_t size)
{
	char buf[TRIP] = { 0 };

	if (send(from, buf, size, 0) != (ssize_t)size || recv(to, buf, size, 0) != (ssize_t)size)
		die("pass");
}

static void trips(void)
{
	for (int i = 0; i < BATCH; i++) {
		pass(end.near, end.far, TRIP);
		pass(end.far, end.near, TRIP);
	}
}

static void connections(void)
{
	for (int i = 0; i < BATCH; i++) {
		end.near = open_near(SOCK_STREAM);
		end.far = take_far();
		pass(end.near, end.far, TRIP);
		pass(end.far, end.near, TRIP);
		close(end.near);
		close(end.far);
	}
}

static void packets(void)
{
	char buf[SMALL] = { 0 };

	for (int i = 0; i < BATCH; i++)
		if (send(end.near, buf, SMALL, 0) != SMALL)
			die("send");
	for (int i = 0; i < BATCH; i++)
		if (recv(end.far, buf, SMALL, 0) != SMALL)
			die("receive");
}

static void measure(void (*batch)(void), double limit_s)
{
	double began, used;
	unsigned long n = 0;

	batch(); /* who is neighbour, and where the memory is */
	began = clock_s(CLOCK_MONOTONIC);
	used = clock_s(CLOCK_THREAD_CPUTIME_ID);
	for (; clock_s(CLOCK_MONOTONIC) - began < limit_s; n += BATCH)
		batch();
	printf("%.1f\n", (double)n / (clock_s(CLOCK_THREAD_CPUTIME_ID) - used));
}

static int ask(const char *what, const char *netns, const char *address, double limit_s)
{
	bool is_udp = strcmp(what, "packets") == 0, is_trip = strcmp(what, "trips") == 0;
	struct timeval patience = { .tv_sec = 5 };

	end.to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(PORT) };
	if (inet_pton(AF_INET, address, &end.to.sin_addr) != 1)
		die(address);
	if (is_udp) {
		end.far = open_far(SOCK_DGRAM, netns);
		end.near = open_near(SOCK_DGRAM);
		setsockopt(end.far, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	} else {
		end.listener = open_far(SOCK_STREAM, netns);
	}
	if (is_trip) {
		end.near = open_near(SOCK_STREAM);
		end.far = take_far();
	}
	measure(is_udp ? packets : is_trip ? trips : connections, limit_s);
	return 0;
}

static int join(bool leave, const char *ifindex, const char *program)
{
	int fd = bpf_prog_get_fd_by_id((__u32)atoi(program)), to = atoi(ifindex);

	if (fd < 0)
		die(program);
	if (leave ? bpf_prog_detach2(fd, to, TCX_INGRESS) : bpf_prog_attach(fd, to, TCX_INGRESS, 0))
		die(leave ? "leave" : "join");
	return 0;
}

static int redirect(const char *ifindex, const char *path)
{
	/* A frame between two pods bears neither's host end as its destination. */
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = PACKET_HOST },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_skb_change_type },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = atoi(ifindex) },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect_peer },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "redirect", "GPL", program,
			       sizeof(program) / sizeof(*program), NULL);

	if (fd < 0)
		die("load the program");
	if (bpf_obj_pin(fd, path))
		die(path);
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (argc == 5 && (strcmp(verb, "trips") == 0 || strcmp(verb, "connections") == 0 ||
			  strcmp(verb, "packets") == 0))
		return ask(verb, argv[2], argv[3], atof(argv[4]) / 1e3);
	if (argc == 4 && (strcmp(verb, "join") == 0 || strcmp(verb, "leave") == 0))
		return join(strcmp(verb, "leave") == 0, argv[2], argv[3]);
	if (argc == 4 && strcmp(verb, "redirect") == 0)
		return redirect(argv[2], argv[3]);
	fprintf(stderr, "usage: cost trips|connections|packets NETNS ADDRESS MS\n"
			"       cost join|leave IFINDEX PROGRAM\n"
			"       cost redirect IFINDEX PATH\n");
	return 2;
}
