// SPDX-License-Identifier: Apache-2.0
/*
 * The container's PID 1: sets the inside up, waits for its network, starts the command, reaps
 * what dies, passes signals on to the command, and ends with the command's status.
 *
 * It speaks with berth over one SOCK_SEQPACKET pair; a struct fl_err as a message says what
 * went wrong and ends the talk at any point.
 */
#pragma once

#include "runtime/rootfs.h"

enum berth_step {
	BERTH_READY = 'r', /* init: the inside is set up */
	BERTH_GO = 'g',	   /* berth: the networks are attached, start the command */
			   /* init: closes its end when the command is executed */
};

struct berth_inside {
	struct berth_rootfs rootfs;
	const char *hostname;
	char *const *argv; /* the command, NULL-terminated */
	char *const *env;  /* its environment */
	int log_fd;	   /* detached: becomes stdout and stderr; -1: stdio as berth's */
};

/* Runs as PID 1 of the new namespaces; sock is its end of the pair. Does not return. */
_Noreturn void berth_init(const struct berth_inside *in, int sock);

/* Sends one step. -EPIPE and the like: the other side is gone. */
fl_must int berth_step_send(int sock, enum berth_step step, struct fl_err *err);

/*
 * Receives the next message: 1 when it is want, 0 at the end of the talk, or the error that the
 * other side sent.
 */
fl_must int berth_step_recv(int sock, enum berth_step want, struct fl_err *err);
