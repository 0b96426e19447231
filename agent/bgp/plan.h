// SPDX-License-Identifier: Apache-2.0
/*
 * Which BGP sessions this node has: what is between the configuration and BIRD's words. Pure, but
 * for password files.
 *
 *   mesh	with every other node, one session for each family that both have an address of
 *   named	with each peer of the configuration that is not this node itself; one that is also
 *		a node gets no session of the mesh on that address
 */
#pragma once

#include "agent/bgp/bgp.h"

#define BGP_SYMBOL 65 /* BIRD's own limit, with the NUL */

struct bgp_session {
	char symbol[BGP_SYMBOL]; /* BIRD's name of it: never changes while the session stays */
	char *name;		 /* the node's or the peer's; owned */
	struct fl_ip local, remote;
	uint16_t port;
	uint32_t as;
	const struct agent_node *node;	   /* of the mesh, else NULL; borrowed from the input */
	const struct agent_bgp_peer *peer; /* named, else NULL; borrowed from the configuration */
	char *password;			   /* owned; NULL: none */
	uint32_t hops;			   /* at most; 0: any number */
	bool limited;			   /* has an import limit */
};

struct bgp_plan {
	struct bgp_session *sessions; /* owned: the mesh's by name, then the named ones */
	size_t n;
	uint32_t as, router_id;
	size_t mesh_nodes;
	bool reflects; /* this node is a route reflector */
};

/* Frees what the plan holds. */
void bgp_plan_done(struct bgp_plan *p);
#define bgp_auto_plan fl_auto(bgp_plan_done)

/*
 * Makes the plan. What agent/config and agent/model have read is not judged again: only what they
 * cannot know. A session that cannot be had is left out and complained about. -E2BIG: the mesh is
 * too large. *out is the caller's, and borrows from in.
 */
fl_must int bgp_plan_make(const struct bgp_input *in, agent_complain *complain, void *arg,
			  struct bgp_plan *out, struct fl_err *err);

/* This node's address of the family, borrowed, or NULL. */
const struct fl_ip *bgp_own_ip(const struct bgp_input *in, int family);
