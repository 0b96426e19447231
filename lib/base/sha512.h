// SPDX-License-Identifier: Apache-2.0
/* SHA-512 (FIPS 180-4), for names that others derive by it. Not for secrets. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FL_SHA512_LEN 64 /* bytes */

/* The digest of several pieces one after the other. */
void fl_sha512(const char *const *texts, size_t n, uint8_t out[FL_SHA512_LEN]);
