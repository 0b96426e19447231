// SPDX-License-Identifier: Apache-2.0
/* agent/api/query.c: what may follow the '?' of a request. */
#include "agent/api/query.h"

#include "base/text.h"
#include "test.h"

#include <errno.h>

static const char *const known[] = { "after", "pod", "drops", "a", "b", "c", "d", "e", "f", NULL };
static struct api_query q;
static struct fl_err err;

static void names_and_values_are_decoded(void **state)
{
	(void)state;
	CHECK_OK(api_query_parse("after=12&pod=a%2Fb%20%e2%82%AC&&drops", known, &q, &err), &err);
	assert_string_equal(api_query_get(&q, "after"), "12");
	assert_string_equal(api_query_get(&q, "pod"), "a/b \xe2\x82\xac");
	assert_string_equal(api_query_get(&q, "drops"), "");
	CHECK(!api_query_get(&q, "a"));
	CHECK_OK(api_query_parse("%61=%3d=%26&b=1+1", known, &q, &err), &err);
	assert_string_equal(api_query_get(&q, "a"), "==&");
	assert_string_equal(api_query_get(&q, "b"), "1+1");
	CHECK_OK(api_query_parse(NULL, NULL, &q, &err), &err);
	CHECK_OK(api_query_parse("&&", NULL, &q, &err), &err);
	CHECK(q.n == 0);
}

static void what_is_wrong_is_refused_by_name(void **state)
{
	static const struct {
		const char *text, *want;
	} t[] = {
		{ "other=1", "unknown parameter 'other', expected 'after', 'pod'" },
		{ "=1", "unknown parameter ''" },
		{ "after=1&after=2", "parameter 'after' comes twice" },
		{ "after=%", "'%' is not a '%' and two hexadecimal digits" },
		{ "after=%4", "'%4' is not" },
		{ "after=%4g1", "'%4g' is not" },
		{ "%zz", "'%zz' is not" },
		{ "after=1%00", "a NUL" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++)
		CHECK_FAILS(api_query_parse(t[i].text, known, &q, &err), EINVAL, &err, t[i].want);
	CHECK_FAILS(api_query_parse("x", NULL, &q, &err), EINVAL, &err, "expected none");
}

static void there_are_limits_which_can_be_reached(void **state)
{
	char text[API_QUERY_SIZE + 2];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "pod=", 4);
	text[API_QUERY_SIZE] = '\0';
	CHECK_OK(api_query_parse(text, known, &q, &err), &err);
	CHECK(strlen(api_query_get(&q, "pod")) == API_QUERY_SIZE - 4);
	text[API_QUERY_SIZE] = 'x';
	text[API_QUERY_SIZE + 1] = '\0';
	CHECK_FAILS(api_query_parse(text, known, &q, &err), EINVAL, &err, "more than 1024 bytes");
	CHECK_OK(api_query_parse("after&pod&drops&a&b&c&d&e", known, &q, &err), &err);
	CHECK(q.n == API_QUERY_MAX);
	CHECK_FAILS(api_query_parse("after&pod&drops&a&b&c&d&e&f", known, &q, &err), EINVAL, &err,
		    "more than 8 parameters");
}

static void numbers_and_switches_have_their_range(void **state)
{
	static const char *const bad[] = { "a=",
					   "a=-1",
					   "a=1x",
					   "a= 1",
					   "a=11",
					   "a=0x1",
					   "a=18446744073709551616",
					   "a=4",
					   "a=1.",
					   "a=%2b5",
					   "a=99999999999999999999999" };
	uint64_t n = 7;
	bool on = true;

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(bad); i++) {
		CHECK_OK(api_query_parse(bad[i], known, &q, &err), &err);
		CHECK_FAILS(api_query_u64(&q, "a", 5, 10, &n, &err), EINVAL, &err,
			    "expected a whole number from 5 to 10");
	}
	CHECK_OK(api_query_u64(&q, "b", 5, 10, &n, &err), &err);
	CHECK(n == 7);
	CHECK_OK(api_query_parse("a=18446744073709551615&b=0&c&d=1&e=2", known, &q, &err), &err);
	CHECK_OK(api_query_u64(&q, "a", 0, UINT64_MAX, &n, &err), &err);
	CHECK(n == UINT64_MAX);
	CHECK_OK(api_query_bool(&q, "f", &on, &err), &err);
	CHECK(on);
	CHECK_OK(api_query_bool(&q, "b", &on, &err), &err);
	CHECK(!on);
	CHECK_OK(api_query_bool(&q, "c", &on, &err), &err);
	CHECK(on);
	CHECK_OK(api_query_bool(&q, "d", &on, &err), &err);
	CHECK_FAILS(api_query_bool(&q, "e", &on, &err), EINVAL, &err, "e '2': expected 0 or 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_values_are_decoded),
		cmocka_unit_test(what_is_wrong_is_refused_by_name),
		cmocka_unit_test(there_are_limits_which_can_be_reached),
		cmocka_unit_test(numbers_and_switches_have_their_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
