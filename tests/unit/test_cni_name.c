// SPDX-License-Identifier: Apache-2.0
/* Names from outside, and the UTF-8 that an error document may hold. Pure. */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "cni/code.h"
#include "cni/error.h"
#include "cni/name.h"
#include "json/json.h"

typedef int (*check_fn)(const char *name, struct fl_err *err);

struct sample {
	const char *name;
	int code; /* 0: good */
};

static void check_table(check_fn check, const struct sample *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct fl_err err = { 0 };
		int r = check(t[i].name, &err);

		if (r != (t[i].code ? -EINVAL : 0) || err.code != t[i].code)
			fail_msg("'%s': returned %d, code %d (%s), expected code %d", t[i].name, r,
				 err.code, err.text, t[i].code);
		if (r < 0 && t[i].name && t[i].name[0] && !strstr(err.text, t[i].name))
			fail_msg("'%s' lacks '%s'", err.text, t[i].name);
	}
}

static void network_names_follow_the_rule_of_the_specification(void **state)
{
	static const struct sample t[] = {
		{ "pods", 0 },
		{ "a..b", 0 },
		{ "0", 0 },
		{ "A_b.c-9", 0 },
		{ NULL, FL_CNI_CONFIG },
		{ "", FL_CNI_CONFIG },
		{ "..", FL_CNI_CONFIG },
		{ ".", FL_CNI_CONFIG },
		{ "a/b", FL_CNI_CONFIG },
		{ "../x", FL_CNI_CONFIG },
		{ "-a", FL_CNI_CONFIG },
		{ "_a", FL_CNI_CONFIG },
		{ "a b", FL_CNI_CONFIG },
		{ "a\n", FL_CNI_CONFIG },
		{ "\xc3\xa4", FL_CNI_CONFIG },
	};

	(void)state;
	check_table(fl_cni_check_network, t, FL_ARRAY_LEN(t));
}

static void container_ids_follow_the_rule_of_the_specification(void **state)
{
	static const struct sample t[] = {
		{ "dummy", 0 },		  { "0a1b", 0 },	{ NULL, FL_CNI_CONTAINER },
		{ "", FL_CNI_CONTAINER }, { "..", FL_CNI_ENV }, { "a/../b", FL_CNI_ENV },
		{ "a:b", FL_CNI_ENV },	  { "-x", FL_CNI_ENV },
	};

	(void)state;
	check_table(fl_cni_check_container_id, t, FL_ARRAY_LEN(t));
}

static void interface_names_are_what_the_kernel_takes(void **state)
{
	static const struct sample t[] = {
		{ "eth0", 0 },
		{ "a", 0 },
		{ "fifteen-bytes-x", 0 },
		{ "sixteen-bytes-xy", FL_CNI_ENV },
		{ "", FL_CNI_ENV },
		{ ".", FL_CNI_ENV },
		{ "..", FL_CNI_ENV },
		{ "...", 0 },
		{ "a/b", FL_CNI_ENV },
		{ "a:1", FL_CNI_ENV },
		{ "a b", FL_CNI_ENV },
		{ "a\t", FL_CNI_ENV },
		{ "\xff", FL_CNI_ENV },
		{ "\xc3\xa4", 0 },
	};

	(void)state;
	check_table(fl_cni_check_ifname, t, FL_ARRAY_LEN(t));
}

static void a_new_interface_has_no_pattern_for_a_name(void **state)
{
	static const struct sample t[] = {
		{ "eth0", 0 },
		{ "a%d", FL_CNI_ENV },
		{ "%", FL_CNI_ENV },
		{ "a/b", FL_CNI_ENV },
	};

	(void)state;
	check_table(fl_cni_check_new_ifname, t, FL_ARRAY_LEN(t));
	assert_int_equal(fl_cni_check_ifname("a%d", &(struct fl_err){ 0 }), 0);
}

static void a_plugin_type_is_a_file_name_and_no_path(void **state)
{
	static const struct sample t[] = {
		{ "host-local", 0 },
		{ "a b", 0 },
		{ "...", 0 },
		{ NULL, FL_CNI_CONFIG },
		{ "", FL_CNI_CONFIG },
		{ ".", FL_CNI_CONFIG },
		{ "..", FL_CNI_CONFIG },
		{ "/", FL_CNI_CONFIG },
		{ "../../bin/sh", FL_CNI_CONFIG },
		{ "host/local", FL_CNI_CONFIG },
	};

	(void)state;
	check_table(fl_cni_check_type, t, FL_ARRAY_LEN(t));
}

static void each_length_is_taken_at_its_limit_and_refused_above(void **state)
{
	static const struct {
		check_fn check;
		size_t max;
		int code;
	} t[] = {
		{ fl_cni_check_network, FL_CNI_NAME_MAX, FL_CNI_CONFIG },
		{ fl_cni_check_container_id, FL_CNI_ID_MAX, FL_CNI_ENV },
		{ fl_cni_check_ifname, FL_CNI_IFNAME_MAX, FL_CNI_ENV },
		{ fl_cni_check_type, 255, FL_CNI_CONFIG },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct fl_err err = { 0 };
		char name[512] = "";

		memset(name, 'n', t[i].max);
		CHECK_OK(t[i].check(name, &err), &err);
		name[t[i].max] = 'n';
		CHECK_FAILS(t[i].check(name, &err), EINVAL, &err, "bytes, expected");
		assert_int_equal(err.code, t[i].code);
	}
}

static void utf8_is_told_from_other_bytes(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} t[] = {
		{ "", true },
		{ "plain", true },
		{ "\xc2\x80", true },
		{ "\xdf\xbf", true },
		{ "\xe0\xa0\x80", true },
		{ "\xed\x9f\xbf", true },
		{ "\xf0\x90\x80\x80", true },
		{ "\xf4\x8f\xbf\xbf", true },
		{ "\x80", false },
		{ "\xc0\xaf", false },
		{ "\xc1\xbf", false },
		{ "\xc3", false },
		{ "\xe0\x9f\xbf", false },
		{ "\xe2\x82", false },
		{ "\xed\xa0\x80", false },
		{ "\xf0\x8f\xbf\xbf", false },
		{ "\xf4\x90\x80\x80", false },
		{ "\xf5\x80\x80\x80", false },
		{ "a\xff", false },
		{ "\xe2\x28\xa1", false },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++)
		if (fl_utf8_ok(t[i].text) != t[i].ok)
			fail_msg("sample %zu: expected %d", i, t[i].ok);
}

/* Parses what was printed: a JSON document, its length as returned. */
static struct fl_json *printed(const struct fl_err *why)
{
	struct fl_json *tree = NULL;
	char text[FL_CNI_ERROR_MAX];
	struct fl_err err = { 0 };
	size_t len;

	len = fl_cni_error_print(FL_CNI_V0_4_0, why, text);
	assert_int_equal(len, strlen(text));
	assert_int_equal(text[len - 1], '\n');
	CHECK_OK(fl_json_parse(text, len, &tree, &err), &err);
	assert_string_equal(fl_json_str(fl_json_get(tree, "cniVersion")), "0.4.0");
	return tree;
}

static void an_error_document_survives_any_bytes_in_its_text(void **state)
{
	struct fl_err why = { .code = FL_CNI_CONFIG };

	(void)state;
	for (int c = 1; c < 256; c++) {
		fl_auto_json struct fl_json *tree = NULL;

		memset(why.text, c, sizeof(why.text) - 1);
		tree = printed(&why);
		if (c < 0x80)
			assert_string_equal(fl_json_str(fl_json_get(tree, "details")), why.text);
		else
			assert_int_equal(strncmp(fl_json_str(fl_json_get(tree, "details")),
						 "\xef\xbf\xbd\xef\xbf\xbd", 6),
					 0);
	}
}

static void an_error_without_a_code_is_internal_or_try_later(void **state)
{
	fl_auto_json struct fl_json *internal = NULL, *later = NULL;
	struct fl_err why = { .sys = EIO, .text = "read" };

	(void)state;
	internal = printed(&why);
	assert_int_equal(fl_json_int(fl_json_get(internal, "code")), FL_CNI_INTERNAL);
	why.sys = ETIMEDOUT;
	later = printed(&why);
	assert_int_equal(fl_json_int(fl_json_get(later, "code")), FL_CNI_TRY_LATER);
}

static void the_message_names_the_variable_for_the_codes_that_must(void **state)
{
	struct fl_err why = { .code = FL_CNI_ENV, .text = "CNI_IFNAME: bad" };
	fl_auto_json struct fl_json *env = printed(&why);
	fl_auto_json struct fl_json *field = NULL, *other = NULL;

	(void)state;
	assert_string_equal(fl_json_str(fl_json_get(env, "msg")), why.text);
	CHECK(!fl_json_has(env, "details"));
	why.code = FL_CNI_FIELD;
	field = printed(&why);
	assert_string_equal(fl_json_str(fl_json_get(field, "msg")), why.text);
	why.code = FL_CNI_NETNS;
	other = printed(&why);
	assert_string_equal(fl_json_str(fl_json_get(other, "msg")), "invalid network namespace");
	assert_string_equal(fl_json_str(fl_json_get(other, "details")), why.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(network_names_follow_the_rule_of_the_specification),
		cmocka_unit_test(container_ids_follow_the_rule_of_the_specification),
		cmocka_unit_test(interface_names_are_what_the_kernel_takes),
		cmocka_unit_test(a_new_interface_has_no_pattern_for_a_name),
		cmocka_unit_test(a_plugin_type_is_a_file_name_and_no_path),
		cmocka_unit_test(each_length_is_taken_at_its_limit_and_refused_above),
		cmocka_unit_test(utf8_is_told_from_other_bytes),
		cmocka_unit_test(an_error_document_survives_any_bytes_in_its_text),
		cmocka_unit_test(an_error_without_a_code_is_internal_or_try_later),
		cmocka_unit_test(the_message_names_the_variable_for_the_codes_that_must),
	};

	return cmocka_run_group_tests_name("cni_name", tests, NULL, NULL);
}
