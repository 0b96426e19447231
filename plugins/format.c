// SPDX-License-Identifier: Apache-2.0
/*
 * vsnprintf(3) for what names, paths and messages are made of; compiled only when the plugins are
 * linked with musl, whose own sets up a stream for each text, and takes ten times as long. Linked
 * with --wrap=vsnprintf, so that musl's other functions and the libraries come here, too. Takes
 * %s, %c, %d, %u, %x and %%, with a width, zeros before a number, a precision of a text, and the
 * lengths l, ll, z; a format that holds anything else is left to musl as a whole.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_MAX 24 /* bytes: 2^64 in decimal has 20 */

int __wrap_vsnprintf(char *out, size_t size, const char *fmt, va_list ap);
int __real_vsnprintf(char *out, size_t size, const char *fmt, va_list ap);

/* Formats that are not literals are what this function is for. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

struct text {
	char *out;
	size_t size, len; /* len: as if there were room for all of it */
};

/* What stands between '%' and the letter. */
struct spec {
	bool zeros;
	unsigned int width, longs; /* longs: how many l; a size_t has one */
	int precision;		   /* -1: none */
};

static void put(struct text *t, const char *bytes, size_t n)
{
	size_t room = t->len < t->size ? t->size - t->len : 0;

	if (room > 0)
		memcpy(t->out + t->len, bytes, n < room ? n : room);
	t->len += n;
}

static void pad(struct text *t, char with, size_t have, size_t width)
{
	for (; have < width; have++)
		put(t, &with, 1);
}

static void put_number(struct text *t, const struct spec *s, uint64_t n, unsigned int base,
		       bool minus)
{
	char digits[NUMBER_MAX], *at = digits + sizeof(digits);
	size_t len;

	do
		*--at = "0123456789abcdef"[n % base];
	while (n /= base);
	len = (size_t)(digits + sizeof(digits) - at) + minus;
	if (!s->zeros)
		pad(t, ' ', len, s->width);
	if (minus)
		put(t, "-", 1);
	if (s->zeros)
		pad(t, '0', len, s->width);
	put(t, at, len - minus);
}

static void put_string(struct text *t, const struct spec *s, const char *text)
{
	size_t len = s->precision < 0 ? strlen(text) : strnlen(text, (size_t)s->precision);

	pad(t, ' ', len, s->width);
	put(t, text, len);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *read_count(const char *p, unsigned int *out)
{
	for (; is_digit(*p) && *out < 10000; p++)
		*out = 10 * *out + (unsigned int)(*p - '0');
	return p;
}

/* What is at p, behind the '%', up to the letter. va_list's of a caller go by pointer. */
static const char *read_spec(const char *p, struct spec *s, va_list *ap)
{
	unsigned int precision = 0;

	*s = (struct spec){ .precision = -1, .zeros = *p == '0' };
	p = read_count(p, &s->width);
	if (p[0] == '.' && p[1] == '*') {
		s->precision = va_arg(*ap, int);
		p += 2;
	} else if (p[0] == '.') {
		p = read_count(p + 1, &precision);
		s->precision = (int)precision;
	}
	for (; *p == 'l' || *p == 'z'; p++)
		s->longs++;
	return p;
}

static uint64_t next_unsigned(const struct spec *s, va_list *ap)
{
	if (s->longs > 1)
		return va_arg(*ap, unsigned long long);
	return s->longs ? va_arg(*ap, unsigned long) : va_arg(*ap, unsigned int);
}

static int64_t next_signed(const struct spec *s, va_list *ap)
{
	if (s->longs > 1)
		return va_arg(*ap, long long);
	return s->longs ? va_arg(*ap, long) : va_arg(*ap, int);
}

static bool put_signed(struct text *t, const struct spec *s, va_list *ap)
{
	int64_t n = next_signed(s, ap);

	put_number(t, s, n < 0 ? 0 - (uint64_t)n : (uint64_t)n, 10, n < 0);
	return true;
}

/* False: this is for musl. */
static bool put_one(struct text *t, char letter, const struct spec *s, va_list *ap)
{
	bool plain = !s->zeros && !s->longs, number = s->precision < 0;
	const char *text;
	char c;

	if (letter == 'd' && number)
		return put_signed(t, s, ap);
	if ((letter == 'u' || letter == 'x') && number) {
		put_number(t, s, next_unsigned(s, ap), letter == 'u' ? 10 : 16, false);
		return true;
	}
	if (letter == 's' && plain) {
		text = va_arg(*ap, const char *);
		if (text)
			put_string(t, s, text);
		return text != NULL;
	}
	if ((letter != 'c' && letter != '%') || !plain || !number || s->width)
		return false;
	c = letter == 'c' ? (char)va_arg(*ap, int) : '%';
	put(t, &c, 1);
	return true;
}

static bool format(struct text *t, const char *fmt, va_list *ap)
{
	struct spec s;

	for (;;) {
		const char *percent = strchr(fmt, '%');

		put(t, fmt, percent ? (size_t)(percent - fmt) : strlen(fmt));
		if (!percent)
			return t->len <= INT_MAX;
		fmt = read_spec(percent + 1, &s, ap);
		if (!put_one(t, *fmt++, &s, ap))
			return false;
	}
}

int __wrap_vsnprintf(char *out, size_t size, const char *fmt, va_list ap)
{
	struct text t = { .out = out, .size = size };
	va_list again;
	bool done;

	va_copy(again, ap);
	done = format(&t, fmt, &again);
	va_end(again);
	if (!done)
		return __real_vsnprintf(out, size, fmt, ap);
	if (size > 0)
		out[t.len < size ? t.len : size - 1] = '\0';
	return (int)t.len;
}
