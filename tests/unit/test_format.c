// SPDX-License-Identifier: Apache-2.0
/* The plugins' own vsnprintf(3), compared with the C library's. Needs nothing. */
#include "test.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

int format_vsnprintf(char *out, size_t size, const char *fmt, va_list ap);
static int format_real(char *out, size_t size, const char *fmt, va_list ap);

#define __wrap_vsnprintf format_vsnprintf
#define __real_vsnprintf format_real
#include "plugins/format.c"

static unsigned int left; /* texts that were left to the C library */

static int format_real(char *out, size_t size, const char *fmt, va_list ap)
{
	left++;
	return vsnprintf(out, size, fmt, ap);
}

#define ROOM 100

/* In as much room as there may be, from none on; whether it was left must not hang on that. */
static void compare(bool is_left, const char *fmt, ...) fl_printf(2, 3);

static void compare(bool is_left, const char *fmt, ...)
{
	char want[ROOM], have[ROOM];

	for (size_t size = 0; size <= ROOM; size++) {
		va_list a, b;
		int n, m;

		memset(want, '#', sizeof(want));
		memset(have, '#', sizeof(have));
		left = 0;
		va_start(a, fmt);
		va_start(b, fmt);
		n = vsnprintf(want, size, fmt, a);
		m = format_vsnprintf(have, size, fmt, b);
		va_end(a);
		va_end(b);
		CHECK(n == m);
		CHECK(left == is_left);
		assert_memory_equal(want, have, sizeof(want));
	}
}

static void texts_are_as_those_of_the_c_library(void **state)
{
	(void)state;
	compare(false, "plain");
	compare(false, "100%% of '%s'", "");
	compare(false, "%s-%s%s", "abc", "", "a longer text that does not end so soon");
	compare(false, "%.3s|%.0s|%.*s|%.*s|%.64s", "abcdef", "x", 2, "xyz", -1, "all", "short");
	compare(false, "%8s|%2s|%8.2s", "right", "wide", "cut");
	compare(false, "%c%c", 'a', 0x7f);
}

static void numbers_are_as_those_of_the_c_library(void **state)
{
	(void)state;
	compare(false, "%u %u %u", 0u, 10u, UINT_MAX);
	compare(false, "%d %d %d", 0, -1, INT_MIN);
	compare(false, "%x %02x %02x %x", 0u, 7u, 0xabu, UINT_MAX);
	compare(false, "%5d|%05d|%05d|%2d", -42, -42, 42, 12345);
	compare(false, "%lu %ld %llx %lld", ULONG_MAX, LONG_MIN, ULLONG_MAX, LLONG_MIN);
	compare(false, "%zu %06zu %20u", SIZE_MAX, (size_t)12, 1u);
}

static void what_it_does_not_know_is_left_to_the_c_library_whole(void **state)
{
	(void)state;
	compare(true, "%s %-5s|", "first", "left");
	compare(true, "%d %+d", 1, 2);
	compare(true, "%.3d %#x", 7, 255u);
	compare(true, "%u %.17g %s", 1u, 0.1, "behind");
	compare(true, "%p", (void *)0x1234);
	compare(true, "%hhu%5c", (unsigned char)200, 'x');
	compare(true, "%*d", 5, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_as_those_of_the_c_library),
		cmocka_unit_test(numbers_are_as_those_of_the_c_library),
		cmocka_unit_test(what_it_does_not_know_is_left_to_the_c_library_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
