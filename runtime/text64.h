// SPDX-License-Identifier: Apache-2.0
/* Two encodings that libcni's formats need: base64 (RFC 4648) and SHA-512 (FIPS 180-4). Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BERTH_SHA512_LEN 64

/* len bytes as padded base64 text; the caller frees. NULL: out of memory. */
char *berth_base64(const void *data, size_t len);

/* The SHA-512 digest of len bytes. */
void berth_sha512(const void *data, size_t len, uint8_t out[BERTH_SHA512_LEN]);
