// SPDX-License-Identifier: Apache-2.0
/*
 * BGP by BIRD 2: writes its configuration, starts it, takes over one that runs already, and starts
 * it anew when it dies. BIRD's files are below ROOT/run/fairlead/bird/. BIRD outlives the agent, so
 * that an agent's restart is none of its peers' business.
 */
#pragma once

#include <uv.h>

#include "agent/config/config.h"
#include "agent/model/node.h"

struct bgp;

/*
 * Other nodes in a full mesh: more than BGP_MESH_GOOD stand as a problem, more than BGP_MESH_MAX
 * are refused, since each of n nodes holds n - 1 sessions. Route reflectors are for more.
 */
enum { BGP_MESH_GOOD = 250, BGP_MESH_MAX = 1000 };

/* What BIRD is to do. Everything is borrowed for the call. */
struct bgp_input {
	const struct agent_config *conf;
	const struct agent_node *self;
	const struct agent_cluster *nodes;
	bool drained; /* announce nothing */
	/* This node's addresses with their lengths, which tell who is on a link of ours. None:
	   bgp_apply() looks for itself; the configuration takes a peer of another AS to be on one.
	 */
	size_t n_links;
	const struct fl_prefix *links;
	const char *root; /* what password files lie below; NULL: "", or as bgp_open() was told */
};

/*
 * BIRD's configuration; pure, but for password files. dir: where its socket and files are. The
 * text holds passwords. A peer that cannot be had as asked is left out and complained about.
 * *out is the caller's. -EINVAL, -E2BIG: what cannot be done at all.
 */
fl_must int bgp_write_config(const struct bgp_input *in, const char *dir, agent_complain *complain,
			     void *arg, char **out, struct fl_err *err);

/* Prepares; starts nothing yet. -ENOENT: no BIRD; the text names the package. */
fl_must int bgp_open(uv_loop_t *loop, const struct agent_config *conf, const char *root,
		     struct bgp **out, struct fl_err *err);

/*
 * Lets go of BIRD, which goes on. Or, when stop: ends it and has it remove its routes, which is
 * waited for, three seconds at most.
 */
void bgp_close(struct bgp **b, bool stop);

/*
 * For an agent in another mode, once, when its own routes are in place: ends the BIRD that an
 * agent in mode bgp has left below root, and has it remove its routes, which is waited for, three
 * seconds at most. Nothing to do when there is none.
 */
fl_must int bgp_retire(const struct agent_config *conf, const char *root, struct fl_err *err);

/*
 * Makes BIRD do this: writes the configuration if it differs, starts BIRD or takes over the one
 * that runs, has it read the configuration. What fails later (a dead BIRD) is tried again with
 * growing pauses and stands as a problem.
 */
fl_must int bgp_apply(struct bgp *b, const struct bgp_input *in, struct fl_err *err);

/* Calls each() for every problem that stands. */
void bgp_problems(const struct bgp *b, agent_complain *each, void *arg);

/* For the API: the document that docs/api.md describes under /v1/bgp, asked of BIRD by its socket.
 */
fl_must int bgp_json(struct bgp *b, struct fl_json **out, struct fl_err *err);

/* Counts for metrics. */
struct bgp_stats {
	uint64_t starts, configures;
	size_t sessions, established;
	bool running;
};

/* What the counts are now, as BIRD last said. */
struct bgp_stats bgp_stats(const struct bgp *b);
