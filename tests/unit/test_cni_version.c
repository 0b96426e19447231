// SPDX-License-Identifier: Apache-2.0
/* Versions. Pure. */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "cni/code.h"
#include "cni/version.h"

static void every_version_is_read_back_from_its_own_text(void **state)
{
	(void)state;
	for (unsigned int v = 0; v < FL_CNI_VERSIONS; v++) {
		enum fl_cni_version got = FL_CNI_VERSIONS;
		struct fl_err err = { 0 };

		CHECK_OK(fl_cni_version_parse(fl_cni_version_text(v), &got, &err), &err);
		assert_int_equal(got, v);
	}
}

static void versions_compare_in_the_order_of_their_release(void **state)
{
	(void)state;
	assert_string_equal(fl_cni_version_text(FL_CNI_V0_1_0), "0.1.0");
	assert_string_equal(fl_cni_version_text(FL_CNI_V0_3_1), "0.3.1");
	assert_string_equal(fl_cni_version_text(FL_CNI_NEWEST), "1.1.0");
	for (unsigned int v = 1; v < FL_CNI_VERSIONS; v++)
		CHECK(strcmp(fl_cni_version_text(v - 1), fl_cni_version_text(v)) < 0);
}

static void no_version_is_the_oldest(void **state)
{
	enum fl_cni_version got = FL_CNI_NEWEST;
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(fl_cni_version_parse(NULL, &got, &err), &err);
	assert_int_equal(got, FL_CNI_V0_1_0);
	got = FL_CNI_NEWEST;
	CHECK_OK(fl_cni_version_parse("", &got, &err), &err);
	assert_int_equal(got, FL_CNI_V0_1_0);
}

static void a_bad_version_gets_the_code_for_nonsense_or_for_unspoken(void **state)
{
	static const struct {
		const char *text;
		int code;
	} t[] = {
		{ "0.0.9", FL_CNI_VERSION },  { "1.2.0", FL_CNI_VERSION },
		{ "2", FL_CNI_VERSION },      { "1.1", FL_CNI_VERSION },
		{ "01.1.0", FL_CNI_VERSION }, { "1.1.0.0", FL_CNI_DECODE },
		{ "1.1.0 ", FL_CNI_DECODE },  { " 1.1.0", FL_CNI_DECODE },
		{ "v1.1.0", FL_CNI_DECODE },  { "1..0", FL_CNI_DECODE },
		{ "1.1.", FL_CNI_DECODE },    { "-1.1.0", FL_CNI_DECODE },
		{ "newest", FL_CNI_DECODE },  { "1.1.0-rc1", FL_CNI_DECODE },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		enum fl_cni_version got = FL_CNI_VERSIONS;
		struct fl_err err = { 0 };

		CHECK_FAILS(fl_cni_version_parse(t[i].text, &got, &err), EINVAL, &err, t[i].text);
		if (err.code != t[i].code)
			fail_msg("'%s': code %d, expected %d", t[i].text, err.code, t[i].code);
		assert_int_equal(got, FL_CNI_VERSIONS);
	}
}

static void the_list_has_every_version_from_the_oldest_on(void **state)
{
	fl_auto_json struct fl_json *list = fl_cni_version_list();

	(void)state;
	assert_int_equal(fl_json_len(list), FL_CNI_VERSIONS);
	for (unsigned int v = 0; v < FL_CNI_VERSIONS; v++)
		assert_string_equal(fl_json_str(fl_json_at(list, v)), fl_cni_version_text(v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version_is_read_back_from_its_own_text),
		cmocka_unit_test(versions_compare_in_the_order_of_their_release),
		cmocka_unit_test(no_version_is_the_oldest),
		cmocka_unit_test(a_bad_version_gets_the_code_for_nonsense_or_for_unspoken),
		cmocka_unit_test(the_list_has_every_version_from_the_oldest_on),
	};

	return cmocka_run_group_tests_name("cni_version", tests, NULL, NULL);
}
