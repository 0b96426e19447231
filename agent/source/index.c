// SPDX-License-Identifier: Apache-2.0
/* The index of objects. */
#include "agent/source/index.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"

static void entry_free(struct src_entry **e)
{
	if (*e) {
		fl_free_p(&(*e)->ns);
		fl_free_p(&(*e)->name);
		src_object_free(&(*e)->was);
	}
	fl_free_p(e);
}

void src_index_done(struct src_index *ix)
{
	struct src_entry *e;
	size_t at = 0;

	while ((e = pol_table_next(&ix->entries, &at)))
		entry_free(&e);
	pol_table_done(&ix->entries);
	src_complaints_done(&ix->clashes);
	*ix = (struct src_index){ 0 };
}

static uint64_t hash_of(enum pol_kind kind, const char *ns, const char *name)
{
	return pol_hash_text(pol_hash_text(kind, ns), name);
}

static bool is_of(const void *item, const void *key)
{
	const struct src_entry *e = item;
	const struct src_object *o = key;

	return e->kind == o->kind && fl_streq(e->ns, o->ns) && fl_streq(e->name, o->name);
}

static void make_dirty(struct src_index *ix, struct src_entry *e)
{
	if (e->dirty)
		return;
	e->dirty = true;
	if (ix->last_dirty)
		ix->last_dirty->next = e;
	else
		ix->first_dirty = e;
	ix->last_dirty = e;
}

/* The object's entry, made if there is none. */
static struct src_entry *entry_of(struct src_index *ix, const struct src_object *o,
				  struct fl_err *err)
{
	uint64_t hash = hash_of(o->kind, o->ns, o->name);
	struct src_entry *found = pol_table_get(&ix->entries, hash, is_of, o);
	fl_auto(entry_free) struct src_entry *e = NULL;

	if (found)
		return found;
	e = calloc(1, sizeof(*e));
	if (e) {
		e->kind = o->kind;
		e->ns = strdup(o->ns);
		e->name = strdup(o->name);
	}
	if (!e || !e->ns || !e->name || pol_table_reserve(&ix->entries, err) < 0) {
		(void)fl_fail_errno(err, ENOMEM, "read '%s'", o->where);
		return NULL;
	}
	pol_table_add(&ix->entries, hash, e);
	/* Even if nobody claims it in the end: then it is removed. */
	make_dirty(ix, e);
	return FL_TAKE(e);
}

/* Orders places "FILE:LINE" by file. */
static int compare_files(const char *a, const char *b)
{
	size_t n = (size_t)(strrchr(a, ':') - a), m = (size_t)(strrchr(b, ':') - b);
	int order = memcmp(a, b, n < m ? n : m);

	return order ?: (n > m) - (n < m);
}

int src_index_enter(struct src_index *ix, const struct src_objects *o, struct fl_err *err)
{
	for (size_t i = 0; i < o->n_objects; i++) {
		o->objects[i]->entry = entry_of(ix, o->objects[i], err);
		if (!o->objects[i]->entry)
			return -ENOMEM;
	}
	for (size_t i = 0; i < o->n_objects; i++) {
		struct src_object *new = o->objects[i], **at = &new->entry->claims;

		while (*at && compare_files((*at)->where, new->where) <= 0)
			at = &(*at)->next;
		new->next = *at;
		*at = new;
		make_dirty(ix, new->entry);
	}
	return 0;
}

void src_index_leave(struct src_index *ix, struct src_objects *o)
{
	for (size_t i = 0; i < o->n_objects; i++) {
		struct src_entry *e = o->objects[i]->entry;
		struct src_object **at = &e->claims;

		while (*at != o->objects[i])
			at = &(*at)->next;
		*at = o->objects[i]->next;
		make_dirty(ix, e);
		if (e->now != o->objects[i])
			continue;
		e->now = NULL;
		if (e->told && !e->was)
			e->was = FL_TAKE(o->objects[i]);
	}
}

/* Of those that claim to be it: the one of the same file and form, file, or form; else the first.
 */
static struct src_object *choose(const struct src_entry *e)
{
	struct src_object *best = NULL;
	int most = -1;

	for (struct src_object *o = e->claims; o; o = o->next) {
		int score = 0;

		if (e->was && (o != e->claims || o->next))
			score = 2 * (compare_files(o->where, e->was->where) == 0) +
				src_object_equal(o, e->was);
		if (score > most)
			best = o;
		most = score > most ? score : most;
	}
	return best;
}

static int by_name(const void *a, const void *b)
{
	const struct src_entry *p = *(const struct src_entry *const *)a;
	const struct src_entry *q = *(const struct src_entry *const *)b;

	return p->kind != q->kind ? (int)p->kind - (int)q->kind
				  : strcmp(p->ns, q->ns) ?: strcmp(p->name, q->name);
}

/* Complains of those that are not in force. */
static void complain(const struct src_entry *e, struct src_complaints *c)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "%s '%s%s%s': is already in %s", src_kind_text(e->kind),
		       e->ns, *e->ns ? "/" : "", e->name, e->now->where);
	for (const struct src_object *o = e->claims; o; o = o->next)
		if (o != e->now)
			src_complaints_add(o->where, text, c);
}

static int make_complaints(struct src_index *ix, bool *changed, struct fl_err *err)
{
	fl_auto_free struct src_entry **all = calloc(ix->n_clashes + 1, sizeof(struct src_entry *));
	struct src_complaints before = ix->clashes;
	struct src_entry *e;
	size_t n = 0, at = 0;

	if (!all)
		return fl_fail_errno(err, ENOMEM, "compare objects");
	while ((e = pol_table_next(&ix->entries, &at)))
		if (e->clashes)
			all[n++] = e;
	qsort(all, n, sizeof(struct src_entry *), by_name);
	ix->other_clashes = false;
	ix->clashes = (struct src_complaints){ 0 };
	for (size_t i = 0; i < n; i++)
		complain(all[i], &ix->clashes);
	*changed |= !src_complaints_equal(&before, &ix->clashes);
	src_complaints_done(&before);
	return 0;
}

int src_index_settle(struct src_index *ix, bool *changed, struct fl_err *err)
{
	for (struct src_entry *e = ix->first_dirty; e; e = e->next) {
		if (!e->now)
			e->now = choose(e);
		ix->other_clashes |= e->clashes;
		ix->n_clashes -= e->clashes;
		e->clashes = e->claims && e->claims->next;
		ix->n_clashes += e->clashes;
		ix->other_clashes |= e->clashes;
	}
	return ix->other_clashes ? make_complaints(ix, changed, err) : 0;
}

/* What is gone from all files. */
static bool tell_deletions(struct src_index *ix, const struct src_sink *sink)
{
	bool any = false;

	for (struct src_entry *e = ix->first_dirty; e; e = e->next) {
		if (!e->told || e->now)
			continue;
		if (sink)
			sink->del(e->kind, e->ns, e->name, sink->arg);
		e->told = false;
		ix->n[e->kind]--;
		any = true;
	}
	return any;
}

/* False: there was no memory for it. */
static bool put(const struct src_object *o, const struct src_sink *sink)
{
	fl_auto_json struct fl_json *tree = NULL;
	struct fl_err err;

	if (src_object_tree(o, &tree, &err) < 0)
		return false;
	sink->put(o->kind, tree, o->where, sink->arg);
	return true;
}

/* *any becomes true when there was something to tell. False: there was no memory for it. */
static bool tell_entry(struct src_index *ix, struct src_entry *e, const struct src_sink *sink,
		       bool *any)
{
	if (e->told && (!e->was || src_object_equal(e->was, e->now)))
		return true;
	if (sink && !put(e->now, sink))
		return false;
	ix->n[e->kind] += !e->told;
	e->told = true;
	*any = true;
	return true;
}

int src_index_tell(struct src_index *ix, const struct src_sink *sink, bool *any, struct fl_err *err)
{
	struct src_entry *e;

	*any |= tell_deletions(ix, sink);
	while ((e = ix->first_dirty)) {
		if (e->now && !tell_entry(ix, e, sink, any))
			return fl_fail_errno(err, ENOMEM, "tell of '%s' at %s", e->name,
					     e->now->where);
		ix->first_dirty = e->next;
		e->next = NULL;
		e->dirty = false;
		if (e->now) {
			src_object_free(&e->was);
			continue;
		}
		pol_table_del(&ix->entries, hash_of(e->kind, e->ns, e->name), e);
		entry_free(&e);
	}
	ix->last_dirty = NULL;
	return 0;
}

int src_index_retell(const struct src_index *ix, const struct src_sink *sink, struct fl_err *err)
{
	const struct src_entry *e;
	size_t at = 0;

	/* What has changed since is told as it was, and will be told as it is. */
	while ((e = pol_table_next(&ix->entries, &at))) {
		const struct src_object *o = e->dirty && e->was ? e->was : e->now;

		if (e->told && o && !put(o, sink))
			return fl_fail_errno(err, ENOMEM, "tell of '%s' at %s", e->name, o->where);
	}
	return 0;
}
