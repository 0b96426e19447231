// SPDX-License-Identifier: Apache-2.0
/* Sets of policies that pods have in common: their slots, and the versions of what they say. */
#include <errno.h>
#include <string.h>

#include "agent/policy/inside.h"
#include "bpf/abi.h"

struct pol_entry slot_entry(const struct set *s)
{
	return (struct pol_entry){
		.map = POL_MAP_SLOTS,
		.slot = { .slot = s->slot, .version = s->version, .flags = s->flags },
	};
}

/* Every policy of the set knows who it is about. */
static int match_policies(struct pol_world *w, struct set *s, struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n; i++)
		if (!s->policies[i]->body->is_matched)
			r = body_match(w, s->policies[i], s->policies[i]->body, err);
	return r;
}

/* A version's number stands for all that it says: the policies' texts, the namespaces that they
 * match, the named ports of the pods. Identities come and go within it. */
static uint64_t hash_version(const struct set *s)
{
	uint64_t hash = pol_hash_more(6, s->ports, s->n_ports * sizeof(*s->ports));

	for (size_t i = 0; i < s->n; i++) {
		const struct policy *p = s->policies[i];
		uint64_t part[4] = { p->hash, p->body->spec, p->body->view, p->refused };

		hash = pol_hash_more(hash, part, sizeof(part));
	}
	return hash;
}

static uint32_t flags_of(const struct set *s)
{
	uint32_t flags = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct pol_policy *p = &s->policies[i]->body->p;

		flags |= p->part[POL_INGRESS].isolates ? FL_SLOT_INGRESS : 0;
		flags |= p->part[POL_EGRESS].isolates ? FL_SLOT_EGRESS : 0;
	}
	return flags;
}

/* Gives up the version, which may be in force until the slots are switched. */
static int leave_version(struct pol_world *w, struct set *s, struct fl_err *err)
{
	int r = s->version && !s->is_switched ? pol_numbers_add(&w->left, s->version, err) : 0;

	if (r == 0 && s->version)
		number_release(w, NUMBER_VERSION, s);
	if (r == 0)
		s->version = 0;
	return r;
}

int set_compile(struct pol_world *w, struct set *s, struct fl_err *err)
{
	int r = match_policies(w, s, err) ?: rules_drop(w, s, s->is_told, err);

	if (r < 0)
		return r;
	r = leave_version(w, s, err);
	if (r < 0)
		return r;
	s->flags = flags_of(s);
	r = number_take(w, NUMBER_VERSION, hash_version(s), s, err) ?: rules_compile(w, s, err);
	if (r < 0)
		return r;
	s->is_dirty = false;
	s->is_told = true;
	s->is_switched = true;
	w->compiled++;
	return 0;
}

/* A slot that was free as of the last commit; the closed one when there is none. */
static int take_slot(struct pol_world *w, struct set *s, struct fl_err *err)
{
	uint32_t slot = POL_SLOT_CLOSED + 1;
	int r;

	if (w->n_slots >= w->limits.slots) {
		w->n_shut += s->slot != POL_SLOT_CLOSED;
		s->slot = POL_SLOT_CLOSED;
		return 0;
	}
	while (slot < w->room_slots && w->slots[slot])
		slot++;
	if (slot >= w->room_slots) {
		size_t had = w->room_slots;

		r = pol_grow(&w->slots, slot, &w->room_slots, sizeof(*w->slots), err);
		if (r < 0)
			return r;
		memset(&w->slots[had], 0, (w->room_slots - had) * sizeof(*w->slots));
	}
	w->slots[slot] = s;
	w->n_slots++;
	w->n_shut -= s->slot == POL_SLOT_CLOSED;
	s->slot = slot;
	return 0;
}

int sets_admit(struct pol_world *w, struct fl_err *err)
{
	struct ident *id;
	struct set *s;
	size_t at = 0;
	int r = 0;

	if (!w->n_shut || w->n_slots >= w->limits.slots)
		return 0;
	while (r == 0 && (s = pol_table_next(&w->sets, &at)))
		if (s->slot == POL_SLOT_CLOSED) {
			r = take_slot(w, s, err);
			s->is_switched = true;
		}
	for (at = 0; r == 0 && (id = pol_table_next(&w->idents, &at));)
		for (size_t i = 0; r == 0 && id->policies && i < id->pods.n; i++)
			r = pod_queue(w, id->pods.v[i], err);
	return r;
}

void set_free(struct pol_world *w, struct set *s)
{
	struct fl_err ignored;

	FL_IGNORE(rules_drop(w, s, false, &ignored));
	for (size_t i = 0; i < s->n; i++)
		pol_vec_del(&s->policies[i]->sets, s);
	if (s->version)
		number_release(w, NUMBER_VERSION, s);
	pol_table_del(&w->sets, s->hash, s);
	w->n_shut -= s->slot == POL_SLOT_CLOSED;
	fl_free_p(&s->policies);
	fl_free_p(&s->ports);
	fl_free_p(&s->part[POL_INGRESS].v);
	fl_free_p(&s->part[POL_EGRESS].v);
	fl_free_p(&s);
}

int set_retire(struct pol_world *w, struct set *s, struct fl_err *err)
{
	struct pol_entry slot = slot_entry(s);
	int r = rules_drop(w, s, s->is_told, err) ?: leave_version(w, s, err);

	if (r == 0 && s->slot != POL_SLOT_CLOSED) {
		r = ops_add(&w->dels, &slot, true, err);
		/* Pods may still be on their way out of it: not free before the next commit. */
		w->slots[s->slot] = POL_SLOT_RESTS;
		w->slots_rest = true;
	}
	if (r == 0)
		set_free(w, s);
	return r;
}

struct set_key {
	struct policy **policies;
	size_t n;
	const struct ident *id;
};

static bool set_is(const void *item, const void *key)
{
	const struct set *s = item;
	const struct set_key *k = key;

	return s->n == k->n && s->n_ports == k->id->n_ports &&
	       !memcmp(s->policies, k->policies, k->n * sizeof(*k->policies)) &&
	       (!s->n_ports || !memcmp(s->ports, k->id->ports, s->n_ports * sizeof(*s->ports)));
}

static uint64_t hash_of_set(const struct set_key *k)
{
	uint64_t hash = pol_hash_more(7, k->id->ports, k->id->n_ports * sizeof(*k->id->ports));

	for (size_t i = 0; i < k->n; i++)
		hash = pol_hash_more(hash, &k->policies[i]->hash, sizeof(k->policies[i]->hash));
	return hash;
}

static int set_make(struct pol_world *w, const struct set_key *k, struct set **out,
		    struct fl_err *err)
{
	struct set *s = calloc(1, sizeof(*s));
	int r = s ? pol_table_reserve(&w->sets, err)
		  : fl_fail_errno(err, ENOMEM, "compile policies");

	if (r < 0) {
		fl_free_p(&s);
		return r;
	}
	s->hash = hash_of_set(k);
	s->is_dirty = true;
	pol_table_add(&w->sets, s->hash, s);
	s->policies = calloc(k->n, sizeof(struct policy *));
	s->ports = calloc(k->id->n_ports ? k->id->n_ports : 1, sizeof(*s->ports));
	if (!s->policies || !s->ports)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	s->n_ports = k->id->n_ports;
	if (s->n_ports)
		memcpy(s->ports, k->id->ports, s->n_ports * sizeof(*s->ports));
	for (; r == 0 && s->n < k->n; s->n++) {
		s->policies[s->n] = k->policies[s->n];
		r = pol_vec_add(&k->policies[s->n]->sets, s, err);
	}
	if (r == 0)
		r = take_slot(w, s, err);
	if (r == 0)
		*out = s;
	return r;
}

int set_assign(struct pol_world *w, struct ident *id, struct policy **policies, size_t n,
	       struct fl_err *err)
{
	struct set_key key = { policies, n, id };
	struct set *s = n ? pol_table_get(&w->sets, hash_of_set(&key), set_is, &key) : NULL;
	int r = n && !s ? set_make(w, &key, &s, err) : 0;

	if (r < 0 || s == id->policies)
		return r;
	if (id->policies)
		id->policies->idents--;
	if (s)
		s->idents++;
	id->policies = s;
	for (size_t i = 0; r == 0 && i < id->pods.n; i++)
		r = pod_queue(w, id->pods.v[i], err);
	return r;
}
