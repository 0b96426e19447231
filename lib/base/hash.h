// SPDX-License-Identifier: Apache-2.0
/*
 * SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, 2012): names derived from
 * keys, and unguessable-looking numbers derived from a seed. Not a signature of anything.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct fl_hash {
	uint64_t lo, hi;
};

/* The hash of len bytes under the 16-byte key (lo, hi as little-endian words). */
struct fl_hash fl_siphash(struct fl_hash key, const void *data, size_t len);

/*
 * A hash of n texts under a fixed key; each text is framed by its NUL, so ("ab","c") and
 * ("a","bc") differ. The same on every machine and in every version.
 */
struct fl_hash fl_hash_texts(const char *const *texts, size_t n);

/* Writes len characters of [a-v0-9], five bits each, and a NUL; len is at most 25. */
void fl_hash_name(struct fl_hash h, char *out, size_t len);
