// SPDX-License-Identifier: Apache-2.0
/*
 * How VTEPs wrap up what is for other nodes, so that the programs can do it. Only what has changed
 * is written; what an earlier agent has left is compared once. While the map is not known to be
 * right, the programs leave the work to the VTEP.
 */
#include <errno.h>
#include <stdio.h>

#include "agent/enforce/inside.h"

/* Those that are to be, sorted by key. */
struct list {
	struct enf_tunnel *v;
	size_t n;
};

static void list_done(struct list *l)
{
	fl_free_p(&l->v);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct fl_tunnel_key));
}

static const struct enf_tunnel *find(const struct enf_tunnel *v, size_t n,
				     const struct fl_tunnel_key *key)
{
	return n ? bsearch(key, v, n, sizeof(*v), compare) : NULL;
}

static bool is_wanted(const void *key, void *arg)
{
	const struct list *l = arg;
	struct fl_tunnel_key k;

	memcpy(&k, key, sizeof(k));
	return find(l->v, l->n, &k);
}

static int copy(const struct enf_beyond *b, struct list *out, struct fl_err *err)
{
	out->v = calloc(b->n_tunnels + 1, sizeof(*out->v));
	if (!out->v)
		return fl_fail_errno(err, ENOMEM, "list the ways through the overlay");
	out->n = b->n_tunnels;
	if (out->n) {
		memcpy(out->v, b->tunnels, out->n * sizeof(*out->v));
		qsort(out->v, out->n, sizeof(*out->v), compare);
	}
	return 0;
}

/* want goes on to be what the map has: without what it had no room for, which is no failure. */
static int write_wanted(struct enf *e, struct list *want, struct fl_err *err)
{
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < want->n; i++) {
		const struct enf_tunnel *t = &want->v[i],
					*have = find(e->tunnels, e->n_tunnels, &t->key);

		if (!have || memcmp(&have->value, &t->value, sizeof(t->value)) != 0)
			r = dp_set_tunnel(e->dp, &t->key, &t->value, err);
		if (r == 0)
			want->v[kept++] = *t;
		else if (r == -E2BIG && !have)
			r = 0;
	}
	want->n = kept;
	return r;
}

/* True when something that has been in force is not as it was, or may not be. */
static bool is_other(const struct enf *e, const struct list *want)
{
	const struct enf_tunnel *now;
	bool is = !e->tunnels_known;

	for (size_t i = 0; !is && i < e->n_tunnels; i++) {
		now = find(want->v, want->n, &e->tunnels[i].key);
		is = !now || memcmp(&now->value, &e->tunnels[i].value, sizeof(now->value)) != 0;
	}
	return is;
}

/*
 * What goes first, so that there is room: what is missing meanwhile, the VTEP does. Connections
 * keep the ways of their outer packets, which are other nodes' now: all are judged anew.
 */
static int write_changes(struct enf *e, struct list *want, struct fl_err *err)
{
	int r = e->tunnels_known ? 0 : dp_prune(e->dp, DP_TUNNELS, is_wanted, want, err);

	for (size_t i = 0; r == 0 && i < e->n_tunnels; i++)
		if (!find(want->v, want->n, &e->tunnels[i].key))
			r = dp_remove_tunnel(e->dp, &e->tunnels[i].key, err);
	r = r ?: write_wanted(e, want, err);
	return r == 0 && is_other(e, want) ? dp_next_generation(e->dp, err) : r;
}

int enf_tunnels(struct enf *e, const struct enf_beyond *b, struct fl_err *err)
{
	fl_auto(list_done) struct list want = { 0 };
	int r = copy(b, &want, err) ?: write_changes(e, &want, err);

	/* What is in the map after half of it is not known: all is written, and looked at, anew. */
	fl_free_p(&e->tunnels);
	e->tunnels = r == 0 ? FL_TAKE(want.v) : NULL;
	e->n_tunnels = r == 0 ? want.n : 0;
	e->tunnels_known = r == 0;
	e->tunnels_full = r == 0 ? b->n_tunnels - e->n_tunnels : 0;
	return r;
}

bool enf_has_tunnels(const struct enf *e)
{
	return e->tunnels_known && e->n_tunnels;
}

void enf_complain_of_tunnels(const struct enf *e, enf_complain *each, void *arg)
{
	char text[200];

	if (!e->tunnels_full)
		return;
	(void)snprintf(
		text, sizeof(text),
		"the datapath's map of ways through the overlay is full: it holds %zu; what is "
		"for %zu other nodes is wrapped up by the VTEP",
		e->n_tunnels, e->tunnels_full);
	each("datapath", text, arg);
}

int enf_go_by_stack(struct enf *e, bool all, struct fl_err *err)
{
	return dp_go_by_stack(e->dp, all, err);
}

int enf_lend_tunnels(struct enf *e, bool may, struct fl_err *err)
{
	return may && enf_has_tunnels(e) ? dp_lend_tunnels(e->dp, err)
					 : dp_keep_tunnels(e->dp, err);
}
