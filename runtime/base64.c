// SPDX-License-Identifier: Apache-2.0
/* Base64. */
#include "runtime/base64.h"

#include <stdlib.h>
#include <string.h>

char *berth_base64(const void *data, size_t len)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *p = data;
	char *out = malloc((len + 2) / 3 * 4 + 1), *o = out;

	if (!out)
		return NULL;
	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t v = (uint32_t)p[i] << 16;

		v |= left > 1 ? (uint32_t)p[i + 1] << 8 : 0;
		v |= left > 2 ? p[i + 2] : 0;
		*o++ = digit[v >> 18];
		*o++ = digit[v >> 12 & 63];
		*o++ = left > 1 ? digit[v >> 6 & 63] : '=';
		*o++ = left > 2 ? digit[v & 63] : '=';
	}
	*o = '\0';
	return out;
}
