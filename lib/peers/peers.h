// SPDX-License-Identifier: Apache-2.0
/*
 * Ways to the pods of other nodes. A plan is what the kernel should hold: for each block of a
 * peer a route, and through an overlay a neighbour for the route's gateway, and for each
 * peer a forwarding entry. A plan is data, sorted, without duplicates: two of them are compared,
 * and the difference is applied by replacing, so that no packet finds a hole.
 *
 *   overlay   BLOCK via BASE dev VTEP onlink    BASE is the block's first address; for IPv6, the
 *	       BASE lladdr MAC dev VTEP		 link-local address that follows from MAC
 *	       MAC dst NODE dev VTEP		 MAC is the peer's VTEP's
 *   direct    BLOCK via NODE
 *   home      blackhole BLOCK metric 1024	 what no pod of ours has goes nowhere
 */
#pragma once

#include "net/neigh.h"
#include "net/route.h"

#define FL_PEER_CIDRS_MAX 16
#define FL_PEER_IPS_MAX	  2
#define FL_PEERS_MAX	  16384

enum fl_peers_way {
	FL_PEERS_OVERLAY,
	FL_PEERS_DIRECT, /* through the node's address, which must be on a link of ours */
	FL_PEERS_EITHER, /* direct where the node is on a link of ours, else overlay */
	FL_PEERS_NONE,	 /* somebody else makes the routes (BGP) */
};

/* Another node. */
struct fl_peer {
	const char *name; /* for errors; borrowed */
	size_t n_ips;
	struct fl_ip ips[FL_PEER_IPS_MAX]; /* one a family; the first one names its VTEP's MAC */
	bool has_mac;			   /* a VTEP that is not ours: its own MAC */
	uint8_t mac[FL_MAC_LEN];
	size_t n_cidrs;
	struct fl_prefix cidrs[FL_PEER_CIDRS_MAX]; /* its pods' blocks; host bits clear */
};

/* What a plan is made from. */
struct fl_peers_input {
	enum fl_peers_way way;
	uint8_t protocol;    /* FL_ROUTE_BY_PEERS or FL_ROUTE_BY_AGENT, on each route */
	uint32_t vtep;	     /* link index; 0: there is none */
	int underlay_family; /* of the VTEP: AF_INET or AF_INET6 */
	uint32_t route_mtu;  /* on each route; 0: none */
	size_t n_home;
	const struct fl_prefix *home; /* this node's own blocks */
	size_t n_peers;
	const struct fl_peer *peers;
	/* Says whether an address is on a link of ours, and on which. For DIRECT and EITHER. */
	bool (*on_link)(const struct fl_ip *ip, uint32_t *link, void *arg);
	void *arg;
};

struct fl_peers_plan; /* routes, neighbours, forwarding entries */

/* Frees the plan. */
void fl_peers_plan_free(struct fl_peers_plan **p);
#define fl_auto_peers_plan fl_auto(fl_peers_plan_free)

/* What is said of a peer that cannot be reached as asked; the others are not touched by it. */
typedef void fl_peers_complain(const struct fl_peer *peer, const struct fl_err *why, void *arg);

/*
 * Computes the plan; pure. A block that cannot be reached as asked, for want of an address of the
 * peer or of a link of ours, is left out; so is one that this node or a peer before has, and a
 * peer whose VTEP has the MAC address of one before. Each peer is complained about once. *out is
 * the caller's. -E2BIG: more than the limits above.
 */
fl_must int fl_peers_plan(const struct fl_peers_input *in, fl_peers_complain *complain, void *arg,
			  struct fl_peers_plan **out, struct fl_err *err);

/*
 * What the kernel holds: the main table's routes of this protocol, and every permanent neighbour
 * and forwarding entry of the VTEP (0: none). *out is the caller's.
 */
fl_must int fl_peers_read(struct fl_nl *nl, uint8_t protocol, uint32_t vtep,
			  struct fl_peers_plan **out, struct fl_err *err);

/* How many objects were put in place, and how many removed. */
struct fl_peers_count {
	size_t put, removed;
};

/*
 * Turns have into want (NULL: nothing): first what a packet needs last (forwarding entries,
 * neighbours, then routes) is put, then what is not wanted is removed, routes first. Goes on after
 * an object that the kernel refuses; the first refusal is the error, and calling again tries
 * again. A route of another protocol is never replaced: -EEXIST, and the text says whose it is.
 * count is written in any case.
 */
fl_must int fl_peers_apply(struct fl_nl *nl, const struct fl_peers_plan *have,
			   const struct fl_peers_plan *want, struct fl_peers_count *count,
			   struct fl_err *err);

/* True when both hold the same. */
bool fl_peers_plan_equal(const struct fl_peers_plan *a, const struct fl_peers_plan *b);

/* The plan's parts, sorted; borrowed. */
const struct fl_route *fl_peers_plan_routes(const struct fl_peers_plan *p, size_t *n);
const struct fl_neigh *fl_peers_plan_neighs(const struct fl_peers_plan *p, size_t *n);
const struct fl_fdb *fl_peers_plan_fdb(const struct fl_peers_plan *p, size_t *n);

/* Takes the routes out of a plan that keep() does not want: as if they were nobody's. */
void fl_peers_plan_keep(struct fl_peers_plan *p, bool (*keep)(const struct fl_route *r, void *arg),
			void *arg);

/* An object that is wanted and not there; borrowed. One of them is set. */
struct fl_peers_missing {
	const struct fl_route *route;
	const struct fl_neigh *neigh;
	const struct fl_fdb *fdb;
};

/* True when something that is wanted is not had; *out is the first. More is no matter. */
bool fl_peers_plan_missing(const struct fl_peers_plan *want, const struct fl_peers_plan *have,
			   struct fl_peers_missing *out);
