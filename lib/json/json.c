// SPDX-License-Identifier: Apache-2.0
/* Jansson behind our names. struct fl_json is json_t and is never defined. */
#include "json/json.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <strings.h>
#include <sys/auxv.h>

#include "base/file.h"
#include "base/utf8.h"

static json_t *jan(const struct fl_json *v)
{
	return (json_t *)(uintptr_t)v;
}

static struct fl_json *ours(json_t *v)
{
	return (struct fl_json *)v;
}

/*
 * Jansson seeds its hash tables from /dev/urandom at first use: three system calls that the
 * random bytes which the kernel hands to every new program make needless.
 */
__attribute__((constructor)) static void seed_once(void)
{
	const uint8_t *random = (const uint8_t *)getauxval(AT_RANDOM);
	size_t seed = 0;

	if (random)
		memcpy(&seed, random + 8, sizeof(seed));
	seed = (seed >> 7) * 0x9e3779b97f4a7c15u;
	json_object_seed(seed ? seed : 1);
}

void fl_json_free(struct fl_json **v)
{
	json_decref(jan(*v));
	*v = NULL;
}

int fl_json_parse(const char *text, size_t len, struct fl_json **out, struct fl_err *err)
{
	const char *nul = memchr(text, '\0', len);
	json_error_t e;
	json_t *v;

	/* Jansson would take it for the end of the text. */
	if (nul)
		return fl_fail(err, EINVAL, "byte %zu is NUL", (size_t)(nul - text) + 1);
	v = json_loadb(text, len, JSON_DECODE_ANY, &e);
	/* It has no text of its own for most of its failed allocations. */
	if (!v && (json_error_code(&e) == json_error_out_of_memory || !e.text[0]))
		return fl_fail_errno(err, ENOMEM, "parse JSON");
	if (!v && json_error_code(&e) == json_error_null_character)
		return fl_fail(err, EINVAL, "line %d, column %d: \\u0000 inside a text", e.line,
			       e.column);
	if (!v)
		return fl_fail(err, EINVAL, "line %d, column %d: %s", e.line, e.column, e.text);
	*out = ours(v);
	return 0;
}

int fl_json_read(int dirfd, const char *path, size_t max, struct fl_json **out, struct fl_err *err)
{
	fl_auto_free char *text = NULL;
	size_t len;
	int r = fl_read_file(dirfd, path, max, &text, &len, err);

	if (r < 0)
		return r;
	r = fl_json_parse(text, len, out, err);
	return r < 0 ? fl_wrap(err, r, "'%s'", path) : 0;
}

int fl_json_print(const struct fl_json *v, unsigned int indent, char **out, struct fl_err *err)
{
	size_t flags = JSON_ENCODE_ANY | (indent ? JSON_INDENT(indent & 0x1f) : JSON_COMPACT);
	/* Into room of the right size: where memory is short, Jansson's own buffer loses bytes. */
	size_t size = json_dumpb(jan(v), NULL, 0, flags);
	fl_auto_free char *text = malloc(size + 1);

	if (size == 0 || !text || json_dumpb(jan(v), text, size, flags) != size)
		return fl_fail_errno(err, ENOMEM, "print JSON");
	text[size] = '\0';
	*out = FL_TAKE(text);
	return 0;
}

enum fl_json_type fl_json_type(const struct fl_json *v)
{
	if (!v)
		return FL_JSON_NULL;
	switch (json_typeof(jan(v))) {
	case JSON_OBJECT:
		return FL_JSON_OBJECT;
	case JSON_ARRAY:
		return FL_JSON_ARRAY;
	case JSON_STRING:
		return FL_JSON_STRING;
	case JSON_INTEGER:
		return FL_JSON_INT;
	case JSON_REAL:
		return FL_JSON_REAL;
	case JSON_TRUE:
	case JSON_FALSE:
		return FL_JSON_BOOL;
	case JSON_NULL:
		return FL_JSON_NULL;
	}
	return FL_JSON_NULL;
}

/* Most keys that are asked for are absent, and most that are there begin with another letter. */
static bool may_be(const char *k, const char *key)
{
	return ((*k ^ *key) & ~0x20) == 0;
}

static json_t *find(const struct fl_json *obj, const char *key)
{
	const char *k;
	json_t *v = json_object_get(jan(obj), key);

	if (v)
		return v;
	json_object_foreach(jan(obj), k, v) if (may_be(k, key) && strcasecmp(k, key) == 0) return v;
	return NULL;
}

struct fl_json *fl_json_get(const struct fl_json *obj, const char *key)
{
	json_t *v = find(obj, key);

	return json_is_null(v) ? NULL : ours(v);
}

const struct fl_json *fl_json_get_exact(const struct fl_json *obj, const char *key)
{
	return ours(json_object_get(jan(obj), key));
}

bool fl_json_has(const struct fl_json *obj, const char *key)
{
	return find(obj, key) != NULL;
}

struct fl_json *fl_json_at(const struct fl_json *arr, size_t index)
{
	return ours(json_array_get(jan(arr), index));
}

size_t fl_json_len(const struct fl_json *v)
{
	return json_is_object(jan(v)) ? json_object_size(jan(v)) : json_array_size(jan(v));
}

const char *fl_json_str(const struct fl_json *v)
{
	return json_string_value(jan(v));
}

int64_t fl_json_int(const struct fl_json *v)
{
	return json_integer_value(jan(v));
}

double fl_json_real(const struct fl_json *v)
{
	return json_real_value(jan(v));
}

bool fl_json_true(const struct fl_json *v)
{
	return json_is_true(jan(v));
}

bool fl_json_equal(const struct fl_json *a, const struct fl_json *b)
{
	return json_equal(jan(a), jan(b)) == 1;
}

const char *fl_json_next(const struct fl_json *obj, const char *key, struct fl_json **value)
{
	void *iter = key ? json_object_iter_next(jan(obj), json_object_key_to_iter(key))
			 : json_object_iter(jan(obj));

	if (!iter)
		return NULL;
	*value = ours(json_object_iter_value(iter));
	return json_object_iter_key(iter);
}

size_t fl_json_index(const struct fl_json *obj, const char *key)
{
	struct fl_json *value;
	const char *k = NULL;
	size_t i = 0;

	while ((k = fl_json_next(obj, k, &value)) && strcmp(k, key) != 0)
		i++;
	return i;
}

struct fl_json *fl_json_object(void)
{
	return ours(json_object());
}

struct fl_json *fl_json_array(void)
{
	return ours(json_array());
}

struct fl_json *fl_json_new_str(const char *text)
{
	fl_auto_free char *clean = NULL;
	size_t used = 0;

	for (const char *p = text; *p;) {
		size_t n = fl_utf8_step(p);

		if (n == 0 && !clean) {
			used = (size_t)(p - text);
			clean = malloc(3 * strlen(text) + 1);
			if (!clean)
				return NULL;
			memcpy(clean, text, used);
		}
		if (clean) {
			memcpy(clean + used, n ? p : "\xef\xbf\xbd", n ? n : 3);
			used += n ? n : 3;
		}
		p += n ? n : 1;
	}
	if (!clean)
		return ours(json_string_nocheck(text));
	return ours(json_stringn_nocheck(clean, used));
}

struct fl_json *fl_json_new_int(int64_t n)
{
	return ours(json_integer(n));
}

struct fl_json *fl_json_new_real(double x)
{
	return ours(json_real(x));
}

struct fl_json *fl_json_new_bool(bool b)
{
	return ours(json_boolean(b));
}

struct fl_json *fl_json_new_null(void)
{
	return ours(json_null());
}

struct fl_json *fl_json_copy(const struct fl_json *v)
{
	return ours(json_deep_copy(jan(v)));
}

int fl_json_set(struct fl_json *obj, const char *key, struct fl_json *value)
{
	return json_object_set_new(jan(obj), key, jan(value)) < 0 ? -ENOMEM : 0;
}

int fl_json_set_str(struct fl_json *obj, const char *key, const char *text)
{
	return fl_json_set(obj, key, fl_json_new_str(text));
}

int fl_json_set_int(struct fl_json *obj, const char *key, int64_t n)
{
	return fl_json_set(obj, key, ours(json_integer(n)));
}

int fl_json_set_bool(struct fl_json *obj, const char *key, bool b)
{
	return fl_json_set(obj, key, ours(json_boolean(b)));
}

int fl_json_add(struct fl_json *obj, const char *key, struct fl_json *value)
{
	if (json_object_get(jan(obj), key)) {
		json_decref(jan(value));
		return -EEXIST;
	}
	return fl_json_set(obj, key, value);
}

int fl_json_append(struct fl_json *arr, struct fl_json *value)
{
	return json_array_append_new(jan(arr), jan(value)) < 0 ? -ENOMEM : 0;
}
