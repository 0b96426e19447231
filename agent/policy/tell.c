// SPDX-License-Identifier: Apache-2.0
/*
 * The end of a commit: what has changed is told, entry by entry, and what has gone is freed.
 */
#include <string.h>

#include "agent/policy/inside.h"

int tell_slots(struct pol_world *w, struct fl_err *err)
{
	struct set *s;
	size_t at = 0;
	int r = 0;

	while (r == 0 && (s = pol_table_next(&w->sets, &at))) {
		struct pol_entry e = slot_entry(s);

		if (s->is_switched && s->slot != POL_SLOT_CLOSED)
			r = ops_add(&w->puts, &e, false, err);
		s->is_switched = false;
	}
	return r;
}

static struct pol_entry place_entry(const struct pol_world *w, const struct place *pl)
{
	const struct pod *owner = place_owner(pl);
	const struct place *cover = place_cover(w, &pl->prefix);
	struct pol_entry e = { .map = POL_MAP_PREFIXES, .prefix = { .prefix = pl->prefix } };

	if (owner) {
		e.prefix.identity = owner->ident->number;
		e.prefix.ns = owner->ns->number;
	}
	if (cover)
		e.prefix.block = cover->number;
	return e;
}

/* Is the place in the map? All of IPv4 always is: it would else be a part of an IPv6 block. */
static bool is_in_map(const struct place *pl)
{
	return pl->pods.n || pl->listed || (pl->prefix.len == 0 && fl_ip_is4(&pl->prefix.ip));
}

static bool differs(const struct pol_entry *a, const struct pol_entry *b)
{
	return a->prefix.identity != b->prefix.identity || a->prefix.ns != b->prefix.ns ||
	       a->prefix.block != b->prefix.block;
}

static int put_place(struct pol_world *w, const struct pol_entry *e, bool late, struct fl_err *err)
{
	int r = ops_add(&w->puts, e, false, err);

	if (r == 0)
		w->puts.v[w->puts.n - 1].late = late;
	return r;
}

int tell_places(struct pol_world *w, bool late, struct fl_err *err)
{
	struct place *pl;
	size_t at = 0;
	int r = 0;

	/* Which block is the longest may have changed for every address. */
	while (w->blocks_changed && r == 0 && (pl = pol_table_next(&w->places, &at)))
		r = place_queue(w, pl, err);
	for (size_t i = 0; r == 0 && i < w->told_places.n; i++) {
		struct pol_entry e;

		pl = w->told_places.v[i];
		e = place_entry(w, pl);
		if (is_in_map(pl) && (!pl->is_told || differs(&e, &pl->told)))
			r = put_place(w, &e, late, err);
		else if (!is_in_map(pl) && pl->is_told)
			r = ops_add(&w->dels, &e, true, err);
		pl->is_told = is_in_map(pl);
		pl->told = e;
	}
	return r;
}

static struct pol_entry pod_entry(const struct pod *pod)
{
	struct pol_entry e = {
		.map = POL_MAP_PODS,
		.pod = { .ns = pod->p.ns, .name = pod->p.name },
	};

	if (pod->ident) {
		e.pod.identity = pod->ident->number;
		e.pod.ns_number = pod->ns->number;
		if (pod->ident->policies)
			e.pod.slot = pod->ident->policies->slot;
	}
	return e;
}

int tell_pods(struct pol_world *w, struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->told_pods.n; i++) {
		struct pod *pod = w->told_pods.v[i];
		struct pol_entry e = pod_entry(pod);
		bool is_in = pod->ident && pod->is_local && !pod->is_gone;

		if (is_in && (!pod->is_told || e.pod.identity != pod->told.pod.identity ||
			      e.pod.slot != pod->told.pod.slot))
			r = ops_add(&w->puts, &e, false, err);
		else if (!is_in && pod->is_told)
			r = ops_add(&w->dels, &e, true, err);
		pod->is_told = is_in;
		pod->told = e;
	}
	return r;
}

void bury_idents(struct pol_world *w)
{
	for (size_t i = 0; i < w->moved.n; i++) {
		struct ident *id = w->moved.v[i];

		id->is_moved = id->is_new = false;
		if (!id->pods.n)
			ident_free(w, id);
	}
	w->moved.n = w->new_idents.n = 0;
}

void bury_places(struct pol_world *w)
{
	for (size_t i = 0; i < w->told_places.n; i++) {
		struct place *pl = w->told_places.v[i];

		pl->is_queued = false;
		if (!pl->blocks && pl->number) {
			number_release(w, NUMBER_WHO, pl);
			pl->number = 0;
		}
		if (!is_in_map(pl))
			place_free(w, pl);
	}
	w->told_places.n = w->new_blocks.n = w->gone_blocks.n = 0;
	w->blocks_changed = false;
}

int bury_pods(struct pol_world *w, struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; i < w->told_pods.n; i++) {
		struct pod *pod = w->told_pods.v[i];

		pod->is_queued = false;
		if (!pod->is_gone)
			continue;
		pol_table_del(&w->pods, pod->hash, pod);
		if (r == 0)
			r = pol_vec_add(&w->grave, pod, err);
		if (r < 0)
			pod_free(pod);
	}
	w->told_pods.n = 0;
	return r;
}

void bury_policies(struct pol_world *w)
{
	struct ns *ns;
	size_t at = 0;

	for (size_t i = 0; i < w->changed.n; i++) {
		struct policy *p = w->changed.v[i];

		p->is_queued = p->is_stale = false;
		if (p->is_gone) {
			pol_vec_del(&p->ns->policies, p);
			policy_free(w, p);
		}
	}
	w->changed.n = 0;
	while ((ns = pol_table_next(&w->namespaces, &at)))
		ns_release(w, ns);
}

int bury_ports(struct pol_world *w, struct fl_err *err)
{
	struct port_set *p;
	size_t at = 0;
	int r = 0;

	while (r == 0 && (p = pol_table_next(&w->port_sets, &at))) {
		if (p->refs)
			continue;
		r = port_set_tell(&w->dels, p, true, err);
		if (r == 0 && p->born != w->commits)
			r = pol_numbers_add(&w->gone_ports, p->number, err);
		port_set_free(w, p);
	}
	return r;
}
