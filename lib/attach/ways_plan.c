// SPDX-License-Identifier: Apache-2.0
/* What a network's configuration asks of the node: blocks, routes, masquerade. */
#include "attach/ways_plan.h"

#include <errno.h>

#include "cni/code.h"

int fl_blocks_cmp(const void *pa, const void *pb)
{
	const struct fl_prefix *a = pa, *b = pb;
	int r = fl_ip_cmp(&a->ip, &b->ip);

	return r ? r : a->len - b->len;
}

void fl_blocks_done(struct fl_blocks *p)
{
	fl_free_p(&p->list);
}

bool fl_blocks_have(const struct fl_blocks *p, const struct fl_prefix *one)
{
	return p->n > 0 && bsearch(one, p->list, p->n, sizeof(*one), fl_blocks_cmp);
}

int fl_blocks_add(struct fl_blocks *p, const struct fl_prefix *one, struct fl_err *err)
{
	if (p->n == p->room) {
		size_t room = p->room ? 2 * p->room : 64;
		struct fl_prefix *more = reallocarray(p->list, room, sizeof(*more));

		if (!more)
			return fl_fail_errno(err, ENOMEM, "keep %zu blocks", room);
		p->list = more;
		p->room = room;
	}
	p->list[p->n++] = *one;
	return 0;
}

/* A block of one address is a pod's own, which has a route already. */
static bool is_routed(const struct fl_prefix *home)
{
	return home->len < fl_ip_bits(&home->ip);
}

int fl_ways_blocks(const struct fl_routed *r, bool routed, struct fl_blocks *out,
		   struct fl_err *err)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < r->n_home; i++)
		if (!routed || is_routed(&r->home[i]))
			e = fl_blocks_add(out, &r->home[i], err);
	for (size_t p = 0; p < r->conf.n_peers; p++)
		for (size_t i = 0; e == 0 && i < r->conf.peers[p].n_cidrs; i++)
			e = fl_blocks_add(out, &r->conf.peers[p].cidrs[i], err);
	if (e == 0 && out->n > 0)
		qsort(out->list, out->n, sizeof(*out->list), fl_blocks_cmp);
	return e;
}

struct complaint {
	struct fl_err first;
};

static void complain(const struct fl_peer *peer, const struct fl_err *why, void *arg)
{
	struct complaint *c = arg;

	if (c->first.sys)
		return;
	c->first = *why;
	(void)fl_wrap(&c->first, -why->sys, "peer '%s'", peer->name);
}

int fl_ways_plan(struct fl_routed *r, struct fl_peers_plan **out, struct fl_err *err)
{
	fl_auto_peers_plan struct fl_peers_plan *plan = NULL;
	struct complaint c = { 0 };
	struct fl_prefix home[FL_ROUTED_HOME_MAX];
	int e;

	r->in.n_home = 0;
	for (size_t i = 0; i < r->n_home; i++)
		if (is_routed(&r->home[i]))
			home[r->in.n_home++] = r->home[i];
	r->in.home = home;
	r->in.way = r->kind->way;
	r->in.protocol = FL_ROUTE_BY_PEERS;
	r->in.n_peers = r->conf.n_peers;
	r->in.peers = r->conf.peers;
	e = fl_peers_plan(&r->in, complain, &c, &plan, err);
	r->in.home = NULL;
	if (e < 0)
		return e;
	if (c.first.sys) {
		*err = c.first;
		return fl_class(err, -err->sys, FL_CNI_CONFIG);
	}
	*out = FL_TAKE(plan);
	return 0;
}

/* Never the name of a table of attach/masq.h, which has a '-' in this place. */
int fl_ways_table(const struct fl_routed *r, char out[FL_WAYS_TABLE_SIZE], struct fl_err *err)
{
	return fl_format(out, FL_WAYS_TABLE_SIZE, err, "fairlead_%s", r->req->name);
}

int fl_ways_outside(const struct fl_routed *r, char table[FL_WAYS_TABLE_SIZE],
		    struct fl_blocks *all, struct fl_outside *out, struct fl_err *err)
{
	int e = fl_ways_table(r, table, err) ?: fl_ways_blocks(r, false, all, err);

	*out = (struct fl_outside){
		.table = table,
		.home = r->home,
		.n_home = r->n_home,
		.cluster = all->list,
		.n_cluster = all->n,
	};
	return e;
}
