// SPDX-License-Identifier: Apache-2.0
/*
 * The error value: one struct on the caller's stack that travels up and is printed once.
 * It is never NULL, holds no memory, is copied by assignment and fits one pipe write.
 * Functions that make an error return a negative errno, so that a caller may write
 * "return fl_fail(err, EINVAL, ...)". Text longer than the buffer loses its innermost tail.
 */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

struct fl_err {
	int code; /* CNI or exit code, set where its meaning is known; 0 = not yet */
	int sys;  /* errno, positive; 0 = no error */
	/* Where in a tree (struct fl_json) it lies, see lib/json/cur.h; NULL = in none */
	const void *in;
	size_t child;
	char text[512]; /* "outer: inner", one line */
};

/* Our own judgement: sets sys and the text, clears the rest. Returns -sys. */
int fl_fail(struct fl_err *err, int sys, const char *fmt, ...) fl_printf(3, 4);

/* A failed call: as fl_fail(), with ": " and the system's sentence for sys appended. */
int fl_fail_errno(struct fl_err *err, int sys, const char *fmt, ...) fl_printf(3, 4);

/* Puts "fmt: " before the text, naming what the caller knows and the callee did not. Returns r. */
int fl_wrap(struct fl_err *err, int r, const char *fmt, ...) fl_printf(3, 4);

/* Sets the code unless a deeper place has set one. Returns r. */
int fl_class(struct fl_err *err, int r, int code);
