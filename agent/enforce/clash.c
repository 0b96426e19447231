// SPDX-License-Identifier: Apache-2.0
/*
 * Attachments of which two have the same address. The datapath has one space of addresses, so one
 * of them would be taken for the other: one is known to it, the others are shut until it is gone.
 */
#include <errno.h>

#include "agent/enforce/inside.h"

/* Who has an address, or says so. */
struct claim {
	struct fl_ip ip;
	struct enf_att *att;
	bool has; /* the datapath knows it so */
};

struct claims {
	struct claim *v;
	size_t n;
};

static void claims_done(struct claims *c)
{
	fl_free_p(&c->v);
}

static int compare(const void *a, const void *b)
{
	const struct claim *p = a, *q = b;
	int order = fl_ip_cmp(&p->ip, &q->ip);

	if (order || p->has != q->has)
		return order ?: q->has - p->has;
	return strcmp(p->att->rec.host_ifname, q->att->rec.host_ifname);
}

/* Those whose interfaces are there; the datapath remembers for an agent that has just begun. */
static int collect(struct enf *e, struct claims *c, struct fl_err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n_atts; i++)
		n += e->atts[i]->ifindex ? e->atts[i]->rec.n_ips : 0;
	c->v = calloc(n + 1, sizeof(*c->v));
	if (!c->v)
		return fl_fail_errno(err, ENOMEM, "compare pods' addresses");
	for (size_t i = 0; i < e->n_atts; i++) {
		struct enf_att *a = e->atts[i];

		for (size_t k = 0; a->ifindex && k < a->rec.n_ips; k++) {
			struct fl_in in = dp_in(&a->rec.ips[k].ip);
			bool has = a->is_live || dp_local_owner(e->dp, 0, &in) == a->ifindex;

			c->v[c->n++] = (struct claim){ a->rec.ips[k].ip, a, has };
		}
	}
	qsort(c->v, c->n, sizeof(*c->v), compare);
	return 0;
}

int enf_note_clashes(struct enf *e, struct fl_err *err)
{
	fl_auto(claims_done) struct claims c = { 0 };
	int r = collect(e, &c, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < e->n_atts; i++) {
		e->atts[i]->clashed = e->atts[i]->clash;
		e->atts[i]->clash = NULL;
	}
	for (size_t i = 0, first = 0; i < c.n; i++) {
		if (fl_ip_cmp(&c.v[first].ip, &c.v[i].ip) != 0)
			first = i;
		if (c.v[first].att != c.v[i].att)
			c.v[i].att->clash = c.v[first].att;
	}
	for (size_t i = 0; i < e->n_atts; i++)
		if (e->atts[i]->pod && e->atts[i]->clashed != !!e->atts[i]->clash)
			e->atts[i]->pod->is_stale = true;
	return 0;
}

bool enf_att_clashes(const struct enf *e, const struct enf_att *a)
{
	if (a->clash)
		return true;
	for (size_t i = 0; i < e->n_atts; i++) {
		const struct enf_att *other = e->atts[i];

		if (other != a && (other->clash == a || enf_share_address(&other->rec, &a->rec)))
			return true;
	}
	return false;
}
