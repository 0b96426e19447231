// SPDX-License-Identifier: Apache-2.0
/*
 * A strict reader of Prometheus' text format 0.0.4, for what our agent writes: each family has one
 * HELP, then one TYPE, then its samples, once; a counter's name ends in "_total" and no other's
 * does; no series comes twice; escapes are the three that exist; UTF-8; no blank lines, no
 * comments, no timestamps. Written from the format's description, not from our writer.
 */
#pragma once

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROM_NAMES_MAX	1024
#define PROM_SERIES_MAX 4096
#define PROM_NAME_SIZE	128

struct prom {
	const char *at, *end;
	unsigned int line;
	char why[200]; /* "" as long as all is well */
	char family[PROM_NAME_SIZE];
	bool has_type, is_counter;
	size_t n_names, n_series, n_samples;
	char names[PROM_NAMES_MAX][PROM_NAME_SIZE];
	struct {
		const char *text;
		size_t len;
	} series[PROM_SERIES_MAX]; /* of this family */
};

static bool prom_bad(struct prom *p, const char *why)
{
	if (!*p->why)
		(void)snprintf(p->why, sizeof(p->why), "line %u: %s", p->line, why);
	return false;
}

static bool prom_take(struct prom *p, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(p->end - p->at) < n || memcmp(p->at, text, n) != 0)
		return false;
	p->at += n;
	return true;
}

static bool prom_name(struct prom *p, bool colons, char out[PROM_NAME_SIZE])
{
	size_t n = 0;

	while (p->at < p->end && n < PROM_NAME_SIZE - 1 &&
	       (isalpha((unsigned char)*p->at) || *p->at == '_' || (colons && *p->at == ':') ||
		(n && isdigit((unsigned char)*p->at))))
		out[n++] = *p->at++;
	out[n] = '\0';
	return n > 0 || prom_bad(p, "expected a name");
}

/* One character of a text, an escape or a UTF-8 sequence. */
static bool prom_char(struct prom *p, const char *escapes)
{
	unsigned char c = (unsigned char)*p->at++;
	int more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;

	if (c == '\\') {
		if (p->at == p->end || !strchr(escapes, *p->at))
			return prom_bad(p, "no such escape");
		p->at++;
		return true;
	}
	if ((c >= 0x80 && c < 0xc2) || c > 0xf4)
		return prom_bad(p, "not UTF-8");
	for (; more > 0; more--, p->at++)
		if (p->at == p->end || ((unsigned char)*p->at & 0xc0) != 0x80)
			return prom_bad(p, "not UTF-8");
	return true;
}

static bool prom_help(struct prom *p)
{
	if (p->n_names && !p->n_series)
		return prom_bad(p, "the family before has no sample");
	if (!prom_name(p, true, p->family) || !prom_take(p, " "))
		return prom_bad(p, "malformed HELP");
	if (*p->at == '\n')
		return prom_bad(p, "HELP says nothing");
	for (size_t i = 0; i < p->n_names; i++)
		if (strcmp(p->names[i], p->family) == 0)
			return prom_bad(p, "a family comes twice");
	if (p->n_names == PROM_NAMES_MAX)
		return prom_bad(p, "more families than this reader holds");
	strcpy(p->names[p->n_names++], p->family);
	p->has_type = false;
	p->n_series = 0;
	while (p->at < p->end && *p->at != '\n')
		if (!prom_char(p, "\\n"))
			return false;
	return true;
}

static bool prom_type(struct prom *p)
{
	char name[PROM_NAME_SIZE];
	size_t n;

	if (!prom_name(p, true, name) || strcmp(name, p->family) != 0 || p->has_type)
		return prom_bad(p, "TYPE without its HELP before it");
	n = strlen(name);
	p->is_counter = prom_take(p, " counter");
	if (!p->is_counter && !prom_take(p, " gauge"))
		return prom_bad(p, "neither counter nor gauge");
	if (p->is_counter != (n > 6 && strcmp(name + n - 6, "_total") == 0))
		return prom_bad(p, "counters' names end in _total, and no others");
	p->has_type = true;
	return true;
}

static bool prom_label(struct prom *p, const char *from)
{
	char name[PROM_NAME_SIZE], with[PROM_NAME_SIZE + 2];
	const char *twin;

	if (!prom_name(p, false, name) || strncmp(name, "__", 2) == 0 || !prom_take(p, "=\""))
		return prom_bad(p, "malformed label");
	for (int first = 1; first >= 0; first--) {
		(void)snprintf(with, sizeof(with), "%c%s=", first ? '{' : ',', name);
		twin = memmem(from, (size_t)(p->at - from) - strlen(name) - 2, with, strlen(with));
		if (twin)
			return prom_bad(p, "a label comes twice");
	}
	while (p->at < p->end && *p->at != '"')
		if (*p->at == '\n' || !prom_char(p, "\\n\""))
			return prom_bad(p, "malformed value of a label");
	return prom_take(p, "\"") || prom_bad(p, "a label's value does not end");
}

static bool prom_value(struct prom *p)
{
	static const char numeric[] = "0123456789+-.e";
	char text[40];
	size_t n = 0;
	char *end;
	double v;

	if (!prom_take(p, " "))
		return prom_bad(p, "expected a blank and a value");
	if (prom_take(p, "NaN") || prom_take(p, "+Inf") || prom_take(p, "-Inf"))
		return !p->is_counter || prom_bad(p, "a counter that is no number");
	while (p->at < p->end && n < sizeof(text) - 1 && *p->at && strchr(numeric, *p->at))
		text[n++] = *p->at++;
	text[n] = '\0';
	v = strtod(text, &end);
	if (!n || *end)
		return prom_bad(p, "malformed number");
	return !p->is_counter || v >= 0 || prom_bad(p, "a counter below zero");
}

static bool prom_sample(struct prom *p)
{
	const char *from = p->at;
	char name[PROM_NAME_SIZE];

	if (!prom_name(p, true, name) || strcmp(name, p->family) != 0 || !p->has_type)
		return prom_bad(p, "a sample outside its family");
	if (prom_take(p, "{")) {
		do
			if (!prom_label(p, from))
				return false;
		while (prom_take(p, ","));
		if (!prom_take(p, "}"))
			return prom_bad(p, "labels do not end");
	}
	for (size_t i = 0; i < p->n_series; i++)
		if (p->series[i].len == (size_t)(p->at - from) &&
		    memcmp(p->series[i].text, from, p->series[i].len) == 0)
			return prom_bad(p, "a series comes twice");
	if (p->n_series == PROM_SERIES_MAX)
		return prom_bad(p, "more series than this reader holds");
	p->series[p->n_series].text = from;
	p->series[p->n_series++].len = (size_t)(p->at - from);
	p->n_samples++;
	return prom_value(p);
}

/* Reads all of it; returns p->why, which is "" when the text is well-formed. */
static inline const char *prom_read(struct prom *p, const char *text, size_t len)
{
	bool ok = true;

	memset(p, 0, sizeof(*p));
	p->at = text;
	p->end = text + len;
	while (ok && p->at < p->end) {
		p->line++;
		if (prom_take(p, "# HELP "))
			ok = prom_help(p);
		else if (prom_take(p, "# TYPE "))
			ok = prom_type(p);
		else
			ok = prom_sample(p);
		if (ok && !prom_take(p, "\n"))
			ok = prom_bad(p, "something behind the line's end");
	}
	if (ok && p->n_names && !p->n_series)
		(void)prom_bad(p, "the last family has no sample");
	return p->why;
}
