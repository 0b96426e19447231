// SPDX-License-Identifier: Apache-2.0
/* Intervals of addresses. */
#include "peers/span.h"

#include <errno.h>
#include <string.h>

void peers_spans_free(struct spans *s)
{
	fl_free_p(&s->at);
	s->n = s->room = 0;
}
int peers_spans_add(struct spans *s, struct span span, struct fl_err *err)
{
	size_t room = s->room ? 2 * s->room : 16;
	struct span *more = s->n < s->room ? s->at : reallocarray(s->at, room, sizeof(*more));

	if (!more)
		return fl_fail_errno(err, ENOMEM, "collect %zu blocks", s->n + 1);
	if (s->n == s->room)
		s->room = room;
	s->at = more;
	s->at[s->n++] = span;
	return 0;
}

static int cmp_spans(const void *pa, const void *pb)
{
	const struct span *a = pa, *b = pb;

	return fl_ip_cmp(&a->first, &b->first) ?: fl_ip_cmp(&a->last, &b->last);
}

struct fl_ip peers_greatest(int family)
{
	uint8_t ones[16];

	memset(ones, 0xff, sizeof(ones));
	return fl_ip_from_raw(family, ones);
}

bool peers_is_greatest(const struct fl_ip *ip)
{
	struct fl_ip top = peers_greatest(fl_ip_family(ip));

	return fl_ip_cmp(ip, &top) == 0;
}

void peers_spans_merge(struct spans *s)
{
	size_t kept = 0;

	if (s->n > 1)
		qsort(s->at, s->n, sizeof(*s->at), cmp_spans);
	for (size_t i = 0; i < s->n; i++) {
		struct span *last = kept ? &s->at[kept - 1] : NULL, *one = &s->at[i];
		struct fl_ip next = last ? fl_ip_add(&last->last, 1) : one->first;

		if (last &&
		    (peers_is_greatest(&last->last) || fl_ip_cmp(&one->first, &next) <= 0)) {
			if (fl_ip_cmp(&one->last, &last->last) > 0)
				last->last = one->last;
		} else {
			s->at[kept++] = *one;
		}
	}
	s->n = kept;
}

int peers_spans_subtract(const struct spans *a, const struct spans *b, struct spans *out,
			 struct fl_err *err)
{
	size_t j = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->n; i++) {
		while (j < b->n && cmp_spans(&b->at[j], &a->at[i]) < 0)
			j++;
		if (j == b->n || cmp_spans(&b->at[j], &a->at[i]) != 0)
			r = peers_spans_add(out, a->at[i], err);
	}
	return r;
}
