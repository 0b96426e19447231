// SPDX-License-Identifier: Apache-2.0
/*
 * A world under test and the maps beside it: every commit's operations are applied to a mirror, as
 * the datapath would apply them to the kernel's maps.
 */
#pragma once

#include "agent/policy/world.h"
#include "policy_text.h"

#include "base/text.h"

struct mirror {
	struct pol_entry *v;
	size_t n, room;
};

static inline bool is_known(enum pol_kind kind, const struct fl_cur *object, void *arg)
{
	(void)object;
	(void)arg;
	return assert_true(kind != POL_KIND_OTHER), true;
}

static inline void world_put(struct pol_world *w, const char *text)
{
	fl_auto_json struct fl_json *v = tree_of(text);
	struct fl_cur root = fl_cur_root(v, "object");
	struct fl_err err = { 0 };

	CHECK_OK(pol_world_put_object(w, &root, is_known, NULL, &err), &err);
}

static inline bool same_key(const struct pol_entry *a, const struct pol_entry *b)
{
	if (a->map != b->map)
		return false;
	switch (a->map) {
	case POL_MAP_PORTS:
		return a->port.ports == b->port.ports && a->port.port == b->port.port &&
		       a->port.proto == b->port.proto && a->port.bits == b->port.bits;
	case POL_MAP_RULES:
		return a->rule.version == b->rule.version && a->rule.who == b->rule.who &&
		       a->rule.dir == b->rule.dir;
	case POL_MAP_PREFIXES:
		return a->prefix.prefix.len == b->prefix.prefix.len &&
		       fl_ip_cmp(&a->prefix.prefix.ip, &b->prefix.prefix.ip) == 0;
	case POL_MAP_SLOTS:
		return a->slot.slot == b->slot.slot;
	case POL_MAP_PODS:
		return fl_streq(a->pod.ns, b->pod.ns) && fl_streq(a->pod.name, b->pod.name);
	}
	return false;
}

/* The mirror's own texts of a pod's entry, or their end. */
static inline void mirror_own(struct pol_entry *e)
{
	if (e->map != POL_MAP_PODS)
		return;
	e->pod.ns = strdup(e->pod.ns);
	e->pod.name = strdup(e->pod.name);
	CHECK(e->pod.ns && e->pod.name);
}

static inline void mirror_disown(struct pol_entry *e)
{
	if (e->map != POL_MAP_PODS)
		return;
	free((void *)(uintptr_t)e->pod.ns);
	free((void *)(uintptr_t)e->pod.name);
}

static inline void mirror_done(struct mirror *m)
{
	for (size_t i = 0; i < m->n; i++)
		mirror_disown(&m->v[i]);
	fl_free_p(&m->v);
	*m = (struct mirror){ 0 };
}

/* Applies one operation. What is deleted must be there. */
static inline void mirror_apply(struct mirror *m, const struct pol_op *op)
{
	size_t i = 0;

	while (i < m->n && !same_key(&m->v[i], &op->e))
		i++;
	if (op->del) {
		CHECK(i < m->n);
		mirror_disown(&m->v[i]);
		m->v[i] = m->v[--m->n];
		return;
	}
	if (m->n == m->room) {
		m->room = m->room ? 2 * m->room : 64;
		m->v = realloc(m->v, m->room * sizeof(*m->v));
		CHECK(m->v);
	}
	if (i < m->n)
		mirror_disown(&m->v[i]);
	m->v[i] = op->e;
	mirror_own(&m->v[i]);
	m->n += i == m->n;
}

static inline void mirror_apply_all(struct mirror *m, const struct pol_diff *d)
{
	for (size_t i = 0; i < d->n; i++)
		mirror_apply(m, &d->ops[i]);
}

static inline void world_commit(struct pol_world *w, struct mirror *m)
{
	fl_auto_pol_diff struct pol_diff d = { 0 };
	struct fl_err err = { 0 };

	CHECK_OK(pol_world_commit(w, &d, &err), &err);
	if (m)
		mirror_apply_all(m, &d);
}

/* An entry in words; version_of: what to say of a slot, whose number hangs on the past. */
static inline void entry_text(const struct pol_entry *e, uint32_t (*version_of)(uint32_t, void *),
			      void *arg, char *out, size_t size)
{
	char text[FL_PREFIX_STR];

	switch (e->map) {
	case POL_MAP_PORTS:
		(void)snprintf(out, size, "port %08x %u/%u/%u: %08x", e->port.ports, e->port.proto,
			       e->port.port, e->port.bits, e->port.origin);
		break;
	case POL_MAP_RULES:
		(void)snprintf(out, size, "rule %08x %u %08x: %08x %05x %08x", e->rule.version,
			       e->rule.dir, e->rule.who, e->rule.ports, e->rule.lengths,
			       e->rule.origin);
		break;
	case POL_MAP_PREFIXES:
		(void)snprintf(out, size, "prefix %s: %08x %08x %08x",
			       fl_prefix_format(&e->prefix.prefix, text), e->prefix.identity,
			       e->prefix.ns, e->prefix.block);
		break;
	case POL_MAP_SLOTS:
		(void)snprintf(out, size, "slot %08x %x", e->slot.version, e->slot.flags);
		break;
	case POL_MAP_PODS:
		(void)snprintf(out, size, "pod %s/%s: %08x %08x %08x", e->pod.ns, e->pod.name,
			       e->pod.identity, e->pod.ns_number, version_of(e->pod.slot, arg));
		break;
	}
}

static inline uint32_t version_in(uint32_t slot, void *arg)
{
	const struct mirror *m = arg;

	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].map == POL_MAP_SLOTS && m->v[i].slot.slot == slot)
			return m->v[i].slot.version;
	CHECK(slot == POL_SLOT_NONE);
	return 0;
}

static inline int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lengths that a port set's members have. */
static inline uint32_t mirror_lengths(const struct mirror *m, uint32_t ports)
{
	uint32_t lengths = 0;

	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].map == POL_MAP_PORTS && m->v[i].port.ports == ports)
			lengths |= 1u << m->v[i].port.bits;
	return lengths;
}

/* All entries, a line each, sorted; the caller frees. Rules know their ports' lengths. */
static inline char *mirror_text(struct mirror *m)
{
	char **lines = calloc(m->n + 1, sizeof(*lines)), *all, *end;
	char line[256];

	CHECK(lines);
	for (size_t i = 0; i < m->n; i++) {
		entry_text(&m->v[i], version_in, m, line, sizeof(line));
		if (m->v[i].map == POL_MAP_RULES)
			assert_int_equal(m->v[i].rule.lengths,
					 mirror_lengths(m, m->v[i].rule.ports));
		lines[i] = strdup(line);
		CHECK(lines[i]);
	}
	qsort(lines, m->n, sizeof(*lines), compare_lines);
	all = end = calloc(m->n + 1, sizeof(line));
	CHECK(all);
	for (size_t i = 0; i < m->n; i++) {
		end += sprintf(end, "%s\n", lines[i]);
		fl_free_p(&lines[i]);
	}
	fl_free_p(&lines);
	return all;
}

/* What the world itself says is in force. */
static inline char *snapshot_text(struct pol_world *w)
{
	fl_auto_pol_diff struct pol_diff d = { 0 };
	struct mirror m = { 0 };
	struct fl_err err = { 0 };
	char *text;

	CHECK_OK(pol_world_snapshot(w, &d, &err), &err);
	mirror_apply_all(&m, &d);
	assert_int_equal(m.n, d.n);
	text = mirror_text(&m);
	mirror_done(&m);
	return text;
}

/* Fails with the lines that only one of the two has. */
static inline void check_same_lines(const char *a, const char *b, const char *what)
{
	char text[2048] = "";
	size_t n = 0;

	while ((*a || *b) && n < sizeof(text) - 400) {
		size_t la = strcspn(a, "\n"), lb = strcspn(b, "\n");
		int order = !*a ? 1 : !*b ? -1 : strncmp(a, b, la > lb ? la + 1 : lb + 1);

		if (order)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s %.*s\n",
					      order < 0 ? "first " : "second",
					      (int)(order < 0 ? la : lb), order < 0 ? a : b);
		a += order <= 0 ? la + !!a[la] : 0;
		b += order >= 0 ? lb + !!b[lb] : 0;
	}
	if (n)
		fail_msg("%s differ:\n%s", what, text);
}
