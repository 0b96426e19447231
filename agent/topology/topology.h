// SPDX-License-Identifier: Apache-2.0
/*
 * Makes the kernel lead to the pods of all nodes: what should be (nodes and configuration), what
 * is (dumped), the difference, by replacing. On every change, at start, on a timer, and when
 * netlink says that somebody else changed something. Owns: the VTEP and all on it, the main
 * table's routes of protocol 172, the nf_tables table "inet fairlead", node.json.
 */
#pragma once

#include "agent/config/config.h"
#include "agent/model/node.h"
#include "net/link.h"
#include "net/neigh.h"

struct topo;

/* Opens the sockets; changes nothing yet. root: FAIRLEAD_ROOT. conf is borrowed for life. */
fl_must int topo_open(const struct agent_config *conf, const char *node_name, const char *root,
		      struct topo **out, struct fl_err *err);

/* Closes the sockets; what is in the kernel stays. */
void topo_close(struct topo **t);

enum topo_effort {
	TOPO_CHANGE, /* the nodes changed: against what was applied last, without reading the kernel
		      */
	TOPO_FULL,   /* against what the kernel holds */
};

/*
 * Makes it so. Problems (a peer that cannot be reached as asked, a port in use) are kept and do not
 * keep the rest from being done; the first is the error.
 */
fl_must int topo_reconcile(struct topo *t, const struct agent_cluster *nodes,
			   enum topo_effort effort, struct fl_err *err);

/*
 * The descriptor to watch, and what to do when it is readable: true when a FULL one is due, since
 * somebody else changed links, addresses, routes, what is on the VTEP, or our nf_tables table.
 */
int topo_watch_fd(const struct topo *t);
bool topo_watch_take(struct topo *t);

/* An interface by which packets leave for other nodes or the world, with Ethernet frames. */
struct topo_device {
	uint32_t link;
	bool overlay; /* the VTEP; else of the underlay */
	char name[16];
};

/*
 * Those of the last reconcile: the VTEP, the one that has the node's address, and whatever the main
 * table's routes lead to next hops through. *out is the caller's, to be freed.
 */
fl_must int topo_devices(const struct topo *t, struct topo_device **out, size_t *n,
			 struct fl_err *err);

/* How the VTEP wraps up what it sends to other nodes. */
struct topo_tunnels {
	uint32_t
		link; /* the VTEP's index; 0: there is none, or what it does is not all said here */
	struct fl_vxlan vxlan;
	uint16_t sport_first, sports; /* UDP ports that it sends from: so many */
	uint8_t ttl;
	struct fl_fdb *to; /* owned */
	size_t n;
};

/* Frees what is owned and empties it. */
void topo_tunnels_done(struct topo_tunnels *t);

/* Those of the last reconcile. *out is the caller's. */
fl_must int topo_tunnels(const struct topo *t, struct topo_tunnels *out, struct fl_err *err);

/* Calls each() for every problem that stands; where names the node or object. */
void topo_problems(const struct topo *t, agent_complain *each, void *arg);

/* For the API: the documents that docs/api.md describes under /v1/peers and /v1/routes. */
fl_must int topo_peers_json(const struct topo *t, struct fl_json **out, struct fl_err *err);
fl_must int topo_routes_json(const struct topo *t, struct fl_json **out, struct fl_err *err);

/* This node's address, interface and MTUs as last seen, for status; zero where unknown. */
struct topo_local {
	struct fl_ip ip;
	char underlay[16];
	uint32_t underlay_mtu, pod_mtu;
	bool applied; /* the last reconcile did all it wanted */
};

/* What they are. */
struct topo_local topo_local(const struct topo *t);

/* Counts for metrics. */
struct topo_stats {
	uint64_t reconciles, failed_reconciles, objects_put, objects_removed;
	uint64_t drift;		      /* objects that a FULL one had to mend */
	double last_s, last_change_s; /* how long the last FULL and CHANGE took, seconds */
	size_t peers, routes, neighbours, fdb;
};

/* What the counts are now. */
struct topo_stats topo_stats(const struct topo *t);
