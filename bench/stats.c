// SPDX-License-Identifier: Apache-2.0
/* Quantiles of series of measurements. Series are never modified by looking at them. */
#include "stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void bench_series_done(struct bench_series *s)
{
	fl_free_p(&s->v);
	*s = (struct bench_series){ 0 };
}

int bench_series_add(struct bench_series *s, double value, struct fl_err *err)
{
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 64;
		double *v = reallocarray(s->v, room, sizeof(*v));

		if (!v)
			return fl_fail(err, ENOMEM, "keep %zu measurements", room);
		s->v = v;
		s->room = room;
	}
	s->v[s->n++] = value;
	return 0;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_quantile(const struct bench_series *s, double q)
{
	fl_auto_free double *sorted = NULL;
	double at, part;
	size_t low;

	if (s->n == 0)
		return 0;
	sorted = calloc(s->n, sizeof(*sorted));
	if (!sorted)
		return 0;
	memcpy(sorted, s->v, s->n * sizeof(*sorted));
	qsort(sorted, s->n, sizeof(*sorted), ascending);
	at = q * (s->n - 1);
	low = at;
	part = at - low;
	return low + 1 < s->n ? sorted[low] * (1 - part) + sorted[low + 1] * part : sorted[low];
}

void bench_ratios(const struct bench_series *a, const struct bench_series *b,
		  struct bench_series *out)
{
	size_t n = a->n < b->n ? a->n : b->n;
	struct fl_err err;

	for (size_t i = 0; i < n; i++)
		if (b->v[i] > 0 && bench_series_add(out, a->v[i] / b->v[i], &err) < 0)
			break;
}

double bench_paired_ratio(const struct bench_series *a, const struct bench_series *b)
{
	struct bench_series ratios = { 0 };
	double median;

	bench_ratios(a, b, &ratios);
	median = bench_quantile(&ratios, 0.5);
	bench_series_done(&ratios);
	return median;
}
