// SPDX-License-Identifier: Apache-2.0
/*
 * Running one foreign plugin to its end: a document in, a document out, a deadline.
 * Knows nothing of what the documents say.
 */
#pragma once

#include "base/deadline.h"

#define FL_CNI_ANSWER_MAX (4u << 20) /* bytes of a plugin's stdout */

struct fl_cni_exec {
	const char *path;    /* of the executable, which also is its argv[0] */
	const char *command; /* CNI_COMMAND for it; the rest of the environment is ours */
	char *const *env;    /* instead of both, a whole environment; NULL: none */
	int keep_fd;	     /* a descriptor above 2 that it inherits, a lock say; 0: none */
	const char *input;
	size_t input_len;
	struct fl_deadline deadline;
};

/*
 * Runs it, with no signal blocked. *answer is its stdout, NUL-terminated, the caller's to free;
 * *status as from waitpid(2). Its stderr is ours. It need not read its input. At the deadline it
 * and its children (its process group) are killed: -ETIMEDOUT. -EFBIG: answer too long; killed as
 * well. What it leaves running with its stdout open is not waited for.
 */
fl_must int fl_cni_exec(const struct fl_cni_exec *what, char **answer, int *status,
			struct fl_err *err);
