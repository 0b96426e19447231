// SPDX-License-Identifier: Apache-2.0
/* lib/yaml: texts to trees, as kubectl reads them. Needs nothing. */
#include "yaml/yaml.h"

#include "inject.h"
#include "test.h"

#include <errno.h>
#include <string.h>

static struct fl_yaml *parse(const char *text)
{
	struct fl_yaml *y = NULL;
	struct fl_err err = { 0 };

	CHECK_OK(fl_yaml_parse("f.yaml", text, strlen(text), &y, &err), &err);
	return y;
}

static void check_doc(const struct fl_yaml *y, size_t i, const char *want)
{
	fl_auto_free char *text = NULL;
	struct fl_err err = { 0 };

	CHECK(i < fl_yaml_docs(y));
	CHECK_OK(fl_json_print(fl_yaml_doc(y, i, NULL), 0, &text, &err), &err);
	assert_string_equal(text, want);
}

static void check_reads(const char *text, const char *want)
{
	fl_auto_yaml struct fl_yaml *y = parse(text);

	if (fl_yaml_docs(y) != 1)
		fail_msg("'%s' has %zu documents", text, fl_yaml_docs(y));
	check_doc(y, 0, want);
}

static void check_refused(const char *text, const char *want)
{
	struct fl_yaml *y = NULL;
	struct fl_err err = { 0 };

	CHECK_FAILS(fl_yaml_parse("f.yaml", text, strlen(text), &y, &err), EINVAL, &err, want);
	CHECK(!y);
}

/* A plain scalar, and as what it is read. */
static const char *const plain_scalars[][2] = {
	{ "y", "true" },
	{ "Y", "true" },
	{ "yes", "true" },
	{ "Yes", "true" },
	{ "YES", "true" },
	{ "on", "true" },
	{ "ON", "true" },
	{ "true", "true" },
	{ "TRUE", "true" },
	{ "n", "false" },
	{ "N", "false" },
	{ "no", "false" },
	{ "off", "false" },
	{ "False", "false" },
	{ "yEs", "\"yEs\"" },
	{ "yess", "\"yess\"" },
	{ "~", "null" },
	{ "null", "null" },
	{ "Null", "null" },
	{ "nULL", "\"nULL\"" },
	{ "", "null" },
	{ "'no'", "\"no\"" },
	{ "\"12\"", "\"12\"" },
	{ "0", "0" },
	{ "-0", "0" },
	{ "12", "12" },
	{ "+12", "12" },
	{ "-12", "-12" },
	{ "1_000", "1000" },
	{ "0x1F", "31" },
	{ "-0x1f", "-31" },
	{ "0x", "\"0x\"" },
	{ "0xg", "\"0xg\"" },
	{ "017", "15" },
	{ "0o17", "15" },
	{ "0b101", "5" },
	{ "0b102", "\"0b102\"" },
	{ "08", "8" },
	{ "0019", "19" },
	{ "9223372036854775807", "9223372036854775807" },
	{ "-9223372036854775808", "-9223372036854775808" },
	{ "9223372036854775808", "9.2233720368547758e18" },
	{ "-9223372036854775809", "-9.2233720368547758e18" },
	{ "0x8000000000000000", "9.2233720368547758e18" },
	{ "1.5", "1.5" },
	{ "-.5", "-0.5" },
	{ ".5", "0.5" },
	{ "5.", "5.0" },
	{ "1e3", "1000.0" },
	{ "1.5E-2", "0.014999999999999999" },
	{ "1e", "\"1e\"" },
	{ "1e999", "\"1e999\"" },
	{ "._5", "\"._5\"" },
	{ ".", "\".\"" },
	{ "+", "\"+\"" },
	{ "1.2.3", "\"1.2.3\"" },
	{ "10.0.0.1", "\"10.0.0.1\"" },
	{ "10.0.0.0/8", "\"10.0.0.0/8\"" },
	{ "12:30:45", "\"12:30:45\"" },
	{ "2024-01-01", "\"2024-01-01\"" },
	{ "2024-01-01T00:00:00Z", "\"2024-01-01T00:00:00Z\"" },
	{ "v1", "\"v1\"" },
	{ "inf", "\"inf\"" },
	{ "<<", "\"<<\"" },
	{ "!!str 12", "\"12\"" },
	{ "!!str no", "\"no\"" },
	{ "!!int '12'", "12" },
	{ "!!float 12", "12.0" },
	{ "!!bool yes", "true" },
	{ "!!null ''", "null" },
	{ "!!timestamp 2024-01-01", "\"2024-01-01\"" },
	{ "|\n   a\n   b\n", "\"a\\nb\\n\"" },
	{ ">-\n   a\n   b\n", "\"a b\"" },
	{ "\"\\x41\\u00e9\\t\"", "\"A\xc3\xa9\\t\"" },
};

static void scalars_are_what_kubectl_takes_them_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(plain_scalars); i++) {
		char text[64], want[64];

		snprintf(text, sizeof(text), "v: %s", plain_scalars[i][0]);
		snprintf(want, sizeof(want), "{\"v\":%s}", plain_scalars[i][1]);
		check_reads(text, want);
	}
}

static void keys_become_texts(void **state)
{
	static const char *const t[][2] = {
		{ "no", "false" },
		{ "y", "true" },
		{ "12", "12" },
		{ "0x10", "16" },
		{ "'no'", "no" },
		{ "1.50", "1.5" },
		{ "1234567.0", "1.234567e+06" },
		{ "100.0", "100" },
		{ "1e-5", "1e-05" },
		{ ".inf", ".inf" },
		{ "-.Inf", "-.inf" },
		{ ".nan", ".nan" },
		{ "? a", "a" },
		{ "'<<'", "<<" },
		{ "2024-01-01", "2024-01-01" },
		{ "!!str 5", "5" },
		{ "'null'", "null" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		char text[64], want[64];

		snprintf(text, sizeof(text), "%s%s: 1", t[i][0], t[i][0][0] == '?' ? "\n" : "");
		snprintf(want, sizeof(want), "{\"%s\":1}", t[i][1]);
		check_reads(text, want);
	}
}

static void documents_are_read_one_by_one_and_empty_ones_passed_over(void **state)
{
	fl_auto_yaml struct fl_yaml *y = parse(
		"# nothing\n---\na: 1\n---\n---\n# only a comment\n---\nnull\n---\n\n[b]\n...\n"
		"---\n{\"c\":\t[1,\n\t2]}\n");
	fl_auto_yaml struct fl_yaml *none = parse(""), *comment = parse("# x\n");
	unsigned int line = 0;

	(void)state;
	CHECK(fl_yaml_docs(y) == 3);
	check_doc(y, 0, "{\"a\":1}");
	check_doc(y, 1, "[\"b\"]");
	check_doc(y, 2, "{\"c\":[1,2]}");
	CHECK(fl_yaml_doc(y, 0, &line) && line == 3);
	CHECK(fl_yaml_doc(y, 1, &line) && line == 11);
	CHECK(fl_yaml_docs(none) == 0 && fl_yaml_docs(comment) == 0);
}

static void json_is_read_as_yaml(void **state)
{
	static const char *const t[][2] = {
		{ "{\"a\": [1, 2.5, true, null, \"x\\/y\"]}", "{\"a\":[1,2.5,true,null,\"x/y\"]}" },
		{ "{\"a\":1,\"b\":{\"c\":[]}}", "{\"a\":1,\"b\":{\"c\":[]}}" },
		{ "{\n\t\"a\": {\n\t\t\"b\": \"no\"\n\t}\n}\n", "{\"a\":{\"b\":\"no\"}}" },
		{ "{\"\\ud83d\\uDE00\":\"\\\\ud83d\\ud83d\\ude00.\"}",
		  "{\"\xf0\x9f\x98\x80\":\"\\\\ud83d\xf0\x9f\x98\x80.\"}" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++)
		check_reads(t[i][0], t[i][1]);
}

static void a_byte_order_mark_and_utf16_are_understood(void **state)
{
	static const char wide[] = "\xff\xfe"
				   "a\0:\0 \0\xe9\0\n\0";
	fl_auto_yaml struct fl_yaml *y = NULL;
	struct fl_err err = { 0 };

	(void)state;
	check_reads("\xef\xbb\xbf"
		    "a: 1\n",
		    "{\"a\":1}");
	CHECK_OK(fl_yaml_parse("f", wide, sizeof(wide) - 1, &y, &err), &err);
	check_doc(y, 0, "{\"a\":\"\xc3\xa9\"}");
}

static void aliases_and_merges_are_written_out(void **state)
{
	static const char *const t[][2] = {
		{ "a: &x [1]\nb: *x\n", "{\"a\":[1],\"b\":[1]}" },
		{ "a: &x no\nb: *x\n*x : 1\n", "{\"a\":false,\"b\":false,\"false\":1}" },
		{ "&k a: 1\nb: *k\n", "{\"a\":1,\"b\":\"a\"}" },
		{ "a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}" },
		{ "m: &m {a: 1, b: 2}\no:\n  <<: *m\n  b: 3\n",
		  "{\"m\":{\"a\":1,\"b\":2},\"o\":{\"b\":3,\"a\":1}}" },
		{ "b: 3\n<<: {a: 1, b: 2}\n", "{\"b\":3,\"a\":1}" },
		{ "<<: [{a: 1}, {a: 2, b: 2}]\n", "{\"a\":1,\"b\":2}" },
		{ "<<: &m {a: {z: 1}}\no: *m\n", "{\"o\":{\"a\":{\"z\":1}},\"a\":{\"z\":1}}" },
		{ "!!merge <<: {a: 1}\n", "{\"a\":1}" },
		{ "'<<': {a: 1}\n", "{\"<<\":{\"a\":1}}" },
		{ "- &a !!map {b: !!seq []}\n- *a\n", "[{\"b\":[]},{\"b\":[]}]" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++)
		check_reads(t[i][0], t[i][1]);
}

static void what_is_wrong_is_refused_with_line_and_column(void **state)
{
	static const char *const t[][2] = {
		{ "a: 1\nb: 2\na: 3\n", "f.yaml:3:1: key 'a' is repeated, first on line 1" },
		{ "x:\n  yes: 1\n  true: 2\n",
		  "f.yaml:3:3: key 'true' is repeated, first on line 2" },
		{ "{\"a\":1,\n\"a\":{\"b\":2}}", "f.yaml:2:1: key 'a' is repeated" },
		{ "a:\n\tb: 1\n", "f.yaml:2:1: found character that cannot start any token" },
		{ "a: [1\n", "f.yaml:2:1: did not find expected ',' or ']'" },
		{ "a: 'x\n", "f.yaml:2:1: found unexpected end of stream" },
		{ "a: 1\n b: 2\n", "f.yaml:2:3: mapping values are not allowed" },
		{ "a: 1\n---\nb: *x\n", "f.yaml:3:4: unknown anchor 'x'" },
		{ "a: &x 1\n---\nb: *x\n", "f.yaml:3:4: unknown anchor 'x'" },
		{ "a: &x 1\nb: *X\n", "f.yaml:2:4: unknown anchor 'X'" },
		{ "a: &x [*x]\n", "f.yaml:1:8: unknown anchor 'x'" },
		{ "a: !foo 1\n", "f.yaml:1:4: tag '!foo' is not supported" },
		{ "a: !!binary aGk=\n",
		  "f.yaml:1:4: tag 'tag:yaml.org,2002:binary' is not supported" },
		{ "a: !!set {x}\n", "f.yaml:1:4: tag 'tag:yaml.org,2002:set' is not supported" },
		{ "a: !!int x\n", "f.yaml:1:4: 'x' is not what its tag !!int says" },
		{ "a: .inf\n", "f.yaml:1:4: '.inf' is a number that JSON has no form for" },
		{ "a: \"x\\0y\"\n", "f.yaml:1:4: a text holds a NUL" },
		{ "~: 1\n", "f.yaml:1:1: a key is null" },
		{ "? [a]\n: 1\n", "f.yaml:1:3: a key is a list" },
		{ "{a: 1}: 1\n", "f.yaml:1:1: a key is a mapping" },
		{ "a: &x {}\n*x : 1\n", "f.yaml:2:1: a key is a mapping" },
		{ "a:\n  <<: 1\n", "f.yaml:2:3: '<<' takes a mapping or a list of mappings" },
		{ "<<: {}\n<<: {}\n", "f.yaml:2:1: key '<<' is repeated" },
		{ "a: 1\nb: \x01\n", "f.yaml:2:4: control characters are not allowed" },
		{ "a: 1\nb: \xff\n", "f.yaml:2:4: invalid leading UTF-8 octet" },
		{ "%YAML 3.0\n---\na\n", "f.yaml:1:1: found incompatible YAML document" },
		{ "a: 1\n...\nb: 1\n", "f.yaml:3:1: did not find expected <document start>" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++)
		check_refused(t[i][0], t[i][1]);
}

static void keys_that_differ_in_case_are_two(void **state)
{
	(void)state;
	check_reads("a: 1\nA: 2\n", "{\"a\":1,\"A\":2}");
}

static void nesting_is_read_to_its_limit_and_not_one_deeper(void **state)
{
	char text[2 * FL_YAML_DEPTH_MAX + 3];
	fl_auto_yaml struct fl_yaml *y = NULL;

	(void)state;
	memset(text, '[', FL_YAML_DEPTH_MAX + 1);
	memset(text + FL_YAML_DEPTH_MAX + 1, ']', FL_YAML_DEPTH_MAX + 1);
	text[sizeof(text) - 1] = '\0';
	check_refused(text, "f.yaml:1:65: nested more than 64 deep");
	text[sizeof(text) - 2] = '\0';
	y = parse(text + 1);
	CHECK(fl_yaml_docs(y) == 1);
}

/* An alias counts with the depth of what it stands for: 62 within 2 is as deep as it may be. */
static void an_alias_is_as_deep_as_what_it_stands_for(void **state)
{
	char deep[64] = "", closing[64] = "", text[256];
	fl_auto_yaml struct fl_yaml *y = NULL;

	(void)state;
	memset(deep, '[', 62);
	memset(closing, ']', 62);
	snprintf(text, sizeof(text), "- &a %s%s\n- - *a\n", deep, closing);
	y = parse(text);
	snprintf(text, sizeof(text), "- &a %s%s\n- - - *a\n", deep, closing);
	check_refused(text, "f.yaml:2:7: nested more than 64 deep");
}

/* To look for each name among all would take minutes here. */
static void anchors_and_aliases_may_be_many(void **state)
{
	static const char line[] = "- &a%06d x\n- *a000000\n";
	const size_t n = 150000, size = n * (sizeof(line) + 2);
	fl_auto_free char *text = malloc(size);
	fl_auto_yaml struct fl_yaml *y = NULL;
	size_t used = 0;

	(void)state;
	CHECK(text != NULL);
	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(text + used, size - used, line, (int)i);
	y = parse(text);
	CHECK(fl_json_len(fl_yaml_doc(y, 0, NULL)) == 2 * n);
}

static void a_text_that_grows_without_bound_is_refused(void **state)
{
	char laughs[1024] = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
	fl_auto_free char *big = malloc(2u << 20);
	size_t used = strlen(laughs);

	(void)state;
	for (int i = 1; i < 10; i++) {
		used += (size_t)snprintf(laughs + used, sizeof(laughs) - used, "a%d: &a%d [", i, i);
		for (int k = 0; k < 10; k++)
			used += (size_t)snprintf(laughs + used, sizeof(laughs) - used, "*a%d,",
						 i - 1);
		used += (size_t)snprintf(laughs + used, sizeof(laughs) - used, "]\n");
	}
	check_refused(laughs, "f.yaml:6:");
	check_refused(laughs, "more than 1048576 values, aliases written out");

	memset(big, 'x', 1u << 20);
	memcpy(big, "a: &a ", 6);
	for (int i = 0; i < 70; i++)
		snprintf(big + (1u << 20) + 8 * i, 16, "\nb%02d: *a", i);
	check_refused(big, "more than 67108864 bytes of text, aliases written out");
}

static void a_text_is_read_to_the_limit_of_values_and_not_one_more(void **state)
{
	size_t n = 3 + 2 * (size_t)FL_YAML_NODES_MAX;
	fl_auto_free char *text = malloc(n);
	struct fl_yaml *y = NULL;
	struct fl_err err = { 0 };

	(void)state;
	/* The list itself is a value. */
	text[0] = '[';
	for (size_t i = 0; i < FL_YAML_NODES_MAX; i++)
		memcpy(text + 1 + 2 * i, "1,", 2);
	text[n - 2] = ']';
	CHECK_FAILS(fl_yaml_parse("f", text, n - 1, &y, &err), EINVAL, &err,
		    "more than 1048576 values");
	text[n - 4] = ']';
	CHECK_OK(fl_yaml_parse("f", text, n - 3, &y, &err), &err);
	CHECK(fl_json_len(fl_yaml_doc(y, 0, NULL)) == FL_YAML_NODES_MAX - 1);
	fl_yaml_free(&y);
}

static void too_long_a_text_is_refused_by_its_size(void **state)
{
	size_t n = FL_YAML_FILE_MAX + 1;
	fl_auto_free char *text = malloc(n);
	struct fl_yaml *y = NULL;
	struct fl_err err = { 0 };

	(void)state;
	memset(text, '\n', n);
	CHECK_FAILS(fl_yaml_parse("f", text, n, &y, &err), EFBIG, &err,
		    "f: 16777217 bytes are more than 16777216");
	CHECK_OK(fl_yaml_parse("f", text, n - 1, &y, &err), &err);
	fl_yaml_free(&y);
}

static void too_many_documents_are_refused(void **state)
{
	size_t n = 4 * (size_t)(FL_YAML_DOCS_MAX + 1);
	fl_auto_free char *text = malloc(6 * (size_t)(FL_YAML_DOCS_MAX + 1));
	struct fl_yaml *y = NULL;
	struct fl_err err = { 0 };

	(void)state;
	n = 0;
	for (size_t i = 0; i <= FL_YAML_DOCS_MAX; i++, n += 6)
		memcpy(text + n, "---\n1\n", 6);
	CHECK_FAILS(fl_yaml_parse("f", text, n, &y, &err), EINVAL, &err,
		    "f:131074:1: more than 65536 documents");
	CHECK_OK(fl_yaml_parse("f", text, n - 6, &y, &err), &err);
	CHECK(fl_yaml_docs(y) == FL_YAML_DOCS_MAX);
	fl_yaml_free(&y);
}

static void every_place_knows_its_line(void **state)
{
	fl_auto_yaml struct fl_yaml *y = parse("a: 1\n"	       /* 1 */
					       "list:\n"       /* 2 */
					       "- x\n"	       /* 3 */
					       "- &m\n"	       /* 4 */
					       "  k: v\n"      /* 5 */
					       "  deep: {z:\n" /* 6 */
					       "    9}\n"      /* 7 */
					       "copy: *m\n"    /* 8 */
					       "merged:\n"     /* 9 */
					       "  own: 1\n"    /* 10 */
					       "  <<: *m\n"    /* 11 */
					       "nil: ~\n");    /* 12 */
	struct fl_cur root = fl_cur_root(fl_yaml_doc(y, 0, NULL), "config");
	struct fl_cur list = fl_cur_member(&root, "list"), first = fl_cur_at(&list, 0),
		      second = fl_cur_at(&list, 1), k = fl_cur_member(&second, "k"),
		      deep = fl_cur_member(&second, "deep"), z = fl_cur_member(&deep, "z");
	struct fl_cur copy = fl_cur_member(&root, "copy"), copy_k = fl_cur_member(&copy, "k");
	struct fl_cur merged = fl_cur_member(&root, "merged"), own = fl_cur_member(&merged, "own"),
		      merged_deep = fl_cur_member(&merged, "deep"),
		      merged_z = fl_cur_member(&merged_deep, "z");
	struct fl_cur absent = fl_cur_member(&second, "nope"), below = fl_cur_member(&absent, "x");
	struct fl_cur nil = fl_cur_member(&root, "nil"), other = fl_cur_member(&root, "LIST");
	struct fl_cur fresh = fl_cur_root(second.v, "Node"), fresh_k = fl_cur_member(&fresh, "k");
	const struct {
		const struct fl_cur *at;
		unsigned int line;
	} t[] = {
		{ &root, 1 },	  { &list, 2 },	  { &first, 3 },   { &second, 4 },
		{ &k, 5 },	  { &deep, 6 },	  { &z, 6 },	   { &copy, 8 },
		{ &copy_k, 5 },	  { &merged, 9 }, { &own, 10 },	   { &merged_deep, 6 },
		{ &merged_z, 6 }, { &absent, 4 }, { &below, 4 },   { &nil, 12 },
		{ &other, 2 },	  { &fresh, 4 },  { &fresh_k, 5 },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		unsigned int line = fl_yaml_line(y, 0, t[i].at);

		if (line != t[i].line)
			fail_msg("place %zu: line %u, expected %u", i, line, t[i].line);
	}
}

static void a_taken_tree_is_the_callers(void **state)
{
	fl_auto_yaml struct fl_yaml *y = parse("a: &x {b: 1}\nc: *x\n");
	fl_auto_json struct fl_json *tree = fl_yaml_take(y, 0);

	(void)state;
	fl_yaml_free(&y);
	/* What an alias wrote out is a value of its own. */
	CHECK(fl_json_set_int(fl_json_get(tree, "c"), "b", 2) == 0);
	CHECK(fl_json_int(fl_json_get(fl_json_get(tree, "a"), "b")) == 1);
}

static void trees_are_printed_as_kubectl_prints_them(void **state)
{
	static const char *const t[][2] = {
		{ "{}", "{}\n" },
		{ "[]", "[]\n" },
		{ "7", "7\n" },
		{ "{\"a\":1,\"b\":{\"c\":[1,[2,3],{\"d\":null,\"e\":[]},{}]},\"f\":\"x\"}",
		  "a: 1\nb:\n  c:\n  - 1\n  - - 2\n    - 3\n  - d: null\n    e: []\n  - {}\nf: "
		  "x\n" },
		{ "{\"no\":\"no\",\"1\":\"1\",\"1.5\":\"\",\"~\":\"~\"}",
		  "\"no\": \"no\"\n\"1\": \"1\"\n\"1.5\": \"\"\n\"~\": \"~\"\n" },
		{ "[\"10.0.0.1\",\"10.0.0.0/8\",\"2001:db8::1\",\"a: b\",\"a:\",\"a:b\",\"a #b\"]",
		  "- 10.0.0.1\n- 10.0.0.0/8\n- 2001:db8::1\n- \"a: b\"\n- \"a:\"\n- a:b\n- \"a "
		  "#b\"\n" },
		{ "[\"12:34:56\",\"2024-01-01T00:00:00Z\",\"-x\",\"<<\",\" x\",\"x \",\"---\"]",
		  "- \"12:34:56\"\n- \"2024-01-01T00:00:00Z\"\n- \"-x\"\n- \"<<\"\n- \" x\"\n"
		  "- \"x \"\n- \"---\"\n" },
		{ "[\"a\\nb\\u0001\\\"\\\\\",\"\xc3\xa9\xc2\x85\xe2\x80\xa8\xf0\x9f\x98\x80\",1.5,"
		  "1.0,1e300]",
		  "- \"a\\nb\\u0001\\\"\\\\\"\n- \"\xc3\xa9\\u0085\\u2028\xf0\x9f\x98\x80\"\n"
		  "- 1.5\n- 1.0\n- 1.0000000000000001e300\n" },
	};
	struct fl_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_json struct fl_json *v = NULL;
		fl_auto_yaml struct fl_yaml *again = NULL;
		fl_auto_free char *text = NULL;

		CHECK_OK(fl_json_parse(t[i][0], strlen(t[i][0]), &v, &err), &err);
		CHECK_OK(fl_yaml_print(v, &text, &err), &err);
		assert_string_equal(text, t[i][1]);
		again = parse(text);
		CHECK(fl_json_equal(fl_yaml_doc(again, 0, NULL), v));
	}
}

static void what_could_not_be_read_back_is_not_printed(void **state)
{
	fl_auto_json struct fl_json *deep = fl_json_array(), *keys = fl_json_object();
	fl_auto_yaml struct fl_yaml *y = NULL;
	char key[162], *text = NULL;
	struct fl_err err = { 0 };

	(void)state;
	CHECK(fl_json_append(deep, fl_json_new_int(1)) == 0);
	for (int i = 1; i < FL_YAML_DEPTH_MAX; i++) {
		struct fl_json *outer = fl_json_array();

		CHECK(fl_json_append(outer, deep) == 0);
		deep = outer;
	}
	CHECK_OK(fl_yaml_print(deep, &text, &err), &err);
	fl_free_p(&text);
	CHECK(fl_json_set(keys, "x", fl_json_copy(deep)) == 0);
	CHECK_FAILS(fl_yaml_print(keys, &text, &err), EINVAL, &err, "nested more than 64 deep");

	fl_json_free(&keys);
	keys = fl_json_object();
	memset(key, '\x7f', sizeof(key));
	key[161] = '\0';
	CHECK(fl_json_set_int(keys, key, 1) == 0);
	CHECK_FAILS(fl_yaml_print(keys, &text, &err), EINVAL, &err, "is longer than 160 bytes");
	fl_json_free(&keys);
	keys = fl_json_object();
	key[160] = '\0';
	CHECK(fl_json_set_int(keys, key, 1) == 0);
	CHECK_OK(fl_yaml_print(keys, &text, &err), &err);
	y = parse(text);
	CHECK(fl_json_equal(fl_yaml_doc(y, 0, NULL), keys));
	fl_free_p(&text);
}

static int read_and_print(void *arg)
{
	static const char text[] = "a: &x [1, 2.5, {b: no}]\nc: *x\n<<: {d: [e]}\n---\n- f\n";
	fl_auto_yaml struct fl_yaml *y = NULL;
	fl_auto_free char *printed = NULL;
	struct fl_err err = { 0 };
	int r = fl_yaml_parse("f", text, strlen(text), &y, &err);

	(void)arg;
	return r ?: fl_yaml_print(fl_yaml_doc(y, 0, NULL), &printed, &err);
}

static void every_lack_of_memory_is_an_error_and_leaks_nothing(void **state)
{
	(void)state;
	CHECK(inject_each(read_and_print, NULL) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_are_what_kubectl_takes_them_for),
		cmocka_unit_test(keys_become_texts),
		cmocka_unit_test(documents_are_read_one_by_one_and_empty_ones_passed_over),
		cmocka_unit_test(json_is_read_as_yaml),
		cmocka_unit_test(a_byte_order_mark_and_utf16_are_understood),
		cmocka_unit_test(aliases_and_merges_are_written_out),
		cmocka_unit_test(what_is_wrong_is_refused_with_line_and_column),
		cmocka_unit_test(keys_that_differ_in_case_are_two),
		cmocka_unit_test(nesting_is_read_to_its_limit_and_not_one_deeper),
		cmocka_unit_test(an_alias_is_as_deep_as_what_it_stands_for),
		cmocka_unit_test(anchors_and_aliases_may_be_many),
		cmocka_unit_test(a_text_that_grows_without_bound_is_refused),
		cmocka_unit_test(a_text_is_read_to_the_limit_of_values_and_not_one_more),
		cmocka_unit_test(too_long_a_text_is_refused_by_its_size),
		cmocka_unit_test(too_many_documents_are_refused),
		cmocka_unit_test(every_place_knows_its_line),
		cmocka_unit_test(a_taken_tree_is_the_callers),
		cmocka_unit_test(trees_are_printed_as_kubectl_prints_them),
		cmocka_unit_test(what_could_not_be_read_back_is_not_printed),
		cmocka_unit_test(every_lack_of_memory_is_an_error_and_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
