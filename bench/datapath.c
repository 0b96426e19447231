// SPDX-License-Identifier: Apache-2.0
/*
 * datapathbench: nanoseconds a packet in the pods' programs, by BPF_PROG_TEST_RUN on packets of the
 * tests' world, with 10 policy entries of each kind and with 100,000, in turn. An entry of each
 * kind is a rule, a pod's address, a block of addresses and a port: those that decide are the same
 * in both worlds.
 * Each world is a process of its own, in a network namespace of its own; both run on one processor.
 * Needs root and eBPF.
 */
#include "tests/bpf/world.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <getopt.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "report.h"

#define FEW	   10
#define MAX_GROWTH 1.3
#define SPREAD	   2654435769u /* 2^32 by the golden ratio */

/* Of the policy sets of A and B; those of the fillers begin at PORTS_FILLER. */
enum { VERSION_A = 7, VERSION_B = 8, PORTS = 40, PORTS_FILLER = 1000, ID_FILLER = 1000 };

static unsigned int arg_rounds = 30, arg_repeat = 20000, arg_entries = 100000;

struct kind {
	const char *what;
	enum hook hook;
	struct pkt first, packet; /* first: what is sent once, for the connection to be known */
	bool is_new;		  /* judged: for each packet, policy is looked up */
	bool is_unsettled;	  /* each time anew, whatever was allowed before */
	bool is_connection;	  /* all the packets of each of many, one by one */
};

#define MAC_A                       \
	{                           \
		2, 0, 0, 0, 0, 0x0a \
	}
#define MAC_B                       \
	{                           \
		2, 0, 0, 0, 0, 0x0b \
	}
#define OF_A .src_mac = MAC_A, .dst_mac = MAC_B

/* A packet with SYN and RST opens and closes at once: the next one is a new connection again. */
/* A connection of one packet. */
#define OPENED_AND_ENDED                                                                           \
	{                                                                                          \
		.src = A4, .dst = B4, .proto = IPPROTO_TCP, .dport = 80, .tcp = PKT_SYN | PKT_RST, \
		OF_A                                                                               \
	}

static const struct kind kinds[] = {
	{ "pod to pod, UDP", FROM_A,
	  .packet = { .src = A4, .dst = B4, .dport = 80, .payload = 18, OF_A } },
	{ "pod to pod, TCP",
	  FROM_A,
	  { .src = A4, .dst = B4, .proto = IPPROTO_TCP, .dport = 80, .tcp = PKT_SYN, OF_A },
	  { .src = A4, .dst = B4, .proto = IPPROTO_TCP, .dport = 80, .tcp = PKT_ACK, OF_A } },
	{ "pod to pod, TCP's last",
	  FROM_A,
	  { .src = A4, .dst = B4, .proto = IPPROTO_TCP, .dport = 80, .tcp = PKT_SYN, OF_A },
	  { .src = A4,
	    .dst = B4,
	    .proto = IPPROTO_TCP,
	    .dport = 80,
	    .tcp = PKT_FIN | PKT_ACK,
	    OF_A } },
	{ "pod to pod, UDP on IPv6", FROM_A,
	  .packet = { .src = A6, .dst = B6, .dport = 80, .payload = 18, OF_A } },
	{ "pod to elsewhere, by the stack", FROM_A,
	  .packet = { .src = A4, .dst = WORLD4, .dport = 80, .payload = 18 } },
	{ "elsewhere to pod, by the stack", TO_B,
	  .packet = { .src = WORLD4, .dst = B4, .dport = 80, .payload = 18 } },
	{ "new, pod to pod, allowed", FROM_A, .packet = OPENED_AND_ENDED, .is_new = true,
	  .is_unsettled = true },
	{ "new, the same after one like it", FROM_A, .packet = OPENED_AND_ENDED, .is_new = true },
	{ "a connection's ten packets", FROM_A, .is_connection = true },
	{ "new, pod to pod, not allowed", FROM_A,
	  .packet = { .src = A4, .dst = B4, .dport = 81, .payload = 18, OF_A }, .is_new = true },
	{ "new, elsewhere to pod, not allowed", TO_B,
	  .packet = { .src = WORLD4, .dst = B4, .dport = 81, .payload = 18 }, .is_new = true },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* A whole connection of one question and one answer, as TCP has it between pods. */
static const struct {
	uint8_t tcp;
	bool is_answer;
} connection[] = {
	{ PKT_SYN, false },	     { PKT_SYN | PKT_ACK, true },
	{ PKT_ACK, false },	     { PKT_ACK, false },
	{ PKT_ACK, true },	     { PKT_ACK, true },
	{ PKT_ACK, false },	     { PKT_FIN | PKT_ACK, false },
	{ PKT_FIN | PKT_ACK, true }, { PKT_ACK, false },
};

enum { PORTS_ASKING = 500, PACKETS_A_CONNECTION = 40 };

static void die(const char *what)
{
	fprintf(stderr, "datapathbench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put(const char *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(world_map(map), key, value, BPF_ANY) != 0)
		die(map);
}

/* The i-th entry of each kind that decides nothing, in the versions that decide. */
static void put_filler(unsigned int i)
{
	struct fl_rule_key rule = { .version = i % 2 ? VERSION_A : VERSION_B,
				    .who = ID_FILLER + i,
				    .dir = i % 2 ? FL_EGRESS : FL_INGRESS };
	struct fl_rule ports = { .ports = PORTS_FILLER + i / 10, .lengths = 1 << FL_PORT_BITS };
	struct fl_prefix_key prefix = { .prefixlen = 32 + 96 + 24 };
	struct fl_prefix_info info = { .block = ID_FILLER + i };
	struct fl_port_key port = { .ports = PORTS_FILLER + i / 10,
				    .port = i % 10,
				    .proto = FL_PROTO_TCP,
				    .bits = FL_PORT_BITS };
	struct fl_port_info origin = { 0 };
	struct fl_address_info pod = { .identity = ID_FILLER + i, .block = ID_FILLER + i };

	/* All over the addresses, so that the way to each is long, but not over those in use. */
	prefix.addr.w_be[2] = htonl(0xffff);
	prefix.addr.w_be[3] = htonl(i * SPREAD & ~255u);
	if (prefix.addr.w_be[3] == inet_addr("10.0.0.0") ||
	    prefix.addr.w_be[3] == inet_addr("198.51.100.0"))
		prefix.addr.w_be[3] = htonl(0xdfffff00);
	pod.key.addr = prefix.addr;
	pod.key.addr.b[15] = 1;
	put("fl_rules", &rule, &ports);
	put("fl_addresses", &pod.key, &pod);
	put("fl_prefixes", &prefix, &info);
	put("fl_ports", &port, &origin);
}

static void fill(unsigned int entries)
{
	void *none = NULL;

	if (world_begin(&none) < 0)
		die("make the world");
	world_slot(SLOT_A, VERSION_A, FL_SLOT_INGRESS | FL_SLOT_EGRESS);
	world_slot(SLOT_B, VERSION_B, FL_SLOT_INGRESS | FL_SLOT_EGRESS);
	world_rule(VERSION_A, FL_EGRESS, ID_B, PORTS);
	world_rule(VERSION_B, FL_INGRESS, ID_A, PORTS);
	world_rule(VERSION_A, FL_EGRESS, FL_ID_ANY, PORTS + 1);
	world_rule(VERSION_B, FL_INGRESS, FL_ID_ANY, PORTS + 1);
	for (int i = 0; i < 2; i++) {
		world_port(PORTS + i, IPPROTO_TCP, 80, 16);
		world_port(PORTS + i, IPPROTO_UDP, 80, 16);
	}
	for (unsigned int i = 0; i < entries; i++)
		put_filler(i);
}

/* Whether A may have connections from before, for which nothing that was allowed is kept. */
static void set_unsettled(bool is)
{
	__u32 a = if_nametoindex("hA");
	struct fl_endpoint_info ep;

	if (bpf_map_lookup_elem(world_map("fl_endpoints"), &a, &ep) != 0)
		die("fl_endpoints");
	ep.pick_up_until_s = is;
	put("fl_endpoints", &a, &ep);
	world_next_generation();
}

/* Nanoseconds of a connection; each packet by itself, so that each holds an empty run's. */
static double measure_connection(void)
{
	const struct pkt asks = { .src = A4, .dst = B4, .proto = IPPROTO_TCP, .dport = 80, OF_A },
			 answers = { .src = B4,
				     .dst = A4,
				     .proto = IPPROTO_TCP,
				     .sport = 80,
				     .src_mac = MAC_B,
				     .dst_mac = MAC_A };
	unsigned int n = arg_repeat / PACKETS_A_CONNECTION + 1;
	double sum = 0;

	for (unsigned int i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof(connection) / sizeof(connection[0]); k++) {
			struct pkt p = connection[k].is_answer ? answers : asks;
			uint16_t port = (uint16_t)(1024 + i % PORTS_ASKING);
			double ns;

			*(connection[k].is_answer ? &p.dport : &p.sport) = port;
			p.tcp = connection[k].tcp;
			ns = world_time(connection[k].is_answer ? FROM_B : FROM_A, &p, 1);
			if (ns < 0)
				return ns;
			sum += ns;
		}
	return sum / n;
}

static double measure(const struct kind *k)
{
	double ns;

	set_unsettled(k->is_unsettled);
	if (k->is_connection) {
		ns = measure_connection();
		if (ns < 0)
			die(k->what);
		return ns;
	}
	if (k->first.src)
		(void)world_run(k->hook, &k->first);
	ns = world_time(k->hook, &k->packet, arg_repeat);
	if (ns < 0)
		die(k->what);
	return ns;
}

/* A world on request: for each number of a kind, its nanoseconds. */
static int serve(int fd, unsigned int entries)
{
	double ns = 0;
	uint8_t kind;

	fill(entries);
	for (int i = 0; i < KINDS; i++)
		(void)measure(&kinds[i]);
	if (write(fd, &ns, sizeof(ns)) != sizeof(ns))
		return 1;
	while (read(fd, &kind, 1) == 1) {
		ns = measure(&kinds[kind]);
		if (write(fd, &ns, sizeof(ns)) != sizeof(ns))
			return 1;
	}
	return 0;
}

/* A world's process, as its parent sees it. */
struct child {
	pid_t pid;
	int fd;
	struct bench_series ns[KINDS];
};

static void start(struct child *c, unsigned int entries)
{
	int pair[2];
	double ready;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || (c->pid = fork()) < 0)
		die("start a world");
	if (c->pid == 0) {
		close(pair[0]);
		_exit(serve(pair[1], entries));
	}
	close(pair[1]);
	c->fd = pair[0];
	if (read(c->fd, &ready, sizeof(ready)) != sizeof(ready))
		die("fill a world");
}

static void ask(struct child *c, uint8_t kind)
{
	struct fl_err err = { 0 };
	double ns;

	if (write(c->fd, &kind, 1) != 1 || read(c->fd, &ns, sizeof(ns)) != sizeof(ns))
		die("ask a world");
	if (bench_series_add(&c->ns[kind], ns, &err) < 0)
		die("keep a measurement");
}

static void stop(struct child *c)
{
	/* Others may hold it too. */
	shutdown(c->fd, SHUT_RDWR);
	close(c->fd);
	waitpid(c->pid, NULL, 0);
	for (int i = 0; i < KINDS; i++)
		bench_series_done(&c->ns[i]);
}

static void print(struct child *few, struct child *many)
{
	printf("\nThe pods' programs: nanoseconds a packet, hot (%u rounds of %u packets)\n",
	       arg_rounds, arg_repeat);
	printf("%-40s %10d %10u entries of each kind\n", "", FEW, arg_entries);
	for (int i = 0; i < KINDS; i++) {
		struct bench_series ratios = { 0 };

		bench_ratios(&many->ns[i], &few->ns[i], &ratios);
		printf("%-40s %10.0f %10.0f", kinds[i].what, bench_quantile(&few->ns[i], 0.5),
		       bench_quantile(&many->ns[i], 0.5));
		bench_print_ratio(&ratios, MAX_GROWTH);
		bench_series_done(&ratios);
	}
}

static int usage(void)
{
	fprintf(stderr, "usage: datapathbench [-n ROUNDS] [-r PACKETS] [-e ENTRIES]\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct child few = { 0 }, many = { 0 };
	struct fl_err err = { 0 };
	cpu_set_t one;
	int c, r = 0;

	while (r == 0 && (c = getopt(argc, argv, "n:r:e:")) != -1) {
		if (c == 'n')
			r = fl_parse_u32(optarg, 1, 100000, &arg_rounds, &err);
		else if (c == 'r')
			r = fl_parse_u32(optarg, 1, 10000000, &arg_repeat, &err);
		else if (c == 'e')
			r = fl_parse_u32(optarg, 1, 200000, &arg_entries, &err);
		else
			return usage();
	}
	if (r < 0 || optind < argc)
		return usage();
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		die("stay on one processor");
	start(&few, FEW);
	start(&many, arg_entries);
	for (unsigned int round = 0; round < arg_rounds; round++)
		for (uint8_t k = 0; k < KINDS; k++) {
			ask(round % 2 ? &few : &many, k);
			ask(round % 2 ? &many : &few, k);
		}
	print(&few, &many);
	stop(&few);
	stop(&many);
	bench_print_verdict();
	return 0;
}
