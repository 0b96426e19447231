// SPDX-License-Identifier: Apache-2.0
/* Containers' folders when there are no descriptors to look into them. Needs no root. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "few_files.h"
#include "folder.h"
#include "runtime/state.h"

static char folder[FOLDER_MAX];
static struct berth_env env;

static int setup(void **state)
{
	(void)state;
	if (folder_make(folder, "berth") < 0)
		return -1;
	(void)snprintf(env.run_dir, sizeof(env.run_dir), "%s", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return folder_remove(folder);
}

static bool there_is(const char *name)
{
	char path[FOLDER_MAX + 32];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static void a_folder_that_cannot_be_opened_is_not_left(void **state)
{
	fl_auto_close int dir = -1;
	struct fl_err err = { 0 };
	int r;

	(void)state;
	allow_files(1); /* for the folder above */
	r = berth_state_create(&env, "c1", &dir, &err);
	allow_files(RLIM_INFINITY);
	CHECK_FAILS(r, EMFILE, &err, "open folder");
	CHECK(dir < 0 && !there_is("c1"));
	CHECK_OK(berth_state_create(&env, "c1", &dir, &err), &err);
}

static void a_folder_that_cannot_be_listed_keeps_its_state(void **state)
{
	fl_auto_json struct fl_json *doc = fl_json_object();
	fl_auto_close int dir = -1, log = -1;
	struct fl_err err = { 0 };
	int r;

	(void)state;
	CHECK_OK(berth_state_create(&env, "c1", &dir, &err), &err);
	CHECK_OK(berth_state_save(dir, doc, &err), &err);
	log = openat(dir, "log", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(log >= 0);
	allow_files(0);
	r = berth_state_remove(&env, "c1", dir, &err);
	allow_files(RLIM_INFINITY);
	CHECK_FAILS(r, EMFILE, &err, "open folder");
	CHECK(there_is("c1/log") && there_is("c1/state.json"));
	CHECK_OK(berth_state_remove(&env, "c1", dir, &err), &err);
	CHECK(!there_is("c1"));
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
		T(a_folder_that_cannot_be_opened_is_not_left),
		T(a_folder_that_cannot_be_listed_keeps_its_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
