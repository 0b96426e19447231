// SPDX-License-Identifier: Apache-2.0
/* Series of measurements, and what can be said about them without trusting any single one. */
#pragma once

#include "base/err.h"

/* A growing list of numbers. Starts zeroed. */
struct bench_series {
	double *v;
	size_t n, room;
};

/* Frees the numbers and empties the list. */
void bench_series_done(struct bench_series *s);

/* Appends one number. -ENOMEM. */
fl_must int bench_series_add(struct bench_series *s, double value, struct fl_err *err);

/* The q-quantile (0.5: median) by linear interpolation; 0 for an empty series. */
double bench_quantile(const struct bench_series *s, double q);

/* Fills the empty list with a[i] / b[i], round by round, as far as both go. */
void bench_ratios(const struct bench_series *a, const struct bench_series *b,
		  struct bench_series *out);

/* The median of a[i] / b[i], round by round; 0 when the two have no round in common. */
double bench_paired_ratio(const struct bench_series *a, const struct bench_series *b);
