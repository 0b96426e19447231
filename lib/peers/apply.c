// SPDX-License-Identifier: Apache-2.0
/* Plans and the kernel: reading what it holds, and applying a difference in batches. */
#include <errno.h>
#include <stdio.h>

#include "peers/plan.h"

static int each_route(const struct fl_route *r, void *arg, struct fl_err *err)
{
	return peers_plan_add(arg, PEERS_ROUTE, r, err);
}

static int each_neigh(const struct fl_neigh *n, void *arg, struct fl_err *err)
{
	return peers_plan_add(arg, PEERS_NEIGH, n, err);
}

static int each_fdb(const struct fl_fdb *f, void *arg, struct fl_err *err)
{
	return peers_plan_add(arg, PEERS_FDB, f, err);
}

int fl_peers_read(struct fl_nl *nl, uint8_t protocol, uint32_t vtep, struct fl_peers_plan **out,
		  struct fl_err *err)
{
	fl_auto_peers_plan struct fl_peers_plan *p = NULL;
	int r;

	r = peers_plan_new(&p, err) ?: fl_route_list_by(nl, protocol, each_route, p, err);
	if (r == 0 && vtep)
		r = fl_neigh_list(nl, vtep, each_neigh, p, err)
			    ?: fl_fdb_list(nl, vtep, each_fdb, p, err);
	if (r < 0)
		return r;
	for (enum peers_kind k = 0; k < PEERS_KINDS; k++)
		peers_plan_sort(p, k);
	*out = FL_TAKE(p);
	return 0;
}

/* What is done to an object. */
enum act { ADD, CHANGE, REMOVE };

struct apply {
	struct fl_nl *nl;
	struct fl_batch *batch;
	struct sent {
		const void *item;
		enum peers_kind kind;
		enum act act;
	} sent[FL_BATCH_MAX]; /* what the batch's messages are about */
	size_t n;
	enum peers_kind kind;	       /* that is walked through */
	bool remove;		       /* what is not wanted; else put what is */
	const struct fl_route **taken; /* routes whose place somebody has */
	size_t n_taken;
	struct fl_peers_count count;
	struct fl_err first; /* refusal; sys 0: none */
};

static void put(struct fl_batch *b, const struct sent *s)
{
	if (s->kind == PEERS_ROUTE && s->act == ADD)
		fl_route_put_new(b, s->item);
	else if (s->kind == PEERS_ROUTE)
		(s->act == REMOVE ? fl_route_put_del : fl_route_put_replace)(b, s->item);
	else if (s->kind == PEERS_NEIGH)
		(s->act == REMOVE ? fl_neigh_put_del : fl_neigh_put)(b, s->item);
	else
		(s->act == REMOVE ? fl_fdb_put_del : fl_fdb_put)(b, s->item);
}

static void refuse(struct apply *a, const struct fl_err *why)
{
	if (!a->first.sys)
		a->first = *why;
}

static int judge(size_t index, void *arg, struct fl_err *why)
{
	struct apply *a = arg;
	struct sent *s = &a->sent[index];

	if (s->kind == PEERS_ROUTE && s->act == ADD && why->sys == EEXIST)
		a->taken[a->n_taken++] = s->item;
	else
		refuse(a, why);
	s->item = NULL;
	return 0;
}

static int flush(struct apply *a, struct fl_err *err)
{
	int r = fl_batch_send_judged(a->nl, a->batch, judge, a, err);

	for (size_t i = 0; r == 0 && i < a->n; i++)
		if (a->sent[i].item)
			(*(a->sent[i].act == REMOVE ? &a->count.removed : &a->count.put))++;
	a->n = 0;
	return r;
}

static int queue(struct apply *a, enum act act, const void *item, struct fl_err *err)
{
	struct sent *s = &a->sent[a->n++];

	*s = (struct sent){ item, a->kind, act };
	put(a->batch, s);
	return a->n == FL_BATCH_MAX ? flush(a, err) : 0;
}

/* Of what the kernel has under one key, [i, end), and what it should have. */
static int meet(struct apply *a, const struct fl_peers_plan *have, size_t i, size_t end,
		const void *want, struct fl_err *err)
{
	const struct peers_form *f = &peers_form[a->kind];
	bool there = false;
	int r = 0;

	for (size_t k = i; k < end; k++)
		there |= f->same(peers_item(have, a->kind, k), want);
	if (!a->remove)
		return there ? 0 : queue(a, CHANGE, want, err);
	/* What was replaced is gone; what stands beside the right one is not. */
	for (size_t k = i; r == 0 && there && k < end; k++)
		if (!f->same(peers_item(have, a->kind, k), want))
			r = queue(a, REMOVE, peers_item(have, a->kind, k), err);
	return r;
}

/* Walks both lists at once: puts what is wanted and not there, or removes what is not wanted. */
static int walk(struct apply *a, const struct fl_peers_plan *have, const struct fl_peers_plan *want,
		struct fl_err *err)
{
	const struct peers_form *f = &peers_form[a->kind];
	size_t nh = have->list[a->kind].n, nw = want->list[a->kind].n, i = 0, j = 0, end;
	int c, r = 0;

	while (r == 0 && (i < nh || j < nw)) {
		const void *h = i < nh ? peers_item(have, a->kind, i) : NULL;
		const void *w = j < nw ? peers_item(want, a->kind, j) : NULL;

		c = !h ? 1 : !w ? -1 : f->cmp(h, w);
		if (c < 0) {
			r = a->remove ? queue(a, REMOVE, h, err) : 0;
			i++;
		} else if (c > 0) {
			r = a->remove ? 0 : queue(a, ADD, w, err);
			j++;
		} else {
			for (end = i + 1;
			     end < nh && f->cmp(peers_item(have, a->kind, end), w) == 0;)
				end++;
			r = meet(a, have, i, end, w, err);
			i = end;
			j++;
		}
	}
	return r;
}

/* Who makes routes, as /etc/iproute2/rt_protos calls them. */
static const char *protocol_name(uint8_t protocol, char number[16])
{
	static const struct {
		uint8_t protocol;
		const char *name;
	} known[] = {
		{ 1, "redirect" },
		{ 2, "kernel" },
		{ 3, "boot" },
		{ 4, "static" },
		{ 9, "ra" },
		{ 11, "zebra" },
		{ 12, "bird" },
		{ 16, "dhcp" },
		{ 18, "keepalived" },
		{ 42, "babel" },
		{ 80, "cilium" },
		{ 186, "bgp" },
		{ 187, "isis" },
		{ 188, "ospf" },
		{ 189, "rip" },
		{ 192, "eigrp" },
		{ FL_ROUTE_BY_POD, "a pod" },
		{ FL_ROUTE_BY_PEERS, "a plugin's peers" },
		{ FL_ROUTE_BY_AGENT, "the agent" },
	};

	for (size_t i = 0; i < FL_ARRAY_LEN(known); i++)
		if (known[i].protocol == protocol)
			return known[i].name;
	(void)snprintf(number, 16, "protocol %u", protocol);
	return number;
}

/* A route with this key that somebody else made, or NULL. */
static const struct fl_route *strangers(const struct fl_peers_plan *all, const struct fl_route *r)
{
	const struct peers_form *f = &peers_form[PEERS_ROUTE];
	const struct fl_route *items = all->list[PEERS_ROUTE].items, *end,
			      *at = bsearch(r, items, all->list[PEERS_ROUTE].n, f->size, f->cmp);

	end = items + all->list[PEERS_ROUTE].n;
	while (at && at > items && f->cmp(at - 1, r) == 0)
		at--;
	for (; at && at < end && f->cmp(at, r) == 0; at++)
		if (at->protocol != r->protocol)
			return at;
	return NULL;
}

/*
 * Routes that could not be added since one is there, which is rare: replaced if it is of ours
 * after all, and left alone if it is somebody else's.
 */
static int settle_taken(struct apply *a, struct fl_err *err)
{
	fl_auto_peers_plan struct fl_peers_plan *all = NULL;
	char text[FL_PREFIX_STR], number[16];
	struct fl_err why;
	int r = 0;

	if (!a->n_taken)
		return 0;
	r = peers_plan_new(&all, err) ?: fl_route_list_by(a->nl, 0, each_route, all, err);
	if (r < 0)
		return r;
	peers_plan_sort(all, PEERS_ROUTE);
	a->kind = PEERS_ROUTE;
	for (size_t i = 0; r == 0 && i < a->n_taken; i++) {
		const struct fl_route *other = strangers(all, a->taken[i]);

		if (!other) {
			r = queue(a, CHANGE, a->taken[i], err);
			continue;
		}
		(void)fl_fail(&why, EEXIST, "add route %s: there is one that belongs to '%s'",
			      fl_prefix_format(&a->taken[i]->dst, text),
			      protocol_name(other->protocol, number));
		refuse(a, &why);
	}
	return r ?: flush(a, err);
}

int fl_peers_apply(struct fl_nl *nl, const struct fl_peers_plan *have,
		   const struct fl_peers_plan *want, struct fl_peers_count *count,
		   struct fl_err *err)
{
	static const struct fl_peers_plan nothing;
	fl_auto_batch struct fl_batch *b = NULL;
	fl_auto_free const struct fl_route **taken = NULL;
	struct apply a = { .nl = nl };
	int r;

	have = have ? have : &nothing;
	want = want ? want : &nothing;
	taken = calloc(want->list[PEERS_ROUTE].n + 1, sizeof(struct fl_route *));
	if (!taken)
		return fl_fail_errno(err, ENOMEM, "apply the ways to peers");
	r = fl_batch_new(&b, err);
	a.batch = b;
	a.taken = taken;
	for (int k = PEERS_KINDS; r == 0 && k-- > 0;) {
		a.kind = (enum peers_kind)k;
		r = walk(&a, have, want, err);
	}
	a.remove = true;
	for (int k = 0; r == 0 && k < PEERS_KINDS; k++) {
		a.kind = (enum peers_kind)k;
		r = walk(&a, have, want, err);
	}
	r = r ?: flush(&a, err) ?: settle_taken(&a, err);
	*count = a.count;
	if (r == 0 && a.first.sys) {
		*err = a.first;
		r = -a.first.sys;
	}
	return r;
}
