// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a command and interferes at its N-th system call, counted over the whole process tree:
 *
 *	fault [-o FILE] [-t SECONDS] count       -- CMD...	how many calls there are
 *	fault [-o FILE] [-t SECONDS] list        -- CMD...	and which
 *	fault [-o FILE] [-t SECONDS] kill  N     -- CMD...	SIGKILL for the whole tree
 *	fault [-o FILE] [-t SECONDS] error N ERR -- CMD...	the call fails, ERR as in ENOSPC
 *
 * With -f only the calls of the first process count, not those of its children.
 *
 * Counting starts after the execve() of the command. The command keeps stdin, stdout and
 * stderr; what happened goes to FILE (default: stderr), one line each:
 *
 *	call N NAME PID PHASE	(list) PHASE is "start" for the C library's own calls, then "main"
 *	count N			calls seen
 *	injected N NAME PHASE	the fault happened
 *	passed N NAME PHASE	error: this call cannot be failed, it was left alone
 *	missed N		there are fewer calls
 *	timeout			the command outlived its SECONDS (default 20) and was killed
 *	exit STATUS | signal NUMBER	how the command itself ended
 *
 * Exit status: 0 counted or injected, 3 missed, 4 timeout, 5 passed, 125 our own failure.
 *
 * The kill comes at the entry of a call, before the kernel does anything of it. In a tree with
 * one running process the state there is the one right after the call before it, so killing at
 * every entry covers both sides of every call; the side after the last one is the exit itself.
 * With several running processes the order may vary from run to run, and N is a place in it.
 *
 * A call that is to fail is not executed: its number is replaced by an invalid one at entry,
 * and its result at exit. brk() reports refusal by returning the old break; there the argument
 * is replaced by 0, which is the kernel's way to say the same. close() is executed and then
 * fails, since Linux gives the descriptor free whatever it answers. Left alone are calls that
 * cannot fail: the end of a process, of a thread, of a signal handler.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

#ifndef __x86_64__
#error "fault sets registers by their x86-64 names"
#endif

#define TRACE_OPTIONS                                                                             \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
	 PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

#define MAX_TASKS 256 /* threads and processes at one time; a plugin has one to thirty */

enum mode { MODE_COUNT, MODE_LIST, MODE_KILL, MODE_ERROR };

enum exit_status { DONE = 0, MISSED = 3, TIMEOUT = 4, PASSED = 5, BROKEN = 125 };

struct task {
	pid_t pid;		      /* 0: free */
	bool failing;		      /* it is in the call that is to fail */
	struct user_regs_struct regs; /* at the entry of that call */
};

struct fault {
	enum mode mode;
	bool first_only;
	long at;     /* N of kill and error */
	int error;   /* errno to inject */
	long seen;   /* calls so far */
	bool inited; /* the first process has left the C library's start-up */
	bool hit, passed;
	bool doomed; /* everything that still shows up is to be killed */
	pid_t first;
	int first_status; /* wait status of the first process */
	struct task tasks[MAX_TASKS];
	FILE *out;
};

static volatile sig_atomic_t timed_out;

static const struct {
	long nr;
	const char *name;
} call_names[] = {
#define CALL(name)                \
	{                         \
		SYS_##name, #name \
	}
	CALL(read),
	CALL(write),
	CALL(open),
	CALL(close),
	CALL(stat),
	CALL(fstat),
	CALL(lstat),
	CALL(poll),
	CALL(ppoll),
	CALL(lseek),
	CALL(mmap),
	CALL(mprotect),
	CALL(munmap),
	CALL(brk),
	CALL(mremap),
	CALL(madvise),
	CALL(ioctl),
	CALL(pread64),
	CALL(pwrite64),
	CALL(readv),
	CALL(writev),
	CALL(access),
	CALL(faccessat),
	CALL(faccessat2),
	CALL(pipe),
	CALL(pipe2),
	CALL(dup),
	CALL(dup2),
	CALL(dup3),
	CALL(nanosleep),
	CALL(getpid),
	CALL(gettid),
	CALL(socket),
	CALL(connect),
	CALL(sendto),
	CALL(recvfrom),
	CALL(sendmsg),
	CALL(recvmsg),
	CALL(sendmmsg),
	CALL(recvmmsg),
	CALL(bind),
	CALL(listen),
	CALL(getsockname),
	CALL(getpeername),
	CALL(setsockopt),
	CALL(getsockopt),
	CALL(socketpair),
	CALL(clone),
	CALL(clone3),
	CALL(fork),
	CALL(vfork),
	CALL(execve),
	CALL(execveat),
	CALL(exit),
	CALL(exit_group),
	CALL(wait4),
	CALL(waitid),
	CALL(kill),
	CALL(tgkill),
	CALL(uname),
	CALL(fcntl),
	CALL(flock),
	CALL(fsync),
	CALL(fdatasync),
	CALL(truncate),
	CALL(ftruncate),
	CALL(getdents64),
	CALL(getcwd),
	CALL(chdir),
	CALL(fchdir),
	CALL(rename),
	CALL(renameat),
	CALL(renameat2),
	CALL(mkdir),
	CALL(mkdirat),
	CALL(rmdir),
	CALL(link),
	CALL(linkat),
	CALL(unlink),
	CALL(unlinkat),
	CALL(symlink),
	CALL(symlinkat),
	CALL(readlink),
	CALL(readlinkat),
	CALL(chmod),
	CALL(fchmod),
	CALL(fchmodat),
	CALL(umask),
	CALL(getuid),
	CALL(geteuid),
	CALL(getgid),
	CALL(getegid),
	CALL(prctl),
	CALL(arch_prctl),
	CALL(prlimit64),
	CALL(getrlimit),
	CALL(setrlimit),
	CALL(statfs),
	CALL(fstatfs),
	CALL(newfstatat),
	CALL(statx),
	CALL(mount),
	CALL(umount2),
	CALL(setns),
	CALL(unshare),
	CALL(openat),
	CALL(openat2),
	CALL(futex),
	CALL(getrandom),
	CALL(rseq),
	CALL(sysinfo),
	CALL(sigaltstack),
	CALL(rt_sigaction),
	CALL(rt_sigprocmask),
	CALL(rt_sigreturn),
	CALL(sched_yield),
	CALL(sched_getaffinity),
	CALL(set_tid_address),
	CALL(set_robust_list),
	CALL(clock_gettime),
	CALL(clock_nanosleep),
	CALL(epoll_create1),
	CALL(epoll_ctl),
	CALL(epoll_wait),
	CALL(epoll_pwait),
	CALL(eventfd2),
	CALL(timerfd_create),
	CALL(timerfd_settime),
	CALL(memfd_create),
	CALL(utimensat),
	CALL(pidfd_open),
	CALL(close_range),
	CALL(restart_syscall),
#undef CALL
};

static const struct {
	int error;
	const char *name;
} error_names[] = {
	{ EPROTONOSUPPORT, "EPROTONOSUPPORT" },
	{ ENOSPC, "ENOSPC" },
	{ EIO, "EIO" },
	{ ENOMEM, "ENOMEM" },
	{ EBUSY, "EBUSY" },
	{ EINTR, "EINTR" },
	{ EAGAIN, "EAGAIN" },
	{ EPERM, "EPERM" },
	{ EACCES, "EACCES" },
	{ EMFILE, "EMFILE" },
	{ EROFS, "EROFS" },
	{ ENOBUFS, "ENOBUFS" },
};

/* What glibc calls before main(), in a static and in a dynamic program. */
static bool is_startup_call(uint64_t nr)
{
	static const long calls[] = {
		SYS_brk,       SYS_arch_prctl, SYS_set_tid_address, SYS_set_robust_list,
		SYS_rseq,      SYS_prlimit64,  SYS_readlink,	    SYS_readlinkat,
		SYS_getrandom, SYS_mprotect,   SYS_access,	    SYS_mmap,
		SYS_munmap,    SYS_pread64,
	};

	for (size_t i = 0; i < FL_ARRAY_LEN(calls); i++) {
		if ((uint64_t)calls[i] == nr)
			return true;
	}
	return false;
}

static bool cannot_fail(uint64_t nr)
{
	return nr == SYS_exit || nr == SYS_exit_group || nr == SYS_rt_sigreturn ||
	       nr == SYS_restart_syscall;
}

static const char *call_name(uint64_t nr)
{
	static char number[32];

	for (size_t i = 0; i < FL_ARRAY_LEN(call_names); i++) {
		if ((uint64_t)call_names[i].nr == nr)
			return call_names[i].name;
	}
	snprintf(number, sizeof(number), "call_%llu", (unsigned long long)nr);
	return number;
}

static fl_printf(1, 2) _Noreturn void die(const char *fmt, ...)
{
	va_list ap;

	fputs("fault: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(BROKEN);
}

static void on_alarm(int sig)
{
	(void)sig;
	timed_out = 1;
}

/* The task of this pid, made when new; there is always room or an end. */
static struct task *task_of(struct fault *f, pid_t pid)
{
	struct task *room = NULL;

	for (size_t i = 0; i < MAX_TASKS; i++) {
		if (f->tasks[i].pid == pid)
			return &f->tasks[i];
		if (!room && f->tasks[i].pid == 0)
			room = &f->tasks[i];
	}
	if (!room)
		die("more than %d tasks at one time", MAX_TASKS);
	*room = (struct task){ .pid = pid };
	return room;
}

/* The whole tree at one blow: no task runs on between the kills that could notice one. */
static void kill_tree(struct fault *f)
{
	f->doomed = true;
	for (size_t i = 0; i < MAX_TASKS; i++) {
		if (f->tasks[i].pid > 0)
			kill(f->tasks[i].pid, SIGKILL);
	}
}

/* Replaces the call that is being entered by one that changes nothing. */
static void cancel_call(struct task *t, uint64_t nr)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, t->pid, NULL, &t->regs) < 0)
		return;
	regs = t->regs;
	if (nr == SYS_brk)
		regs.rdi = 0;
	else if (nr != SYS_close)
		regs.orig_rax = (unsigned long long)-1;
	t->failing = ptrace(PTRACE_SETREGS, t->pid, NULL, &regs) == 0;
}

/*
 * The result of a call that was replaced. Its arguments come back too: a program relies on it
 * that a call leaves the registers alone.
 */
static void fail_call(const struct fault *f, struct task *t)
{
	struct user_regs_struct regs;
	bool is_brk = t->regs.orig_rax == SYS_brk;

	t->failing = false;
	if (ptrace(PTRACE_GETREGS, t->pid, NULL, &regs) < 0)
		return;
	regs.rdi = t->regs.rdi;
	if (!is_brk)
		regs.rax = (unsigned long long)-f->error;
	ptrace(PTRACE_SETREGS, t->pid, NULL, &regs);
}

static void enter_call(struct fault *f, struct task *t, uint64_t nr)
{
	const char *phase;

	if (f->first_only && t->pid != f->first)
		return;
	f->seen++;
	if (!f->inited && !is_startup_call(nr))
		f->inited = true;
	phase = f->inited ? "main" : "start";
	if (f->mode == MODE_LIST)
		fprintf(f->out, "call %ld %s %d %s\n", f->seen, call_name(nr), t->pid, phase);
	if (f->seen != f->at)
		return;
	if (f->mode == MODE_ERROR && cannot_fail(nr)) {
		f->passed = true;
		fprintf(f->out, "passed %ld %s %s\n", f->seen, call_name(nr), phase);
		return;
	}
	f->hit = true;
	fprintf(f->out, "injected %ld %s %s\n", f->seen, call_name(nr), phase);
	if (f->mode == MODE_KILL)
		kill_tree(f);
	else
		cancel_call(t, nr);
}

/* A task has stopped: serves the stop. Returns the signal to go on with. */
static int serve_stop(struct fault *f, struct task *t, int status)
{
	struct __ptrace_syscall_info info = { 0 };
	int sig = WSTOPSIG(status);

	if (sig == (SIGTRAP | 0x80)) {
		if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, sizeof(info), &info) < 0)
			return 0;
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			enter_call(f, t, info.entry.nr);
		else if (info.op == PTRACE_SYSCALL_INFO_EXIT && t->failing)
			fail_call(f, t);
		return 0;
	}
	/* Events, and the stop by which a new task begins, are ours and not the command's. */
	if (sig == SIGTRAP || sig == SIGSTOP)
		return 0;
	return sig;
}

/* Runs until every task has ended. */
static void trace(struct fault *f)
{
	int status;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, &status, __WALL);
		if (timed_out)
			kill_tree(f);
		if (pid < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		if (WIFSTOPPED(status)) {
			int sig;

			if (f->doomed) {
				/* Born while its parent was killed. */
				kill(pid, SIGKILL);
				continue;
			}
			sig = serve_stop(f, task_of(f, pid), status);
			ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)sig);
			continue;
		}
		task_of(f, pid)->pid = 0;
		if (pid == f->first)
			f->first_status = status;
	}
}

/* Starts the command, stopped right after its execve(). */
static void start(struct fault *f, char **argv)
{
	int status;

	f->first = fork();
	if (f->first < 0)
		die("fork: %s", strerror(errno));
	if (f->first == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execvp(argv[0], argv);
		fprintf(stderr, "fault: execute '%s': %s\n", argv[0], strerror(errno));
		_exit(BROKEN);
	}
	task_of(f, f->first);
	if (waitpid(f->first, &status, 0) < 0 || !WIFSTOPPED(status))
		die("'%s' did not start", argv[0]);
	if (ptrace(PTRACE_SETOPTIONS, f->first, NULL, (void *)(intptr_t)TRACE_OPTIONS) < 0)
		die("ptrace: %s", strerror(errno));
	ptrace(PTRACE_CONT, f->first, NULL, NULL);
	if (waitpid(f->first, &status, 0) < 0 || !WIFSTOPPED(status))
		exit(BROKEN); /* execvp() has said why */
	/*
	 * This is the exec event; the exit of execve() itself is still to come and is no entry,
	 * so it is not counted.
	 */
	ptrace(PTRACE_SYSCALL, f->first, NULL, NULL);
}

static int report(const struct fault *f)
{
	if (timed_out)
		fputs("timeout\n", f->out);
	else if (f->mode == MODE_COUNT || f->mode == MODE_LIST)
		fprintf(f->out, "count %ld\n", f->seen);
	else if (!f->hit && !f->passed)
		fprintf(f->out, "missed %ld\n", f->at);
	if (WIFSIGNALED(f->first_status))
		fprintf(f->out, "signal %d\n", WTERMSIG(f->first_status));
	else
		fprintf(f->out, "exit %d\n", WEXITSTATUS(f->first_status));
	if (fflush(f->out) != 0)
		die("write the report: %s", strerror(errno));
	if (timed_out)
		return TIMEOUT;
	if (f->mode == MODE_COUNT || f->mode == MODE_LIST || f->hit)
		return DONE;
	return f->passed ? PASSED : MISSED;
}

static long number_arg(const char *text, long max)
{
	char *end;
	long n = strtol(text ? text : "", &end, 10);

	if (!text || end == text || *end || n < 1 || n > max)
		die("'%s' is not a number from 1 to %ld", text ? text : "", max);
	return n;
}

static int error_arg(const char *text)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(error_names); i++) {
		if (text && strcmp(error_names[i].name, text) == 0)
			return error_names[i].error;
	}
	die("'%s' is not the name of an error known here", text ? text : "");
}

/* Reads the command line into *f; returns the index of the command. */
static int arguments(struct fault *f, int argc, char **argv, unsigned *seconds)
{
	static const char *const modes[] = { "count", "list", "kill", "error" };
	int opt, i, mode = -1;

	while ((opt = getopt(argc, argv, "+fo:t:")) != -1) {
		if (opt == 'o')
			f->out = fopen(optarg, "we");
		else if (opt == 'f')
			f->first_only = true;
		else if (opt == 't')
			*seconds = (unsigned)number_arg(optarg, 3600);
		else
			exit(BROKEN);
		if (!f->out)
			die("open '%s': %s", optarg, strerror(errno));
	}
	i = optind;
	for (int m = 0; i < argc && m < (int)FL_ARRAY_LEN(modes); m++) {
		if (strcmp(argv[i], modes[m]) == 0)
			mode = m;
	}
	if (mode < 0)
		die("expected count, list, kill N or error N ERR");
	f->mode = (enum mode)mode;
	i++;
	if (f->mode == MODE_KILL || f->mode == MODE_ERROR)
		f->at = number_arg(argv[i++], 1000000);
	if (f->mode == MODE_ERROR)
		f->error = error_arg(argv[i++]);
	if (i + 1 >= argc || strcmp(argv[i], "--") != 0)
		die("expected -- and a command");
	return i + 1;
}

int main(int argc, char **argv)
{
	struct sigaction alarm_action = {
		.sa_handler = on_alarm
	}; /* no SA_RESTART: wakes waitpid */
	struct fault f = { .out = stderr };
	unsigned seconds = 20;
	int cmd = arguments(&f, argc, argv, &seconds);

	sigaction(SIGALRM, &alarm_action, NULL);
	start(&f, argv + cmd);
	alarm(seconds);
	trace(&f);
	return report(&f);
}
