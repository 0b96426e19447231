// SPDX-License-Identifier: Apache-2.0
/* lib/base/hash.c against the published SipHash-2-4-128 vectors. Needs nothing. */
#include "base/hash.h"

#include "test.h"

#include <endian.h>
#include <string.h>

/* Key 00 01 .. 0f, input 00 01 .. (len - 1): the reference implementation's own table. */
static const struct {
	size_t len;
	const char *hex;
} vector[] = {
	{ 0, "a3817f04ba25a8e66df67214c7550293" },  { 1, "da87c1d86b99af44347659119b22fc45" },
	{ 2, "8177228da4a45dc7fca38bdef60affe4" },  { 7, "a1f1ebbed8dbc153c0b84aa61ff08239" },
	{ 8, "3b62a9ba6258f5610f83e264f31497b4" },  { 9, "264499060ad9baabc47f8b02bb6d71ed" },
	{ 15, "5493e99933b0a8117e08ec0f97cfc3d9" }, { 16, "6ee2a4ca67b054bbfd3315bf85230577" },
	{ 31, "2939b0183223fafc1723de4f52c43d35" }, { 63, "5150d1772f50834a503e069a973fbd7c" },
};

static void siphash_gives_the_published_vectors(void **state)
{
	struct fl_hash key;
	uint8_t in[64];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)i;
	memcpy(&key.lo, in, 8);
	memcpy(&key.hi, in + 8, 8);
	key = (struct fl_hash){ le64toh(key.lo), le64toh(key.hi) };
	for (size_t i = 0; i < FL_ARRAY_LEN(vector); i++) {
		struct fl_hash h = fl_siphash(key, in, vector[i].len);
		uint64_t lo = htole64(h.lo), hi = htole64(h.hi);
		uint8_t out[16];
		char hex[33];

		memcpy(out, &lo, 8);
		memcpy(out + 8, &hi, 8);
		for (int b = 0; b < 16; b++)
			(void)snprintf(hex + 2 * b, 3, "%02x", out[b]);
		assert_string_equal(hex, vector[i].hex);
	}
}

static void texts_are_framed_so_that_moving_a_letter_changes_the_hash(void **state)
{
	struct fl_hash a = fl_hash_texts((const char *const[]){ "ab", "c" }, 2);
	struct fl_hash b = fl_hash_texts((const char *const[]){ "a", "bc" }, 2);
	struct fl_hash c = fl_hash_texts((const char *const[]){ "abc" }, 1);
	struct fl_hash again = fl_hash_texts((const char *const[]){ "ab", "c" }, 2);

	(void)state;
	CHECK(memcmp(&a, &again, sizeof(a)) == 0);
	CHECK(memcmp(&a, &b, sizeof(a)) != 0);
	CHECK(memcmp(&a, &c, sizeof(a)) != 0);
}

static void names_of_live_interfaces_never_change(void **state)
{
	struct fl_hash h = fl_hash_texts((const char *const[]){ "pods", "c1", "eth0" }, 3);
	char name[26];

	(void)state;
	fl_hash_name(h, name, 25);
	assert_string_equal(name, "jsnrfkbhmspe4et5lscq0a4il");
}

static void hash_names_take_five_bits_a_letter(void **state)
{
	char name[26];

	(void)state;
	fl_hash_name((struct fl_hash){ 0, 0 }, name, 25);
	assert_string_equal(name, "aaaaaaaaaaaaaaaaaaaaaaaaa");
	fl_hash_name((struct fl_hash){ UINT64_MAX, UINT64_MAX }, name, 11);
	assert_string_equal(name, "99999999999");
	fl_hash_name((struct fl_hash){ 1 | 31 << 5, 0 }, name, 3);
	assert_string_equal(name, "b9a");
	fl_hash_name((struct fl_hash){ 0, 0 }, name, 0);
	assert_string_equal(name, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_gives_the_published_vectors),
		cmocka_unit_test(texts_are_framed_so_that_moving_a_letter_changes_the_hash),
		cmocka_unit_test(names_of_live_interfaces_never_change),
		cmocka_unit_test(hash_names_take_five_bits_a_letter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
