// SPDX-License-Identifier: Apache-2.0
/*
 * Past the stack or by it: which way a connection between nodes takes, and keeps to, as the packets
 * of both directions show it (BPF_PROG_TEST_RUN).
 */
#include "world.h"

#include <bpf/bpf.h>
#include <netinet/in.h>

static void a_connection_keeps_to_the_way_it_began_on(void **state)
{
	static const struct pkt ask = { .src = A4, .dst = PEER4, .sport = 9, .dport = 53 };
	static const struct pkt answer = { .src = PEER4, .dst = A4, .sport = 53, .dport = 9 };
	const struct pkt error = { .src = "192.0.2.7",
				   .dst = A4,
				   .proto = IPPROTO_ICMP,
				   .type = 3,
				   .code = 4,
				   .about = &ask };
	const struct pkt refusal = { .src = A4,
				     .dst = PEER4,
				     .proto = IPPROTO_ICMP,
				     .type = 3,
				     .code = 3,
				     .about = &answer };

	(void)state;
	/* Past the stack: the answer, too, and errors of routers on the way. */
	world_forget();
	CHECK_FATE("the question", world_run(FROM_A, &ask), FL_R_REDIRECTED);
	CHECK_FATE("the answer", world_run(FROM_NET, &answer), FL_R_REDIRECTED);
	CHECK_FATE("an error", world_run(FROM_NET, &error), FL_R_REDIRECTED);
	CHECK_FATE("a refusal", world_run(FROM_A, &refusal), FL_R_REDIRECTED);
	/* Begun by the other side. */
	world_forget();
	CHECK_FATE("its question", world_run(FROM_NET, &answer), FL_R_REDIRECTED);
	CHECK_FATE("our answer", world_run(FROM_A, &ask), FL_R_REDIRECTED);
	/* Translated by the stack: back by it, and so are errors. */
	world_forget();
	world_passes("translated", TO_NET, &ask);
	world_passes("its answer", FROM_NET, &answer);
	world_passes("an error about it", FROM_NET, &error);
	CHECK_FATE("a refusal by the stack", world_run(FROM_A, &refusal), FL_R_FORWARDED);
	world_passes("and out", TO_NET, &refusal);
	assert_int_equal(world_flows(), 1);
	/* Let in by the stack: out by it. */
	world_forget();
	CHECK_FATE("by the stack", world_run(TO_A, &answer), FL_R_FORWARDED);
	CHECK_FATE("back by the stack", world_run(FROM_A, &ask), FL_R_FORWARDED);
	world_passes("and out", TO_NET, &ask);
}

static void a_segment_from_the_middle_is_the_stacks(void **state)
{
	static const struct pkt in = {
		.src = PEER4, .dst = A4, .proto = IPPROTO_TCP, .sport = 9, .tcp = PKT_ACK
	};
	static const struct pkt out = {
		.src = A4, .dst = PEER4, .proto = IPPROTO_TCP, .dport = 9, .tcp = PKT_ACK
	};

	(void)state;
	world_forget();
	world_passes("of a connection that nobody knows", FROM_NET, &in);
	assert_int_equal(world_flows(), 0);
	CHECK_FATE("and ours", world_run(FROM_A, &out), FL_R_FORWARDED);
}

static void a_change_of_policy_cuts_what_comes_past_the_stack(void **state)
{
	static const struct pkt in = { .src = PEER6, .dst = A6, .sport = 9, .dport = 53 };
	static const struct pkt back = { .src = A6, .dst = PEER6, .sport = 53, .dport = 9 };

	(void)state;
	world_forget();
	CHECK_FATE("allowed", world_run(FROM_NET, &in), FL_R_REDIRECTED);
	world_slot(SLOT_A, 31, FL_SLOT_INGRESS);
	world_next_generation();
	CHECK_FATE("no longer", world_run(FROM_NET, &in), FL_R_POLICY_INGRESS);
	CHECK_FATE("nor the answer", world_run(FROM_A, &back), FL_R_POLICY_INGRESS);
	world_rule(31, FL_INGRESS, ID_PEER, FL_RULE_ALL);
	CHECK_FATE("with a rule", world_run(FROM_NET, &in), FL_R_REDIRECTED);
	world_slot(SLOT_A, 0, 0);
	world_next_generation();
}

static void fragments_go_the_way_of_their_first(void **state)
{
	static const struct pkt first = {
		.src = PEER4, .dst = A4, .dport = 53, .id = 5, .more = 1, .payload = 24
	};
	static const struct pkt later = {
		.src = PEER4, .dst = A4, .id = 5, .offset = 4, .payload = 24
	};
	static const struct pkt first6 = {
		.src = A6, .dst = PEER6, .dport = 53, .id = 5, .more = 1, .payload = 24
	};
	static const struct pkt later6 = {
		.src = A6, .dst = PEER6, .id = 5, .offset = 4, .payload = 24
	};

	(void)state;
	world_forget();
	world_passes("before its first", FROM_NET, &later);
	CHECK_FATE("first", world_run(FROM_NET, &first), FL_R_REDIRECTED);
	CHECK_FATE("later", world_run(FROM_NET, &later), FL_R_REDIRECTED);
	CHECK_FATE("first out", world_run(FROM_A, &first6), FL_R_REDIRECTED);
	CHECK_FATE("later out", world_run(FROM_A, &later6), FL_R_REDIRECTED);
}

static void go_by_stack(__u32 all)
{
	struct fl_state now = { 0 };
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(world_map("fl_state"), &zero, &now), 0);
	now.by_stack = all;
	assert_int_equal(bpf_map_update_elem(world_map("fl_state"), &zero, &now, BPF_ANY), 0);
	world_next_generation();
}

/* A packet each way, first as one that is judged anew, then as a known one. */
static void both_ways(enum fl_reason out, enum fl_reason in, __u16 port)
{
	const struct pkt there = { .src = A4, .dst = PEER4, .sport = port, .dport = 53 },
			 back = { .src = PEER4, .dst = A4, .sport = 53, .dport = port };

	for (int i = 0; i < 2; i++) {
		CHECK_FATE(i ? "known, out" : "out", world_run(FROM_A, &there), out);
		if (in == FL_R_REDIRECTED) {
			CHECK_FATE(i ? "known, in" : "in", world_run(FROM_NET, &back), in);
			continue;
		}
		world_passes(i ? "known, in" : "in", FROM_NET, &back);
		CHECK_FATE(i ? "known, to the pod" : "to the pod", world_run(TO_A, &back), in);
	}
}

/* It may have to be encrypted, or to have been. */
static void what_goes_between_nodes_goes_by_the_stack_when_all_does(void **state)
{
	static const struct pkt near = { .src = A4, .dst = B4, .sport = 5, .dport = 53 };

	(void)state;
	world_forget();
	both_ways(FL_R_REDIRECTED, FL_R_REDIRECTED, 1001);
	go_by_stack(1);
	both_ways(FL_R_FORWARDED, FL_R_FORWARDED, 1001);
	both_ways(FL_R_FORWARDED, FL_R_FORWARDED, 1002);
	CHECK_FATE("pod of the node", world_run(FROM_A, &near), FL_R_REDIRECTED);
	go_by_stack(0);
	/* What the stack has seen from its beginning stays there. */
	both_ways(FL_R_REDIRECTED, FL_R_REDIRECTED, 1001);
	both_ways(FL_R_FORWARDED, FL_R_FORWARDED, 1002);
	both_ways(FL_R_REDIRECTED, FL_R_REDIRECTED, 1003);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_keeps_to_the_way_it_began_on),
		cmocka_unit_test(a_segment_from_the_middle_is_the_stacks),
		cmocka_unit_test(a_change_of_policy_cuts_what_comes_past_the_stack),
		cmocka_unit_test(fragments_go_the_way_of_their_first),
		cmocka_unit_test(what_goes_between_nodes_goes_by_the_stack_when_all_does),
	};

	return cmocka_run_group_tests_name("ways", tests, world_begin, world_end);
}
