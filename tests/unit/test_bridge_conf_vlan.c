// SPDX-License-Identifier: Apache-2.0
/* The bridge plugin's VLAN keys and the three places of the pod's MAC address. */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cni/code.h"
#include "plugins/bridge/conf.h"

static struct fl_err err;
static struct fl_json *tree;
static struct fl_cni_args args;

static int read_with(const char *text, const char *args_text, struct br_conf *conf)
{
	char whole[2048];
	struct fl_cur c;

	fl_cni_args_done(&args);
	fl_json_free(&tree);
	CHECK_OK(fl_cni_args_parse(args_text, &args, &err), &err);
	(void)snprintf(whole, sizeof(whole), "{%s}", text);
	CHECK_OK(fl_json_parse(whole, strlen(whole), &tree, &err), &err);
	c = fl_cur_root(tree, "config");
	return br_conf_read(&c, &args, conf, &err);
}

static int teardown(void **state)
{
	(void)state;
	fl_json_free(&tree);
	fl_cni_args_done(&args);
	return 0;
}

static void vlan_is_0_to_4094(void **state)
{
	static const struct {
		const char *text;
		int vlan; /* -1: refused */
		const char *said;
	} t[] = {
		{ "\"vlan\": 0", 0, NULL },
		{ "\"vlan\": 1", 1, NULL },
		{ "\"vlan\": 4094", 4094, NULL },
		{ "\"vlan\": 4095", -1, "config 'vlan': 4095 is not a number from 0 to 4094" },
		{ "\"vlan\": -1", -1, "config 'vlan': -1 is not a number from 0 to 4094" },
		{ "\"vlan\": \"7\"", -1, "config 'vlan': expected a number, found a string" },
		{ "\"vlan\": true", -1, "config 'vlan': expected a number, found a boolean" },
		{ "\"vlan\": 7.5", -1, "config 'vlan': expected a number, found a fraction" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct br_conf c = { 0 };

		if (t[i].vlan >= 0) {
			CHECK_OK(read_with(t[i].text, NULL, &c), &err);
			assert_int_equal(c.vlan, t[i].vlan);
		} else {
			CHECK_FAILS(read_with(t[i].text, NULL, &c), EINVAL, &err, t[i].said);
			assert_int_equal(err.code, FL_CNI_CONFIG);
		}
	}
}

static void trunk_takes_ids_and_ranges(void **state)
{
	static const char text[] =
		"\"vlanTrunk\": [{\"id\": 101}, {\"minID\": 200, \"maxID\": 299}, "
		"{\"id\": 7, \"minID\": 4093, \"maxID\": 4094}, "
		"{\"minID\": 1, \"maxID\": 1}]";
	struct br_conf c = { 0 };
	unsigned int n = 0;

	(void)state;
	CHECK_OK(read_with(text, NULL, &c), &err);
	CHECK(c.has_trunk);
	for (unsigned int v = 0; v <= BR_VLAN_MAX; v++) {
		bool want = v == 1 || v == 7 || v == 101 || (v >= 200 && v <= 299) || v >= 4093;

		if (br_conf_in_trunk(&c, v) != want)
			fail_msg("VLAN %u: %d", v, !want);
		n += want;
	}
	assert_int_equal(n, 105);
	CHECK_OK(read_with("\"vlanTrunk\": []", NULL, &c), &err);
	CHECK(!c.has_trunk);
	CHECK_OK(read_with("\"vlanTrunk\": [{\"minID\": 1, \"maxID\": 4094}]", NULL, &c), &err);
	CHECK(br_conf_in_trunk(&c, 1) && br_conf_in_trunk(&c, 4094) && !br_conf_in_trunk(&c, 0));
}

static void trunk_that_is_wrong_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *value, *said;
	} t[] = {
		{ "{}", "config 'vlanTrunk': expected an array, found an object" },
		{ "[7]", "config 'vlanTrunk[0]': expected an object, found a number 7" },
		{ "[{\"id\": 1}, {}]", "config 'vlanTrunk[1]': has neither 'id' nor 'minID'" },
		{ "[{\"id\": 0}]", "config 'vlanTrunk[0].id': 0 is not a number from 1 to 4094" },
		{ "[{\"id\": 4095}]", "config 'vlanTrunk[0].id': 4095 is not a number from 1" },
		{ "[{\"id\": \"7\"}]", "config 'vlanTrunk[0].id': expected a number" },
		{ "[{\"minID\": 7}]", "config 'vlanTrunk[0]': has 'minID' without 'maxID'" },
		{ "[{\"maxID\": 7}]", "config 'vlanTrunk[0]': has 'maxID' without 'minID'" },
		{ "[{\"minID\": 0, \"maxID\": 7}]", "config 'vlanTrunk[0].minID': 0 is not" },
		{ "[{\"minID\": 1, \"maxID\": 4095}]", "config 'vlanTrunk[0].maxID': 4095 is not" },
		{ "[{\"minID\": 9, \"maxID\": 8}]",
		  "config 'vlanTrunk[0]': minID 9 is above maxID 8" },
		{ "[null]", "config 'vlanTrunk[0]': expected an object, found null" },
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct br_conf c = { 0 };

		(void)snprintf(text, sizeof(text), "\"vlanTrunk\": %s", t[i].value);
		CHECK_FAILS(read_with(text, NULL, &c), EINVAL, &err, t[i].said);
		assert_int_equal(err.code, FL_CNI_CONFIG);
	}
}

#define IN_RUNTIME "\"runtimeConfig\": {\"mac\": \"02:00:00:00:00:03\"}"
#define IN_ARGS	   "\"args\": {\"cni\": {\"mac\": \"02:00:00:00:00:02\"}}"
#define IN_ENV	   "MAC=02:00:00:00:00:01"

static void runtime_config_rules_over_args_and_those_over_cni_args(void **state)
{
	static const struct {
		const char *text, *env;
		int last; /* octet; 0: no address */
	} t[] = {
		{ "", NULL, 0 },
		{ "", IN_ENV, 1 },
		{ IN_ARGS, NULL, 2 },
		{ IN_ARGS, IN_ENV, 2 },
		{ IN_RUNTIME, NULL, 3 },
		{ IN_RUNTIME, IN_ENV, 3 },
		{ IN_RUNTIME ", " IN_ARGS, IN_ENV, 3 },
		/* An empty text is none. */
		{ "\"runtimeConfig\": {\"mac\": \"\"}, " IN_ARGS, IN_ENV, 2 },
		{ "\"runtimeConfig\": {\"mac\": null}, " IN_ARGS, IN_ENV, 2 },
		{ "\"runtimeConfig\": {}, \"args\": {\"cni\": {\"mac\": \"\"}}", IN_ENV, 1 },
		{ "\"runtimeConfig\": {\"mac\": \"\"}", NULL, 0 },
		{ "\"args\": {}", NULL, 0 },
		{ "\"args\": {\"cni\": {}}", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct br_conf c = { 0 };

		CHECK_OK(read_with(t[i].text, t[i].env, &c), &err);
		assert_int_equal(c.pod.has_mac, t[i].last != 0);
		assert_int_equal(c.pod.mac[5], t[i].last);
	}
}

static void mac_that_is_wrong_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *env;
		int code;
		const char *place, *value;
	} t[] = {
		{ "\"runtimeConfig\": {\"mac\": \"zz\"}", NULL, FL_CNI_CONFIG,
		  "config 'runtimeConfig.mac'", "'zz'" },
		{ "\"runtimeConfig\": {\"mac\": 7}", NULL, FL_CNI_CONFIG,
		  "config 'runtimeConfig.mac'", "expected a string, found a number 7" },
		{ "\"runtimeConfig\": {\"mac\": \"01:00:5e:00:00:01\"}", NULL, FL_CNI_CONFIG,
		  "config 'runtimeConfig.mac'", "'01:00:5e:00:00:01' is a multicast address" },
		{ "\"runtimeConfig\": {\"mac\": \"00:00:00:00:00:00\"}", NULL, FL_CNI_CONFIG,
		  "config 'runtimeConfig.mac'", "'00:00:00:00:00:00'" },
		{ "\"runtimeConfig\": []", NULL, FL_CNI_CONFIG, "config 'runtimeConfig'",
		  "expected an object" },
		{ "\"args\": {\"cni\": {\"mac\": \"02:00:00:00:00\"}}", NULL, FL_CNI_CONFIG,
		  "config 'args.cni.mac'", "'02:00:00:00:00'" },
		{ "\"args\": {\"cni\": {\"mac\": true}}", NULL, FL_CNI_CONFIG,
		  "config 'args.cni.mac'", "expected a string" },
		{ "", "MAC=zz", FL_CNI_ENV, "CNI_ARGS 'MAC'", "'zz'" },
		{ "", "MAC=ff:ff:ff:ff:ff:ff", FL_CNI_ENV, "CNI_ARGS 'MAC'",
		  "'ff:ff:ff:ff:ff:ff' is a multicast address" },
		{ "", "MAC=00:00:00:00:00:00", FL_CNI_ENV, "CNI_ARGS 'MAC'",
		  "'00:00:00:00:00:00'" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct br_conf c = { 0 };

		CHECK_FAILS(read_with(t[i].text, t[i].env, &c), EINVAL, &err, t[i].place);
		if (!strstr(err.text, t[i].value))
			fail_msg("'%s' lacks '%s'", err.text, t[i].value);
		assert_int_equal(err.code, t[i].code);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(vlan_is_0_to_4094),
		cmocka_unit_test(trunk_takes_ids_and_ranges),
		cmocka_unit_test(trunk_that_is_wrong_is_refused_with_its_place),
		cmocka_unit_test(runtime_config_rules_over_args_and_those_over_cni_args),
		cmocka_unit_test(mac_that_is_wrong_is_refused_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
