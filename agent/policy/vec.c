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
