// SPDX-License-Identifier: Apache-2.0
/*
 * The agent's side of the programs, with real pods and real packets: blocks, taking over,
 * endpoints, policy, sweeping. Needs root and eBPF; works in network and mount namespaces of its
 * own, with a bpf file system of its own.
 */
#include "pods.h"

#include <errno.h>

#include <bpf/bpf.h>

static struct dp *dp;
static struct dp_endpoint a, b;

static struct dp_endpoint endpoint(const char *link, const char *ip, __u8 last, __u32 slot)
{
	struct dp_endpoint ep = { .ifindex = if_nametoindex(link), .n_ips = 1 };

	ep.info.identity = 100 + last;
	ep.info.slot = slot;
	memcpy(ep.info.mac, (__u8[]){ 2, 0, 0, 0, 0, last }, 6);
	memcpy(ep.info.host_mac, (__u8[]){ 2, 0, 0, 0, 1, last }, 6);
	ep.ips[0] = address(ip);
	return ep;
}

static int begin(void **state)
{
	struct fl_prefix_key node = { .prefixlen = 32 + 128, .addr = address("10.0.0.1") };
	bool changed;

	(void)state;
	if (pods_begin() < 0 || dp_open(PINS, 0, &dp, &err) < 0 ||
	    dp_attach(dp, nl, &changed, &err) < 0) {
		print_message("# %s\n", err.text);
		return -1;
	}
	a = endpoint("ha", "10.0.0.2", 0x0a, 1);
	b = endpoint("hb", "10.0.0.3", 0x0b, 2);
	return dp_set_special(dp, &node, FL_SPECIAL_NODE, &err);
}

static int end(void **state)
{
	(void)state;
	dp_close(&dp);
	fl_nl_close(&nl);
	return 0;
}

static __u64 counted(enum fl_reason reason)
{
	struct dp_counts counts;

	CHECK_OK(dp_counts(dp, &counts, &err), &err);
	return counts.reason[reason][FL_INGRESS].packets + counts.reason[reason][FL_EGRESS].packets;
}

/* As the agent does it: it opens when all have been judged again. */
static void put_endpoint(const struct dp_endpoint *ep)
{
	bool is_shut = false;

	CHECK_OK(dp_set_endpoint(dp, ep, NULL, &is_shut, &err), &err);
	CHECK(is_shut);
	CHECK(sh(NO_PING) != 0);
	CHECK_OK(dp_next_generation(dp, &err), &err);
	CHECK_OK(dp_open_endpoint(dp, ep, &err), &err);
	CHECK_OK(dp_set_endpoint(dp, ep, ep, &is_shut, &err), &err);
	CHECK(!is_shut);
}

static void a_pod_in_the_blocks_is_shut_until_the_agent_knows_it(void **state)
{
	(void)state;
	must(PING);
	join("ha");
	join("hb");
	CHECK(sh(NO_PING) != 0);
	CHECK(counted(FL_R_UNKNOWN_ENDPOINT) > 0);
	put_endpoint(&a);
	CHECK(sh(NO_PING) != 0);
	put_endpoint(&b);
	must(PING);
	CHECK(counted(FL_R_REDIRECTED) >= 6);
}

static void an_unknown_one_may_talk_where_that_is_said(void **state)
{
	(void)state;
	CHECK_OK(dp_remove_stranger(dp, b.ifindex, &err), &err);
	CHECK(sh(NO_PING) != 0);
	CHECK_OK(dp_allow_unknown(dp, true, &err), &err);
	must(PING);
	CHECK_OK(dp_allow_unknown(dp, false, &err), &err);
	CHECK(sh(NO_PING) != 0);
	put_endpoint(&b);
	must(PING);
}

static void isolation_holds_and_the_node_still_comes_in(void **state)
{
	struct fl_slot isolated = { .version = 5, .flags = FL_SLOT_INGRESS }, open = { 0 };
	struct fl_rule_key key = { .version = 6, .who = 100 + 0x0a, .dir = FL_INGRESS };
	struct fl_rule all = { .ports = FL_RULE_ALL };

	(void)state;
	CHECK_OK(dp_set_slot(dp, 2, &isolated, &err), &err);
	CHECK_OK(dp_next_generation(dp, &err), &err);
	CHECK(sh(NO_PING) != 0);
	CHECK(counted(FL_R_POLICY_INGRESS) > 0);
	must("ping -q -c 1 -W 1 -I 10.0.0.1 10.0.0.3 >/dev/null");
	CHECK_OK(dp_set_rule(dp, &key, &all, &err), &err);
	isolated.version = 6;
	CHECK_OK(dp_set_slot(dp, 2, &isolated, &err), &err);
	must(PING);
	CHECK_OK(dp_remove_rule(dp, &key, &err), &err);
	CHECK_OK(dp_set_slot(dp, 2, &open, &err), &err);
	CHECK_OK(dp_next_generation(dp, &err), &err);
	must(PING);
}

static int count_endpoint(__u32 ifindex, const struct fl_endpoint_info *info, void *arg,
			  struct fl_err *e)
{
	(void)e;
	CHECK(info->identity != 0);
	CHECK(ifindex == a.ifindex || ifindex == b.ifindex);
	++*(int *)arg;
	return 0;
}

static void without_an_agent_all_goes_on_and_the_next_one_takes_over(void **state)
{
	struct fl_slot isolated = { .version = 5, .flags = FL_SLOT_INGRESS }, open = { 0 };
	bool changed = false;
	int n = 0;

	(void)state;
	CHECK_OK(dp_set_slot(dp, 2, &isolated, &err), &err);
	CHECK_OK(dp_next_generation(dp, &err), &err);
	dp_close(&dp);
	CHECK(sh(NO_PING) != 0);
	CHECK_OK(dp_open(PINS, 0, &dp, &err), &err);
	CHECK(sh(NO_PING) != 0);
	CHECK_OK(dp_attach(dp, nl, &changed, &err), &err);
	CHECK(changed); /* the programs, by newly loaded ones */
	CHECK(sh(NO_PING) != 0);
	CHECK_OK(dp_endpoints(dp, count_endpoint, &n, &err), &err);
	CHECK(n == 2);
	CHECK_OK(dp_set_slot(dp, 2, &open, &err), &err);
	CHECK_OK(dp_next_generation(dp, &err), &err);
	must(PING);
	CHECK_OK(dp_attach(dp, nl, &changed, &err), &err);
	CHECK(!changed);
}

static void exchanging_the_programs_loses_no_packet(void **state)
{
	bool changed;

	(void)state;
	must("ip netns exec a ping -q -c 400 -i 0.002 10.0.0.3 >/run/flood & echo $! >/run/pid");
	for (int i = 0; i < 10; i++) {
		dp_close(&dp);
		CHECK_OK(dp_open(PINS, 0, &dp, &err), &err);
		CHECK_OK(dp_attach(dp, nl, &changed, &err), &err);
		CHECK(changed);
	}
	must("for i in $(seq 400); do grep -q transmitted /run/flood && break; sleep 0.1; done");
	must("grep -q ' 0% packet loss' /run/flood");
}

static void what_somebody_takes_away_comes_back(void **state)
{
	bool changed;

	(void)state;
	must("tc filter del block 262241965 prio 1 protocol all 2>/dev/null || "
	     "tc filter del block 262241965");
	CHECK_OK(dp_attach(dp, nl, &changed, &err), &err);
	CHECK(changed);
	must("ip link del " FL_BLOCKS_ANCHOR);
	CHECK_OK(dp_attach(dp, nl, &changed, &err), &err);
	CHECK(changed);
	CHECK_OK(dp_attach(dp, nl, &changed, &err), &err);
	CHECK(!changed);
	must(PING);
}

static void anothers_filter_in_the_block_is_left_alone(void **state)
{
	struct fl_filter filter;
	unsigned int others = 0;
	bool changed;

	(void)state;
	must("tc filter add block 262241965 prio 7 bpf bytecode '1,6 0 0 0,'");
	CHECK_OK(dp_attach(dp, nl, &changed, &err), &err);
	CHECK(!changed);
	CHECK_OK(fl_tc_get_filter(nl, FL_BLOCKS_INGRESS, &filter, &others, &err), &err);
	CHECK(others == 1);
	assert_string_equal(filter.name, "fl_from_pod");
	/* Without ours the block is theirs. */
	must("tc filter del block 262241965 prio 1");
	CHECK_FAILS(dp_attach(dp, nl, &changed, &err), EEXIST, &err,
		    "block 262241965 has filters of another program");
	CHECK_FAILS(fl_tc_get_filter(nl, FL_BLOCKS_INGRESS, &filter, &others, &err), ENOENT, &err,
		    "");
	CHECK(others == 1);
	must("tc filter del block 262241965 prio 7");
	CHECK_OK(dp_attach(dp, nl, &changed, &err), &err);
	CHECK(changed);
	must(PING);
}

static void silent_connections_are_swept_and_a_pods_go_with_it(void **state)
{
	int fd = bpf_obj_get(PINS "/v1/fl_flows");
	struct fl_flow_key old = { .addr = { address("10.9.0.1"), address("10.9.0.2") },
				   .proto = FL_PROTO_UDP };
	struct dp_sweep sweep = { 0 };
	struct fl_flow flow;
	struct fl_flow_key key;
	size_t before;

	(void)state;
	CHECK(fd >= 0);
	must(PING);
	CHECK_OK(dp_sweep(dp, &sweep, &err), &err);
	before = sweep.flows - sweep.removed;
	CHECK(before >= 1);
	CHECK(bpf_map_get_next_key(fd, NULL, &key) == 0);
	CHECK(bpf_map_lookup_elem(fd, &key, &flow) == 0);
	flow.seen -= 1000 * (FL_TIMEOUT_UDP_REPLIED_S + 1);
	CHECK(bpf_map_update_elem(fd, &old, &flow, BPF_ANY) == 0);
	CHECK_OK(dp_sweep(dp, &sweep, &err), &err);
	CHECK(sweep.flows == before + 1 && sweep.removed == 1);
	CHECK_OK(dp_remove_endpoint(dp, &a, &err), &err);
	CHECK_OK(dp_sweep(dp, &sweep, &err), &err);
	CHECK(sweep.flows < before || before == 0 || sweep.flows == 0);
	put_endpoint(&a);
	must(PING);
	close(fd);
}

static void connections_do_not_go_with_an_address_to_another_interface(void **state)
{
	struct dp_endpoint thief = b;
	struct dp_sweep sweep = { 0 };
	bool is_shut = false;
	size_t before;

	(void)state;
	must(PING);
	CHECK_OK(dp_sweep(dp, &sweep, &err), &err);
	before = sweep.flows - sweep.removed;
	/* As when nobody has seen the pod go whose address it was. */
	thief.ips[0] = a.ips[0];
	CHECK_OK(dp_set_endpoint(dp, &thief, &b, &is_shut, &err), &err);
	CHECK(is_shut);
	CHECK_OK(dp_sweep(dp, &sweep, &err), &err);
	CHECK(sweep.flows < before);
	/* What is removed late takes nothing of the new one's. */
	CHECK_OK(dp_remove_endpoint(dp, &a, &err), &err);
	CHECK_OK(dp_next_generation(dp, &err), &err);
	CHECK_OK(dp_open_endpoint(dp, &thief, &err), &err);
	CHECK_OK(dp_set_endpoint(dp, &thief, &thief, &is_shut, &err), &err);
	CHECK(!is_shut);
	CHECK_OK(dp_remove_endpoint(dp, &thief, &err), &err);
	put_endpoint(&a);
	put_endpoint(&b);
	must(PING);
}

static __u32 generation(void)
{
	fl_auto_close int fd = bpf_obj_get(PINS "/v1/fl_state");
	struct fl_state now = { 0 };
	__u32 zero = 0;

	CHECK(fd >= 0 && bpf_map_lookup_elem(fd, &zero, &now) == 0);
	return now.generation;
}

/* Connections' entries say what they have found of an endpoint, while the generation is theirs. */
static void an_endpoint_changes_and_goes_with_the_generation(void **state)
{
	struct dp_endpoint moved = a;
	__u32 was = generation();
	bool is_shut = false;

	(void)state;
	CHECK_OK(dp_set_endpoint(dp, &a, &a, &is_shut, &err), &err);
	CHECK(generation() == was);
	moved.info.host_mac[5] ^= 1;
	CHECK_OK(dp_set_endpoint(dp, &moved, &a, &is_shut, &err), &err);
	CHECK(!is_shut && generation() == was + 1);
	CHECK_OK(dp_remove_endpoint(dp, &moved, &err), &err);
	CHECK(generation() > was + 1);
	put_endpoint(&a);
	must(PING);
}

static void what_is_taken_away_leaves_pods_free(void **state)
{
	bool changed;

	(void)state;
	CHECK_OK(dp_remove_endpoint(dp, &a, &err), &err);
	CHECK(sh(NO_PING) != 0);
	dp_close(&dp);
	CHECK_OK(dp_retire(PINS, nl, &err), &err);
	must(PING);
	must("! ip link show " FL_BLOCKS_ANCHOR " 2>/dev/null && ! ls " PINS "/v1 2>/dev/null");
	CHECK_OK(dp_retire(PINS, nl, &err), &err);
	/* The pods are still in the blocks, which the next datapath finds. */
	CHECK_OK(dp_open(PINS, 0, &dp, &err), &err);
	CHECK_OK(dp_attach(dp, nl, &changed, &err), &err);
	CHECK(sh(NO_PING) != 0);
}

static void no_bpf_file_system_is_said_with_the_remedy(void **state)
{
	struct dp *other = NULL;

	(void)state;
	CHECK_FAILS(dp_open("/run/nowhere", 0, &other, &err), ENODEV, &err, "mount -t bpf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_in_the_blocks_is_shut_until_the_agent_knows_it),
		cmocka_unit_test(an_unknown_one_may_talk_where_that_is_said),
		cmocka_unit_test(isolation_holds_and_the_node_still_comes_in),
		cmocka_unit_test(without_an_agent_all_goes_on_and_the_next_one_takes_over),
		cmocka_unit_test(exchanging_the_programs_loses_no_packet),
		cmocka_unit_test(what_somebody_takes_away_comes_back),
		cmocka_unit_test(anothers_filter_in_the_block_is_left_alone),
		cmocka_unit_test(silent_connections_are_swept_and_a_pods_go_with_it),
		cmocka_unit_test(connections_do_not_go_with_an_address_to_another_interface),
		cmocka_unit_test(an_endpoint_changes_and_goes_with_the_generation),
		cmocka_unit_test(what_is_taken_away_leaves_pods_free),
		cmocka_unit_test(no_bpf_file_system_is_said_with_the_remedy),
	};

	return cmocka_run_group_tests_name("datapath", tests, begin, end);
}
