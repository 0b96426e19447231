// SPDX-License-Identifier: Apache-2.0
/* lib/base/sha512.c: digests of known texts, whatever the pieces. Needs nothing. */
#include "base/sha512.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

/* The first 16 bytes of n letters "a"; by coreutils' sha512sum. */
static const struct {
	size_t n;
	const char *digest;
} letters[] = {
	{ 0, "cf83e1357eefb8bdf1542850d66d8007" },   { 1, "1f40fc92da241694750979ee6cf582f2" },
	{ 111, "fa9121c7b32b9e01733d034cfc78cbf6" }, { 112, "c01d080efd492776a1c43bd23dd99d0a" },
	{ 127, "828613968b501dc00a97e08c73b118aa" }, { 128, "b73d1929aa615934e61a871596b3f3b3" },
	{ 256, "6a9169eb662f136d87374070e8828b3e" }, { 1000, "67ba5535a46e3f86dbfbed8cbbaf0125" },
};

static void begins(const uint8_t digest[FL_SHA512_LEN], const char *want)
{
	char text[33];

	for (size_t i = 0; i < 16; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
	assert_string_equal(text, want);
}

static void texts_around_the_length_of_a_block_have_their_digests(void **state)
{
	uint8_t digest[FL_SHA512_LEN];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(letters); i++) {
		char text[1001] = "";

		memset(text, 'a', letters[i].n);
		fl_sha512((const char *[]){ text }, 1, digest);
		begins(digest, letters[i].digest);
	}
}

static void pieces_are_one_text(void **state)
{
	uint8_t digest[FL_SHA512_LEN];

	(void)state;
	fl_sha512((const char *[]){ "a", "", "bc" }, 3, digest);
	begins(digest, "ddaf35a193617abacc417349ae204131");
	assert_int_equal(digest[63], 0x9f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_around_the_length_of_a_block_have_their_digests),
		cmocka_unit_test(pieces_are_one_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
