// SPDX-License-Identifier: Apache-2.0
/* Reading what the programs write: connections, which are swept, and counters. */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "agent/datapath/dp.h"
#include "agent/datapath/dump.h"
#include "agent/datapath/events.h"
#include "bpf/datapath.skel.h"

static const char *const reasons[] = {
	[FL_R_FORWARDED] = "forwarded",
	[FL_R_REDIRECTED] = "redirected",
	[FL_R_NOT_IP] = "not_ip",
	[FL_R_POLICY_INGRESS] = "policy_ingress",
	[FL_R_POLICY_EGRESS] = "policy_egress",
	[FL_R_CLOSED] = "closed",
	[FL_R_UNKNOWN_ENDPOINT] = "unknown_endpoint",
	[FL_R_SPOOFED_MAC] = "spoofed_mac",
	[FL_R_SPOOFED_IP] = "spoofed_ip",
	[FL_R_ETHERTYPE] = "ethertype",
	[FL_R_VLAN] = "vlan",
	[FL_R_TRUNCATED] = "truncated",
	[FL_R_MALFORMED] = "malformed",
	[FL_R_EXTENSIONS] = "extensions",
	[FL_R_FRAGMENT] = "fragment",
	[FL_R_FLOWS_FULL] = "flows_full",
	[FL_R_INVALID_STATE] = "invalid_state",
	[FL_R_DENIED_SOURCE] = "denied_source",
};
_Static_assert(FL_ARRAY_LEN(reasons) == FL_R_COUNT, "every reason has a text");

const char *dp_reason_text(enum fl_reason reason)
{
	return reasons[reason];
}

const char *dp_verdict_text(enum fl_verdict verdict)
{
	return verdict == FL_V_ALLOWED ? "allowed" : "denied";
}

const char *dp_direction_text(enum fl_dir dir)
{
	return dir == FL_EGRESS ? "egress" : "ingress";
}

/* Runs a program that looks at no packet. *said is what it returns. */
static int run(const struct bpf_program *prog, __u32 *said)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .repeat = 1);
	__u8 frame[64] = { 0 };
	int r;

	o.data_in = frame;
	o.data_size_in = sizeof(frame);
	r = bpf_prog_test_run_opts(bpf_program__fd(prog), &o);
	*said = o.retval;
	return r;
}

int dp_lend_tunnels(struct dp *d, struct fl_err *err)
{
	__u32 ignored;

	if (run(d->bpf->progs.fl_renew, &ignored) < 0)
		return fl_fail_errno(err, errno, "renew the datapath's lease");
	return 0;
}

/* The clock of the programs: ticks since boot, with an offset; as the kernel starts it. */
static __u32 jiffies_now(struct dp *d, struct fl_err *err, int *r)
{
	__u32 now;

	*r = 0;
	if (run(d->bpf->progs.fl_clock, &now) < 0)
		*r = fl_fail_errno(err, errno, "read the datapath's clock");
	return now;
}

int dp_now(struct dp *d, struct dp_now *out, struct fl_err *err)
{
	struct dp_now now = { .hz = d->hz };
	__u32 zero = 0;
	int r;

	now.jiffies = jiffies_now(d, err, &r);
	if (r < 0)
		return r;
	if (bpf_map_lookup_elem(DP_FD(d, fl_state), &zero, &now.state) < 0)
		return fl_fail_errno(err, errno, "read the datapath's state");
	*out = now;
	return 0;
}

static bool is_over(struct dp *d, __u32 now, const struct fl_flow_key *key,
		    const struct fl_flow *flow)
{
	__u32 age = now - flow->seen;

	/* One that was seen since now was read has a negative age. */
	return (__s32)age > 0 && age > fl_flow_timeout_s(key->proto, flow) * d->hz;
}

struct page {
	struct fl_flow_key keys[DP_SWEEP_PART];
	struct fl_flow flows[DP_SWEEP_PART];
	__u32 n;
};

/* Reads the next whole buckets of connections. 1: there are more. */
static int read_page(struct dp *d, struct dp_sweep_place *at, struct page *p, struct fl_err *err)
{
	int r;

	p->n = DP_SWEEP_PART;
	r = bpf_map_lookup_batch(DP_FD(d, fl_flows), at->begun ? &at->bucket : NULL, &at->bucket,
				 p->keys, p->flows, &p->n, NULL);
	if (r < 0 && errno != ENOENT)
		return fl_fail_errno(err, errno, "read connections");
	at->begun = r == 0;
	return r == 0;
}

int dp_sweep_part(struct dp *d, struct dp_sweep_place *at, struct dp_sweep *sum, struct fl_err *err)
{
	fl_auto_free struct page *p = malloc(sizeof(*p));
	__u32 now;
	int more, r;

	if (!p)
		return fl_fail_errno(err, ENOMEM, "sweep connections");
	now = jiffies_now(d, err, &r);
	if (r < 0)
		return r;
	more = read_page(d, at, p, err);
	for (__u32 i = 0; more >= 0 && r == 0 && i < p->n; i++) {
		sum->flows++;
		if (!is_over(d, now, &p->keys[i], &p->flows[i]))
			continue;
		sum->removed++;
		r = dp_drop(DP_FD(d, fl_flows), &p->keys[i], "connections", err);
	}
	return r < 0 ? r : more;
}

int dp_sweep(struct dp *d, struct dp_sweep *out, struct fl_err *err)
{
	struct dp_sweep_place at = { 0 };
	struct dp_sweep sweep = { 0 };
	int more;

	do
		more = dp_sweep_part(d, &at, &sweep, err);
	while (more > 0);
	if (more == 0)
		*out = sweep;
	return more;
}

int dp_forget(struct dp *d, bool (*keep)(const struct fl_flow_key *key, const void *arg),
	      const void *arg, struct fl_err *err)
{
	fl_auto_free struct page *p = malloc(sizeof(*p));
	struct dp_sweep_place at = { 0 };
	int more, r = 0;

	if (!p)
		return fl_fail_errno(err, ENOMEM, "forget connections");
	do {
		more = read_page(d, &at, p, err);
		for (__u32 i = 0; more >= 0 && r == 0 && i < p->n; i++)
			if (!keep(&p->keys[i], arg))
				r = dp_drop(DP_FD(d, fl_flows), &p->keys[i], "connections", err);
	} while (more > 0 && r == 0);
	return r < 0 ? r : more;
}

int dp_events_lost(struct dp *d, uint64_t *out, struct fl_err *err)
{
	int cpus = libbpf_num_possible_cpus();
	fl_auto_free struct fl_budget *budgets = NULL;
	__u32 zero = 0;
	uint64_t sum = 0;

	if (cpus < 0)
		return fl_fail_errno(err, -cpus, "count processors");
	budgets = calloc((size_t)cpus, sizeof(*budgets));
	if (!budgets)
		return fl_fail_errno(err, ENOMEM, "read counters");
	if (bpf_map_lookup_elem(DP_FD(d, fl_budgets), &zero, budgets) < 0)
		return fl_fail_errno(err, errno, "read counters");
	for (int c = 0; c < cpus; c++)
		sum += budgets[c].lost;
	*out = sum;
	return 0;
}

static int read_verdicts(struct dp *d, int cpus, struct dp_counts *out, struct fl_err *err)
{
	fl_auto_free uint64_t *values = calloc((size_t)cpus, sizeof(*values));

	if (!values)
		return fl_fail_errno(err, ENOMEM, "read counters");
	for (__u32 i = 0; i < FL_V_COUNT * FL_DIRS; i++) {
		if (bpf_map_lookup_elem(DP_FD(d, fl_verdicts), &i, values) < 0)
			return fl_fail_errno(err, errno, "read counters");
		for (int c = 0; c < cpus; c++)
			out->verdict[i / FL_DIRS][i % FL_DIRS] += values[c];
	}
	return 0;
}

int dp_counts(struct dp *d, struct dp_counts *out, struct fl_err *err)
{
	int cpus = libbpf_num_possible_cpus();
	fl_auto_free struct fl_count *values = NULL;
	struct dp_counts counts = { 0 };
	int r;

	if (cpus < 0)
		return fl_fail_errno(err, -cpus, "count processors");
	values = calloc((size_t)cpus, sizeof(*values));
	if (!values)
		return fl_fail_errno(err, ENOMEM, "read counters");
	for (__u32 i = 0; i < FL_R_COUNT * FL_DIRS; i++) {
		struct fl_count *sum = &counts.reason[i / FL_DIRS][i % FL_DIRS];

		if (bpf_map_lookup_elem(DP_FD(d, fl_counts), &i, values) < 0)
			return fl_fail_errno(err, errno, "read counters");
		for (int c = 0; c < cpus; c++) {
			sum->packets += values[c].packets;
			sum->bytes += values[c].bytes;
		}
	}
	r = read_verdicts(d, cpus, &counts, err) ?: dp_events_lost(d, &counts.events_lost, err);
	if (r == 0)
		*out = counts;
	return r;
}
