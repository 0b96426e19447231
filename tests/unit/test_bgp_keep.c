// SPDX-License-Identifier: Apache-2.0
/* agent/bgp/keep.c: which sessions keep their times of connecting. Needs nothing. */
#include "agent/bgp/keep.h"

#include "inject.h"
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

#define TIMES(delay)	"\tconnect delay time " delay ";\n\tconnect retry time 5;\n"
#define CHANNEL(filter) "\tipv4 {\n\t\texport " filter ";\n\t\tigp table igp4;\n\t};\n}\n\n"
#define SESSION(name, option, times, filter) \
	"protocol bgp '" name "' {\n\t" option ";\n" times "\thold time 9;\n" CHANNEL(filter)

static void becomes(const char *want, const char *in_force, const char *expected)
{
	fl_auto_free char *out = NULL;
	struct fl_err err = { 0 };

	CHECK_OK(bgp_keep_times(want, in_force, &out, &err), &err);
	assert_string_equal(out, expected);
}

#define NEW SESSION("mesh4:a", "direct", TIMES("1"), "all")
#define OLD SESSION("mesh4:a", "direct", "", "none")

static void a_session_that_runs_keeps_its_times_and_gets_its_new_filters(void **state)
{
	(void)state;
	becomes("log x;\n" NEW "end\n", "log y;\n" OLD,
		"log x;\n" SESSION("mesh4:a", "direct", "", "all") "end\n");
	becomes(OLD, NEW, SESSION("mesh4:a", "direct", TIMES("1"), "none"));
	becomes(SESSION("mesh4:a", "direct", TIMES("3"), "all"), NEW, NEW);
}

static void sessions_are_found_in_whatever_order(void **state)
{
	(void)state;
	becomes(NEW SESSION("mesh4:b", "direct", TIMES("1"), "all"),
		SESSION("mesh4:b", "direct", TIMES("7"), "all")
			SESSION("mesh4:c", "direct", "", "all")
				SESSION("mesh4:a", "direct", TIMES("8"), "all"),
		SESSION("mesh4:a", "direct", TIMES("8"), "all")
			SESSION("mesh4:b", "direct", TIMES("7"), "all"));
}

static void a_session_that_begins_anew_has_the_new_times(void **state)
{
	(void)state;
	/* Another option, another name, none. */
	becomes(NEW, SESSION("mesh4:a", "multihop", "", "none"), NEW);
	becomes(NEW, SESSION("mesh4:ab", "direct", "", "none"), NEW);
	becomes(NEW, "protocol bgp 'mesh4:a' {\n\tdirect;\n", NEW);
	becomes(NEW, "protocol bgp 'mesh4:a' {", NEW);
	becomes(NEW, "", NEW);
	becomes(NEW, NULL, NEW);
	becomes("", OLD, "");
}

static int keep(void *arg)
{
	fl_auto_free char *out = NULL;
	struct fl_err err = { 0 };

	(void)arg;
	return bgp_keep_times(NEW, OLD, &out, &err);
}

static void every_lack_of_memory_is_an_error(void **state)
{
	(void)state;
	CHECK(inject_each(keep, NULL) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_that_runs_keeps_its_times_and_gets_its_new_filters),
		cmocka_unit_test(sessions_are_found_in_whatever_order),
		cmocka_unit_test(a_session_that_begins_anew_has_the_new_times),
		cmocka_unit_test(every_lack_of_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
