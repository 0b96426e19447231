// SPDX-License-Identifier: Apache-2.0
/*
 * A new connection like one that has been allowed is not judged by the maps again: what counts as
 * alike, for how long, and what is judged each time. The maps are changed behind the programs'
 * back, without another generation, so that it shows who has looked at them. Needs root and eBPF.
 */
#include "world.h"

#include <bpf/bpf.h>
#include <netinet/in.h>
#include <string.h>

enum { SHUT = 40, OPEN = 41, PORTS = 70 };

#define SYN  .proto = IPPROTO_TCP, .tcp = PKT_SYN
#define OF_B .src_mac = MAC_B
#define MAC_A                       \
	{                           \
		2, 0, 0, 0, 0, 0x0a \
	}

/* B asks A. */
static const struct pkt syn = { .src = B4, .dst = A4, .sport = 1000, .dport = 80, SYN, OF_B };

/* A may be reached at port 80, or nobody may reach it; nobody is told. */
static void set_open(bool is_open)
{
	world_slot(SLOT_A, is_open ? OPEN : SHUT, FL_SLOT_INGRESS);
}

/* A may be reached, what has been judged is forgotten, and the packet is a new connection's. */
static void begin_with(enum hook hook, const struct pkt *p)
{
	world_rule(OPEN, FL_INGRESS, FL_ID_ANY, PORTS);
	world_port(PORTS, IPPROTO_TCP, 80, 16);
	world_port(PORTS, IPPROTO_UDP, 80, 16);
	set_open(true);
	world_forget();
	CHECK_FATE("the first", world_run(hook, p),
		   hook == FROM_B ? FL_R_REDIRECTED : FL_R_FORWARDED);
	set_open(false);
}

static void what_was_allowed_is_until_the_generation_changes(void **state)
{
	struct pkt next = syn;

	(void)state;
	begin_with(FROM_B, &syn);
	for (next.sport = 1001; next.sport < 1004; next.sport++)
		CHECK_FATE("the next", world_run(FROM_B, &next), FL_R_REDIRECTED);
	assert_int_equal(world_flows(), 4);
	world_next_generation();
	CHECK_FATE("after a change", world_run(FROM_B, &next), FL_R_POLICY_INGRESS);
	CHECK_FATE("one that is known", world_run(FROM_B, &syn), FL_R_POLICY_INGRESS);
}

static void it_does_not_matter_how_it_is_met(void **state)
{
	static const struct pkt from = { .src = REMOTE4, .dst = A4, .dport = 80, SYN },
				six = { .src = B6, .dst = A6, .dport = 80, SYN, OF_B };
	struct pkt next = from;

	(void)state;
	begin_with(TO_A, &from);
	next.sport = 5;
	CHECK_FATE("from elsewhere", world_run(TO_A, &next), FL_R_FORWARDED);
	begin_with(FROM_B, &six);
	next = six;
	next.sport = 5;
	CHECK_FATE("IPv6", world_run(FROM_B, &next), FL_R_REDIRECTED);
}

static void another_end_port_or_protocol_is_judged(void **state)
{
	static const struct {
		const char *what;
		enum hook hook;
		struct pkt p;
	} rows[] = {
		{ "another port", FROM_B, { .src = B4, .dst = A4, .dport = 81, SYN, OF_B } },
		{ "another protocol", FROM_B, { .src = B4, .dst = A4, .dport = 80, OF_B } },
		{ "another family", FROM_B, { .src = B6, .dst = A6, .dport = 80, SYN, OF_B } },
		{ "another source", TO_A, { .src = REMOTE4, .dst = A4, .dport = 80, SYN } },
		{ "the node's world", TO_A, { .src = WORLD4, .dst = A4, .dport = 80, SYN } },
	};

	(void)state;
	begin_with(FROM_B, &syn);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_FATE(rows[i].what, world_run(rows[i].hook, &rows[i].p), FL_R_POLICY_INGRESS);
}

static void who_may_not_send_is_not_helped_by_who_may(void **state)
{
	static const struct pkt forged = { .src = B4, .dst = A4, .dport = 80, SYN },
				mac = { .src = B4, .dst = A4, .sport = 7, .dport = 80, SYN };

	(void)state;
	begin_with(FROM_B, &syn);
	CHECK_FATE("another's address", world_run(FROM_A, &forged), FL_R_SPOOFED_IP);
	CHECK_FATE("another's MAC address", world_run(FROM_B, &mac), FL_R_SPOOFED_MAC);
	assert_int_equal(world_flows(), 1);
}

static void what_was_not_allowed_is_judged_each_time(void **state)
{
	struct pkt next = syn;

	(void)state;
	begin_with(FROM_B, &syn);
	world_forget();
	CHECK_FATE("not allowed", world_run(FROM_B, &syn), FL_R_POLICY_INGRESS);
	set_open(true);
	next.sport++;
	CHECK_FATE("allowed since", world_run(FROM_B, &next), FL_R_REDIRECTED);
}

/* What the agent says of the pod behind the interface, but for these. */
static void put_pod(const char *name, __u32 flags, __u32 pick_up_until_s)
{
	__u32 ifindex = if_nametoindex(name);
	int map = world_map("fl_endpoints");
	struct fl_endpoint_info ep;

	assert_int_equal(bpf_map_lookup_elem(map, &ifindex, &ep), 0);
	ep.flags = flags;
	ep.pick_up_until_s = pick_up_until_s;
	assert_int_equal(bpf_map_update_elem(map, &ifindex, &ep, BPF_EXIST), 0);
}

static void put_a(__u32 flags, __u32 pick_up_until_s)
{
	put_pod("hA", flags, pick_up_until_s);
}

/* From now on the long way lets nothing pass to and from pods, and nobody is told. */
static void set_shut(bool is)
{
	put_pod("hA", is ? FL_ENDPOINT_SHUT : 0, 0);
	put_pod("hB", is ? FL_ENDPOINT_SHUT : 0, 0);
}

static void forget_behind_their_back(void)
{
	struct fl_flow_key key;

	while (bpf_map_get_next_key(world_map("fl_flows"), NULL, &key) == 0)
		assert_int_equal(bpf_map_delete_elem(world_map("fl_flows"), &key), 0);
}

/* A connection of each kind that plain packets open. */
static const struct {
	const char *what;
	enum hook hook;
	struct pkt p;
} openings[] = {
	{ "to a pod, TCP",
	  FROM_B,
	  { .src = B4, .dst = A4, .dst_mac = MAC_A, .dport = 80, SYN, OF_B } },
	{ "to a pod, UDP", FROM_B, { .src = B4, .dst = A4, .dport = 80, OF_B } },
	{ "to a pod, IPv6", FROM_B, { .src = B6, .dst = A6, .dport = 80, SYN, OF_B } },
	{ "to elsewhere", FROM_A, { .src = A4, .dst = WORLD4, .dport = 80, SYN } },
	{ "from elsewhere", TO_A, { .src = REMOTE4, .dst = A4, .dport = 80, SYN } },
	{ "from elsewhere, IPv6", TO_A, { .src = REMOTE6, .dst = A6, .dport = 80, SYN } },
	{ "to another node", FROM_A, { .src = A4, .dst = PEER4, .dport = 80, SYN } },
	{ "to another node, IPv6", FROM_A, { .src = A6, .dst = PEER6, .dport = 80, SYN } },
	{ "from another node", FROM_NET, { .src = PEER4, .dst = A4, .dport = 80, SYN } },
};

/* The second one is opened the short way, and nothing shows it but that nobody looks at its ends.
 */
static void check_opening(const char *what, enum hook hook, const struct pkt *p)
{
	struct fl_flow first, second;
	struct fate f, g;
	uint64_t allowed;

	world_forget();
	f = world_run(hook, p);
	first = world_flow();
	allowed = world_verdicts(FL_V_ALLOWED, f.dir);
	forget_behind_their_back();
	set_shut(true);
	g = world_run(hook, p);
	set_shut(false);
	if (g.verdict != f.verdict || g.reason != f.reason || g.dir != f.dir || g.mark != f.mark ||
	    g.counted != 1 || g.len != f.len || memcmp(g.out, f.out, g.len) != 0)
		fail_msg("%s: verdict %d, reason %d; the first one's: %d, %d", what, g.verdict,
			 (int)g.reason, f.verdict, (int)f.reason);
	assert_int_equal(world_flows(), 1);
	assert_int_equal(world_verdicts(FL_V_ALLOWED, f.dir), allowed + 1);
	second = world_flow();
	second.seen = first.seen;
	assert_memory_equal(&first, &second, sizeof(first));
}

static void the_second_one_is_entered_as_the_first_without_a_look_at_its_ends(void **state)
{
	__u32 net0 = if_nametoindex("net0");
	struct fl_device denies, not = { 0 };

	(void)state;
	world_slot(SLOT_A, OPEN, 0);
	assert_int_equal(bpf_map_lookup_elem(world_map("fl_devices"), &net0, &denies), 0);
	assert_int_equal(bpf_map_update_elem(world_map("fl_devices"), &net0, &not, BPF_ANY), 0);
	for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++)
		check_opening(openings[i].what, openings[i].hook, &openings[i].p);
	assert_int_equal(bpf_map_update_elem(world_map("fl_devices"), &net0, &denies, BPF_ANY), 0);
}

/* What opens no connection, or is not plain, is looked at though one like it was allowed. */
static void all_else_is_looked_at(void **state)
{
	static const struct {
		const char *what;
		enum hook hook;
		struct pkt p;
	} rows[] = {
		{ "from its middle",
		  FROM_B,
		  { .src = B4,
		    .dst = A4,
		    .dport = 80,
		    .proto = IPPROTO_TCP,
		    .tcp = PKT_ACK,
		    OF_B } },
		{ "an answer",
		  FROM_B,
		  { .src = B4,
		    .dst = A4,
		    .dport = 80,
		    .proto = IPPROTO_TCP,
		    .tcp = PKT_SYN | PKT_ACK,
		    OF_B } },
		{ "options",
		  FROM_B,
		  { .src = B4, .dst = A4, .dport = 80, .options = 4, SYN, OF_B } },
		{ "met elsewhere", TO_A, { .src = B4, .dst = A4, .dport = 80, SYN } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin_with(FROM_B, &syn);
		set_shut(true);
		CHECK_FATE(rows[i].what, world_run(rows[i].hook, &rows[i].p),
			   FL_R_UNKNOWN_ENDPOINT);
		set_shut(false);
	}
}

static void what_is_not_settled_is_judged_each_time(void **state)
{
	static const struct pkt from = { .src = REMOTE4, .dst = A4, .dport = 80, SYN };
	struct pkt next = from;

	(void)state;
	put_a(0, 1);
	begin_with(TO_A, &from);
	next.sport = 9;
	CHECK_FATE("a pod that was there before", world_run(TO_A, &next), FL_R_POLICY_INGRESS);
	put_a(FL_ENDPOINT_SHUT, 0);
	set_open(true);
	world_forget();
	(void)world_run(FROM_B, &syn);
	assert_int_equal(world_flows(), 1);
	set_open(false);
	next = syn;
	next.sport = 9;
	CHECK_FATE("a pod on its way in", world_run(FROM_B, &next), FL_R_POLICY_INGRESS);
	put_a(0, 0);
	world_forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_allowed_is_until_the_generation_changes),
		cmocka_unit_test(it_does_not_matter_how_it_is_met),
		cmocka_unit_test(another_end_port_or_protocol_is_judged),
		cmocka_unit_test(who_may_not_send_is_not_helped_by_who_may),
		cmocka_unit_test(what_was_not_allowed_is_judged_each_time),
		cmocka_unit_test(what_is_not_settled_is_judged_each_time),
		cmocka_unit_test(the_second_one_is_entered_as_the_first_without_a_look_at_its_ends),
		cmocka_unit_test(all_else_is_looked_at),
	};

	return cmocka_run_group_tests_name("answer", tests, world_begin, world_end);
}
