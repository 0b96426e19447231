// SPDX-License-Identifier: Apache-2.0
/*
 * All files' objects by kind, namespace and name: which of those that are the same is in force, and
 * what has become of it since the sink was told. Knows no files: their objects come and go.
 */
#pragma once

#include "agent/policy/table.h"
#include "agent/source/manifests.h"
#include "agent/source/objects.h"

/* One object, wherever it is. */
struct src_entry {
	enum pol_kind kind;
	char *ns, *name;	   /* owned */
	struct src_object *claims; /* in files' order, then in that of the file; borrowed */
	struct src_object *now;	   /* the one in force; NULL: to be chosen */
	struct src_object *was;	   /* what was told, where that is gone; owned */
	bool told;		   /* the sink has it */
	bool clashes;		   /* there is another complaint about it */
	bool dirty;
	struct src_entry *next; /* that is dirty */
};

struct src_index {
	struct pol_table entries;		    /* owned */
	struct src_entry *first_dirty, *last_dirty; /* to be settled and told, in order */
	size_t n_clashes;
	bool other_clashes; /* than the complaints say */
	struct src_complaints clashes;
	size_t n[POL_KIND_POLICY + 1]; /* objects in force, as told */
};

/* Frees the index, not the files' objects. */
void src_index_done(struct src_index *ix);

/* Enters a file's objects, which stay where they are until they leave. -ENOMEM: none is entered. */
fl_must int src_index_enter(struct src_index *ix, const struct src_objects *o, struct fl_err *err);

/* Lets go of a file's objects; some may be taken out of *o. */
void src_index_leave(struct src_index *ix, struct src_objects *o);

/*
 * Chooses what is in force: what was, else by the order of files' names. *changed becomes true when
 * the complaints of those that are not are others than before. Only lack of memory is an error.
 */
fl_must int src_index_settle(struct src_index *ix, bool *changed, struct fl_err *err);

/*
 * Tells what has changed, deletions first; sink may be NULL. *any becomes true when there was
 * something. Not done(). Only lack of memory is an error: the next time it goes on where it was.
 */
fl_must int src_index_tell(struct src_index *ix, const struct src_sink *sink, bool *any,
			   struct fl_err *err);

/*
 * Puts everything that the sink has been told of, and that is still there, once more. Only lack of
 * memory is an error: some has been put.
 */
fl_must int src_index_retell(const struct src_index *ix, const struct src_sink *sink,
			     struct fl_err *err);
