// SPDX-License-Identifier: Apache-2.0
/*
 * The host's ways to the routed pods, which the kernel drops when a pod's host interface goes down:
 * they are put back when it is up again, also by an agent that was not there meanwhile; and so are
 * routes to pods that somebody deletes. A route
 * that somebody else has made to a pod's address is never replaced.
 */
#pragma once

#include <uv.h>

#include "base/err.h"

struct podways;

/* Begins to listen to links, and looks soon. root is borrowed for life; *out is the caller's. */
fl_must int podways_open(uv_loop_t *loop, const char *root, struct podways **out,
			 struct fl_err *err);

/* Ends it; memory is freed on the loop's next turns. */
void podways_close(struct podways **p);

/* Looks at all pods now, and puts back what is missing. */
void podways_look(struct podways *p);
