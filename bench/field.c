// SPDX-License-Identifier: Apache-2.0
/* Calls on the hosts of a scenario, one at a time, and the printing of what they took. */
#include "field.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WARM_UP 2 /* rounds that do not count */

/*
 * Between two calls, so that none waits for what the one before has left to the kernel: links and
 * addresses are freed after grace periods of some ten milliseconds, and the next to delete
 * something would wait for them too.
 */
#define SETTLE_US 40000

const char *bench_verb_name(enum bench_verb verb)
{
	return verb == BENCH_ADD ? "ADD" : "DEL";
}

void bench_field_done(struct bench_field *f)
{
	for (unsigned int i = 0; i < f->n; i++)
		bench_host_close(&f->host[i]);
	for (unsigned int set = 0; set < 2; set++)
		for (unsigned int v = 0; v < BENCH_VERBS; v++)
			for (unsigned int w = 0; w < BENCH_WHO; w++) {
				bench_series_done(&f->wall[set][v][w]);
				bench_series_done(&f->cpu[set][v][w]);
			}
	f->n = 0;
}

int bench_field_add(struct bench_field *f, const struct bench_options *o,
		    const struct bench_state *state, struct fl_err *err)
{
	int r;

	for (int who = 0; who < BENCH_WHO; who++) {
		if (!o->with[who])
			continue;
		r = bench_host_open(&f->host[f->n++], who, state, &o->paths, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int bench_field_is_clean(struct bench_field *f, struct fl_err *err)
{
	int r;

	for (unsigned int i = 0; i < f->n; i++) {
		r = bench_host_is_clean(&f->host[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

int bench_check_result(const struct bench_host *host, const struct bench_run *run,
		       struct fl_err *err)
{
	char text[4096];

	if (host->who == BENCH_FLOOR)
		return 0;
	bench_output(run, text, sizeof(text));
	if (strstr(text, "\"10.88.") && strstr(text, "\"interfaces\""))
		return 0;
	return fl_fail(err, EPROTO, "ADD of '%s' printed no result: %s", host->network, text);
}

int bench_once(struct bench_host *host, const char *verb, unsigned int pod,
	       struct bench_series *wall, struct bench_series *cpu, struct fl_err *err)
{
	bench_auto_run struct bench_run run = { 0 };
	struct bench_call call;
	int r;

	bench_call_make(host, verb, pod, &call);
	r = bench_host_enter(host, err);
	if (r < 0)
		return r;
	r = bench_prepare(&call.cmd, &run, err);
	if (r < 0)
		return r;
	usleep(SETTLE_US);
	r = bench_exec(&run, err);
	if (r < 0)
		return fl_wrap(err, r, "%s", host->network);
	if (!strcmp(verb, "ADD")) {
		r = bench_check_result(host, &run, err);
		if (r < 0)
			return r;
	}
	if (wall)
		r = bench_series_add(wall, run.wall_ms, err);
	if (r == 0 && cpu)
		r = bench_series_add(cpu, run.cpu_ms, err);
	return r;
}
int bench_serial(struct bench_field *f, unsigned int rounds, struct fl_err *err)
{
	int r;

	for (unsigned int round = 0; round < rounds + WARM_UP; round++)
		for (unsigned int i = 0; i < f->n; i++) {
			unsigned int at = (i + round) % f->n,
				     set = at >= f->n / 2 && f->n > BENCH_WHO;
			struct bench_host *host = &f->host[at];

			for (int v = 0; v < BENCH_VERBS; v++) {
				bool counts = round >= WARM_UP;

				r = bench_once(host, bench_verb_name(v), 0,
					       counts ? &f->wall[set][v][host->who] : NULL,
					       counts ? &f->cpu[set][v][host->who] : NULL, err);
				if (r < 0)
					return r;
			}
		}
	return bench_field_is_clean(f, err);
}

void bench_print_set(struct bench_field *f, unsigned int set, const char *what,
		     const struct bench_targets *t)
{
	char text[64];

	for (int v = 0; v < BENCH_VERBS; v++) {
		snprintf(text, sizeof(text), "%s%s", bench_verb_name(v), what);
		bench_print_row(&(struct bench_row){ .what = text,
						     .wall = f->wall[set][v],
						     .min_gain = t->gain[v],
						     .max_cost = t->cost[v] });
	}
}
void bench_print_cpu(struct bench_field *f, unsigned int set, const char *what)
{
	char text[64];

	for (int v = 0; v < BENCH_VERBS; v++) {
		snprintf(text, sizeof(text), "%s%s, CPU time", bench_verb_name(v), what);
		bench_print_row(&(struct bench_row){ .what = text, .wall = f->cpu[set][v] });
	}
}
