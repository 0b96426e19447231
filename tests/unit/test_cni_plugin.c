// SPDX-License-Identifier: Apache-2.0
/* What the skeleton answers: results, errors, versions, and nothing beside. Needs root. */
#include "fake_plugin.h"

static void an_error_of_the_plugin_carries_the_version_and_a_code(void **state)
{
	static const struct {
		const char *fail;
		int code;
	} t[] = { { "time", FL_CNI_TRY_LATER }, { "harm", FL_CNI_INTERNAL } };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		char text[128];
		struct call c = { .env = { ATTACH("ADD") }, .stdin_text = text };

		(void)snprintf(text, sizeof(text),
			       "{\"cniVersion\":\"0.4.0\",\"name\":\"pods\",\"fail\":\"%s\"}",
			       t[i].fail);
		{
			auto_outcome o = run(&c);

			assert_int_equal(o.status, 1);
			assert_int_equal(fl_json_int(fl_json_get(o.json, "code")), t[i].code);
			assert_string_equal(fl_json_str(fl_json_get(o.json, "cniVersion")),
					    "0.4.0");
			assert_null(strstr(o.err, "del"));
		}
	}
}

static void add_prints_one_result_in_the_version_asked_for(void **state)
{
	(void)state;
	for (unsigned int v = 0; v < FL_CNI_VERSIONS; v++) {
		char text[128];
		const struct call c = { .env = { ATTACH("ADD") }, .stdin_text = text };

		(void)snprintf(text, sizeof(text), "{\"cniVersion\":\"%s\",\"name\":\"pods\"}",
			       fl_cni_version_text(v));
		{
			auto_outcome o = run(&c);

			assert_int_equal(o.status, 0);
			assert_string_equal(fl_json_str(fl_json_get(o.json, "cniVersion")),
					    fl_cni_version_text(v));
			CHECK(strstr(o.err, "add name=pods id=a if=eth0 ns=open"));
		}
	}
}

static void an_add_whose_result_cannot_be_written_is_undone_and_fails(void **state)
{
	static const enum stdio bad[] = { CLOSED, FULL, BROKEN };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(bad); i++) {
		const struct call c = { .env = { ATTACH("ADD") },
					.stdin_text = CONF("1.0.0"),
					.out = bad[i] };
		auto_outcome o = run(&c);

		assert_int_equal(o.status, 1);
		CHECK(strstr(o.err, "add name=pods"));
		CHECK(strstr(o.err, "\ndel name=pods id=a if=eth0 ns=open"));
		CHECK(strstr(o.err, "error: answer on stdout"));
	}
}

static void nothing_that_is_opened_takes_the_number_of_a_closed_stdout(void **state)
{
	const struct call c = { .env = { ATTACH("CHECK") },
				.stdin_text = CONF("1.0.0"),
				.out = CLOSED };
	auto_outcome o = run(&c);

	(void)state;
	assert_int_equal(o.status, 1);
	CHECK(strstr(o.err, "answer not written: write: Bad file descriptor"));
}

static void status_needs_no_attachment_and_keeps_the_plugins_code(void **state)
{
	const struct call c = { .env = { "CNI_COMMAND=STATUS" }, .stdin_text = CONF("1.1.0") };
	auto_outcome o = run(&c);

	(void)state;
	assert_int_equal(o.status, 1);
	assert_int_equal(fl_json_int(fl_json_get(o.json, "code")), FL_CNI_UNAVAILABLE);
	assert_string_equal(fl_json_str(fl_json_get(o.json, "details")), "pool is full");
}

static void version_lists_all_versions_and_never_reads_stdin(void **state)
{
	static const char *const texts[] = { NULL, "{\"cniVersion\":\"1.1.0\"}", "junk" };

	(void)state;
	for (size_t i = 0; i <= FL_ARRAY_LEN(texts); i++) {
		bool closed = i == FL_ARRAY_LEN(texts);
		const struct call c = { .env = { "CNI_COMMAND=VERSION", "CNI_NETNS=dummy",
						 "CNI_IFNAME=dummy", "CNI_PATH=dummy" },
					.stdin_text = closed ? NULL : texts[i],
					.in = closed ? CLOSED : GIVEN };
		auto_outcome o = run(&c);

		assert_int_equal(o.status, 0);
		assert_string_equal(o.err, "");
		assert_string_equal(fl_json_str(fl_json_get(o.json, "cniVersion")), "1.1.0");
		assert_int_equal(fl_json_len(fl_json_get(o.json, "supportedVersions")), 7);
	}
}

static void without_a_command_the_plugin_says_on_stderr_what_it_is(void **state)
{
	static const char *const env[] = { "", "CNI_COMMAND=" };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(env); i++) {
		const struct call c = { .env = { env[i] } };
		auto_outcome o = run(&c);

		assert_int_equal(o.status, 0);
		assert_string_equal(o.out, "");
		CHECK(strstr(o.err, "CNI plugin fake v") && strstr(o.err, "0.1.0 0.2.0"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_of_the_plugin_carries_the_version_and_a_code),
		cmocka_unit_test(add_prints_one_result_in_the_version_asked_for),
		cmocka_unit_test(an_add_whose_result_cannot_be_written_is_undone_and_fails),
		cmocka_unit_test(nothing_that_is_opened_takes_the_number_of_a_closed_stdout),
		cmocka_unit_test(status_needs_no_attachment_and_keeps_the_plugins_code),
		cmocka_unit_test(version_lists_all_versions_and_never_reads_stdin),
		cmocka_unit_test(without_a_command_the_plugin_says_on_stderr_what_it_is),
	};

	return cmocka_run_group_tests_name("cni_plugin", tests, make_pod, end_pod);
}
