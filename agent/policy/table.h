// SPDX-License-Identifier: Apache-2.0
/*
 * A hash table of pointers to whatever carries its own key; it owns nothing. Open addressing, at
 * most three quarters full.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct pol_table {
	struct pol_slot {
		uint64_t hash;
		void *item; /* NULL: never used; see table.c for one that was */
	} * slot;
	size_t size, used, n; /* slots; those ever used; items */
};

/* True when the item has this key. */
typedef bool pol_same(const void *item, const void *key);

/* Frees the table, not the items. */
void pol_table_done(struct pol_table *t);

/* The item with this key, or NULL. */
void *pol_table_get(const struct pol_table *t, uint64_t hash, pol_same *same, const void *key);

/* Makes room for one more item, so that the next pol_table_add() cannot fail. */
fl_must int pol_table_reserve(struct pol_table *t, struct fl_err *err);

/* Adds an item whose key is not there yet; room has been made. */
void pol_table_add(struct pol_table *t, uint64_t hash, void *item);

/* Takes an item out. */
void pol_table_del(struct pol_table *t, uint64_t hash, const void *item);

/* Walks the items in no order: *at is 0 at first. NULL at the end. No item may be added meanwhile.
 */
void *pol_table_next(const struct pol_table *t, size_t *at);

/* A hash of bytes, the same on every machine. */
uint64_t pol_hash(const void *data, size_t len);

/* Goes on with a hash. */
uint64_t pol_hash_more(uint64_t hash, const void *data, size_t len);

/* Of a text, its end included. */
uint64_t pol_hash_text(uint64_t hash, const char *text);
