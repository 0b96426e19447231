// SPDX-License-Identifier: Apache-2.0
/*
 * One deadline for a whole verb. A deadline is a point of CLOCK_MONOTONIC in milliseconds;
 * every wait takes what is left of it.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct fl_deadline {
	int64_t at_ms; /* CLOCK_MONOTONIC */
};

/* now + ms. */
struct fl_deadline fl_deadline_in(int64_t ms);

/* Milliseconds left, at least 0, at most INT_MAX: fit for poll(2). */
int fl_deadline_left(const struct fl_deadline *d);

/* Locks fd with flock(2), waiting at most until the deadline: then -ETIMEDOUT. No polling. */
fl_must int fl_flock(int fd, int operation, const struct fl_deadline *d, struct fl_err *err);
