// SPDX-License-Identifier: Apache-2.0
/* Start times from /proc, pidfds, signals. */
#include "runtime/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "base/deadline.h"
#include "base/file.h"
#include "base/text.h"

#define KILL_MS 5000

/* No SIGALRM: lib/base/deadline.c needs it to end a wait for a lock. */
static const int passed_on[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH };

/* Field 3 is the state, field 22 the start time; field 2, the name, may hold anything. */
static int parse_stat(const char *text, char *state, uint64_t *start)
{
	const char *p = strrchr(text, ')');
	unsigned long long v = 0;

	if (!p || sscanf(p + 1, " %c", state) != 1)
		return -EINVAL;
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p || sscanf(p, " %llu", &v) != 1)
		return -EINVAL;
	*start = v;
	return 0;
}

int berth_start_time(pid_t pid, uint64_t *out, struct fl_err *err)
{
	char path[64], text[1024], state = 0;
	uint64_t start = 0;
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	r = fl_read_small(AT_FDCWD, path, text, sizeof(text), err);
	if (r == -ENOENT || r == -ESRCH)
		return fl_fail(err, ESRCH, "no process %d", pid);
	if (r < 0)
		return r;
	if (parse_stat(text, &state, &start) < 0)
		return fl_fail(err, EINVAL, "'%s' cannot be understood", path);
	if (state == 'Z' || state == 'X')
		return fl_fail(err, ESRCH, "process %d has ended", pid);
	*out = start;
	return 0;
}

int berth_process_open(pid_t pid, uint64_t start_time, int *pidfd, struct fl_err *err)
{
	fl_auto_close int fd = -1;
	uint64_t now = 0;
	int r;

	if (pid <= 0)
		return fl_fail(err, ESRCH, "no process");
	fd = pidfd_open(pid, 0);
	if (fd < 0)
		return fl_fail_errno(err, errno, "open process %d", pid);
	/* Read after opening: if it is still the right one now, the descriptor is its own. */
	r = berth_start_time(pid, &now, err);
	if (r < 0)
		return r;
	if (now != start_time)
		return fl_fail(err, ESRCH, "process %d is another one by now", pid);
	*pidfd = FL_TAKE_FD(fd);
	return 0;
}

static int wait_dead(int pidfd, int ms)
{
	struct fl_deadline d = fl_deadline_in(ms);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, fl_deadline_left(&d));
	while (n < 0 && errno == EINTR);
	return n > 0 ? 0 : -ETIMEDOUT;
}

int berth_process_end(int pidfd, int grace_ms, struct fl_err *err)
{
	if (grace_ms > 0) {
		if (pidfd_send_signal(pidfd, SIGTERM, NULL, 0) < 0 && errno != ESRCH)
			return fl_fail_errno(err, errno, "send SIGTERM");
		if (wait_dead(pidfd, grace_ms) == 0)
			return 0;
	}
	if (pidfd_send_signal(pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		return fl_fail_errno(err, errno, "send SIGKILL");
	if (wait_dead(pidfd, KILL_MS) < 0)
		return fl_fail(err, ETIMEDOUT, "not dead %d ms after SIGKILL", KILL_MS);
	return 0;
}

static void held_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	/* Taking the terminal back from the background must not stop us. */
	sigaddset(set, SIGTTOU);
	for (size_t i = 0; i < FL_ARRAY_LEN(passed_on); i++)
		sigaddset(set, passed_on[i]);
}

void berth_hold_signals(void)
{
	sigset_t set;

	held_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int berth_interrupted(struct fl_err *err)
{
	static const int stop[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	sigset_t set;

	sigemptyset(&set);
	sigpending(&set);
	for (size_t i = 0; i < FL_ARRAY_LEN(stop); i++)
		if (sigismember(&set, stop[i]))
			return fl_fail(err, EINTR, "interrupted by signal %d (%s)", stop[i],
				       strsignal(stop[i]));
	return 0;
}

int berth_exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int berth_wait_child(pid_t pid)
{
	sigset_t set;
	int status = 0, sig;

	held_set(&set);
	for (;;) {
		pid_t done = waitpid(pid, &status, WNOHANG);

		if (done == pid)
			break;
		sig = sigwaitinfo(&set, NULL);
		if (sig > 0 && sig != SIGCHLD && sig != SIGTTOU)
			(void)kill(pid, sig);
	}
	if (isatty(0))
		(void)tcsetpgrp(0, getpgrp());
	return berth_exit_status(status);
}

int berth_become(char *const *argv, char *const *env, struct fl_err *err)
{
	sigset_t set;
	int sys;

	(void)setpgid(0, 0);
	if (isatty(0)) {
		sigemptyset(&set);
		sigaddset(&set, SIGTTOU);
		sigprocmask(SIG_BLOCK, &set, NULL);
		(void)tcsetpgrp(0, getpid());
	}
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	if (close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return fl_fail_errno(err, errno, "close descriptors");
	if (chdir("/") < 0)
		return fl_fail_errno(err, errno, "enter the folder '/'");
	environ = (char **)(uintptr_t)env;
	execvp(argv[0], argv);
	sys = errno;
	fl_fail_errno(err, sys, "execute '%s'", argv[0]);
	return fl_class(err, -sys, sys == ENOENT ? 127 : 126);
}
