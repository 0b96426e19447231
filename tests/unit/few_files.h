// SPDX-License-Identifier: Apache-2.0
/* A process that runs out of open files. */
#pragma once

#include "test.h"

#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The process may open so many files more than it has open, and its children as before. */
static inline void allow_files(rlim_t more)
{
	struct rlimit files = { 0 };
	fl_auto_close int next = dup(0);

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = more == RLIM_INFINITY ? files.rlim_max : (rlim_t)next + more;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
}
