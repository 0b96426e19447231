// SPDX-License-Identifier: Apache-2.0
/*
 * Sets of nodes. Whether two nodes contradict each other is found by sorting all their addresses
 * and blocks: of prefixes that overlap, one contains the other, and stands before it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/model/node.h"

#define NOBODY UINT32_MAX

/* A node that is considered, with what decides whether it stays. */
struct candidate {
	struct agent_node *node;
	uint64_t head; /* of its name: most names differ in it, and it is near */
	uint32_t end;  /* of its claims, which begin where the one's before end; in work.order */
	bool kept;     /* the last set had it in this form */
	bool chosen;
};

/* An address or block that a node claims; an address is a prefix of full length. 32 bytes, which
 * is what qsort() moves at once. */
struct claim {
	uint64_t key[2]; /* the address, for comparing */
	uint32_t candidate;
	uint32_t up;	 /* the claim that contains it most closely, or NOBODY */
	uint32_t within; /* a chosen candidate's claim that lies in it, or NOBODY */
	uint8_t len;	 /* of the 128 bits */
	bool is_address;
};

struct work {
	struct candidate *all; /* by name, then by where */
	struct claim *claims;
	uint32_t *order; /* the candidates' claims, by their places in claims */
	size_t n, n_claims, n_chosen;
};

static void work_done(struct work *w)
{
	fl_free_p(&w->all);
	fl_free_p(&w->claims);
	fl_free_p(&w->order);
}

void agent_cluster_done(struct agent_cluster *c)
{
	for (size_t i = 0; i < c->n; i++)
		agent_node_done(&c->nodes[i]);
	fl_free_p(&c->nodes);
	c->n = 0;
}

const struct agent_node *agent_cluster_find(const struct agent_cluster *c, const char *name)
{
	size_t low = 0, high = c->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int cmp = strcmp(name, c->nodes[middle].name);

		if (cmp == 0)
			return &c->nodes[middle];
		if (cmp < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

bool agent_cluster_equal(const struct agent_cluster *a, const struct agent_cluster *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (!agent_node_equal(&a->nodes[i], &b->nodes[i]))
			return false;
	}
	return true;
}

static int by_name(const void *a, const void *b)
{
	const struct candidate *p = a, *q = b;

	if (p->head != q->head)
		return p->head < q->head ? -1 : 1;
	return strcmp(p->node->name, q->node->name) ?: strverscmp(p->node->where, q->node->where);
}

static int by_prefix(const void *a, const void *b)
{
	const struct claim *p = a, *q = b;

	for (int i = 0; i < 2; i++) {
		if (p->key[i] != q->key[i])
			return p->key[i] < q->key[i] ? -1 : 1;
	}
	if (p->len != q->len)
		return p->len < q->len ? -1 : 1;
	return p->candidate < q->candidate ? -1 : p->candidate > q->candidate;
}

static void add_claim(struct work *w, uint32_t candidate, const struct fl_ip *ip, unsigned int len,
		      bool is_address)
{
	struct claim *c = &w->claims[w->n_claims++];

	*c = (struct claim){ .len = (uint8_t)(len + 128 - fl_ip_bits(ip)),
			     .candidate = candidate,
			     .up = NOBODY,
			     .within = NOBODY,
			     .is_address = is_address };
	for (int i = 0; i < 16; i++)
		c->key[i / 8] = c->key[i / 8] << 8 | ip->b[i];
}

static bool contains(const struct claim *outer, const struct claim *inner)
{
	for (unsigned int i = 0; i < 2; i++) {
		unsigned int bits = outer->len > 64 * i ? outer->len - 64 * i : 0;
		uint64_t mask = bits >= 64 ? UINT64_MAX : bits ? ~(UINT64_MAX >> bits) : 0;

		if ((outer->key[i] ^ inner->key[i]) & mask)
			return false;
	}
	return true;
}

static int no_memory(struct fl_err *err)
{
	return fl_fail_errno(err, ENOMEM, "compare nodes");
}

/* Claims of all candidates, sorted, each with what contains it. */
static int make_claims(struct work *w, struct fl_err *err)
{
	uint32_t outer = NOBODY;
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += w->all[i].node->net.n_ips + w->all[i].node->net.n_cidrs;
	w->claims = calloc(n + 1, sizeof(*w->claims));
	w->order = calloc(n + 1, sizeof(*w->order));
	if (!w->claims || !w->order)
		return no_memory(err);
	for (size_t i = 0; i < w->n; i++) {
		const struct fl_peer *net = &w->all[i].node->net;

		w->all[i].end = (uint32_t)w->n_claims;
		for (size_t k = 0; k < net->n_ips; k++)
			add_claim(w, (uint32_t)i, &net->ips[k], fl_ip_bits(&net->ips[k]), true);
		for (size_t k = 0; k < net->n_cidrs; k++)
			add_claim(w, (uint32_t)i, &net->cidrs[k].ip, net->cidrs[k].len, false);
	}
	qsort(w->claims, w->n_claims, sizeof(*w->claims), by_prefix);
	for (uint32_t i = 0; i < w->n_claims; i++) {
		struct claim *c = &w->claims[i];

		while (outer != NOBODY && !contains(&w->claims[outer], c))
			outer = w->claims[outer].up;
		c->up = outer;
		outer = i;
		w->order[w->all[c->candidate].end++] = i;
	}
	return 0;
}

/* The candidates, sorted, and which of them the last set had in the same form. */
static int make_candidates(struct work *w, struct agent_node *nodes, size_t n,
			   const struct agent_cluster *last, struct fl_err *err)
{
	size_t old = 0;

	w->all = calloc(n + 1, sizeof(*w->all));
	if (!w->all)
		return no_memory(err);
	w->n = n;
	for (size_t i = 0; i < n; i++) {
		struct candidate *c = &w->all[i];

		c->node = &nodes[i];
		for (size_t k = 0; k < sizeof(c->head) && nodes[i].name[k]; k++)
			c->head |= (uint64_t)(uint8_t)nodes[i].name[k] << (56 - 8 * k);
	}
	qsort(w->all, n, sizeof(*w->all), by_name);
	for (size_t i = 0; last && i < n; i++) {
		struct candidate *c = &w->all[i];

		while (old < last->n && strcmp(last->nodes[old].name, c->node->name) < 0)
			old++;
		c->kept = old < last->n && agent_node_equal(&last->nodes[old], c->node);
	}
	return 0;
}

/* The chosen candidate of the same name; NOBODY: there is none. Same names stand together. */
static uint32_t namesake(const struct work *w, size_t i)
{
	const char *name = w->all[i].node->name;

	for (size_t k = i; k-- > 0 && strcmp(w->all[k].node->name, name) == 0;) {
		if (w->all[k].chosen)
			return (uint32_t)k;
	}
	for (size_t k = i + 1; k < w->n && strcmp(w->all[k].node->name, name) == 0; k++) {
		if (w->all[k].chosen)
			return (uint32_t)k;
	}
	return NOBODY;
}

/* The first of a chosen candidate's claims that overlaps c; NOBODY: there is none. */
static uint32_t overlapping(const struct work *w, const struct claim *c)
{
	if (c->within != NOBODY)
		return c->within;
	for (uint32_t i = c->up; i != NOBODY; i = w->claims[i].up) {
		if (w->all[w->claims[i].candidate].chosen)
			return i;
	}
	return NOBODY;
}

static const char *claim_text(const struct claim *c, char out[64])
{
	char text[FL_PREFIX_STR];
	struct fl_prefix p;

	for (int i = 0; i < 16; i++)
		p.ip.b[i] = (uint8_t)(c->key[i / 8] >> (56 - 8 * (i % 8)));
	p.len = (uint8_t)(c->len + fl_ip_bits(&p.ip) - 128);
	(void)snprintf(out, 64, "%s '%s'", c->is_address ? "address" : "block",
		       c->is_address ? fl_ip_format(&p.ip, text) : fl_prefix_format(&p, text));
	return out;
}

/* Why the candidate cannot be chosen; false: it can. */
static bool is_refused(const struct work *w, size_t i, char *why, size_t size)
{
	const struct candidate *c = &w->all[i];
	uint32_t holder = namesake(w, i);
	char mine[64], theirs[64];

	if (holder != NOBODY) {
		(void)snprintf(why, size, "node '%s': is already in %s", c->node->name,
			       w->all[holder].node->where);
		return true;
	}
	for (uint32_t k = i ? w->all[i - 1].end : 0; k < c->end; k++) {
		const struct claim *claim = &w->claims[w->order[k]], *other;
		uint32_t found = overlapping(w, claim);

		if (found == NOBODY)
			continue;
		other = &w->claims[found];
		(void)snprintf(why, size, "node '%s': %s clashes with %s of node '%s' in %s",
			       c->node->name, claim_text(claim, mine), claim_text(other, theirs),
			       w->all[other->candidate].node->name,
			       w->all[other->candidate].node->where);
		return true;
	}
	if (w->n_chosen == FL_PEERS_MAX) {
		(void)snprintf(why, size, "node '%s': more than %d nodes", c->node->name,
			       FL_PEERS_MAX);
		return true;
	}
	return false;
}

static void choose(struct work *w, size_t i)
{
	struct candidate *c = &w->all[i];

	c->chosen = true;
	w->n_chosen++;
	for (uint32_t k = i ? w->all[i - 1].end : 0; k < c->end; k++) {
		/* Who is marked already has marked all above. */
		for (uint32_t a = w->order[k]; a != NOBODY && w->claims[a].within == NOBODY;
		     a = w->claims[a].up)
			w->claims[a].within = w->order[k];
	}
}

/* Moves the chosen nodes out, sorted by name. */
static int take_chosen(struct work *w, struct agent_cluster *out, struct fl_err *err)
{
	struct agent_node *nodes = calloc(w->n_chosen + 1, sizeof(*nodes));
	size_t n = 0;

	if (!nodes)
		return no_memory(err);
	for (size_t i = 0; i < w->n; i++) {
		if (!w->all[i].chosen)
			continue;
		nodes[n++] = *w->all[i].node;
		*w->all[i].node = (struct agent_node){ 0 };
	}
	*out = (struct agent_cluster){ nodes, n };
	return 0;
}

/* Chooses among those that were kept, or that were not: by name, then by where. */
static void choose_among(struct work *w, bool kept, agent_complain *complain, void *arg)
{
	char why[512];

	for (size_t i = 0; i < w->n; i++) {
		if (w->all[i].kept != kept)
			continue;
		if (is_refused(w, i, why, sizeof(why)))
			complain(w->all[i].node->where, why, arg);
		else
			choose(w, i);
	}
}

int agent_cluster_make(struct agent_node *nodes, size_t n, const struct agent_cluster *last,
		       agent_complain *complain, void *arg, struct agent_cluster *out,
		       struct fl_err *err)
{
	fl_auto_cluster struct agent_cluster given = { nodes, n };
	fl_auto(work_done) struct work w = { 0 };
	int r = make_candidates(&w, given.nodes, given.n, last, err) ?: make_claims(&w, err);

	if (r < 0)
		return r;
	choose_among(&w, true, complain, arg);
	choose_among(&w, false, complain, arg);
	return take_chosen(&w, out, err);
}
