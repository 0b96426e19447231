// SPDX-License-Identifier: Apache-2.0
/*
 * Where the values of trees stand in their text: for each object and array its own line, and those
 * of its members or elements in order. Found by the container's address, since scalars may be
 * shared by a tree.
 */
#pragma once

#include "json/json.h"

struct fl_yaml_place {
	const struct fl_json *v; /* NULL: a free slot */
	uint32_t line;
	uint32_t first; /* of its children's lines in child[] */
};

struct fl_yaml_lines {
	struct fl_yaml_place *slots; /* a hash table; cap is a power of two */
	size_t cap, n;
	uint32_t *child;
	size_t n_child, cap_child;
};

/* Frees what it holds. */
void fl_yaml_lines_done(struct fl_yaml_lines *l);

/* Notes a container and its children's lines. */
fl_must int fl_yaml_lines_put(struct fl_yaml_lines *l, const struct fl_json *v, uint32_t line,
			      const uint32_t *children, size_t n);

/* Notes a container that is a copy of one that is noted. */
fl_must int fl_yaml_lines_put_copy(struct fl_yaml_lines *l, const struct fl_json *copy,
				   const struct fl_json *of);

/* The container's place, borrowed until the next put, or NULL. */
const struct fl_yaml_place *fl_yaml_lines_find(const struct fl_yaml_lines *l,
					       const struct fl_json *v);

/* The line of the child with this number, from 0. */
uint32_t fl_yaml_lines_child(const struct fl_yaml_lines *l, const struct fl_yaml_place *p,
			     size_t i);
