// SPDX-License-Identifier: Apache-2.0
/*
 * The cluster's nodes as the agent sees them: read from Node objects, checked one by one and
 * against each other. Pure. What a Node says and where:
 *
 *   metadata.name			    the name
 *   status.addresses, InternalIP	    its addresses: the first of each family; the first rules
 *   spec.podCIDRs, else spec.podCIDR	    its pods' blocks
 *   annotations fairlead.io/vtep-mac	    of a VTEP that is not ours
 *		 fairlead.io/as		    its AS number, else the configuration's
 */
#pragma once

#include "peers/peers.h"
#include "json/cur.h"

struct agent_node {
	char *name;	    /* owned */
	char *where;	    /* "n2.yaml:3", for errors; owned */
	struct fl_peer net; /* net.name is name */
	uint32_t as;	    /* 0: the configuration's */
};

/* Frees what the node holds. */
void agent_node_done(struct agent_node *n);

/* A copy that is the caller's. */
fl_must int agent_node_copy(const struct agent_node *n, struct agent_node *out, struct fl_err *err);

/* True when both say the same; where does not count. */
bool agent_node_equal(const struct agent_node *a, const struct agent_node *b);

/*
 * Reads a v1 Node object; where is copied. Node objects hold much more than is read here. -EINVAL
 * names the node, the path and what was expected: a node without a name, address or block is
 * refused, and so are blocks that overlap each other, hold one of its addresses, or are no unicast
 * addresses of the network at large.
 */
fl_must int agent_node_read(const struct fl_cur *object, const char *where, struct agent_node *out,
			    struct fl_err *err);

/* A Node object that reads as this node; the caller's. Only memory can fail. */
fl_must int agent_node_tree(const struct agent_node *n, struct fl_json **out, struct fl_err *err);

/* A set of nodes, sorted by name. */
struct agent_cluster {
	struct agent_node *nodes; /* owned */
	size_t n;
};

/* Frees the nodes and empties the set. */
void agent_cluster_done(struct agent_cluster *c);
#define fl_auto_cluster fl_auto(agent_cluster_done)

/* The node of this name, borrowed, or NULL. */
const struct agent_node *agent_cluster_find(const struct agent_cluster *c, const char *name);

/* What is said of a node that is left out. */
typedef void agent_complain(const char *where, const char *text, void *arg);

/*
 * Makes a set of nodes; the array and what it holds are taken over whatever happens. Of two that
 * have the same name, an address in common, blocks that overlap or a block with the other's
 * address in it, the one that last (may be NULL) has in this form stays, else the first by name,
 * then by where; the other is left out, and complained about with both places. So is what is
 * beyond FL_PEERS_MAX nodes.
 */
fl_must int agent_cluster_make(struct agent_node *nodes, size_t n, const struct agent_cluster *last,
			       agent_complain *complain, void *arg, struct agent_cluster *out,
			       struct fl_err *err);

/* True when both hold the same nodes; where does not count. */
bool agent_cluster_equal(const struct agent_cluster *a, const struct agent_cluster *b);
