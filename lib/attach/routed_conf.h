// SPDX-License-Identifier: Apache-2.0
/*
 * The configuration of routed networks, as vxlan and bgp-route both have it: the common keys, the
 * node's own blocks, and, where there is no agent, the other nodes. Pure. Strings are borrowed
 * from the request; errors name the path. The plugins' README.md documents the keys.
 */
#pragma once

#include "attach/conf.h"
#include "peers/peers.h"

#define FL_ROUTED_HOME_MAX 64 /* blocks of this node */

struct fl_routed_conf {
	struct fl_attach_conf pod; /* what all plugins have; there is an IPAM plugin */
	bool ip_masq;
	bool has_peers;	     /* false: the agent knows them */
	bool blocks_of_node; /* host-local without ranges: they are in node.json */
	size_t n_peers, n_home;
	struct fl_peer *peers;			   /* owned */
	struct fl_prefix home[FL_ROUTED_HOME_MAX]; /* of host-local's ranges; sorted, disjoint */
};

/* Frees what is held and empties the struct. */
void fl_routed_conf_done(struct fl_routed_conf *conf);
#define fl_auto_routed_conf fl_auto(fl_routed_conf_done)

/*
 * Reads and validates. args: the parsed CNI_ARGS; overlay: the peers have VTEPs. Refused are blocks
 * that overlap each other or this node's, an address that two peers have, or that lies in a block,
 * and VTEPs with one MAC address. -EINVAL with code FL_CNI_CONFIG or FL_CNI_ENV.
 */
fl_must int fl_routed_conf_read(const struct fl_cur *c, const struct fl_cni_args *args,
				bool overlay, struct fl_routed_conf *out, struct fl_err *err);

/* Refuses a peer that has this address of the node. */
fl_must int fl_routed_conf_check_own(const struct fl_routed_conf *conf, const struct fl_ip *ip,
				     struct fl_err *err);

/* The same, and a block that holds it, through which packets to the peers would run in a circle. */
fl_must int fl_routed_conf_check_local(const struct fl_routed_conf *conf, const struct fl_ip *local,
				       struct fl_err *err);

/* Refuses blocks of this node that overlap a peer's. */
fl_must int fl_routed_conf_check_home(const struct fl_routed_conf *conf,
				      const struct fl_prefix *home, size_t n, struct fl_err *err);
