// SPDX-License-Identifier: Apache-2.0
/* Paths of network namespaces as cnitool treats them, and the container id it makes of one. */
#pragma once

#include <limits.h>

#include "base/err.h"

#define BERTH_DEFAULT_ID 32 /* "cnitool-", 20 hexadecimal digits, NUL */

/* path made absolute and free of ".", ".." and double slashes, by its text alone. */
fl_must int berth_netns_path(const char *path, char out[PATH_MAX], struct fl_err *err);

/* "cnitool-" and the first ten bytes of the SHA-512 of the path, in hexadecimal. */
void berth_default_id(const char *netns, char out[BERTH_DEFAULT_ID]);
