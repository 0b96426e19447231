// SPDX-License-Identifier: Apache-2.0
/* What several policies together allow: sets, their entries, the ports of those. */
#include <errno.h>
#include <string.h>

#include "agent/policy/inside.h"
#include "bpf/abi.h"

#define ABOUT_MAX 8 /* rules about one peer that are remembered */

static int compare_ports(const struct pol_ports *a, const struct pol_ports *b)
{
	if (a->all != b->all)
		return a->all < b->all ? -1 : 1;
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return a->n ? memcmp(a->v, b->v, a->n * sizeof(*a->v)) : 0;
}

static bool ports_are(const void *item, const void *key)
{
	return compare_ports(&((const struct port_set *)item)->ports, key) == 0;
}

int port_set_tell(struct ops *o, const struct port_set *p, bool del, struct fl_err *err)
{
	struct pol_entry e = { .map = POL_MAP_PORTS, .port = { .ports = p->number } };
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->ports.n; i++) {
		const struct pol_range *range = &p->ports.v[i];
		struct pol_port_prefix part;
		uint32_t next = range->first;

		e.port.proto = range->proto;
		e.port.origin = range->origin;
		while (r == 0 && pol_port_prefix_next(&next, range->last, &part)) {
			e.port.port = part.port;
			e.port.bits = part.bits;
			r = ops_add(o, &e, del, err);
		}
	}
	return r;
}

static void count_entries(struct port_set *p)
{
	struct pol_port_prefix part;

	for (size_t i = 0; i < p->ports.n; i++) {
		uint32_t next = p->ports.v[i].first;

		while (pol_port_prefix_next(&next, p->ports.v[i].last, &part)) {
			p->n_entries++;
			p->lengths |= 1u << part.bits;
		}
	}
}

void port_set_free(struct pol_world *w, struct port_set *p)
{
	w->n_ports -= p->n_entries;
	if (p->number)
		number_release(w, NUMBER_PORTS, p);
	pol_table_del(&w->port_sets, p->hash, p);
	pol_ports_done(&p->ports);
	fl_free_p(&p);
}

/* The set of these ports, which it takes over, with one reference more. */
static int port_set_get(struct pol_world *w, struct pol_ports *ports, struct port_set **out,
			struct fl_err *err)
{
	uint64_t hash = pol_hash_more(5 + ports->all, ports->v, ports->n * sizeof(*ports->v));
	struct port_set *p = pol_table_get(&w->port_sets, hash, ports_are, ports);
	int r;

	if (!p) {
		r = pol_table_reserve(&w->port_sets, err);
		if (r < 0)
			return r;
		p = calloc(1, sizeof(*p));
		if (!p)
			return fl_fail_errno(err, ENOMEM, "compile policies");
		p->hash = hash;
		p->born = w->commits;
		p->ports = *ports;
		*ports = (struct pol_ports){ 0 };
		count_entries(p);
		w->n_ports += p->n_entries;
		pol_table_add(&w->port_sets, hash, p);
		if (!p->ports.all) {
			r = number_take(w, NUMBER_PORTS, hash, p, err)
				    ?: port_set_tell(&w->puts, p, false, err);
			if (r < 0)
				return r;
		}
	}
	p->refs++;
	*out = p;
	return 0;
}

struct pol_entry rule_entry(const struct set *s, int dir, const struct entry *e)
{
	const struct pol_ports *p = &e->ports->ports;
	struct pol_entry out = {
		.map = POL_MAP_RULES,
		.rule = { .version = s->version,
			  .who = e->who,
			  .dir = dir,
			  .ports = p->all ? FL_RULE_ALL : e->ports->number,
			  .lengths = e->ports->lengths,
			  .origin = p->all ? p->all : p->v[0].origin },
	};

	return out;
}

struct pol_entry slot_entry(const struct set *s)
{
	return (struct pol_entry){
		.map = POL_MAP_SLOTS,
		.slot = { .slot = s->slot, .version = s->version, .flags = s->flags },
	};
}

/* Adds what one match allows. */
static int add_match(struct pol_world *w, const struct set *s, const struct rule *rule,
		     const struct match *m, struct pol_ports *out, struct fl_err *err)
{
	const struct ident *id = m->named ? number_find(w, NUMBER_WHO, m->who) : NULL;
	int r = pol_ports_merge(out, &rule->fixed, err);

	if (r == 0 && rule->own_named)
		r = rule_named_ports(rule, s->ports, s->n_ports, out, err);
	if (r == 0 && id)
		r = rule_named_ports(rule, id->ports, id->n_ports, out, err);
	return r;
}

/* The rules of the set's policies that are about one peer, by the order of names and rules. */
struct about {
	const struct part *part[ABOUT_MAX];
	const struct match *match[ABOUT_MAX];
	size_t n;   /* may be more than ABOUT_MAX: then only counted */
	bool named; /* something hangs on the peer's own ports */
};

static void list_matches(const struct set *s, int dir, uint32_t who, struct about *out)
{
	out->n = 0;
	out->named = false;
	for (size_t i = 0; i < s->n; i++) {
		const struct part *part = &s->policies[i]->body->part[dir];

		for (size_t k = part_find(part, who);
		     k < part->n_match && part->match[k].who == who; k++, out->n++) {
			if (out->n < ABOUT_MAX) {
				out->part[out->n] = part;
				out->match[out->n] = &part->match[k];
			}
			out->named |= part->match[k].named;
		}
	}
}

/* True when the same rules are about both, so that the same is allowed to both. */
static bool is_same(const struct about *a, const struct about *b)
{
	if (a->n != b->n || a->n > ABOUT_MAX || a->named || b->named)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->part[i] != b->part[i] || a->match[i]->rule != b->match[i]->rule)
			return false;
	return true;
}

/* All that the set's policies allow to one peer. */
static int gather(struct pol_world *w, const struct set *s, int dir, uint32_t who,
		  struct pol_ports *out, struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n; i++) {
		const struct part *part = &s->policies[i]->body->part[dir];

		for (size_t k = part_find(part, who);
		     r == 0 && k < part->n_match && part->match[k].who == who; k++)
			r = add_match(w, s, &part->rules[part->match[k].rule], &part->match[k], out,
				      err);
	}
	return r;
}

static size_t find_place(const struct entries *e, uint32_t who)
{
	size_t from = 0, to = e->n;

	while (from < to) {
		size_t mid = (from + to) / 2;

		if (e->v[mid].who < who)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

struct entry *entries_find(const struct entries *e, uint32_t who)
{
	size_t at = find_place(e, who);

	return at < e->n && e->v[at].who == who ? &e->v[at] : NULL;
}

/* Adds the entry of one peer behind the others, which takes over a reference of the ports; tells of
 * it. */
static int add_entry(struct pol_world *w, struct set *s, int dir, uint32_t who,
		     struct port_set *ports, struct fl_err *err)
{
	struct entries *e = &s->part[dir];
	struct entry made = { who, ports };
	struct pol_entry told;
	int r = pol_grow(&e->v, e->n, &e->room, sizeof(*e->v), err);

	if (r < 0)
		return r;
	e->v[e->n++] = made;
	w->n_rules++;
	told = rule_entry(s, dir, &made);
	return ops_add(&w->puts, &told, false, err);
}

/* Makes the entry of one peer, if anything is allowed; *ports is then what is, else NULL. */
static int enter(struct pol_world *w, struct set *s, int dir, uint32_t who, struct port_set **ports,
		 struct fl_err *err)
{
	fl_auto_pol_ports struct pol_ports all = { 0 };
	int r = gather(w, s, dir, who, &all, err);

	*ports = NULL;
	if (r < 0 || (!all.all && !all.n))
		return r;
	return port_set_get(w, &all, ports, err) ?: add_entry(w, s, dir, who, *ports, err);
}

/*
 * The entries of these peers, in order, but of those that have one. Those that the same rules are
 * about follow each other often: what is allowed is the same.
 */
static int enter_all(struct pol_world *w, struct set *s, int dir, const uint32_t *who, size_t n,
		     struct fl_err *err)
{
	struct about is = { 0 }, last = { 0 };
	struct port_set *ports = NULL;
	size_t had = s->part[dir].n;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct entries there = { .v = s->part[dir].v, .n = had };

		if (entries_find(&there, who[i]))
			continue;
		list_matches(s, dir, who[i], &is);
		if (ports && is_same(&is, &last)) {
			ports->refs++;
			r = add_entry(w, s, dir, who[i], ports, err);
		} else {
			r = enter(w, s, dir, who[i], &ports, err);
			last = is;
		}
	}
	return r;
}

/* Puts the entries from there on, which are in order by themselves, among the others. */
static int settle(struct entries *e, size_t from, struct fl_err *err)
{
	size_t k = e->n - from, at = e->n;
	fl_auto_free struct entry *news = NULL;

	if (!k)
		return 0;
	news = calloc(k, sizeof(*news));
	if (!news)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	memcpy(news, &e->v[from], k * sizeof(*news));
	while (k)
		e->v[--at] = from && e->v[from - 1].who > news[k - 1].who ? e->v[--from]
									  : news[--k];
	return 0;
}

int set_enter(struct pol_world *w, struct set *s, const uint32_t *who, size_t n, struct fl_err *err)
{
	int r = 0;

	for (int dir = POL_INGRESS; r == 0 && dir <= POL_EGRESS; dir++) {
		size_t from = s->part[dir].n;

		r = enter_all(w, s, dir, who, n, err) ?: settle(&s->part[dir], from, err);
	}
	return r;
}

int set_forget(struct pol_world *w, struct set *s, const uint32_t *who, size_t n,
	       struct fl_err *err)
{
	int r = 0;

	for (int dir = POL_INGRESS; dir <= POL_EGRESS; dir++) {
		struct entries *e = &s->part[dir];
		size_t kept = 0;

		for (size_t i = 0; i < e->n; i++) {
			struct pol_entry told = rule_entry(s, dir, &e->v[i]);

			if (r < 0 || !pol_number_is_among(who, n, e->v[i].who)) {
				e->v[kept++] = e->v[i];
				continue;
			}
			r = ops_add(&w->dels, &told, true, err);
			e->v[i].ports->refs--;
			w->n_rules--;
		}
		e->n = kept;
	}
	return r;
}

/* Takes all entries out; told: as operations too. */
static int drop_entries(struct pol_world *w, struct set *s, bool told, struct fl_err *err)
{
	for (int dir = POL_INGRESS; dir <= POL_EGRESS; dir++) {
		struct entries *e = &s->part[dir];

		for (; e->n; e->n--) {
			struct pol_entry out = rule_entry(s, dir, &e->v[e->n - 1]);
			int r = told ? ops_add(&w->dels, &out, true, err) : 0;

			if (r < 0)
				return r;
			e->v[e->n - 1].ports->refs--;
			w->n_rules--;
		}
	}
	return 0;
}

/* Every peer that any of the policies is about, in order. */
static int list_peers(const struct set *s, int dir, uint32_t **out, size_t *n, struct fl_err *err)
{
	size_t all = 0, kept = 0;
	uint32_t *who;

	for (size_t i = 0; i < s->n; i++)
		all += s->policies[i]->body->part[dir].n_match;
	who = calloc(all ? all : 1, sizeof(*who));
	if (!who)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	all = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct part *part = &s->policies[i]->body->part[dir];

		for (size_t k = 0; k < part->n_match; k++)
			who[all++] = part->match[k].who;
	}
	if (s->n > 1)
		qsort(who, all, sizeof(*who), pol_number_compare);
	for (size_t i = 0; i < all; i++)
		if (kept == 0 || who[kept - 1] != who[i])
			who[kept++] = who[i];
	*out = who;
	*n = kept;
	return 0;
}

static int compile_part(struct pol_world *w, struct set *s, int dir, struct fl_err *err)
{
	fl_auto_free uint32_t *who = NULL;
	size_t n = 0;

	return list_peers(s, dir, &who, &n, err) ?: enter_all(w, s, dir, who, n, err);
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
	int r = match_policies(w, s, err) ?: drop_entries(w, s, s->is_told, err);

	if (r < 0)
		return r;
	r = leave_version(w, s, err);
	if (r < 0)
		return r;
	s->flags = flags_of(s);
	r = number_take(w, NUMBER_VERSION, hash_version(s), s, err)
		    ?: compile_part(w, s, POL_INGRESS, err)
		    ?: compile_part(w, s, POL_EGRESS, err);
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

	FL_IGNORE(drop_entries(w, s, false, &ignored));
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
	int r = drop_entries(w, s, s->is_told, err) ?: leave_version(w, s, err);

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
