// SPDX-License-Identifier: Apache-2.0
/* agent/api/metrics.c, judged by a reader of its own. Needs nothing. */
#include "agent/api/metrics.h"

#include "inject.h"
#include "test.h"
#include "tests/harness/promtext.h"

#include <errno.h>

static struct prom prom;

/* What was written, checked to be well-formed. */
static char *text_of(struct api_metrics *m)
{
	struct fl_err err = { 0 };
	char *text = NULL;
	size_t len = 0;

	CHECK_OK(api_metrics_take(m, &text, &len, &err), &err);
	CHECK(strlen(text) == len);
	if (*prom_read(&prom, text, len))
		fail_msg("%s: %s", prom.why, text);
	return text;
}

static void families_and_samples_are_written_as_the_format_says(void **state)
{
	api_auto_metrics struct api_metrics *m = NULL;
	fl_auto_free char *text = NULL;
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(api_metrics_new(&m, &err), &err);
	api_metrics_counter(m, "fl_reads_total", "Times that something was read.",
			    18446744073709551615u);
	api_metrics_family(m, API_GAUGE, "fl_peers", "Peers.");
	api_metrics_count(m, 3, (struct api_label[]){ { "way", "overlay" }, { NULL } });
	api_metrics_count(m, 0,
			  (struct api_label[]){ { "way", "direct" }, { "up", "" }, { NULL } });
	text = text_of(m);
	assert_string_equal(text, "# HELP fl_reads_total Times that something was read.\n"
				  "# TYPE fl_reads_total counter\n"
				  "fl_reads_total 18446744073709551615\n"
				  "# HELP fl_peers Peers.\n"
				  "# TYPE fl_peers gauge\n"
				  "fl_peers{way=\"overlay\"} 3\n"
				  "fl_peers{way=\"direct\",up=\"\"} 0\n");
}

static void texts_of_any_content_are_escaped(void **state)
{
	api_auto_metrics struct api_metrics *m = NULL;
	fl_auto_free char *text = NULL;
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(api_metrics_new(&m, &err), &err);
	api_metrics_family(m, API_GAUGE, "a", "back\\slash \"quote\" new\nline \xff");
	api_metrics_count(m, 1,
			  (struct api_label[]){ { "l", "b\\ q\" n\n u\xc3\xbc x\xc3" }, { NULL } });
	api_metrics_count(m, 1, (struct api_label[]){ { "l", NULL }, { NULL } });
	text = text_of(m);
	assert_string_equal(text, "# HELP a back\\\\slash \"quote\" new\\nline \xef\xbf\xbd\n"
				  "# TYPE a gauge\n"
				  "a{l=\"b\\\\ q\\\" n\\n u\xc3\xbc x\xef\xbf\xbd\"} 1\n"
				  "a{l=\"\"} 1\n");
}

static void measures_are_written_exactly_and_as_short_as_can_be(void **state)
{
	static const struct {
		double value;
		const char *text;
	} t[] = {
		{ 0, "0" },
		{ 0.1, "0.1" },
		{ -2.5, "-2.5" },
		{ 1e300, "1e+300" },
		{ 1e-9, "1e-09" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 1e15, "1e+15" },
		{ 123456789, "123456789" },
		{ NAN, "NaN" },
		{ INFINITY, "+Inf" },
		{ -INFINITY, "-Inf" },
	};
	char want[100];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		api_auto_metrics struct api_metrics *m = NULL;
		fl_auto_free char *text = NULL;
		struct fl_err err = { 0 };

		CHECK_OK(api_metrics_new(&m, &err), &err);
		api_metrics_gauge(m, "g", "G.", t[i].value);
		text = text_of(m);
		(void)snprintf(want, sizeof(want), "# HELP g G.\n# TYPE g gauge\ng %s\n",
			       t[i].text);
		assert_string_equal(text, want);
	}
}

static void nothing_is_a_text_too(void **state)
{
	api_auto_metrics struct api_metrics *m = NULL;
	fl_auto_free char *text = NULL;
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(api_metrics_new(&m, &err), &err);
	text = text_of(m);
	assert_string_equal(text, "");
}

static int write_some(void *arg)
{
	api_auto_metrics struct api_metrics *m = NULL;
	fl_auto_free char *text = NULL;
	struct fl_err err = { 0 };
	size_t len = 0;
	int r;

	(void)arg;
	r = api_metrics_new(&m, &err);
	if (r < 0)
		return r;
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = { "a", "b", "c" };

		api_metrics_family(m, API_GAUGE, names[i], "A rather long explanation of it all.");
		api_metrics_count(m, 7, (struct api_label[]){ { "l", "v" }, { NULL } });
	}
	return api_metrics_take(m, &text, &len, &err);
}

static void a_lack_of_memory_is_reported_at_the_end(void **state)
{
	(void)state;
	CHECK(inject_each(write_some, NULL) == 0);
}

/* The reader must be able to say no. */
static void the_reader_refuses_what_is_malformed(void **state)
{
	static const char *const bad[] = {
		"a 1\n",
		"# HELP a A.\na 1\n",
		"# TYPE a gauge\na 1\n",
		"# HELP a A.\n# TYPE a gauge\n",
		"# HELP a A.\n# TYPE a gauge\nb 1\n",
		"# HELP a A.\n# TYPE a gauge\na 1",
		"# HELP a A.\n# TYPE a gauge\na 1 2\n",
		"# HELP a A.\n# TYPE a gauge\na  1\n",
		"# HELP a A.\n# TYPE a gauge\na one\n",
		"# HELP a A.\n# TYPE a gauge\na 1\n\n",
		"# HELP a A.\n# TYPE a gauge\na 1\na 2\n",
		"# HELP a A.\n# TYPE a gauge\na{l=\"1\"} 1\na{l=\"1\"} 2\n",
		"# HELP a A.\n# TYPE a gauge\na{l=\"1\",l=\"2\"} 1\n",
		"# HELP a A.\n# TYPE a gauge\na{l=\"\\t\"} 1\n",
		"# HELP a A.\n# TYPE a gauge\na{l=\"1} 1\n",
		"# HELP a A.\n# TYPE a gauge\na{l=\"\xff\"} 1\n",
		"# HELP a A.\n# TYPE a gauge\na{1l=\"\"} 1\n",
		"# HELP a A.\n# TYPE a gauge\na{} 1\n",
		"# HELP a A.\n# TYPE a counter\na 1\n",
		"# HELP a_total A.\n# TYPE a_total gauge\na_total 1\n",
		"# HELP a_total A.\n# TYPE a_total counter\na_total -1\n",
		"# HELP a_total A.\n# TYPE a_total counter\na_total NaN\n",
		"# HELP a A.\n# TYPE a gauge\na 1\n# HELP a A.\n# TYPE a gauge\na{l=\"1\"} 1\n",
		"# HELP a \n# TYPE a gauge\na 1\n",
		"# HELP 1a A.\n# TYPE 1a gauge\n1a 1\n",
	};
	static const char good[] =
		"# HELP a A.\n# TYPE a gauge\na{l=\"1\",m=\"\\\\\\\"\\n\"} +Inf\n";

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(bad); i++)
		if (!*prom_read(&prom, bad[i], strlen(bad[i])))
			fail_msg("passed: %s", bad[i]);
	assert_string_equal(prom_read(&prom, good, strlen(good)), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_and_samples_are_written_as_the_format_says),
		cmocka_unit_test(texts_of_any_content_are_escaped),
		cmocka_unit_test(measures_are_written_exactly_and_as_short_as_can_be),
		cmocka_unit_test(nothing_is_a_text_too),
		cmocka_unit_test(a_lack_of_memory_is_reported_at_the_end),
		cmocka_unit_test(the_reader_refuses_what_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
