// SPDX-License-Identifier: Apache-2.0
/*
 * BIRD's control socket: a command is a line, its answer lines of "CODE-text" or " text" that end
 * with one of "CODE text". After connecting BIRD answers once without being asked, and then once
 * for each command: nothing else says which answer is whose. What comes beside that is -EPROTO,
 * and the connection of no more use. Nothing here waits, but for bgp_ctl_ask().
 */
#pragma once

#include "base/deadline.h"

#include <stddef.h>
#include <sys/types.h>

#define BGP_ANSWER_MAX (8u << 20) /* bytes of one answer: 1,000 sessions take 2 MiB */

struct bgp_ctl {
	int fd; /* owned */
	char *buf;
	size_t len, size;
	bool owed; /* an answer is */
};

#define BGP_CTL_NONE                  \
	(struct bgp_ctl)              \
	{                             \
		.fd = -1, .buf = NULL \
	}

/* Closes it. */
void bgp_ctl_close(struct bgp_ctl *c);
#define bgp_auto_ctl fl_auto(bgp_ctl_close)

/*
 * Connects to the socket at path. pid is who listens there; -1: unknown. -ENOENT, -ECONNREFUSED:
 * nobody; -EAGAIN: so many wait already that BIRD must be hanging.
 */
fl_must int bgp_ctl_open(const char *path, struct bgp_ctl *c, pid_t *pid, struct fl_err *err);

/* Sends a command, without its newline. -EPROTO: BIRD has said something before it. */
fl_must int bgp_ctl_send(struct bgp_ctl *c, const char *command, struct fl_err *err);

/*
 * Takes what has arrived. 1: a whole answer is there, in *answer, which the caller frees; 0: not
 * yet; -EPIPE: BIRD has hung up; -EFBIG: the answer is longer than BGP_ANSWER_MAX; -EPROTO: nobody
 * has asked for it.
 */
fl_must int bgp_ctl_take(struct bgp_ctl *c, char **answer, struct fl_err *err);

/*
 * Waits for an answer until the deadline, -ETIMEDOUT; sends the command first, unless it is NULL.
 * An answer that says that the command was not done is -EINVAL with BIRD's words.
 */
fl_must int bgp_ctl_ask(struct bgp_ctl *c, const char *command, const struct fl_deadline *d,
			char **answer, struct fl_err *err);
