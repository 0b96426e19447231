// SPDX-License-Identifier: Apache-2.0
/* CNI_ARGS. Pure. */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "cni/args.h"
#include "cni/code.h"

static void no_args_are_an_empty_struct(void **state)
{
	static const struct fl_cni_args empty = { 0 };
	struct fl_cni_args args;
	struct fl_err err = { 0 };

	(void)state;
	memset(&args, 0xff, sizeof(args));
	CHECK_OK(fl_cni_args_parse(NULL, &args, &err), &err);
	assert_memory_equal(&args, &empty, sizeof(args));
	CHECK_OK(fl_cni_args_parse("", &args, &err), &err);
	assert_memory_equal(&args, &empty, sizeof(args));
}

static void every_known_key_is_taken(void **state)
{
	fl_auto_cni_args struct fl_cni_args args = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(fl_cni_args_parse("IP=10.1.2.3,fd00::3;GATEWAY=10.1.2.1;MAC=02:00:00:00:00:01;"
				   "K8S_POD_NAMESPACE=ns;K8S_POD_NAME=pod;K8S_POD_UID=u-1;"
				   "K8S_POD_INFRA_CONTAINER_ID=0a1b",
				   &args, &err),
		 &err);
	assert_string_equal(args.ip, "10.1.2.3,fd00::3");
	assert_string_equal(args.gateway, "10.1.2.1");
	assert_string_equal(args.mac, "02:00:00:00:00:01");
	assert_string_equal(args.pod_namespace, "ns");
	assert_string_equal(args.pod_name, "pod");
	assert_string_equal(args.pod_uid, "u-1");
}

static void an_empty_value_is_absent_and_a_repeated_key_keeps_the_last(void **state)
{
	fl_auto_cni_args struct fl_cni_args args = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(fl_cni_args_parse("IP=;MAC=a;MAC=b", &args, &err), &err);
	assert_null(args.ip);
	assert_string_equal(args.mac, "b");
}

static void unknown_keys_are_ignored_when_asked_before_or_after(void **state)
{
	static const char *const good[] = {
		"IgnoreUnknown=1;FOO=bar",    "FOO=bar;IgnoreUnknown=true",
		"FOO=bar;IgnoreUnknown=TRUE", "IgnoreUnknown=0",
		"ip=1.2.3.4;IgnoreUnknown=1",
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(good); i++) {
		fl_auto_cni_args struct fl_cni_args args = { 0 };
		struct fl_err err = { 0 };

		CHECK_OK(fl_cni_args_parse(good[i], &args, &err), &err);
		assert_null(args.ip);
	}
}

static void malformed_args_name_the_pair_and_leave_the_output_alone(void **state)
{
	static const struct {
		const char *text, *names;
	} t[] = {
		{ "IP", "'IP'" },
		{ "=x", "'=x'" },
		{ "IP=1;;MAC=2", "''" },
		{ "IP=1;", "''" },
		{ ";", "''" },
		{ "A=b=c", "'A=b=c'" },
		{ "FOO=bar", "'FOO'" },
		{ "FOO=bar;IgnoreUnknown=0", "'FOO'" },
		{ "FOO=bar;IgnoreUnknown=false", "'FOO'" },
		{ "IgnoreUnknown=yes", "'IgnoreUnknown=yes'" },
		{ "IgnoreUnknown=", "'IgnoreUnknown='" },
		{ "ip=1.2.3.4", "'ip'" },
		{ "K8S_POD_NAME=\xff", "expected UTF-8" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct fl_cni_args args = { .ip = "untouched" };
		struct fl_err err = { 0 };

		CHECK_FAILS(fl_cni_args_parse(t[i].text, &args, &err), EINVAL, &err, t[i].names);
		CHECK(strstr(err.text, "CNI_ARGS"));
		assert_int_equal(err.code, FL_CNI_ENV);
		assert_string_equal(args.ip, "untouched");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_args_are_an_empty_struct),
		cmocka_unit_test(every_known_key_is_taken),
		cmocka_unit_test(an_empty_value_is_absent_and_a_repeated_key_keeps_the_last),
		cmocka_unit_test(unknown_keys_are_ignored_when_asked_before_or_after),
		cmocka_unit_test(malformed_args_name_the_pair_and_leave_the_output_alone),
	};

	return cmocka_run_group_tests_name("cni_args", tests, NULL, NULL);
}
