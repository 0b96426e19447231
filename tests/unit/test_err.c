// SPDX-License-Identifier: Apache-2.0
/* lib/base/err.c and cleanup.h. Needs nothing. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static void fail_returns_minus_errno_and_clears_the_code(void **state)
{
	struct fl_err err = { .code = 7 };

	(void)state;
	CHECK(fl_fail(&err, EINVAL, "key '%s' is %d", "mtu", 3) == -EINVAL);
	CHECK(err.code == 0 && err.sys == EINVAL);
	assert_string_equal(err.text, "key 'mtu' is 3");
}

static void fail_errno_adds_the_systems_sentence(void **state)
{
	struct fl_err err = { 0 };

	(void)state;
	CHECK(fl_fail_errno(&err, ENOENT, "open '%s'", "/x") == -ENOENT);
	assert_string_equal(err.text, "open '/x': No such file or directory");
	CHECK(fl_fail_errno(&err, 99999, "call") == -99999);
	assert_non_null(strstr(err.text, "nknown error")); /* each C library adds its own */
}

static void wrap_puts_the_outer_text_first_and_keeps_the_rest(void **state)
{
	struct fl_err err = { 0 };
	int r = fl_class(&err, fl_fail(&err, EIO, "inner"), 5);

	(void)state;
	CHECK(fl_wrap(&err, r, "network '%s'", "pods") == -EIO);
	assert_string_equal(err.text, "network 'pods': inner");
	CHECK(err.sys == EIO && err.code == 5);
}

static void class_keeps_the_code_of_the_deepest_place(void **state)
{
	struct fl_err err = { 0 };

	(void)state;
	CHECK(fl_class(&err, -EIO, 5) == -EIO);
	CHECK(fl_class(&err, -EIO, 7) == -EIO);
	CHECK(err.code == 5);
}

static void text_of_any_length_is_cut_at_its_innermost_end(void **state)
{
	struct fl_err err = { 0 };
	char big[600];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	(void)fl_fail(&err, EINVAL, "%s", big);
	CHECK(strlen(err.text) == sizeof(err.text) - 1);
	(void)fl_wrap(&err, -EINVAL, "outer");
	CHECK(strncmp(err.text, "outer: xxx", 10) == 0);
	CHECK(strlen(err.text) == sizeof(err.text) - 1);
	(void)fl_fail_errno(&err, EIO, "%s", big);
	CHECK(strlen(err.text) == sizeof(err.text) - 1);
	(void)fl_wrap(&err, -EIO, "%s", big);
	CHECK(strlen(err.text) == sizeof(err.text) - 1);
}

static void owned_locals_are_released_unless_taken(void **state)
{
	int kept = -1, fd;

	(void)state;
	{
		fl_auto_close int a = -1;
		fl_auto_close int b = -1;
		fl_auto_free char *text = strdup("freed here, or the sanitizer says so");

		a = open("/dev/null", O_RDONLY | O_CLOEXEC);
		b = open("/dev/null", O_RDONLY | O_CLOEXEC);
		CHECK(a >= 0 && b >= 0 && text);
		fd = a;
		kept = FL_TAKE_FD(b);
		CHECK(b == -1);
	}
	CHECK(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
	CHECK(fcntl(kept, F_GETFD) == FD_CLOEXEC);
	fl_close_p(&kept);
	CHECK(kept == -1);
	fl_close_p(&kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fail_returns_minus_errno_and_clears_the_code),
		cmocka_unit_test(fail_errno_adds_the_systems_sentence),
		cmocka_unit_test(wrap_puts_the_outer_text_first_and_keeps_the_rest),
		cmocka_unit_test(class_keeps_the_code_of_the_deepest_place),
		cmocka_unit_test(text_of_any_length_is_cut_at_its_innermost_end),
		cmocka_unit_test(owned_locals_are_released_unless_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
