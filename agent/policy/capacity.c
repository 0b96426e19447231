// SPDX-License-Identifier: Apache-2.0
/*
 * When not everything fits: which policies are refused.
 */
#include "agent/policy/inside.h"

/* What this one policy costs: matches in each of its sets, its ports in each, its blocks. */
static size_t cost_of(const struct policy *p)
{
	size_t n = 0, sets = p->sets.n;

	for (int dir = POL_INGRESS; dir <= POL_EGRESS; dir++) {
		const struct pol_part *part = &p->body->p.part[dir];

		n += p->body->is_matched ? p->body->part[dir].n_match * sets : 0;
		for (size_t i = 0; part->isolates && i < part->n; i++) {
			n += sets ? p->body->part[dir].rules[i].fixed.n : 0;
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

/* The map that cannot take all that there is, or NULL. */
static const char *full_map(const struct pol_world *w)
{
	if (w->n_rules > w->limits.rules)
		return "rules";
	if (w->n_ports > w->limits.ports)
		return "ports";
	return w->n_blocks > w->limits.prefixes ? "prefixes" : NULL;
}

/*
 * While there are more entries than fit, the policy that costs most is refused. Who is refused
 * depends on the world only: each commit of a world that has been too large begins without any.
 */
int refuse(struct pol_world *w, struct fl_err *err)
{
	const char *full;
	struct policy *p;
	int r = bury_ports(w, err);

	while (r == 0 && (full = full_map(w)) && (p = find_largest(w))) {
		p->refused = true;
		p->full = full;
		p->body->is_matched = false;
		w->n_refused++;
		mark_dirty(p);
		r = body_use_blocks(w, p->body, false, err) ?: forget_gone(w, err);
		r = r ?: compile_sets(w, err) ?: bury_ports(w, err);
	}
	return r;
}

/* The blocks of those that were refused count again, before anybody new is entered. */
int reconsider(struct pol_world *w, struct fl_err *err)
{
	struct policy *p;
	size_t at = 0;
	int r = 0;

	while (r == 0 && w->n_refused && (p = pol_table_next(&w->policies, &at))) {
		if (!p->refused)
			continue;
		p->is_stale = true;
		r = policy_queue(w, p, err) ?: body_use_blocks(w, p->body, true, err);
	}
	return r;
}

/* Those that were refused get another chance; in the versions in force they still are. */
void accept_all(struct pol_world *w)
{
	struct policy *p;
	size_t at = 0;

	while (w->n_refused && (p = pol_table_next(&w->policies, &at))) {
		w->n_refused -= p->refused;
		p->refused = false;
	}
}

void pol_world_refused(const struct pol_world *w,
		       void (*each)(const struct pol_refused *p, void *arg), void *arg)
{
	const struct policy *p;
	size_t at = 0;

	while (w->n_refused && (p = pol_table_next(&w->policies, &at)))
		if (p->refused)
			each(&(struct pol_refused){ p->ns_name, p->name, p->full }, arg);
}
