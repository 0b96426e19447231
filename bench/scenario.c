// SPDX-License-Identifier: Apache-2.0
/*
 * The scenarios. Serial ones go round by round through all hosts, each time beginning with
 * another one: what a round of the machine's noise does to one contender it does to all.
 */
#include "scenario.h"

#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WARM_UP 2 /* rounds that do not count */

/*
 * Between two calls, so that none waits for what the one before has left to the kernel: links and
 * addresses are freed after grace periods of some ten milliseconds, and the next to delete
 * something would wait for them too.
 */
#define SETTLE_US 40000
#define FIELDS	  (2 * BENCH_WHO)

enum verb { ADD, DEL, VERBS };
static const char *const verb_name[] = { "ADD", "DEL" };

/* The hosts of one scenario: one for each contender, or a second set in another state. */
struct field {
	struct bench_host host[FIELDS];
	unsigned int n;
	struct bench_series wall[2][VERBS][BENCH_WHO], cpu[2][VERBS][BENCH_WHO];
};

static void field_done(struct field *f)
{
	for (unsigned int i = 0; i < f->n; i++)
		bench_host_close(&f->host[i]);
	for (unsigned int set = 0; set < 2; set++)
		for (unsigned int v = 0; v < VERBS; v++)
			for (unsigned int w = 0; w < BENCH_WHO; w++) {
				bench_series_done(&f->wall[set][v][w]);
				bench_series_done(&f->cpu[set][v][w]);
			}
	f->n = 0;
}
#define auto_field fl_auto(field_done)

static int field_add(struct field *f, const struct bench_options *o,
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

static int field_is_clean(struct field *f, struct fl_err *err)
{
	int r;

	for (unsigned int i = 0; i < f->n; i++) {
		r = bench_host_is_clean(&f->host[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A plugin's ADD must print a result with the pod's address; the yardstick prints nothing. */
static int check_result(const struct bench_host *host, const struct bench_run *run,
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

/* One timed call on the host; wall and cpu may be NULL. */
static int once(struct bench_host *host, const char *verb, unsigned int pod,
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
		r = check_result(host, &run, err);
		if (r < 0)
			return r;
	}
	if (wall)
		r = bench_series_add(wall, run.wall_ms, err);
	if (r == 0 && cpu)
		r = bench_series_add(cpu, run.cpu_ms, err);
	return r;
}

static int serial(struct field *f, unsigned int rounds, struct fl_err *err)
{
	int r;

	for (unsigned int round = 0; round < rounds + WARM_UP; round++)
		for (unsigned int i = 0; i < f->n; i++) {
			unsigned int at = (i + round) % f->n,
				     set = at >= f->n / 2 && f->n > BENCH_WHO;
			struct bench_host *host = &f->host[at];

			for (int v = 0; v < VERBS; v++) {
				bool counts = round >= WARM_UP;

				r = once(host, verb_name[v], 0,
					 counts ? &f->wall[set][v][host->who] : NULL,
					 counts ? &f->cpu[set][v][host->who] : NULL, err);
				if (r < 0)
					return r;
			}
		}
	return field_is_clean(f, err);
}

/* The least gain and the largest cost allowed, of ADD and DEL. */
struct targets {
	double gain[VERBS], cost[VERBS];
};

static void print_set(struct field *f, unsigned int set, const char *what, const struct targets *t)
{
	char text[64];

	for (int v = 0; v < VERBS; v++) {
		snprintf(text, sizeof(text), "%s%s", verb_name[v], what);
		bench_print_row(&(struct bench_row){ .what = text,
						     .wall = f->wall[set][v],
						     .min_gain = t->gain[v],
						     .max_cost = t->cost[v] });
	}
}

static void print_cpu(struct field *f, unsigned int set, const char *what)
{
	char text[64];

	for (int v = 0; v < VERBS; v++) {
		snprintf(text, sizeof(text), "%s%s, CPU time", verb_name[v], what);
		bench_print_row(&(struct bench_row){ .what = text, .wall = f->cpu[set][v] });
	}
}

static int run_serial(const struct bench_options *o, bool masq, struct fl_err *err)
{
	static const struct targets plain = { { 8, 1.3 }, { 1.3, 0 } },
				    masqueraded = { { 18, 3.5 }, { 1.3, 0 } };
	const struct bench_state state = { .masq = masq };
	auto_field struct field f = { 0 };
	int r;

	r = bench_make_pods(1, err);
	if (r == 0)
		r = field_add(&f, o, &state, err);
	if (r == 0)
		r = serial(&f, o->rounds, err);
	if (r < 0)
		return r;
	bench_print_head(masq ? "One at a time, with ipMasq" : "One at a time");
	print_set(&f, 0, "", masq ? &masqueraded : &plain);
	print_cpu(&f, 0, "");
	return 0;
}

static int run_plain(const struct bench_options *o, struct fl_err *err)
{
	return run_serial(o, false, err);
}

static int run_masq(const struct bench_options *o, struct fl_err *err)
{
	return run_serial(o, true, err);
}

static int run_leases(const struct bench_options *o, struct fl_err *err)
{
	static const struct targets t = { { 35, 0 }, { 0, 0 } };
	const struct bench_state state = { .leases = o->leases };
	auto_field struct field f = { 0 };
	char title[64];
	int r;

	r = bench_make_pods(1, err);
	if (r == 0)
		r = field_add(&f, o, &state, err);
	if (r == 0)
		r = serial(&f, (o->rounds + 2) / 3, err);
	if (r < 0)
		return r;
	snprintf(title, sizeof(title), "%u leases in the store", o->leases);
	bench_print_head(title);
	print_set(&f, 0, "", &t);
	return 0;
}

static void print_growth(struct field *f)
{
	double grows[BENCH_WHO] = { 0 };
	char text[64];

	for (int v = 0; v < VERBS; v++) {
		for (int w = 0; w < BENCH_WHO; w++) {
			if (f->wall[0][v][w].n == 0)
				continue;
			grows[w] = bench_quantile(&f->wall[1][v][w], 0.5) /
				   bench_quantile(&f->wall[0][v][w], 0.5);
			snprintf(text, sizeof(text), "%s: %s grows by", verb_name[v],
				 bench_who_name(w));
			bench_print_value(text, grows[w], "x", BENCH_NO_TARGET);
		}
		if (grows[BENCH_OWN] > 0 && grows[BENCH_FLOOR] > 0) {
			snprintf(text, sizeof(text), "%s: fairlead's growth / the floor's growth",
				 verb_name[v]);
			bench_print_value(text, grows[BENCH_OWN] / grows[BENCH_FLOOR], "x",
					  v == ADD ? 1.3 : BENCH_NO_TARGET);
		}
	}
}

static int run_full(const struct bench_options *o, struct fl_err *err)
{
	static const struct targets none = { 0 };
	const struct bench_state empty = { .masq = true };
	const struct bench_state full = { .masq = true, .chains = o->chains, .crowd = o->crowd };
	auto_field struct field f = { 0 };
	char title[96];
	int r;

	r = bench_make_pods(1, err);
	if (r == 0)
		r = field_add(&f, o, &empty, err);
	if (r == 0)
		r = field_add(&f, o, &full, err);
	if (r < 0)
		return r;
	/* The crowd's own IPv6 noise (router solicitations: 12 s) is not what is measured. */
	sleep(o->crowd ? 13 : 0);
	r = serial(&f, (o->rounds + 2) / 3, err);
	if (r < 0)
		return r;
	snprintf(title, sizeof(title), "A full host: %u pods, %u foreign chains (with ipMasq)",
		 o->crowd, o->chains);
	bench_print_head(title);
	print_set(&f, 0, ", empty host", &none);
	print_cpu(&f, 0, ", empty");
	print_set(&f, 1, ", full host", &none);
	print_cpu(&f, 1, ", full");
	print_growth(&f);
	return 0;
}

/* The calls of all pods at once, at most o->jobs of them running. */
struct crew {
	struct bench_call call;
	struct bench_run run;
};

static void crew_done(struct crew **crew)
{
	for (struct crew *c = *crew; c && c->call.cmd.argv; c++)
		bench_close(&c->run);
	fl_free_p(crew);
}

static int collect(struct crew *crew, unsigned int n, struct fl_err *err)
{
	struct rusage use;
	int status;
	pid_t pid;

	do
		pid = wait4(-1, &status, 0, &use);
	while (pid < 0 && errno == EINTR);
	for (unsigned int i = 0; i < n; i++)
		if (crew[i].run.pid == pid) {
			bench_ended(&crew[i].run, bench_now_ns(), status, &use);
			return 0;
		}
	return fl_fail_errno(err, ECHILD, "wait for %u programs", n);
}

static int race(struct crew *crew, const struct bench_options *o, double *total_ms,
		struct fl_err *err)
{
	int64_t start = bench_now_ns();
	unsigned int begun = 0, ended = 0;
	int r;

	while (ended < o->pods) {
		if (begun < o->pods && begun - ended < o->jobs) {
			r = bench_start(&crew[begun].run, err);
			if (r < 0)
				return r;
			begun++;
			continue;
		}
		r = collect(crew, begun, err);
		if (r < 0)
			return r;
		ended++;
	}
	*total_ms = (bench_now_ns() - start) / 1e6;
	return 0;
}

static int all_at_once(struct bench_host *host, enum verb verb, const struct bench_options *o,
		       struct bench_series *total, struct fl_err *err)
{
	fl_auto(crew_done) struct crew *crew = calloc(o->pods + 1, sizeof(*crew));
	double ms = 0;
	int r;

	if (!crew)
		return fl_fail(err, ENOMEM, "prepare %u calls", o->pods);
	r = bench_host_enter(host, err);
	for (unsigned int i = 0; r == 0 && i < o->pods; i++) {
		bench_call_make(host, verb_name[verb], i, &crew[i].call);
		r = bench_prepare(&crew[i].call.cmd, &crew[i].run, err);
	}
	if (r == 0)
		r = race(crew, o, &ms, err);
	for (unsigned int i = 0; r == 0 && i < o->pods; i++) {
		r = bench_check(&crew[i].run, err);
		if (r == 0 && verb == ADD)
			r = check_result(host, &crew[i].run, err);
	}
	if (r < 0)
		return fl_wrap(err, r, "%s", host->network);
	return bench_series_add(total, ms, err);
}

static int run_concurrent(const struct bench_options *o, bool masq, struct fl_err *err)
{
	static const struct targets plain = { { 8, 4 }, { 0, 0 } },
				    masqueraded = { { 17, 10 }, { 0, 0 } };
	const struct bench_state state = { .masq = masq };
	auto_field struct field f = { 0 };
	char title[96];
	int r;

	r = bench_make_pods(o->pods, err);
	if (r == 0)
		r = field_add(&f, o, &state, err);
	for (unsigned int round = 0; r == 0 && round < o->repeats; round++)
		for (unsigned int i = 0; r == 0 && i < f.n; i++) {
			struct bench_host *host = &f.host[(i + round) % f.n];

			for (int v = 0; r == 0 && v < VERBS; v++)
				r = all_at_once(host, v, o, &f.wall[0][v][host->who], err);
		}
	if (r == 0)
		r = field_is_clean(&f, err);
	if (r < 0)
		return r;
	snprintf(title, sizeof(title), "%u pods, %u at a time, total time%s", o->pods, o->jobs,
		 masq ? ", with ipMasq" : "");
	bench_print_head(title);
	print_set(&f, 0, "", masq ? &masqueraded : &plain);
	return 0;
}

static int run_many(const struct bench_options *o, struct fl_err *err)
{
	return run_concurrent(o, false, err);
}

static int run_many_masq(const struct bench_options *o, struct fl_err *err)
{
	return run_concurrent(o, true, err);
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
	auto_field struct field f = { 0 };
	struct stat st;
	char path[256];
	int r;

	r = bench_make_pods(1, err);
	for (size_t i = 0; r == 0 && i < FL_ARRAY_LEN(states); i++)
		r = field_add(&f, o, &states[i], err);
	if (r < 0)
		return r;
	printf("\nFootprint of one attachment\n");
	for (unsigned int i = 0; i < f.n; i++) {
		/* The first attachment may have things to do that the later ones find done. */
		r = once(&f.host[i], "ADD", 0, NULL, NULL, err);
		if (r == 0)
			r = once(&f.host[i], "DEL", 0, NULL, NULL, err);
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
	auto_field struct field f = { 0 };
	int r;

	r = field_add(&f, o, &state, err);
	for (unsigned int round = 0; r == 0 && round < 2 * o->rounds; round++)
		for (unsigned int i = 0; r == 0 && i < f.n; i++) {
			struct bench_host *host = &f.host[(i + round) % f.n];

			/* The reference of this age knows no STATUS. */
			for (int v = 0; r == 0 && v < (host->who == BENCH_REF ? 1 : 2); v++)
				r = once(host, verbs[v], 0, &f.wall[0][v][host->who], NULL, err);
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
	{ "many", "many pods at once", run_many },
	{ "many-masq", "the same with ipMasq", run_many_masq },
	{ "cost", "system calls, memory, size", run_cost },
	{ "quick", "VERSION and STATUS", run_quick },
	{ NULL },
};
