// SPDX-License-Identifier: Apache-2.0
/* Masquerade: which table, sets and rules a network has, and keeping them there. */
#include "attach/masq.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sys/socket.h>

#include "attach/ruleset.h"

static const struct fl_nft_chain chain = { "postrouting", FL_NFT_SRCNAT };

/* One for each family. */
static const struct fl_nft_set sets[] = { { "pods4", FL_NFT_IPV4 }, { "pods6", FL_NFT_IPV6 } };

#define N_SETS FL_ARRAY_LEN(sets)

_Static_assert(N_SETS <= FL_RULESET_MAX_SETS, "sets");
_Static_assert(FL_MASQ_MAX_SUBNETS <= FL_RULESET_MAX_RULES, "rules");

/* What must be there for some addresses. */
struct plan {
	struct fl_ruleset rs;
	struct fl_nft_rule *rules; /* FL_MASQ_MAX_SUBNETS */
	struct fl_nft_elem *elems[N_SETS];
	size_t n_elems[N_SETS];
};

static void plan_free(struct plan *p)
{
	fl_free_p(&p->rules);
	for (size_t i = 0; i < N_SETS; i++)
		fl_free_p(&p->elems[i]);
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

	for (size_t i = 0; i < p->rs.n_rules; i++)
		if (same_prefix(&p->rules[i].step[0].net, &subnet))
			return 0;
	if (p->rs.n_rules == FL_MASQ_MAX_SUBNETS)
		return fl_fail(err, E2BIG, "addresses of more than %d subnets at once",
			       FL_MASQ_MAX_SUBNETS);
	make_rule(&subnet, &p->rules[p->rs.n_rules++]);
	return 0;
}

/* A plan without rules, with room for n elements of each family. */
static int new_plan(struct plan *p, const char *network, size_t n, struct fl_err *err)
{
	int r = fl_ruleset_name(&p->rs, FL_NFT_INET, network, err);

	if (r < 0)
		return r;
	p->rules = calloc(FL_MASQ_MAX_SUBNETS, sizeof(*p->rules));
	for (size_t i = 0; i < N_SETS; i++)
		p->elems[i] = calloc(n + 1, sizeof(*p->elems[i]));
	if (!p->rules || !p->elems[0] || !p->elems[1])
		return fl_fail_errno(err, ENOMEM, "plan for %zu addresses", n);
	p->rs.sets = sets;
	p->rs.n_sets = N_SETS;
	p->rs.chain = &chain;
	p->rs.rules = p->rules;
	return 0;
}

static void plan_elem(struct plan *p, const struct fl_ip *ip)
{
	size_t s = set_of(ip);

	p->elems[s][p->n_elems[s]++] = element(ip);
}

/* The plan for pods with these addresses. */
static int plan_pods(struct plan *p, const char *network, const struct fl_prefix *addrs, size_t n,
		     struct fl_err *err)
{
	int r;

	if (n > FL_MASQ_MAX_ADDRS)
		return fl_fail(err, E2BIG, "%zu addresses at once: at most %d", n,
			       FL_MASQ_MAX_ADDRS);
	r = new_plan(p, network, n, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		plan_elem(p, &addrs[i].ip);
		r = plan_rule(p, &addrs[i], err);
	}
	return r;
}

static void put_elems(struct fl_batch *b, const struct fl_ruleset *rs, const void *arg)
{
	const struct plan *p = arg;

	for (size_t i = 0; i < N_SETS; i++)
		fl_nft_elems_put(b, &rs->table, &sets[i], p->elems[i], p->n_elems[i]);
}

int fl_masq_add(struct fl_nl *nl, const char *network, const struct fl_prefix *addrs, size_t n,
		bool *fresh, struct fl_err *err)
{
	fl_auto(plan_free) struct plan p = { 0 };
	int r = plan_pods(&p, network, addrs, n, err);

	if (r == 0)
		r = fl_ruleset_apply(nl, &p.rs, put_elems, &p, fresh, err);
	return r < 0 ? fl_wrap(err, r, "masquerade") : 0;
}

int fl_masq_del(struct fl_nl *nl, const char *network, const struct fl_ip *addrs, size_t n,
		struct fl_err *err)
{
	fl_auto(plan_free) struct plan p = { 0 };
	int r = new_plan(&p, network, n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		plan_elem(&p, &addrs[i]);
	if (r == 0) {
		struct fl_ruleset_elems gone[N_SETS] = { { p.elems[0], p.n_elems[0] },
							 { p.elems[1], p.n_elems[1] } };

		r = fl_ruleset_drop(nl, &p.rs, gone, err);
	}
	return r < 0 ? fl_wrap(err, r, "masquerade") : 0;
}

int fl_masq_check(struct fl_nl *nl, const char *network, const struct fl_prefix *addrs, size_t n,
		  struct fl_err *err)
{
	fl_auto(plan_free) struct plan p = { 0 };
	int r = plan_pods(&p, network, addrs, n, err);

	if (r == 0)
		r = fl_ruleset_check(nl, &p.rs, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct fl_nft_elem e = element(&addrs[i].ip);
		char text[FL_IP_STR];

		r = fl_ruleset_check_elem(nl, &p.rs, &sets[set_of(&addrs[i].ip)], &e,
					  fl_ip_format(&addrs[i].ip, text), err);
	}
	return r < 0 ? fl_wrap(err, r, "masquerade") : 0;
}

struct keeping {
	bool (*keep)(const struct fl_ip *ip, void *arg);
	void *arg;
	int family;
};

static bool keeps(const uint8_t *key, void *arg)
{
	const struct keeping *k = arg;
	struct fl_ip ip = fl_ip_from_raw(k->family, key);

	return k->keep(&ip, k->arg);
}

int fl_masq_sweep(struct fl_nl *nl, const char *network,
		  bool (*keep)(const struct fl_ip *ip, void *arg), void *arg, struct fl_err *err)
{
	struct keeping k = { keep, arg, 0 };
	struct fl_ruleset rs = { 0 };
	int r = fl_ruleset_name(&rs, FL_NFT_INET, network, err);

	rs.sets = sets;
	rs.n_sets = N_SETS;
	for (size_t i = 0; r == 0 && i < N_SETS; i++) {
		k.family = sets[i].type == FL_NFT_IPV4 ? AF_INET : AF_INET6;
		r = fl_ruleset_sweep(nl, &rs, i, keeps, &k, err);
	}
	return r < 0 ? fl_wrap(err, r, "masquerade") : 0;
}
