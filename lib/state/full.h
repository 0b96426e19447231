// SPDX-License-Identifier: Apache-2.0
/*
 * What there is no more room for, from the agent to the plugins, whose STATUS says so:
 * ROOT/run/fairlead/full, one line of text. It is there as long as something is full, and outlives
 * the agent; /run is emptied by a boot.
 */
#pragma once

#include "base/err.h"

#define FL_FULL_SIZE 512 /* longer texts are cut off */

/* Says what is full, by replacing; text "": nothing is, and the file goes. */
fl_must int fl_full_write(const char *root, const char *text, struct fl_err *err);

/* What is full: 1, or 0 when nothing is. */
fl_must int fl_full_read(const char *root, char out[FL_FULL_SIZE], struct fl_err *err);
