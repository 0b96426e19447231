// SPDX-License-Identifier: Apache-2.0
/* lib/state/full.c: what the agent says is full, and who reads it. */
#include "state/full.h"

#include "base/file.h"
#include "base/text.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static char root[] = "/tmp/fairlead-test-full.XXXXXX";
static struct fl_err err;

static int make_root(void **state)
{
	(void)state;
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	char path[100];

	(void)state;
	for (int i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", root,
			       i == 0	? "/run/fairlead"
			       : i == 1 ? "/run"
					: "");
		if (rmdir(path) < 0)
			return -1;
	}
	return 0;
}

static void nothing_is_full_until_it_is_said_and_after_it_is_taken_back(void **state)
{
	char text[FL_FULL_SIZE] = "";

	(void)state;
	CHECK(fl_full_read(root, text, &err) == 0);
	CHECK_OK(fl_full_write(root, "", &err), &err);
	CHECK(fl_full_read(root, text, &err) == 0);
	CHECK_OK(fl_full_write(root, "the map of this", &err), &err);
	CHECK_OK(fl_full_write(root, "the map of that", &err), &err);
	CHECK(fl_full_read(root, text, &err) == 1);
	assert_string_equal(text, "the map of that");
	CHECK_OK(fl_full_write(root, "", &err), &err);
	CHECK(fl_full_read(root, text, &err) == 0);
}

static void a_text_that_is_too_long_is_cut_off(void **state)
{
	char longer[2 * FL_FULL_SIZE], text[FL_FULL_SIZE] = "";

	(void)state;
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	CHECK_OK(fl_full_write(root, longer, &err), &err);
	CHECK(fl_full_read(root, text, &err) == 1);
	CHECK(strlen(text) == FL_FULL_SIZE - 1);
	CHECK_OK(fl_full_write(root, "", &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_full_until_it_is_said_and_after_it_is_taken_back),
		cmocka_unit_test(a_text_that_is_too_long_is_cut_off),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
