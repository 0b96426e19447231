// SPDX-License-Identifier: Apache-2.0
/* The table of lines. */
#include "yaml/lines.h"

#include <errno.h>
#include <string.h>

void fl_yaml_lines_done(struct fl_yaml_lines *l)
{
	fl_free_p(&l->slots);
	fl_free_p(&l->child);
	*l = (struct fl_yaml_lines){ 0 };
}

static struct fl_yaml_place *slot_of(struct fl_yaml_place *slots, size_t cap,
				     const struct fl_json *v)
{
	size_t i = (size_t)((uintptr_t)v * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (cap - 1);

	while (slots[i].v && slots[i].v != v)
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

static int make_room(struct fl_yaml_lines *l)
{
	size_t cap = l->cap ? 2 * l->cap : 64;
	struct fl_yaml_place *slots;

	if (3 * l->cap > 4 * l->n)
		return 0;
	slots = calloc(cap, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < l->cap; i++) {
		if (l->slots[i].v)
			*slot_of(slots, cap, l->slots[i].v) = l->slots[i];
	}
	fl_free_p(&l->slots);
	l->slots = slots;
	l->cap = cap;
	return 0;
}

static int add_place(struct fl_yaml_lines *l, const struct fl_yaml_place *place)
{
	int r = make_room(l);

	if (r < 0)
		return r;
	*slot_of(l->slots, l->cap, place->v) = *place;
	l->n++;
	return 0;
}

int fl_yaml_lines_put(struct fl_yaml_lines *l, const struct fl_json *v, uint32_t line,
		      const uint32_t *children, size_t n)
{
	const struct fl_yaml_place place = { v, line, (uint32_t)l->n_child };

	if (l->n_child + n > l->cap_child) {
		size_t cap = 2 * (l->n_child + n);
		uint32_t *child = realloc(l->child, cap * sizeof(*child));

		if (!child)
			return -ENOMEM;
		l->child = child;
		l->cap_child = cap;
	}
	if (n)
		memcpy(l->child + l->n_child, children, n * sizeof(*children));
	l->n_child += n;
	return add_place(l, &place);
}

int fl_yaml_lines_put_copy(struct fl_yaml_lines *l, const struct fl_json *copy,
			   const struct fl_json *of)
{
	const struct fl_yaml_place *original = fl_yaml_lines_find(l, of);
	struct fl_yaml_place place;

	if (!original)
		return 0;
	place = *original;
	place.v = copy;
	return add_place(l, &place);
}

const struct fl_yaml_place *fl_yaml_lines_find(const struct fl_yaml_lines *l,
					       const struct fl_json *v)
{
	const struct fl_yaml_place *p;

	if (!l->cap || !v)
		return NULL;
	p = slot_of(l->slots, l->cap, v);
	return p->v ? p : NULL;
}

uint32_t fl_yaml_lines_child(const struct fl_yaml_lines *l, const struct fl_yaml_place *p, size_t i)
{
	return l->child[p->first + i];
}
