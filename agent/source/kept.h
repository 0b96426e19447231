// SPDX-License-Identifier: Apache-2.0
/*
 * Copies of the manifests, of the same names, so that an agent that starts knows what a file has
 * said that is wrong now: the text of those that nothing is wrong with, and of the others a text of
 * the objects that are in force. A copy that cannot be written is warned of, and what is kept then
 * is older or nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct src_kept {
	int dir; /* -1: nothing is kept */
};

#define SRC_KEPT_NONE ((struct src_kept){ .dir = -1 })

/* Opens the folder of the copies, made if need be. */
fl_must int src_kept_open(const char *path, struct src_kept *out, struct fl_err *err);
void src_kept_close(struct src_kept *k);

/* The copy; *text is the caller's. -ENOENT: there is none. As fl_read_file() fails. */
fl_must int src_kept_read(const struct src_kept *k, const char *name, char **text, size_t *len,
			  struct fl_err *err);

/* Keeps this text, unless it is kept already. */
void src_kept_write(const struct src_kept *k, const char *name, const char *text, size_t len);

/* Removes the copy of a file that has gone. */
void src_kept_drop(const struct src_kept *k, const char *name);

/* Removes all copies of files that has() does not know. */
void src_kept_sweep(const struct src_kept *k, bool (*has)(const char *name, const void *arg),
		    const void *arg);
