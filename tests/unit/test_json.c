// SPDX-License-Identifier: Apache-2.0
/* lib/json/json.c. Needs nothing. */
#include "json/json.h"

#include "inject.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static struct fl_json *parse(const char *text)
{
	struct fl_json *v = NULL;
	struct fl_err err = { 0 };

	CHECK_OK(fl_json_parse(text, strlen(text), &v, &err), &err);
	return v;
}

static void check_print(const struct fl_json *v, const char *want)
{
	fl_auto_free char *text = NULL;
	struct fl_err err = { 0 };

	CHECK_OK(fl_json_print(v, 0, &text, &err), &err);
	assert_string_equal(text, want);
}

static void documents_are_printed_as_they_were_read(void **state)
{
	static const char *const t[] = { "{}",
					 "[]",
					 "null",
					 "true",
					 "-9223372036854775808",
					 "\"a\\\"b\\\\c\\u0001\"",
					 "[1,2.5,\"\xc3\xa9\",null,{\"b\":1,\"a\":[{}]}]" };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_json struct fl_json *v = parse(t[i]);

		check_print(v, t[i]);
	}
}

static void check_indented(const char *document, unsigned int indent, const char *want)
{
	fl_auto_json struct fl_json *v = parse(document);
	fl_auto_free char *text = NULL;
	struct fl_err err = { 0 };

	CHECK_OK(fl_json_print(v, indent, &text, &err), &err);
	assert_string_equal(text, want);
}

static void what_is_indented_has_one_member_or_element_a_line(void **state)
{
	(void)state;
	check_indented("{\"a\":[1,{\"b\":null}],\"c\":{},\"d\":[]}", 4,
		       "{\n"
		       "    \"a\": [\n"
		       "        1,\n"
		       "        {\n"
		       "            \"b\": null\n"
		       "        }\n"
		       "    ],\n"
		       "    \"c\": {},\n"
		       "    \"d\": []\n"
		       "}");
	check_indented("[]", 4, "[]");
	check_indented("[[true]]", 1, "[\n [\n  true\n ]\n]");
	check_indented("\"x\"", 4, "\"x\"");
}

static void texts_are_printed_with_the_escapes_that_json_asks_for(void **state)
{
	(void)state;
	check_indented(
		"\"\\u0001\\u001f\\b\\f\\n\\r\\t\\/\\\"\\\\ \x7f \xc3\xa9\\u20ac\\ud83d\\ude00\"",
		0,
		"\"\\u0001\\u001F\\b\\f\\n\\r\\t/\\\"\\\\ \x7f "
		"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
	check_indented("{\"k\\n\":\"\"}", 0, "{\"k\\n\":\"\"}");
}

static void numbers_keep_their_kind_and_their_last_digit(void **state)
{
	(void)state;
	check_indented("[0,-0,7,-10,9223372036854775807,-9223372036854775808]", 0,
		       "[0,0,7,-10,9223372036854775807,-9223372036854775808]");
	check_indented("[1.0,0.1,-2.5e300,1e-7]", 0,
		       "[1.0,0.10000000000000001,-2.5000000000000001e300,"
		       "9.9999999999999995e-8]");
}

static void a_document_of_any_length_is_printed_whole(void **state)
{
	(void)state;
	for (size_t n = 900; n < 1100; n++) {
		fl_auto_free char *text = NULL, *printed = NULL;
		fl_auto_json struct fl_json *v = NULL;
		struct fl_err err = { 0 };

		text = malloc(n + 1);
		assert_non_null(text);
		memset(text, 'x', n);
		text[0] = text[n - 1] = '"';
		text[n] = '\0';
		v = parse(text);
		CHECK_OK(fl_json_print(v, 0, &printed, &err), &err);
		assert_string_equal(printed, text);
	}
}

static void indented_text_is_read_back_the_same(void **state)
{
	fl_auto_json struct fl_json *v = parse("{\"a\":[1,{\"b\":null}]}"), *again = NULL;
	fl_auto_free char *text = NULL;
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(fl_json_print(v, 2, &text, &err), &err);
	CHECK(strstr(text, "\n  \"a\": ["));
	again = parse(text);
	CHECK(fl_json_equal(v, again));
}

static void what_is_no_document_is_refused_with_its_place(void **state)
{
	static const char *const bad[] = { "",
					   " ",
					   "{",
					   "{} {}",
					   "{\"a\":}",
					   "[1,]",
					   "nul",
					   "\"\xff\"",
					   "\"\\u0000\"",
					   "01",
					   "{'a':1}",
					   "\"a\nb\"",
					   "1e999",
					   "9223372036854775808",
					   "{1:2}" };
	struct fl_json *v = NULL;
	struct fl_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(bad); i++) {
		CHECK_FAILS(fl_json_parse(bad[i], strlen(bad[i]), &v, &err), EINVAL, &err,
			    "line 1, column ");
		CHECK(!v);
	}
	CHECK_FAILS(fl_json_parse("{\n \"a\" 1}", 9, &v, &err), EINVAL, &err, "line 2, column ");
	CHECK_FAILS(fl_json_parse("12\0", 3, &v, &err), EINVAL, &err, "byte 3 is NUL");
}

static void nesting_is_read_to_its_limit_and_not_one_deeper(void **state)
{
	char text[2 * 2049];
	struct fl_json *v = NULL;
	struct fl_err err = { 0 };

	(void)state;
	memset(text, '[', 2049);
	memset(text + 2049, ']', 2049);
	CHECK_FAILS(fl_json_parse(text, sizeof(text), &v, &err), EINVAL, &err, "depth");
	CHECK_OK(fl_json_parse(text + 1, sizeof(text) - 2, &v, &err), &err);
	fl_json_free(&v);
}

static void a_repeated_key_keeps_its_last_value(void **state)
{
	fl_auto_json struct fl_json *v = parse("{\"a\":1,\"a\":2}");

	(void)state;
	CHECK(fl_json_len(v) == 1 && fl_json_int(fl_json_get(v, "a")) == 2);
}

static void keys_match_exactly_first_and_then_without_case(void **state)
{
	fl_auto_json struct fl_json *v = parse("{\"HostPort\":1,\"b\":2,\"B\":3}");

	(void)state;
	CHECK(fl_json_int(fl_json_get(v, "hostPort")) == 1);
	CHECK(fl_json_int(fl_json_get(v, "B")) == 3 && fl_json_int(fl_json_get(v, "b")) == 2);
	CHECK(!fl_json_get(v, "hostport2") && !fl_json_get(v, ""));
}

static void null_is_absent_to_get_and_there_to_has(void **state)
{
	fl_auto_json struct fl_json *v = parse("{\"a\":null}");

	(void)state;
	CHECK(!fl_json_get(v, "a") && fl_json_has(v, "a") && fl_json_has(v, "A"));
	CHECK(!fl_json_has(v, "b"));
}

static void readers_take_values_of_any_type(void **state)
{
	static const enum fl_json_type want[] = { FL_JSON_NULL,	  FL_JSON_BOOL,	  FL_JSON_INT,
						  FL_JSON_REAL,	  FL_JSON_STRING, FL_JSON_ARRAY,
						  FL_JSON_OBJECT, FL_JSON_BOOL };
	fl_auto_json struct fl_json *v = parse("[null,true,7,1.5,\"s\",[8],{\"k\":9},false]");

	(void)state;
	CHECK(fl_json_len(v) == 8 && !fl_json_at(v, 8) && !fl_json_at(NULL, 0));
	CHECK(fl_json_type(NULL) == FL_JSON_NULL && fl_json_len(NULL) == 0);
	for (size_t i = 0; i < 8; i++) {
		const struct fl_json *e = fl_json_at(v, i);

		CHECK(fl_json_type(e) == want[i]);
		CHECK((fl_json_str(e) != NULL) == (want[i] == FL_JSON_STRING));
		CHECK(fl_json_int(e) == (want[i] == FL_JSON_INT ? 7 : 0));
		CHECK(fl_json_true(e) == (i == 1));
		CHECK(fl_json_len(e) == (want[i] == FL_JSON_ARRAY || want[i] == FL_JSON_OBJECT));
		CHECK((fl_json_get(e, "k") != NULL) == (want[i] == FL_JSON_OBJECT));
		CHECK((fl_json_at(e, 0) != NULL) == (want[i] == FL_JSON_ARRAY));
	}
}

static void equality_ignores_the_order_of_members_only(void **state)
{
	fl_auto_json struct fl_json *a = parse("{\"a\":[1,2],\"b\":null}"),
				    *b = parse("{\"b\":null,\"a\":[1,2]}"),
				    *c = parse("{\"a\":[2,1],\"b\":null}");

	(void)state;
	CHECK(fl_json_equal(a, b) && !fl_json_equal(a, c) && !fl_json_equal(a, NULL));
}

static void a_walk_meets_each_member_once(void **state)
{
	fl_auto_json struct fl_json *v = parse("{\"a\":1,\"b\":null,\"c\":4}"),
				    *none = parse("[1]");
	struct fl_json *member = NULL;
	const char *key = NULL;
	int64_t sum = 0;
	int n = 0;

	(void)state;
	while ((key = fl_json_next(v, key, &member))) {
		sum += fl_json_int(member);
		n++;
	}
	CHECK(n == 3 && sum == 5);
	CHECK(!fl_json_next(none, NULL, &member));
}

static void trees_are_built_changed_and_copied(void **state)
{
	fl_auto_json struct fl_json *v = fl_json_object(), *copy = NULL;
	struct fl_json *list = fl_json_array();

	(void)state;
	CHECK(fl_json_append(list, fl_json_new_str("x")) == 0);
	CHECK(fl_json_set_str(v, "s", "old") == 0 && fl_json_set_str(v, "s", "new") == 0);
	CHECK(fl_json_set_int(v, "n", INT64_MIN) == 0 && fl_json_set_bool(v, "t", true) == 0);
	CHECK(fl_json_set(v, "list", list) == 0);
	copy = fl_json_copy(v);
	CHECK(fl_json_set_int(v, "n", 0) == 0);
	check_print(v, "{\"s\":\"new\",\"n\":0,\"t\":true,\"list\":[\"x\"]}");
	check_print(copy, "{\"s\":\"new\",\"n\":-9223372036854775808,\"t\":true,\"list\":[\"x\"]}");
}

static void single_values_are_built_and_read(void **state)
{
	fl_auto_json struct fl_json *v = fl_json_array();

	(void)state;
	CHECK(fl_json_append(v, fl_json_new_int(INT64_MIN)) == 0);
	CHECK(fl_json_append(v, fl_json_new_real(-0.5)) == 0);
	CHECK(fl_json_append(v, fl_json_new_bool(true)) == 0);
	CHECK(fl_json_append(v, fl_json_new_bool(false)) == 0);
	CHECK(fl_json_append(v, fl_json_new_null()) == 0);
	check_print(v, "[-9223372036854775808,-0.5,true,false,null]");
	CHECK(fl_json_real(fl_json_at(v, 1)) == -0.5 && fl_json_real(fl_json_at(v, 0)) == 0);
	CHECK(fl_json_real(NULL) == 0);
	CHECK(!fl_json_new_real(1.0 / 0.0) && !fl_json_new_real(0.0 / 0.0));
}

static void a_member_is_added_once_and_has_a_number(void **state)
{
	fl_auto_json struct fl_json *v = fl_json_object();

	(void)state;
	CHECK(fl_json_add(v, "a", fl_json_new_int(1)) == 0);
	CHECK(fl_json_add(v, "A", fl_json_new_int(2)) == 0);
	CHECK(fl_json_add(v, "a", fl_json_new_int(3)) == -EEXIST);
	CHECK(fl_json_add(v, "b", NULL) == -ENOMEM && fl_json_add(v, "c", fl_json_new_null()) == 0);
	CHECK(fl_json_add(v, "c", fl_json_new_int(3)) == -EEXIST);
	check_print(v, "{\"a\":1,\"A\":2,\"c\":null}");
	CHECK(fl_json_index(v, "a") == 0 && fl_json_index(v, "A") == 1);
	CHECK(fl_json_index(v, "c") == 2 && fl_json_index(v, "x") == 3);
	CHECK(fl_json_index(NULL, "x") == 0);
}

static void builders_take_null_for_memory_that_was_not_had(void **state)
{
	fl_auto_json struct fl_json *v = fl_json_object(), *list = fl_json_array();

	(void)state;
	CHECK(fl_json_set(v, "a", NULL) == -ENOMEM && fl_json_append(list, NULL) == -ENOMEM);
	CHECK(fl_json_set(NULL, "a", fl_json_new_str("freed")) == -ENOMEM);
	CHECK(fl_json_append(NULL, fl_json_new_str("freed")) == -ENOMEM);
	CHECK(fl_json_len(v) == 0 && fl_json_len(list) == 0);
}

static void bytes_that_are_no_utf8_are_replaced_as_go_does_it(void **state)
{
	/* Stray and lonely bytes, an overlong form, a surrogate, beyond U+10FFFF, a cut character.
	 */
	static const char *const t[][2] = {
		{ "a\xff"
		  "b",
		  "\"a\xef\xbf\xbd"
		  "b\"" },
		{ "\x80", "\"\xef\xbf\xbd\"" },
		{ "\xc3\xa9", "\"\xc3\xa9\"" },
		{ "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"" },
		{ "x\xe2\x82", "\"x\xef\xbf\xbd\xef\xbf\xbd\"" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_json struct fl_json *v = fl_json_new_str(t[i][0]);

		check_print(v, t[i][1]);
	}
}

static int build_and_read(void *arg)
{
	static const char text[] = "{\"a\":[1,{\"b\":\"text\"},[true,null,1.5]],\"c\":{}}";
	fl_auto_json struct fl_json *v = NULL, *copy = NULL, *object = NULL;
	fl_auto_free char *printed = NULL;
	struct fl_err err = { 0 };
	int r;

	(void)arg;
	/* Jansson calls a text that it has no memory for an invalid token: an error as well. */
	r = fl_json_parse(text, strlen(text), &v, &err);
	if (r < 0)
		return -ENOMEM;
	copy = fl_json_copy(v);
	object = fl_json_object();
	if (!copy || !object)
		return -ENOMEM;
	r = fl_json_set_str(object, "s", "bad \xff byte");
	r = r ?: fl_json_set_int(object, "n", 1);
	r = r ?: fl_json_set_bool(object, "b", false);
	r = r ?: fl_json_set(object, "copy", FL_TAKE(copy));
	return r ?: fl_json_print(object, 2, &printed, &err);
}

static void every_lack_of_memory_is_an_error_and_leaks_nothing(void **state)
{
	(void)state;
	CHECK(inject_each(build_and_read, NULL) == 0);
}

static void a_file_is_read_or_named_in_the_error(void **state)
{
	char path[] = "/tmp/fairlead-test-json.XXXXXX";
	fl_auto_json struct fl_json *v = NULL;
	fl_auto_close int fd = mkstemp(path);
	struct fl_err err = { 0 };

	(void)state;
	CHECK(fd >= 0);
	CHECK_OK(fl_write_all(fd, "{\"a\": 7}", 8, &err), &err);
	CHECK_OK(fl_json_read(AT_FDCWD, path, 8, &v, &err), &err);
	CHECK(fl_json_int(fl_json_get(v, "a")) == 7);
	CHECK_FAILS(fl_json_read(AT_FDCWD, path, 7, &v, &err), EFBIG, &err, path);
	CHECK_OK(fl_write_all(fd, "}", 1, &err), &err);
	CHECK_FAILS(fl_json_read(AT_FDCWD, path, 100, &v, &err), EINVAL, &err, path);
	CHECK(unlink(path) == 0);
	CHECK_FAILS(fl_json_read(AT_FDCWD, path, 100, &v, &err), ENOENT, &err, path);
	CHECK(fl_json_int(fl_json_get(v, "a")) == 7); /* still that of the first reading */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_printed_as_they_were_read),
		cmocka_unit_test(what_is_indented_has_one_member_or_element_a_line),
		cmocka_unit_test(texts_are_printed_with_the_escapes_that_json_asks_for),
		cmocka_unit_test(numbers_keep_their_kind_and_their_last_digit),
		cmocka_unit_test(a_document_of_any_length_is_printed_whole),
		cmocka_unit_test(indented_text_is_read_back_the_same),
		cmocka_unit_test(what_is_no_document_is_refused_with_its_place),
		cmocka_unit_test(nesting_is_read_to_its_limit_and_not_one_deeper),
		cmocka_unit_test(a_repeated_key_keeps_its_last_value),
		cmocka_unit_test(keys_match_exactly_first_and_then_without_case),
		cmocka_unit_test(null_is_absent_to_get_and_there_to_has),
		cmocka_unit_test(readers_take_values_of_any_type),
		cmocka_unit_test(equality_ignores_the_order_of_members_only),
		cmocka_unit_test(a_walk_meets_each_member_once),
		cmocka_unit_test(trees_are_built_changed_and_copied),
		cmocka_unit_test(single_values_are_built_and_read),
		cmocka_unit_test(a_member_is_added_once_and_has_a_number),
		cmocka_unit_test(builders_take_null_for_memory_that_was_not_had),
		cmocka_unit_test(bytes_that_are_no_utf8_are_replaced_as_go_does_it),
		cmocka_unit_test(a_file_is_read_or_named_in_the_error),
		cmocka_unit_test(every_lack_of_memory_is_an_error_and_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
