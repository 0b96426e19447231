// SPDX-License-Identifier: Apache-2.0
/*
 * What is not as it should be, while NetworkPolicy is in force: pods that are none, addresses that
 * two have, a lack of memory. Needs root and eBPF; see enforced.h.
 */
#include "enforced.h"
#include "few_files.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <unistd.h>

#define SERVER "[{\"key\":\"app\",\"value\":\"server\"}]"

/* The problems that stand, in lines. */
static char problems[4096];

static void add_problem(const char *where, const char *text, void *arg)
{
	size_t n = strlen(problems);

	(void)arg;
	(void)snprintf(problems + n, sizeof(problems) - n, "%s: %s\n", where, text);
}

static void check_problems(const char *want)
{
	problems[0] = '\0';
	enf_problems(enf, add_problem, NULL);
	assert_string_equal(problems, want);
}

static void check_standing(const char *ifname, const char *want)
{
	uint32_t identity = 0;
	const char *why;

	CHECK_OK(enf_look(enf, &err), &err);
	why = enf_standing(enf, ifname, &identity);
	if (want)
		assert_string_equal(why, want);
	else if (why)
		fail_msg("'%s': %s", ifname, why);
}

/* What the datapath knows of an interface; 0: nothing. */
static __u32 entry_of(const char *ifname, struct fl_endpoint_info *out)
{
	fl_auto_close int endpoints = pinned("fl_endpoints");
	__u32 ifindex = if_nametoindex(ifname);

	return bpf_map_lookup_elem(endpoints, &ifindex, out) == 0 ? out->ifindex : 0;
}

/* Nothing passes, even where who is not known may talk. */
static void check_shut(const char *ifname)
{
	struct fl_endpoint_info info = { 0 };

	assert_int_not_equal(entry_of(ifname, &info), 0);
	assert_int_equal(info.flags, FL_ENDPOINT_SHUT);
}

static void reconcile(void)
{
	CHECK_OK(enf_reconcile(enf, &err), &err);
}

static void a_pod_that_is_none_is_shut_and_named_and_the_others_go_on(void **state)
{
	(void)state;
	remove_record("ca");
	put_record("ca", "a", "10.0.0.2", 'a', "[{\"key\":\"a b\",\"value\":\"client\"}]");
	reconcile();
	CHECK(sh(NO_PING) != 0);
	check_shut("ha");
	check_standing("ha", "pod 'metadata.labels.a b': 'a b' is not a label's key");
	check_standing("hb", NULL);
	check_problems("endpoint ha: no policy is in force for pod 'x/a': pod "
		       "'metadata.labels.a b': 'a b' is not a label's key\n");
	/* What changes is in force for the others. */
	put_policy(DENY_ALL);
	CHECK(sh("ip netns exec b ping -q -c 1 -W 0.3 10.0.0.1 >/dev/null") == 0);
	CHECK_OK(pol_world_del_policy(enf_world(enf), "x", "deny", &err), &err);
	remove_record("ca");
	put_record("ca", "a", "10.0.0.2", 'a', "[]");
	reconcile();
	must(PING);
	check_problems("");
}

static void a_container_whose_id_is_no_name_for_a_pod_is_one_all_the_same(void **state)
{
	(void)state;
	remove_record("ca");
	put_record("A_container", NULL, "10.0.0.2", 'a', "[]");
	reconcile();
	must(PING);
	check_standing("ha", NULL);
	check_problems("");
	remove_record("A_container");
	put_record("ca", "a", "10.0.0.2", 'a', "[]");
	reconcile();
	must(PING);
}

/* A pod c that has b's address, in another network. */
static void of_two_with_one_address_the_second_is_shut_and_named(void **state)
{
	struct fl_key key = { "other", "cc", "eth0" };

	(void)state;
	must(POD "pod c 10.0.0.9 0c\nip -n c addr add 10.0.0.3/32 dev eth0");
	put_record_in("other", "cc", "c", "10.0.0.3", 'c', SERVER);
	CHECK_FAILS(enf_attach(enf, &key, &err), EAGAIN, &err,
		    "no policy is in force for pod 'x/c': it has an address of another pod");
	reconcile();
	must(PING);
	check_standing("hb", NULL);
	check_standing("hc", "it has an address of another pod");
	check_problems("endpoint hc: pod 'x/c' of network 'other' has an address of pod 'x/b' of "
		       "network 'pods': it is shut until that one is gone\n");
	check_shut("hc");
	/* The agent has put it into the blocks: nothing passes. */
	CHECK(sh("ip netns exec c ping -q -c 1 -W 0.3 -I 10.0.0.3 10.0.0.2 >/dev/null") != 0);
	CHECK(sh("ip netns exec c ping -q -c 1 -W 0.3 -I 10.0.0.3 10.0.0.1 >/dev/null") != 0);
}

static void it_stays_so_when_the_agent_begins_anew(void **state)
{
	(void)state;
	enf_close(&enf);
	CHECK(open_enf() == 0);
	reconcile();
	must(PING);
	check_standing("hb", NULL);
	check_standing("hc", "it has an address of another pod");
	check_shut("hc");
}

static void the_second_is_let_in_when_the_first_is_gone(void **state)
{
	(void)state;
	remove_record("cb");
	must("ip route replace 10.0.0.3 dev hc && "
	     "ip neigh replace 10.0.0.3 lladdr 02:00:00:00:00:0c dev hc nud permanent");
	reconcile();
	check_standing("hc", NULL);
	check_problems("");
	must(PING);
	/* The first, whose record is gone, is the one that is nobody now. */
	CHECK(sh("ip netns exec b ping -q -c 1 -W 0.3 10.0.0.2 >/dev/null") != 0);
	CHECK_OK(fl_endpoint_remove(ROOT, &(struct fl_key){ "other", "cc", "eth0" }, &err), &err);
	must("ip link del hc && ip route replace 10.0.0.3 dev hb && "
	     "ip neigh replace 10.0.0.3 lladdr 02:00:00:00:00:0b dev hb nud permanent");
	put_record("cb", "b", "10.0.0.3", 'b', SERVER);
	reconcile();
	must(PING);
}

/* The pod as the compiler has it. */
static void check_pod(const char *name, const char *want)
{
	fl_auto_json struct fl_json *pod = NULL;
	fl_auto_free char *text = NULL;

	CHECK_OK(pol_show_pod(enf_world(enf), "x", name, &pod, &err), &err);
	CHECK_OK(fl_json_print(pod, 0, &text, &err), &err);
	if (!strstr(text, want))
		fail_msg("no '%s' in: %s", want, text);
}

static void a_pod_whose_interface_went_without_its_record_is_where_its_object_says(void **state)
{
	(void)state;
	must(POD "pod z 10.0.0.9 0f");
	put_record("cz", "z", "10.0.0.9", 'z', SERVER);
	put_pod("{\"metadata\":{\"namespace\":\"x\",\"name\":\"z\"},\"spec\":{\"nodeName\":"
		"\"n2\"},\"status\":{\"podIP\":\"10.0.7.7\"}}");
	reconcile();
	check_pod("z", "10.0.0.9");
	must("ip link del hz");
	reconcile();
	check_pod("z", "10.0.7.7");
	CHECK_OK(enf_del_pod(enf, "x", "z", &err), &err);
	CHECK_OK(enf_commit(enf, &err), &err);
	/* A record alone is nobody. */
	CHECK(pol_show_pod(enf_world(enf), "x", "z", &(struct fl_json *){ NULL }, &err) == -ENOENT);
	remove_record("cz");
	reconcile();
	check_problems("");
}

/* Others' addresses take all the room that there is, or give it back. */
static void fill_locals(bool full)
{
	fl_auto_close int locals = pinned("fl_locals");
	struct fl_address_key key = { .zone = 9 };
	__u32 nobody = 1;

	for (__u32 i = 0; i < FL_MAX_LOCALS; i++) {
		key.addr.w_be[3] = i;
		if (full)
			(void)bpf_map_update_elem(locals, &key, &nobody, BPF_ANY);
		else
			(void)bpf_map_delete_elem(locals, &key);
	}
}

/* The one that is shut is looked at first, and the other one next. */
static void two_with_one_address_may_go_at_once(void **state)
{
	const struct fl_key key = { "other", "cA", "eth0" };

	(void)state;
	must(POD "pod A 10.0.0.8 0d\nip -n A addr add 10.0.0.2/32 dev eth0");
	put_record_in("other", "cA", "A", "10.0.0.2", 'A', SERVER);
	reconcile();
	check_standing("hA", "it has an address of another pod");
	remove_record("ca");
	CHECK_OK(fl_endpoint_remove(ROOT, &key, &err), &err);
	reconcile();
	check_standing("hA", "the agent has not read its record yet");
	check_problems("");
	must("ip link del hA && ip route replace 10.0.0.2 dev ha && "
	     "ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:0a dev ha nud permanent");
	put_record("ca", "a", "10.0.0.2", 'a', "[]");
	reconcile();
	must(PING);
}

static void of_a_pod_that_has_no_room_nothing_is_left_when_it_is_gone(void **state)
{
	fl_auto_close int endpoints = pinned("fl_endpoints");
	struct fl_endpoint_info info;
	__u32 ifindex;

	(void)state;
	must(POD "pod f 10.0.0.7 0f");
	ifindex = if_nametoindex("hf");
	fill_locals(true);
	put_record("cf", "f", "10.0.0.7", 'f', SERVER);
	CHECK_FAILS(enf_reconcile(enf, &err), E2BIG, &err, "map of pods' addresses is full");
	check_standing("hf", "the datapath could not take it in");
	check_shut("hf");
	remove_record("cf");
	must("ip link del hf");
	reconcile();
	CHECK(bpf_map_lookup_elem(endpoints, &ifindex, &info) < 0);
	/* Nor is one that has had a place worse off when it asks for no other any more. */
	remove_record("ca");
	put_record("ca", "a", "10.0.0.22", 'a', "[]");
	CHECK_FAILS(enf_reconcile(enf, &err), E2BIG, &err, "map of pods' addresses is full");
	remove_record("ca");
	put_record("ca", "a", "10.0.0.2", 'a', "[]");
	reconcile();
	must(PING);
	fill_locals(false);
	check_problems("");
}

static void for_want_of_open_files_nobody_is_taken_to_be_gone(void **state)
{
	(void)state;
	must(PING);
	/* Not the folder of the records, and the folder but none of them. */
	for (rlim_t more = 0; more < 2; more++) {
		allow_files(more);
		CHECK_FAILS(enf_reconcile(enf, &err), EMFILE, &err, "Too many open files");
		allow_files(RLIM_INFINITY);
		assert_int_equal(enf_stats(enf).endpoints, 2);
		must(PING);
	}
	reconcile();
	check_problems("");
}

/* a's interface goes, and the next one is given its number before anybody has heard of that. */
static void an_interface_of_a_number_that_another_had_is_known_for_itself(void **state)
{
	struct fl_key key = { "pods", "cd", "eth0" };
	char command[sizeof(POD) + 64];

	(void)state;
	(void)snprintf(command, sizeof(command), POD "pod d 10.0.0.8 0d 'index %u'",
		       if_nametoindex("ha"));
	must("ip link del ha");
	must(command);
	remove_record("ca");
	put_record("cd", "d", "10.0.0.8", 'd', SERVER);
	CHECK_OK(enf_attach(enf, &key, &err), &err);
	must("ip netns exec d ping -q -c 1 -W 1 10.0.0.3 >/dev/null");
	reconcile();
	must("ip netns exec d ping -q -c 1 -W 1 10.0.0.3 >/dev/null");
	check_standing("hd", NULL);
}

static void after_a_lack_of_memory_all_stays_until_it_is_read_anew(void **state)
{
	(void)state;
	remove_record("ca");
	put_record("ca", "a", "10.0.0.2", 'a', "[{\"key\":\"app\",\"value\":\"client\"}]");
	reconcile();
	put_policy(DENY_ALL);
	put_policy(FROM_CLIENT);
	must(PING);
	enf_lose(enf);
	CHECK(enf_is_lost(enf));
	check_problems("policy: policies are being read anew, after a lack of memory or a failed "
		       "write; what was in force stays\n");
	CHECK_FAILS(enf_commit(enf, &err), EAGAIN, &err, "policies are being read anew");
	CHECK_FAILS(enf_reconcile(enf, &err), EAGAIN, &err, "policies are being read anew");
	must("ip netns exec a ping -q -c 300 -i 0.002 10.0.0.3 >/run/flood &");
	must("ip netns exec b ping -q -c 300 -i 0.002 -W 1 10.0.0.2 >/run/forbidden &");
	CHECK_OK(enf_renew(enf, &err), &err);
	CHECK(!enf_is_lost(enf));
	/* Not before all objects are there again. */
	CHECK_OK(enf_commit(enf, &err), &err);
	put_policy(DENY_ALL);
	put_policy(FROM_CLIENT);
	reconcile();
	check_standing("ha", NULL);
	check_standing("hb", NULL);
	check_problems("");
	must("for i in $(seq 100); do grep -q transmitted /run/flood && "
	     "grep -q transmitted /run/forbidden && break; sleep 0.1; done");
	must("grep -q ' 0% packet loss' /run/flood");
	must("grep -q ' 100% packet loss' /run/forbidden");
	/* And changes are in force again. */
	CHECK_OK(pol_world_del_policy(enf_world(enf), "x", "deny", &err), &err);
	CHECK_OK(pol_world_del_policy(enf_world(enf), "x", "allow", &err), &err);
	CHECK_OK(enf_commit(enf, &err), &err);
	must("ip netns exec b ping -q -c 1 -W 1 10.0.0.2 >/dev/null");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_that_is_none_is_shut_and_named_and_the_others_go_on),
		cmocka_unit_test(a_container_whose_id_is_no_name_for_a_pod_is_one_all_the_same),
		cmocka_unit_test(of_two_with_one_address_the_second_is_shut_and_named),
		cmocka_unit_test(it_stays_so_when_the_agent_begins_anew),
		cmocka_unit_test(the_second_is_let_in_when_the_first_is_gone),
		cmocka_unit_test(two_with_one_address_may_go_at_once),
		cmocka_unit_test(
			a_pod_whose_interface_went_without_its_record_is_where_its_object_says),
		cmocka_unit_test(of_a_pod_that_has_no_room_nothing_is_left_when_it_is_gone),
		cmocka_unit_test(for_want_of_open_files_nobody_is_taken_to_be_gone),
		cmocka_unit_test(after_a_lack_of_memory_all_stays_until_it_is_read_anew),
		cmocka_unit_test(an_interface_of_a_number_that_another_had_is_known_for_itself),
	};

	return cmocka_run_group_tests_name("enforcing what is odd", tests, begin, end);
}
