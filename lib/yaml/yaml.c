// SPDX-License-Identifier: Apache-2.0
/* Texts of several documents. */
#include "yaml/yaml.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "yaml/build.h"

struct doc {
	struct fl_json *v; /* owned */
	uint32_t line;
};

struct fl_yaml {
	struct doc *docs;
	size_t n, cap;
	struct fl_yaml_lines lines;
};

void fl_yaml_free(struct fl_yaml **y)
{
	if (!*y)
		return;
	while ((*y)->n > 0)
		fl_json_free(&(*y)->docs[--(*y)->n].v);
	fl_free_p(&(*y)->docs);
	fl_yaml_lines_done(&(*y)->lines);
	fl_free_p(y);
}

static int hex4(const char *p, uint32_t *out)
{
	*out = 0;
	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (!isxdigit((unsigned char)c))
			return -1;
		*out = *out << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return 0;
}

/* Writes a character beyond the first plane in place of \uHHHH\uLLLL at p; false: there is none. */
static bool join_pair(const char *p, const char *end, char *out)
{
	uint32_t high, low, c;

	if (end - p < 12 || p[1] != 'u' || p[6] != '\\' || p[7] != 'u' || hex4(p + 2, &high) < 0 ||
	    hex4(p + 8, &low) < 0 || high >> 10 != 0xd800 >> 10 || low >> 10 != 0xdc00 >> 10)
		return false;
	c = 0x10000 + ((high & 0x3ff) << 10 | (low & 0x3ff));
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return true;
}

/*
 * The one thing in JSON that YAML 1.1 lacks: a pair of surrogates for one character. Of a text
 * that looks like JSON, a copy without them; NULL in *out when there are none.
 */
static int join_pairs(const char *text, size_t *len, char **out, struct fl_err *err)
{
	const char *end = text + *len, *p = text;
	char *copy, *to;

	while (p < end && (isspace((unsigned char)*p)))
		p++;
	if (p == end || (*p != '{' && *p != '[') ||
	    !(memmem(text, *len, "\\ud", 3) || memmem(text, *len, "\\uD", 3)))
		return 0;
	copy = malloc(*len);
	if (!copy)
		return fl_fail_errno(err, ENOMEM, "read YAML");
	for (p = text, to = copy; p < end;) {
		if (*p != '\\' || end - p < 2) {
			*to++ = *p++;
		} else if (join_pair(p, end, to)) {
			to += 4;
			p += 12;
		} else {
			*to++ = *p++;
			*to++ = *p++;
		}
	}
	*len = (size_t)(to - copy);
	*out = copy;
	return 0;
}

/* What libyaml complains of. Bytes that are no text have an offset and no line. */
static int syntax_error(const yaml_parser_t *p, const char *text, size_t len, struct fl_err *err)
{
	size_t line = p->problem_mark.line + 1, column = p->problem_mark.column + 1;

	if (p->error == YAML_MEMORY_ERROR)
		return fl_fail_errno(err, ENOMEM, "read YAML");
	if (p->error == YAML_READER_ERROR) {
		line = column = 1;
		for (size_t i = 0; i < p->problem_offset && i < len; i++) {
			column = text[i] == '\n' ? 1 : column + 1;
			line += text[i] == '\n';
		}
	}
	if (p->context)
		return fl_fail(err, EINVAL, "%zu:%zu: %s %s", line, column, p->problem, p->context);
	return fl_fail(err, EINVAL, "%zu:%zu: %s", line, column, p->problem);
}

static int end_document(struct fl_yaml *y, struct fl_yaml_build *b, struct fl_err *err)
{
	if (fl_json_type(b->root) == FL_JSON_NULL)
		return 0;
	if (y->n == FL_YAML_DOCS_MAX)
		return fl_fail(err, EINVAL, "%u:1: more than %u documents", b->root_line,
			       FL_YAML_DOCS_MAX);
	if (y->n == y->cap) {
		size_t cap = y->cap ? 2 * y->cap : 4;
		struct doc *docs = realloc(y->docs, cap * sizeof(*docs));

		if (!docs)
			return fl_fail_errno(err, ENOMEM, "read YAML");
		y->docs = docs;
		y->cap = cap;
	}
	y->docs[y->n++] = (struct doc){ FL_TAKE(b->root), b->root_line };
	return 0;
}

static int take_event(struct fl_yaml *y, struct fl_yaml_build *b, const yaml_event_t *e,
		      struct fl_err *err)
{
	if (e->type == YAML_DOCUMENT_START_EVENT)
		fl_yaml_build_begin(b);
	if (e->type == YAML_DOCUMENT_END_EVENT)
		return end_document(y, b, err);
	return fl_yaml_build_take(b, e, err);
}

static int read_all(struct fl_yaml *y, const char *text, size_t len, struct fl_err *err)
{
	fl_auto(fl_yaml_build_done) struct fl_yaml_build b = { .lines = &y->lines };
	fl_auto(yaml_parser_delete) yaml_parser_t p = { 0 };
	bool at_end = false;
	int r = 0;

	if (!yaml_parser_initialize(&p))
		return fl_fail_errno(err, ENOMEM, "read YAML");
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	while (r == 0 && !at_end) {
		fl_auto(yaml_event_delete) yaml_event_t e = { 0 };

		if (!yaml_parser_parse(&p, &e))
			return syntax_error(&p, text, len, err);
		at_end = e.type == YAML_STREAM_END_EVENT;
		r = take_event(y, &b, &e, err);
	}
	return r;
}

int fl_yaml_parse(const char *name, const char *text, size_t len, struct fl_yaml **out,
		  struct fl_err *err)
{
	fl_auto_yaml struct fl_yaml *y = NULL;
	fl_auto_free char *joined = NULL;
	struct fl_err inner;
	int r;

	if (len > FL_YAML_FILE_MAX)
		return fl_fail(err, EFBIG, "%s: %zu bytes are more than %u", name, len,
			       FL_YAML_FILE_MAX);
	y = calloc(1, sizeof(*y));
	if (!y)
		return fl_fail_errno(err, ENOMEM, "read '%s'", name);
	r = join_pairs(text, &len, &joined, err) ?: read_all(y, joined ?: text, len, err);
	inner = *err;
	if (r == -EINVAL)
		return fl_fail(err, EINVAL, "%s:%s", name, inner.text);
	if (r < 0)
		return fl_wrap(err, r, "%s", name);
	*out = FL_TAKE(y);
	return 0;
}

size_t fl_yaml_docs(const struct fl_yaml *y)
{
	return y->n;
}

const struct fl_json *fl_yaml_doc(const struct fl_yaml *y, size_t i, unsigned int *line)
{
	if (line)
		*line = y->docs[i].line;
	return y->docs[i].v;
}

struct fl_json *fl_yaml_take(struct fl_yaml *y, size_t i)
{
	return FL_TAKE(y->docs[i].v);
}

unsigned int fl_yaml_line_of(const struct fl_yaml *y, const struct fl_err *err)
{
	const struct fl_yaml_place *p = fl_yaml_lines_find(&y->lines, err->in);

	/* A document may be no container. */
	for (size_t i = 0; !p && err->in && i < y->n; i++)
		if (y->docs[i].v == err->in)
			return y->docs[i].line;
	if (!p)
		return 0;
	return err->child == FL_CUR_ITSELF ? p->line
					   : fl_yaml_lines_child(&y->lines, p, err->child);
}

unsigned int fl_yaml_line(const struct fl_yaml *y, size_t i, const struct fl_cur *at)
{
	struct fl_err place = { 0 };

	(void)fl_cur_mark(at, &place, 0);
	return fl_yaml_line_of(y, &place) ?: y->docs[i].line;
}
