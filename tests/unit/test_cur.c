// SPDX-License-Identifier: Apache-2.0
/* lib/json/cur.c. Needs nothing. */
#include "json/cur.h"

#include "test.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static struct fl_json *tree;

static int parse_tree(void **state)
{
	static const char text[] =
		"{\"o\":{\"list\":[{\"ip\":\"10.0.0.256\"},\"s\",null]},\"a\":[],\"s\":\"text\","
		"\"t\":true,\"f\":false,\"n\":-5,\"max\":4294967295,\"real\":1.0,\"null\":null,"
		"\"ip\":\"10.1.2.3\",\"net\":\"fd00::1/64\",\"MixedCase\":1,"
		"\"long\":"
		"\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}";
	struct fl_err err = { 0 };

	(void)state;
	return fl_json_parse(text, strlen(text), &tree, &err);
}

static int free_tree(void **state)
{
	(void)state;
	fl_json_free(&tree);
	return 0;
}

static void every_reader_takes_its_own_type(void **state)
{
	const struct fl_cur root = fl_cur_root(tree, "config");
	const int64_t range[2] = { -5, -5 };
	struct fl_cur at = { 0 };
	struct fl_err err = { 0 };
	struct fl_prefix net = { 0 };
	struct fl_ip ip = { 0 };
	const char *s = NULL;
	bool t = false, f = true;
	int64_t n = 0;
	uint32_t u = 0;
	char text[FL_PREFIX_STR];

	(void)state;
	CHECK(fl_cur_obj(&root, "o", FL_REQUIRED, &at, &err) == 1 && fl_json_len(at.v) == 1);
	CHECK(fl_cur_arr(&root, "a", FL_REQUIRED, &at, &err) == 1 && fl_json_len(at.v) == 0);
	CHECK(fl_cur_str(&root, "s", FL_REQUIRED, &s, &err) == 1 && strcmp(s, "text") == 0);
	CHECK(fl_cur_bool(&root, "t", FL_REQUIRED, &t, &err) == 1 && t);
	CHECK(fl_cur_bool(&root, "f", FL_REQUIRED, &f, &err) == 1 && !f);
	CHECK(fl_cur_int(&root, "n", FL_REQUIRED, range, &n, &err) == 1 && n == -5);
	CHECK(fl_cur_u32(&root, "max", 0, UINT32_MAX, &u, &err) == 1 && u == UINT32_MAX);
	CHECK(fl_cur_ip(&root, "ip", FL_REQUIRED, &ip, &err) == 1);
	assert_string_equal(fl_ip_format(&ip, text), "10.1.2.3");
	CHECK(fl_cur_prefix(&root, "net", FL_REQUIRED, &net, &err) == 1);
	assert_string_equal(fl_prefix_format(&net, text), "fd00::1/64");
	CHECK(fl_cur_u32(&root, "mixedcase", 0, 1, &u, &err) == 1 && u == 1);
}

static void absent_and_null_members_leave_the_default(void **state)
{
	static const char *const keys[] = { "absent", "null" };
	const struct fl_cur root = fl_cur_root(tree, "config");
	const int64_t range[2] = { 0, 1 };
	struct fl_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(keys); i++) {
		struct fl_cur at = { 0 };
		struct fl_prefix net = { .len = 9 };
		struct fl_ip ip = { .b = { 9 } };
		const char *s = "default";
		bool b = true;
		int64_t n = 9;
		uint32_t u = 9;

		CHECK(fl_cur_obj(&root, keys[i], FL_OPTIONAL, &at, &err) == 0);
		CHECK(fl_cur_arr(&root, keys[i], FL_OPTIONAL, &at, &err) == 0);
		CHECK(fl_cur_str(&root, keys[i], FL_OPTIONAL, &s, &err) == 0);
		CHECK(fl_cur_bool(&root, keys[i], FL_OPTIONAL, &b, &err) == 0);
		CHECK(fl_cur_int(&root, keys[i], FL_OPTIONAL, range, &n, &err) == 0);
		CHECK(fl_cur_u32(&root, keys[i], 0, 1, &u, &err) == 0);
		CHECK(fl_cur_ip(&root, keys[i], FL_OPTIONAL, &ip, &err) == 0);
		CHECK(fl_cur_prefix(&root, keys[i], FL_OPTIONAL, &net, &err) == 0);
		CHECK(strcmp(s, "default") == 0 && b && n == 9 && u == 9);
		CHECK(ip.b[0] == 9 && net.len == 9);
	}
}

static void a_required_member_that_is_absent_is_named_with_its_type(void **state)
{
	const struct fl_cur root = fl_cur_root(tree, "config");
	struct fl_err err = { 0 };
	struct fl_cur at = { 0 };
	const char *s = NULL;
	bool b;

	(void)state;
	CHECK_FAILS(fl_cur_str(&root, "x", FL_REQUIRED, &s, &err), EINVAL, &err,
		    "config 'x': missing, expected a string");
	CHECK_FAILS(fl_cur_str(&root, "null", FL_REQUIRED, &s, &err), EINVAL, &err, "missing");
	CHECK_FAILS(fl_cur_bool(&root, "x", FL_REQUIRED, &b, &err), EINVAL, &err, "a boolean");
	CHECK_FAILS(fl_cur_obj(&root, "x", FL_REQUIRED, &at, &err), EINVAL, &err, "an object");
	CHECK_FAILS(fl_cur_arr(&root, "x", FL_REQUIRED, &at, &err), EINVAL, &err, "an array");
}

static void a_member_of_another_type_is_named_with_what_was_found(void **state)
{
	const struct fl_cur root = fl_cur_root(tree, "config");
	const int64_t range[2] = { 0, 1 };
	struct fl_err err = { 0 };
	struct fl_cur at = { 0 };
	struct fl_ip ip = { 0 };
	const char *s = NULL;
	int64_t n = 0;
	bool b = false;

	(void)state;
	CHECK_FAILS(fl_cur_str(&root, "n", FL_OPTIONAL, &s, &err), EINVAL, &err,
		    "config 'n': expected a string, found a number -5");
	CHECK_FAILS(fl_cur_bool(&root, "s", FL_OPTIONAL, &b, &err), EINVAL, &err,
		    "expected a boolean, found a string \"text\"");
	CHECK_FAILS(fl_cur_int(&root, "real", FL_OPTIONAL, range, &n, &err), EINVAL, &err,
		    "expected a number, found a fraction 1.0");
	CHECK_FAILS(fl_cur_obj(&root, "a", FL_OPTIONAL, &at, &err), EINVAL, &err,
		    "expected an object, found an array []");
	CHECK_FAILS(fl_cur_arr(&root, "o", FL_OPTIONAL, &at, &err), EINVAL, &err, "an object {");
	CHECK_FAILS(fl_cur_ip(&root, "t", FL_OPTIONAL, &ip, &err), EINVAL, &err, "a boolean true");
	CHECK_FAILS(fl_cur_bool(&root, "long", FL_OPTIONAL, &b, &err), EINVAL, &err, "xxx");
	CHECK(strlen(err.text) < 120);
}

static void a_number_outside_its_range_is_named_with_the_range(void **state)
{
	const struct fl_cur root = fl_cur_root(tree, "config");
	const int64_t below[2] = { -4, 0 };
	struct fl_err err = { 0 };
	uint32_t u = 9;
	int64_t n = 9;

	(void)state;
	CHECK_FAILS(fl_cur_int(&root, "n", FL_OPTIONAL, below, &n, &err), EINVAL, &err,
		    "config 'n': -5 is not a number from -4 to 0");
	CHECK_FAILS(fl_cur_u32(&root, "max", 0, UINT32_MAX - 1, &u, &err), EINVAL, &err,
		    "4294967295 is not a number from 0 to 4294967294");
	CHECK_FAILS(fl_cur_u32(&root, "n", 0, UINT32_MAX, &u, &err), EINVAL, &err, "-5 is not");
	CHECK(n == 9 && u == 9);
}

static void complaints_name_the_whole_path(void **state)
{
	const struct fl_cur root = fl_cur_root(tree, "config");
	struct fl_cur o = { 0 }, list = { 0 }, item, wrong, absent;
	struct fl_err err = { 0 };
	struct fl_ip ip = { 0 };
	const char *s = NULL;

	(void)state;
	CHECK(fl_cur_obj(&root, "o", FL_REQUIRED, &o, &err) == 1);
	CHECK(fl_cur_arr(&o, "list", FL_REQUIRED, &list, &err) == 1);
	item = fl_cur_at(&list, 0);
	CHECK_OK(fl_cur_as_obj(&item, &err), &err);
	CHECK_FAILS(fl_cur_ip(&item, "ip", FL_REQUIRED, &ip, &err), EINVAL, &err,
		    "config 'o.list[0].ip': '10.0.0.256' is not an IP address");
	CHECK_FAILS(fl_cur_as_str(&item, &s, &err), EINVAL, &err,
		    "config 'o.list[0]': expected a string, found an object");
	wrong = fl_cur_at(&list, 1);
	CHECK_FAILS(fl_cur_as_obj(&wrong, &err), EINVAL, &err,
		    "config 'o.list[1]': expected an object, found a string \"s\"");
	wrong = fl_cur_at(&list, 2);
	CHECK_FAILS(fl_cur_as_str(&wrong, &s, &err), EINVAL, &err,
		    "config 'o.list[2]': expected a string, found null");
	assert_string_equal(err.text, "config 'o.list[2]': expected a string, found null");
	absent = fl_cur_member(&item, "gw");
	CHECK_FAILS(fl_cur_fail(&absent, &err, "is %s", "needed"), EINVAL, &err,
		    "config 'o.list[0].gw': is needed");
	CHECK_FAILS(fl_cur_as_str(&root, &s, &err), EINVAL, &err, "config: expected a string");
}

static void a_path_of_any_length_is_cut_and_the_complaint_kept(void **state)
{
	static const char key[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	struct fl_cur c[12];
	struct fl_err err = { 0 };

	(void)state;
	c[0] = fl_cur_root(tree, "config");
	for (size_t i = 1; i < FL_ARRAY_LEN(c); i++)
		c[i] = fl_cur_member(&c[i - 1], key);
	CHECK_FAILS(fl_cur_fail(&c[11], &err, "the complaint"), EINVAL, &err, "': the complaint");
	CHECK(strlen(err.text) < 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reader_takes_its_own_type),
		cmocka_unit_test(absent_and_null_members_leave_the_default),
		cmocka_unit_test(a_required_member_that_is_absent_is_named_with_its_type),
		cmocka_unit_test(a_member_of_another_type_is_named_with_what_was_found),
		cmocka_unit_test(a_number_outside_its_range_is_named_with_the_range),
		cmocka_unit_test(complaints_name_the_whole_path),
		cmocka_unit_test(a_path_of_any_length_is_cut_and_the_complaint_kept),
	};

	return cmocka_run_group_tests(tests, parse_tree, free_tree);
}
