// SPDX-License-Identifier: Apache-2.0
/*
 * A commit: from what has been put and deleted to entries. First everybody who is new is entered
 * into the versions in force, so that the datapath may learn of them; then policies change, sets
 * are compiled into new versions, which know those who are going, too, since addresses still lead
 * to them when the slots are switched; then those are taken out.
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

/* The policy's sets hear of new peers. */
static int tell_sets(const struct policy *p, struct pol_vec *sets, struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->sets.n; i++) {
		struct set *s = p->sets.v[i];

		if (!s->has_news)
			r = pol_vec_add(sets, s, err);
		s->has_news = true;
	}
	return r;
}

/*
 * All new identities and blocks at once, for the policies as they are in force: first all of them
 * learn of it, then their sets, whose entries are what all policies together allow.
 */
static int enter_all(struct pol_world *w, const uint32_t *who, size_t n, struct fl_err *err)
{
	struct pol_vec sets = { 0 };
	struct policy *p;
	size_t at = 0;
	int r = 0;

	while (r == 0 && (p = pol_table_next(&w->policies, &at))) {
		bool any = false;

		if (!p->body || !p->body->is_matched)
			continue;
		r = body_match_new(w, p, p->body, &any, err);
		if (r == 0 && any)
			r = tell_sets(p, &sets, err);
	}
	for (size_t i = 0; i < sets.n; i++) {
		struct set *s = sets.v[i];

		s->has_news = false;
		r = r ?: rules_enter(w, s, who, n, err);
	}
	pol_vec_done(&sets);
	return r;
}

static int enter_new(struct pol_world *w, struct fl_err *err)
{
	fl_auto_free uint32_t *who = NULL;
	size_t n = 0;

	if (w->new_idents.n + w->new_blocks.n == 0)
		return 0;
	who = calloc(w->new_idents.n + w->new_blocks.n, sizeof(*who));
	if (!who)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	for (size_t i = 0; i < w->new_idents.n; i++)
		if (((struct ident *)w->new_idents.v[i])->pods.n)
			who[n++] = ((struct ident *)w->new_idents.v[i])->number;
	for (size_t i = 0; i < w->new_blocks.n; i++)
		who[n++] = ((struct place *)w->new_blocks.v[i])->number;
	qsort(who, n, sizeof(*who), pol_number_compare);
	return enter_all(w, who, n, err);
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

/* Takes who has gone out of the policies and their sets. */
static int forget(struct pol_world *w, const uint32_t *who, size_t n, struct fl_err *err)
{
	struct policy *p;
	size_t at = 0;
	int r = 0;

	while (r == 0 && n && (p = pol_table_next(&w->policies, &at))) {
		if (!p->body || !p->body->is_matched || !body_forget(p->body, who, n))
			continue;
		for (size_t i = 0; r == 0 && i < p->sets.n; i++)
			r = rules_forget(w, p->sets.v[i], who, n, err);
	}
	return r;
}

int forget_gone(struct pol_world *w, struct fl_err *err)
{
	fl_auto_free uint32_t *who = calloc(w->moved.n + w->gone_blocks.n + 1, sizeof(*who));
	size_t n = 0;

	if (!who)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	for (size_t i = 0; i < w->moved.n; i++) {
		const struct ident *id = w->moved.v[i];

		if (!id->pods.n && !id->is_new)
			who[n++] = id->number;
	}
	for (size_t i = 0; i < w->gone_blocks.n; i++) {
		const struct place *pl = w->gone_blocks.v[i];

		if (!pl->blocks)
			who[n++] = pl->number;
	}
	qsort(who, n, sizeof(*who), pol_number_compare);
	return forget(w, who, n, err);
}

void mark_dirty(const struct policy *p)
{
	for (size_t i = 0; i < p->sets.n; i++)
		((struct set *)p->sets.v[i])->is_dirty = true;
}

/* Bodies, matches and dirty sets of the policies that have changed. */
static int change_policies(struct pol_world *w, struct fl_err *err)
{
	int r = 0;

	accept_all(w);
	for (size_t i = 0; r == 0 && i < w->changed.n; i++)
		r = change_body(w, w->changed.v[i], err);
	for (size_t i = 0; i < w->changed.n; i++)
		mark_dirty(w->changed.v[i]);
	/* Whoever needs it is matched anew before its sets are compiled. */
	for (size_t i = 0; i < w->changed.n; i++) {
		struct policy *p = w->changed.v[i];

		if (p->body)
			p->body->is_matched = false;
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
int compile_sets(struct pol_world *w, struct fl_err *err)
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
	w->commits++;
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
	r = start(w, err) ?: reconsider(w, err) ?: use_new_blocks(w, err) ?: enter_new(w, err)
		       ?: change_policies(w, err) ?: assign_sets(w, err) ?: compile_sets(w, err)
		       ?: forget_gone(w, err) ?: refuse(w, err)
		       ?: blocks_forget_stillborn(w, err) ?: sets_admit(w, err) ?: tell_slots(w, err) ?: tell_places(w, false, err) ?: tell_pods(w, err);
	if (r < 0)
		return r;
	blocks_unlist(w);
	r = tell_places(w, true, err) ?: bury_ports(w, err) ?: bury_pods(w, err);
	if (r < 0)
		return r;
	bury_idents(w);
	bury_places(w);
	bury_policies(w);
	return diff_make(w, out, err);
}
