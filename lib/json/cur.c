// SPDX-License-Identifier: Apache-2.0
/* Cursors over JSON trees. */
#include "json/cur.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

static const char *const type_name[] = {
	[FL_JSON_NULL] = "null",	[FL_JSON_BOOL] = "a boolean",  [FL_JSON_INT] = "a number",
	[FL_JSON_REAL] = "a fraction",	[FL_JSON_STRING] = "a string", [FL_JSON_ARRAY] = "an array",
	[FL_JSON_OBJECT] = "an object",
};

struct fl_cur fl_cur_root(const struct fl_json *v, const char *what)
{
	return (struct fl_cur){ .v = v, .key = what };
}

struct fl_cur fl_cur_at(const struct fl_cur *c, size_t i)
{
	return (struct fl_cur){ .v = fl_json_at(c->v, i), .up = c, .index = i };
}

struct fl_cur fl_cur_member(const struct fl_cur *c, const char *key)
{
	return (struct fl_cur){ .v = fl_json_get(c->v, key), .up = c, .key = key };
}

size_t fl_cur_number(const struct fl_cur *c)
{
	const struct fl_json *around = c->up->v;
	struct fl_json *value = NULL;
	const char *key = NULL;
	size_t i;

	if (!c->key)
		return c->index;
	i = fl_json_index(around, c->key);
	if (i < fl_json_len(around))
		return i;
	/* One that is not there as written may be in other case. */
	for (i = 0; (key = fl_json_next(around, key, &value)) && strcasecmp(key, c->key) != 0;)
		i++;
	return i;
}

int fl_cur_mark(const struct fl_cur *c, struct fl_err *err, int r)
{
	if (err->in)
		return r;
	for (; c->up; c = c->up) {
		size_t number = fl_cur_number(c);

		if (number < fl_json_len(c->up->v)) {
			err->in = c->up->v;
			err->child = number;
			return r;
		}
	}
	err->in = c->v;
	err->child = FL_CUR_ITSELF;
	return r;
}

/* Writes the path below the root, "a.b[2].c"; cut when it does not fit. */
static size_t write_path(const struct fl_cur *c, char *out, size_t size)
{
	size_t n;
	int added;

	if (!c->up) {
		out[0] = '\0';
		return 0;
	}
	n = write_path(c->up, out, size);
	if (c->key)
		added = snprintf(out + n, size - n, "%s%s", n ? "." : "", c->key);
	else
		added = snprintf(out + n, size - n, "[%zu]", c->index);
	return added < 0 || (size_t)added >= size - n ? size - 1 : n + (size_t)added;
}

int fl_cur_wrap(const struct fl_cur *c, struct fl_err *err, int r)
{
	const struct fl_cur *root = c;
	char path[192];

	(void)fl_cur_mark(c, err, r);
	while (root->up)
		root = root->up;
	if (write_path(c, path, sizeof(path)) == 0)
		return fl_wrap(err, r, "%s", root->key);
	return fl_wrap(err, r, "%s '%s'", root->key, path);
}

int fl_cur_fail(const struct fl_cur *c, struct fl_err *err, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fl_cur_wrap(c, err, fl_fail(err, EINVAL, "%s", text));
}

static int wrong_type(const struct fl_cur *c, const char *want, struct fl_err *err)
{
	fl_auto_free char *text = NULL;
	struct fl_err ignored;

	if (fl_json_type(c->v) == FL_JSON_NULL || fl_json_print(c->v, 0, &text, &ignored) < 0)
		return fl_cur_fail(c, err, "expected %s, found %s", want,
				   type_name[fl_json_type(c->v)]);
	return fl_cur_fail(c, err, "expected %s, found %s %.64s", want,
			   type_name[fl_json_type(c->v)], text);
}

/* 1 present with this type, 0 absent and optional, -EINVAL. */
static int member(const struct fl_cur *c, const char *key, enum fl_need need,
		  enum fl_json_type type, struct fl_cur *out, struct fl_err *err)
{
	*out = fl_cur_member(c, key);
	if (!out->v && need == FL_OPTIONAL)
		return 0;
	if (!out->v)
		return fl_cur_fail(out, err, "missing, expected %s", type_name[type]);
	if (fl_json_type(out->v) != type)
		return wrong_type(out, type_name[type], err);
	return 1;
}

int fl_cur_obj(const struct fl_cur *c, const char *key, enum fl_need need, struct fl_cur *out,
	       struct fl_err *err)
{
	return member(c, key, need, FL_JSON_OBJECT, out, err);
}

int fl_cur_arr(const struct fl_cur *c, const char *key, enum fl_need need, struct fl_cur *out,
	       struct fl_err *err)
{
	return member(c, key, need, FL_JSON_ARRAY, out, err);
}

int fl_cur_str(const struct fl_cur *c, const char *key, enum fl_need need, const char **out,
	       struct fl_err *err)
{
	struct fl_cur m;
	int r = member(c, key, need, FL_JSON_STRING, &m, err);

	if (r > 0)
		*out = fl_json_str(m.v);
	return r;
}

int fl_cur_bool(const struct fl_cur *c, const char *key, enum fl_need need, bool *out,
		struct fl_err *err)
{
	struct fl_cur m;
	int r = member(c, key, need, FL_JSON_BOOL, &m, err);

	if (r > 0)
		*out = fl_json_true(m.v);
	return r;
}

int fl_cur_int(const struct fl_cur *c, const char *key, enum fl_need need, const int64_t range[2],
	       int64_t *out, struct fl_err *err)
{
	struct fl_cur m;
	int r = member(c, key, need, FL_JSON_INT, &m, err);
	int64_t n;

	if (r <= 0)
		return r;
	n = fl_json_int(m.v);
	if (n < range[0] || n > range[1])
		return fl_cur_fail(&m, err,
				   "%" PRId64 " is not a number from %" PRId64 " to %" PRId64, n,
				   range[0], range[1]);
	*out = n;
	return 1;
}

int fl_cur_u32(const struct fl_cur *c, const char *key, uint32_t min, uint32_t max, uint32_t *out,
	       struct fl_err *err)
{
	const int64_t range[2] = { min, max };
	int64_t n = 0;
	int r = fl_cur_int(c, key, FL_OPTIONAL, range, &n, err);

	if (r > 0)
		*out = (uint32_t)n;
	return r;
}

int fl_cur_ip(const struct fl_cur *c, const char *key, enum fl_need need, struct fl_ip *out,
	      struct fl_err *err)
{
	struct fl_cur m;
	int r = member(c, key, need, FL_JSON_STRING, &m, err);

	if (r <= 0)
		return r;
	r = fl_ip_parse(fl_json_str(m.v), out, err);
	return r < 0 ? fl_cur_wrap(&m, err, r) : 1;
}

int fl_cur_prefix(const struct fl_cur *c, const char *key, enum fl_need need, struct fl_prefix *out,
		  struct fl_err *err)
{
	struct fl_cur m;
	int r = member(c, key, need, FL_JSON_STRING, &m, err);

	if (r <= 0)
		return r;
	r = fl_prefix_parse(fl_json_str(m.v), out, err);
	return r < 0 ? fl_cur_wrap(&m, err, r) : 1;
}

int fl_cur_each(const struct fl_cur *c, const char *key, fl_cur_visit *visit, void *arg,
		struct fl_err *err)
{
	struct fl_cur list;
	int r = fl_cur_arr(c, key, FL_OPTIONAL, &list, err);

	if (r <= 0)
		return r;
	for (size_t i = 0; i < fl_json_len(list.v); i++) {
		struct fl_cur at = fl_cur_at(&list, i);

		r = visit(&at, arg, err);
		if (r < 0)
			return r;
	}
	return 1;
}

int fl_cur_as_str(const struct fl_cur *c, const char **out, struct fl_err *err)
{
	if (fl_json_type(c->v) != FL_JSON_STRING)
		return wrong_type(c, type_name[FL_JSON_STRING], err);
	*out = fl_json_str(c->v);
	return 0;
}

int fl_cur_as_obj(const struct fl_cur *c, struct fl_err *err)
{
	if (fl_json_type(c->v) != FL_JSON_OBJECT)
		return wrong_type(c, type_name[FL_JSON_OBJECT], err);
	return 0;
}

int fl_cur_as_prefix(const struct fl_cur *c, struct fl_prefix *out, struct fl_err *err)
{
	const char *text = NULL;
	int r = fl_cur_as_str(c, &text, err);

	if (r < 0)
		return r;
	r = fl_prefix_parse(text, out, err);
	return r < 0 ? fl_cur_wrap(c, err, r) : 0;
}

int fl_cur_as_network(const struct fl_cur *c, struct fl_prefix *out, struct fl_err *err)
{
	int r = fl_cur_as_prefix(c, out, err);

	if (r == 0)
		*out = fl_prefix_network(out);
	return r;
}

int fl_cur_as_block(const struct fl_cur *c, struct fl_prefix *out, struct fl_err *err)
{
	struct fl_prefix p = { 0 }, net;
	char good[FL_PREFIX_STR];
	int r = fl_cur_as_prefix(c, &p, err);

	if (r < 0)
		return r;
	net = fl_prefix_network(&p);
	if (fl_ip_cmp(&net.ip, &p.ip) != 0)
		return fl_cur_fail(c, err, "'%s' has host bits set, expected '%s'",
				   fl_json_str(c->v), fl_prefix_format(&net, good));
	*out = p;
	return 0;
}
