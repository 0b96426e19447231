// SPDX-License-Identifier: Apache-2.0
/* The scenarios, in the order of the table. */
#include "field.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One pod after the other, in this state. */
static int run_serial(const struct bench_options *o, const struct bench_state *state,
		      const char *title, const struct bench_targets *targets, struct fl_err *err)
{
	bench_auto_field struct bench_field f = { 0 };
	int r;

	r = bench_make_pods(1, err);
	if (r == 0)
		r = bench_field_add(&f, o, state, err);
	if (r == 0)
		r = bench_serial(&f, o->rounds, err);
	if (r < 0)
		return r;
	bench_print_head(title);
	bench_print_set(&f, 0, "", targets);
	bench_print_cpu(&f, 0, "");
	return 0;
}

static int run_plain(const struct bench_options *o, struct fl_err *err)
{
	static const struct bench_targets t = { { 8, 1.3 }, { 1.3, 0 } };
	const struct bench_state state = { .masq = false };

	return run_serial(o, &state, "One at a time", &t, err);
}

static int run_masq(const struct bench_options *o, struct fl_err *err)
{
	static const struct bench_targets t = { { 18, 3.5 }, { 1.3, 0 } };
	const struct bench_state state = { .masq = true };

	return run_serial(o, &state, "One at a time, with ipMasq", &t, err);
}

/* The others know no policy. */
static int run_policy(const struct bench_options *o, struct fl_err *err)
{
	static const struct bench_targets t = { { 7, 0 }, { 0, 0 } };
	const struct bench_state state = { .policy = true };

	return run_serial(o, &state, "Ours with the agent, and a policy in force before ADD ends",
			  &t, err);
}

static int run_leases(const struct bench_options *o, struct fl_err *err)
{
	static const struct bench_targets t = { { 35, 0 }, { 0, 0 } };
	const struct bench_state state = { .leases = o->leases };
	bench_auto_field struct bench_field f = { 0 };
	char title[64];
	int r;

	r = bench_make_pods(1, err);
	if (r == 0)
		r = bench_field_add(&f, o, &state, err);
	if (r == 0)
		r = bench_serial(&f, (o->rounds + 2) / 3, err);
	if (r < 0)
		return r;
	snprintf(title, sizeof(title), "%u leases in the store", o->leases);
	bench_print_head(title);
	bench_print_set(&f, 0, "", &t);
	return 0;
}

static void print_growth(struct bench_field *f)
{
	double grows[BENCH_WHO] = { 0 };
	char text[64];

	for (int v = 0; v < BENCH_VERBS; v++) {
		for (int w = 0; w < BENCH_WHO; w++) {
			if (f->wall[0][v][w].n == 0)
				continue;
			grows[w] = bench_quantile(&f->wall[1][v][w], 0.5) /
				   bench_quantile(&f->wall[0][v][w], 0.5);
			snprintf(text, sizeof(text), "%s: %s grows by", bench_verb_name(v),
				 bench_who_name(w));
			bench_print_value(text, grows[w], "x", BENCH_NO_TARGET);
		}
		if (grows[BENCH_OWN] > 0 && grows[BENCH_FLOOR] > 0) {
			snprintf(text, sizeof(text), "%s: fairlead's growth / the floor's growth",
				 bench_verb_name(v));
			bench_print_value(text, grows[BENCH_OWN] / grows[BENCH_FLOOR], "x",
					  v == BENCH_ADD ? 1.3 : BENCH_NO_TARGET);
		}
	}
}

static int run_full(const struct bench_options *o, struct fl_err *err)
{
	static const struct bench_targets none = { 0 };
	const struct bench_state empty = { .masq = true };
	const struct bench_state full = { .masq = true, .chains = o->chains, .crowd = o->crowd };
	bench_auto_field struct bench_field f = { 0 };
	char title[96];
	int r;

	r = bench_make_pods(1, err);
	if (r == 0)
		r = bench_field_add(&f, o, &empty, err);
	if (r == 0)
		r = bench_field_add(&f, o, &full, err);
	if (r < 0)
		return r;
	/* The crowd's own IPv6 noise (router solicitations: 12 s) is not what is measured. */
	sleep(o->crowd ? 13 : 0);
	r = bench_serial(&f, (o->rounds + 2) / 3, err);
	if (r < 0)
		return r;
	snprintf(title, sizeof(title), "A full host: %u pods, %u foreign chains (with ipMasq)",
		 o->crowd, o->chains);
	bench_print_head(title);
	bench_print_set(&f, 0, ", empty host", &none);
	bench_print_cpu(&f, 0, ", empty");
	bench_print_set(&f, 1, ", full host", &none);
	bench_print_cpu(&f, 1, ", full");
	print_growth(&f);
	return 0;
}

static int trace_once(struct bench_host *host, const char *verb, bool judged, struct fl_err *err)
{
	bench_auto_run struct bench_run run = { 0 };
	struct bench_trace t = { 0 };
	struct bench_call call;
	char what[96];
	int r;

	bench_call_make(host, verb, 0, &call);
	r = bench_host_enter(host, err);
	if (r == 0)
		r = bench_prepare(&call.cmd, &run, err);
	if (r == 0)
		r = bench_exec_traced(&run, &t, err);
	if (r < 0)
		return r;
	judged = judged && host->who == BENCH_OWN;
	snprintf(what, sizeof(what), "%s%s by %s: system calls (%u programs executed)", verb,
		 host->state.masq ? " with ipMasq" : "", bench_who_name(host->who), t.execs);
	bench_print_value(what, t.calls, "calls", judged ? 60 : BENCH_NO_TARGET);
	snprintf(what, sizeof(what), "%s%s by %s: peak memory of the largest process", verb,
		 host->state.masq ? " with ipMasq" : "", bench_who_name(host->who));
	bench_print_value(what, t.rss_kib / 1024.0, "MiB", judged ? 2 : BENCH_NO_TARGET);
	return 0;
}

static int run_cost(const struct bench_options *o, struct fl_err *err)
{
	static const struct bench_state states[] = { { .masq = false }, { .masq = true } };
	bench_auto_field struct bench_field f = { 0 };
	struct stat st;
	char path[256];
	int r;

	r = bench_make_pods(1, err);
	for (size_t i = 0; r == 0 && i < FL_ARRAY_LEN(states); i++)
		r = bench_field_add(&f, o, &states[i], err);
	if (r < 0)
		return r;
	printf("\nFootprint of one attachment\n");
	for (unsigned int i = 0; i < f.n; i++) {
		/* The first attachment may have things to do that the later ones find done. */
		r = bench_once(&f.host[i], "ADD", 0, NULL, NULL, err);
		if (r == 0)
			r = bench_once(&f.host[i], "DEL", 0, NULL, NULL, err);
		if (r == 0)
			r = trace_once(&f.host[i], "ADD", true, err);
		if (r == 0)
			r = trace_once(&f.host[i], "DEL", false, err);
		if (r < 0)
			return r;
	}
	for (int who = 0; who < BENCH_FLOOR; who++) {
		snprintf(path, sizeof(path), "%s/bridge",
			 who == BENCH_OWN ? o->paths.own : o->paths.ref);
		if (!o->with[who] || stat(path, &st) < 0)
			continue;
		printf("%-12s", bench_who_name(who));
		bench_print_value("binary 'bridge'", st.st_size / 1e6, "MB",
				  who == BENCH_OWN ? 1.5 : BENCH_NO_TARGET);
	}
	return 0;
}

static int run_quick(const struct bench_options *o, struct fl_err *err)
{
	static const char *const verbs[] = { "VERSION", "STATUS" };
	const struct bench_state state = { .masq = true };
	bench_auto_field struct bench_field f = { 0 };
	int r;

	r = bench_field_add(&f, o, &state, err);
	for (unsigned int round = 0; r == 0 && round < 2 * o->rounds; round++)
		for (unsigned int i = 0; r == 0 && i < f.n; i++) {
			struct bench_host *host = &f.host[(i + round) % f.n];

			/* The reference of this age knows no STATUS. */
			for (int v = 0; r == 0 && v < (host->who == BENCH_REF ? 1 : 2); v++)
				r = bench_once(host, verbs[v], 0, &f.wall[0][v][host->who], NULL,
					       err);
		}
	if (r < 0)
		return r;
	bench_print_head("Questions (floor: a static program that does nothing)");
	for (int v = 0; v < 2; v++) {
		bench_print_row(&(struct bench_row){ .what = verbs[v], .wall = f.wall[0][v] });
		if (f.wall[0][v][BENCH_OWN].n > 0)
			bench_print_value(verbs[v], bench_quantile(&f.wall[0][v][BENCH_OWN], 0.5),
					  "ms", 1);
	}
	return 0;
}

const struct bench_scenario bench_scenarios[] = {
	{ "plain", "ADD and DEL one at a time", run_plain },
	{ "masq", "the same with ipMasq", run_masq },
	{ "leases", "with many leases in the store", run_leases },
	{ "full", "with many pods and foreign firewall chains", run_full },
	{ "many", "many pods at once", bench_run_many },
	{ "many-masq", "the same with ipMasq", bench_run_many_masq },
	{ "cost", "system calls, memory, size", run_cost },
	{ "quick", "VERSION and STATUS", run_quick },
	{ "policy", "ours with the agent and a policy", run_policy },
	{ NULL },
};
