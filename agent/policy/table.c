// SPDX-License-Identifier: Apache-2.0
/* The hash table. */
#include "agent/policy/table.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"

/* What stands where an item was taken out. */
static char gone;

void pol_table_done(struct pol_table *t)
{
	fl_free_p(&t->slot);
	*t = (struct pol_table){ 0 };
}

void *pol_table_get(const struct pol_table *t, uint64_t hash, pol_same *same, const void *key)
{
	if (!t->size)
		return NULL;
	for (size_t i = hash & (t->size - 1);; i = (i + 1) & (t->size - 1)) {
		const struct pol_slot *s = &t->slot[i];

		if (!s->item)
			return NULL;
		if (s->hash == hash && s->item != &gone && same(s->item, key))
			return s->item;
	}
}

static void place(struct pol_table *t, uint64_t hash, void *item)
{
	size_t i = hash & (t->size - 1);

	while (t->slot[i].item && t->slot[i].item != &gone)
		i = (i + 1) & (t->size - 1);
	t->used += !t->slot[i].item;
	t->slot[i] = (struct pol_slot){ hash, item };
	t->n++;
}

int pol_table_reserve(struct pol_table *t, struct fl_err *err)
{
	struct pol_table bigger = { .size = 16 };

	if ((t->used + 1) * 4 <= t->size * 3)
		return 0;
	while ((t->n + 1) * 2 > bigger.size)
		bigger.size *= 2;
	bigger.slot = calloc(bigger.size, sizeof(*bigger.slot));
	if (!bigger.slot)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	for (size_t i = 0; i < t->size; i++)
		if (t->slot[i].item && t->slot[i].item != &gone)
			place(&bigger, t->slot[i].hash, t->slot[i].item);
	pol_table_done(t);
	*t = bigger;
	return 0;
}

void pol_table_add(struct pol_table *t, uint64_t hash, void *item)
{
	place(t, hash, item);
}

void pol_table_del(struct pol_table *t, uint64_t hash, const void *item)
{
	if (!t->size)
		return;
	for (size_t i = hash & (t->size - 1); t->slot[i].item; i = (i + 1) & (t->size - 1)) {
		if (t->slot[i].item != item)
			continue;
		t->slot[i].item = &gone;
		t->n--;
		return;
	}
}

void *pol_table_next(const struct pol_table *t, size_t *at)
{
	while (*at < t->size) {
		void *item = t->slot[(*at)++].item;

		if (item && item != &gone)
			return item;
	}
	return NULL;
}

uint64_t pol_hash_more(uint64_t hash, const void *data, size_t len)
{
	/* "fairlead": numbers in the kernel's maps hang on it. */
	return fl_siphash((struct fl_hash){ hash, 0x6461656c72696166u }, len ? data : "", len).lo;
}

uint64_t pol_hash(const void *data, size_t len)
{
	return pol_hash_more(0, data, len);
}

uint64_t pol_hash_text(uint64_t hash, const char *text)
{
	return pol_hash_more(hash, text, strlen(text) + 1);
}
