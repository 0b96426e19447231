// SPDX-License-Identifier: Apache-2.0
/* Well-formed byte sequences of the Unicode standard, table 3-7. */
#include "base/utf8.h"

#include <stdint.h>

size_t fl_utf8_step(const char *text)
{
	const uint8_t *p = (const uint8_t *)text;
	uint8_t low = 0x80, high = 0xbf;
	size_t more;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	more = p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 : 3;
	if (p[0] == 0xe0)
		low = 0xa0; /* below: a shorter form exists */
	else if (p[0] == 0xed)
		high = 0x9f; /* above: surrogates */
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f; /* above: past U+10FFFF */
	for (size_t i = 1; i <= more; i++, low = 0x80, high = 0xbf)
		if (p[i] < low || p[i] > high)
			return 0;
	return more + 1;
}

bool fl_utf8_ok(const char *text)
{
	for (size_t n; *text; text += n) {
		n = fl_utf8_step(text);
		if (n == 0)
			return false;
	}
	return true;
}
