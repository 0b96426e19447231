// SPDX-License-Identifier: Apache-2.0
/*
 * YAML from trees, in the form that kubectl prints: blocks, lists not indented below their key,
 * quotes only where something else would be read without them.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "yaml/scalar.h"
#include "yaml/yaml.h"

/* YAML's limit for a key on one line is 1,024 characters; escapes make up to 6 of one. */
#define KEY_MAX 160

struct text {
	char *s; /* owned */
	size_t len, cap;
	bool failed;
};

static void add(struct text *t, const char *s, size_t n)
{
	if (t->len + n + 1 > t->cap && !t->failed) {
		size_t cap = 2 * (t->len + n + 64);
		char *bigger = realloc(t->s, cap);

		if (bigger) {
			t->s = bigger;
			t->cap = cap;
		}
		t->failed = !bigger;
	}
	if (t->failed)
		return;
	memcpy(t->s + t->len, s, n);
	t->len += n;
	t->s[t->len] = '\0';
}

static void add_text(struct text *t, const char *s)
{
	add(t, s, strlen(s));
}

static void add_indent(struct text *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(t, " ", 1);
}

/* 12:30:00 and 2024-01-01: texts to us, but not to every reader of YAML 1.1. */
static bool is_moment(const char *s)
{
	if (strchr(s, ':') && s[strspn(s, "+-0123456789:._")] == '\0')
		return true;
	return strspn(s, "0123456789") == 4 && s[4] == '-';
}

static bool may_be_plain(const char *s)
{
	struct fl_yaml_scalar as = { 0 };
	struct fl_err ignored;
	size_t len = strlen(s);

	if (len == 0 || (!isalnum((unsigned char)s[0]) && s[0] != '_' && s[0] != '/'))
		return false;
	for (const char *p = s; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("_./@+-=,;()%$: ", *p))
			return false;
		if (*p == ':' && (p[1] == ' ' || p[1] == '\0'))
			return false;
	}
	return s[len - 1] != ' ' && !is_moment(s) &&
	       fl_yaml_resolve(s, true, NULL, &as, &ignored) == 0 && as.type == FL_JSON_STRING;
}

/* The character at s, which is n bytes of UTF-8. */
static uint32_t character(const char *s, size_t n)
{
	uint32_t c = (unsigned char)s[0] & (n == 1 ? 0x7f : 0xff >> (n + 1));

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

static bool needs_escape(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
	       c == 0xfffe || c == 0xffff;
}

static void add_quoted(struct text *t, const char *s)
{
	char escape[8];

	add(t, "\"", 1);
	while (*s) {
		size_t n = fl_utf8_step(s) ?: 1;
		uint32_t c = character(s, n);

		if (c == '\n') {
			add(t, "\\n", 2);
		} else if (c == '"' || c == '\\') {
			add(t, "\\", 1);
			add(t, s, 1);
		} else if (needs_escape(c)) {
			(void)snprintf(escape, sizeof(escape), "\\u%04" PRIX32, c & 0xffff);
			add_text(t, escape);
		} else {
			add(t, s, n);
		}
		s += n;
	}
	add(t, "\"", 1);
}

static void add_string(struct text *t, const char *s)
{
	if (may_be_plain(s))
		add_text(t, s);
	else
		add_quoted(t, s);
}

static int add_scalar(struct text *t, const struct fl_json *v, struct fl_err *err)
{
	fl_auto_free char *printed = NULL;
	int r;

	if (fl_json_type(v) == FL_JSON_STRING) {
		add_string(t, fl_json_str(v));
		return 0;
	}
	/* JSON's other scalars, {} and [] are YAML's. */
	r = fl_json_print(v, 0, &printed, err);
	if (r == 0)
		add_text(t, printed);
	return r;
}

static bool is_block(const struct fl_json *v)
{
	enum fl_json_type type = fl_json_type(v);

	return (type == FL_JSON_OBJECT || type == FL_JSON_ARRAY) && fl_json_len(v) > 0;
}

static int add_block(struct text *t, const struct fl_json *v, size_t indent, size_t depth,
		     struct fl_err *err);

static int add_members(struct text *t, const struct fl_json *v, size_t indent, size_t depth,
		       struct fl_err *err)
{
	struct fl_json *value = NULL;
	const char *key = NULL;
	bool first = true;
	int r = 0;

	while (r == 0 && (key = fl_json_next(v, key, &value))) {
		if (strlen(key) > KEY_MAX)
			return fl_fail(err, EINVAL, "key '%.32s...' is longer than %u bytes", key,
				       KEY_MAX);
		/* The first one stands behind the "- " of a list or at the line's beginning. */
		add_indent(t, first ? 0 : indent);
		first = false;
		add_string(t, key);
		add(t, ":", 1);
		if (is_block(value)) {
			size_t below = indent + (fl_json_type(value) == FL_JSON_OBJECT ? 2 : 0);

			add(t, "\n", 1);
			add_indent(t, below);
			r = add_block(t, value, below, depth + 1, err);
		} else {
			add(t, " ", 1);
			r = add_scalar(t, value, err);
			add(t, "\n", 1);
		}
	}
	return r;
}

static int add_elements(struct text *t, const struct fl_json *v, size_t indent, size_t depth,
			struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < fl_json_len(v); i++) {
		const struct fl_json *e = fl_json_at(v, i);

		add_indent(t, i ? indent : 0);
		add(t, "- ", 2);
		if (is_block(e)) {
			r = add_block(t, e, indent + 2, depth + 1, err);
		} else {
			r = add_scalar(t, e, err);
			add(t, "\n", 1);
		}
	}
	return r;
}

/* Adds a block whose first line is indented already. */
static int add_block(struct text *t, const struct fl_json *v, size_t indent, size_t depth,
		     struct fl_err *err)
{
	if (depth > FL_YAML_DEPTH_MAX)
		return fl_fail(err, EINVAL, "nested more than %u deep", FL_YAML_DEPTH_MAX);
	return fl_json_type(v) == FL_JSON_OBJECT ? add_members(t, v, indent, depth, err)
						 : add_elements(t, v, indent, depth, err);
}

int fl_yaml_print(const struct fl_json *v, char **out, struct fl_err *err)
{
	fl_auto_free char *text = NULL;
	struct text t = { 0 };
	int r;

	if (is_block(v)) {
		r = add_block(&t, v, 0, 1, err);
	} else {
		r = add_scalar(&t, v, err);
		add(&t, "\n", 1);
	}
	text = t.s;
	if (r < 0)
		return fl_wrap(err, r, "print YAML");
	if (t.failed)
		return fl_fail_errno(err, ENOMEM, "print YAML");
	*out = FL_TAKE(text);
	return 0;
}
