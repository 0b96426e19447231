// SPDX-License-Identifier: Apache-2.0
/* Rules against peers: whom each policy is about. */
#include <errno.h>
#include <string.h>

#include "agent/policy/inside.h"
#include "bpf/abi.h"

static bool prefix_within(const struct fl_prefix *outer, const struct fl_prefix *inner)
{
	return outer->len <= inner->len && fl_prefix_contains(outer, &inner->ip);
}

bool peer_covers(const struct peer *e, const struct fl_prefix *place)
{
	size_t from = 0, to = e->n_holes;

	if (!prefix_within(&e->p->cidr, place))
		return false;
	/* Of the holes, which lie beside each other, only the last that begins before can hold it.
	 */
	while (from < to) {
		size_t mid = (from + to) / 2;

		if (fl_ip_cmp(&e->holes[mid].ip, &place->ip) <= 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from == 0 || !prefix_within(&e->holes[from - 1], place);
}

int rule_named_ports(const struct rule *r, const struct pol_named_port *ports, size_t n,
		     struct pol_ports *out, struct fl_err *err)
{
	int failed = 0;

	for (size_t i = 0; i < r->r->n_ports; i++) {
		const struct pol_port *want = &r->r->ports[i];

		for (size_t k = 0; want->name[0] && k < n && failed == 0; k++) {
			struct pol_range range = { r->origin, ports[k].port, ports[k].port,
						   ports[k].proto };

			if (want->proto == ports[k].proto && !strcmp(want->name, ports[k].name))
				failed = pol_ports_add(out, &range, err);
		}
	}
	return failed;
}

bool rule_names_one(const struct rule *r, const struct pol_named_port *ports, size_t n)
{
	for (size_t i = 0; i < r->r->n_ports; i++)
		for (size_t k = 0; r->r->ports[i].name[0] && k < n; k++)
			if (r->r->ports[i].proto == ports[k].proto &&
			    !strcmp(r->r->ports[i].name, ports[k].name))
				return true;
	return false;
}

/* Does the peer, by its selectors, mean pods of this namespace? own: the policy's. */
static bool peer_means_ns(const struct peer *e, const struct ns *own, const struct ns *ns)
{
	if (e->p->is_block || !ns_is_alive(ns))
		return false;
	return e->p->namespaces.present ? sel_matches(&e->namespaces, &ns->set) : ns == own;
}

int rule_peer(const struct rule *r, const struct ns *own, const struct ident *id,
	      const struct fl_ip *ip)
{
	for (size_t i = 0; i < r->r->n_peers; i++) {
		const struct peer *e = &r->peers[i];
		struct fl_prefix place;

		if (id && peer_means_ns(e, own, id->ns) && sel_matches(&e->pods, &id->set))
			return (int)i;
		if (!e->p->is_block || !ip)
			continue;
		place = (struct fl_prefix){ *ip, (uint8_t)fl_ip_bits(ip) };
		if (peer_covers(e, &place))
			return (int)i;
	}
	return r->r->n_peers ? -2 : -1;
}

static int compare_matches(const void *a, const void *b)
{
	const struct match *p = a, *q = b;

	if (p->who != q->who)
		return p->who < q->who ? -1 : 1;
	return p->rule - q->rule;
}

static int push(struct part *part, uint32_t who, size_t rule, bool named, struct fl_err *err)
{
	int r = pol_grow(&part->match, part->n_match, &part->room, sizeof(*part->match), err);

	if (r == 0)
		part->match[part->n_match++] = (struct match){ who, (uint16_t)rule, named };
	return r;
}

/* Sorts; of the same peer and rule one is left, which is named if one of them was. */
static void sort_matches(struct part *part)
{
	size_t n = 0;

	if (part->n_match)
		qsort(part->match, part->n_match, sizeof(*part->match), compare_matches);
	for (size_t i = 0; i < part->n_match; i++) {
		if (n && compare_matches(&part->match[n - 1], &part->match[i]) == 0)
			part->match[n - 1].named |= part->match[i].named;
		else
			part->match[n++] = part->match[i];
	}
	part->n_match = n;
}

/* Is there anything that the rule allows without asking the other end for its ports? */
static bool is_wide(const struct rule *r)
{
	return r->fixed.all || r->fixed.n || r->own_named;
}

/* The identities of the namespace that the selector means; for an egress rule with named ports,
 * and only_named, those that have one of them. */
static int match_idents(struct part *part, size_t i, const struct sel *pods, const struct ns *ns,
			bool only_named, struct fl_err *err)
{
	const struct rule *rule = &part->rules[i];
	int r = 0;

	for (size_t k = 0; r == 0 && k < ns->idents.n; k++) {
		const struct ident *id = ns->idents.v[k];
		bool named = rule->named && rule_names_one(rule, id->ports, id->n_ports);

		/* One that has just gone is still what its pod's entries say. */
		if ((!id->pods.n && id->is_new) || (pods && !sel_matches(pods, &id->set)) ||
		    (only_named && !named))
			continue;
		if (named || is_wide(rule))
			r = push(part, id->number, i, named, err);
	}
	return r;
}

/* A peer of selectors: namespaces as wholes where it can be, else identities. */
static int match_selectors(struct pol_world *w, const struct policy *p, struct body *b,
			   struct part *part, size_t i, const struct peer *e, struct fl_err *err)
{
	const struct rule *rule = &part->rules[i];
	bool wholes = e->pods.n == 0, everywhere = e->p->namespaces.present && !e->namespaces.n;
	size_t at = 0;
	struct ns *ns;
	int r = 0;

	if (wholes && everywhere && is_wide(rule)) {
		r = push(part, FL_ID_PODS, i, false, err);
		if (!rule->named)
			return r;
	}
	while (r == 0 && (ns = pol_table_next(&w->namespaces, &at))) {
		if (!peer_means_ns(e, p->ns, ns))
			continue;
		if (e->namespaces.n) {
			uint64_t seen[4] = { (uint64_t)(part - b->part), i,
					     (uint64_t)(e - rule->peers), ns->hash };

			b->view += pol_hash(seen, sizeof(seen));
		}
		if (wholes && !everywhere && is_wide(rule))
			r = push(part, ns->number, i, false, err);
		if (r == 0 && (!wholes || rule->named))
			r = match_idents(part, i, &e->pods, ns, wholes, err);
	}
	return r;
}

static int compare_places(const void *a, const void *b)
{
	const struct place *const *p = a, *const *q = b;

	return fl_ip_cmp(&(*p)->prefix.ip, &(*q)->prefix.ip);
}

/* The first of the blocks, by address, that does not begin before this one. */
static size_t first_block(struct pol_world *w, const struct fl_ip *ip)
{
	size_t from = 0, to = w->blocks.n;

	if (!w->blocks_sorted && to)
		qsort(w->blocks.v, to, sizeof(*w->blocks.v), compare_places);
	w->blocks_sorted = true;
	while (from < to) {
		size_t mid = (from + to) / 2;
		const struct place *pl = w->blocks.v[mid];

		if (fl_ip_cmp(&pl->prefix.ip, ip) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

/* The blocks that the peer covers follow each other, since those within it begin within it. */
static int match_block(struct pol_world *w, struct part *part, size_t i, const struct peer *e,
		       struct fl_err *err)
{
	int r = 0;

	if (!is_wide(&part->rules[i]))
		return 0;
	for (size_t k = first_block(w, &e->p->cidr.ip); r == 0 && k < w->blocks.n; k++) {
		const struct place *pl = w->blocks.v[k];

		/* All of IPv4 lies among IPv6's addresses here. */
		if (fl_ip_is4(&pl->prefix.ip) && !fl_ip_is4(&e->p->cidr.ip))
			continue;
		if (!fl_prefix_contains(&e->p->cidr, &pl->prefix.ip))
			break;
		if (peer_covers(e, &pl->prefix))
			r = push(part, pl->number, i, false, err);
	}
	return r;
}

static int match_rule(struct pol_world *w, const struct policy *p, struct body *b,
		      struct part *part, size_t i, struct fl_err *err)
{
	const struct rule *rule = &part->rules[i];
	const struct ns *ns;
	size_t at = 0;
	int r = 0;

	if (!rule->r->n_peers) {
		if (is_wide(rule))
			r = push(part, FL_ID_ANY, i, false, err);
		while (r == 0 && rule->named && (ns = pol_table_next(&w->namespaces, &at)))
			r = match_idents(part, i, NULL, ns, true, err);
	}
	for (size_t k = 0; r == 0 && k < rule->r->n_peers; k++) {
		const struct peer *e = &rule->peers[k];

		r = e->p->is_block ? match_block(w, part, i, e, err)
				   : match_selectors(w, p, b, part, i, e, err);
	}
	return r;
}

int body_match(struct pol_world *w, const struct policy *p, struct body *b, struct fl_err *err)
{
	int r = 0;

	b->is_matched = true;
	b->view = 0;
	for (int dir = POL_INGRESS; r == 0 && dir <= POL_EGRESS; dir++) {
		struct part *part = &b->part[dir];

		part->n_match = 0;
		for (size_t i = 0; r == 0 && i < b->p.part[dir].n; i++)
			r = b->p.part[dir].isolates && !p->refused
				    ? match_rule(w, p, b, part, i, err)
				    : 0;
		sort_matches(part);
	}
	return r;
}

/* Puts the matches from there on, which are new, where they belong among the others. */
static int settle(struct part *part, size_t from, struct fl_err *err)
{
	size_t k = part->n_match - from, at = part->n_match;
	fl_auto_free struct match *news = NULL;

	if (!k)
		return 0;
	news = calloc(k, sizeof(*news));
	if (!news)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	memcpy(news, &part->match[from], k * sizeof(*news));
	qsort(news, k, sizeof(*news), compare_matches);
	while (k)
		part->match[--at] = from && compare_matches(&part->match[from - 1], &news[k - 1]) >
							    0
					    ? part->match[--from]
					    : news[--k];
	return 0;
}

/* How a rule is about an identity by itself, not by a group it is in: 0, 1, or 2: by its ports. */
static int about_ident(const struct policy *p, const struct rule *rule, const struct ident *id)
{
	bool named = rule->named && rule_names_one(rule, id->ports, id->n_ports);

	if (!rule->r->n_peers)
		return named ? 2 : 0;
	for (size_t k = 0; k < rule->r->n_peers; k++) {
		const struct peer *e = &rule->peers[k];

		if ((e->pods.n || named) && (is_wide(rule) || named) &&
		    peer_means_ns(e, p->ns, id->ns) && sel_matches(&e->pods, &id->set))
			return named ? 2 : 1;
	}
	return 0;
}

/* Is a rule about this block, by its peers' blocks? */
static bool about_place(const struct rule *rule, const struct place *pl)
{
	for (size_t k = 0; is_wide(rule) && k < rule->r->n_peers; k++)
		if (rule->peers[k].p->is_block && peer_covers(&rule->peers[k], &pl->prefix))
			return true;
	return false;
}

static int match_new(const struct pol_world *w, const struct policy *p, struct part *part, size_t i,
		     struct fl_err *err)
{
	const struct rule *rule = &part->rules[i];
	int r = 0;

	for (size_t k = 0; r == 0 && k < w->new_idents.n; k++) {
		const struct ident *id = w->new_idents.v[k];
		int how = id->pods.n ? about_ident(p, rule, id) : 0;

		if (how)
			r = push(part, id->number, i, how == 2, err);
	}
	for (size_t k = 0; r == 0 && k < w->new_blocks.n; k++) {
		const struct place *pl = w->new_blocks.v[k];

		if (about_place(rule, pl))
			r = push(part, pl->number, i, false, err);
	}
	return r;
}

int body_match_new(const struct pol_world *w, const struct policy *p, struct body *b, bool *any,
		   struct fl_err *err)
{
	int r = 0;

	*any = false;
	for (int dir = POL_INGRESS; r == 0 && dir <= POL_EGRESS && !p->refused; dir++) {
		struct part *part = &b->part[dir];
		size_t from = part->n_match;

		for (size_t i = 0; b->p.part[dir].isolates && r == 0 && i < b->p.part[dir].n; i++)
			r = match_new(w, p, part, i, err);
		*any |= part->n_match > from;
		r = r ?: settle(part, from, err);
	}
	return r;
}

size_t part_find(const struct part *p, uint32_t who)
{
	size_t from = 0, to = p->n_match;

	while (from < to) {
		size_t mid = (from + to) / 2;

		if (p->match[mid].who < who)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static bool part_has(const struct part *p, uint32_t who)
{
	size_t at = part_find(p, who);

	return at < p->n_match && p->match[at].who == who;
}

bool body_forget(struct body *b, const uint32_t *who, size_t n)
{
	bool any = false;

	for (int dir = POL_INGRESS; dir <= POL_EGRESS; dir++) {
		struct part *p = &b->part[dir];
		size_t kept = 0;
		bool has = false;

		for (size_t i = 0; i < n && !has; i++)
			has = part_has(p, who[i]);
		any |= has;
		for (size_t i = 0; has && i < p->n_match; i++)
			if (!pol_number_is_among(who, n, p->match[i].who))
				p->match[kept++] = p->match[i];
		p->n_match = has ? kept : p->n_match;
	}
	return any;
}
