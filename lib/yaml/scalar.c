// SPDX-License-Identifier: Apache-2.0
/* Scalars: null, booleans, numbers, texts. */
#include "yaml/scalar.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "base/text.h"

#define CORE "tag:yaml.org,2002:"

static const struct {
	const char *text;
	enum fl_json_type type;
	bool b;
	double real;
} words[] = {
	{ "y", FL_JSON_BOOL, true },
	{ "Y", FL_JSON_BOOL, true },
	{ "yes", FL_JSON_BOOL, true },
	{ "Yes", FL_JSON_BOOL, true },
	{ "YES", FL_JSON_BOOL, true },
	{ "true", FL_JSON_BOOL, true },
	{ "True", FL_JSON_BOOL, true },
	{ "TRUE", FL_JSON_BOOL, true },
	{ "on", FL_JSON_BOOL, true },
	{ "On", FL_JSON_BOOL, true },
	{ "ON", FL_JSON_BOOL, true },
	{ "n", FL_JSON_BOOL },
	{ "N", FL_JSON_BOOL },
	{ "no", FL_JSON_BOOL },
	{ "No", FL_JSON_BOOL },
	{ "NO", FL_JSON_BOOL },
	{ "false", FL_JSON_BOOL },
	{ "False", FL_JSON_BOOL },
	{ "FALSE", FL_JSON_BOOL },
	{ "off", FL_JSON_BOOL },
	{ "Off", FL_JSON_BOOL },
	{ "OFF", FL_JSON_BOOL },
	{ "", FL_JSON_NULL },
	{ "~", FL_JSON_NULL },
	{ "null", FL_JSON_NULL },
	{ "Null", FL_JSON_NULL },
	{ "NULL", FL_JSON_NULL },
	{ ".nan", FL_JSON_REAL, .real = NAN },
	{ ".NaN", FL_JSON_REAL, .real = NAN },
	{ ".NAN", FL_JSON_REAL, .real = NAN },
	{ ".inf", FL_JSON_REAL, .real = INFINITY },
	{ ".Inf", FL_JSON_REAL, .real = INFINITY },
	{ ".INF", FL_JSON_REAL, .real = INFINITY },
	{ "+.inf", FL_JSON_REAL, .real = INFINITY },
	{ "+.Inf", FL_JSON_REAL, .real = INFINITY },
	{ "+.INF", FL_JSON_REAL, .real = INFINITY },
	{ "-.inf", FL_JSON_REAL, .real = -INFINITY },
	{ "-.Inf", FL_JSON_REAL, .real = -INFINITY },
	{ "-.INF", FL_JSON_REAL, .real = -INFINITY },
};

static bool is_word(const char *text, struct fl_yaml_scalar *out)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(words); i++) {
		if (strcmp(text, words[i].text) != 0)
			continue;
		out->type = words[i].type;
		out->b = words[i].b;
		out->real = words[i].real;
		return true;
	}
	return false;
}

/* The base that a prefix says, which is skipped; a leading 0 alone says 8. */
static unsigned int take_base(const char **p)
{
	const char *s = *p;

	if (s[0] != '0' || !s[1])
		return 10;
	if (s[2] && strchr("xXoObB", s[1])) {
		*p += 2;
		return (s[1] | 0x20) == 'x' ? 16 : (s[1] | 0x20) == 'o' ? 8 : 2;
	}
	/* 08 and 09 are no octal numbers, and then read as decimal ones. */
	return s[1 + strspn(s + 1, "01234567")] ? 10 : 8;
}

static unsigned int digit_value(char c)
{
	return c >= '0' && c <= '9'	    ? (unsigned int)(c - '0')
	       : isxdigit((unsigned char)c) ? (unsigned int)(c | 0x20) - 'a' + 10
					    : UINT32_MAX;
}

static bool is_integer(const char *text, struct fl_yaml_scalar *out)
{
	bool negative = *text == '-', fits = true;
	const char *p = text + (*text == '-' || *text == '+');
	unsigned int base = take_base(&p);
	uint64_t n = 0, limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
	double big = 0;

	if (!*p)
		return false;
	for (; *p; p++) {
		unsigned int digit = digit_value(*p);

		if (digit >= base)
			return false;
		big = big * base + digit;
		fits = fits && n <= (limit - digit) / base;
		n = n * base + digit;
	}
	if (!fits && base == 10)
		return false;
	out->type = fits ? FL_JSON_INT : FL_JSON_REAL;
	out->n = negative ? (int64_t)-n : (int64_t)n;
	out->real = negative ? -big : big;
	return fits || isfinite(big);
}

/* Sign, digits with or without a point, exponent; at least one digit in each; not too large. */
static bool is_real(const char *text, struct fl_yaml_scalar *out)
{
	static const char digits[] = "0123456789";
	const char *p = text + (*text == '-' || *text == '+');
	size_t before = strspn(p, digits), after = 0;

	p += before;
	if (*p == '.') {
		after = strspn(p + 1, digits);
		p += 1 + after;
	}
	if (before + after == 0)
		return false;
	if (*p == 'e' || *p == 'E') {
		p += p[1] == '-' || p[1] == '+' ? 2 : 1;
		after = strspn(p, digits);
		if (after == 0)
			return false;
		p += after;
	}
	if (*p)
		return false;
	out->type = FL_JSON_REAL;
	out->real = strtod(text, NULL);
	return isfinite(out->real);
}

/* What a text stands for that is neither quoted nor tagged. */
static void resolve_plain(const char *text, struct fl_yaml_scalar *out)
{
	char number[FL_YAML_NUMBER_MAX + 1];
	size_t n = 0;

	if (is_word(text, out))
		return;
	out->merge = strcmp(text, "<<") == 0;
	if (*text && strchr("+-.0123456789", *text) && strlen(text) < sizeof(number)) {
		/* 1_000 is 1000; behind a leading point they stay, and make a text of it. */
		for (const char *p = text; *p; p++) {
			if (*p != '_' || *text == '.')
				number[n++] = *p;
		}
		number[n] = '\0';
		if ((*text != '.' && is_integer(number, out)) || is_real(number, out))
			return;
	}
	out->type = FL_JSON_STRING;
}

int fl_yaml_resolve(const char *text, bool plain, const char *tag, struct fl_yaml_scalar *out,
		    struct fl_err *err)
{
	static const struct {
		const char *tag;
		enum fl_json_type type;
	} core[] = {
		{ CORE "str", FL_JSON_STRING }, { CORE "null", FL_JSON_NULL },
		{ CORE "bool", FL_JSON_BOOL },	{ CORE "int", FL_JSON_INT },
		{ CORE "float", FL_JSON_REAL }, { CORE "timestamp", FL_JSON_STRING },
	};
	struct fl_yaml_scalar s = { .type = FL_JSON_STRING };

	if (plain || tag)
		resolve_plain(text, &s);
	*out = s;
	if (!tag || (s.merge && strcmp(tag, CORE "merge") == 0))
		return 0;
	for (size_t i = 0; i < FL_ARRAY_LEN(core); i++) {
		if (strcmp(tag, core[i].tag) != 0)
			continue;
		if (core[i].type == FL_JSON_STRING)
			*out = (struct fl_yaml_scalar){ .type = FL_JSON_STRING };
		else if (core[i].type == FL_JSON_REAL && s.type == FL_JSON_INT)
			out->type = FL_JSON_REAL;
		else if (core[i].type != s.type)
			return fl_fail(err, EINVAL, "'%.64s' is not what its tag !!%s says", text,
				       tag + strlen(CORE));
		return 0;
	}
	return fl_fail(err, EINVAL, "tag '%.64s' is not supported", tag);
}

/* The fewest digits that still give the same single-precision number: Go's rule for keys. */
const char *fl_yaml_real_key(double real, char out[FL_YAML_REAL_STR])
{
	int precision = 0, exponent;

	if (isnan(real) || isinf(real)) {
		(void)snprintf(out, FL_YAML_REAL_STR, "%s.%s", !isnan(real) && real < 0 ? "-" : "",
			       isnan(real) ? "nan" : "inf");
		return out;
	}
	do
		(void)snprintf(out, FL_YAML_REAL_STR, "%.*e", precision, real);
	while (strtof(out, NULL) != (float)real && ++precision < 9);
	exponent = (int)strtol(strchr(out, 'e') + 1, NULL, 10);
	if (exponent >= -4 && exponent < 6)
		(void)snprintf(out, FL_YAML_REAL_STR, "%.*f",
			       precision > exponent ? precision - exponent : 0, real);
	return out;
}
