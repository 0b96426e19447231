// SPDX-License-Identifier: Apache-2.0
/* What the skeleton makes of its input: every wrong one, its code and its text. Needs root. */
#include "fake_plugin.h"

static void every_bad_environment_has_its_code_and_names_the_variable(void **state)
{
	const struct {
		struct call c;
		int code;
		const char *part;
	} t[] = {
		{ { .env = { "CNI_COMMAND=ADD" } },
		  4,
		  "required env variables [CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME] missing" },
		{ { .env = { "CNI_COMMAND=CHECK", ID, "CNI_NETNS=", IF } },
		  4,
		  "required env variables [CNI_NETNS] missing" },
		{ { .env = { "CNI_COMMAND=DEL" } },
		  4,
		  "required env variables [CNI_CONTAINERID,CNI_IFNAME] missing" },
		{ { .env = { "CNI_COMMAND=add", ID, IF } }, 4, "unknown CNI_COMMAND: add" },
		{ { .env = { "CNI_COMMAND=UPDATE" } }, 4, "unknown CNI_COMMAND: UPDATE" },
		{ { .env = { "CNI_COMMAND=ADD", "CNI_CONTAINERID=../x", IF } },
		  4,
		  "CNI_CONTAINERID: container id '../x'" },
		{ { .env = { "CNI_COMMAND=DEL", "CNI_CONTAINERID=..", IF } },
		  4,
		  "CNI_CONTAINERID" },
		{ { .env = { "CNI_COMMAND=DEL", ID, "CNI_IFNAME=a/b" } },
		  4,
		  "CNI_IFNAME: interface name 'a/b'" },
		{ { .env = { "CNI_COMMAND=ADD", ID, "CNI_IFNAME=.." } }, 4, "CNI_IFNAME" },
		{ { .env = { "CNI_COMMAND=ADD", ID, "CNI_IFNAME=sixteen-bytes-xy" } },
		  4,
		  "16 bytes, expected 1 to 15" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++)
		check_failure(&t[i].c, t[i].code, "1.1.0", t[i].part);
}

static void every_bad_netns_is_refused_by_add_and_check_before_anything_is_done(void **state)
{
	static const char *const verbs[] = { "CNI_COMMAND=ADD", "CNI_COMMAND=CHECK" };
	static const struct {
		const char *netns, *part;
	} t[] = {
		{ "CNI_NETNS=/nonexistent/ns", "open CNI_NETNS '/nonexistent/ns': No such file" },
		{ "CNI_NETNS=/etc/passwd", "'/etc/passwd': not a network namespace" },
		{ "CNI_NETNS=/", "'/': not a network namespace" },
		{ "CNI_NETNS=/dev/null", "'/dev/null': not a network namespace" },
		{ "CNI_NETNS=/proc/self/ns/mnt", "not a network namespace" },
		{ "CNI_NETNS=/proc/self/ns/net", "the plugin's own network namespace" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t) * FL_ARRAY_LEN(verbs); i++) {
		const struct call c = { .env = { verbs[i % 2], ID, IF, t[i / 2].netns },
					.stdin_text = PREV("1.0.0") };

		check_failure(&c, FL_CNI_NETNS, "1.0.0", t[i / 2].part);
	}
}

static void a_pipe_as_netns_is_refused_without_waiting_for_a_writer(void **state)
{
	char netns[] = "CNI_NETNS=/tmp/test_cni_request.XXXXXX/pipe";
	char *path = strchr(netns, '/'), *name = strrchr(netns, '/');
	struct call c = { .env = { "CNI_COMMAND=ADD", ID, IF, netns },
			  .stdin_text = CONF("1.0.0") };

	(void)state;
	*name = '\0';
	assert_non_null(mkdtemp(path));
	*name = '/';
	assert_int_equal(mkfifo(path, 0600), 0);
	check_failure(&c, FL_CNI_NETNS, "1.0.0", "not a network namespace");
	unlink(path);
	*name = '\0';
	rmdir(path);
}

static void a_netns_path_that_json_cannot_hold_is_refused(void **state)
{
	const struct call c = { .env = { "CNI_COMMAND=ADD", ID, IF, "CNI_NETNS=/\xff" },
				.stdin_text = CONF("1.0.0") };

	(void)state;
	check_failure(&c, FL_CNI_ENV, "1.0.0", "CNI_NETNS '/\xef\xbf\xbd': expected UTF-8");
}

static void every_bad_document_has_its_code_and_names_the_key(void **state)
{
	static char long_name[400];
	const struct {
		const char *text;
		int code;
		const char *version, *part;
	} t[] = {
		{ "", 6, "1.1.0", "stdin is empty" },
		{ " \n", 6, "1.1.0", "config: line" },
		{ "{", 6, "1.1.0", "config: line 1" },
		{ "not json", 6, "1.1.0", "config: line 1" },
		{ "{} {}", 6, "1.1.0", "config: line 1" },
		{ "[]", 6, "1.1.0", "config: expected an object" },
		{ "null", 6, "1.1.0", "config: expected an object" },
		{ "{\"name\":\"pods\",\"cniVersion\":1}", 6, "1.1.0",
		  "config 'cniVersion': expected a string" },
		{ "{\"name\":\"pods\",\"cniVersion\":\"one\"}", 6, "1.1.0",
		  "config 'cniVersion': 'one' is not a version" },
		{ "{\"name\":\"pods\",\"cniVersion\":\"9.9.9\"}", 1, "1.1.0",
		  "config 'cniVersion': version '9.9.9' is not among" },
		{ "{\"cniVersion\":\"0.3.1\"}", 7, "0.3.1", "config 'name': missing network name" },
		{ "{\"cniVersion\":\"0.3.1\",\"name\":\"\"}", 7, "0.3.1", "missing network name" },
		{ "{\"cniVersion\":\"0.3.1\",\"name\":null}", 7, "0.3.1", "missing network name" },
		{ "{\"cniVersion\":\"0.3.1\",\"name\":7}", 7, "0.3.1",
		  "config 'name': expected a string" },
		{ "{\"cniVersion\":\"0.3.1\",\"name\":\"..\"}", 7, "0.3.1", "network name '..'" },
		{ "{\"cniVersion\":\"0.3.1\",\"name\":\"a/b\"}", 7, "0.3.1", "network name 'a/b'" },
		{ long_name, 7, "0.1.0", "300 bytes, expected at most 200" },
		{ "{\"name\":\"a\\u0000b\"}", 6, "1.1.0", "config: line 1" },
	};

	(void)state;
	(void)snprintf(long_name, sizeof(long_name), "{\"name\":\"%0300d\"}", 0);
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		const struct call add = { .env = { ATTACH("ADD") }, .stdin_text = t[i].text };
		const struct call del = { .env = { ATTACH("DEL") }, .stdin_text = t[i].text };

		check_failure(&add, t[i].code, t[i].version, t[i].part);
		check_failure(&del, t[i].code, t[i].version, t[i].part);
	}
}

static void a_document_is_read_at_its_limit_and_refused_above(void **state)
{
	const size_t max = FL_CNI_STDIN_MAX;
	fl_auto_free char *text = malloc(max + 1);
	struct call c = { .env = { "CNI_COMMAND=DEL", ID, IF }, .stdin_text = text };
	size_t head = strlen(CONF("1.0.0"));

	(void)state;
	CHECK(text);
	memset(text, ' ', max + 1);
	memcpy(text, CONF("1.0.0"), head);
	c.stdin_len = max;
	{
		auto_outcome o = run(&c);

		assert_int_equal(o.status, 0);
	}
	c.stdin_len = max + 1;
	check_failure(&c, FL_CNI_IO, "1.1.0", "more than 4194304 bytes");
}

static void a_closed_stdin_is_an_io_error(void **state)
{
	const struct call c = { .env = { ATTACH("ADD") }, .in = CLOSED };

	(void)state;
	check_failure(&c, FL_CNI_IO, "1.1.0", "read the configuration on stdin");
}

static void verbs_that_came_later_are_refused_to_older_configurations(void **state)
{
	static const struct {
		const char *verb, *name;
		enum fl_cni_version since;
	} t[] = { { "CNI_COMMAND=CHECK", "CHECK", FL_CNI_V0_4_0 },
		  { "CNI_COMMAND=GC", "GC", FL_CNI_V1_1_0 },
		  { "CNI_COMMAND=STATUS", "STATUS", FL_CNI_V1_1_0 } };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		for (unsigned int v = 0; v < FL_CNI_VERSIONS; v++) {
			char text[256];
			struct call c = { .env = { t[i].verb, ID, pod_netns, IF },
					  .stdin_text = text };

			(void)snprintf(text, sizeof(text),
				       "{\"cniVersion\":\"%s\",\"name\":\"pods\",\"prevResult\":{},"
				       "\"cni.dev/valid-attachments\":[]}",
				       fl_cni_version_text(v));
			if (v < t[i].since) {
				check_failure(&c, FL_CNI_VERSION, fl_cni_version_text(v),
					      "does not allow");
			} else {
				auto_outcome o = run(&c);

				CHECK(strstr(o.err, "name=pods"));
			}
		}
	}
}

static void del_succeeds_whatever_the_netns_and_the_previous_result_are(void **state)
{
	static const char *const netns[] = { "",
					     "CNI_NETNS=",
					     "CNI_NETNS=/nonexistent",
					     "CNI_NETNS=/etc/passwd",
					     "CNI_NETNS=/proc/self/ns/mnt",
					     "CNI_NETNS=/proc/self/ns/net",
					     "CNI_NETNS=/\xff" };
	static const char *const prev[] = { "null",
					    "{}",
					    "[]",
					    "7",
					    "\"x\"",
					    "{\"ips\":[{\"address\":\"x\"}]}",
					    "{\"cniVersion\":\"7.7.7\"}" };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(netns) * FL_ARRAY_LEN(prev); i++) {
		char text[256];
		const struct call c = { .env = { "CNI_COMMAND=DEL", ID, IF,
						 netns[i % FL_ARRAY_LEN(netns)] },
					.stdin_text = text };

		(void)snprintf(text, sizeof(text),
			       "{\"cniVersion\":\"0.3.1\",\"name\":\"pods\",\"prevResult\":%s}",
			       prev[i / FL_ARRAY_LEN(netns)]);
		{
			auto_outcome o = run(&c);

			assert_int_equal(o.status, 0);
			assert_string_equal(o.out, "");
			CHECK(strstr(o.err, "del name=pods id=a if=eth0 ns=none"));
		}
	}
}

static void a_netns_that_cannot_be_opened_at_the_moment_is_not_dead_to_del(void **state)
{
	const struct call c = { .env = { ATTACH("DEL") }, .stdin_text = CONF("1.0.0"), .files = 3 };

	(void)state;
	check_failure(&c, FL_CNI_NETNS, "1.0.0", "Too many open files");
}

static void the_own_netns_is_taken_when_the_caller_overrides(void **state)
{
	static const struct {
		const char *value;
		bool taken;
	} t[] = { { "CNI_NETNS_OVERRIDE=1", true },    { "CNI_NETNS_OVERRIDE=TRUE", true },
		  { "CNI_NETNS_OVERRIDE=true", true }, { "CNI_NETNS_OVERRIDE=0", false },
		  { "CNI_NETNS_OVERRIDE=yes", false }, { "CNI_NETNS_OVERRIDE=", false } };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct call c = { .env = { "CNI_COMMAND=ADD", ID, IF, "CNI_NETNS=/proc/self/ns/net",
					   t[i].value },
				  .stdin_text = CONF("1.0.0") };

		if (!t[i].taken) {
			check_failure(&c, FL_CNI_NETNS, "1.0.0", "own network namespace");
			continue;
		}
		for (int verb = 0; verb < 2; verb++) {
			c.env[0] = verb ? "CNI_COMMAND=DEL" : "CNI_COMMAND=ADD";
			auto_outcome o = run(&c);

			assert_int_equal(o.status, 0);
			CHECK(strstr(o.err, "ns=open"));
		}
	}
}

static void check_needs_a_previous_result_that_can_be_read(void **state)
{
	struct call c = { .env = { ATTACH("CHECK") }, .stdin_text = CONF("0.4.0") };

	(void)state;
	check_failure(&c, FL_CNI_CONFIG, "0.4.0", "config 'prevResult': missing");
	c.stdin_text = "{\"name\":\"pods\",\"cniVersion\":\"1.0.0\",\"prevResult\":null}";
	check_failure(&c, FL_CNI_CONFIG, "1.0.0", "config 'prevResult': missing");
	c.stdin_text = "{\"name\":\"pods\",\"cniVersion\":\"1.0.0\",\"prevResult\":[1]}";
	{
		auto_outcome o = run(&c);

		assert_int_equal(fl_json_int(fl_json_get(o.json, "code")), FL_CNI_DECODE);
		CHECK(strstr(o.out, "config 'prevResult': expected an object"));
	}
	c.stdin_text = PREV("1.0.0");
	{
		auto_outcome o = run(&c);

		assert_int_equal(o.status, 0);
		assert_string_equal(o.out, "");
	}
}

#define GC_CONF(list) \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"pods\",\"cni.dev/valid-attachments\":" list "}"

static void gc_without_a_sound_list_is_refused_and_removes_nothing(void **state)
{
	static const struct {
		const char *text, *part;
	} t[] = {
		{ CONF("1.1.0"), "'cni.dev/valid-attachments': missing" },
		{ "{\"cniVersion\":\"1.1.0\",\"name\":\"pods\",\"cni.dev/attachments\":[]}",
		  "'cni.dev/valid-attachments': missing" },
		{ GC_CONF("{}"), "'cni.dev/valid-attachments': expected an array" },
		{ GC_CONF("\"\""), "'cni.dev/valid-attachments': expected an array" },
		{ GC_CONF("[null]"), "'cni.dev/valid-attachments[0]': expected an object" },
		{ GC_CONF("[{\"containerID\":\"a\"}]"), "[0].ifname': missing" },
		{ GC_CONF("[{\"ifname\":\"a\"}]"), "[0].containerID': missing" },
		{ GC_CONF("[{\"containerID\":\"a\",\"ifname\":\"b\"},{\"containerID\":1}]"),
		  "[1].containerID': expected a string" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		const struct call c = { .env = { "CNI_COMMAND=GC" }, .stdin_text = t[i].text };

		check_failure(&c, FL_CNI_CONFIG, "1.1.0", t[i].part);
	}
}

static void gc_tells_valid_attachments_by_container_and_interface(void **state)
{
	static const struct {
		const char *text, *says;
	} t[] = {
		{ GC_CONF("null"), "gc name=pods id=- if=- ns=none prev=0 valid=0" },
		{ GC_CONF("[]"), "gc name=pods id=- if=- ns=none prev=0 valid=0" },
		{ GC_CONF("[{\"containerID\":\"a\",\"ifname\":\"eth0\"},"
			  "{\"containerID\":\"b\",\"ifname\":\"eth1\"}]"),
		  "keeps a/eth0 gc name=pods id=- if=- ns=none prev=0 valid=2" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		/* libcni sets these for every verb, with values that mean nothing. */
		const struct call c = { .env = { "CNI_COMMAND=GC", "CNI_CONTAINERID=..",
						 "CNI_NETNS=dummy", "CNI_IFNAME=a/b" },
					.stdin_text = t[i].text };
		auto_outcome o = run(&c);

		assert_int_equal(o.status, 0);
		assert_string_equal(o.out, "");
		assert_int_equal(strncmp(o.err, t[i].says, strlen(t[i].says)), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bad_environment_has_its_code_and_names_the_variable),
		cmocka_unit_test(
			every_bad_netns_is_refused_by_add_and_check_before_anything_is_done),
		cmocka_unit_test(a_pipe_as_netns_is_refused_without_waiting_for_a_writer),
		cmocka_unit_test(a_netns_path_that_json_cannot_hold_is_refused),
		cmocka_unit_test(every_bad_document_has_its_code_and_names_the_key),
		cmocka_unit_test(a_document_is_read_at_its_limit_and_refused_above),
		cmocka_unit_test(a_closed_stdin_is_an_io_error),
		cmocka_unit_test(verbs_that_came_later_are_refused_to_older_configurations),
		cmocka_unit_test(del_succeeds_whatever_the_netns_and_the_previous_result_are),
		cmocka_unit_test(a_netns_that_cannot_be_opened_at_the_moment_is_not_dead_to_del),
		cmocka_unit_test(the_own_netns_is_taken_when_the_caller_overrides),
		cmocka_unit_test(check_needs_a_previous_result_that_can_be_read),
		cmocka_unit_test(gc_without_a_sound_list_is_refused_and_removes_nothing),
		cmocka_unit_test(gc_tells_valid_attachments_by_container_and_interface),
	};

	return cmocka_run_group_tests_name("cni_request", tests, make_pod, end_pod);
}
