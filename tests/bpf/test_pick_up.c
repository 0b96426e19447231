// SPDX-License-Identifier: Apache-2.0
/*
 * Connections that nobody saw open: who may go on with them while a pod has newly come under the
 * datapath, who may not, and that such a pod's connections keep to the stack. Needs root and eBPF.
 */
#include "world.h"

#include <bpf/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <time.h>

#define ACK  .proto = IPPROTO_TCP, .tcp = PKT_ACK
#define SYN  .proto = IPPROTO_TCP, .tcp = PKT_SYN
#define BOTH .proto = IPPROTO_TCP, .tcp = PKT_SYN | PKT_ACK

/* The pod came under the datapath a moment ago (seconds > 0), long ago (< 0), or was born there. */
static void set_late(const char *link, int seconds)
{
	__u32 ifindex = if_nametoindex(link);
	int endpoints = world_map("fl_endpoints");
	struct fl_endpoint_info ep;
	struct timespec now = { 0 };

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	assert_int_equal(bpf_map_lookup_elem(endpoints, &ifindex, &ep), 0);
	ep.pick_up_until_s = seconds ? (__u32)((long)now.tv_sec + seconds) : 0;
	assert_int_equal(bpf_map_update_elem(endpoints, &ifindex, &ep, BPF_EXIST), 0);
}

/* A may be reached at TCP port 80 by the peer's pods, and may send nothing of its own accord. */
static void isolate(void)
{
	world_slot(SLOT_A, 30, FL_SLOT_INGRESS | FL_SLOT_EGRESS);
	world_rule(30, FL_INGRESS, ID_REMOTE, 60);
	world_port(60, IPPROTO_TCP, 80, 16);
}

static void a_late_pod_goes_on_with_what_the_other_side_was_allowed_to_open(void **state)
{
	static const struct world_row rows[] = {
		{ "a reply",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .sport = 80, ACK },
		  FL_R_FORWARDED },
		{ "a reply, IPv6",
		  FROM_A,
		  { .src = A6, .dst = REMOTE6, .sport = 80, ACK },
		  FL_R_FORWARDED },
		{ "the end of one",
		  FROM_A,
		  { .src = A4,
		    .dst = REMOTE4,
		    .sport = 80,
		    .proto = IPPROTO_TCP,
		    .tcp = PKT_FIN | PKT_ACK },
		  FL_R_FORWARDED },
		{ "from a port that is not open",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .sport = 81, ACK },
		  FL_R_POLICY_EGRESS },
		{ "to the port, which is not from it",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .sport = 81, .dport = 80, ACK },
		  FL_R_POLICY_EGRESS },
		{ "to whom the port is not open",
		  FROM_A,
		  { .src = A4, .dst = WORLD4, .sport = 80, ACK },
		  FL_R_POLICY_EGRESS },
		{ "to the node, which may open any",
		  FROM_A,
		  { .src = A4, .dst = NODE4, .sport = 81, ACK },
		  FL_R_FORWARDED },
		{ "what comes to the port",
		  TO_A,
		  { .src = REMOTE4, .dst = A4, .dport = 80, ACK },
		  FL_R_FORWARDED },
		{ "a reply to what it may not send",
		  TO_A,
		  { .src = REMOTE4, .dst = A4, .sport = 80, .dport = 81, ACK },
		  FL_R_POLICY_INGRESS },
		{ "of a pod that may open anything",
		  FROM_B,
		  { .src = B4, .dst = REMOTE4, .src_mac = MAC_B, .sport = 9, ACK },
		  FL_R_FORWARDED },
	};

	(void)state;
	isolate();
	set_late("hA", 60);
	CHECK_ROWS(rows);
}

static void a_late_pods_own_requests_are_answered(void **state)
{
	static const struct world_row rows[] = {
		{ "an answer",
		  TO_A,
		  { .src = WORLD4, .dst = A4, .sport = 443, ACK },
		  FL_R_FORWARDED },
		{ "not by who was not asked",
		  TO_A,
		  { .src = WORLD4, .dst = A4, .sport = 444, ACK },
		  FL_R_POLICY_INGRESS },
		{ "of another pod here",
		  FROM_B,
		  { .src = B4, .dst = A4, .src_mac = MAC_B, .sport = 443, ACK },
		  FL_R_FORWARDED },
	};

	(void)state;
	world_slot(SLOT_A, 31, FL_SLOT_INGRESS | FL_SLOT_EGRESS);
	world_rule(31, FL_EGRESS, FL_ID_ANY, 61);
	world_port(61, IPPROTO_TCP, 443, 16);
	set_late("hA", 60);
	CHECK_ROWS(rows);
}

static void only_the_middle_of_tcp_is_picked_up(void **state)
{
	static const struct world_row rows[] = {
		{ "an opening",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .sport = 80, SYN },
		  FL_R_POLICY_EGRESS },
		{ "half of one",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .sport = 80, BOTH },
		  FL_R_POLICY_EGRESS },
		{ "udp", FROM_A, { .src = A4, .dst = REMOTE4, .sport = 80 }, FL_R_POLICY_EGRESS },
		{ "sctp",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .sport = 80, .proto = IPPROTO_SCTP },
		  FL_R_POLICY_EGRESS },
		{ "an echo reply",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .proto = IPPROTO_ICMP, .type = 0 },
		  FL_R_POLICY_EGRESS },
	};

	(void)state;
	isolate();
	world_rule(30, FL_INGRESS, ID_REMOTE, FL_RULE_ALL);
	set_late("hA", 60);
	CHECK_ROWS(rows);
}

static void later_fragments_are_not_picked_up(void **state)
{
	static const struct pkt first = {
		.src = A4, .dst = REMOTE4, .sport = 80, .id = 5, .more = 1, .payload = 24, SYN
	};
	static const struct pkt later = {
		.src = A4, .dst = REMOTE4, .id = 5, .offset = 6, .payload = 24, .proto = IPPROTO_TCP
	};

	(void)state;
	world_forget();
	isolate();
	set_late("hA", 60);
	CHECK_FATE("an opening in parts", world_run(FROM_A, &first), FL_R_POLICY_EGRESS);
	CHECK_FATE("its rest", world_run(FROM_A, &later), FL_R_POLICY_EGRESS);
}

static void nobody_else_gets_round_its_policy_in_mid_flow(void **state)
{
	static const struct world_row rows[] = {
		{ "what would be a reply",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .sport = 80, ACK },
		  FL_R_POLICY_EGRESS },
		{ "what would be an answer",
		  TO_A,
		  { .src = REMOTE4, .dst = A4, .sport = 80, .dport = 81, ACK },
		  FL_R_POLICY_INGRESS },
	};

	(void)state;
	isolate();
	set_late("hA", 0);
	CHECK_ROWS(rows);
	/* The time is over. */
	set_late("hA", -1);
	CHECK_ROWS(rows);
}

static void what_was_picked_up_opens_nothing_the_other_way(void **state)
{
	static const struct pkt reply = { .src = A4, .dst = REMOTE4, .sport = 80, .dport = 7, ACK };
	static const struct pkt opening = {
		.src = A4, .dst = REMOTE4, .sport = 80, .dport = 7, SYN
	};
	static const struct pkt back = { .src = REMOTE4, .dst = A4, .sport = 7, .dport = 80, ACK };
	static const struct pkt again = { .src = REMOTE4, .dst = A4, .sport = 7, .dport = 80, SYN };

	(void)state;
	world_forget();
	isolate();
	set_late("hA", 60);
	CHECK_FATE("a reply", world_run(FROM_A, &reply), FL_R_FORWARDED);
	CHECK_FATE("an opening from the same port", world_run(FROM_A, &opening),
		   FL_R_POLICY_EGRESS);
	CHECK_FATE("its peer goes on", world_run(TO_A, &back), FL_R_FORWARDED);
	CHECK_FATE("and may open anew", world_run(TO_A, &again), FL_R_FORWARDED);
	/* The policy has changed: judged again as what the other side has opened. */
	world_next_generation();
	CHECK_FATE("a reply later", world_run(FROM_A, &reply), FL_R_FORWARDED);
	world_slot(SLOT_A, 32, FL_SLOT_INGRESS | FL_SLOT_EGRESS);
	world_rule(32, FL_EGRESS, FL_ID_ANY, FL_RULE_ALL);
	world_next_generation();
	CHECK_FATE("what is no longer allowed", world_run(FROM_A, &reply), FL_R_POLICY_INGRESS);
}

static void an_opening_against_a_known_connection_is_judged_by_itself(void **state)
{
	static const struct pkt in = { .src = REMOTE4, .dst = A4, .sport = 7, .dport = 80, SYN };
	static const struct pkt accepted = {
		.src = A4, .dst = REMOTE4, .sport = 80, .dport = 7, BOTH
	};
	static const struct pkt opening = {
		.src = A4, .dst = REMOTE4, .sport = 80, .dport = 7, SYN
	};

	(void)state;
	world_forget();
	isolate();
	set_late("hA", 0);
	CHECK_FATE("opened by the peer", world_run(TO_A, &in), FL_R_FORWARDED);
	CHECK_FATE("accepted", world_run(FROM_A, &accepted), FL_R_FORWARDED);
	CHECK_FATE("opened the other way", world_run(FROM_A, &opening), FL_R_POLICY_EGRESS);
	CHECK_FATE("accepted once more", world_run(FROM_A, &accepted), FL_R_FORWARDED);
}

static void what_may_be_old_keeps_to_the_stack(void **state)
{
	static const struct pkt middle = { .src = A4, .dst = B4, .sport = 7, .dport = 80, ACK };
	static const struct pkt half = { .src = A4, .dst = B4, .sport = 8, .dport = 80, BOTH };
	static const struct pkt fresh = { .src = A4, .dst = B4, .sport = 9, .dport = 80, SYN };
	static const struct pkt udp = { .src = A4, .dst = B4, .sport = 7, .dport = 80 };
	static const struct pkt back = {
		.src = B4, .dst = A4, .src_mac = MAC_B, .sport = 80, .dport = 7, ACK
	};

	(void)state;
	world_forget();
	world_slot(SLOT_A, 0, 0);
	set_late("hA", 0);
	CHECK_FATE("the middle", world_run(FROM_A, &middle), FL_R_FORWARDED);
	CHECK_FATE("its other direction", world_run(FROM_B, &back), FL_R_FORWARDED);
	CHECK_FATE("half an opening", world_run(FROM_A, &half), FL_R_FORWARDED);
	CHECK_FATE("an opening", world_run(FROM_A, &fresh), FL_R_REDIRECTED);
	CHECK_FATE("udp", world_run(FROM_A, &udp), FL_R_REDIRECTED);
	/* Of a connection of before, a Service's translation may be known to the stack. */
	world_forget();
	set_late("hA", 60);
	CHECK_FATE("udp of a late pod", world_run(FROM_A, &udp), FL_R_FORWARDED);
	CHECK_FATE("an opening of one", world_run(FROM_A, &fresh), FL_R_REDIRECTED);
	set_late("hA", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_late_pod_goes_on_with_what_the_other_side_was_allowed_to_open),
		cmocka_unit_test(a_late_pods_own_requests_are_answered),
		cmocka_unit_test(only_the_middle_of_tcp_is_picked_up),
		cmocka_unit_test(later_fragments_are_not_picked_up),
		cmocka_unit_test(nobody_else_gets_round_its_policy_in_mid_flow),
		cmocka_unit_test(what_was_picked_up_opens_nothing_the_other_way),
		cmocka_unit_test(an_opening_against_a_known_connection_is_judged_by_itself),
		cmocka_unit_test(what_may_be_old_keeps_to_the_stack),
	};

	return cmocka_run_group_tests_name("picking up connections", tests, world_begin, world_end);
}
