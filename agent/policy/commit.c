// SPDX-License-Identifier: Apache-2.0
/*
 * A commit: from what has been put and deleted to entries. First everybody who is new is entered
 * into the versions in force, so that the datapath may learn of them; then policies change, sets
 * are compiled into new versions; then those who have gone are taken out.
 */
#include <errno.h>
#include <string.h>

#include "agent/policy/inside.h"
#include "bpf/abi.h"

int ops_add(struct ops *o, const struct pol_entry *e, bool del, struct fl_err *err)
{
	int r = pol_grow(&o->v, o->n, &o->room, sizeof(*o->v), err);

	if (r == 0)
		o->v[o->n++] = (struct pol_op){ *e, del };
	return r;
}

/* Enters into all sets of the policy. */
static int enter_all(struct pol_world *w, struct policy *p, uint32_t who, struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->sets.n; i++)
		r = set_enter(w, p->sets.v[i], who, err);
	return r;
}

/* New identities and blocks, for the policies as they are in force. */
static int enter_new(struct pol_world *w, struct fl_err *err)
{
	struct policy *p;
	size_t at = 0;
	int r = 0;

	while (r == 0 && (p = pol_table_next(&w->policies, &at))) {
		for (size_t i = 0; r == 0 && p->body && i < w->new_idents.n; i++) {
			const struct ident *id = w->new_idents.v[i];
			size_t n = 0;

			if (id->pods.n)
				r = body_match_ident(p, p->body, id, &n, err);
			if (r == 0 && n)
				r = enter_all(w, p, id->number, err);
		}
		for (size_t i = 0; r == 0 && p->body && i < w->new_blocks.n; i++) {
			const struct place *pl = w->new_blocks.v[i];
			size_t n = 0;

			r = body_match_place(p, p->body, pl, &n, err);
			if (r == 0 && n)
				r = enter_all(w, p, pl->number, err);
		}
	}
	return r;
}

/* Identities that the policy's change brings into another set. */
static int move_subjects(struct pol_world *w, const struct policy *p, const struct body *next,
			 struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->ns->idents.n; i++) {
		struct ident *id = p->ns->idents.v[i];
		bool was = p->body && sel_matches(&p->body->subject, &id->set);
		bool is = next && sel_matches(&next->subject, &id->set);

		if (id->local && was != is)
			r = ident_move(w, id, err);
	}
	return r;
}

/* Puts the body to come in the place of the one in force. */
static int change_body(struct pol_world *w, struct policy *p, struct fl_err *err)
{
	struct body *next = p->is_gone ? NULL : p->next;
	int r;

	if (!p->is_gone && !p->next)
		return 0;
	r = move_subjects(w, p, next, err);
	if (r == 0 && p->body && !p->refused)
		r = body_use_blocks(w, p->body, false, err);
	if (r < 0)
		return r;
	body_free(&p->body);
	p->body = FL_TAKE(p->next);
	if (p->is_gone)
		body_free(&p->body);
	return 0;
}

/* Takes who has gone out of the policies that have not changed, and out of their sets. */
static int forget(struct pol_world *w, uint32_t who, struct fl_err *err)
{
	struct policy *p;
	size_t at = 0;
	int r = 0;

	while (r == 0 && (p = pol_table_next(&w->policies, &at))) {
		if (!p->body || p->is_queued || !body_forget(p->body, who))
			continue;
		for (size_t i = 0; r == 0 && i < p->sets.n; i++)
			if (!((struct set *)p->sets.v[i])->is_dirty)
				r = set_forget(w, p->sets.v[i], who, err);
	}
	return r;
}

static int forget_gone(struct pol_world *w, struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->moved.n; i++) {
		const struct ident *id = w->moved.v[i];

		if (!id->pods.n && !id->is_new)
			r = forget(w, id->number, err);
	}
	for (size_t i = 0; r == 0 && i < w->gone_blocks.n; i++) {
		const struct place *pl = w->gone_blocks.v[i];

		if (!pl->blocks)
			r = forget(w, pl->number, err);
	}
	return r;
}

static void mark_dirty(const struct policy *p)
{
	for (size_t i = 0; i < p->sets.n; i++)
		((struct set *)p->sets.v[i])->is_dirty = true;
}

/* Bodies, matches and dirty sets of the policies that have changed. */
static int change_policies(struct pol_world *w, struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->changed.n; i++)
		r = change_body(w, w->changed.v[i], err);
	for (size_t i = 0; i < w->changed.n; i++)
		mark_dirty(w->changed.v[i]);
	r = r ?: forget_gone(w, err);
	for (size_t i = 0; r == 0 && i < w->changed.n; i++) {
		struct policy *p = w->changed.v[i];

		if (p->body)
			r = body_match(w, p, p->body, err);
	}
	return r;
}

static int compare_policies(const void *a, const void *b)
{
	const struct policy *p = *(const struct policy *const *)a;
	const struct policy *q = *(const struct policy *const *)b;

	return strcmp(p->name, q->name); /* of one namespace */
}

static bool selects(const struct policy *p, const struct ident *id)
{
	return p->body && p->ns == id->ns && sel_matches(&p->body->subject, &id->set);
}

/* The policies that select the identity: those of its set, less and more what has changed. */
static int list_policies(struct pol_world *w, const struct ident *id, struct pol_vec *out,
			 struct fl_err *err)
{
	const struct set *s = id->policies;
	int r = 0;

	for (size_t i = 0; r == 0 && s && i < s->n; i++)
		if (selects(s->policies[i], id))
			r = pol_vec_add(out, s->policies[i], err);
	for (size_t i = 0; r == 0 && s && i < w->changed.n; i++)
		if (selects(w->changed.v[i], id) && !pol_vec_has(out, w->changed.v[i]))
			r = pol_vec_add(out, w->changed.v[i], err);
	for (size_t i = 0; r == 0 && !s && i < id->ns->policies.n; i++)
		if (selects(id->ns->policies.v[i], id))
			r = pol_vec_add(out, id->ns->policies.v[i], err);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), compare_policies);
	return r;
}

static int assign_sets(struct pol_world *w, struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->moved.n; i++) {
		struct ident *id = w->moved.v[i];
		struct pol_vec policies = { 0 };

		if (id->local)
			r = list_policies(w, id, &policies, err);
		if (r == 0)
			r = set_assign(w, id, (struct policy **)policies.v, policies.n, err);
		pol_vec_done(&policies);
	}
	return r;
}

/* Compiles the sets that need it, and takes out those that nobody has. */
static int compile_sets(struct pol_world *w, struct fl_err *err)
{
	struct set *s;
	size_t at = 0;
	int r = 0;

	while (r == 0 && (s = pol_table_next(&w->sets, &at))) {
		if (!s->idents)
			r = set_retire(w, s, err);
		else if (s->is_dirty)
			r = set_compile(w, s, err);
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
	return pl->pods.n || pl->blocks || (pl->prefix.len == 0 && fl_ip_is4(&pl->prefix.ip));
}

static bool differs(const struct pol_entry *a, const struct pol_entry *b)
{
	return a->prefix.identity != b->prefix.identity || a->prefix.ns != b->prefix.ns ||
	       a->prefix.block != b->prefix.block;
}

static int tell_places(struct pol_world *w, struct fl_err *err)
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
			r = ops_add(&w->puts, &e, false, err);
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

static int tell_pods(struct pol_world *w, struct fl_err *err)
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

static void bury_idents(struct pol_world *w)
{
	for (size_t i = 0; i < w->moved.n; i++) {
		struct ident *id = w->moved.v[i];

		id->is_moved = id->is_new = false;
		if (!id->pods.n)
			ident_free(w, id);
	}
	w->moved.n = w->new_idents.n = 0;
}

static void bury_places(struct pol_world *w)
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

static int bury_pods(struct pol_world *w, struct fl_err *err)
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

static void bury_policies(struct pol_world *w)
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

static int bury_ports(struct pol_world *w, struct fl_err *err)
{
	struct port_set *p;
	size_t at = 0;
	int r = 0;

	while (r == 0 && (p = pol_table_next(&w->port_sets, &at))) {
		if (p->refs)
			continue;
		r = port_set_tell(&w->dels, p, true, err);
		port_set_free(w, p);
	}
	return r;
}

/* What this one policy costs: matches in each of its sets, its ports in each, its blocks. */
static size_t cost_of(const struct policy *p)
{
	size_t n = 0, sets = p->sets.n ? p->sets.n : 1;

	for (int dir = POL_INGRESS; dir <= POL_EGRESS; dir++) {
		const struct pol_part *part = &p->body->p.part[dir];

		n += p->body->part[dir].n_match * sets;
		for (size_t i = 0; i < part->n; i++) {
			n += p->body->part[dir].rules[i].fixed.n;
			for (size_t k = 0; k < part->rules[i].n_peers; k++)
				n += part->rules[i].peers[k].is_block +
				     part->rules[i].peers[k].n_except;
		}
	}
	return n;
}

static struct policy *find_largest(const struct pol_world *w)
{
	struct policy *p, *largest = NULL;
	size_t at = 0, cost = 0;

	while ((p = pol_table_next(&w->policies, &at))) {
		size_t n = p->body && !p->refused ? cost_of(p) : 0;

		if (n > cost || (n && n == cost && p->hash < largest->hash)) {
			cost = n;
			largest = p;
		}
	}
	return largest;
}

static bool is_full(const struct pol_world *w)
{
	return w->n_rules > w->limits.rules || w->n_ports > w->limits.ports ||
	       w->n_blocks > w->limits.prefixes;
}

/*
 * While there are more entries than fit, the policy that costs most is refused. Who is refused
 * depends on the world only: each commit of a world that has been too large begins without any.
 */
static int refuse(struct pol_world *w, struct fl_err *err)
{
	struct policy *p;
	int r = 0;

	while (r == 0 && is_full(w) && (p = find_largest(w))) {
		p->refused = true;
		w->n_refused++;
		r = body_use_blocks(w, p->body, false, err) ?: forget_gone(w, err)
							    ?: body_match(w, p, p->body, err);
		mark_dirty(p);
		r = r ?: compile_sets(w, err) ?: bury_ports(w, err);
	}
	return r;
}

static int unrefuse(struct pol_world *w, struct fl_err *err)
{
	struct policy *p;
	size_t at = 0;
	int r = 0;

	while (r == 0 && w->n_refused && (p = pol_table_next(&w->policies, &at))) {
		if (!p->refused)
			continue;
		p->refused = false;
		w->n_refused--;
		p->is_stale = true;
		r = policy_queue(w, p, err) ?: body_use_blocks(w, p->body, true, err);
	}
	return r;
}

/* The closed slot, and all of IPv4 as a place of its own. */
static int start(struct pol_world *w, struct fl_err *err)
{
	struct pol_entry closed = {
		.map = POL_MAP_SLOTS,
		.slot = { .slot = POL_SLOT_CLOSED,
			  .flags = FL_SLOT_INGRESS | FL_SLOT_EGRESS | FL_SLOT_CLOSED },
	};
	const struct fl_prefix ipv4 = { .ip = { .b = { [10] = 0xff, [11] = 0xff } } };
	struct place *pl = NULL;
	int r;

	if (w->is_started)
		return 0;
	w->is_started = true;
	r = place_get(w, &ipv4, &pl, err) ?: place_queue(w, pl, err);
	return r ?: ops_add(&w->puts, &closed, false, err);
}

/* What is left over from the last commit. */
static void clear_last(struct pol_world *w)
{
	for (size_t i = 0; i < w->grave.n; i++)
		pod_free(w->grave.v[i]);
	w->grave.n = 0;
	for (size_t i = 0; w->slots_rest && i < w->room_slots; i++) {
		if (w->slots[i] == POL_SLOT_RESTS) {
			w->slots[i] = NULL;
			w->n_slots--;
		}
	}
	w->slots_rest = false;
	w->compiled = 0;
}

static int use_new_blocks(struct pol_world *w, struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->changed.n; i++) {
		struct policy *p = w->changed.v[i];

		if (p->next && !p->is_gone)
			r = body_use_blocks(w, p->next, true, err);
	}
	return r;
}

int pol_world_commit(struct pol_world *w, struct pol_diff *out, struct fl_err *err)
{
	int r;

	clear_last(w);
	r = start(w, err) ?: unrefuse(w, err) ?: use_new_blocks(w, err) ?: enter_new(w, err)
		       ?: change_policies(w, err) ?: assign_sets(w, err) ?: compile_sets(w, err)
		       ?: refuse(w, err) ?: tell_places(w, err) ?: tell_pods(w, err)
		       ?: bury_ports(w, err) ?: bury_pods(w, err);
	if (r < 0)
		return r;
	bury_idents(w);
	bury_places(w);
	bury_policies(w);
	return diff_make(w, out, err);
}
