// SPDX-License-Identifier: Apache-2.0
/*
 * Documents as people read them. A table has a line of titles, columns as wide as their widest
 * cell with two blanks between, and no blanks at a line's end. What comes from elsewhere may hold
 * any text: control characters are shown as '?', so that a terminal obeys none of them.
 */
#pragma once

#include "cli/cli.h"

#include <stdio.h>

/* The document in the form that was asked for, unless that is a table. 1: it was printed. */
fl_must int cli_print_doc(const struct cli *c, const struct fl_json *doc, struct fl_err *err);

/* As above for one of many documents: JSON is one line, YAML a document of its own. */
fl_must int cli_print_one(const struct cli *c, const struct fl_json *doc, struct fl_err *err);

struct cli_table; /* rows of cells */

/* A new table with n columns; titles NULL: no line of titles. */
fl_must int cli_table_new(const char *const *titles, size_t n, struct cli_table **out,
			  struct fl_err *err);

/* Frees it. */
void cli_table_free(struct cli_table **t);
#define cli_auto_table fl_auto(cli_table_free)

/* The next cell, from left to right, row after row; NULL and "" become "-". */
void cli_table_add(struct cli_table *t, const char *text);

/* As above for what a document says: a text, a number, yes or no, a list with commas. */
void cli_table_add_json(struct cli_table *t, const struct fl_json *v);

/* As above for an end of a connection: "default/web:80", "10.0.0.1:80", "[fd00::1]:80". */
void cli_table_add_end(struct cli_table *t, const struct fl_json *end);

/* Writes it. -ENOMEM, if memory was lacking on the way. */
fl_must int cli_table_print(const struct cli_table *t, FILE *to, struct fl_err *err);

/* Columns are at least so wide; as many widths as columns. */
void cli_table_widths(struct cli_table *t, const unsigned int *widths);

/* A column of a list of objects. */
struct cli_column {
	const char *title, *key;
	void (*add)(struct cli_table *t, const struct fl_json *row); /* instead of key */
};

/* An array of objects as a table, or a word to standard error that there are none ("peers"). */
fl_must int cli_print_list(const struct fl_json *list, const struct cli_column *columns, size_t n,
			   const char *what, struct fl_err *err);
