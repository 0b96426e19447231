// SPDX-License-Identifier: Apache-2.0
/*
 * What every unit test includes: cmocka, and checks that print an error's text.
 * A test's name is a sentence: subject, condition, outcome.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"

/* The call must return 0; otherwise its error's text is printed. */
#define CHECK_OK(call, err)                                                            \
	do {                                                                           \
		int check_r_ = (call);                                                 \
		if (check_r_ != 0)                                                     \
			fail_msg("%s: returned %d: %s", #call, check_r_, (err)->text); \
	} while (0)

/* The call must fail with -errno sys, and its text must contain part. */
#define CHECK_FAILS(call, sysno, err, part)                                                      \
	do {                                                                                     \
		int check_r_ = (call);                                                           \
		if (check_r_ != -(sysno))                                                        \
			fail_msg("%s: returned %d, expected %d (%s)", #call, check_r_, -(sysno), \
				 (err)->text);                                                   \
		if (!strstr((err)->text, part))                                                  \
			fail_msg("%s: '%s' lacks '%s'", #call, (err)->text, part);               \
	} while (0)

#define CHECK(cond)                                      \
	do {                                             \
		if (!(cond))                             \
			fail_msg("not true: %s", #cond); \
	} while (0)

/* Skips the test for want of a kernel feature, which the text names; nothing else is a reason. */
#define SKIP_KERNEL(feature)                                   \
	do {                                                   \
		print_message("# SKIP kernel: %s\n", feature); \
		skip();                                        \
	} while (0)
