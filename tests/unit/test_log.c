// SPDX-License-Identifier: Apache-2.0
/* lib/base/log.c, read back from a pipe. Needs nothing. */
#include "base/log.h"

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int pipe_fds[2];
static char line[8192];

static int open_pipe(void **state)
{
	(void)state;
	memset(line, 0, sizeof(line));
	return pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK);
}

static int close_pipe(void **state)
{
	(void)state;
	fl_log_setup(FL_LOG_WARN, FL_LOG_TEXT, 2);
	fl_close_p(&pipe_fds[0]);
	fl_close_p(&pipe_fds[1]);
	return 0;
}

/* What the log has written since the last call; "" for nothing. */
static const char *written(void)
{
	ssize_t n = read(pipe_fds[0], line, sizeof(line) - 1);

	line[n < 0 ? 0 : n] = '\0';
	return line;
}

static void a_line_says_its_level_and_levels_below_are_silent(void **state)
{
	(void)state;
	fl_log_setup(FL_LOG_INFO, FL_LOG_TEXT, pipe_fds[1]);
	fl_error("disk '%s' is full", "/");
	assert_string_equal(written(), "error: disk '/' is full\n");
	fl_warn("w");
	assert_string_equal(written(), "warning: w\n");
	fl_info("i");
	assert_string_equal(written(), "info: i\n");
	fl_debug("d");
	assert_string_equal(written(), "");
}

static void control_characters_cannot_forge_a_line(void **state)
{
	(void)state;
	fl_log_setup(FL_LOG_WARN, FL_LOG_TEXT, pipe_fds[1]);
	fl_warn("a\nerror: b\x1b[2J\x7f");
	assert_string_equal(written(), "warning: a\\x0aerror: b\\x1b[2J\\x7f\n");
}

static void json_lines_escape_what_json_must(void **state)
{
	(void)state;
	fl_log_setup(FL_LOG_WARN, FL_LOG_JSON, pipe_fds[1]);
	fl_error("say \"hi\" \\ \t");
	CHECK(strncmp(written(), "{\"time\":\"20", 11) == 0);
	CHECK(strstr(line, "Z\",\"level\":\"error\",\"msg\":\"say \\\"hi\\\" \\\\ \\u0009\"}\n"));
}

static void the_longest_line_of_escapes_fits(void **state)
{
	char text[2048];

	(void)state;
	memset(text, 1, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fl_log_setup(FL_LOG_WARN, FL_LOG_JSON, pipe_fds[1]);
	errno = EDOM;
	fl_error("%s", text);
	CHECK(errno == EDOM);
	CHECK(strlen(written()) > 6 * 1023);
	assert_string_equal(line + strlen(line) - 3, "\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_says_its_level_and_levels_below_are_silent,
						open_pipe, close_pipe),
		cmocka_unit_test_setup_teardown(control_characters_cannot_forge_a_line, open_pipe,
						close_pipe),
		cmocka_unit_test_setup_teardown(json_lines_escape_what_json_must, open_pipe,
						close_pipe),
		cmocka_unit_test_setup_teardown(the_longest_line_of_escapes_fits, open_pipe,
						close_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
