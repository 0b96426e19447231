// SPDX-License-Identifier: Apache-2.0
/* SipHash-2-4, 128-bit variant. */
#include "base/hash.h"

#include <endian.h>
#include <string.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static void rounds(struct state *s, int n)
{
	while (n-- > 0) {
		s->v0 += s->v1;
		s->v1 = rotl(s->v1, 13) ^ s->v0;
		s->v0 = rotl(s->v0, 32);
		s->v2 += s->v3;
		s->v3 = rotl(s->v3, 16) ^ s->v2;
		s->v0 += s->v3;
		s->v3 = rotl(s->v3, 21) ^ s->v0;
		s->v2 += s->v1;
		s->v1 = rotl(s->v1, 17) ^ s->v2;
		s->v2 = rotl(s->v2, 32);
	}
}

static void absorb(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	rounds(s, 2);
	s->v0 ^= word;
}

struct fl_hash fl_siphash(struct fl_hash key, const void *data, size_t len)
{
	struct state s = {
		key.lo ^ 0x736f6d6570736575u,
		key.hi ^ 0x646f72616e646f6du ^ 0xee,
		key.lo ^ 0x6c7967656e657261u,
		key.hi ^ 0x7465646279746573u,
	};
	const uint8_t *p = data;
	struct fl_hash out;
	uint64_t word = 0;

	for (size_t left = len; left >= 8; left -= 8, p += 8) {
		memcpy(&word, p, 8);
		absorb(&s, le64toh(word));
	}
	word = 0;
	memcpy(&word, p, len % 8);
	absorb(&s, le64toh(word) | (uint64_t)len << 56);
	s.v2 ^= 0xee;
	rounds(&s, 4);
	out.lo = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
	s.v1 ^= 0xdd;
	rounds(&s, 4);
	out.hi = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
	return out;
}

struct fl_hash fl_hash_texts(const char *const *texts, size_t n)
{
	/* "fairlead-names-1": never changes, the names of live interfaces hang on it. */
	struct fl_hash h = { 0x6461656c72696166u, 0x312d73656d616e2du };

	for (size_t i = 0; i < n; i++)
		h = fl_siphash(h, texts[i], strlen(texts[i]) + 1);
	return h;
}

void fl_hash_name(struct fl_hash h, char *out, size_t len)
{
	unsigned __int128 bits = (unsigned __int128)h.hi << 64 | h.lo;

	for (size_t i = 0; i < len; i++, bits >>= 5)
		out[i] = "abcdefghijklmnopqrstuv0123456789"[bits & 31];
	out[len] = '\0';
}
