// SPDX-License-Identifier: Apache-2.0
/* What /metrics says: agent/README.md has the table. */
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

#include "agent/agent.h"
#include "agent/api/metrics.h"
#include "base/file.h"
#include "base/text.h"

static void add_agent(const struct agent *a, struct api_metrics *m)
{
	size_t problems = 0;
	struct agent_trouble now = { 0 };

	api_metrics_family(m, API_GAUGE, "fairlead_build_info", "Version and mode; always 1.");
	api_metrics_count(m, 1,
			  (const struct api_label[]){ { "version", FL_VERSION },
						      { "mode", agent_mode_text(a->conf->mode) },
						      { 0 } });
	agent_problems(a, agent_trouble_add, &now);
	problems = now.n;
	agent_trouble_done(&now);
	api_metrics_gauge(m, "fairlead_ready", "1 when sources are read and topology is applied.",
			  agent_ready(a));
	api_metrics_gauge(m, "fairlead_problems", "Problems that stand.", (double)problems);
	api_metrics_gauge(m, "fairlead_nodes", "Nodes of the cluster, this one included.",
			  a->nodes ? (double)a->nodes->n : 0);
}

static void add_topology(const struct agent *a, struct api_metrics *m)
{
	struct topo_stats s = topo_stats(a->topo);
	struct topo_local local = topo_local(a->topo);

	api_metrics_gauge(m, "fairlead_peers", "Other nodes.", (double)s.peers);
	api_metrics_gauge(m, "fairlead_routes", "Routes that should be.", (double)s.routes);
	api_metrics_gauge(m, "fairlead_neighbours", "Neighbour entries that should be.",
			  (double)s.neighbours);
	api_metrics_gauge(m, "fairlead_forwarding_entries",
			  "Forwarding entries of the VTEP that should be.", (double)s.fdb);
	api_metrics_gauge(m, "fairlead_underlay_mtu_bytes", "MTU of the node's interface.",
			  local.underlay_mtu);
	api_metrics_gauge(m, "fairlead_pod_mtu_bytes", "MTU of pods' interfaces.", local.pod_mtu);
	api_metrics_counter(m, "fairlead_reconciles_total", "Reconciles of the topology.",
			    s.reconciles);
	api_metrics_counter(m, "fairlead_reconcile_failures_total",
			    "Reconciles that left something undone.", s.failed_reconciles);
	api_metrics_counter(m, "fairlead_objects_put_total", "Kernel objects put in place.",
			    s.objects_put);
	api_metrics_counter(m, "fairlead_objects_removed_total", "Kernel objects removed.",
			    s.objects_removed);
	api_metrics_counter(m, "fairlead_drift_objects_total",
			    "Kernel objects that somebody else had changed and that were mended.",
			    s.drift);
	api_metrics_family(m, API_GAUGE, "fairlead_reconcile_last_duration_seconds",
			   "How long the last reconcile took: full reads the kernel.");
	api_metrics_real(m, s.last_s, (const struct api_label[]){ { "kind", "full" }, { 0 } });
	api_metrics_real(m, s.last_change_s,
			 (const struct api_label[]){ { "kind", "change" }, { 0 } });
}

static void add_manifests(const struct agent *a, struct api_metrics *m)
{
	struct src_stats s = src_manifests_stats(a->source);

	api_metrics_gauge(m, "fairlead_manifest_files", "Files in the manifests folder.",
			  (double)s.files);
	api_metrics_gauge(m, "fairlead_manifest_files_broken",
			  "Files whose last good version is in force.", (double)s.broken_files);
	api_metrics_gauge(m, "fairlead_manifest_namespaces", "Namespaces in force.",
			  (double)s.namespaces);
	api_metrics_gauge(m, "fairlead_manifest_pods", "Pods in force.", (double)s.pods);
	api_metrics_gauge(m, "fairlead_manifest_policies", "Network policies in force.",
			  (double)s.policies);
	api_metrics_counter(m, "fairlead_manifest_reads_total", "Files read.", s.reads);
	api_metrics_counter(m, "fairlead_manifest_read_failures_total",
			    "Files that could not be read as objects.", s.failed_reads);
	api_metrics_counter(m, "fairlead_manifest_objects_total", "Objects read.", s.objects);
	api_metrics_counter(m, "fairlead_manifest_objects_ignored_total",
			    "Objects of kinds that are not used.", s.ignored_objects);
}

static void add_bgp(const struct agent *a, struct api_metrics *m)
{
	struct bgp_stats s;

	if (!a->bgp)
		return;
	s = bgp_stats(a->bgp);
	api_metrics_gauge(m, "fairlead_drained", "1 when the node announces nothing.", a->drained);
	api_metrics_gauge(m, "fairlead_bgp_running", "1 when BIRD runs.", s.running);
	api_metrics_gauge(m, "fairlead_bgp_sessions", "BGP sessions configured.",
			  (double)s.sessions);
	api_metrics_gauge(m, "fairlead_bgp_sessions_established", "BGP sessions established.",
			  (double)s.established);
	api_metrics_counter(m, "fairlead_bgp_starts_total", "Times that BIRD was started.",
			    s.starts);
	api_metrics_counter(m, "fairlead_bgp_configures_total",
			    "Times that BIRD was told to read its configuration.", s.configures);
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Of a line of numbers. */
static bool second_number(char *line, uint32_t *out)
{
	struct fl_err ignored;
	char *word;

	(void)strsep(&line, " ");
	word = strsep(&line, " ");
	return word && fl_parse_u32(word, 0, UINT32_MAX, out, &ignored) == 0;
}

static void add_process(struct api_metrics *m)
{
	struct rusage used = { 0 };
	struct fl_err ignored;
	uint32_t pages = 0;
	char text[128];

	/* What cannot be read is left out. */
	if (getrusage(RUSAGE_SELF, &used) == 0) {
		api_metrics_family(m, API_COUNTER, "process_cpu_seconds_total",
				   "Processor time used.");
		api_metrics_real(m, seconds(used.ru_utime) + seconds(used.ru_stime), NULL);
	}
	if (fl_read_small(AT_FDCWD, "/proc/self/statm", text, sizeof(text), &ignored) == 0 &&
	    second_number(text, &pages))
		api_metrics_gauge(m, "process_resident_memory_bytes", "Memory in use.",
				  (double)pages * (double)sysconf(_SC_PAGESIZE));
}

void agent_metrics(void *arg, struct api_metrics *m)
{
	struct agent *a = arg;

	add_agent(a, m);
	add_topology(a, m);
	add_manifests(a, m);
	add_bgp(a, m);
	guard_metrics(a->guard, m);
	add_process(m);
}
