// SPDX-License-Identifier: Apache-2.0
/*
 * Following a process tree with ptrace: how many system calls, how many programs, how much
 * memory. The peak is read from /proc when a process is about to exit, because the rusage of
 * a child starts with the memory of the program that forked it.
 */
#include "base/file.h"
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYSCALL_STOP (SIGTRAP | 0x80)

static uint64_t peak_kib(pid_t pid)
{
	char path[64], text[4096];
	struct fl_err err;
	unsigned long long kib = 0;
	const char *line;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (fl_read_small(AT_FDCWD, path, text, sizeof(text), &err) < 0)
		return 0;
	line = strstr(text, "VmHWM:");
	if (line)
		sscanf(line, "VmHWM: %llu", &kib);
	return kib;
}

/* Looks at one stop; returns the signal to go on with. */
static int take_stop(pid_t pid, int status, struct bench_trace *t)
{
	struct __ptrace_syscall_info info;
	int sig = WSTOPSIG(status), event = status >> 16;

	if (event == PTRACE_EVENT_EXEC)
		t->execs++;
	if (event == PTRACE_EVENT_EXIT) {
		uint64_t kib = peak_kib(pid);

		if (kib > t->rss_kib)
			t->rss_kib = kib;
	}
	if (sig == SYSCALL_STOP) {
		if (t->execs > 0 && ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
		    info.op == PTRACE_SYSCALL_INFO_ENTRY)
			t->calls++;
		return 0;
	}
	/* Not a signal of the program's: an event, or the stop with which a new child begins. */
	return event || sig == SIGSTOP || sig == SIGTRAP ? 0 : sig;
}

static int follow(struct bench_run *run, struct bench_trace *t, struct fl_err *err)
{
	bool ended = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (pid < 0)
			continue;
		if (!WIFSTOPPED(status)) {
			if (pid == run->pid) {
				run->status = status;
				ended = true;
			}
			continue;
		}
		ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)take_stop(pid, status, t));
	}
	return ended ? bench_check(run, err) : fl_fail(err, ECHILD, "lost the traced program");
}

int bench_exec_traced(struct bench_run *run, struct bench_trace *out, struct fl_err *err)
{
	struct bench_trace t = { 0 };
	int status, r;

	run->pid = fork();
	if (run->pid < 0)
		return fl_fail_errno(err, errno, "fork");
	if (run->pid == 0) {
		dup2(run->in, 0);
		dup2(run->out, 1);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execve(run->cmd->argv[0], run->cmd->argv, run->cmd->env);
		_exit(127);
	}
	if (waitpid(run->pid, &status, __WALL) < 0 || !WIFSTOPPED(status))
		return fl_fail_errno(err, errno, "trace '%s'", run->cmd->argv[0]);
	if (ptrace(PTRACE_SETOPTIONS, run->pid, NULL,
		   (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			    PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT |
			    PTRACE_O_EXITKILL)) < 0)
		return fl_fail_errno(err, errno, "trace '%s'", run->cmd->argv[0]);
	ptrace(PTRACE_SYSCALL, run->pid, NULL, NULL);
	r = follow(run, &t, err);
	if (r == 0)
		*out = t;
	return r;
}
