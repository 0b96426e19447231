// SPDX-License-Identifier: Apache-2.0
/* Growing arrays. */
#include "agent/policy/vec.h"

#include <errno.h>
#include <string.h>

void pol_vec_done(struct pol_vec *v)
{
	fl_free_p(&v->v);
	v->n = 0;
}

/* The room is the next power of two, so that it need not be kept. */
int pol_vec_add(struct pol_vec *v, void *item, struct fl_err *err)
{
	void **more;

	if ((v->n & (v->n - 1)) == 0) {
		more = realloc(v->v, (v->n ? 2 * v->n : 1) * sizeof(*more));
		if (!more)
			return fl_fail_errno(err, ENOMEM, "compile policies");
		v->v = more;
	}
	v->v[v->n++] = item;
	return 0;
}

void pol_vec_del(struct pol_vec *v, const void *item)
{
	for (size_t i = 0; i < v->n; i++) {
		if (v->v[i] != item)
			continue;
		v->v[i] = v->v[--v->n];
		return;
	}
}

bool pol_vec_has(const struct pol_vec *v, const void *item)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->v[i] == item)
			return true;
	return false;
}

int pol_grow(void *array, size_t n, size_t *room, size_t size, struct fl_err *err)
{
	size_t more = *room ? 2 * *room : 8;
	void *v;

	if (n < *room)
		return 0;
	memcpy(&v, array, sizeof(v));
	v = realloc(v, more * size);
	if (!v)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	memcpy(array, &v, sizeof(v));
	*room = more;
	return 0;
}

int pol_numbers_add(struct pol_numbers *n, uint32_t number, struct fl_err *err)
{
	int r = pol_grow(&n->v, n->n, &n->room, sizeof(*n->v), err);

	if (r == 0)
		n->v[n->n++] = number;
	return r;
}

int pol_number_compare(const void *a, const void *b)
{
	const uint32_t *p = a, *q = b;

	return *p < *q ? -1 : *p > *q;
}

bool pol_number_is_among(const uint32_t *numbers, size_t n, uint32_t number)
{
	size_t from = 0, to = n;

	while (from < to) {
		size_t mid = (from + to) / 2;

		if (numbers[mid] < number)
			from = mid + 1;
		else
			to = mid;
	}
	return from < n && numbers[from] == number;
}

void pol_numbers_sort(struct pol_numbers *n)
{
	if (n->n)
		qsort(n->v, n->n, sizeof(*n->v), pol_number_compare);
}

void pol_numbers_done(struct pol_numbers *n)
{
	fl_free_p(&n->v);
	*n = (struct pol_numbers){ 0 };
}
