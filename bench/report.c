// SPDX-License-Identifier: Apache-2.0
/* Printing of results; it also counts the judgements. */
#include "report.h"

#include <stdio.h>

static struct {
	unsigned int passed, judged;
} verdicts;

static const char *judge(bool ok)
{
	verdicts.judged++;
	verdicts.passed += ok;
	return ok ? "PASS" : "miss";
}

void bench_print_head(const char *title)
{
	printf("\n%s\n%-30s %17s %17s %17s  %-27s %s\n", title, "milliseconds: median p90",
	       "fairlead", "reference", "floor", "reference/fairlead", "fairlead/floor");
}

static void print_series(const struct bench_series *s)
{
	if (s->n == 0)
		printf(" %17s", "-");
	else
		printf(" %8.2f %8.2f", bench_quantile(s, 0.5), bench_quantile(s, 0.9));
}

void bench_print_row(const struct bench_row *row)
{
	const struct bench_series *own = &row->wall[BENCH_OWN], *ref = &row->wall[BENCH_REF],
				  *floor = &row->wall[BENCH_FLOOR];
	double gain = 0, cost = 0;

	printf("%-30s", row->what);
	print_series(own);
	print_series(ref);
	print_series(floor);
	if (own->n > 0 && ref->n > 0) {
		gain = bench_quantile(ref, 0.5) / bench_quantile(own, 0.5);
		printf("  %5.1fx %5.1fx", gain, bench_paired_ratio(ref, own));
		if (row->min_gain > 0)
			printf(" >=%4.1f %s", row->min_gain, judge(gain >= row->min_gain));
		else
			printf("            ");
	}
	if (own->n > 0 && floor->n > 0) {
		cost = bench_quantile(own, 0.5) / bench_quantile(floor, 0.5);
		printf("  %5.2fx %5.2fx", cost, bench_paired_ratio(own, floor));
		if (row->max_cost > 0)
			printf(" <=%.1f %s", row->max_cost, judge(cost <= row->max_cost));
	}
	if (own->n == 0 && floor->n > 0 && ref->n > 0)
		printf("  reference/floor %.1fx %.1fx",
		       bench_quantile(ref, 0.5) / bench_quantile(floor, 0.5),
		       bench_paired_ratio(ref, floor));
	printf("\n");
	fflush(stdout);
}

void bench_print_value(const char *what, double value, const char *unit, double max)
{
	printf("%-60s %10.2f %-8s", what, value, unit);
	if (max > 0)
		printf(" <= %g %s", max, judge(value <= max));
	printf("\n");
	fflush(stdout);
}

void bench_print_ratio(const struct bench_series *ratios, double max)
{
	double median = bench_quantile(ratios, 0.5);

	printf("  %.2fx (%.2f - %.2f) < %.1f %s\n", median, bench_quantile(ratios, 0.1),
	       bench_quantile(ratios, 0.9), max, judge(median < max));
	fflush(stdout);
}

void bench_print_verdict(void)
{
	printf("\n%u of %u targets met\n", verdicts.passed, verdicts.judged);
}
