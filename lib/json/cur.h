// SPDX-License-Identifier: Apache-2.0
/*
 * A cursor: a place in a JSON tree that knows its path, so that every complaint names the
 * key in full: "config 'ipam.ranges[0].subnet': '10.1.0.0/33' is not a prefix ...".
 * Defaults first, then read: an absent (or null) optional member leaves the variable alone.
 * An error also has the innermost container of its place (in) and the member's or element's number
 * there (child; FL_CUR_ITSELF: it is about that container), for who knows where these stand.
 * Cursors live on the stack, hold no memory, and must not outlive their parent or the tree.
 * All readers return 1 when the value was read, 0 when it is absent, or -EINVAL.
 */
#pragma once

#include "base/ip.h"
#include "json/json.h"

#define FL_CUR_ITSELF SIZE_MAX

enum fl_need { FL_OPTIONAL, FL_REQUIRED };

struct fl_cur {
	const struct fl_json *v;
	const struct fl_cur *up; /* NULL at the root */
	const char *key; /* of an object's member; at the root: what the tree is, "config" */
	size_t index;	 /* of an array's element, when key is NULL */
};

/* The root; what names the document in errors ("config", "prevResult"). */
struct fl_cur fl_cur_root(const struct fl_json *v, const char *what);

/* The member that is an object. */
fl_must int fl_cur_obj(const struct fl_cur *c, const char *key, enum fl_need need,
		       struct fl_cur *out, struct fl_err *err);

/* The member that is an array. */
fl_must int fl_cur_arr(const struct fl_cur *c, const char *key, enum fl_need need,
		       struct fl_cur *out, struct fl_err *err);

/* The member that is a string; *out is borrowed from the tree. */
fl_must int fl_cur_str(const struct fl_cur *c, const char *key, enum fl_need need, const char **out,
		       struct fl_err *err);

/* The member that is true or false. */
fl_must int fl_cur_bool(const struct fl_cur *c, const char *key, enum fl_need need, bool *out,
			struct fl_err *err);

/* The member that is a whole number within [min, max]. */
fl_must int fl_cur_int(const struct fl_cur *c, const char *key, enum fl_need need,
		       const int64_t range[2], int64_t *out, struct fl_err *err);

/* As fl_cur_int() for the common width. */
fl_must int fl_cur_u32(const struct fl_cur *c, const char *key, uint32_t min, uint32_t max,
		       uint32_t *out, struct fl_err *err);

/* The member that is a string holding an IP address. */
fl_must int fl_cur_ip(const struct fl_cur *c, const char *key, enum fl_need need, struct fl_ip *out,
		      struct fl_err *err);

/* The member that is a string holding "address/length"; host bits are kept. */
fl_must int fl_cur_prefix(const struct fl_cur *c, const char *key, enum fl_need need,
			  struct fl_prefix *out, struct fl_err *err);

/* What is done with an element; negative stops the walk. */
typedef int fl_cur_visit(const struct fl_cur *at, void *arg, struct fl_err *err);

/*
 * Visits every element of the member that is an array; absent, it has none. 1: there was an
 * array, 0: none, -EINVAL: no array, or what visit() returned.
 */
fl_must int fl_cur_each(const struct fl_cur *c, const char *key, fl_cur_visit *visit, void *arg,
			struct fl_err *err);

/* The i-th element of the array at c; i must be below fl_json_len(c->v). */
struct fl_cur fl_cur_at(const struct fl_cur *c, size_t i);

/*
 * The number of what is at c among the members or elements around it; at least their number when it
 * is absent. Not of the root.
 */
size_t fl_cur_number(const struct fl_cur *c);

/* The member at key, present or not: a place to complain about. */
struct fl_cur fl_cur_member(const struct fl_cur *c, const char *key);

/* What stands at c itself, which must be a string, an object: 0 or -EINVAL. */
fl_must int fl_cur_as_str(const struct fl_cur *c, const char **out, struct fl_err *err);
fl_must int fl_cur_as_obj(const struct fl_cur *c, struct fl_err *err);

/* The prefix at c itself: host bits are kept, cleared, refused. 0 or -EINVAL. */
fl_must int fl_cur_as_prefix(const struct fl_cur *c, struct fl_prefix *out, struct fl_err *err);
fl_must int fl_cur_as_network(const struct fl_cur *c, struct fl_prefix *out, struct fl_err *err);
fl_must int fl_cur_as_block(const struct fl_cur *c, struct fl_prefix *out, struct fl_err *err);

/* -EINVAL with "what 'path': text". */
int fl_cur_fail(const struct fl_cur *c, struct fl_err *err, const char *fmt, ...) fl_printf(3, 4);

/* Notes in an error that it is about this place, unless it has one already. Returns r. */
int fl_cur_mark(const struct fl_cur *c, struct fl_err *err, int r);

/* Puts "what 'path': " before an error that is there, and marks it. Returns r. */
int fl_cur_wrap(const struct fl_cur *c, struct fl_err *err, int r);
