// SPDX-License-Identifier: Apache-2.0
/*
 * What lies beyond this node's pods: addresses that are treated in a way of their own, blocks that
 * are not listened to, and the interfaces to other nodes. Of thousands of nodes' blocks only what
 * has changed is written; what an earlier agent has left is compared once.
 */
#include <errno.h>

#include "agent/enforce/inside.h"
#include "net/addr.h"

void enf_beyond_done(struct enf *e)
{
	fl_free_p(&e->specials);
	fl_free_p(&e->blocks);
	fl_free_p(&e->devices);
	fl_free_p(&e->tunnels);
	e->n_specials = e->n_blocks = e->n_devices = e->n_tunnels = 0;
}

/* The addresses that are to be special. */
struct specials {
	struct enf_special *v;
	size_t n, room;
};

static void specials_done(struct specials *s)
{
	fl_free_p(&s->v);
}

static int add(struct specials *s, const struct fl_prefix *p, uint32_t flags, struct fl_err *err)
{
	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 64;
		struct enf_special *grown = reallocarray(s->v, room, sizeof(*grown));

		if (!grown)
			return fl_fail_errno(err, ENOMEM, "list special addresses");
		s->v = grown;
		s->room = room;
	}
	s->v[s->n++] = (struct enf_special){ enf_prefix_key(p), flags };
	return 0;
}

static int each_addr(const struct fl_addr *a, void *arg, struct fl_err *err)
{
	struct fl_prefix host = { a->addr.ip, (uint8_t)fl_ip_bits(&a->addr.ip) };

	return add(arg, &host, FL_SPECIAL_NODE, err);
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct fl_prefix_key));
}

/* By key; of one that is twice there, the node's own address comes first. */
static int compare(const void *a, const void *b)
{
	const struct enf_special *x = a, *y = b;
	int order = compare_keys(&x->key, &y->key);

	return order ?: (x->flags > y->flags) - (x->flags < y->flags);
}

/* What should be, sorted, each key once. */
static int list(struct enf *e, struct specials *s, struct fl_err *err)
{
	size_t kept = 0;
	int r = fl_addr_list(e->nl, 0, 0, each_addr, s, err);

	for (size_t i = 0; r == 0 && i < e->o.n_services; i++)
		r = add(s, &e->o.services[i], FL_SPECIAL_SERVICE, err);
	for (size_t i = 0; r == 0 && i < e->n_blocks; i++)
		r = add(s, &e->blocks[i], FL_SPECIAL_PEER, err);
	if (r < 0 || s->n == 0)
		return r;
	qsort(s->v, s->n, sizeof(*s->v), compare);
	for (size_t i = 1; i < s->n; i++)
		if (compare_keys(&s->v[kept].key, &s->v[i].key) != 0)
			s->v[++kept] = s->v[i];
	s->n = kept + 1;
	return 0;
}

static const struct enf_special *find(const struct enf_special *v, size_t n,
				      const struct fl_prefix_key *key)
{
	return n ? bsearch(key, v, n, sizeof(*v), compare_keys) : NULL;
}

static bool is_special(const void *key, void *arg)
{
	const struct specials *s = arg;
	struct fl_prefix_key k;

	memcpy(&k, key, sizeof(k));
	return find(s->v, s->n, &k);
}

/* From what the map has to what it should have. */
static int write_specials(struct enf *e, const struct specials *s, struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n; i++) {
		const struct enf_special *have = find(e->specials, e->n_specials, &s->v[i].key);

		if (!have || have->flags != s->v[i].flags)
			r = dp_set_special(e->dp, &s->v[i].key, s->v[i].flags, err);
	}
	for (size_t i = 0; r == 0 && i < e->n_specials; i++)
		if (!find(s->v, s->n, &e->specials[i].key))
			r = dp_remove_special(e->dp, &e->specials[i].key, err);
	/* Nothing that an earlier agent has left goes before it is known what lies beyond. */
	if (r == 0 && e->beyond_told && !e->specials_known)
		r = dp_prune(e->dp, DP_SPECIALS, is_special, (void *)(uintptr_t)s, err);
	return r;
}

bool enf_has_address(const struct enf *e, const struct fl_ip *ip)
{
	struct fl_prefix host = { *ip, (uint8_t)fl_ip_bits(ip) };
	struct fl_prefix_key key = enf_prefix_key(&host);
	const struct enf_special *s = find(e->specials, e->n_specials, &key);

	return s && s->flags & FL_SPECIAL_NODE;
}

/* True when the map may be other than it was, if these are written. */
static bool is_other(const struct enf *e, const struct specials *s)
{
	bool is = !e->specials || e->n_specials != s->n || (e->beyond_told && !e->specials_known);

	for (size_t i = 0; !is && i < s->n; i++)
		is = compare(&e->specials[i], &s->v[i]) != 0;
	return is;
}

/* The programs keep what they have allowed; a new connection is judged by what is special now. */
static int write_changes(struct enf *e, const struct specials *s, struct fl_err *err)
{
	bool other = is_other(e, s);
	int r = write_specials(e, s, err);
	struct fl_err ignored;

	if (r < 0)
		FL_IGNORE(dp_next_generation(e->dp, &ignored));
	return r == 0 && other ? dp_next_generation(e->dp, err) : r;
}

int enf_specials(struct enf *e, struct fl_err *err)
{
	fl_auto(specials_done) struct specials s = { 0 };
	int r = list(e, &s, err) ?: write_changes(e, &s, err);

	/* What is in the map after half of it is not known: all is written, and looked at, anew. */
	fl_free_p(&e->specials);
	e->specials = r == 0 ? FL_TAKE(s.v) : NULL;
	e->n_specials = r == 0 ? s.n : 0;
	e->specials_known = r == 0 && e->beyond_told;
	e->specials_full = r == -E2BIG;
	return r;
}

/* The keys of what is denied, sorted. */
struct denied {
	struct fl_prefix_key *keys;
	size_t n;
};

static void denied_done(struct denied *d)
{
	fl_free_p(&d->keys);
}

static bool is_denied(const void *key, void *arg)
{
	const struct denied *d = arg;
	struct fl_prefix_key k;

	memcpy(&k, key, sizeof(k));
	return d->n && bsearch(&k, d->keys, d->n, sizeof(k), compare_keys);
}

/* They are the configuration's, and so for life. */
int enf_deny(struct enf *e, struct fl_err *err)
{
	fl_auto(denied_done) struct denied d = { .n = e->o.n_denied };
	int r = 0;

	if (e->denied_known)
		return 0;
	d.keys = calloc(d.n + 1, sizeof(*d.keys));
	if (!d.keys)
		return fl_fail_errno(err, ENOMEM, "list denied blocks");
	for (size_t i = 0; r == 0 && i < d.n; i++) {
		d.keys[i] = enf_prefix_key(&e->o.denied[i]);
		r = dp_set_denied(e->dp, &d.keys[i], err);
	}
	qsort(d.keys, d.n, sizeof(*d.keys), compare_keys);
	r = r ?: dp_prune(e->dp, DP_DENIED, is_denied, &d, err);
	e->denied_known = r == 0;
	return r;
}

/* A failure, unless there was one before. */
static void note(struct enf *e, int r, const struct fl_err *why)
{
	if (r < 0 && !e->beyond_broken.sys)
		e->beyond_broken = *why;
}

/* A pod's interface is none of those to other nodes, though a route may lead on by it. */
static int set_devices(struct enf *e, struct fl_err *err)
{
	fl_auto_free struct dp_device *devices = calloc(e->n_devices + 1, sizeof(*devices));
	size_t n = 0;

	if (!devices)
		return fl_fail_errno(err, ENOMEM, "list the interfaces to other nodes");
	for (size_t i = 0; i < e->n_devices; i++)
		if (!enf_att_find(e, e->devices[i].name))
			devices[n++] = e->devices[i];
	return dp_set_devices(e->dp, e->nl, devices, n, e->o.xdp, err);
}

void enf_beyond(struct enf *e)
{
	struct fl_err err;

	if (!e->beyond_told)
		return;
	e->beyond_broken.sys = 0;
	note(e, enf_deny(e, &err), &err);
	note(e, set_devices(e, &err), &err);
}

static int remember(struct enf *e, const struct enf_beyond *b, struct fl_err *err)
{
	fl_auto_free struct fl_prefix *blocks = calloc(b->n_blocks + 1, sizeof(*blocks));
	struct dp_device *devices = calloc(b->n_devices + 1, sizeof(*devices));

	if (!blocks || !devices) {
		fl_free_p(&devices);
		return fl_fail_errno(err, ENOMEM, "remember what lies beyond the node");
	}
	if (b->n_blocks)
		memcpy(blocks, b->blocks, b->n_blocks * sizeof(*blocks));
	if (b->n_devices)
		memcpy(devices, b->devices, b->n_devices * sizeof(*devices));
	fl_free_p(&e->blocks);
	fl_free_p(&e->devices);
	e->blocks = FL_TAKE(blocks);
	e->devices = devices;
	e->n_blocks = b->n_blocks;
	e->n_devices = b->n_devices;
	e->beyond_told = true;
	return 0;
}

void enf_set_beyond(struct enf *e, const struct enf_beyond *b)
{
	struct fl_err err;
	int r = remember(e, b, &err);

	if (r == 0) {
		enf_beyond(e);
		note(e, enf_tunnels(e, b, &err), &err);
		r = enf_specials(e, &err);
	}
	note(e, r, &err);
}
