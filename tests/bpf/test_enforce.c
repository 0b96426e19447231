// SPDX-License-Identifier: Apache-2.0
/*
 * NetworkPolicy in force on real pods: records and objects in, packets judged. Needs root and eBPF;
 * see enforced.h.
 */
#include "enforced.h"

#include <errno.h>

static void pods_with_records_talk_while_no_policy_selects_them(void **state)
{
	(void)state;
	must(PING);
	CHECK(enf_stats(enf).endpoints == 2);
}

static void a_policy_shuts_and_another_opens(void **state)
{
	(void)state;
	put_policy(DENY_ALL);
	CHECK(sh(NO_PING) != 0);
	put_policy(FROM_CLIENT);
	must(PING);
	/* The other way nobody has allowed. */
	CHECK(sh("ip netns exec b ping -q -c 1 -W 0.3 10.0.0.2 >/dev/null") != 0);
	must("ping -q -c 1 -W 1 -I 10.0.0.1 10.0.0.3 >/dev/null");
}

static void a_pod_objects_labels_rule_over_the_runtimes(void **state)
{
	(void)state;
	put_pod("{\"metadata\":{\"namespace\":\"x\",\"name\":\"a\",\"labels\":{\"app\":\"other\"}},"
		"\"spec\":{\"nodeName\":\"n1\"}}");
	CHECK(sh(NO_PING) != 0);
	CHECK_OK(enf_del_pod(enf, "x", "a", &err), &err);
	CHECK_OK(enf_commit(enf, &err), &err);
	must(PING);
}

static void nothing_opens_while_the_agent_is_away_or_comes_back(void **state)
{
	(void)state;
	enf_close(&enf);
	CHECK(sh("ip netns exec b ping -q -c 1 -W 0.3 10.0.0.2 >/dev/null") != 0);
	must(PING);
	must("ip netns exec a ping -q -c 300 -i 0.002 10.0.0.3 >/run/flood &");
	must("ip netns exec b ping -q -c 300 -i 0.002 -W 1 10.0.0.2 >/run/forbidden &");
	CHECK(open_enf() == 0);
	put_policy(DENY_ALL);
	put_policy(FROM_CLIENT);
	CHECK_OK(enf_reconcile(enf, &err), &err);
	must("for i in $(seq 400); do grep -q transmitted /run/flood && "
	     "grep -q transmitted /run/forbidden && break; sleep 0.1; done");
	must("grep -q ' 0% packet loss' /run/flood");
	must("grep -q ' 100% packet loss' /run/forbidden");
}

static void an_address_of_a_pod_that_is_gone_is_nobodys(void **state)
{
	struct fl_key key = { "pods", "cc", "eth0" };

	(void)state;
	remove_record("ca");
	CHECK_OK(enf_reconcile(enf, &err), &err);
	CHECK(sh(NO_PING) != 0); /* its interface is an unknown one now */
	put_record("cc", "c", "10.0.0.2", 'a', "[{\"key\":\"app\",\"value\":\"else\"}]");
	CHECK_OK(enf_attach(enf, &key, &err), &err);
	CHECK(sh(NO_PING) != 0); /* and the new one is not the old */
	remove_record("cc");
	put_record("cd", NULL, "10.0.0.2", 'a', "[]");
	CHECK_OK(enf_reconcile(enf, &err), &err);
	CHECK(sh(NO_PING) != 0);
	must("ip netns exec b true");
	CHECK_FAILS(enf_attach(enf, &key, &err), ENOENT, &err, "");
	remove_record("cd");
	put_record("ca", "a", "10.0.0.2", 'a', "[{\"key\":\"app\",\"value\":\"client\"}]");
	key.container_id = "ca";
	CHECK_OK(enf_attach(enf, &key, &err), &err);
	must(PING);
}

static __u32 generation(void)
{
	fl_auto_close int fd = pinned("fl_state");
	struct fl_state now = { 0 };
	__u32 zero = 0;

	CHECK(bpf_map_lookup_elem(fd, &zero, &now) == 0);
	return now.generation;
}

/* New connections are allowed as those before them were, while the generation is the same. */
static void which_addresses_are_the_nodes_goes_with_the_generation(void **state)
{
	const struct enf_beyond none = { 0 };
	__u32 was;

	(void)state;
	/* Whether it is known what lies beyond the node, or never will be. */
	was = generation();
	CHECK_OK(enf_reconcile(enf, &err), &err);
	CHECK(generation() == was);
	enf_set_beyond(enf, &none);
	CHECK_OK(enf_reconcile(enf, &err), &err);
	was = generation();
	CHECK_OK(enf_reconcile(enf, &err), &err);
	CHECK(generation() == was);
	must("ip addr add 10.0.9.1/32 dev lo");
	CHECK_OK(enf_reconcile(enf, &err), &err);
	CHECK(generation() == was + 1);
	must("ip addr del 10.0.9.1/32 dev lo");
	CHECK_OK(enf_reconcile(enf, &err), &err);
	CHECK(generation() == was + 2);
}

static void without_policies_all_is_open_again(void **state)
{
	(void)state;
	CHECK_OK(pol_world_del_policy(enf_world(enf), "x", "deny", &err), &err);
	CHECK_OK(pol_world_del_policy(enf_world(enf), "x", "allow", &err), &err);
	CHECK_OK(enf_commit(enf, &err), &err);
	must("ip netns exec b ping -q -c 1 -W 1 10.0.0.2 >/dev/null");
	must(PING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pods_with_records_talk_while_no_policy_selects_them),
		cmocka_unit_test(a_policy_shuts_and_another_opens),
		cmocka_unit_test(a_pod_objects_labels_rule_over_the_runtimes),
		cmocka_unit_test(nothing_opens_while_the_agent_is_away_or_comes_back),
		cmocka_unit_test(an_address_of_a_pod_that_is_gone_is_nobodys),
		cmocka_unit_test(which_addresses_are_the_nodes_goes_with_the_generation),
		cmocka_unit_test(without_policies_all_is_open_again),
	};

	return cmocka_run_group_tests_name("enforce", tests, begin, end);
}
