// SPDX-License-Identifier: Apache-2.0
/*
 * YAML in, JSON trees out, as kubectl reads manifests: YAML 1.1 (a plain "no", "on" or "y" is a
 * boolean, and as a key the text "false" or "true"), several documents a file, JSON being YAML.
 * Every place in a tree knows its line. The only folder that knows libyaml. Limits: nesting,
 * aliases' growth ("bombs") and size are bounded, and refused with the line.
 */
#pragma once

#include "json/cur.h"

#define FL_YAML_FILE_MAX  (16u << 20) /* bytes of text */
#define FL_YAML_DEPTH_MAX 64
#define FL_YAML_NODES_MAX (1u << 20)  /* values, aliases written out */
#define FL_YAML_TEXT_MAX  (64u << 20) /* bytes of keys and texts, aliases written out */
#define FL_YAML_DOCS_MAX  65536

struct fl_yaml; /* the documents of one text */

/* Frees it with its trees. */
void fl_yaml_free(struct fl_yaml **y);
#define fl_auto_yaml fl_auto(fl_yaml_free)

/*
 * Reads all documents; empty ones are passed over. name: the file's, for errors. -EINVAL says
 * "NAME:LINE:COLUMN: what is wrong": syntax, a repeated key, a limit. Whole numbers beyond 64 bits
 * become real ones, as with kubectl. *out is the caller's. -EFBIG: more text than the limit.
 */
fl_must int fl_yaml_parse(const char *name, const char *text, size_t len, struct fl_yaml **out,
			  struct fl_err *err);

/* Number of documents. */
size_t fl_yaml_docs(const struct fl_yaml *y);

/* A document's tree, borrowed; and the line (from 1) at which it begins. */
const struct fl_json *fl_yaml_doc(const struct fl_yaml *y, size_t i, unsigned int *line);

/* Gives a document's tree to the caller, who frees it; lines can no longer be asked for. */
struct fl_json *fl_yaml_take(struct fl_yaml *y, size_t i);

/* The line of the place that the cursor shows, which is within document i; of its nearest parent
 * when it is absent. */
unsigned int fl_yaml_line(const struct fl_yaml *y, size_t i, const struct fl_cur *at);

/* The line of what an error is about that a cursor within these documents has made; 0: of none. */
unsigned int fl_yaml_line_of(const struct fl_yaml *y, const struct fl_err *err);

/*
 * The tree as YAML text that reads back as the same tree (null alone: as no document); the caller
 * frees. -EINVAL: nested too deep, or a key longer than 160 bytes.
 */
fl_must int fl_yaml_print(const struct fl_json *v, char **out, struct fl_err *err);
