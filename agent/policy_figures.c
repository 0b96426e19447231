// SPDX-License-Identifier: Apache-2.0
/* Metrics of policies in force: one place for names and texts. */
#include "agent/policy_figures.h"

#include "agent/datapath/dump.h"

static void add_packets(const struct dp_counts *c, struct api_metrics *m, bool bytes)
{
	api_metrics_family(m, API_COUNTER,
			   bytes ? "fairlead_datapath_bytes_total"
				 : "fairlead_datapath_packets_total",
			   bytes ? "Bytes of pods' packets by what became of them."
				 : "Pods' packets by what became of them.");
	for (int r = 0; r < FL_R_COUNT; r++)
		for (int d = 0; d < FL_DIRS; d++) {
			const struct fl_count *n = &c->reason[r][d];
			const struct api_label labels[] = {
				{ "reason", dp_reason_text((enum fl_reason)r) },
				{ "direction", dp_direction_text((enum fl_dir)d) },
				{ 0 },
			};

			api_metrics_count(m, bytes ? n->bytes : n->packets, labels);
		}
}

static void add_verdicts(const struct dp_counts *c, struct api_metrics *m)
{
	api_metrics_family(m, API_COUNTER, "fairlead_policy_verdicts_total",
			   "New connections by what policy has said of them.");
	for (int v = 0; v < FL_V_COUNT; v++)
		for (int d = 0; d < FL_DIRS; d++) {
			const struct api_label labels[] = {
				{ "verdict", dp_verdict_text((enum fl_verdict)v) },
				{ "direction", dp_direction_text((enum fl_dir)d) },
				{ 0 },
			};

			api_metrics_count(m, c->verdict[v][d], labels);
		}
}

static void add_gauges(struct enf *e, struct api_metrics *m)
{
	struct enf_stats s = enf_stats(e);
	struct pol_stats p = pol_world_stats(enf_world(e));
	struct fl_err ignored;
	struct dp_now now;

	api_metrics_gauge(m, "fairlead_endpoints", "Endpoints that the datapath knows.",
			  (double)s.endpoints);
	api_metrics_gauge(m, "fairlead_endpoints_outside",
			  "Endpoints that ought to be under the datapath and are not.",
			  (double)s.outside);
	api_metrics_gauge(m, "fairlead_endpoint_records_unreadable",
			  "Files among the endpoints' records that are none.",
			  (double)s.unreadable);
	api_metrics_counter(m, "fairlead_endpoints_joined_total",
			    "Endpoints that the agent has put into the datapath's blocks itself.",
			    s.joined);
	api_metrics_gauge(m, "fairlead_policies", "Network policies read.", (double)p.policies);
	api_metrics_gauge(m, "fairlead_policies_refused", "Policies that need too many entries.",
			  (double)p.refused);
	api_metrics_gauge(m, "fairlead_identities", "Kinds of pods that policies tell apart.",
			  (double)p.identities);
	api_metrics_gauge(m, "fairlead_policy_sets", "Policy sets in use on this node.",
			  (double)p.sets);
	api_metrics_gauge(m, "fairlead_policy_rules", "Entries of the rules' map.",
			  (double)p.rules);
	api_metrics_counter(m, "fairlead_policy_entries_applied_total",
			    "Entries written to the datapath's maps.", s.applied);
	api_metrics_gauge(m, "fairlead_policy_last_commit_duration_seconds",
			  "From the change until it was in force, last time.", s.last_commit_s);
	api_metrics_gauge(m, "fairlead_policy_last_compile_duration_seconds",
			  "Of that, what compiling took.", s.last_compile_s);
	if (dp_now(enf_datapath(e), &now, &ignored) == 0)
		api_metrics_gauge(m, "fairlead_policy_generation",
				  "Goes up with each change of what connections are judged by.",
				  now.state.generation);
}

void policy_figures(struct enf *e, struct api_metrics *m)
{
	struct dp_counts c;
	struct fl_err ignored;

	add_gauges(e, m);
	if (dp_counts(enf_datapath(e), &c, &ignored) < 0)
		return;
	add_packets(&c, m, false);
	add_packets(&c, m, true);
	add_verdicts(&c, m);
	api_metrics_counter(m, "fairlead_flow_events_lost_total",
			    "Events that were not sent, to spare the processors.", c.events_lost);
}
