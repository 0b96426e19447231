// SPDX-License-Identifier: Apache-2.0
/*
 * Ownership made visible: cleanup attributes for locals, and the two macros by which
 * ownership leaves a scope. Every destructor takes a pointer to the variable, accepts an
 * empty one, and leaves it empty.
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define fl_auto(fn) __attribute__((cleanup(fn)))
#define fl_must	    __attribute__((warn_unused_result))

#define fl_printf(fmt, first) __attribute__((format(printf, fmt, first)))

#define FL_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Gives the pointer away and leaves NULL behind. */
#define FL_TAKE(p)                                      \
	({                                              \
		__typeof__(p) *fl_take_p_ = &(p);       \
		__typeof__(p) fl_take_v_ = *fl_take_p_; \
		*fl_take_p_ = NULL;                     \
		fl_take_v_;                             \
	})

/* Gives the file descriptor away and leaves -1 behind. */
#define FL_TAKE_FD(fd)                        \
	({                                    \
		int *fl_take_p_ = &(fd);      \
		int fl_take_v_ = *fl_take_p_; \
		*fl_take_p_ = -1;             \
		fl_take_v_;                   \
	})

/* Says that a failure is knowingly ignored, as in an undo that has its own error to report. */
#define FL_IGNORE(call)     \
	do {                \
		if (call) { \
		}           \
	} while (0)

/* Frees *p, a pointer to anything malloc()ed, and sets it to NULL. */
static inline void fl_free_p(void *p)
{
	void **v = p;

	free(*v);
	*v = NULL;
}

/* Closes *fd unless it is negative, and sets it to -1. */
static inline void fl_close_p(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

#define fl_auto_free  fl_auto(fl_free_p)
#define fl_auto_close fl_auto(fl_close_p)
