// SPDX-License-Identifier: Apache-2.0
/* Masquerade: which table, sets and rules a network has, and keeping them there. */
#include "attach/masq.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sys/socket.h>

#include "base/text.h"
#include "net/nft_rule.h"

#define HEAL_TRIES   100
#define SWEEP_PASSES 5
#define SWEEP_CHUNK  1024 /* elements a transaction: fits one batch twice over */

static const struct fl_nft_chain chain = { "postrouting", FL_NFT_SRCNAT };

/* One for each family. */
static const struct fl_nft_set sets[] = { { "pods4", FL_NFT_IPV4 }, { "pods6", FL_NFT_IPV6 } };

#define N_SETS FL_ARRAY_LEN(sets)

struct table {
	char name[FL_NFT_NAME_SIZE];
	struct fl_nft_table nft;
};

/* What must be there for some addresses. */
struct plan {
	struct table table;
	struct fl_nft_rule *rules; /* FL_MASQ_MAX_SUBNETS */
	size_t n_rules;
	struct fl_nft_elem *elems[N_SETS];
	size_t n_elems[N_SETS];
};

static void plan_free(struct plan *p)
{
	fl_free_p(&p->rules);
	for (size_t i = 0; i < N_SETS; i++)
		fl_free_p(&p->elems[i]);
}

static int name_table(struct table *t, const char *network, struct fl_err *err)
{
	int r = fl_format(t->name, sizeof(t->name), err, "fairlead-%s", network);

	t->nft = (struct fl_nft_table){ FL_NFT_INET, t->name };
	return r;
}

static size_t set_of(const struct fl_ip *ip)
{
	return fl_ip_is4(ip) ? 0 : 1;
}

static struct fl_nft_elem element(const struct fl_ip *ip)
{
	struct fl_nft_elem e = { 0 };
	size_t len;
	const void *raw = fl_ip_raw(ip, &len);

	memcpy(e.key, raw, len);
	return e;
}

static void make_rule(const struct fl_prefix *subnet, struct fl_nft_rule *rule)
{
	/* 224.0.0.0/4 and ff00::/8 */
	static const struct fl_prefix multicast[N_SETS] = {
		{ { { [10] = 0xff, 0xff, 224 } }, 4 },
		{ { { 0xff } }, 8 },
	};
	size_t i = set_of(&subnet->ip);
	char text[FL_PREFIX_STR];

	*rule = (struct fl_nft_rule){ 6,
				      {
					      { FL_NFT_IS_FAMILY, *subnet, NULL },
					      { FL_NFT_SADDR_IN, *subnet, NULL },
					      { FL_NFT_DADDR_NOT_IN, *subnet, NULL },
					      { FL_NFT_DADDR_NOT_IN, multicast[i], NULL },
					      { FL_NFT_SADDR_IN_SET, *subnet, sets[i].name },
					      { FL_NFT_MASQUERADE, *subnet, NULL },
				      } };
	/* A prefix always fits: see FL_PREFIX_STR. */
	(void)snprintf(rule->comment, sizeof(rule->comment), "leaving %s",
		       fl_prefix_format(subnet, text));
}

static bool same_prefix(const struct fl_prefix *a, const struct fl_prefix *b)
{
	return a->len == b->len && fl_ip_cmp(&a->ip, &b->ip) == 0 &&
	       fl_ip_is4(&a->ip) == fl_ip_is4(&b->ip);
}

/* Plans the rule for the address's subnet, unless it is planned. */
static int plan_rule(struct plan *p, const struct fl_prefix *addr, struct fl_err *err)
{
	struct fl_prefix subnet = fl_prefix_network(addr);

	for (size_t i = 0; i < p->n_rules; i++)
		if (same_prefix(&p->rules[i].step[0].net, &subnet))
			return 0;
	if (p->n_rules == FL_MASQ_MAX_SUBNETS)
		return fl_fail(err, E2BIG, "masquerade addresses of more than %d subnets at once",
			       FL_MASQ_MAX_SUBNETS);
	make_rule(&subnet, &p->rules[p->n_rules++]);
	return 0;
}

static int make_plan(struct plan *p, const char *network, const struct fl_prefix *addrs, size_t n,
		     struct fl_err *err)
{
	int r = name_table(&p->table, network, err);

	if (r < 0)
		return r;
	if (n > FL_MASQ_MAX_ADDRS)
		return fl_fail(err, E2BIG, "masquerade %zu addresses at once: at most %d", n,
			       FL_MASQ_MAX_ADDRS);
	p->rules = calloc(FL_MASQ_MAX_SUBNETS, sizeof(*p->rules));
	for (size_t i = 0; i < N_SETS; i++)
		p->elems[i] = calloc(n + 1, sizeof(*p->elems[i]));
	if (!p->rules || !p->elems[0] || !p->elems[1])
		return fl_fail_errno(err, ENOMEM, "masquerade %zu addresses", n);
	for (size_t i = 0; i < n; i++) {
		size_t s = set_of(&addrs[i].ip);

		r = plan_rule(p, &addrs[i], err);
		if (r < 0)
			return r;
		p->elems[s][p->n_elems[s]++] = element(&addrs[i].ip);
	}
	return 0;
}

static bool all_found(const bool *found, size_t n)
{
	return n == 0 || !memchr(found, false, n);
}

static int send_elems(struct fl_nl *nl, const struct plan *p, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	fl_nft_begin(b, 0);
	for (size_t i = 0; i < N_SETS; i++)
		fl_nft_elems_put(b, &p->table.nft, &sets[i], p->elems[i], p->n_elems[i]);
	fl_nft_end(b);
	return fl_batch_send(nl, b, err);
}

/* 1 there, 0 missing, or an error. */
static int there(int r)
{
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

/*
 * Looks at everything and makes what is missing, in one transaction that the kernel refuses
 * with -ERESTART when anything has changed since the look: so two at once make nothing twice.
 */
static int try_heal(struct fl_nl *nl, const struct plan *p, bool *fresh, struct fl_err *err)
{
	const struct fl_nft_table *t = &p->table.nft;
	fl_auto_batch struct fl_batch *b = NULL;
	bool found[FL_MASQ_MAX_SUBNETS] = { false };
	int have_set[N_SETS] = { 0 }, have_chain = 0, r;
	uint32_t gen = 0;

	r = fl_nft_generation(nl, &gen, err);
	for (size_t i = 0; r >= 0 && i < N_SETS; i++)
		r = have_set[i] = there(fl_nft_set_verify(nl, t, &sets[i], err));
	if (r >= 0)
		r = have_chain = there(fl_nft_chain_verify(nl, t, &chain, err));
	if (r >= 0)
		r = fl_nft_rules_find(nl, t, chain.name, p->rules, p->n_rules, found, err);
	if (r >= 0)
		r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	fl_nft_begin(b, gen);
	fl_nft_table_put(b, t);
	for (size_t i = 0; i < N_SETS; i++)
		if (!have_set[i])
			fl_nft_set_put(b, t, &sets[i]);
	if (!have_chain)
		fl_nft_chain_put(b, t, &chain);
	for (size_t i = 0; i < p->n_rules; i++)
		if (!found[i])
			fl_nft_rule_put(b, t, chain.name, &p->rules[i]);
	for (size_t i = 0; i < N_SETS; i++)
		fl_nft_elems_put(b, t, &sets[i], p->elems[i], p->n_elems[i]);
	fl_nft_end(b);
	r = fl_batch_send(nl, b, err);
	if (r == 0)
		*fresh = !have_set[0] || !have_set[1];
	return r;
}

/* The usual way first: look for the rules, add the elements. */
static int try_add(struct fl_nl *nl, const struct plan *p, bool *fresh, struct fl_err *err)
{
	bool found[FL_MASQ_MAX_SUBNETS] = { false };
	int r = fl_nft_rules_find(nl, &p->table.nft, chain.name, p->rules, p->n_rules, found, err);

	if (r < 0)
		return r;
	if (!all_found(found, p->n_rules))
		return try_heal(nl, p, fresh, err);
	/* Rules hold their sets, so the sets are there, and of the right type. */
	r = send_elems(nl, p, err);
	if (r == -ENOENT) /* somebody flushed the table since */
		return try_heal(nl, p, fresh, err);
	if (r == 0)
		*fresh = false;
	return r;
}

int fl_masq_add(struct fl_nl *nl, const char *network, const struct fl_prefix *addrs, size_t n,
		bool *fresh, struct fl_err *err)
{
	fl_auto(plan_free) struct plan p = { 0 };
	int r = make_plan(&p, network, addrs, n, err);

	if (r == 0)
		r = -ERESTART;
	for (int i = 0; r == -ERESTART && i < HEAL_TRIES; i++)
		r = try_add(nl, &p, fresh, err);
	if (r == -ERESTART)
		r = fl_fail(err, EAGAIN, "the rule set of nf_tables changed during %d tries",
			    HEAL_TRIES);
	return r < 0 ? fl_wrap(err, r, "masquerade: table 'inet fairlead-%s'", network) : 0;
}

/* Removes elements of one set; a missing set or table is as well. */
static int drop_from(struct fl_nl *nl, const struct fl_nft_table *t, size_t set,
		     const struct fl_nft_elem *elems, size_t n, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r = fl_batch_new(&b, err);

	while (r == 0 && n > 0) {
		size_t chunk = n < SWEEP_CHUNK ? n : SWEEP_CHUNK;

		fl_nft_begin(b, 0);
		fl_nft_elems_drop_put(b, t, &sets[set], elems, chunk);
		fl_nft_end(b);
		r = fl_batch_send(nl, b, err);
		elems += chunk;
		n -= chunk;
	}
	return r == -ENOENT ? 0 : r;
}

/* Both sets in one transaction, if that does; else one by one, for one may be missing. */
static int drop(struct fl_nl *nl, const struct plan *p, struct fl_err *err)
{
	const struct fl_nft_table *t = &p->table.nft;
	fl_auto_batch struct fl_batch *b = NULL;
	int r = 0;

	if (p->n_elems[0] + p->n_elems[1] <= SWEEP_CHUNK) {
		r = fl_batch_new(&b, err);
		if (r < 0)
			return r;
		fl_nft_begin(b, 0);
		for (size_t i = 0; i < N_SETS; i++)
			fl_nft_elems_drop_put(b, t, &sets[i], p->elems[i], p->n_elems[i]);
		fl_nft_end(b);
		r = fl_batch_send(nl, b, err);
		if (r != -ENOENT)
			return r;
		r = 0;
	}
	for (size_t i = 0; r == 0 && i < N_SETS; i++)
		r = drop_from(nl, t, i, p->elems[i], p->n_elems[i], err);
	return r;
}

int fl_masq_del(struct fl_nl *nl, const char *network, const struct fl_ip *addrs, size_t n,
		struct fl_err *err)
{
	fl_auto(plan_free) struct plan p = { 0 };
	int r = make_plan(&p, network, NULL, 0, err);

	for (size_t i = 0; r == 0 && i < N_SETS; i++) {
		fl_free_p(&p.elems[i]);
		p.elems[i] = calloc(n + 1, sizeof(*p.elems[i]));
		if (!p.elems[i])
			r = fl_fail_errno(err, ENOMEM, "remove %zu addresses", n);
	}
	for (size_t i = 0; r == 0 && i < n; i++) {
		size_t s = set_of(&addrs[i]);

		p.elems[s][p.n_elems[s]++] = element(&addrs[i]);
	}
	if (r == 0)
		r = drop(nl, &p, err);
	return r < 0 ? fl_wrap(err, r, "masquerade: table 'inet fairlead-%s'", network) : 0;
}

/* One object's verdict as a drift: what was expected, what was found. */
static int drift(struct fl_err *err, int r, const char *kind, const char *name)
{
	struct fl_err found = *err;

	if (r == -ENOENT)
		return fl_fail(err, ENOENT, "%s '%s': expected present, found absent", kind, name);
	if (r == -EEXIST || r == -EUCLEAN)
		return fl_fail(err, ENOENT, "%s", found.text);
	return r;
}

static int check_frame(struct fl_nl *nl, const struct plan *p, struct fl_err *err)
{
	const struct fl_nft_table *t = &p->table.nft;
	int r = fl_nft_table_verify(nl, t, err);

	if (r < 0)
		return drift(err, r, "table", t->name);
	for (size_t i = 0; i < N_SETS; i++) {
		r = fl_nft_set_verify(nl, t, &sets[i], err);
		if (r < 0 && !(r == -ENOENT && p->n_elems[i] == 0))
			return drift(err, r, "set", sets[i].name);
	}
	r = fl_nft_chain_verify(nl, t, &chain, err);
	return r < 0 ? drift(err, r, "chain", chain.name) : 0;
}

static int check_rules(struct fl_nl *nl, const struct plan *p, struct fl_err *err)
{
	bool found[FL_MASQ_MAX_SUBNETS] = { false };
	int r = fl_nft_rules_find(nl, &p->table.nft, chain.name, p->rules, p->n_rules, found, err);

	for (size_t i = 0; r == 0 && i < p->n_rules; i++)
		if (!found[i])
			r = drift(err, -ENOENT, "rule", p->rules[i].comment);
	return r;
}

static int check_elem(struct fl_nl *nl, const struct fl_nft_table *t, const struct fl_ip *ip,
		      struct fl_err *err)
{
	const struct fl_nft_set *s = &sets[set_of(ip)];
	struct fl_nft_elem e = element(ip);
	char text[FL_IP_STR];
	int r = fl_nft_elem_get(nl, t, s, &e, err);

	if (r == -ENOENT)
		return fl_wrap(err, drift(err, r, "element", fl_ip_format(ip, text)), "set '%s'",
			       s->name);
	return r;
}

int fl_masq_check(struct fl_nl *nl, const char *network, const struct fl_prefix *addrs, size_t n,
		  struct fl_err *err)
{
	fl_auto(plan_free) struct plan p = { 0 };
	int r = make_plan(&p, network, addrs, n, err);

	if (r == 0)
		r = check_frame(nl, &p, err);
	if (r == 0)
		r = check_rules(nl, &p, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = check_elem(nl, &p.table.nft, &addrs[i].ip, err);
	return r < 0 ? fl_wrap(err, r, "masquerade: table 'inet fairlead-%s'", network) : 0;
}

/* The elements that keep() does not want. */
struct stale {
	bool (*keep)(const struct fl_ip *ip, void *arg);
	void *arg;
	int family;
	struct fl_nft_elem *elems;
	size_t n, room;
};

static void stale_free(struct stale *s)
{
	fl_free_p(&s->elems);
}

static int collect(const struct fl_nft_elem *elem, void *arg, struct fl_err *err)
{
	struct stale *s = arg;
	struct fl_ip ip = fl_ip_from_raw(s->family, elem->key);

	if (s->keep(&ip, s->arg))
		return 0;
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 64;
		struct fl_nft_elem *more = reallocarray(s->elems, room, sizeof(*more));

		if (!more)
			return fl_fail_errno(err, ENOMEM, "collect %zu elements", room);
		s->elems = more;
		s->room = room;
	}
	s->elems[s->n] = *elem;
	s->elems[s->n++].comment[0] = '\0';
	return 0;
}

/* 1: the set changed while it was read, so that something may have been passed over. */
static int sweep_set(struct fl_nl *nl, const struct fl_nft_table *t, size_t set,
		     const struct stale *want, struct fl_err *err)
{
	fl_auto(stale_free) struct stale s = { .keep = want->keep, .arg = want->arg };
	int again, r;

	s.family = sets[set].type == FL_NFT_IPV4 ? AF_INET : AF_INET6;
	again = fl_nft_elems_each(nl, t, &sets[set], collect, &s, err);
	if (again < 0)
		return again == -ENOENT ? 0 : again;
	r = drop_from(nl, t, set, s.elems, s.n, err);
	return r < 0 ? r : again;
}

int fl_masq_sweep(struct fl_nl *nl, const char *network,
		  bool (*keep)(const struct fl_ip *ip, void *arg), void *arg, struct fl_err *err)
{
	struct stale want = { .keep = keep, .arg = arg };
	struct table t;
	int r = name_table(&t, network, err);

	/*
	 * Where others attach all the time, no pass is undisturbed. What a pass removes is
	 * rightly removed, and nothing stale is added, so some passes are as good as a quiet one.
	 */
	for (size_t i = 0; r >= 0 && i < N_SETS; i++) {
		r = 1;
		for (int pass = 0; r == 1 && pass < SWEEP_PASSES; pass++)
			r = sweep_set(nl, &t.nft, i, &want, err);
	}
	return r < 0 ? fl_wrap(err, r, "masquerade: table 'inet fairlead-%s'", network) : 0;
}
