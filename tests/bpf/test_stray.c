// SPDX-License-Identifier: Apache-2.0
/*
 * What the stack brings to a pod though it is for none of the pod's addresses: multicast,
 * broadcast, what a route of somebody's leads there. The pod's policy holds for it, packet by
 * packet.
 */
#include "world.h"

static const struct pkt strays[] = {
	{ .src = WORLD4, .dst = "224.0.1.9", .dport = 9 },
	{ .src = B4, .dst = "224.0.1.9", .dport = 9 },
	{ .src = B4, .dst = "255.255.255.255", .dport = 9 },
	{ .src = WORLD6, .dst = "2001:db8:9::1", .dport = 9 },
	{ .src = B6, .dst = "ff0e::9", .dport = 9 },
};

static void check_all(enum fl_reason want)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(strays); i++)
		CHECK_FATE(strays[i].dst, world_run(TO_A, &strays[i]), want);
}

static void nobody_is_shut_out_of_a_pod_that_is_not_isolated(void **state)
{
	(void)state;
	check_all(FL_R_FORWARDED);
	assert_int_equal(world_flows(), 0);
}

static void an_isolated_pod_gets_what_its_policy_allows(void **state)
{
	(void)state;
	world_slot(SLOT_A, 21, FL_SLOT_INGRESS);
	check_all(FL_R_POLICY_INGRESS);
	world_rule(21, FL_INGRESS, ID_B, FL_RULE_ALL);
	CHECK_FATE("from B", world_run(TO_A, &strays[1]), FL_R_FORWARDED);
	CHECK_FATE("from outside", world_run(TO_A, &strays[0]), FL_R_POLICY_INGRESS);
	world_rule(21, FL_INGRESS, FL_ID_ANY, FL_RULE_ALL);
	check_all(FL_R_FORWARDED);
}

static void what_others_may_get_from_a_sender_does_not_count_here(void **state)
{
	const struct pkt sent = { .src = B4, .dst = "224.0.1.9", .dport = 9, .src_mac = MAC_B };

	(void)state;
	world_slot(SLOT_A, 22, FL_SLOT_INGRESS);
	CHECK_FATE("sent", world_run(FROM_B, &sent), FL_R_FORWARDED);
	assert_int_equal(world_flows(), 1);
	CHECK_FATE("received", world_run(TO_A, &strays[1]), FL_R_POLICY_INGRESS);
}

/* A frame says where it goes by its MAC address, and B's egress policy speaks of the IP address. */
static void what_a_pod_sends_to_a_station_must_be_allowed_to_reach_that_one(void **state)
{
	struct pkt p[] = {
		{ .src = B4, .dst = WORLD4, .dport = 9, .src_mac = MAC_B },
		{ .src = B6, .dst = WORLD6, .dport = 9, .src_mac = MAC_B },
	};
	struct pkt to_all = { .src = B4,
			      .dst = "224.0.1.9",
			      .dport = 9,
			      .src_mac = MAC_B,
			      .dst_mac = { 1, 0, 0x5e, 0, 1, 9 } };

	(void)state;
	world_slot(SLOT_A, 0, 0);
	world_slot(SLOT_B, 24, FL_SLOT_EGRESS);
	world_prefix(WORLD4, 32, 70);
	world_prefix(WORLD6, 128, 70);
	world_prefix("224.0.0.0", 4, 70);
	world_rule(24, FL_EGRESS, 70, FL_RULE_ALL);
	for (size_t i = 0; i < FL_ARRAY_LEN(p); i++) {
		CHECK_FATE("to where it may", world_run(FROM_B, &p[i]), FL_R_FORWARDED);
		CHECK_FATE("by A's MAC address", world_run(TO_A, &p[i]), FL_R_POLICY_EGRESS);
		p[i].src_mac[5] = 0xfe;
		CHECK_FATE("by the router", world_run(TO_A, &p[i]), FL_R_FORWARDED);
		p[i].src_mac[5] = 0x0b;
	}
	CHECK_FATE("to all", world_run(TO_A, &to_all), FL_R_FORWARDED);
	world_rule(24, FL_EGRESS, ID_A, FL_RULE_ALL);
	for (size_t i = 0; i < FL_ARRAY_LEN(p); i++)
		CHECK_FATE("A may be reached", world_run(TO_A, &p[i]), FL_R_FORWARDED);
	world_slot(SLOT_B, 0, 0);
}

static void the_node_reaches_its_pod_so_too(void **state)
{
	const struct pkt p = { .src = NODE4, .dst = "224.0.0.251", .dport = 5353 };

	(void)state;
	world_slot(SLOT_A, 23, FL_SLOT_INGRESS);
	CHECK_FATE("from the node", world_run(TO_A, &p), FL_R_FORWARDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_shut_out_of_a_pod_that_is_not_isolated),
		cmocka_unit_test(an_isolated_pod_gets_what_its_policy_allows),
		cmocka_unit_test(what_others_may_get_from_a_sender_does_not_count_here),
		cmocka_unit_test(what_a_pod_sends_to_a_station_must_be_allowed_to_reach_that_one),
		cmocka_unit_test(the_node_reaches_its_pod_so_too),
	};

	return cmocka_run_group_tests_name("strays", tests, world_begin, world_end);
}
