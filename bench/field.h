// SPDX-License-Identifier: Apache-2.0
/*
 * The hosts of one scenario, what was measured on them, and the calls that are measured. The
 * measurements are milliseconds.
 */
#pragma once

#include "report.h"
#include "scenario.h"

#define BENCH_FIELD_HOSTS (2 * BENCH_WHO)

enum bench_verb { BENCH_ADD, BENCH_DEL, BENCH_VERBS };

/* One host for each contender, or two where a second set is in another state. */
struct bench_field {
	struct bench_host host[BENCH_FIELD_HOSTS];
	unsigned int n;
	struct bench_series wall[2][BENCH_VERBS][BENCH_WHO], cpu[2][BENCH_VERBS][BENCH_WHO];
};

/* The least gain and the largest cost allowed, of ADD and DEL; 0: not judged. */
struct bench_targets {
	double gain[BENCH_VERBS], cost[BENCH_VERBS];
};

/* "ADD" or "DEL". */
const char *bench_verb_name(enum bench_verb verb);

/* Closes the hosts and forgets the measurements. */
void bench_field_done(struct bench_field *f);
#define bench_auto_field fl_auto(bench_field_done)

/* Opens a host in this state for each contender that takes part. */
fl_must int bench_field_add(struct bench_field *f, const struct bench_options *o,
			    const struct bench_state *state, struct fl_err *err);

/* -EPROTO when somebody has left something on one of the hosts. */
fl_must int bench_field_is_clean(struct bench_field *f, struct fl_err *err);

/* A plugin's ADD must have printed a result with the pod's address. The yardstick prints none. */
fl_must int bench_check_result(const struct bench_host *host, const struct bench_run *run,
			       struct fl_err *err);

/* One timed call on the host, after a pause; wall and cpu may be NULL. */
fl_must int bench_once(struct bench_host *host, const char *verb, unsigned int pod,
		       struct bench_series *wall, struct bench_series *cpu, struct fl_err *err);

/*
 * Rounds of ADD and DEL, each beginning with another host: what the machine's noise does to one
 * contender in a round it does to all. The hosts must be clean at the end.
 */
fl_must int bench_serial(struct bench_field *f, unsigned int rounds, struct fl_err *err);

/* Prints ADD's and DEL's wall times of a set (0 or 1); what is added to the verb's name. */
void bench_print_set(struct bench_field *f, unsigned int set, const char *what,
		     const struct bench_targets *t);

/* The same of the CPU times, which are not judged. */
void bench_print_cpu(struct bench_field *f, unsigned int set, const char *what);

/* The scenarios "many" and "many-masq". */
fl_must int bench_run_many(const struct bench_options *o, struct fl_err *err);
fl_must int bench_run_many_masq(const struct bench_options *o, struct fl_err *err);
