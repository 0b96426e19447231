// SPDX-License-Identifier: Apache-2.0
/*
 * Running a program against the clock. posix_spawn() shares the parent's memory until the
 * exec, so the cost of the fork does not depend on the size of this program.
 */
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define INPUT_MAX (64u << 10) /* bytes: what a pipe holds without a reader */

int64_t bench_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int bench_prepare(const struct bench_cmd *cmd, struct bench_run *run, struct fl_err *err)
{
	size_t len = cmd->input ? strlen(cmd->input) : 0;
	fl_auto_close int out = -1;
	fl_auto_close int write_end = -1;
	int pipes[2];

	if (len > INPUT_MAX)
		return fl_fail(err, EFBIG, "input of '%s' has more than %u bytes", cmd->argv[0],
			       INPUT_MAX);
	out = memfd_create("stdout", MFD_CLOEXEC);
	if (out < 0)
		return fl_fail_errno(err, errno, "create a memory file");
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return fl_fail_errno(err, errno, "create a pipe");
	write_end = pipes[1];
	*run = (struct bench_run){ .cmd = cmd, .in = pipes[0], .out = FL_TAKE_FD(out) };
	if (len > 0 && write(write_end, cmd->input, len) != (ssize_t)len) {
		bench_close(run);
		return fl_fail_errno(err, errno, "write to a pipe");
	}
	return 0;
}

int bench_start(struct bench_run *run, struct fl_err *err)
{
	posix_spawn_file_actions_t files;
	int r;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, run->in, 0);
	posix_spawn_file_actions_adddup2(&files, run->out, 1);
	run->start_ns = bench_now_ns();
	r = posix_spawn(&run->pid, run->cmd->argv[0], &files, NULL, run->cmd->argv, run->cmd->env);
	posix_spawn_file_actions_destroy(&files);
	return r ? fl_fail_errno(err, r, "execute '%s'", run->cmd->argv[0]) : 0;
}

static double milliseconds(const struct timeval *t)
{
	return t->tv_sec * 1e3 + t->tv_usec / 1e3;
}

void bench_ended(struct bench_run *run, int64_t end_ns, int status, const struct rusage *use)
{
	run->wall_ms = (end_ns - run->start_ns) / 1e6;
	run->cpu_ms = milliseconds(&use->ru_utime) + milliseconds(&use->ru_stime);
	run->status = status;
}

int bench_exec(struct bench_run *run, struct fl_err *err)
{
	struct rusage use;
	int status, r;

	r = bench_start(run, err);
	if (r < 0)
		return r;
	while (wait4(run->pid, &status, 0, &use) < 0)
		if (errno != EINTR)
			return fl_fail_errno(err, errno, "wait for '%s'", run->cmd->argv[0]);
	bench_ended(run, bench_now_ns(), status, &use);
	return bench_check(run, err);
}

void bench_output(const struct bench_run *run, char *out, size_t size)
{
	ssize_t n = pread(run->out, out, size - 1, 0);

	out[n > 0 ? n : 0] = '\0';
}

int bench_check(const struct bench_run *run, struct fl_err *err)
{
	char text[400];

	if (WIFEXITED(run->status) && WEXITSTATUS(run->status) == 0)
		return 0;
	bench_output(run, text, sizeof(text));
	for (char *p = text; *p; p++)
		if (*p == '\n')
			*p = ' ';
	return fl_fail(err, EPROTO, "'%s %s' ended with status 0x%x: %s", run->cmd->argv[0],
		       run->cmd->argv[1] ? run->cmd->argv[1] : "", (unsigned int)run->status, text);
}

void bench_close(struct bench_run *run)
{
	if (!run->cmd)
		return;
	fl_close_p(&run->in);
	fl_close_p(&run->out);
	run->cmd = NULL;
}
