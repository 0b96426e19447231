// SPDX-License-Identifier: Apache-2.0
/*
 * UTF-8 as JSON wants it. Environment variables may hold any bytes; what is to be printed in
 * a JSON document may not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the well-formed sequence that text begins with, 1 to 4; 0: it begins with none. */
size_t fl_utf8_step(const char *text);

/* True when the whole text is well-formed. */
bool fl_utf8_ok(const char *text);
