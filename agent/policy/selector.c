// SPDX-License-Identifier: Apache-2.0
/* Selectors against labels. */
#include <errno.h>
#include <string.h>

#include "agent/policy/inside.h"

int label_set_make(const struct pol_labels *l, struct label_set *out, struct fl_err *err)
{
	struct label_set s = { calloc(l->n ? l->n : 1, sizeof(*s.v)), l->n };

	if (!s.v)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	for (size_t i = 0; i < l->n; i++) {
		s.v[i].key = pol_hash_text(0, l->v[i].key);
		s.v[i].pair = pol_hash_text(s.v[i].key, l->v[i].value);
	}
	*out = s;
	return 0;
}

void label_set_done(struct label_set *s)
{
	fl_free_p(&s->v);
	s->n = 0;
}

int sel_make(const struct pol_selector *s, struct sel *out, struct fl_err *err)
{
	struct sel made = { .n = s->n };

	if (s->n) {
		made.v = calloc(s->n, sizeof(*made.v));
		if (!made.v)
			return fl_fail_errno(err, ENOMEM, "compile policies");
	}
	for (size_t i = 0; i < s->n; i++) {
		const struct pol_requirement *q = &s->v[i];
		struct req *r = &made.v[i];

		r->op = q->op;
		r->key = pol_hash_text(0, q->key);
		r->n = q->n_values;
		r->pair = calloc(q->n_values ? q->n_values : 1, sizeof(*r->pair));
		if (!r->pair) {
			sel_done(&made);
			return fl_fail_errno(err, ENOMEM, "compile policies");
		}
		for (size_t k = 0; k < q->n_values; k++)
			r->pair[k] = pol_hash_text(r->key, q->values[k]);
	}
	*out = made;
	return 0;
}

void sel_done(struct sel *s)
{
	for (size_t i = 0; i < s->n; i++)
		fl_free_p(&s->v[i].pair);
	fl_free_p(&s->v);
	s->n = 0;
}

static bool is_among(const struct req *r, uint64_t pair)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->pair[i] == pair)
			return true;
	return false;
}

/* NotIn and DoesNotExist hold for whoever has no such label. */
static bool req_holds(const struct req *r, const struct label_set *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].key != r->key)
			continue;
		switch (r->op) {
		case POL_IN:
			return is_among(r, l->v[i].pair);
		case POL_NOT_IN:
			return !is_among(r, l->v[i].pair);
		case POL_EXISTS:
			return true;
		case POL_DOES_NOT_EXIST:
			return false;
		}
	}
	return r->op == POL_NOT_IN || r->op == POL_DOES_NOT_EXIST;
}

bool sel_matches(const struct sel *s, const struct label_set *l)
{
	for (size_t i = 0; i < s->n; i++)
		if (!req_holds(&s->v[i], l))
			return false;
	return true;
}
