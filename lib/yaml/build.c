// SPDX-License-Identifier: Apache-2.0
/* Trees from libyaml's events. */
#include "yaml/build.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "yaml/scalar.h"
#include "yaml/yaml.h"

struct fl_yaml_frame {
	struct fl_json *v; /* owned until it is closed */
	bool is_map, merging;
	char *key; /* that waits for its value; owned */
	yaml_mark_t at, key_at;
	char *anchor;		     /* its name, or NULL; owned */
	size_t first_line;	     /* in pending */
	const struct fl_json *merge; /* value of "<<", in aside */
};

static void frame_done(struct fl_yaml_frame *f)
{
	fl_json_free(&f->v);
	fl_free_p(&f->key);
	fl_free_p(&f->anchor);
}

void fl_yaml_build_begin(struct fl_yaml_build *b)
{
	while (b->depth > 0)
		frame_done(&b->stack[--b->depth]);
	b->n_anchors = 0;
	fl_json_free(&b->names);
	fl_json_free(&b->root);
	fl_json_free(&b->aside);
	b->n_pending = 0;
}

void fl_yaml_build_done(struct fl_yaml_build *b)
{
	fl_yaml_build_begin(b);
	fl_free_p(&b->stack);
	fl_free_p(&b->anchors);
	fl_free_p(&b->pending);
}

/* Room for one element more; *array is of elements of this size. */
static int grow(void *array, size_t size, size_t n, size_t *cap)
{
	void **p = array, *bigger;
	size_t want = *cap ? 2 * *cap : 16;

	if (n < *cap)
		return 0;
	bigger = realloc(*p, want * size);
	if (!bigger)
		return -ENOMEM;
	*p = bigger;
	*cap = want;
	return 0;
}

static int no_memory(struct fl_err *err)
{
	return fl_fail_errno(err, ENOMEM, "read YAML");
}

/* Counts values and bytes of text, whose number a few aliases can make grow without bound. */
static int count(struct fl_yaml_build *b, size_t nodes, size_t text_len, struct fl_err *err)
{
	b->nodes += nodes;
	b->text_len += text_len;
	if (b->nodes > FL_YAML_NODES_MAX)
		return fl_fail(err, EINVAL, "more than %u values, aliases written out",
			       FL_YAML_NODES_MAX);
	if (b->text_len > FL_YAML_TEXT_MAX)
		return fl_fail(err, EINVAL, "more than %u bytes of text, aliases written out",
			       FL_YAML_TEXT_MAX);
	return 0;
}

static int check_depth(size_t depth, struct fl_err *err)
{
	if (depth > FL_YAML_DEPTH_MAX)
		return fl_fail(err, EINVAL, "nested more than %u deep", FL_YAML_DEPTH_MAX);
	return 0;
}

static int copy_value(struct fl_yaml_build *b, const struct fl_json *v, size_t depth,
		      struct fl_json **out, struct fl_err *err);

static int copy_children(struct fl_yaml_build *b, const struct fl_json *v, size_t depth,
			 struct fl_json *to, struct fl_err *err)
{
	struct fl_json *child = NULL, *value;
	const char *key = NULL;
	int r;

	for (size_t i = 0; fl_json_type(v) == FL_JSON_ARRAY && i < fl_json_len(v); i++) {
		child = NULL;
		r = copy_value(b, fl_json_at(v, i), depth, &child, err);
		if (r < 0)
			return r;
		if (fl_json_append(to, child) < 0)
			return no_memory(err);
	}
	while ((key = fl_json_next(v, key, &value))) {
		child = NULL;
		r = count(b, 0, strlen(key), err) ?: copy_value(b, value, depth, &child, err);
		if (r < 0)
			return r;
		if (fl_json_set(to, key, child) < 0)
			return no_memory(err);
	}
	return 0;
}

/* A copy that counts as values of its own, and whose lines are the original's. */
static int copy_value(struct fl_yaml_build *b, const struct fl_json *v, size_t depth,
		      struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *copy = NULL;
	const char *text = fl_json_str(v);
	int r = count(b, 1, text ? strlen(text) : 0, err);

	if (r < 0)
		return r;
	if (fl_json_type(v) != FL_JSON_OBJECT && fl_json_type(v) != FL_JSON_ARRAY) {
		copy = fl_json_copy(v);
		*out = FL_TAKE(copy);
		return *out ? 0 : no_memory(err);
	}
	r = check_depth(depth + 1, err);
	if (r < 0)
		return r;
	copy = fl_json_type(v) == FL_JSON_OBJECT ? fl_json_object() : fl_json_array();
	if (!copy)
		return no_memory(err);
	r = copy_children(b, v, depth + 1, copy, err);
	if (r < 0)
		return r;
	if (fl_yaml_lines_put_copy(b->lines, copy, v) < 0)
		return no_memory(err);
	*out = FL_TAKE(copy);
	return 0;
}

static int push_line(struct fl_yaml_build *b, uint32_t line, struct fl_err *err)
{
	if (grow(&b->pending, sizeof(*b->pending), b->n_pending, &b->cap_pending) < 0)
		return no_memory(err);
	b->pending[b->n_pending++] = line;
	return 0;
}

/* Keeps a value that goes into no tree, for the anchors in it. Consumed. */
static int put_aside(struct fl_yaml_build *b, struct fl_json *v, struct fl_err *err)
{
	if (!b->aside)
		b->aside = fl_json_array();
	return fl_json_append(b->aside, v) < 0 ? no_memory(err) : 0;
}

/* A name may be given anew: the last one counts. */
static int name_value(struct fl_yaml_build *b, const char *name, const struct fl_json *v,
		      struct fl_err *err)
{
	if (!name)
		return 0;
	if (!b->names)
		b->names = fl_json_object();
	if (!b->names ||
	    grow(&b->anchors, sizeof(*b->anchors), b->n_anchors, &b->cap_anchors) < 0 ||
	    fl_json_set_int(b->names, name, (int64_t)b->n_anchors) < 0)
		return no_memory(err);
	b->anchors[b->n_anchors++] = v;
	return 0;
}

static int find_anchor(const struct fl_yaml_build *b, const char *name, const struct fl_json **out,
		       struct fl_err *err)
{
	const struct fl_json *number = fl_json_get_exact(b->names, name);

	if (!number)
		return fl_fail(err, EINVAL, "unknown anchor '%.64s'", name);
	*out = b->anchors[fl_json_int(number)];
	return 0;
}

static int key_repeated(struct fl_yaml_build *b, const struct fl_yaml_frame *f, const char *key,
			struct fl_err *err)
{
	size_t i = fl_json_index(f->v, key);

	b->at = f->key_at;
	return fl_fail(err, EINVAL, "key '%.64s' is repeated, first on line %" PRIu32, key,
		       b->pending[f->first_line + i]);
}

/* Puts a value where the innermost open container wants it. Consumed whatever happens. */
static int place_value(struct fl_yaml_build *b, struct fl_json *v, const yaml_mark_t *at,
		       struct fl_err *err)
{
	struct fl_yaml_frame *top = b->depth ? &b->stack[b->depth - 1] : NULL;
	fl_auto_free char *key = NULL;
	int r;

	if (!top) {
		b->root = v;
		b->root_line = (uint32_t)at->line + 1;
		return 0;
	}
	if (!top->is_map) {
		if (fl_json_append(top->v, v) < 0)
			return no_memory(err);
		return push_line(b, (uint32_t)at->line + 1, err);
	}
	if (top->merging) {
		top->merging = false;
		top->merge = v;
		return put_aside(b, v, err);
	}
	key = FL_TAKE(top->key);
	r = fl_json_add(top->v, key, v);
	if (r == -EEXIST)
		return key_repeated(b, top, key, err);
	if (r < 0)
		return no_memory(err);
	return push_line(b, (uint32_t)top->key_at.line + 1, err);
}

/* As Go's fmt has them: what kubectl makes of keys that are no texts. */
static int key_text(const struct fl_yaml_scalar *s, const char *text, char **out,
		    struct fl_err *err)
{
	char number[FL_YAML_REAL_STR];

	if (s->type == FL_JSON_NULL)
		return fl_fail(err, EINVAL, "a key is null");
	if (s->type == FL_JSON_BOOL)
		text = s->b ? "true" : "false";
	else if (s->type == FL_JSON_REAL)
		text = fl_yaml_real_key(s->real, number);
	else if (s->type == FL_JSON_INT && snprintf(number, sizeof(number), "%" PRId64, s->n) > 0)
		text = number;
	*out = strdup(text);
	return *out ? 0 : no_memory(err);
}

static int take_key(struct fl_yaml_build *b, const struct fl_yaml_scalar *s, const char *text,
		    const yaml_mark_t *at, struct fl_err *err)
{
	struct fl_yaml_frame *top = &b->stack[b->depth - 1];

	top->key_at = *at;
	if (s->merge && top->merge)
		return fl_fail(err, EINVAL, "key '<<' is repeated");
	if (s->merge) {
		top->merging = true;
		return 0;
	}
	return count(b, 0, strlen(text), err) ?: key_text(s, text, &top->key, err);
}

static int scalar_value(const struct fl_yaml_scalar *s, const char *text, struct fl_json **out,
			struct fl_err *err)
{
	if (s->type == FL_JSON_REAL && !isfinite(s->real))
		return fl_fail(err, EINVAL, "'%s' is a number that JSON has no form for", text);
	*out = s->type == FL_JSON_NULL	 ? fl_json_new_null()
	       : s->type == FL_JSON_BOOL ? fl_json_new_bool(s->b)
	       : s->type == FL_JSON_INT	 ? fl_json_new_int(s->n)
	       : s->type == FL_JSON_REAL ? fl_json_new_real(s->real)
					 : fl_json_new_str(text);
	return *out ? 0 : no_memory(err);
}

/* True when the next value is to be a key. */
static bool wants_key(const struct fl_yaml_build *b)
{
	const struct fl_yaml_frame *top = b->depth ? &b->stack[b->depth - 1] : NULL;

	return top && top->is_map && !top->key && !top->merging;
}

static int take_scalar(struct fl_yaml_build *b, const yaml_event_t *e, struct fl_err *err)
{
	const char *text = (const char *)e->data.scalar.value;
	const char *anchor = (const char *)e->data.scalar.anchor;
	bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE, is_key = wants_key(b);
	struct fl_json *v = NULL;
	struct fl_yaml_scalar s = { 0 };
	int r;

	if (strlen(text) != e->data.scalar.length)
		return fl_fail(err, EINVAL, "a text holds a NUL");
	r = fl_yaml_resolve(text, plain, (const char *)e->data.scalar.tag, &s, err);
	if (r == 0 && is_key)
		r = take_key(b, &s, text, &e->start_mark, err);
	if (r < 0 || (is_key && !anchor))
		return r;
	r = scalar_value(&s, text, &v, err) ?: count(b, 1, strlen(text), err);
	if (r < 0) {
		fl_json_free(&v);
		return r;
	}
	r = is_key ? put_aside(b, v, err) : place_value(b, v, &e->start_mark, err);
	return r ?: name_value(b, anchor, v, err);
}

static int take_alias_as_key(struct fl_yaml_build *b, const struct fl_json *v,
			     const yaml_mark_t *at, struct fl_err *err)
{
	struct fl_yaml_scalar s = { .type = fl_json_type(v),
				    .b = fl_json_true(v),
				    .n = fl_json_int(v),
				    .real = fl_json_real(v) };

	if (s.type == FL_JSON_OBJECT || s.type == FL_JSON_ARRAY)
		return fl_fail(err, EINVAL, "a key is %s",
			       s.type == FL_JSON_OBJECT ? "a mapping" : "a list");
	return take_key(b, &s, fl_json_str(v) ?: "", at, err);
}

static int take_alias(struct fl_yaml_build *b, const yaml_event_t *e, struct fl_err *err)
{
	const struct fl_json *v = NULL;
	struct fl_json *copy = NULL;
	int r = find_anchor(b, (const char *)e->data.alias.anchor, &v, err);

	if (r < 0)
		return r;
	if (wants_key(b))
		return take_alias_as_key(b, v, &e->start_mark, err);
	r = copy_value(b, v, b->depth, &copy, err);
	return r ?: place_value(b, copy, &e->start_mark, err);
}

static int check_tag(const char *tag, const char *own, struct fl_err *err)
{
	if (!tag || strcmp(tag, own) == 0)
		return 0;
	return fl_fail(err, EINVAL, "tag '%.64s' is not supported here", tag);
}

static int open_container(struct fl_yaml_build *b, const yaml_event_t *e, struct fl_err *err)
{
	bool is_map = e->type == YAML_MAPPING_START_EVENT;
	const yaml_char_t *anchor = is_map ? e->data.mapping_start.anchor
					   : e->data.sequence_start.anchor;
	const yaml_char_t *tag = is_map ? e->data.mapping_start.tag : e->data.sequence_start.tag;
	struct fl_yaml_frame *f;
	int r;

	if (wants_key(b))
		return fl_fail(err, EINVAL, "a key is %s", is_map ? "a mapping" : "a list");
	r = check_depth(b->depth + 1, err) ?: count(b, 1, 0, err);
	r = r ?: check_tag((const char *)tag, is_map ? YAML_MAP_TAG : YAML_SEQ_TAG, err);
	if (r < 0)
		return r;
	if (grow(&b->stack, sizeof(*b->stack), b->depth, &b->cap_stack) < 0)
		return no_memory(err);
	f = &b->stack[b->depth++];
	*f = (struct fl_yaml_frame){ .is_map = is_map,
				     .at = e->start_mark,
				     .first_line = b->n_pending };
	f->v = is_map ? fl_json_object() : fl_json_array();
	f->anchor = anchor ? strdup((const char *)anchor) : NULL;
	return f->v && !anchor == !f->anchor ? 0 : no_memory(err);
}

/* Adds the members of a mapping that the frame's does not have. */
static int merge_one(struct fl_yaml_build *b, struct fl_yaml_frame *f, const struct fl_json *from,
		     struct fl_err *err)
{
	struct fl_json *value = NULL, *copy;
	const char *key = NULL;
	size_t i = 0;
	int r = 0;

	if (fl_json_type(from) != FL_JSON_OBJECT)
		return fl_fail(err, EINVAL, "'<<' takes a mapping or a list of mappings");
	for (; r == 0 && (key = fl_json_next(from, key, &value)); i++) {
		const struct fl_yaml_place *p = fl_yaml_lines_find(b->lines, from);
		uint32_t line = p ? fl_yaml_lines_child(b->lines, p, i) : (uint32_t)f->at.line + 1;

		copy = NULL;
		r = count(b, 0, strlen(key), err) ?: copy_value(b, value, b->depth, &copy, err);
		if (r < 0)
			return r;
		r = fl_json_add(f->v, key, copy);
		if (r == -EEXIST)
			r = 0;
		else
			r = r < 0 ? no_memory(err) : push_line(b, line, err);
	}
	return r;
}

static int merge_all(struct fl_yaml_build *b, struct fl_yaml_frame *f, struct fl_err *err)
{
	int r = 0;

	if (fl_json_type(f->merge) != FL_JSON_ARRAY)
		return merge_one(b, f, f->merge, err);
	for (size_t i = 0; r == 0 && i < fl_json_len(f->merge); i++)
		r = merge_one(b, f, fl_json_at(f->merge, i), err);
	return r;
}

static int close_container(struct fl_yaml_build *b, struct fl_err *err)
{
	struct fl_yaml_frame *f = &b->stack[b->depth - 1];
	fl_auto_free char *anchor = NULL;
	const struct fl_json *v = f->v;
	yaml_mark_t at = f->at;
	int r = f->merge ? merge_all(b, f, err) : 0;

	b->at = at;
	if (r < 0)
		return r;
	if (fl_yaml_lines_put(b->lines, v, (uint32_t)at.line + 1,
			      b->pending ? b->pending + f->first_line : NULL,
			      b->n_pending - f->first_line) < 0)
		return no_memory(err);
	b->n_pending = f->first_line;
	anchor = FL_TAKE(f->anchor);
	b->depth--;
	r = place_value(b, FL_TAKE(f->v), &at, err);
	return r ?: name_value(b, anchor, v, err);
}

static int take(struct fl_yaml_build *b, const yaml_event_t *e, struct fl_err *err)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return take_scalar(b, e, err);
	case YAML_ALIAS_EVENT:
		return take_alias(b, e, err);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return open_container(b, e, err);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_container(b, err);
	default:
		return 0;
	}
}

int fl_yaml_build_take(struct fl_yaml_build *b, const yaml_event_t *e, struct fl_err *err)
{
	int r;

	b->at = e->start_mark;
	r = take(b, e, err);
	return r < 0 ? fl_wrap(err, r, "%zu:%zu", b->at.line + 1, b->at.column + 1) : 0;
}
