// SPDX-License-Identifier: Apache-2.0
/* A network's nf_tables table. */
#include "attach/ruleset.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "net/msg.h"

#define TRIES	     100
#define SWEEP_PASSES 5
#define CHUNK	     1024 /* elements that are removed at a time: a batch takes twice as many */

int fl_ruleset_name(struct fl_ruleset *rs, enum fl_nft_family family, const char *network,
		    struct fl_err *err)
{
	int r = fl_format(rs->name, sizeof(rs->name), err, "fairlead-%s", network);

	rs->table = (struct fl_nft_table){ family, rs->name };
	return r;
}

int fl_ruleset_wrap(struct fl_err *err, int r, const struct fl_ruleset *rs)
{
	return fl_wrap(err, r, "table '%s %s'", rs->table.family == FL_NFT_INET ? "inet" : "bridge",
		       rs->name);
}

int fl_ruleset_explain(struct fl_nl *nl, int r, struct fl_err *err)
{
	struct fl_err why;
	uint32_t gen;

	if ((r != -EINVAL && r != -EOPNOTSUPP) || fl_nft_generation(nl, &gen, &why) != -EOPNOTSUPP)
		return r;
	*err = why;
	return -EOPNOTSUPP;
}

static bool all_found(const bool *found, size_t n)
{
	return n == 0 || !memchr(found, false, n);
}

/* 1 there, 0 missing, or an error. */
static int there(int r)
{
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

static int send_elems(struct fl_nl *nl, const struct fl_ruleset *rs, fl_ruleset_put *put,
		      const void *arg, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	fl_nft_begin(b, 0);
	put(b, rs, arg);
	fl_nft_end(b);
	return fl_batch_send(nl, b, err);
}

/* What a look at the kernel found. */
struct look {
	uint32_t gen;
	int set[FL_RULESET_MAX_SETS], chain;
	bool rule[FL_RULESET_MAX_RULES];
};

static int look(struct fl_nl *nl, const struct fl_ruleset *rs, struct look *l, struct fl_err *err)
{
	int r = fl_nft_generation(nl, &l->gen, err);

	for (size_t i = 0; r >= 0 && i < rs->n_sets; i++)
		r = l->set[i] = there(fl_nft_set_verify(nl, &rs->table, &rs->sets[i], err));
	if (r >= 0)
		r = l->chain = there(fl_nft_chain_verify(nl, &rs->table, rs->chain, err));
	if (r >= 0)
		r = fl_nft_rules_find(nl, &rs->table, rs->chain->name, rs->rules, rs->n_rules,
				      l->rule, err);
	return r;
}

/*
 * Looks at everything and makes what is missing, in one transaction that the kernel refuses
 * with -ERESTART when anything has changed since the look: so two at once make nothing twice.
 */
static int heal(struct fl_nl *nl, const struct fl_ruleset *rs, fl_ruleset_put *put, const void *arg,
		bool *fresh, struct fl_err *err)
{
	const struct fl_nft_table *t = &rs->table;
	fl_auto_batch struct fl_batch *b = NULL;
	struct look l = { 0 };
	bool made = false;
	int r = look(nl, rs, &l, err);

	if (r >= 0)
		r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	fl_nft_begin(b, l.gen);
	fl_nft_table_put(b, t);
	for (size_t i = 0; i < rs->n_sets; i++) {
		if (l.set[i])
			continue;
		fl_nft_set_put(b, t, &rs->sets[i]);
		made = true;
	}
	if (!l.chain)
		fl_nft_chain_put(b, t, rs->chain);
	for (size_t i = 0; i < rs->n_rules; i++)
		if (!l.rule[i])
			fl_nft_rule_put(b, t, rs->chain->name, &rs->rules[i]);
	put(b, rs, arg);
	fl_nft_end(b);
	r = fl_batch_send(nl, b, err);
	if (r == 0)
		*fresh = made;
	return r;
}

/* The usual way first: look for the rules, add the elements. */
static int try_apply(struct fl_nl *nl, const struct fl_ruleset *rs, fl_ruleset_put *put,
		     const void *arg, bool *fresh, struct fl_err *err)
{
	bool found[FL_RULESET_MAX_RULES] = { false };
	int r = fl_nft_rules_find(nl, &rs->table, rs->chain->name, rs->rules, rs->n_rules, found,
				  err);

	if (r < 0)
		return r;
	if (!all_found(found, rs->n_rules))
		return heal(nl, rs, put, arg, fresh, err);
	/* Rules hold their sets, so the sets are there, and of the right type. */
	r = send_elems(nl, rs, put, arg, err);
	if (r == -ENOENT) /* somebody flushed since, or removed a set that no rule needs */
		return heal(nl, rs, put, arg, fresh, err);
	if (r == 0)
		*fresh = false;
	return r;
}

int fl_ruleset_apply(struct fl_nl *nl, const struct fl_ruleset *rs, fl_ruleset_put *put,
		     const void *arg, bool *fresh, struct fl_err *err)
{
	int r = -ERESTART;

	for (int i = 0; r == -ERESTART && i < TRIES; i++)
		r = try_apply(nl, rs, put, arg, fresh, err);
	if (r == -ERESTART)
		r = fl_fail(err, EAGAIN, "the rules of nf_tables changed during %d tries", TRIES);
	r = fl_ruleset_explain(nl, r, err);
	return r < 0 ? fl_ruleset_wrap(err, r, rs) : 0;
}

static int send_drop(struct fl_nl *nl, const struct fl_ruleset *rs,
		     const struct fl_ruleset_elems *gone, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	fl_nft_begin(b, 0);
	for (size_t i = 0; i < rs->n_sets; i++)
		fl_nft_elems_drop_put(b, &rs->table, &rs->sets[i], gone[i].elems, gone[i].n);
	fl_nft_end(b);
	return fl_batch_send(nl, b, err);
}

static int drop_from_set(struct fl_nl *nl, const struct fl_ruleset *rs, size_t set,
			 struct fl_ruleset_elems left, struct fl_err *err)
{
	int r = 0;

	while (r == 0 && left.n > 0) {
		struct fl_ruleset_elems now[FL_RULESET_MAX_SETS] = { 0 };

		now[set].elems = left.elems;
		now[set].n = left.n < CHUNK ? left.n : CHUNK;
		r = send_drop(nl, rs, now, err);
		left.elems += now[set].n;
		left.n -= now[set].n;
	}
	if (r < 0 && r != -ENOENT) {
		struct fl_err why;

		if (fl_nft_set_verify(nl, &rs->table, &rs->sets[set], &why) == -EEXIST)
			return 0;
	}
	return r == -ENOENT ? 0 : r;
}

int fl_ruleset_drop(struct fl_nl *nl, const struct fl_ruleset *rs,
		    const struct fl_ruleset_elems *gone, struct fl_err *err)
{
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < rs->n_sets; i++)
		n += gone[i].n;
	/* All at once if that does, else set by set, for one of them may be missing. */
	if (n <= CHUNK && send_drop(nl, rs, gone, err) == 0)
		return 0;
	for (size_t i = 0; r == 0 && i < rs->n_sets; i++)
		r = drop_from_set(nl, rs, i, gone[i], err);
	if (r < 0 && fl_ruleset_explain(nl, r, err) == -EOPNOTSUPP)
		return 0;
	return r < 0 ? fl_ruleset_wrap(err, r, rs) : 0;
}

/* The elements that keep() does not want. */
struct sweep {
	fl_ruleset_keep *keep;
	void *arg;
	struct fl_list stale; /* struct fl_nft_elem */
};

static int collect_stale(const struct fl_nft_elem *elem, void *arg, struct fl_err *err)
{
	struct fl_nft_elem e = *elem;
	struct sweep *s = arg;

	if (s->keep(e.key, s->arg))
		return 0;
	e.comment[0] = '\0';
	return fl_list_add(&s->stale, &e, sizeof(e), err);
}

/* 1: the set changed while it was read, so that something may have been passed over. */
static int sweep_once(struct fl_nl *nl, const struct fl_ruleset *rs, size_t set, struct sweep *s,
		      struct fl_err *err)
{
	struct fl_ruleset_elems gone[FL_RULESET_MAX_SETS] = { 0 };
	int again, r;

	s->stale.n = 0;
	again = fl_nft_elems_each(nl, &rs->table, &rs->sets[set], collect_stale, s, err);
	if (again < 0)
		again = fl_ruleset_explain(nl, again, err);
	if (again == -ENOENT || again == -EOPNOTSUPP)
		return 0;
	if (again < 0)
		return fl_ruleset_wrap(err, again, rs);
	gone[set] = (struct fl_ruleset_elems){ s->stale.items, s->stale.n };
	r = s->stale.n > 0 ? fl_ruleset_drop(nl, rs, gone, err) : 0;
	return r < 0 ? r : again;
}

int fl_ruleset_sweep(struct fl_nl *nl, const struct fl_ruleset *rs, size_t set,
		     fl_ruleset_keep *keep, void *arg, struct fl_err *err)
{
	struct sweep s = { .keep = keep, .arg = arg };
	int r = 1;

	if (fl_nft_set_verify(nl, &rs->table, &rs->sets[set], err) == -EEXIST)
		return 0;
	/*
	 * Where others attach all the time, no pass is undisturbed. What a pass removes is
	 * rightly removed, and nothing stale is added, so some passes are as good as a quiet one.
	 */
	for (int pass = 0; r == 1 && pass < SWEEP_PASSES; pass++)
		r = sweep_once(nl, rs, set, &s, err);
	fl_list_done(&s.stale);
	return r < 0 ? r : 0;
}

/* An object that is missing, switched off or of another type, all as -ENOENT. */
static int drift(struct fl_err *err, int r, const char *kind, const char *name)
{
	if (r == -ENOENT)
		(void)fl_fail(err, ENOENT, "%s '%s': expected present, found absent", kind, name);
	if (r != -EEXIST && r != -EUCLEAN)
		return r;
	err->sys = ENOENT;
	return -ENOENT;
}

int fl_ruleset_check(struct fl_nl *nl, const struct fl_ruleset *rs, struct fl_err *err)
{
	bool found[FL_RULESET_MAX_RULES] = { false };
	int r = fl_nft_table_verify(nl, &rs->table, err);

	if (r == -ENOENT)
		(void)fl_fail(err, ENOENT, "expected present, found absent");
	else
		r = drift(err, fl_ruleset_explain(nl, r, err), "table", rs->name);
	if (r == 0)
		r = drift(err, fl_nft_chain_verify(nl, &rs->table, rs->chain, err), "chain",
			  rs->chain->name);
	if (r == 0)
		r = fl_nft_rules_find(nl, &rs->table, rs->chain->name, rs->rules, rs->n_rules,
				      found, err);
	for (size_t i = 0; r == 0 && i < rs->n_rules; i++)
		if (!found[i])
			r = drift(err, -ENOENT, "rule", rs->rules[i].comment);
	return r < 0 ? fl_ruleset_wrap(err, r, rs) : 0;
}

int fl_ruleset_check_elem(struct fl_nl *nl, const struct fl_ruleset *rs,
			  const struct fl_nft_set *set, const struct fl_nft_elem *elem,
			  const char *shown, struct fl_err *err)
{
	struct fl_nft_elem e = *elem;
	int r = drift(err, fl_nft_elem_get(nl, &rs->table, set, &e, err), "element", shown);

	if (r < 0)
		return fl_ruleset_wrap(err, fl_wrap(err, r, "set '%s'", set->name), rs);
	return 0;
}
