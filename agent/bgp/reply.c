// SPDX-License-Identifier: Apache-2.0
/* The parser of BIRD's answers. */
#include "agent/bgp/reply.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define CODE_LEN 4
#define ROWS_MAX 65536

/* True when the line begins with four digits. */
static bool has_code(const char *line, size_t len)
{
	if (len <= CODE_LEN)
		return false;
	for (size_t i = 0; i < CODE_LEN; i++) {
		if (line[i] < '0' || line[i] > '9')
			return false;
	}
	return true;
}

size_t bgp_reply_length(const char *text, size_t len)
{
	const char *line = text, *end = text + len, *newline;

	while (line < end && (newline = memchr(line, '\n', (size_t)(end - line)))) {
		if (has_code(line, (size_t)(newline - line)) && line[CODE_LEN] == ' ')
			return (size_t)(newline + 1 - text);
		line = newline + 1;
	}
	return 0;
}

/* A line of an answer without its code: borrowed, of len bytes. */
struct line {
	const char *text;
	size_t len;
	char kind; /* first digit of the code; ' ' when the line has none */
	char code[CODE_LEN + 1];
};

/* Steps to the next line: false at the end. */
static bool next_line(const char **at, struct line *out)
{
	const char *line = *at, *newline = strchrnul(line, '\n');
	size_t len = (size_t)(newline - line);

	if (!*line)
		return false;
	*at = *newline ? newline + 1 : newline;
	*out = (struct line){ .text = line, .len = len, .kind = ' ' };
	if (has_code(line, len)) {
		memcpy(out->code, line, CODE_LEN);
		out->kind = line[0];
		out->text += CODE_LEN + 1;
		out->len -= CODE_LEN + 1;
	} else if (len && line[0] == ' ') {
		out->text++;
		out->len--;
	}
	return true;
}

int bgp_reply_check(const char *answer, struct fl_err *err)
{
	struct line line;

	while (next_line(&answer, &line)) {
		if (line.kind == '8' || line.kind == '9')
			return fl_fail(err, EINVAL, "bird says: %.*s", (int)line.len, line.text);
	}
	return 0;
}

void bgp_rows_done(struct bgp_rows *r)
{
	fl_free_p(&r->rows);
	r->n = 0;
}

const struct bgp_row *bgp_rows_find(const struct bgp_rows *rows, const char *symbol)
{
	for (size_t i = 0; i < rows->n; i++) {
		if (fl_streq(rows->rows[i].symbol, symbol))
			return &rows->rows[i];
	}
	return NULL;
}

/* The next word, cut to what out holds; "" at the line's end. */
static void take_word(struct line *line, char *out, size_t size)
{
	size_t n = 0;

	while (line->len && isspace((unsigned char)*line->text)) {
		line->text++;
		line->len--;
	}
	while (line->len && !isspace((unsigned char)*line->text)) {
		if (n + 1 < size)
			out[n++] = *line->text;
		line->text++;
		line->len--;
	}
	out[n] = '\0';
}

/* What stands after "  KEY:" and blanks, to the line's end; false when the line has another key. */
static bool take_value(const struct line *line, const char *key, char *out, size_t size)
{
	const char *c = line->text, *end = line->text + line->len;
	size_t n = strlen(key);

	while (c < end && *c == ' ')
		c++;
	if ((size_t)(end - c) < n + 1 || strncmp(c, key, n) != 0 || c[n] != ':')
		return false;
	c += n + 1;
	while (c < end && isspace((unsigned char)*c))
		c++;
	while (end > c && isspace((unsigned char)end[-1]))
		end--;
	n = (size_t)(end - c) < size ? (size_t)(end - c) : size - 1;
	memcpy(out, c, n);
	out[n] = '\0';
	return true;
}

/* A number of at most 20 digits; 0 for anything else. */
static uint64_t read_number(const char *text)
{
	uint64_t n = 0;

	for (size_t i = 0; text[i]; i++) {
		if (text[i] < '0' || text[i] > '9' || i >= 18)
			return 0;
		n = n * 10 + (uint64_t)(text[i] - '0');
	}
	return n;
}

static uint32_t count_before(const char *text, const char *what)
{
	const char *at = strstr(text, what), *c = at;
	uint32_t n = 0;
	char digits[11] = "";
	struct fl_err err;

	while (c && c > text && c[-1] >= '0' && c[-1] <= '9')
		c--;
	if (!c || c == at || at - c >= (int)sizeof(digits))
		return 0;
	memcpy(digits, c, (size_t)(at - c));
	FL_IGNORE(fl_parse_u32(digits, 0, UINT32_MAX, &n, &err));
	return n;
}

/* "NAME BGP TABLE STATE SINCE INFO": begins a row when it is one of BGP's, ends the last one. */
static int begin_row(struct line *line, struct bgp_rows *rows, struct bgp_row **row,
		     struct fl_err *err)
{
	struct bgp_row new = { .state = "Down" }, *grown;
	char word[32];

	*row = NULL;
	take_word(line, new.symbol, sizeof(new.symbol));
	take_word(line, word, sizeof(word));
	if (!fl_streq(word, "BGP") || rows->n >= ROWS_MAX)
		return 0;
	take_word(line, word, sizeof(word));
	take_word(line, word, sizeof(word));
	take_word(line, word, sizeof(word));
	new.since = read_number(word);
	grown = realloc(rows->rows, (rows->n + 1) * sizeof(*grown));
	if (!grown)
		return fl_fail_errno(err, ENOMEM, "read bird's answer");
	rows->rows = grown;
	*row = &grown[rows->n++];
	**row = new;
	return 0;
}

static void read_detail(const struct line *line, struct bgp_row *row)
{
	char value[128];
	struct fl_err err;

	if (take_value(line, "BGP state", row->state, sizeof(row->state)))
		return;
	if (take_value(line, "Last error", row->last_error, sizeof(row->last_error)))
		return;
	if (take_value(line, "Neighbor address", value, sizeof(value))) {
		row->has_address = fl_ip_parse(value, &row->address, &err) == 0;
	} else if (take_value(line, "Routes", value, sizeof(value))) {
		row->imported += count_before(value, " imported");
		row->exported += count_before(value, " exported");
	} else if (take_value(line, "Import limit", value, sizeof(value))) {
		row->limit_hit |= strstr(value, "[HIT]") != NULL;
	}
}

int bgp_reply_protocols(const char *answer, struct bgp_rows *out, struct fl_err *err)
{
	bgp_auto_rows struct bgp_rows rows = { 0 };
	struct bgp_row *row = NULL;
	struct line line;
	bool heads = false; /* lines without a code go on with what the last code was */

	while (next_line(&answer, &line)) {
		int r = 0;

		if (line.kind != ' ')
			heads = fl_streq(line.code, "1002");
		if (heads)
			r = begin_row(&line, &rows, &row, err);
		else if (row)
			read_detail(&line, row);
		if (r < 0)
			return r;
	}
	*out = rows;
	rows = (struct bgp_rows){ 0 };
	return 0;
}

void bgp_reply_bfd(const char *answer, struct bgp_rows *rows)
{
	struct line line;

	while (next_line(&answer, &line)) {
		char address[64], word[32];
		struct fl_err err;
		struct fl_ip ip;

		take_word(&line, address, sizeof(address));
		take_word(&line, word, sizeof(word));
		take_word(&line, word, sizeof(word));
		if (fl_ip_parse(address, &ip, &err) < 0)
			continue;
		for (size_t i = 0; i < rows->n; i++) {
			struct bgp_row *row = &rows->rows[i];

			if (!row->has_address || fl_ip_cmp(&row->address, &ip) != 0)
				continue;
			row->bfd = true;
			row->bfd_up = fl_streq(word, "Up");
		}
	}
}

void bgp_reply_version(const char *answer, char *out, size_t size)
{
	struct line line;
	char word[8];

	out[0] = '\0';
	while (next_line(&answer, &line)) {
		take_word(&line, word, sizeof(word));
		if (!fl_streq(word, "BIRD"))
			continue;
		take_word(&line, out, size);
		return;
	}
}
