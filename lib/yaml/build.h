// SPDX-License-Identifier: Apache-2.0
/*
 * Trees from libyaml's events, one document after the other: anchors, aliases and merges written
 * out, keys made texts, repeated ones refused, growth bounded. Errors say "LINE:COLUMN: what".
 */
#pragma once

#include <yaml.h>

#include "yaml/lines.h"

struct fl_yaml_frame; /* an object or array that is not closed yet */

struct fl_yaml_build {
	struct fl_yaml_lines *lines; /* borrowed */
	struct fl_json *root;	     /* of the document that is being read; owned */
	uint32_t root_line;
	struct fl_json *aside; /* what anchors name that is in no tree; an array, owned */
	struct fl_yaml_frame *stack;
	size_t depth, cap_stack;
	struct fl_json *names;		/* of anchors, to numbers of: */
	const struct fl_json **anchors; /* what they name */
	size_t n_anchors, cap_anchors;
	uint32_t *pending; /* lines of the open containers' children */
	size_t n_pending, cap_pending;
	yaml_mark_t at;		/* what an error is about */
	size_t nodes, text_len; /* written so far, in all documents */
};

/* Frees what it holds. */
void fl_yaml_build_done(struct fl_yaml_build *b);

/* Begins a document: forgets the last one's anchors, and its root if it was not taken. */
void fl_yaml_build_begin(struct fl_yaml_build *b);

/* Takes a scalar, an alias, or the beginning or end of a mapping or sequence. */
fl_must int fl_yaml_build_take(struct fl_yaml_build *b, const yaml_event_t *e, struct fl_err *err);
