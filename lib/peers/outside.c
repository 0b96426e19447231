// SPDX-License-Identifier: Apache-2.0
/* Masquerade towards the outside: blocks to intervals, and these against what the kernel has. */
#include "peers/outside.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "net/nft_rule.h"
#include "peers/span.h"

#define TRIES 100

static const struct fl_nft_chain chain = { "postrouting", FL_NFT_SRCNAT };

enum { HOME4, HOME6, CLUSTER4, CLUSTER6, SETS };

static const struct fl_nft_set sets[SETS] = { [HOME4] = { "home4", FL_NFT_IPV4, true },
					      [HOME6] = { "home6", FL_NFT_IPV6, true },
					      [CLUSTER4] = { "cluster4", FL_NFT_IPV4, true },
					      [CLUSTER6] = { "cluster6", FL_NFT_IPV6, true } };

struct want {
	struct fl_nft_table table;
	struct fl_nft_rule rules[2];
	struct spans spans[SETS];
};

static void want_free(struct want *w)
{
	for (int i = 0; i < SETS; i++)
		peers_spans_free(&w->spans[i]);
}

static int add_blocks(struct want *w, int set4, const struct fl_prefix *blocks, size_t n,
		      struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct span span = { fl_prefix_network(&blocks[i]).ip, fl_prefix_last(&blocks[i]) };

		r = peers_spans_add(&w->spans[fl_ip_is4(&blocks[i].ip) ? set4 : set4 + 1], span,
				    err);
	}
	for (int set = set4; r == 0 && set <= set4 + 1; set++) {
		peers_spans_merge(&w->spans[set]);
		if (w->spans[set].n > FL_OUTSIDE_MAX)
			r = fl_fail(err, E2BIG, "set '%s': %zu intervals: at most %d",
				    sets[set].name, w->spans[set].n, FL_OUTSIDE_MAX);
	}
	return r;
}

static void make_rule(struct fl_nft_rule *rule, int home, const struct fl_prefix *multicast)
{
	*rule = (struct fl_nft_rule){
		5,
		{ { FL_NFT_IS_FAMILY, *multicast, NULL },
		  { FL_NFT_SADDR_IN_SET, *multicast, sets[home].name },
		  { FL_NFT_DADDR_NOT_IN_SET, *multicast, sets[home + CLUSTER4].name },
		  { FL_NFT_DADDR_NOT_IN, *multicast, NULL },
		  { FL_NFT_MASQUERADE, *multicast, NULL } },
		"pods to the outside",
	};
}

static int make_want(struct want *w, const struct fl_outside *o, struct fl_err *err)
{
	/* 224.0.0.0/4 and ff00::/8 */
	static const struct fl_prefix multicast4 = { { { [10] = 0xff, 0xff, 224 } }, 4 },
				      multicast6 = { { { 0xff } }, 8 };

	w->table = (struct fl_nft_table){ FL_NFT_INET, o->table };
	make_rule(&w->rules[0], HOME4, &multicast4);
	make_rule(&w->rules[1], HOME6, &multicast6);
	return add_blocks(w, HOME4, o->home, o->n_home, err)
		       ?: add_blocks(w, CLUSTER4, o->cluster, o->n_cluster, err);
}

/* A bound of an interval in the kernel. */
struct bound {
	struct fl_ip ip;
	bool end;
};

struct bounds {
	int family;
	struct bound *at;
	size_t n, room;
};

static void bounds_free(struct bounds *b)
{
	fl_free_p(&b->at);
}

static int each_bound(const struct fl_nft_elem *e, void *arg, struct fl_err *err)
{
	struct bounds *b = arg;
	size_t room = b->room ? 2 * b->room : 64;
	struct bound *more = b->n < b->room ? b->at : reallocarray(b->at, room, sizeof(*more));

	if (!more)
		return fl_fail_errno(err, ENOMEM, "read %zu intervals", b->n);
	if (b->n == b->room)
		b->room = room;
	b->at = more;
	b->at[b->n++] = (struct bound){ fl_ip_from_raw(b->family, e->key), e->end };
	return 0;
}

/* One interval ends before another begins. */
static int cmp_bounds(const void *pa, const void *pb)
{
	const struct bound *a = pa, *b = pb;

	return fl_ip_cmp(&a->ip, &b->ip) ?: (int)b->end - (int)a->end;
}

/* The set's intervals as the kernel has them. 1: they changed meanwhile. */
static int read_spans(struct fl_nl *nl, const struct want *w, int set, struct spans *out,
		      struct fl_err *err)
{
	int family = sets[set].type == FL_NFT_IPV4 ? AF_INET : AF_INET6;
	fl_auto(bounds_free) struct bounds b = { .family = family };
	const struct bound *open = NULL;
	int again = fl_nft_elems_each(nl, &w->table, &sets[set], each_bound, &b, err), r = 0;

	if (again < 0)
		return again;
	if (b.n > 1)
		qsort(b.at, b.n, sizeof(*b.at), cmp_bounds);
	for (size_t i = 0; r == 0 && i < b.n; i++) {
		/* What nft makes begins with an end that nothing began. */
		if (open && b.at[i].end)
			r = peers_spans_add(
				out, (struct span){ open->ip, fl_ip_sub(&b.at[i].ip, 1) }, err);
		open = b.at[i].end ? NULL : open ? open : &b.at[i];
	}
	if (r == 0 && open)
		r = peers_spans_add(out, (struct span){ open->ip, peers_greatest(family) }, err);
	return r < 0 ? r : again;
}

/* The bounds of the intervals as elements. */
static struct fl_nft_elem *elements(const struct spans *s, size_t *n)
{
	struct fl_nft_elem *e = calloc(2 * s->n + 1, sizeof(*e));
	const void *raw;
	size_t len;

	*n = 0;
	for (size_t i = 0; e && i < s->n; i++) {
		struct fl_ip after = fl_ip_add(&s->at[i].last, 1);

		raw = fl_ip_raw(&s->at[i].first, &len);
		memcpy(e[(*n)++].key, raw, len);
		if (peers_is_greatest(&s->at[i].last))
			continue;
		raw = fl_ip_raw(&after, &len);
		e[*n].end = true;
		memcpy(e[(*n)++].key, raw, len);
	}
	return e;
}

typedef void elems_put(struct fl_batch *b, const struct fl_nft_table *t, const struct fl_nft_set *s,
		       const struct fl_nft_elem *elems, size_t n);

static int put_spans(struct fl_batch *b, const struct want *w, int set, const struct spans *s,
		     elems_put *put, struct fl_err *err)
{
	size_t n;
	fl_auto_free struct fl_nft_elem *e = elements(s, &n);

	if (!e)
		return fl_fail_errno(err, ENOMEM, "put %zu intervals", s->n);
	put(b, &w->table, &sets[set], e, n);
	return 0;
}

/* The whole table anew, in one transaction: no packet finds it half made. */
static int make_all(struct fl_nl *nl, const struct want *w, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	fl_nft_begin(b, 0);
	fl_nft_table_drop_put(b, &w->table);
	fl_nft_table_put(b, &w->table);
	for (int i = 0; i < SETS; i++)
		fl_nft_set_put(b, &w->table, &sets[i]);
	fl_nft_chain_put(b, &w->table, &chain);
	for (int i = 0; i < 2; i++)
		fl_nft_rule_put(b, &w->table, chain.name, &w->rules[i]);
	for (int i = 0; r == 0 && i < SETS; i++)
		r = put_spans(b, w, i, &w->spans[i], fl_nft_elems_put, err);
	fl_nft_end(b);
	return r ?: fl_batch_send(nl, b, err);
}

/* What is missing of the frame, as -ENOENT, -EEXIST or -EUCLEAN; 0: it is all there. */
static int verify_frame(struct fl_nl *nl, const struct want *w, struct fl_err *err)
{
	bool found[2];
	int r = fl_nft_table_verify(nl, &w->table, err);

	if (r == -ENOENT)
		return fl_fail(err, ENOENT, "expected present, found absent");
	for (int i = 0; r == 0 && i < SETS; i++) {
		r = fl_nft_set_verify(nl, &w->table, &sets[i], err);
		if (r == -ENOENT)
			(void)fl_fail(err, ENOENT, "expected present, found absent");
		if (r < 0)
			return fl_wrap(err, r, "set '%s'", sets[i].name);
	}
	if (r == 0) {
		r = fl_nft_chain_verify(nl, &w->table, &chain, err);
		if (r == -ENOENT)
			(void)fl_fail(err, ENOENT, "expected present, found absent");
		if (r < 0)
			return fl_wrap(err, r, "chain '%s'", chain.name);
	}
	r = r ?: fl_nft_rules_find(nl, &w->table, chain.name, w->rules, 2, found, err);
	for (int i = 0; r == 0 && i < 2; i++)
		if (!found[i])
			r = fl_fail(err, ENOENT, "rule for %s: expected present, found absent",
				    i == 0 ? "IPv4" : "IPv6");
	return r;
}

/* True when something is missing or in the way, so that the table is better made anew. */
static bool is_drift(int r)
{
	return r == -ENOENT || r == -EEXIST || r == -EUCLEAN;
}

/* How each set differs. */
struct change {
	struct spans gone[SETS], fresh[SETS];
	size_t n;
};

static void change_free(struct change *c)
{
	for (int i = 0; i < SETS; i++) {
		peers_spans_free(&c->gone[i]);
		peers_spans_free(&c->fresh[i]);
	}
}

/* 1: a set changed while it was read. */
static int compare(struct fl_nl *nl, const struct want *w, struct change *c, struct fl_err *err)
{
	int r = 0;

	for (int i = 0; r == 0 && i < SETS; i++) {
		peers_auto_spans struct spans have = { 0 };

		r = read_spans(nl, w, i, &have, err);
		if (r == 0)
			r = peers_spans_subtract(&have, &w->spans[i], &c->gone[i], err)
				    ?: peers_spans_subtract(&w->spans[i], &have, &c->fresh[i], err);
		c->n += c->gone[i].n + c->fresh[i].n;
	}
	return r;
}

static int send_change(struct fl_nl *nl, const struct want *w, const struct change *c, uint32_t gen,
		       struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	fl_nft_begin(b, gen);
	for (int i = 0; r == 0 && i < SETS; i++)
		r = put_spans(b, w, i, &c->gone[i], fl_nft_elems_drop_put, err)
			    ?: put_spans(b, w, i, &c->fresh[i], fl_nft_elems_put, err);
	fl_nft_end(b);
	return r ?: fl_batch_send(nl, b, err);
}

/* -ERESTART: somebody else changed something meanwhile. */
static int try_apply(struct fl_nl *nl, const struct want *w, bool *changed, struct fl_err *err)
{
	fl_auto(change_free) struct change c = { 0 };
	uint32_t gen;
	int r = fl_nft_generation(nl, &gen, err);

	if (r < 0)
		return r;
	*changed = true;
	r = verify_frame(nl, w, err);
	if (r == 0)
		r = compare(nl, w, &c, err);
	if (r == 1)
		return -ERESTART;
	if (r == 0 && c.n > 0)
		r = send_change(nl, w, &c, gen, err);
	else if (r == 0)
		*changed = false;
	return is_drift(r) ? make_all(nl, w, err) : r;
}

int fl_outside_apply(struct fl_nl *nl, const struct fl_outside *o, bool *changed,
		     struct fl_err *err)
{
	fl_auto(want_free) struct want w = { 0 };
	bool did = false;
	int r = make_want(&w, o, err);

	if (r == 0)
		r = -ERESTART;
	for (int i = 0; r == -ERESTART && i < TRIES; i++)
		r = try_apply(nl, &w, &did, err);
	if (r == -ERESTART)
		r = fl_fail(err, EAGAIN, "the rules of nf_tables changed during %d tries", TRIES);
	if (r < 0)
		return fl_wrap(err, r, "table 'inet %s'", o->table);
	*changed = did;
	return 0;
}

int fl_outside_check(struct fl_nl *nl, const struct fl_outside *o, struct fl_err *err)
{
	fl_auto(want_free) struct want w = { 0 };
	int r = make_want(&w, o, err);

	r = r ?: verify_frame(nl, &w, err);
	for (int i = 0, again = 1; r == 0 && again && i < TRIES; i++) {
		fl_auto(change_free) struct change c = { 0 };

		r = compare(nl, &w, &c, err);
		again = r == 1;
		if (r == 0 && c.n > 0)
			r = fl_fail(err, ENOENT,
				    "expected its sets to be of the blocks, "
				    "found %zu intervals that differ",
				    c.n);
		else if (r == 1)
			r = 0;
	}
	if (is_drift(r)) {
		err->sys = ENOENT;
		r = -ENOENT;
	}
	return r < 0 ? fl_wrap(err, r, "table 'inet %s'", o->table) : 0;
}

int fl_outside_remove(struct fl_nl *nl, const char *table, struct fl_err *err)
{
	struct fl_nft_table t = { FL_NFT_INET, table };
	fl_auto_batch struct fl_batch *b = NULL;
	struct fl_err why;
	uint32_t gen;
	int r;

	if (fl_nft_generation(nl, &gen, &why) == -EOPNOTSUPP)
		return 0;
	r = fl_nft_table_verify(nl, &t, err);
	if (r == -ENOENT)
		return 0;
	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	fl_nft_begin(b, 0);
	fl_nft_table_drop_put(b, &t);
	fl_nft_end(b);
	r = fl_batch_send(nl, b, err);
	return r < 0 ? fl_wrap(err, r, "table 'inet %s'", table) : 0;
}
