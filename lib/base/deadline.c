// SPDX-License-Identifier: Apache-2.0
/* Waiting with one deadline. flock(2) has no time limit of its own: a timer interrupts it. */
#include "base/deadline.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/time.h>
#include <time.h>

struct fl_deadline fl_deadline_in(int64_t ms)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (struct fl_deadline){ now.tv_sec * 1000 + now.tv_nsec / 1000000 + ms };
}

int fl_deadline_left(const struct fl_deadline *d)
{
	int64_t left = d->at_ms - fl_deadline_in(0).at_ms;

	if (left < 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

static void on_alarm(int signal)
{
	(void)signal;
}

/*
 * The timer repeats each 50 ms after the first shot, so that a shot which falls between the
 * check of the clock and the wait is not the last one. A signal mask outlives exec(2): whoever
 * started us may have blocked the alarm.
 */
static int lock_until(int fd, int operation, const struct fl_deadline *d)
{
	struct sigaction act = { .sa_handler = on_alarm }, old;
	struct itimerval timer = { 0 }, off = { 0 };
	sigset_t alarm_only, old_mask;
	int left, r = -ETIMEDOUT;

	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	sigaction(SIGALRM, &act, &old);
	sigprocmask(SIG_UNBLOCK, &alarm_only, &old_mask);
	while ((left = fl_deadline_left(d)) > 0) {
		timer.it_value.tv_sec = left / 1000;
		timer.it_value.tv_usec = left % 1000 * 1000;
		timer.it_interval.tv_usec = 50000;
		setitimer(ITIMER_REAL, &timer, NULL);
		r = flock(fd, operation) < 0 ? -errno : 0;
		if (r != -EINTR)
			break;
		r = -ETIMEDOUT;
	}
	setitimer(ITIMER_REAL, &off, NULL);
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
	sigaction(SIGALRM, &old, NULL);
	return r;
}

int fl_flock(int fd, int operation, const struct fl_deadline *d, struct fl_err *err)
{
	int r;

	if (flock(fd, operation | LOCK_NB) == 0)
		return 0;
	r = errno == EWOULDBLOCK ? lock_until(fd, operation, d) : -errno;
	if (r == -ETIMEDOUT)
		return fl_fail(err, ETIMEDOUT, "lock not had before the deadline");
	return r < 0 ? fl_fail_errno(err, -r, "lock") : 0;
}
