// SPDX-License-Identifier: Apache-2.0
/* What is measured. Each scenario makes its own hosts, measures, prints and drops them. */
#pragma once

#include "world.h"

struct bench_options {
	struct bench_paths paths;
	bool with[BENCH_WHO];	 /* who takes part */
	unsigned int rounds;	 /* of the serial scenarios */
	unsigned int repeats;	 /* of the concurrent ones */
	unsigned int pods, jobs; /* how many pods, how many at a time */
	unsigned int leases, chains, crowd;
};

struct bench_scenario {
	const char *name, *what;
	int (*run)(const struct bench_options *o, struct fl_err *err);
};

/* All scenarios in the order of the table; ends with a NULL name. */
extern const struct bench_scenario bench_scenarios[];
