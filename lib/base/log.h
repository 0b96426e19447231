// SPDX-License-Identifier: Apache-2.0
/*
 * The log: one line an event on stderr, "level: text" or one JSON object.
 * Control characters, and in JSON quotes and backslashes, are escaped here and nowhere else.
 * Library code logs at debug at most; a failure is returned or logged, never both.
 */
#pragma once

#include "base/cleanup.h"

enum fl_log_level { FL_LOG_ERROR, FL_LOG_WARN, FL_LOG_INFO, FL_LOG_DEBUG };
enum fl_log_form { FL_LOG_TEXT, FL_LOG_JSON };

/* Sets what is written, how, and to which descriptor (borrowed for life). Default: WARN, TEXT, 2.
 */
void fl_log_setup(enum fl_log_level level, enum fl_log_form form, int fd);

/* Writes one line if the level is not above the one set. Keeps errno. Cut at 1,024 bytes. */
void fl_log(enum fl_log_level level, const char *fmt, ...) fl_printf(2, 3);

#define fl_error(...) fl_log(FL_LOG_ERROR, __VA_ARGS__)
#define fl_warn(...)  fl_log(FL_LOG_WARN, __VA_ARGS__)
#define fl_info(...)  fl_log(FL_LOG_INFO, __VA_ARGS__)
#define fl_debug(...) fl_log(FL_LOG_DEBUG, __VA_ARGS__)
