// SPDX-License-Identifier: Apache-2.0
/*
 * Programs under the stop watch: prepared outside the timing, timed from before the fork to
 * after the wait, or followed call by call with ptrace.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>
#include <sys/types.h>

/* What to run; everything is borrowed. */
struct bench_cmd {
	char *const *argv;
	char *const *env;
	const char *input; /* stdin, at most 64 KiB; NULL: empty */
};

/* One run of a program. */
struct bench_run {
	const struct bench_cmd *cmd;
	pid_t pid;
	int in, out; /* its stdin's read end, and a memory file for its stdout */
	int64_t start_ns;
	double wall_ms; /* fork to exit as the waiting parent sees it */
	double cpu_ms;	/* user and system time, children that were waited for included */
	int status;	/* as of wait(2) */
};

/* What a program did, over its whole process tree. */
struct bench_trace {
	unsigned int calls; /* system calls after the first execve */
	unsigned int execs; /* programs executed, the first one included */
	uint64_t rss_kib;   /* peak resident set of the largest process */
};

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t bench_now_ns(void);

/* Makes stdin and stdout; nothing runs yet. *run is the caller's to close. */
fl_must int bench_prepare(const struct bench_cmd *cmd, struct bench_run *run, struct fl_err *err);

/* Starts the clock and the program. */
fl_must int bench_start(struct bench_run *run, struct fl_err *err);

/* Takes over what wait4(2) said about run->pid at the moment end_ns. */
struct rusage;
void bench_ended(struct bench_run *run, int64_t end_ns, int status, const struct rusage *use);

/* Start to end. A non-zero exit is -EPROTO and the text holds the program's stdout. */
fl_must int bench_exec(struct bench_run *run, struct fl_err *err);

/* As bench_exec(), but under ptrace and not timed. */
fl_must int bench_exec_traced(struct bench_run *run, struct bench_trace *out, struct fl_err *err);

/* The beginning of the program's stdout, NUL-terminated, in out. */
void bench_output(const struct bench_run *run, char *out, size_t size);

/* 0 when the program ended well, otherwise -EPROTO with its stdout. */
fl_must int bench_check(const struct bench_run *run, struct fl_err *err);

/* Closes the descriptors. Accepts a zeroed struct. */
void bench_close(struct bench_run *run);
#define bench_auto_run fl_auto(bench_close)
