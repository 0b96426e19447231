// SPDX-License-Identifier: Apache-2.0
/* Sets of ports: each once, with a number, however many rules allow it. */
#include <errno.h>
#include <string.h>

#include "agent/policy/inside.h"

static int compare_ports(const struct pol_ports *a, const struct pol_ports *b)
{
	if (a->all != b->all)
		return a->all < b->all ? -1 : 1;
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return a->n ? memcmp(a->v, b->v, a->n * sizeof(*a->v)) : 0;
}

static bool ports_are(const void *item, const void *key)
{
	return compare_ports(&((const struct port_set *)item)->ports, key) == 0;
}

int port_set_tell(struct ops *o, const struct port_set *p, bool del, struct fl_err *err)
{
	struct pol_entry e = { .map = POL_MAP_PORTS, .port = { .ports = p->number } };
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->ports.n; i++) {
		const struct pol_range *range = &p->ports.v[i];
		struct pol_port_prefix part;
		uint32_t next = range->first;

		e.port.proto = range->proto;
		e.port.origin = range->origin;
		while (r == 0 && pol_port_prefix_next(&next, range->last, &part)) {
			e.port.port = part.port;
			e.port.bits = part.bits;
			r = ops_add(o, &e, del, err);
		}
	}
	return r;
}

static void count_entries(struct port_set *p)
{
	struct pol_port_prefix part;

	for (size_t i = 0; i < p->ports.n; i++) {
		uint32_t next = p->ports.v[i].first;

		while (pol_port_prefix_next(&next, p->ports.v[i].last, &part)) {
			p->n_entries++;
			p->lengths |= 1u << part.bits;
		}
	}
}

void port_set_free(struct pol_world *w, struct port_set *p)
{
	w->n_ports -= p->n_entries;
	if (p->number)
		number_release(w, NUMBER_PORTS, p);
	pol_table_del(&w->port_sets, p->hash, p);
	pol_ports_done(&p->ports);
	fl_free_p(&p);
}

int port_set_get(struct pol_world *w, struct pol_ports *ports, struct port_set **out,
		 struct fl_err *err)
{
	uint64_t hash = pol_hash_more(5 + ports->all, ports->v, ports->n * sizeof(*ports->v));
	struct port_set *p = pol_table_get(&w->port_sets, hash, ports_are, ports);
	int r;

	if (!p) {
		r = pol_table_reserve(&w->port_sets, err);
		if (r < 0)
			return r;
		p = calloc(1, sizeof(*p));
		if (!p)
			return fl_fail_errno(err, ENOMEM, "compile policies");
		p->hash = hash;
		p->born = w->commits;
		p->ports = *ports;
		*ports = (struct pol_ports){ 0 };
		count_entries(p);
		w->n_ports += p->n_entries;
		pol_table_add(&w->port_sets, hash, p);
		if (!p->ports.all) {
			r = number_take(w, NUMBER_PORTS, hash, p, err)
				    ?: port_set_tell(&w->puts, p, false, err);
			if (r < 0)
				return r;
		}
	}
	p->refs++;
	*out = p;
	return 0;
}
