// SPDX-License-Identifier: Apache-2.0
/*
 * The objects of one text: documents and lists of them, told apart by apiVersion and kind. Pure.
 * An object that is wrong is complained about and keeps the form it had before; the others of the
 * text are read all the same. What is wrong so that nobody can tell which object it is, may be any
 * of those before: as long as there is such a one, none of them goes. A kind that is not ours, but
 * nearly, is such a one; others are passed over.
 */
#pragma once

#include "agent/source/complaints.h"
#include "agent/source/object.h"

struct src_objects {
	struct agent_node *nodes; /* owned */
	size_t n_nodes;
	struct src_object **objects; /* namespaces, pods, policies; NULL: taken out; owned */
	size_t n_objects;
	struct src_complaints complaints;
	uint64_t known, unknown; /* objects: of a kind that is used; of others */
};

/* Frees all. */
void src_objects_done(struct src_objects *o);

/* What is said of an object whose kind is not known. */
typedef void src_unknown(const char *where, const char *version, const char *kind, void *arg);

/* A file's text. Everything is borrowed for the call. */
struct src_input {
	const char *name, *text;
	size_t len;
	const struct src_objects *last; /* what it held before, for objects that are wrong now */
	src_unknown *unknown;
	void *arg;
};

/* Reads it. -EINVAL: it is no YAML, said as fl_yaml_parse() says it; -EFBIG. */
fl_must int src_objects_read(const struct src_input *in, struct src_objects *out,
			     struct fl_err *err);

/*
 * A text that reads as the same objects, in another order and without the places; the caller's.
 * -EFBIG: it would be larger than what is read.
 */
fl_must int src_objects_print(const struct src_objects *o, char **out, size_t *len,
			      struct fl_err *err);
