// SPDX-License-Identifier: Apache-2.0
/*
 * A Namespace, Pod or NetworkPolicy of a text: found right by agent/policy, and cut down to what
 * is looked at there, so that what else changes in it is no change. Pure.
 */
#pragma once

#include "agent/policy/read.h"

struct src_entry;

struct src_object {
	enum pol_kind kind;
	char *ns, *name; /* ns: "" for a namespace; owned */
	char *where;	 /* "FILE:LINE"; owned */
	/* JSON, with apiVersion and kind, even if a list's element; a tree takes ten times as much.
	 */
	char *text; /* owned */

	/* The index's, see there. */
	struct src_entry *entry;
	struct src_object *next;
};

/* Frees it. */
void src_object_free(struct src_object **o);
#define fl_auto_src_object fl_auto(src_object_free)

/* "Namespace", "Pod", "NetworkPolicy". */
const char *src_kind_text(enum pol_kind kind);

/*
 * Reads an object of this kind; where is copied. -EINVAL names the object, the path and what was
 * expected. *out is the caller's.
 */
fl_must int src_object_read(enum pol_kind kind, const struct fl_json *v, const char *where,
			    struct src_object **out, struct fl_err *err);

/* A copy that is in no index; the caller's. */
fl_must int src_object_copy(const struct src_object *o, struct src_object **out,
			    struct fl_err *err);

/* The object as a tree; the caller's. Only memory can fail. */
fl_must int src_object_tree(const struct src_object *o, struct fl_json **out, struct fl_err *err);

/* True when both say the same. */
bool src_object_equal(const struct src_object *a, const struct src_object *b);

/* What v, an object of this kind, gives for its namespace ("" for a namespace) and name, right or
 * not; NULL: none. Borrowed. */
void src_object_names(enum pol_kind kind, const struct fl_json *v, const char **ns,
		      const char **name);
