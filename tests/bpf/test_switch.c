// SPDX-License-Identifier: Apache-2.0
/*
 * No gap: policies are switched as fast as the agent can, 100,000 times, while packets that both
 * policies allow and packets that both forbid are sent without a pause. Of the ones none may be
 * lost, of the others none may come, and a TCP stream loses no byte. Needs root and eBPF.
 */
#include "flood.h"

#include <time.h>

#include "agent/enforce/enforce.h"
#include "agent/policy/read.h"

#define ROOT "" /* the mount namespace is the test's own */

enum { SWITCHES = 100000, RELABELS = 20000, COMINGS = 300 };

static struct enf *enf;

static struct fl_json *parse(const char *text)
{
	struct fl_json *v = NULL;

	CHECK_OK(fl_json_parse(text, strlen(text), &v, &err), &err);
	return v;
}

static void put_record(const char *pod, const char *ip, const char *labels)
{
	struct fl_key key = { "pods", pod, "eth0" };
	fl_auto_json struct fl_json *list = parse(labels);
	struct fl_endpoint ep = { .key = key, .mode = "bgp-route", .n_ips = 1, .labels = list };
	fl_auto_close int fd = -1;

	ep.pod_namespace = "x";
	ep.pod_name = pod;
	(void)snprintf(ep.host_ifname, sizeof(ep.host_ifname), "h%s", pod);
	memcpy(ep.mac, (__u8[]){ 2, 0, 0, 0, 0, (__u8)(pod[0] - 'a' + 0x0a) }, 6);
	CHECK_OK(fl_prefix_parse_loose(ip, &ep.ips[0], &err), &err);
	CHECK_OK(fl_endpoint_claim(ROOT, &key, &fd, &err), &err);
	CHECK_OK(fl_endpoint_fill(fd, &ep, &err), &err);
}

static void put_policy(const struct fl_json *v)
{
	fl_auto_pol_policy struct pol_policy p = { 0 };
	struct fl_cur c = fl_cur_root(v, "policy");

	CHECK_OK(pol_read_policy(&c, &p, &err), &err);
	CHECK_OK(pol_world_put_policy(enf_world(enf), &p, &err), &err);
}

static void commit(void)
{
	CHECK_OK(enf_commit(enf, &err), &err);
}

/* Another label on the pod: it is another kind of pod then, and its endpoint is written anew. */
static void put_pod(const char *pod, const char *app, int turn)
{
	fl_auto_json struct fl_json *v = NULL;
	char text[256];
	struct fl_cur c;

	(void)snprintf(
		text, sizeof(text),
		"{\"metadata\":{\"namespace\":\"x\",\"name\":\"%s\",\"labels\":{\"app\":\"%s\","
		"\"turn\":\"%d\"}},\"spec\":{\"nodeName\":\"n1\"}}",
		pod, app, turn);
	v = parse(text);
	c = fl_cur_root(v, "pod");
	CHECK_OK(enf_put_pod(enf, &c, &err), &err);
}

#define POLICY(name, spec) \
	"{\"metadata\":{\"namespace\":\"x\",\"name\":\"" name "\"},\"spec\":{" spec "}}"
#define APP(label)	  "{\"podSelector\":{\"matchLabels\":{\"app\":\"" label "\"}}}"
#define SERVER		  "\"podSelector\":{\"matchLabels\":{\"app\":\"server\"}},"
#define CLIENT		  "\"podSelector\":{\"matchLabels\":{\"app\":\"client\"}},"
#define UDP(port)	  "{\"protocol\":\"UDP\",\"port\":" port "}"
#define UDPS(first, last) "{\"protocol\":\"UDP\",\"port\":" first ",\"endPort\":" last "}"
#define TCP		  "{\"port\":5001}"

/* Nobody comes in whom nobody names. */
static const char *const deny = POLICY("deny", "\"podSelector\":{},\"policyTypes\":[\"Ingress\"]");

/* Two ways to say it, and each says something else that is not asked: the client may send to the
 * server's ports 7001 and 7002 (and 7005 and 7006), nobody else, and nothing to 7003 and 7004. */
static const char *const in[] = {
	POLICY("in", SERVER "\"ingress\":[{\"from\":[" APP("client") "],\"ports\":[" UDP(
			     "7001") "," UDP("7002") "," UDPS("7005", "7006") "," TCP "]}]"),
	POLICY("in",
	       SERVER "\"ingress\":[{\"from\":[{\"ipBlock\":{\"cidr\":\"10.9.0.0/16\"}}],"
		      "\"ports\":[" UDP("7003") "]},{\"from\":[" APP("client") "],\"ports\":[" UDPS(
			      "6900", "7002") "," UDPS("7005", "7100") ",{\"port\":5000,"
								       "\"endPort\":5002}]}]"),
};

/* And the same of what the client sends. */
static const char *const out[] = {
	POLICY("out", CLIENT "\"policyTypes\":[\"Egress\"],\"egress\":[{\"to\":[" APP(
			      "server") "],\"ports\":[" UDPS("7001", "7006") "," TCP "]}]"),
	POLICY("out", CLIENT "\"policyTypes\":[\"Egress\"],\"egress\":[{\"to\":[{\"ipBlock\":{"
			     "\"cidr\":\"10.0.0.0/8\",\"except\":[\"10.0.0.4/32\"]}}]}]"),
};

/* A second policy that lets the client in by its namespace, which comes and goes. */
static const char *const also = POLICY(
	"also", SERVER "\"ingress\":[{\"from\":[{\"namespaceSelector\":{\"matchLabels\":{"
		       "\"kubernetes.io/metadata.name\":\"x\"}},\"podSelector\":{"
		       "\"matchLabels\":{\"app\":\"client\"}}}],\"ports\":[" UDP("7001") "]}]");

static int begin(void **state)
{
	const struct enf_options o = { .root = ROOT, .folder = PINS, .node = "n1" };

	(void)state;
	if (pods_begin() < 0 || sh(POD "pod c 10.0.0.4 0c") != 0)
		return -1;
	if (enf_open(&o, &enf, &err) < 0) {
		print_message("# %s\n", err.text);
		return -1;
	}
	put_record("a", "10.0.0.2", "[{\"key\":\"app\",\"value\":\"client\"}]");
	put_record("b", "10.0.0.3", "[{\"key\":\"app\",\"value\":\"server\"}]");
	put_record("c", "10.0.0.4", "[{\"key\":\"app\",\"value\":\"other\"}]");
	join("ha");
	join("hb");
	join("hc");
	return 0;
}

static int end(void **state)
{
	(void)state;
	enf_close(&enf);
	fl_nl_close(&nl);
	return 0;
}

static void put_text(const char *text)
{
	fl_auto_json struct fl_json *v = parse(text);

	put_policy(v);
}

/* Everything is under the policies before the first packet. */
static void floods_start(void)
{
	put_text(deny);
	put_text(in[0]);
	put_text(out[0]);
	CHECK_OK(enf_reconcile(enf, &err), &err);
	flood_start("in-b", "b", "receive 7001 7002 7003 7004 7005 7006");
	flood_start("in-a", "a", "receive 7007 7008");
	stream_start("b", "a", "10.0.0.3");
	flood_start("from-a", "a", "send 10.0.0.3 1000 7001 7002:fresh 7003 7004:fresh");
	flood_start("from-c", "c", "send 10.0.0.3 1000 7005 7006:fresh");
	flood_start("from-b", "b", "send 10.0.0.2 1000 7007 7008:fresh");
}

/* What the datapath says it has dropped, and why. */
static void print_drops(void)
{
	struct dp_counts c;

	CHECK_OK(dp_counts(enf_datapath(enf), &c, &err), &err);
	for (int r = FL_R_NOT_IP + 1; r < FL_R_COUNT; r++)
		if (c.reason[r][FL_EGRESS].packets || c.reason[r][FL_INGRESS].packets)
			print_message("# so far dropped as %s: %llu from pods, %llu to pods\n",
				      dp_reason_text(r), c.reason[r][FL_EGRESS].packets,
				      c.reason[r][FL_INGRESS].packets);
}

static void floods_judge(void)
{
	print_drops();
	flood_stop("from-a");
	flood_stop("from-b");
	flood_stop("from-c");
	flood_stop("in-a");
	flood_stop("in-b");
	stream_stop();
	flood_check("from-a", "in-b", 7001, true);
	flood_check("from-a", "in-b", 7002, true);
	flood_check("from-a", "in-b", 7003, false);
	flood_check("from-a", "in-b", 7004, false);
	flood_check("from-c", "in-b", 7005, false);
	flood_check("from-c", "in-b", 7006, false);
	flood_check("from-b", "in-a", 7007, false);
	flood_check("from-b", "in-a", 7008, false);
}

static void a_hundred_thousand_switches_lose_nothing_and_let_nothing_through(void **state)
{
	fl_auto_json struct fl_json *in0 = parse(in[0]), *in1 = parse(in[1]);
	fl_auto_json struct fl_json *out0 = parse(out[0]), *out1 = parse(out[1]);
	fl_auto_json struct fl_json *more = parse(also);
	struct fl_json *const ins[] = { in0, in1 }, *const outs[] = { out0, out1 };
	uint64_t before;

	(void)state;
	floods_start();
	before = enf_stats(enf).applied;
	for (int i = 0; i < SWITCHES; i++) {
		if (i % 3 == 0)
			put_policy(ins[i / 3 % 2]);
		else if (i % 3 == 1)
			put_policy(outs[i / 3 % 2]);
		else if (i / 3 % 2)
			put_policy(more);
		else
			CHECK_OK(pol_world_del_policy(enf_world(enf), "x", "also", &err), &err);
		commit();
	}
	CHECK(enf_stats(enf).applied - before >= SWITCHES);
	floods_judge();
}

static void pods_whose_labels_change_lose_nothing_and_let_nothing_through(void **state)
{
	time_t end = time(NULL) + 3;

	(void)state;
	floods_start();
	/* As many, and so long that there is a flood on any machine. */
	for (int i = 0; i < RELABELS || time(NULL) < end; i++) {
		put_pod("a", "client", i % 3);
		put_pod("b", "server", i % 2);
		put_pod("c", "other", i % 2);
		commit();
	}
	floods_judge();
}

/* The pod is known before it comes, and somebody sends to its address whether it is there or not.
 */
static void a_pod_that_comes_to_a_flooded_address_is_shut_from_its_first_moment(void **state)
{
	struct fl_key key = { "pods", "c", "eth0" };
	struct flood f;

	(void)state;
	put_text(deny);
	put_pod("c", "other", 0);
	commit();
	flood_start("in-c", "c", "receive 7009 7010");
	flood_start("from-b", "b", "send 10.0.0.4 4000 7009 7010:fresh");
	for (int i = 0; i < COMINGS; i++) {
		CHECK_OK(fl_endpoint_remove(ROOT, &key, &err), &err);
		CHECK_OK(enf_reconcile(enf, &err), &err);
		put_record("c", "10.0.0.4", "[]");
		CHECK_OK(enf_attach(enf, &key, &err), &err);
	}
	flood_stop("from-b");
	flood_stop("in-c");
	f = flood_of("from-b", "in-c", 7009);
	CHECK(f.sent > COMINGS);
	CHECK(f.received == 0);
	f = flood_of("from-b", "in-c", 7010);
	CHECK(f.received == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pods_whose_labels_change_lose_nothing_and_let_nothing_through),
		cmocka_unit_test(a_hundred_thousand_switches_lose_nothing_and_let_nothing_through),
		cmocka_unit_test(
			a_pod_that_comes_to_a_flooded_address_is_shut_from_its_first_moment),
	};

	return cmocka_run_group_tests_name("switch", tests, begin, end);
}
