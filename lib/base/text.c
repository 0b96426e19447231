// SPDX-License-Identifier: Apache-2.0
/* Checked text operations. */
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

bool fl_streq(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	return strcmp(a, b) == 0;
}

int fl_format(char *out, size_t size, struct fl_err *err, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(out, size, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < size)
		return 0;
	fl_fail(err, ENAMETOOLONG, "'%.64s...' is longer than %zu bytes", out, size - 1);
	out[0] = '\0';
	return -ENAMETOOLONG;
}

int fl_copy(char *out, size_t size, const char *src, struct fl_err *err)
{
	size_t n = strlen(src);

	if (n >= size)
		return fl_fail(err, ENAMETOOLONG, "'%.64s...' is longer than %zu bytes", src,
			       size - 1);
	memcpy(out, src, n + 1);
	return 0;
}

int fl_parse_u32(const char *text, uint32_t min, uint32_t max, uint32_t *out, struct fl_err *err)
{
	uint64_t v = 0;

	if (!*text || strlen(text) > 10)
		goto bad;
	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9')
			goto bad;
		v = v * 10 + (uint64_t)(*p - '0');
	}
	if (v < min || v > max)
		goto bad;
	*out = (uint32_t)v;
	return 0;
bad:
	return fl_fail(err, EINVAL, "'%.64s' is not a number from %u to %u", text, min, max);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int fl_check_subdomain(const char *name, struct fl_err *err)
{
	static const char inner[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	const char *p = name;
	bool ok = strlen(name) <= 253;

	for (; ok; p++) {
		size_t n = strspn(p, inner);

		ok = n > 0 && p[0] != '-' && p[n - 1] != '-' && (!p[n] || p[n] == '.');
		p += n;
		if (!*p)
			break;
	}
	if (ok)
		return 0;
	return fl_fail(err, EINVAL,
		       "'%.64s' is not a name of at most 253 lower-case letters, digits, '-' and "
		       "'.' (RFC 1123)",
		       name);
}

int fl_mac_parse(const char *text, uint8_t out[FL_MAC_LEN], struct fl_err *err)
{
	uint8_t mac[FL_MAC_LEN];
	bool ok = strlen(text) == FL_MAC_STR - 1 && (text[2] == ':' || text[2] == '-');

	for (int i = 0; ok && i < FL_MAC_LEN; i++) {
		int hi = hex_digit(text[3 * i]), lo = hex_digit(text[3 * i + 1]);

		ok = hi >= 0 && lo >= 0 && (i == FL_MAC_LEN - 1 || text[3 * i + 2] == text[2]);
		if (ok)
			mac[i] = (uint8_t)(hi << 4 | lo);
	}
	if (!ok)
		return fl_fail(err, EINVAL, "'%.64s' is not a MAC address like 02:00:5e:10:00:01",
			       text);
	memcpy(out, mac, sizeof(mac));
	return 0;
}

void fl_mac_format(const uint8_t mac[FL_MAC_LEN], char out[FL_MAC_STR])
{
	(void)snprintf(out, FL_MAC_STR, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		       mac[3], mac[4], mac[5]);
}

#define WORD_MAX 32 /* longer than every key */

/* How many letters must be put in, taken out or exchanged to make one word of the other. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], n = strlen(b);

	if (strcasecmp(a, b) == 0)
		return 0;
	if (strlen(a) > WORD_MAX || n > WORD_MAX)
		return SIZE_MAX;
	for (size_t k = 0; k <= n; k++)
		row[k] = k;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t k = 0; k < n; k++) {
			size_t best = diagonal + (a[i] != b[k]);

			diagonal = row[k + 1];
			if (best > row[k] + 1)
				best = row[k] + 1;
			if (best > diagonal + 1)
				best = diagonal + 1;
			row[k + 1] = best;
		}
	}
	return row[n];
}

bool fl_is_misspelt(const char *word, const char *candidate, size_t *least)
{
	size_t far = distance(word, candidate);

	/* Two letters of a short word are another word. */
	if (far >= *least || 2 * far >= strlen(word))
		return false;
	*least = far;
	return true;
}
