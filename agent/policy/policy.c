// SPDX-License-Identifier: Apache-2.0
/* Policies put into the world and taken out of it. */
#include <errno.h>
#include <string.h>

#include "agent/policy/inside.h"
#include "agent/policy/show.h"
#include "base/text.h"

#define POLICIES_MAX ((1u << 19) - 1) /* what the number of a rule has room for */

uint32_t origin_of(const struct policy *p, enum pol_direction dir, size_t rule)
{
	return p->number << 13 | (uint32_t)dir << 12 | (uint32_t)rule;
}

static bool has_number(const void *item, const void *key)
{
	return ((const struct policy *)item)->number == *(const uint32_t *)key;
}

static struct policy *find_number(const struct pol_world *w, uint32_t number)
{
	return pol_table_get(&w->policy_numbers, number * 0x9e3779b97f4a7c15u, has_number, &number);
}

const struct policy *origin_find(const struct pol_world *w, uint32_t origin, size_t *rule)
{
	*rule = origin & 0xfff;
	return find_number(w, origin >> 13);
}

enum pol_direction origin_direction(uint32_t origin)
{
	return (enum pol_direction)(origin >> 12 & 1);
}

static bool policy_is(const void *item, const void *key)
{
	const struct policy *p = item;
	const char *const *name = key;

	return fl_streq(p->ns_name, name[0]) && fl_streq(p->name, name[1]);
}

static uint64_t hash_of_name(const char *ns, const char *name)
{
	return pol_hash_text(pol_hash_text(4, ns), name);
}

static struct policy *find(const struct pol_world *w, const char *ns, const char *name)
{
	const char *key[2] = { ns, name };

	return pol_table_get(&w->policies, hash_of_name(ns, name), policy_is, key);
}

static void rules_free(struct body *b, int dir)
{
	struct part *part = &b->part[dir];

	for (size_t i = 0; part->rules && i < b->p.part[dir].n; i++) {
		struct rule *r = &part->rules[i];

		for (size_t k = 0; r->peers && k < r->r->n_peers; k++) {
			sel_done(&r->peers[k].pods);
			sel_done(&r->peers[k].namespaces);
			fl_free_p(&r->peers[k].holes);
		}
		fl_free_p(&r->peers);
		pol_ports_done(&r->fixed);
	}
	fl_free_p(&part->rules);
	fl_free_p(&part->match);
}

void body_free(struct body **b)
{
	if (*b) {
		rules_free(*b, POL_INGRESS);
		rules_free(*b, POL_EGRESS);
		sel_done(&(*b)->subject);
		pol_policy_done(&(*b)->p);
	}
	fl_free_p(b);
}

void policy_free(struct pol_world *w, struct policy *p)
{
	pol_table_del(&w->policies, p->hash, p);
	pol_table_del(&w->policy_numbers, p->number * 0x9e3779b97f4a7c15u, p);
	body_free(&p->body);
	body_free(&p->next);
	pol_vec_done(&p->sets);
	fl_free_p(&p->ns_name);
	fl_free_p(&p->name);
	fl_free_p(&p);
}

/* The ports that a rule has numbers for. */
static int make_ports(struct rule *rule, enum pol_direction dir, struct fl_err *err)
{
	int r = 0;

	if (!rule->r->n_ports)
		rule->fixed.all = rule->origin;
	for (size_t i = 0; r == 0 && i < rule->r->n_ports; i++) {
		const struct pol_port *p = &rule->r->ports[i];
		struct pol_range range = { rule->origin, p->first, p->last, p->proto };

		if (!p->name[0])
			r = pol_ports_add(&rule->fixed, &range, err);
		rule->named |= p->name[0] && dir == POL_EGRESS;
		rule->own_named |= p->name[0] && dir == POL_INGRESS;
	}
	return r;
}

static int compare_prefixes(const void *a, const void *b)
{
	const struct fl_prefix *p = a, *q = b;

	return fl_ip_cmp(&p->ip, &q->ip) ?: (int)p->len - q->len;
}

/* What the block excepts. */
static int make_holes(struct peer *e, struct fl_err *err)
{
	size_t kept = 0;

	if (!e->p->n_except)
		return 0;
	e->holes = calloc(e->p->n_except, sizeof(*e->holes));
	if (!e->holes)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	memcpy(e->holes, e->p->except, e->p->n_except * sizeof(*e->holes));
	qsort(e->holes, e->p->n_except, sizeof(*e->holes), compare_prefixes);
	for (size_t i = 0; i < e->p->n_except; i++)
		if (kept == 0 || !fl_prefix_contains(&e->holes[kept - 1], &e->holes[i].ip))
			e->holes[kept++] = e->holes[i];
	e->n_holes = kept;
	return 0;
}

static int make_rule(const struct policy *p, const struct pol_rule *source, struct rule *rule,
		     enum pol_direction dir, size_t index, struct fl_err *err)
{
	int r;

	rule->r = source;
	rule->origin = origin_of(p, dir, index);
	rule->peers = calloc(source->n_peers ? source->n_peers : 1, sizeof(*rule->peers));
	if (!rule->peers)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	r = make_ports(rule, dir, err);
	for (size_t k = 0; r == 0 && k < source->n_peers; k++) {
		struct peer *e = &rule->peers[k];

		e->p = &source->peers[k];
		r = sel_make(&e->p->pods, &e->pods, err)
			    ?: sel_make(&e->p->namespaces, &e->namespaces, err)
			    ?: make_holes(e, err);
	}
	return r;
}

/* Makes the policy ready for compiling, and takes what it holds. */
static int make_body(const struct policy *p, struct pol_policy *in, struct body **out,
		     struct fl_err *err)
{
	fl_auto(body_free) struct body *b = calloc(1, sizeof(*b));
	int r = 0;

	if (!b)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	b->p = *in;
	*in = (struct pol_policy){ 0 };
	r = pol_policy_hash(&b->p, &b->spec, err) ?: sel_make(&b->p.pods, &b->subject, err);
	for (int dir = POL_INGRESS; r == 0 && dir <= POL_EGRESS; dir++) {
		size_t n = b->p.part[dir].n;

		b->part[dir].rules = calloc(n ? n : 1, sizeof(struct rule));
		if (!b->part[dir].rules)
			r = fl_fail_errno(err, ENOMEM, "compile policies");
		/* Every rule has its source before the first can fail, for body_free(). */
		for (size_t i = 0; r == 0 && i < n; i++)
			b->part[dir].rules[i].r = &b->p.part[dir].rules[i];
		for (size_t i = 0; r == 0 && i < n; i++)
			r = make_rule(p, &b->p.part[dir].rules[i], &b->part[dir].rules[i], dir, i,
				      err);
	}
	if (r == 0)
		*out = FL_TAKE(b);
	return r;
}

int policy_queue(struct pol_world *w, struct policy *p, struct fl_err *err)
{
	int r;

	if (p->is_queued)
		return 0;
	r = pol_vec_add(&w->changed, p, err);
	p->is_queued = r == 0;
	return r;
}

static int policy_make(struct pol_world *w, const char *ns, const char *name, struct policy **out,
		       struct fl_err *err)
{
	struct policy *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	p->hash = hash_of_name(ns, name);
	p->ns_name = strdup(ns);
	p->name = strdup(name);
	p->is_gone = true;
	if (!p->ns_name || !p->name)
		r = fl_fail_errno(err, ENOMEM, "compile policies");
	else if (w->policies.n >= POLICIES_MAX)
		r = fl_fail(err, ENOSPC, "policy '%s/%s': there are %u already", ns, name,
			    POLICIES_MAX);
	else
		r = pol_table_reserve(&w->policies, err)
			    ?: pol_table_reserve(&w->policy_numbers, err);
	if (r < 0) {
		policy_free(w, p);
		return r;
	}
	p->number = (uint32_t)(p->hash >> 45);
	while (p->number == 0 || find_number(w, p->number))
		p->number = (p->number + 1) & POLICIES_MAX;
	pol_table_add(&w->policies, p->hash, p);
	pol_table_add(&w->policy_numbers, p->number * 0x9e3779b97f4a7c15u, p);
	*out = p;
	return 0;
}

/* A policy that comes makes its namespace alive. */
static int count_in(struct pol_world *w, struct policy *p, struct fl_err *err)
{
	struct ns *ns = NULL;
	bool was_alive;
	int r = ns_get(w, p->ns_name, &ns, err);

	if (r < 0 || !p->is_gone)
		return r;
	if (!p->ns)
		r = pol_vec_add(&ns->policies, p, err);
	if (r < 0)
		return r;
	was_alive = ns_is_alive(ns);
	p->ns = ns;
	p->is_gone = false;
	ns->n_policies++;
	return was_alive ? 0 : ns_changed(w, NULL, &ns->set, err);
}

int pol_world_put_policy(struct pol_world *w, struct pol_policy *in, struct fl_err *err)
{
	struct policy *p = find(w, in->ns, in->name);
	struct body *b = NULL;
	int r = 0;

	if (!p)
		r = policy_make(w, in->ns, in->name, &p, err);
	r = r ?: make_body(p, in, &b, err) ?: count_in(w, p, err) ?: policy_queue(w, p, err);
	if (r < 0) {
		body_free(&b);
		return r;
	}
	body_free(&p->next);
	/* The same again is no change. */
	if (p->body && p->body->spec == b->spec) {
		p->body->p.generation = b->p.generation;
		body_free(&b);
	}
	p->next = b;
	return 0;
}

int pol_world_del_policy(struct pol_world *w, const char *ns, const char *name, struct fl_err *err)
{
	struct policy *p = find(w, ns, name);

	if (!p || p->is_gone)
		return 0;
	body_free(&p->next);
	p->is_gone = true;
	p->ns->n_policies--;
	return policy_queue(w, p, err)
		       ?: (ns_is_alive(p->ns) ? 0 : ns_changed(w, &p->ns->set, NULL, err));
}

int body_use_blocks(struct pol_world *w, const struct body *b, bool in, struct fl_err *err)
{
	for (int dir = POL_INGRESS; dir <= POL_EGRESS; dir++)
		for (size_t i = 0; b->p.part[dir].isolates && i < b->p.part[dir].n; i++)
			for (size_t k = 0; k < b->p.part[dir].rules[i].n_peers; k++) {
				const struct pol_peer *e = &b->p.part[dir].rules[i].peers[k];
				int r = e->is_block ? block_use(w, &e->cidr, in, err) : 0;

				for (size_t x = 0; r == 0 && e->is_block && x < e->n_except; x++)
					r = block_use(w, &e->except[x], in, err);
				if (r < 0)
					return r;
			}
	return 0;
}
