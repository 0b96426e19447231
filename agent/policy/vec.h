// SPDX-License-Identifier: Apache-2.0
/* Growing arrays, which own only themselves: of pointers, in no order, and of numbers. */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct pol_vec {
	void **v;
	size_t n;
};

/* Frees the array, not what it points to. */
void pol_vec_done(struct pol_vec *v);

/* Adds at the end. */
fl_must int pol_vec_add(struct pol_vec *v, void *item, struct fl_err *err);

/* Takes the item out; the last one comes to its place. One that is not there is done. */
void pol_vec_del(struct pol_vec *v, const void *item);

/* True when the item is there. */
bool pol_vec_has(const struct pol_vec *v, const void *item);

/* Makes room in *array for one more element of this size beyond n; grows by doubling. */
fl_must int pol_grow(void *array, size_t n, size_t *room, size_t size, struct fl_err *err);

/* The order of numbers, for qsort(). */
int pol_number_compare(const void *a, const void *b);

/* True when the number is one of these, which are sorted. */
bool pol_number_is_among(const uint32_t *numbers, size_t n, uint32_t number);

/* Numbers in a row, which the vector owns. */
struct pol_numbers {
	uint32_t *v;
	size_t n, room;
};

/* Adds a number at the end. -ENOMEM. */
fl_must int pol_numbers_add(struct pol_numbers *n, uint32_t number, struct fl_err *err);

/* Puts them in order. */
void pol_numbers_sort(struct pol_numbers *n);

/* Frees what they take; there are none then. */
void pol_numbers_done(struct pol_numbers *n);
