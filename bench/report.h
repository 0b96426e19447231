// SPDX-License-Identifier: Apache-2.0
/* The tables: measured values, their ratios, the target beside each and whether it is met. */
#pragma once

#include "stats.h"
#include "world.h"

#define BENCH_NO_TARGET 0.0

/* One line: the same thing done by each contender that took part (n > 0 in its series). */
struct bench_row {
	const char *what;
	struct bench_series *wall; /* [BENCH_WHO], milliseconds */
	double min_gain;	   /* reference / fairlead, at least; BENCH_NO_TARGET: not judged */
	double max_cost;	   /* fairlead / floor, at most; BENCH_NO_TARGET: not judged */
};

/* A title and the heads of the columns. */
void bench_print_head(const char *title);

/* Medians, 90th percentiles, ratios of the medians and medians of the rounds' ratios. */
void bench_print_row(const struct bench_row *row);

/* "WHAT: VALUE UNIT, target <= MAX: PASS", or without a judgement when max is BENCH_NO_TARGET. */
void bench_print_value(const char *what, double value, const char *unit, double max);

/* " MEDIAN (P10 - P90) < MAX PASS" of the rounds' ratios, which ends a line. */
void bench_print_ratio(const struct bench_series *ratios, double max);

/* How many judgements said PASS, and how many were made. */
void bench_print_verdict(void);
