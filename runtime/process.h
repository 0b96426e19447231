// SPDX-License-Identifier: Apache-2.0
/*
 * Processes: told apart by their start time, so that a recycled pid is never signalled;
 * started as a container's command; waited for with signals passed on.
 */
#pragma once

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* The start time of a process in clock ticks after boot. -ESRCH: none, or only its zombie. */
fl_must int berth_start_time(pid_t pid, uint64_t *out, struct fl_err *err);

/* A pidfd of the process that has this pid and start time, the caller's. -ESRCH: gone. */
fl_must int berth_process_open(pid_t pid, uint64_t start_time, int *pidfd, struct fl_err *err);

/*
 * Ends the process: SIGTERM and grace_ms of patience (0: none), then SIGKILL. Returns when it
 * is dead. -ETIMEDOUT: not even then, within five seconds.
 */
fl_must int berth_process_end(int pidfd, int grace_ms, struct fl_err *err);

/* Blocks the signals that berth passes on to the command it runs, and SIGCHLD. */
void berth_hold_signals(void);

/* -EINTR when a signal to stop has come since berth_hold_signals(). */
fl_must int berth_interrupted(struct fl_err *err);

/*
 * Waits for our child, passing signals on to it. Returns its exit status, 128 + n when signal
 * n killed it. Takes the terminal back.
 */
int berth_wait_child(pid_t pid);

/*
 * Becomes the command: default signals, its own process group, which gets the terminal if
 * stdin is one, no descriptors above 2, folder "/". Returns only with an error, code 126 or 127.
 */
int berth_become(char *const *argv, char *const *env, struct fl_err *err);

/* What waitpid(2) said as an exit status: 128 + n for signal n. */
int berth_exit_status(int status);
