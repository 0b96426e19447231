// SPDX-License-Identifier: Apache-2.0
/* host-local's configuration, accepted and refused. Pure. */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "cni/code.h"
#include "plugins/ipam/conf.h"

static struct fl_json *parse(const char *text)
{
	struct fl_json *tree = NULL;
	struct fl_err err = { 0 };

	CHECK_OK(fl_json_parse(text, strlen(text), &tree, &err), &err);
	return tree;
}

static int read_conf(const struct fl_json *tree, enum fl_cni_version v, const char *args,
		     struct ipam_conf *out, struct fl_err *err)
{
	struct fl_cur root = fl_cur_root(tree, "config");

	return ipam_conf_read(&root, v, args, out, err);
}

/* The sets as text, "range, range | range". */
static void sets_text(const struct ipam_conf *conf, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < conf->n_sets; i++) {
		char one[200];

		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? " | " : "",
					 ipam_set_format(&conf->sets[i], one, sizeof(one)));
	}
}

static void good_configurations_give_the_references_sets_in_its_order(void **state)
{
	static const struct {
		const char *conf, *sets;
	} t[] = {
		{ "{'ipam':{'subnet':'10.1.0.0/24'}}", "10.1.0.1-10.1.0.254" },
		{ "{'ipam':{'subnet':'10.1.0.0/24','rangeStart':'','rangeEnd':'','gateway':''}}",
		  "10.1.0.1-10.1.0.254" },
		{ "{'ipam':{'ranges':[[{'subnet':'10.1.0.0/24'},{'subnet':'10.2.0.0/24'}],"
		  "[{'subnet':'fd00::/112'}]]}}",
		  "10.1.0.1-10.1.0.254, 10.2.0.1-10.2.0.254 | fd00::1-fd00::ffff" },
		{ "{'ipam':{'subnet':'10.9.0.0/24','ranges':[[{'subnet':'10.1.0.0/24'}]]},"
		  "'runtimeConfig':{'ipRanges':[[{'subnet':'10.5.0.0/24'}]]}}",
		  "10.5.0.1-10.5.0.254 | 10.9.0.1-10.9.0.254 | 10.1.0.1-10.1.0.254" },
		{ "{'ipam':{'ranges':null,'subnet':'10.1.0.0/24','routes':null},'args':null,"
		  "'runtimeConfig':{'ips':null,'ipRanges':null}}",
		  "10.1.0.1-10.1.0.254" },
		{ "{'ipam':{'rangeStart':'junk is not looked at','ranges':[[{'SUBNET':"
		  "'10.1.0.0/24'}]]}}",
		  "10.1.0.1-10.1.0.254" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_ipam_conf struct ipam_conf conf = { 0 };
		fl_auto_json struct fl_json *tree = NULL;
		struct fl_err err = { 0 };
		char json[400], text[400];

		strcpy(json, t[i].conf);
		for (char *p = json; *p; p++)
			*p = *p == '\'' ? '"' : *p;
		tree = parse(json);
		CHECK_OK(read_conf(tree, FL_CNI_V1_1_0, NULL, &conf, &err), &err);
		sets_text(&conf, text, sizeof(text));
		assert_string_equal(text, t[i].sets);
	}
}

static void bad_configurations_are_refused_by_path_and_value(void **state)
{
	static const struct {
		const char *conf, *part;
	} t[] = {
		{ "{}", "config 'ipam': missing, expected an object" },
		{ "{'ipam':[]}", "config 'ipam': expected an object, found an array []" },
		{ "{'ipam':{}}", "config 'ipam': no ranges" },
		{ "{'ipam':{'ranges':[]}}", "config 'ipam': no ranges" },
		{ "{'ipam':{'ranges':{}}}", "config 'ipam.ranges': expected an array" },
		{ "{'ipam':{'ranges':[[]]}}", "config 'ipam.ranges[0]': expected an array of" },
		{ "{'ipam':{'ranges':[7]}}", "config 'ipam.ranges[0]': expected an array of" },
		{ "{'ipam':{'ranges':[[7]]}}", "config 'ipam.ranges[0][0]': expected an object" },
		{ "{'ipam':{'ranges':[[{}]]}}", "config 'ipam.ranges[0][0].subnet': missing" },
		{ "{'ipam':{'subnet':''}}", "config 'ipam.subnet': '' is not a prefix" },
		{ "{'ipam':{'subnet':7}}", "config 'ipam.subnet': expected a string, found a" },
		{ "{'ipam':{'subnet':'10.1.0.0/33'}}", "config 'ipam.subnet': '10.1.0.0/33' is" },
		{ "{'ipam':{'subnet':'10.1.0.0/31'}}", "config 'ipam.subnet': '10.1.0.0/31' is" },
		{ "{'ipam':{'ranges':[[{'subnet':'10.1.0.9/24'}]]}}",
		  "config 'ipam.ranges[0][0].subnet': '10.1.0.9/24' has host bits set" },
		{ "{'ipam':{'subnet':'10.1.0.0/24','rangeStart':'10.2.0.1'}}",
		  "config 'ipam.rangeStart': '10.2.0.1' lies outside" },
		{ "{'ipam':{'subnet':'10.1.0.0/24','rangeEnd':'10.2.0.1'}}",
		  "config 'ipam.rangeEnd': '10.2.0.1' lies outside" },
		{ "{'ipam':{'subnet':'10.1.0.0/24','gateway':'x'}}",
		  "config 'ipam.gateway': 'x' is not an IP address" },
		{ "{'ipam':{'ranges':[[{'subnet':'10.1.0.0/24'},{'subnet':'fd00::/64'}]]}}",
		  "config 'ipam.ranges[0][1]': 'fd00::/64' and '10.1.0.0/24' mix" },
		{ "{'ipam':{'ranges':[[{'subnet':'10.1.0.0/24'},{'subnet':'10.1.0.0/25'}]]}}",
		  "config 'ipam.ranges[0][1]': range of '10.1.0.0/25' overlaps element 0" },
		{ "{'ipam':{'ranges':[[{'subnet':'10.1.0.0/24'}],[{'subnet':'10.1.0.0/25'}]]}}",
		  "config 'ipam': range set 1 (10.1.0.1-10.1.0.126) overlaps set 0" },
		{ "{'ipam':{'subnet':'10.1.0.0/24','dataDir':7}}", "config 'ipam.dataDir'" },
		{ "{'ipam':{'subnet':'10.1.0.0/24','resolvConf':[]}}", "config 'ipam.resolvConf'" },
		{ "{'ipam':{'subnet':'10.1.0.0/24','routes':[{'dst':'x'}]}}",
		  "config 'ipam.routes[0].dst'" },
		{ "{'ipam':{'subnet':'10.1.0.0/24'},'args':{'cni':{'ips':['x']}}}",
		  "config 'args.cni.ips[0]': 'x' is not an address" },
		{ "{'ipam':{'subnet':'10.1.0.0/24'},'args':{'cni':{'ips':[7]}}}",
		  "config 'args.cni.ips[0]': expected a string" },
		{ "{'ipam':{'subnet':'10.1.0.0/24'},'runtimeConfig':{'ips':'10.1.0.2'}}",
		  "config 'runtimeConfig.ips': expected an array" },
		{ "{'ipam':{},'runtimeConfig':{'ipRanges':[[{'subnet':'10.1.0.1/24'}]]}}",
		  "config 'runtimeConfig.ipRanges[0][0].subnet'" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_ipam_conf struct ipam_conf conf = { 0 };
		fl_auto_json struct fl_json *tree = NULL;
		struct fl_err err = { 0 };
		char json[400];

		strcpy(json, t[i].conf);
		for (char *p = json; *p; p++)
			*p = *p == '\'' ? '"' : *p;
		tree = parse(json);
		CHECK_FAILS(read_conf(tree, FL_CNI_V1_1_0, NULL, &conf, &err), EINVAL, &err,
			    t[i].part);
		assert_int_equal(err.code, FL_CNI_CONFIG);
		CHECK(!conf.sets && !conf.want);
	}
}

static void two_sets_of_a_family_need_version_0_3_0(void **state)
{
	static const char *const two4 = "{\"ipam\":{\"ranges\":[[{\"subnet\":\"10.1.0.0/"
					"24\"}],[{\"subnet\":\"10.2.0.0/24\"}]]}}";
	static const char *const dual = "{\"ipam\":{\"ranges\":[[{\"subnet\":\"10.1.0.0/"
					"24\"}],[{\"subnet\":\"fd00::/64\"}]]}}";
	fl_auto_json struct fl_json *a = parse(two4), *b = parse(dual);
	struct ipam_conf conf = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	CHECK_FAILS(read_conf(a, FL_CNI_V0_2_0, NULL, &conf, &err), EINVAL, &err,
		    "2 IPv4 and 0 IPv6 range sets, but cniVersion '0.2.0'");
	CHECK_OK(read_conf(a, FL_CNI_V0_3_0, NULL, &conf, &err), &err);
	ipam_conf_done(&conf);
	CHECK_OK(read_conf(b, FL_CNI_V0_1_0, NULL, &conf, &err), &err);
	ipam_conf_done(&conf);
}

static void requested_addresses_of_all_three_ways_add_up_once_each(void **state)
{
	fl_auto_json struct fl_json *tree = parse(
		"{\"ipam\":{\"subnet\":\"10.1.0.0/24\"},"
		"\"args\":{\"cni\":{\"ips\":[\"10.1.0.6\",\"10.1.0.5/24\"]}},"
		"\"runtimeConfig\":{\"ips\":[\"fd00::9/64\",\"10.1.0.6\"]}}");
	fl_auto_ipam_conf struct ipam_conf conf = { 0 };
	static const char *const want[] = { "10.1.0.5", "10.1.0.7", "10.1.0.6", "fd00::9" };
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(read_conf(tree, FL_CNI_V1_1_0, "IgnoreUnknown=1;IP=10.1.0.5,10.1.0.7;X=y", &conf,
			   &err),
		 &err);
	assert_int_equal(conf.n_want, FL_ARRAY_LEN(want));
	for (size_t i = 0; i < conf.n_want; i++) {
		char text[FL_IP_STR];

		assert_string_equal(fl_ip_format(&conf.want[i], text), want[i]);
	}
}

static void a_bad_address_in_cni_args_names_the_variable(void **state)
{
	fl_auto_json struct fl_json *tree = parse("{\"ipam\":{\"subnet\":\"10.1.0.0/24\"}}");
	struct ipam_conf conf = { 0 };
	struct fl_err err = { 0 };
	char longer[200] = "IP=";

	(void)state;
	CHECK_FAILS(read_conf(tree, FL_CNI_V1_1_0, "IP=10.1.0.300", &conf, &err), EINVAL, &err,
		    "CNI_ARGS 'IP': '10.1.0.300' is not");
	assert_int_equal(err.code, FL_CNI_ENV);
	memset(longer + 3, '1', 150);
	CHECK_FAILS(read_conf(tree, FL_CNI_V1_1_0, longer, &conf, &err), EINVAL, &err, "CNI_ARGS");
	assert_int_equal(err.code, FL_CNI_ENV);
}

/* Builds a configuration of n disjoint ranges in one set. */
static struct fl_json *many_ranges(size_t n)
{
	fl_auto_free char *text = malloc(64 + n * 48);
	size_t used = (size_t)sprintf(text, "{\"ipam\":{\"ranges\":[[");

	for (size_t i = 0; i < n; i++)
		used += (size_t)sprintf(text + used, "%s{\"subnet\":\"10.%zu.%zu.0/24\"}",
					i ? "," : "", i / 256, i % 256);
	strcpy(text + used, "]]}}");
	return parse(text);
}

static void the_limit_of_ranges_is_exact(void **state)
{
	fl_auto_json struct fl_json *most = many_ranges(IPAM_RANGES_MAX);
	fl_auto_json struct fl_json *over = many_ranges(IPAM_RANGES_MAX + 1);
	struct ipam_conf conf = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(read_conf(most, FL_CNI_V1_1_0, NULL, &conf, &err), &err);
	ipam_conf_done(&conf);
	CHECK_FAILS(read_conf(over, FL_CNI_V1_1_0, NULL, &conf, &err), EINVAL, &err,
		    "config 'ipam.ranges[0]': more than 1024 ranges");
}

static void routes_keep_their_order_and_every_member(void **state)
{
	fl_auto_json struct fl_json *tree = parse(
		"{\"ipam\":{\"subnet\":\"10.1.0.0/24\",\"routes\":[{\"dst\":\"0.0.0.0/0\"},"
		"{\"dst\":\"10.0.0.0/8\",\"gw\":\"10.1.0.9\",\"mtu\":1400,\"advmss\":1360,"
		"\"priority\":5,\"table\":0,\"scope\":0}]}}");
	fl_auto_ipam_conf struct ipam_conf conf = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(read_conf(tree, FL_CNI_V1_1_0, NULL, &conf, &err), &err);
	assert_int_equal(conf.extra.n_routes, 2);
	assert_int_equal(conf.extra.routes[0].has, 0);
	assert_int_equal(conf.extra.routes[1].has,
			 FL_CNI_ROUTE_GW | FL_CNI_ROUTE_MTU | FL_CNI_ROUTE_ADVMSS |
				 FL_CNI_ROUTE_PRIORITY | FL_CNI_ROUTE_TABLE | FL_CNI_ROUTE_SCOPE);
	assert_int_equal(conf.extra.routes[1].mtu, 1400);
}

static void only_the_data_dir_matters_for_a_release(void **state)
{
	static const struct {
		const char *conf, *want;
	} t[] = {
		{ "{}", "" },
		{ "{\"ipam\":{\"subnet\":\"no longer valid\",\"dataDir\":\"/d\"}}", "/d" },
		{ "{\"ipam\":{\"dataDir\":null,\"ranges\":7}}", "" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_json struct fl_json *tree = parse(t[i].conf);
		struct fl_cur root = fl_cur_root(tree, "config");
		const char *dir = NULL;
		struct fl_err err = { 0 };

		CHECK_OK(ipam_conf_data_dir(&root, &dir, &err), &err);
		assert_string_equal(dir, t[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_configurations_give_the_references_sets_in_its_order),
		cmocka_unit_test(bad_configurations_are_refused_by_path_and_value),
		cmocka_unit_test(two_sets_of_a_family_need_version_0_3_0),
		cmocka_unit_test(requested_addresses_of_all_three_ways_add_up_once_each),
		cmocka_unit_test(a_bad_address_in_cni_args_names_the_variable),
		cmocka_unit_test(the_limit_of_ranges_is_exact),
		cmocka_unit_test(routes_keep_their_order_and_every_member),
		cmocka_unit_test(only_the_data_dir_matters_for_a_release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
