// SPDX-License-Identifier: Apache-2.0
/* Base64 (RFC 4648), which libcni's cache has its configurations in. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* len bytes as padded base64 text; the caller frees. NULL: out of memory. */
char *berth_base64(const void *data, size_t len);
