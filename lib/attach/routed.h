// SPDX-License-Identifier: Apache-2.0
/*
 * Routed pods: a veth pair and no bridge. The pod has its addresses with full length and one
 * neighbour, its gateway, which is the host's end of the pair under a link-local address that all
 * pods have; the host has a route to each address. Nothing is asked by ARP or ND: all neighbours
 * are permanent.
 *
 *   pod    10.244.1.5/32 dev eth0, default via 169.254.1.1 dev eth0 onlink
 *	    fd00:1::5/128 dev eth0, default via fe80::1 dev eth0; both have the host end's MAC
 *   host   10.244.1.5 dev vethX proto 170 scope link, neighbour 10.244.1.5 has the pod's MAC
 *
 * How packets reach other nodes is the plugin's business (struct fl_routed_kind), and only where
 * the configuration has "peers": else it is the agent's, which has left node.json.
 */
#pragma once

#include "attach/routed_conf.h"
#include "cni/plugin.h"
#include "peers/peers.h"
#include "state/node.h"

struct fl_routed;

/* What sets a plugin apart. Functions work in the host's namespace, by r->host. */
struct fl_routed_kind {
	const char *mode; /* in the endpoint record: the plugin's name */
	enum fl_peers_way way;
	const char *device; /* of the overlay; NULL: none */
	/*
	 * Finds out what the configuration leaves open, changing nothing: r->mtu, the node's
	 * address. Refuses what the node is not fit for.
	 */
	int (*survey)(struct fl_routed *r, struct fl_err *err);
	/* Makes the overlay's device, and sets r->in's part of it; NULL: there is none. */
	int (*ensure)(struct fl_routed *r, struct fl_err *err);
	/* CHECK of that device, after survey() when there are peers; NULL: there is none. */
	int (*check)(struct fl_routed *r, struct fl_err *err);
};

/* A request to a routed network. */
struct fl_routed {
	const struct fl_cni_req *req;
	const struct fl_routed_kind *kind;
	void *own; /* the plugin's, for its functions */
	struct fl_routed_conf conf;
	struct fl_nl *host; /* borrowed */
	bool has_node;	    /* the agent has left node.json */
	struct fl_node node;
	struct fl_cni_req ipam_req; /* what the IPAM plugin gets: with the node's blocks */
	struct fl_json *ipam_doc;
	char *ipam_text;
	uint32_t mtu; /* of pods; 0: the kernel's default */
	size_t n_home;
	struct fl_prefix home[FL_ROUTED_HOME_MAX]; /* this node's blocks, disjoint */
	struct fl_peers_input in;		   /* to plan the ways to the peers by */
};

/* Closes and frees what is held. */
void fl_routed_done(struct fl_routed *r);
#define fl_auto_routed fl_auto(fl_routed_done)

/*
 * The verbs. r has req, kind, own and, but for DEL and GC, conf, which becomes the request's; the
 * caller ends it with fl_routed_done(). args: the parsed CNI_ARGS.
 */
fl_must int fl_routed_add(struct fl_routed *r, const struct fl_cni_args *args,
			  struct fl_json **result, struct fl_err *err);
fl_must int fl_routed_check(struct fl_routed *r, struct fl_err *err);
fl_must int fl_routed_status(struct fl_routed *r, struct fl_err *err);

/* These look at little of the configuration, which may have become invalid. */
fl_must int fl_routed_del(const struct fl_cni_req *req, struct fl_err *err);
fl_must int fl_routed_gc(const struct fl_cni_req *req, struct fl_err *err);

/*
 * For the files of this module: finds out which blocks are the node's, and makes the IPAM
 * plugin's request. No node.json where it is needed: code FL_CNI_TRY_LATER, or
 * FL_CNI_UNAVAILABLE for STATUS.
 */
fl_must int fl_routed_begin(struct fl_routed *r, struct fl_err *err);

/* Adds a block to the node's, unless it lies in one; those in it go. -E2BIG: one too many. */
fl_must int fl_routed_add_home(struct fl_routed *r, const struct fl_prefix *block,
			       struct fl_err *err);

/* The gateway of pods, of this family. */
struct fl_ip fl_routed_gateway(bool v4);
