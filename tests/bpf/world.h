// SPDX-License-Identifier: Apache-2.0
/*
 * A small world for the programs: two pods of this node behind the links hA and hB, the node, pods
 * elsewhere, a Service, the link net0 to another node with pods of its own, a source that is
 * denied; and the programs run on packets by BPF_PROG_TEST_RUN, with their maps filled by hand.
 * Needs root and eBPF; links are made in a network namespace of the test's own.
 */
#pragma once

#include "test.h"

#include <net/if.h>
#include <stdbool.h>

#include <linux/bpf.h>

#include "bpf/abi.h"
#include "pkt.h"

/* Who is who. */
enum { ID_A = 100, ID_B = 101, ID_NS = 90, ID_REMOTE = 60, ID_PEER = 61 };
enum { SLOT_A = 1, SLOT_B = 2 };
#define A4	 "10.0.0.2"
#define A6	 "fd00::2"
#define B4	 "10.0.0.3"
#define B6	 "fd00::3"
#define NODE4	 "10.0.0.1"
#define NODE6	 "fd00::1"
#define REMOTE4	 "10.1.0.9"
#define REMOTE6	 "fd01::9"
#define PEER4	 "10.2.0.9"
#define PEER6	 "fd02::9"
#define DENIED4	 "203.0.113.9"
#define DENIED6	 "2001:db8:dead::9"
#define SERVICE4 "10.96.0.1"
#define WORLD4	 "198.51.100.7"
#define WORLD6	 "2001:db8::7"

/* Who sends, where it is not A. */
#define MAC_B                       \
	{                           \
		2, 0, 0, 0, 0, 0x0b \
	}

/* Where a packet is met. */
enum hook { FROM_A, TO_A, FROM_B, TO_B, FROM_NET, TO_NET, AT_XDP, IN_STACK };

/* Makes the links, loads the programs and fills the maps; nobody is isolated. 1024 flows fit. */
int world_begin(void **state);

/* The same with room for as many flows as there is in earnest. */
int world_begin_full(void **state);

/* Unloads them. */
int world_end(void **state);

/* The descriptor of a map of the programs; borrowed. */
int world_map(const char *name);

/* Isolates a slot's pods by this version (flags: FL_SLOT_...). */
void world_slot(__u32 slot, __u32 version, __u32 flags);

/* Allows somebody; ports: FL_RULE_ALL or a port set, below 128. */
void world_rule(__u32 version, enum fl_dir dir, __u32 who, __u32 ports);

/* Makes addresses that nobody has a block of policies. */
void world_prefix(const char *text, unsigned int bits, __u32 block);

/* Puts ports into a set: those that share the first bits of port. bits 0: the whole protocol. */
void world_port(__u32 ports, __u8 proto, __u16 port, unsigned int bits);

/* What the agent does when something has changed. */
void world_next_generation(void);

/* How often connections have begun anew and gone another way; and as if one more had. */
__u32 world_turn(void);
void world_next_turn(void);

/* From now on no address is special: no node, no Service, no peer. */
void world_no_specials(void);

/* Forgets all connections, fragments, and what has been judged. */
void world_forget(void);

/* What has become of a packet. */
struct fate {
	int verdict;	       /* TC_ACT_..., of AT_XDP: XDP_..., of IN_STACK: 1: it goes nowhere */
	enum fl_reason reason; /* FL_R_COUNT: none or several were counted */
	enum fl_dir dir;       /* that it was counted in */
	unsigned int counted;  /* how often */
	__u32 mark;	       /* that it has left with */
	size_t len;
	uint8_t out[PKT_MAX];
};

/* Runs a packet. */
struct fate world_run(enum hook hook, const struct pkt *p);

/* Runs a packet of which the kernel knows more than its bytes: mark, gso_size, gso_segs. */
struct fate world_run_as(enum hook hook, const struct pkt *p, const struct __sk_buff *skb);

/* Runs bytes; len of the result is 0 when the kernel takes no such test packet. */
struct fate world_run_bytes(enum hook hook, const uint8_t *bytes, size_t len);

/* Runs a packet so many times: nanoseconds for one, or -1. */
double world_time(enum hook hook, const struct pkt *p, unsigned int times);

/* The entry of the only connection there is; and another one in its place. */
struct fl_flow world_flow(void);
void world_set_flow(const struct fl_flow *f);

/* What connections are stamped with now. */
__u32 world_jiffies(void);

/* Number of tracked connections. */
size_t world_flows(void);

/* New connections of this verdict and direction so far, on all processors. */
uint64_t world_verdicts(enum fl_verdict verdict, enum fl_dir dir);

/* The packet's reason must be this one; what is said says which packet it was. */
#define CHECK_FATE(what, run, want)                                                                \
	do {                                                                                       \
		struct fate check_f_ = (run);                                                      \
		if (check_f_.reason != (want))                                                     \
			fail_msg("%s: reason %d (verdict %d), expected %d", what, check_f_.reason, \
				 check_f_.verdict, (int)(want));                                   \
	} while (0)

/* The packet must go on to the stack as if nobody had looked at it. */
void world_passes(const char *what, enum hook hook, const struct pkt *p);

/* A packet and what must become of it, where nothing went before. */
struct world_row {
	const char *what;
	enum hook hook;
	struct pkt p;
	enum fl_reason want;
};

/* Each packet by itself: what came before it is forgotten. */
void world_check_rows(const struct world_row *rows, size_t n);

#define CHECK_ROWS(rows) world_check_rows(rows, sizeof(rows) / sizeof((rows)[0]))
