// SPDX-License-Identifier: Apache-2.0
/* The rules of a set: for each peer and direction, the ports that its policies allow together. */
#include <errno.h>
#include <string.h>

#include "agent/policy/inside.h"
#include "bpf/abi.h"

#define ABOUT_MAX 8 /* rules about one peer that are remembered */

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

int rules_enter(struct pol_world *w, struct set *s, const uint32_t *who, size_t n,
		struct fl_err *err)
{
	int r = 0;

	for (int dir = POL_INGRESS; r == 0 && dir <= POL_EGRESS; dir++) {
		size_t from = s->part[dir].n;

		r = enter_all(w, s, dir, who, n, err) ?: settle(&s->part[dir], from, err);
	}
	return r;
}

int rules_forget(struct pol_world *w, struct set *s, const uint32_t *who, size_t n,
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

int rules_drop(struct pol_world *w, struct set *s, bool told, struct fl_err *err)
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

int rules_compile(struct pol_world *w, struct set *s, struct fl_err *err)
{
	int r = 0;

	for (int dir = POL_INGRESS; r == 0 && dir <= POL_EGRESS; dir++) {
		fl_auto_free uint32_t *who = NULL;
		size_t n = 0;

		r = list_peers(s, dir, &who, &n, err) ?: enter_all(w, s, dir, who, n, err);
	}
	return r;
}
