// SPDX-License-Identifier: Apache-2.0
/* lib/base/deadline.c: waits take tenths of a second. Needs nothing. */
#include "base/deadline.h"

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

/* A file that two descriptions can lock against each other. */
struct locked {
	char path[64];
	int holder, waiter;
};

static int make_file(void **state)
{
	static struct locked l;

	(void)strcpy(l.path, "/tmp/fairlead-test-lock.XXXXXX");
	l.holder = mkostemp(l.path, O_CLOEXEC);
	l.waiter = open(l.path, O_RDWR | O_CLOEXEC);
	*state = &l;
	return l.holder < 0 || l.waiter < 0;
}

static int remove_file(void **state)
{
	struct locked *l = *state;

	fl_close_p(&l->holder);
	fl_close_p(&l->waiter);
	return unlink(l->path);
}

static void left_is_never_negative_and_fits_poll(void **state)
{
	struct fl_deadline past = fl_deadline_in(-5), far = fl_deadline_in(INT64_C(1) << 40),
			   soon = fl_deadline_in(5000);

	(void)state;
	CHECK(fl_deadline_left(&past) == 0);
	CHECK(fl_deadline_left(&far) == INT_MAX);
	CHECK(fl_deadline_left(&soon) > 4000 && fl_deadline_left(&soon) <= 5000);
}

static void a_free_lock_is_had_even_after_the_deadline(void **state)
{
	struct locked *l = *state;
	struct fl_deadline past = fl_deadline_in(-1);
	struct fl_err err = { 0 };

	CHECK_OK(fl_flock(l->waiter, LOCK_EX, &past, &err), &err);
}

static void a_held_lock_gives_up_at_the_deadline(void **state)
{
	struct locked *l = *state;
	struct fl_deadline began, until = fl_deadline_in(200);
	struct fl_err err = { 0 };

	began = fl_deadline_in(0);
	CHECK(flock(l->holder, LOCK_EX) == 0);
	CHECK_FAILS(fl_flock(l->waiter, LOCK_EX, &until, &err), ETIMEDOUT, &err, "deadline");
	CHECK(fl_deadline_in(0).at_ms - began.at_ms >= 200);
	CHECK(fl_deadline_in(0).at_ms - began.at_ms < 30000);
}

static void a_blocked_alarm_signal_does_not_make_the_wait_endless(void **state)
{
	struct locked *l = *state;
	struct fl_deadline until = fl_deadline_in(100);
	struct fl_err err = { 0 };
	sigset_t alarm_only, after;

	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm_only, NULL);
	CHECK(flock(l->holder, LOCK_EX) == 0);
	CHECK_FAILS(fl_flock(l->waiter, LOCK_EX, &until, &err), ETIMEDOUT, &err, "deadline");
	sigprocmask(SIG_UNBLOCK, &alarm_only, &after);
	CHECK(sigismember(&after, SIGALRM));
}

static void a_lock_released_in_time_is_had(void **state)
{
	struct locked *l = *state;
	struct fl_deadline until = fl_deadline_in(30000);
	struct fl_err err = { 0 };
	pid_t child;

	CHECK(flock(l->holder, LOCK_EX) == 0);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		usleep(100000);
		flock(l->holder, LOCK_UN);
		_exit(0);
	}
	CHECK_OK(fl_flock(l->waiter, LOCK_EX, &until, &err), &err);
	CHECK(waitpid(child, NULL, 0) == child);
}

static void what_is_no_lockable_file_is_an_error_at_once(void **state)
{
	struct fl_deadline until = fl_deadline_in(1000);
	struct fl_err err = { 0 };

	(void)state;
	CHECK_FAILS(fl_flock(-1, LOCK_EX, &until, &err), EBADF, &err, "lock: Bad file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(left_is_never_negative_and_fits_poll),
		cmocka_unit_test_setup_teardown(a_free_lock_is_had_even_after_the_deadline,
						make_file, remove_file),
		cmocka_unit_test_setup_teardown(a_held_lock_gives_up_at_the_deadline, make_file,
						remove_file),
		cmocka_unit_test_setup_teardown(
			a_blocked_alarm_signal_does_not_make_the_wait_endless, make_file,
			remove_file),
		cmocka_unit_test_setup_teardown(a_lock_released_in_time_is_had, make_file,
						remove_file),
		cmocka_unit_test(what_is_no_lockable_file_is_an_error_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
