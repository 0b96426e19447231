// SPDX-License-Identifier: Apache-2.0
/* Names and labels as the API server checks them. The C library's ctype would ask the locale. */
#include "agent/policy/valid.h"

#include <stddef.h>
#include <string.h>

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z');
}

/* At most max bytes of letters, digits and the others; the first and the last no others. */
static bool is_word(const char *text, size_t len, size_t max, const char *others)
{
	if (len == 0 || len > max || !is_alnum(text[0]) || !is_alnum(text[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(text[i]) && !strchr(others, text[i]))
			return false;
	return true;
}

static bool has_upper(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] >= 'A' && text[i] <= 'Z')
			return true;
	return false;
}

/* Labels of RFC 1123 joined by dots. */
static bool is_subdomain(const char *text, size_t len)
{
	size_t from = 0;

	if (len == 0 || len > 253 || has_upper(text, len))
		return false;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && text[i] != '.')
			continue;
		if (!is_word(text + from, i - from, 253, "-"))
			return false;
		from = i + 1;
	}
	return true;
}

bool pol_valid_label_key(const char *text)
{
	const char *slash = strchr(text, '/');
	const char *name = slash ? slash + 1 : text;

	if (slash && !is_subdomain(text, (size_t)(slash - text)))
		return false;
	return is_word(name, strlen(name), 63, "-_.");
}

bool pol_valid_label_value(const char *text)
{
	return !*text || is_word(text, strlen(text), 63, "-_.");
}

bool pol_valid_port_name(const char *text)
{
	size_t len = strlen(text);
	bool letter = false;

	if (!is_word(text, len, 15, "-") || has_upper(text, len) || strstr(text, "--"))
		return false;
	for (size_t i = 0; i < len; i++)
		letter |= is_lower(text[i]);
	return letter;
}

bool pol_valid_dns_label(const char *text)
{
	size_t len = strlen(text);

	return is_word(text, len, 63, "-") && !has_upper(text, len);
}

bool pol_valid_dns_subdomain(const char *text)
{
	return is_subdomain(text, strlen(text));
}
