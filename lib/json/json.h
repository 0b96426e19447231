// SPDX-License-Identifier: Apache-2.0
/*
 * JSON trees. The only folder that knows the JSON library. A tree is owned by whoever holds
 * its root; members and elements are borrowed from it. Keys are compared exactly first, then
 * without case, as Go's decoder does it, since runtimes send "HostPort" for "hostPort".
 * Builders return 0 or -ENOMEM, so that they chain: r = set(...) ?: set(...).
 */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct fl_json; /* any JSON value */

enum fl_json_type {
	FL_JSON_NULL,
	FL_JSON_BOOL,
	FL_JSON_INT,
	FL_JSON_REAL,
	FL_JSON_STRING,
	FL_JSON_ARRAY,
	FL_JSON_OBJECT,
};

/* Frees the tree whose root *v is. */
void fl_json_free(struct fl_json **v);
#define fl_auto_json fl_auto(fl_json_free)

/*
 * Reads exactly one JSON document. -EINVAL says what is wrong, with line and column.
 * A repeated key keeps its last value. Nesting deeper than 2,048 is refused.
 */
fl_must int fl_json_parse(const char *text, size_t len, struct fl_json **out, struct fl_err *err);

/*
 * As fl_json_parse() for the file at path below dirfd (or AT_FDCWD). -ENOENT: no such file;
 * -EFBIG: more than max bytes.
 */
fl_must int fl_json_read(int dirfd, const char *path, size_t max, struct fl_json **out,
			 struct fl_err *err);

/* The document as text without a newline at its end; the caller frees. indent 0: compact. */
fl_must int fl_json_print(const struct fl_json *v, unsigned int indent, char **out,
			  struct fl_err *err);

/* NULL counts as FL_JSON_NULL. */
enum fl_json_type fl_json_type(const struct fl_json *v);

/* The member, borrowed, or NULL when absent, null, or when obj is no object. */
struct fl_json *fl_json_get(const struct fl_json *obj, const char *key);

/* The member whose key is this one to the letter, borrowed; null is a value. NULL: none. */
const struct fl_json *fl_json_get_exact(const struct fl_json *obj, const char *key);

/* True when the object has the key, even with the value null. */
bool fl_json_has(const struct fl_json *obj, const char *key);

/* The element, borrowed, or NULL outside the array. */
struct fl_json *fl_json_at(const struct fl_json *arr, size_t index);

/* Number of elements or members; 0 for anything else. */
size_t fl_json_len(const struct fl_json *v);

/* The text, borrowed from the tree, or NULL when v is no string. */
const char *fl_json_str(const struct fl_json *v);

/* The number, or 0 when v is no integer. */
int64_t fl_json_int(const struct fl_json *v);

/* The fraction, or 0 when v is none. */
double fl_json_real(const struct fl_json *v);

/* True only for the value true. */
bool fl_json_true(const struct fl_json *v);

/* True when both trees hold the same value; members in any order. */
bool fl_json_equal(const struct fl_json *a, const struct fl_json *b);

/*
 * Walks an object: start with NULL; returns the next key, borrowed, and its value through *value
 * (null members included), or NULL at the end. The object must not change meanwhile.
 */
const char *fl_json_next(const struct fl_json *obj, const char *key, struct fl_json **value);

/* How many members the walk meets before this key, compared exactly; their number if it is absent.
 */
size_t fl_json_index(const struct fl_json *obj, const char *key);

/*
 * New empty containers and values; NULL when out of memory. The caller owns them. JSON is UTF-8:
 * each byte of a text that is not becomes U+FFFD, as Go's encoder does it.
 */
struct fl_json *fl_json_object(void);
struct fl_json *fl_json_array(void);
struct fl_json *fl_json_new_str(const char *text);
struct fl_json *fl_json_new_int(int64_t n);
struct fl_json *fl_json_new_real(double x); /* NULL also for what JSON has no form for: NaN, inf */
struct fl_json *fl_json_new_bool(bool b);
struct fl_json *fl_json_new_null(void);
struct fl_json *fl_json_copy(const struct fl_json *v); /* deep */

/* Sets a member; value is consumed whatever happens, and NULL means out of memory. */
fl_must int fl_json_set(struct fl_json *obj, const char *key, struct fl_json *value);
fl_must int fl_json_set_str(struct fl_json *obj, const char *key, const char *text);
fl_must int fl_json_set_int(struct fl_json *obj, const char *key, int64_t n);
fl_must int fl_json_set_bool(struct fl_json *obj, const char *key, bool b);

/* Sets a member that must be new, compared exactly: -EEXIST; value is consumed as above. */
fl_must int fl_json_add(struct fl_json *obj, const char *key, struct fl_json *value);

/* Appends an element; value is consumed whatever happens, and NULL means out of memory. */
fl_must int fl_json_append(struct fl_json *arr, struct fl_json *value);
