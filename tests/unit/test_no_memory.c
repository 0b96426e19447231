// SPDX-License-Identifier: Apache-2.0
/*
 * Every allocation of every parser and writer fails once: the answer is -ENOMEM, and nothing
 * leaks, as the sanitizer's build of this test says. (bridge's configuration allocates nothing.)
 * Needs nothing.
 */
#include "inject.h"
#include "test.h"

#include <errno.h>
#include <string.h>

#include "cni/args.h"
#include "cni/result.h"
#include "plugins/ipam/conf.h"
#include "plugins/ipam/index.h"
#include "plugins/ipam/resolv.h"
#include "runtime/net_conf.h"
#include "state/endpoint.h"

static const char config[] =
	"{\"cniVersion\":\"1.1.0\",\"name\":\"n\",\"type\":\"bridge\",\"vlanTrunk\":[{\"id\":7}],"
	"\"dns\":{\"nameservers\":[\"10.1.0.1\"]},\"ipam\":{\"type\":\"host-local\",\"ranges\":"
	"[[{\"subnet\":\"10.1.0.0/24\"},{\"subnet\":\"10.2.0.0/24\"}],[{\"subnet\":\"fd00::/"
	"64\"}]],"
	"\"routes\":[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"::/0\",\"gw\":\"fd00::1\"}]},"
	"\"args\":{\"cni\":{\"ips\":[\"10.1.0.9\",\"fd00::9\"]}}}";

static const char result[] =
	"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"cni0\",\"mtu\":1500},"
	"{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:01\",\"sandbox\":\"/run/netns/a\"}],"
	"\"ips\":[{\"address\":\"10.1.0.5/24\",\"gateway\":\"10.1.0.1\",\"interface\":1},"
	"{\"address\":\"fd00::5/64\"}],\"routes\":[{\"dst\":\"0.0.0.0/"
	"0\",\"mtu\":1400,\"table\":0}],"
	"\"dns\":{\"nameservers\":[\"10.1.0.1\"],\"domain\":\"a\",\"search\":[\"b\"]}}";

static const char record[] =
	"{\"version\":1,\"network\":\"n\",\"containerID\":\"c\",\"ifname\":\"eth0\","
	"\"hostInterface\":\"veth0\",\"mac\":\"02:00:00:00:00:01\",\"ips\":[\"10.1.0.5/24\"],"
	"\"mode\":\"bridge\",\"podName\":\"p\",\"labels\":[{\"key\":\"k\",\"value\":\"v\"}]}";

/* Parsed before anything fails; kept until the end. */
static struct fl_json *config_tree, *result_tree, *record_tree;

static int parse_texts(void **state)
{
	struct fl_err err = { 0 };

	(void)state;
	return fl_json_parse(config, strlen(config), &config_tree, &err) ?:
	       fl_json_parse(result, strlen(result), &result_tree, &err) ?:
	       fl_json_parse(record, strlen(record), &record_tree, &err);
}

static int free_texts(void **state)
{
	(void)state;
	fl_json_free(&config_tree);
	fl_json_free(&result_tree);
	fl_json_free(&record_tree);
	return 0;
}

static int parse_args(void *arg)
{
	fl_auto_cni_args struct fl_cni_args args = { 0 };
	struct fl_err err = { 0 };

	(void)arg;
	return fl_cni_args_parse("IgnoreUnknown=1;IP=10.1.0.9;K8S_POD_NAME=web-0", &args, &err);
}

static int read_and_write_result(void *arg)
{
	const struct fl_cur root = fl_cur_root(result_tree, "prevResult");
	fl_auto_cni_result struct fl_cni_result res = { 0 };
	fl_auto_json struct fl_json *out = NULL;
	const enum fl_cni_version *version = arg;
	struct fl_err err = { 0 };

	return fl_cni_result_read(&root, FL_CNI_NEWEST, &res, &err)
		       ?: fl_cni_result_write(&res, *version, &out, &err);
}

static int read_ipam_conf(void *arg)
{
	const struct fl_cur root = fl_cur_root(config_tree, "config");
	struct ipam_conf conf = { 0 };
	struct fl_err err = { 0 };
	int r = ipam_conf_read(&root, FL_CNI_NEWEST, NULL, &conf, &err);

	(void)arg;
	ipam_conf_done(&conf);
	return r;
}

static int parse_resolv(void *arg)
{
	fl_auto_json struct fl_json *dns = NULL;
	struct fl_err err = { 0 };

	(void)arg;
	return ipam_resolv_parse("nameserver 10.0.0.2\nsearch a b\noptions c\ndomain d\n", &dns,
				 &err);
}

static int fill_index(void *arg)
{
	struct fl_hash key = ipam_index_key("c\r\neth0", 7);
	struct ipam_index ix = { 0 };
	struct fl_err err = { 0 };
	struct fl_ip ip = { 0 };
	int r = ipam_index_new(&ix, 1, &err);

	(void)arg;
	for (int i = 0; r == 0 && i < 300; i++) {
		ip.b[15] = (uint8_t)i;
		ip.b[13] = (uint8_t)(i >> 8);
		r = ipam_index_insert(&ix, &key, &ip);
		if (r == -ENOSPC)
			r = ipam_index_grow(&ix, &err) ?: ipam_index_insert(&ix, &key, &ip);
	}
	ipam_index_done(&ix);
	return r;
}

static int copy_record(void *arg)
{
	fl_auto_json struct fl_json *out = NULL, *tree = fl_json_copy(record_tree);
	struct fl_endpoint ep = { 0 };
	struct fl_err err = { 0 };
	int r;

	(void)arg;
	if (!tree)
		return -ENOMEM;
	r = fl_endpoint_from_json(tree, &ep, &err);
	if (r < 0)
		return r;
	(void)FL_TAKE(tree);
	r = fl_endpoint_to_json(&ep, &out, &err);
	fl_endpoint_done(&ep);
	return r;
}

static int copy_list(void *arg)
{
	struct berth_list list = { 0 };
	struct fl_err err = { 0 };
	int r = berth_list_from_tree(arg, &list, &err);

	berth_list_done(&list);
	return r;
}

static void cni_args_need_memory(void **state)
{
	(void)state;
	CHECK(inject_each(parse_args, NULL) == 0);
}

static void results_need_memory_in_every_version(void **state)
{
	(void)state;
	for (enum fl_cni_version v = 0; v < FL_CNI_VERSIONS; v++)
		CHECK(inject_each(read_and_write_result, &v) == 0);
}

static void configurations_need_memory(void **state)
{
	(void)state;
	CHECK(inject_each(read_ipam_conf, NULL) == 0);
	CHECK(inject_each(parse_resolv, NULL) == 0);
}

static void an_index_needs_memory_to_begin_and_to_grow(void **state)
{
	(void)state;
	CHECK(inject_each(fill_index, NULL) == 0);
}

static void endpoint_records_need_memory(void **state)
{
	(void)state;
	CHECK(inject_each(copy_record, NULL) == 0);
}

static void lists_need_memory(void **state)
{
	static const char text[] = "{\"cniVersion\":\"1.1.0\",\"name\":\"n\",\"disableGC\":true,"
				   "\"plugins\":[{\"type\":\"bridge\"},{\"type\":\"tuning\"}]}";
	fl_auto_json struct fl_json *tree = NULL;
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(fl_json_parse(text, strlen(text), &tree, &err), &err);
	CHECK(inject_each(copy_list, tree) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cni_args_need_memory),
		cmocka_unit_test(results_need_memory_in_every_version),
		cmocka_unit_test(configurations_need_memory),
		cmocka_unit_test(an_index_needs_memory_to_begin_and_to_grow),
		cmocka_unit_test(endpoint_records_need_memory),
		cmocka_unit_test(lists_need_memory),
	};

	return cmocka_run_group_tests(tests, parse_texts, free_texts);
}
