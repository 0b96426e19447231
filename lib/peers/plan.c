// SPDX-License-Identifier: Apache-2.0
/* Plans as data: making, comparing, looking into them. */
#include "peers/plan.h"

#include <errno.h>

/* -1, 0 or 1. */
#define CMP(a, b) (((a) > (b)) - ((a) < (b)))

static int cmp_route(const void *pa, const void *pb)
{
	const struct fl_route *a = pa, *b = pb;

	return fl_ip_cmp(&a->dst.ip, &b->dst.ip) ?: CMP(a->dst.len, b->dst.len) ?:
	       CMP(a->priority, b->priority);
}

static bool same_route(const void *pa, const void *pb)
{
	const struct fl_route *a = pa, *b = pb;

	return cmp_route(a, b) == 0 && a->type == b->type && a->link == b->link &&
	       a->has_gw == b->has_gw && a->onlink == b->onlink &&
	       (!a->has_gw || fl_ip_cmp(&a->gw, &b->gw) == 0) && a->table == b->table &&
	       a->mtu == b->mtu && a->advmss == b->advmss && a->scope == b->scope &&
	       a->protocol == b->protocol && a->has_src == b->has_src &&
	       (!a->has_src || fl_ip_cmp(&a->src, &b->src) == 0);
}

static int cmp_neigh(const void *pa, const void *pb)
{
	const struct fl_neigh *a = pa, *b = pb;

	return CMP(a->link, b->link) ?: fl_ip_cmp(&a->ip, &b->ip);
}

static bool same_neigh(const void *pa, const void *pb)
{
	const struct fl_neigh *a = pa, *b = pb;

	return cmp_neigh(a, b) == 0 && memcmp(a->mac, b->mac, FL_MAC_LEN) == 0;
}

static int cmp_fdb(const void *pa, const void *pb)
{
	const struct fl_fdb *a = pa, *b = pb;

	return CMP(a->link, b->link) ?: memcmp(a->mac, b->mac, FL_MAC_LEN);
}

static bool same_fdb(const void *pa, const void *pb)
{
	const struct fl_fdb *a = pa, *b = pb;

	return cmp_fdb(a, b) == 0 && fl_ip_cmp(&a->remote, &b->remote) == 0;
}

const struct peers_form peers_form[PEERS_KINDS] = {
	[PEERS_ROUTE] = { sizeof(struct fl_route), cmp_route, same_route },
	[PEERS_NEIGH] = { sizeof(struct fl_neigh), cmp_neigh, same_neigh },
	[PEERS_FDB] = { sizeof(struct fl_fdb), cmp_fdb, same_fdb },
};

int peers_plan_new(struct fl_peers_plan **out, struct fl_err *err)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : fl_fail_errno(err, ENOMEM, "plan the ways to peers");
}

void fl_peers_plan_free(struct fl_peers_plan **p)
{
	for (int k = 0; *p && k < PEERS_KINDS; k++)
		fl_free_p(&(*p)->list[k].items);
	fl_free_p(p);
}

int peers_plan_add(struct fl_peers_plan *p, enum peers_kind kind, const void *item,
		   struct fl_err *err)
{
	struct peers_list *l = &p->list[kind];
	size_t size = peers_form[kind].size, room = l->room ? 2 * l->room : 64;
	void *grown = l->n < l->room ? l->items : reallocarray(l->items, room, size);

	if (!grown)
		return fl_fail_errno(err, ENOMEM, "plan the ways to peers");
	if (l->n == l->room)
		l->room = room;
	l->items = grown;
	memcpy((char *)grown + l->n++ * size, item, size);
	return 0;
}

void peers_plan_sort(struct fl_peers_plan *p, enum peers_kind kind)
{
	const struct peers_form *f = &peers_form[kind];
	struct peers_list *l = &p->list[kind];
	char *items = l->items;
	size_t kept = 1;

	if (l->n < 2)
		return;
	qsort(items, l->n, f->size, f->cmp);
	for (size_t i = 1; i < l->n; i++)
		if (!f->same(items + (kept - 1) * f->size, items + i * f->size))
			memmove(items + kept++ * f->size, items + i * f->size, f->size);
	l->n = kept;
}

bool fl_peers_plan_equal(const struct fl_peers_plan *a, const struct fl_peers_plan *b)
{
	for (enum peers_kind k = 0; k < PEERS_KINDS; k++) {
		if (a->list[k].n != b->list[k].n)
			return false;
		for (size_t i = 0; i < a->list[k].n; i++)
			if (!peers_form[k].same(peers_item(a, k, i), peers_item(b, k, i)))
				return false;
	}
	return true;
}

const struct fl_route *fl_peers_plan_routes(const struct fl_peers_plan *p, size_t *n)
{
	*n = p->list[PEERS_ROUTE].n;
	return p->list[PEERS_ROUTE].items;
}

const struct fl_neigh *fl_peers_plan_neighs(const struct fl_peers_plan *p, size_t *n)
{
	*n = p->list[PEERS_NEIGH].n;
	return p->list[PEERS_NEIGH].items;
}

const struct fl_fdb *fl_peers_plan_fdb(const struct fl_peers_plan *p, size_t *n)
{
	*n = p->list[PEERS_FDB].n;
	return p->list[PEERS_FDB].items;
}

void fl_peers_plan_keep(struct fl_peers_plan *p, bool (*keep)(const struct fl_route *r, void *arg),
			void *arg)
{
	struct peers_list *l = &p->list[PEERS_ROUTE];
	struct fl_route *routes = l->items;
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (keep(&routes[i], arg))
			routes[n++] = routes[i];
	l->n = n;
}

/* The first item of one kind that is missing, or NULL: both lists are sorted by key. */
static const void *first_missing(const struct fl_peers_plan *want, const struct fl_peers_plan *have,
				 enum peers_kind k)
{
	const struct peers_form *f = &peers_form[k];
	size_t j = 0;

	for (size_t i = 0; i < want->list[k].n; i++) {
		const void *item = peers_item(want, k, i);
		bool found = false;

		while (j < have->list[k].n && f->cmp(peers_item(have, k, j), item) < 0)
			j++;
		for (size_t n = j; !found && n < have->list[k].n; n++) {
			if (f->cmp(peers_item(have, k, n), item) != 0)
				break;
			found = f->same(peers_item(have, k, n), item);
		}
		if (!found)
			return item;
	}
	return NULL;
}

bool fl_peers_plan_missing(const struct fl_peers_plan *want, const struct fl_peers_plan *have,
			   struct fl_peers_missing *out)
{
	struct fl_peers_missing m = { .route = first_missing(want, have, PEERS_ROUTE) };

	if (!m.route)
		m.neigh = first_missing(want, have, PEERS_NEIGH);
	if (!m.route && !m.neigh)
		m.fdb = first_missing(want, have, PEERS_FDB);
	if (!m.route && !m.neigh && !m.fdb)
		return false;
	*out = m;
	return true;
}
