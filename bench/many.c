// SPDX-License-Identifier: Apache-2.0
/* Many pods at once: the time from the first start to the last end. */
#include "field.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the race before has left to the kernel's workers is not what is measured. */
#define SETTLE_US 300000

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

static int all_at_once(struct bench_host *host, enum bench_verb verb, const struct bench_options *o,
		       struct bench_series *total, struct fl_err *err)
{
	fl_auto(crew_done) struct crew *crew = calloc(o->pods + 1, sizeof(*crew));
	double ms = 0;
	int r;

	if (!crew)
		return fl_fail(err, ENOMEM, "prepare %u calls", o->pods);
	r = bench_host_enter(host, err);
	for (unsigned int i = 0; r == 0 && i < o->pods; i++) {
		bench_call_make(host, bench_verb_name(verb), i, &crew[i].call);
		r = bench_prepare(&crew[i].call.cmd, &crew[i].run, err);
	}
	usleep(SETTLE_US);
	if (r == 0)
		r = race(crew, o, &ms, err);
	for (unsigned int i = 0; r == 0 && i < o->pods; i++) {
		r = bench_check(&crew[i].run, err);
		if (r == 0 && verb == BENCH_ADD)
			r = bench_check_result(host, &crew[i].run, err);
	}
	if (r < 0)
		return fl_wrap(err, r, "%s", host->network);
	return bench_series_add(total, ms, err);
}

static int run_concurrent(const struct bench_options *o, bool masq, struct fl_err *err)
{
	static const struct bench_targets plain = { { 8, 4 }, { 0, 0 } },
					  masqueraded = { { 17, 10 }, { 0, 0 } };
	const struct bench_state state = { .masq = masq };
	bench_auto_field struct bench_field f = { 0 };
	char title[96];
	int r;

	r = bench_make_pods(o->pods, err);
	if (r == 0)
		r = bench_field_add(&f, o, &state, err);
	for (unsigned int round = 0; r == 0 && round < o->repeats; round++)
		for (unsigned int i = 0; r == 0 && i < f.n; i++) {
			struct bench_host *host = &f.host[(i + round) % f.n];

			for (int v = 0; r == 0 && v < BENCH_VERBS; v++)
				r = all_at_once(host, v, o, &f.wall[0][v][host->who], err);
		}
	if (r == 0)
		r = bench_field_is_clean(&f, err);
	if (r < 0)
		return r;
	snprintf(title, sizeof(title), "%u pods, %u at a time, total time%s", o->pods, o->jobs,
		 masq ? ", with ipMasq" : "");
	bench_print_head(title);
	bench_print_set(&f, 0, "", masq ? &masqueraded : &plain);
	return 0;
}

int bench_run_many(const struct bench_options *o, struct fl_err *err)
{
	return run_concurrent(o, false, err);
}

int bench_run_many_masq(const struct bench_options *o, struct fl_err *err)
{
	return run_concurrent(o, true, err);
}
