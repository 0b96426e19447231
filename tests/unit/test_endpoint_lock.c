// SPDX-License-Identifier: Apache-2.0
/* The lock of an endpoint record: in a folder of the test's own. */
#include "test.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "folder.h"
#include "state/endpoint.h"

static const struct fl_endpoint ep = { .key = { "pods", "c1", "eth0" } };
static struct fl_err err;
static char root[FOLDER_MAX];

static int setup(void **state)
{
	(void)state;
	return folder_make(root, "lock");
}

static int teardown(void **state)
{
	(void)state;
	return folder_remove(root);
}

static void a_lock_keeps_others_off_until_the_record_is_removed(void **state)
{
	struct fl_deadline soon = fl_deadline_in(20);
	int fd = -1, first = -1, second = -1;

	(void)state;
	CHECK_FAILS(fl_endpoint_lock(root, &ep.key, NULL, &first, &err), ENOENT, &err, "record");
	CHECK_OK(fl_endpoint_claim(root, &ep.key, &fd, &err), &err);
	CHECK_OK(fl_endpoint_lock(root, &ep.key, NULL, &first, &err), &err);
	CHECK_FAILS(fl_endpoint_lock(root, &ep.key, NULL, &second, &err), EAGAIN, &err, "lock");
	CHECK_FAILS(fl_endpoint_lock(root, &ep.key, &soon, &second, &err), ETIMEDOUT, &err, "lock");
	assert_int_equal(second, -1);
	fl_close_p(&first);
	CHECK_OK(fl_endpoint_lock(root, &ep.key, &soon, &second, &err), &err);
	CHECK_OK(fl_endpoint_remove(root, &ep.key, &err), &err);
	CHECK_FAILS(fl_endpoint_lock(root, &ep.key, NULL, &first, &err), ENOENT, &err, "record");
	fl_close_p(&second);
	fl_close_p(&fd);
}

/* Who waits for the lock finds out that what he waited for has gone. */
static void a_lock_is_not_had_of_a_record_that_was_removed_meanwhile(void **state)
{
	struct fl_deadline later = fl_deadline_in(10000);
	int fd = -1, lock = -1, status;
	pid_t child;

	(void)state;
	CHECK_OK(fl_endpoint_claim(root, &ep.key, &fd, &err), &err);
	CHECK_OK(fl_endpoint_lock(root, &ep.key, NULL, &lock, &err), &err);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int mine = -1;

		fl_close_p(&lock); /* the description stays the parent's */
		_exit(fl_endpoint_lock(root, &ep.key, &later, &mine, &err) == -ENOENT ? 0 : 1);
	}
	(void)usleep(50000);
	CHECK_OK(fl_endpoint_remove(root, &ep.key, &err), &err);
	fl_close_p(&lock);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	fl_close_p(&fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_lock_keeps_others_off_until_the_record_is_removed),
		T(a_lock_is_not_had_of_a_record_that_was_removed_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
