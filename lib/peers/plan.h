// SPDX-License-Identifier: Apache-2.0
/*
 * For lib/peers' own files only: what a plan is, and how its parts are compared. A part's key says
 * which object of the kernel it is: two parts with one key cannot both be there.
 */
#pragma once

#include "peers/peers.h"

enum peers_kind { PEERS_ROUTE, PEERS_NEIGH, PEERS_FDB, PEERS_KINDS };

/* Items of one kind, sorted by key. */
struct peers_list {
	void *items;
	size_t n, room;
};

struct fl_peers_plan {
	struct peers_list list[PEERS_KINDS];
};

/* How the kinds differ. */
struct peers_form {
	size_t size;
	int (*cmp)(const void *a, const void *b); /* by key */
	bool (*same)(const void *a, const void *b);
};

extern const struct peers_form peers_form[PEERS_KINDS];

/* An empty plan. */
fl_must int peers_plan_new(struct fl_peers_plan **out, struct fl_err *err);

/* Appends a copy of the item; the list is not sorted then. */
fl_must int peers_plan_add(struct fl_peers_plan *p, enum peers_kind kind, const void *item,
			   struct fl_err *err);

/* Sorts the list by key; of neighbours in it that are the same, one stays. */
void peers_plan_sort(struct fl_peers_plan *p, enum peers_kind kind);

/* The list's item at i. */
static inline const void *peers_item(const struct fl_peers_plan *p, enum peers_kind kind, size_t i)
{
	return (const char *)p->list[kind].items + i * peers_form[kind].size;
}
