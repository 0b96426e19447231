// SPDX-License-Identifier: Apache-2.0
/* Sets of ports. */
#include "agent/policy/ports.h"

#include <errno.h>
#include <string.h>

void pol_ports_done(struct pol_ports *p)
{
	fl_free_p(&p->v);
	*p = (struct pol_ports){ 0 };
}

/* The first range that does not lie wholly before this port. */
static size_t find_place(const struct pol_ports *p, uint8_t proto, uint16_t port)
{
	size_t from = 0, to = p->n;

	while (from < to) {
		size_t mid = (from + to) / 2;
		const struct pol_range *r = &p->v[mid];

		if (r->proto < proto || (r->proto == proto && r->last < port))
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static bool are_joined(const struct pol_range *a, const struct pol_range *b)
{
	return a->proto == b->proto && a->origin == b->origin && a->last + 1u == b->first;
}

/* Puts a range that overlaps nothing at its place, as a part of its neighbour where it can be. */
static int insert(struct pol_ports *p, size_t at, const struct pol_range *range, struct fl_err *err)
{
	struct pol_range *v;

	if (at > 0 && are_joined(&p->v[at - 1], range)) {
		p->v[at - 1].last = range->last;
		if (at < p->n && are_joined(&p->v[at - 1], &p->v[at])) {
			p->v[at - 1].last = p->v[at].last;
			memmove(&p->v[at], &p->v[at + 1], (--p->n - at) * sizeof(*p->v));
		}
		return 0;
	}
	if (at < p->n && are_joined(range, &p->v[at])) {
		p->v[at].first = range->first;
		return 0;
	}
	/* Room grows by doubling, at each power of two. */
	if ((p->n & (p->n - 1)) == 0) {
		v = realloc(p->v, (p->n ? 2 * p->n : 1) * sizeof(*v));
		if (!v)
			return fl_fail_errno(err, ENOMEM, "compile policies");
		p->v = v;
	}
	memmove(&p->v[at + 1], &p->v[at], (p->n++ - at) * sizeof(*p->v));
	p->v[at] = *range;
	return 0;
}

int pol_ports_add(struct pol_ports *p, const struct pol_range *range, struct fl_err *err)
{
	uint32_t next = range->first;
	int r = 0;

	if (p->all)
		return 0;
	while (r == 0 && next <= range->last) {
		size_t at = find_place(p, range->proto, (uint16_t)next);
		const struct pol_range *there = at < p->n ? &p->v[at] : NULL;
		struct pol_range part = *range;

		part.first = (uint16_t)next;
		if (!there || there->proto != range->proto || there->first > range->last) {
			next = range->last + 1u;
		} else {
			next = there->last + 1u;
			if (there->first <= part.first)
				continue;
			part.last = there->first - 1;
		}
		r = insert(p, at, &part, err);
	}
	return r;
}

int pol_ports_merge(struct pol_ports *p, const struct pol_ports *more, struct fl_err *err)
{
	int r = 0;

	if (p->all)
		return 0;
	if (more->all) {
		pol_ports_done(p);
		p->all = more->all;
		return 0;
	}
	for (size_t i = 0; r == 0 && i < more->n; i++)
		r = pol_ports_add(p, &more->v[i], err);
	return r;
}

uint32_t pol_ports_find(const struct pol_ports *p, uint8_t proto, uint16_t port)
{
	size_t at = find_place(p, proto, port);

	if (p->all)
		return p->all;
	if (at == p->n || p->v[at].proto != proto || p->v[at].first > port)
		return 0;
	return p->v[at].origin;
}

bool pol_port_prefix_next(uint32_t *next, uint16_t last, struct pol_port_prefix *out)
{
	uint32_t size = 1;

	if (*next > last)
		return false;
	while (size < 0x10000 && (*next & (2 * size - 1)) == 0 && *next + 2 * size - 1 <= last)
		size *= 2;
	out->port = (uint16_t)*next;
	out->bits = (uint8_t)(16 - __builtin_ctz(size));
	*next += size;
	return true;
}
