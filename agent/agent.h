// SPDX-License-Identifier: Apache-2.0
/*
 * The running agent: its parts on one loop. Manifests change -> topology (and BGP) at once;
 * somebody changes the kernel, time passes -> topology against the kernel.
 */
#pragma once

#include <uv.h>

#include "agent/api/api.h"
#include "agent/bgp/bgp.h"
#include "agent/config/config.h"
#include "agent/guard.h"
#include "agent/pace.h"
#include "agent/podways.h"
#include "agent/problems.h"
#include "agent/source/manifests.h"
#include "agent/topology/topology.h"

struct agent {
	/* Given: */
	const struct agent_config *conf;
	const char *root, *node_name;
	const char *notify_socket; /* NULL: none */
	/* Owned: */
	uv_loop_t loop;
	uv_timer_t timer;
	uv_poll_t watch;
	uv_signal_t signals[3];
	int run_dir, lock;
	struct src_manifests *source;
	struct topo *topo;
	struct bgp *bgp; /* mode bgp only */
	struct podways *podways;
	struct guard *guard; /* NULL: policies are not enforced */
	struct api *api;
	struct api_table table;
	/* State: */
	const struct agent_cluster *nodes; /* borrowed of the source; NULL: not read yet */
	struct agent_pace pace;
	struct agent_trouble told; /* problems that are in the log */
	struct fl_err bgp_error;   /* of the last time that BIRD was told; sys 0: none */
	bool drained, was_ready, was_retired;
	uint64_t started_ms; /* of the loop's clock */
};

/* Makes everything ready; what is given is borrowed for life. On failure nothing is left. */
fl_must int agent_open(struct agent *a, const struct agent_config *conf, const char *root,
		       const char *node_name, struct fl_err *err);

/* Runs until SIGTERM or SIGINT. */
void agent_run(struct agent *a);

/* Ends all parts; what they made in the kernel stays, and so does BIRD. */
void agent_close(struct agent *a);

/* Sources are read and topology is applied. */
bool agent_ready(const struct agent *a);

/* Says of every part's problems. */
void agent_problems(const struct agent *a, agent_complain *each, void *arg);

/* Takes the node out of BGP, or back; remembered. -EBUSY: not in this mode. */
fl_must int agent_drain(struct agent *a, bool drained, struct fl_err *err);

/* The API's requests, and their number. */
extern const struct api_route agent_routes[];
extern const size_t agent_n_routes;

/* What /metrics says; arg is the struct agent. */
void agent_metrics(void *arg, struct api_metrics *m);

/* Tells the datapath which blocks are other nodes', and by which interfaces they are reached. */
void agent_tell_beyond(struct agent *a);
