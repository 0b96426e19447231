// SPDX-License-Identifier: Apache-2.0
/*
 * NetworkPolicy in force on the two pods of pods.h, "x/a" with app=client and "x/b" with
 * app=server: records and objects for agent/enforce. Needs root and eBPF.
 */
#pragma once

#include "pods.h"

#include "agent/enforce/enforce.h"
#include "agent/policy/read.h"

#define ROOT "" /* the mount namespace is the test's own */

static struct enf *enf;

TEST_MAYBE static struct fl_json *parse(const char *text)
{
	struct fl_json *v = NULL;

	CHECK_OK(fl_json_parse(text, strlen(text), &v, &err), &err);
	return v;
}

TEST_MAYBE static void put_record_in(const char *network, const char *cid, const char *pod,
				     const char *ip, __u8 last, const char *labels)
{
	struct fl_key key = { network, cid, "eth0" };
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

TEST_MAYBE static void put_record(const char *cid, const char *pod, const char *ip, __u8 last,
				  const char *labels)
{
	put_record_in("pods", cid, pod, ip, last, labels);
}

TEST_MAYBE static void remove_record(const char *cid)
{
	struct fl_key key = { "pods", cid, "eth0" };

	CHECK_OK(fl_endpoint_remove(ROOT, &key, &err), &err);
}

TEST_MAYBE static int open_enf(void)
{
	const struct enf_options o = { .root = ROOT, .folder = PINS, .node = "n1" };
	int r = enf_open(&o, &enf, &err);

	if (r < 0)
		print_message("# %s\n", err.text);
	return r;
}

TEST_MAYBE static int begin(void **state)
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

TEST_MAYBE static int end(void **state)
{
	(void)state;
	enf_close(&enf);
	fl_nl_close(&nl);
	return 0;
}

TEST_MAYBE static void put_policy(const char *text)
{
	fl_auto_json struct fl_json *v = parse(text);
	fl_auto_pol_policy struct pol_policy p = { 0 };
	struct fl_cur c = fl_cur_root(v, "policy");

	CHECK_OK(pol_read_policy(&c, &p, &err), &err);
	CHECK_OK(pol_world_put_policy(enf_world(enf), &p, &err), &err);
	CHECK_OK(enf_commit(enf, &err), &err);
}

TEST_MAYBE static void put_pod(const char *text)
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
