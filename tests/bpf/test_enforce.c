// SPDX-License-Identifier: Apache-2.0
/*
 * NetworkPolicy in force on real pods: records and objects in, packets judged. Needs root and eBPF;
 * see pods.h.
 */
#include "pods.h"

#include <errno.h>

#include "agent/enforce/enforce.h"
#include "agent/policy/read.h"

#define ROOT "" /* the mount namespace is the test's own */

static struct enf *enf;

static struct fl_json *parse(const char *text)
{
	struct fl_json *v = NULL;

	CHECK_OK(fl_json_parse(text, strlen(text), &v, &err), &err);
	return v;
}

static void put_record(const char *cid, const char *pod, const char *ip, __u8 last,
		       const char *labels)
{
	struct fl_key key = { "pods", cid, "eth0" };
	fl_auto_json struct fl_json *list = parse(labels);
	struct fl_endpoint ep = { .key = key, .mode = "bgp-route", .n_ips = 1, .labels = list };
	fl_auto_close int fd = -1;

	ep.pod_namespace = pod ? "x" : NULL;
	ep.pod_name = pod;
	(void)snprintf(ep.host_ifname, sizeof(ep.host_ifname), "h%c", last);
	memcpy(ep.mac, (__u8[]){ 2, 0, 0, 0, 0, (__u8)(last - 'a' + 0x0a) }, 6);
	CHECK_OK(fl_prefix_parse_loose(ip, &ep.ips[0], &err), &err);
	CHECK_OK(fl_endpoint_claim(ROOT, &key, &fd, &err), &err);
	CHECK_OK(fl_endpoint_fill(fd, &ep, &err), &err);
}

static void remove_record(const char *cid)
{
	struct fl_key key = { "pods", cid, "eth0" };

	CHECK_OK(fl_endpoint_remove(ROOT, &key, &err), &err);
}

static int open_enf(void)
{
	const struct enf_options o = { .root = ROOT, .folder = PINS, .node = "n1" };
	int r = enf_open(&o, &enf, &err);

	if (r < 0)
		print_message("# %s\n", err.text);
	return r;
}

static int begin(void **state)
{
	(void)state;
	if (pods_begin() < 0 || open_enf() < 0)
		return -1;
	put_record("ca", "a", "10.0.0.2", 'a', "[{\"key\":\"app\",\"value\":\"client\"}]");
	put_record("cb", "b", "10.0.0.3", 'b', "[{\"key\":\"app\",\"value\":\"server\"}]");
	if (enf_reconcile(enf, &err) < 0) {
		print_message("# %s\n", err.text);
		return -1;
	}
	return 0;
}

static int end(void **state)
{
	(void)state;
	enf_close(&enf);
	fl_nl_close(&nl);
	return 0;
}

static void put_policy(const char *text)
{
	fl_auto_json struct fl_json *v = parse(text);
	fl_auto_pol_policy struct pol_policy p = { 0 };
	struct fl_cur c = fl_cur_root(v, "policy");

	CHECK_OK(pol_read_policy(&c, &p, &err), &err);
	CHECK_OK(pol_world_put_policy(enf_world(enf), &p, &err), &err);
	CHECK_OK(enf_commit(enf, &err), &err);
}

static void put_pod(const char *text)
{
	fl_auto_json struct fl_json *v = parse(text);
	struct fl_cur c = fl_cur_root(v, "pod");

	CHECK_OK(enf_put_pod(enf, &c, &err), &err);
	CHECK_OK(enf_commit(enf, &err), &err);
}

#define DENY_ALL                                                                              \
	"{\"metadata\":{\"namespace\":\"x\",\"name\":\"deny\"},\"spec\":{\"podSelector\":{}," \
	"\"policyTypes\":[\"Ingress\"]}}"
#define FROM_CLIENT                                                                         \
	"{\"metadata\":{\"namespace\":\"x\",\"name\":\"allow\"},\"spec\":{\"podSelector\":" \
	"{\"matchLabels\":{\"app\":\"server\"}},\"ingress\":[{\"from\":[{\"podSelector\":"  \
	"{\"matchLabels\":{\"app\":\"client\"}}}]}]}}"

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
		cmocka_unit_test(without_policies_all_is_open_again),
	};

	return cmocka_run_group_tests_name("enforce", tests, begin, end);
}
