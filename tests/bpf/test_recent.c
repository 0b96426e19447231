// SPDX-License-Identifier: Apache-2.0
/*
 * What follows at once does as the packet before it, without a look-up: that is seen by taking the
 * connection's entry away behind the programs' back. Who looks it up has to enter it anew. It lasts
 * for a jiffy, which may end at any moment, so that what must be seen once is tried often, and what
 * must never be is tried often, too. Needs root and eBPF.
 */
#include "world.h"

#include <bpf/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { OFTEN = 1000, TRIES = 20 };

static const struct pkt out = { .src = A4, .dst = PEER4, .sport = 5, .dport = 53 };
/* The last words of their addresses are others', too: REMOTE6's, and another node's. */
static const struct pkt in6 = { .src = PEER6, .dst = A6, .sport = 5, .dport = 53 };
static const struct pkt near6 = { .src = A6, .dst = B6, .sport = 5, .dport = 53 };
static const struct pkt in = { .src = PEER4, .dst = A4, .sport = 5, .dport = 53 };

/* One of each way that there is. */
static const struct {
	const char *what;
	enum hook hook;
	struct pkt p;
} ways[] = {
	{ "on one bridge", FROM_A, { .src = A4, .dst = B4, .dst_mac = MAC_B, .dport = 53 } },
	{ "through the router", FROM_A, { .src = A4, .dst = B4, .dport = 53 } },
	{ "amid TCP", FROM_A, { .src = A4, .dst = B4, .dport = 80, .proto = 6, .tcp = PKT_ACK } },
	{ "to another node", FROM_A, { .src = A4, .dst = PEER4, .dport = 53 } },
	{ "from another node", FROM_NET, { .src = PEER4, .dst = A4, .dport = 53 } },
	{ "to elsewhere", FROM_A, { .src = A4, .dst = WORLD4, .dport = 53 } },
	{ "from elsewhere", TO_A, { .src = WORLD4, .dst = A4, .dport = 53 } },
	{ "on one bridge, IPv6", FROM_A, { .src = A6, .dst = B6, .dst_mac = MAC_B, .dport = 53 } },
	{ "through the router, IPv6", FROM_A, { .src = A6, .dst = B6, .dport = 53 } },
	{ "amid TCP, IPv6",
	  FROM_A,
	  { .src = A6, .dst = B6, .dport = 80, .proto = 6, .tcp = PKT_ACK } },
	{ "from another node, IPv6", FROM_NET, { .src = PEER6, .dst = A6, .dport = 53 } },
	{ "to elsewhere, IPv6", FROM_A, { .src = A6, .dst = WORLD6, .dport = 53 } },
	{ "from elsewhere, IPv6", TO_A, { .src = WORLD6, .dst = A6, .dport = 53 } },
};

static void forget_behind_their_back(void)
{
	struct fl_flow_key key;

	while (bpf_map_get_next_key(world_map("fl_flows"), NULL, &key) == 0)
		assert_int_equal(bpf_map_delete_elem(world_map("fl_flows"), &key), 0);
}

/* Opens a connection, and sends its packet so many times: after two the next may follow. The last
 * one's fate. */
static struct fate open_busy(enum hook hook, const struct pkt *p, int times)
{
	struct pkt first = *p;
	struct fate f;

	world_forget();
	if (p->proto == IPPROTO_TCP)
		first.tcp = PKT_SYN;
	f = world_run(hook, &first);
	for (int i = 0; i < times; i++)
		f = world_run(hook, p);
	return f;
}

/* True when the packet has passed as f did, though nobody knows its connection. */
static bool follows(enum hook hook, const struct pkt *p, const struct fate *f)
{
	struct fate g;

	forget_behind_their_back();
	g = world_run(hook, p);
	if (world_flows() != 0)
		return false;
	assert_int_equal(g.counted, 1);
	return g.verdict == f->verdict && g.reason == f->reason && g.dir == f->dir &&
	       g.mark == f->mark && g.len == f->len && memcmp(g.out, f->out, g.len) == 0;
}

static void what_follows_at_once_does_as_the_packet_before_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		bool did = false;

		/* By a way that the kernel does not tell of, each packet asks. */
		if (strcmp(ways[i].what, "to another node") == 0) {
			(void)open_busy(ways[i].hook, &ways[i].p, 2);
			if (world_flow().known.mtu == 0)
				continue;
		}
		for (int k = 0; k < OFTEN && !did; k++) {
			struct fate f = open_busy(ways[i].hook, &ways[i].p, 2);

			did = follows(ways[i].hook, &ways[i].p, &f);
		}
		if (!did)
			fail_msg("%s: never", ways[i].what);
	}
}

static void jiffy_passes(void)
{
	__u32 began = world_jiffies();

	while (world_jiffies() == began)
		;
}

static void route_comes(void)
{
	assert_int_equal(system("ip route add 192.0.2.200/32 dev net0 && "
				"ip route del 192.0.2.200/32 dev net0"),
			 0);
}

/* None follows once this has happened. */
static void check_never(const char *what, size_t way, void (*change)(void), int tries)
{
	for (int k = 0; k < tries; k++) {
		struct fate f = open_busy(ways[way].hook, &ways[way].p, 2);

		change();
		if (follows(ways[way].hook, &ways[way].p, &f))
			fail_msg("%s: what comes after %s follows", ways[way].what, what);
	}
}

static void nothing_follows_a_change(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		check_never("another generation", i, world_next_generation, TRIES);
		check_never("another turn", i, world_next_turn, TRIES);
		check_never("the jiffy", i, jiffy_passes, 5);
		if (strcmp(ways[i].what, "to another node") == 0)
			check_never("a route", i, route_comes, 5);
	}
}

/* Neither of them may take the other's place: what is unlike in one thing only is looked up. */
static const struct {
	const char *what;
	enum hook hook;
	struct pkt first, other;
} rows[] = {
	{ "another port", FROM_A, out, { .src = A4, .dst = PEER4, .sport = 6, .dport = 53 } },
	{ "a SYN",
	  FROM_A,
	  { .src = A4, .dst = PEER4, .proto = 6, .tcp = PKT_ACK, .dport = 80 },
	  { .src = A4, .dst = PEER4, .proto = 6, .tcp = PKT_SYN, .dport = 80 } },
	{ "a FIN",
	  FROM_A,
	  { .src = A4, .dst = PEER4, .proto = 6, .tcp = PKT_ACK, .dport = 80 },
	  { .src = A4, .dst = PEER4, .proto = 6, .tcp = PKT_ACK | PKT_FIN, .dport = 80 } },
	{ "a RST",
	  FROM_A,
	  { .src = A4, .dst = PEER4, .proto = 6, .tcp = PKT_ACK, .dport = 80 },
	  { .src = A4, .dst = PEER4, .proto = 6, .tcp = PKT_ACK | PKT_RST, .dport = 80 } },
	{ "its last hop",
	  FROM_A,
	  out,
	  { .src = A4, .dst = PEER4, .sport = 5, .dport = 53, .ttl = 1 } },
	{ "too large",
	  FROM_A,
	  out,
	  { .src = A4, .dst = PEER4, .sport = 5, .dport = 53, .payload = 1500 - 28 + 1 } },
	{ "options",
	  FROM_A,
	  out,
	  { .src = A4, .dst = PEER4, .sport = 5, .dport = 53, .options = 8 } },
	{ "a first fragment",
	  FROM_A,
	  out,
	  { .src = A4, .dst = PEER4, .sport = 5, .dport = 53, .more = 1 } },
	{ "a third station",
	  FROM_A,
	  out,
	  { .src = A4, .dst = PEER4, .dst_mac = MAC_B, .sport = 5, .dport = 53 } },
	{ "a forged sender",
	  FROM_A,
	  out,
	  { .src = A4, .dst = PEER4, .src_mac = MAC_B, .sport = 5, .dport = 53 } },
	{ "its last hop, coming",
	  FROM_NET,
	  in,
	  { .src = PEER4, .dst = A4, .sport = 5, .dport = 53, .ttl = 1 } },
	{ "longer than it is",
	  FROM_NET,
	  in,
	  { .src = PEER4, .dst = A4, .sport = 5, .dport = 53, .odd = PKT_LONG_LENGTH } },
	{ "another pod's interface", FROM_B, out, out },
	{ "another source, IPv6",
	  FROM_NET,
	  in6,
	  { .src = REMOTE6, .dst = A6, .sport = 5, .dport = 53 } },
	{ "another destination, IPv6",
	  FROM_A,
	  near6,
	  { .src = A6, .dst = "fd02::3", .sport = 5, .dport = 53 } },
	{ "another protocol, IPv6",
	  FROM_A,
	  near6,
	  { .src = A6, .dst = B6, .proto = 6, .tcp = PKT_ACK, .sport = 5, .dport = 53 } },
	{ "a FIN, IPv6",
	  FROM_A,
	  { .src = A6, .dst = B6, .proto = 6, .tcp = PKT_ACK, .dport = 80 },
	  { .src = A6, .dst = B6, .proto = 6, .tcp = PKT_ACK | PKT_FIN, .dport = 80 } },
	{ "its last hop, IPv6",
	  FROM_NET,
	  in6,
	  { .src = PEER6, .dst = A6, .sport = 5, .dport = 53, .ttl = 1 } },
	{ "longer than it is, IPv6",
	  FROM_NET,
	  in6,
	  { .src = PEER6, .dst = A6, .sport = 5, .dport = 53, .odd = PKT_LONG_LENGTH } },
	{ "an extension, IPv6",
	  FROM_A,
	  near6,
	  { .src = A6, .dst = B6, .sport = 5, .dport = 53, .ext = { 60 } } },
};

static void only_what_is_alike_follows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum hook hook = rows[i].hook == FROM_B ? FROM_A : rows[i].hook;

		for (int k = 0; k < TRIES; k++) {
			struct fate f, g;

			(void)open_busy(hook, &rows[i].first, 2);
			f = world_run(rows[i].hook, &rows[i].other);
			(void)open_busy(hook, &rows[i].first, 0);
			g = world_run(rows[i].hook, &rows[i].other);
			if (f.verdict != g.verdict || f.reason != g.reason ||
			    f.counted != g.counted || f.len != g.len ||
			    memcmp(f.out, g.out, f.len) != 0)
				fail_msg("%s: verdict %d, reason %d; looked up %d, %d",
					 rows[i].what, f.verdict, (int)f.reason, g.verdict,
					 (int)g.reason);
			(void)open_busy(hook, &rows[i].first, 2);
			forget_behind_their_back();
			f = world_run(rows[i].hook, &rows[i].other);
			if (world_flows() == 0 && f.verdict == TC_ACT_REDIRECT)
				fail_msg("%s: it follows", rows[i].what);
		}
	}
}

static void a_connection_that_goes_another_way_now_is_told_of(void **state)
{
	static const struct pkt syn = {
		.src = A4, .dst = PEER4, .proto = 6, .tcp = PKT_SYN, .sport = 5, .dport = 80
	};
	static const struct pkt rst = {
		.src = A4, .dst = PEER4, .proto = 6, .tcp = PKT_RST, .sport = 5, .dport = 80
	};
	__u32 turn;

	(void)state;
	world_forget();
	turn = world_turn();
	(void)world_run(FROM_A, &syn);
	assert_true(world_flow().flags & FL_FLOW_PEER);
	(void)world_run(FROM_A, &rst);
	(void)world_run(FROM_A, &syn);
	(void)world_run(FROM_A, &rst);
	assert_int_equal(world_turn(), turn);
	/* As the stack has translated it. */
	(void)world_run(TO_NET, &syn);
	assert_true(world_flow().flags & FL_FLOW_STACK);
	assert_int_equal(world_turn(), turn + 1);
	(void)world_run(TO_NET, &rst);
	(void)world_run(FROM_A, &syn);
	assert_true(world_flow().flags & FL_FLOW_PEER);
	assert_int_equal(world_turn(), turn + 2);
}

/* As it is where no interface has a source to be looked up. */
static int begin(void **state)
{
	struct fl_device device = { 0 };
	__u32 net0;

	if (world_begin(state) < 0)
		return -1;
	net0 = if_nametoindex("net0");
	return bpf_map_update_elem(world_map("fl_devices"), &net0, &device, BPF_ANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_follows_at_once_does_as_the_packet_before_it),
		cmocka_unit_test(nothing_follows_a_change),
		cmocka_unit_test(only_what_is_alike_follows),
		cmocka_unit_test(a_connection_that_goes_another_way_now_is_told_of),
	};

	return cmocka_run_group_tests_name("recent", tests, begin, world_end);
}
