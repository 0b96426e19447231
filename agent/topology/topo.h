// SPDX-License-Identifier: Apache-2.0
/* What the files of agent/topology share: the object itself and its parts. */
#pragma once

#include "agent/topology/topology.h"

#include "agent/topology/problems.h"
#include "agent/topology/set.h"
#include "net/addr.h"
#include "net/link.h"
#include "net/watch.h"

#define TOPO_TABLE "fairlead" /* of nf_tables, inet */

/* The node as the kernel shows it. */
struct topo_view {
	struct fl_link underlay; /* the interface that holds the node's address */
	struct fl_addr *addrs;	 /* of all interfaces; owned */
	size_t n_addrs;
};

/* Frees what the view holds and empties it. */
void topo_view_done(struct topo_view *v);
#define fl_auto_view fl_auto(topo_view_done)

/* Looks for the interface that holds the address. -ENODEV: none does. */
fl_must int topo_view_read(struct fl_nl *nl, const struct fl_ip *ip, struct topo_view *out,
			   struct fl_err *err);

/* Whether an address is on a link of ours, and on which; the underlay is asked first. */
bool topo_view_on_link(const struct topo_view *v, const struct fl_ip *ip, uint32_t *link);

/*
 * Has the kernel forward packets of the families in which the node has pods. Where the underlay's
 * default route comes of router advertisements, which the kernel stops to hear then, it goes on.
 */
fl_must int topo_forward(struct fl_nl *nl, const struct fl_peer *self, const char *underlay,
			 struct fl_err *err);

/* VTEPs that an earlier configuration of ours made and this one does not want. */
struct topo_stale {
	struct fl_link *links; /* owned */
	size_t n;
};

/* Frees the list and empties it. */
void topo_stale_done(struct topo_stale *s);
#define fl_auto_stale fl_auto(topo_stale_done)

struct topo {
	const struct agent_config *conf;
	char *node_name, *root;
	struct fl_nl *nl, *nft;		    /* nft: NULL until it is needed */
	struct fl_watch *watch, *nft_watch; /* nft_watch: NULL without masquerade */
	int watches;			    /* epoll descriptor of both */
	/* What was applied last: */
	struct topo_set set;
	struct topo_view view;
	struct fl_link vtep; /* index 0: none */
	bool clean;	     /* the kernel holds what set asks for, as far as we know */
	bool swept;	     /* what an earlier configuration left is removed */
	struct topo_problems problems;
	struct topo_local local;
	struct topo_stats stats;
};

/* True for the modes that have an overlay. */
bool topo_has_overlay(const struct topo *t);

/* The node's address that the VTEP sends from, or the first one; NULL: none of that family. */
const struct fl_ip *topo_local_ip(const struct topo *t, const struct fl_peer *self);

/* Finds VTEPs that are not wanted any more: by their alias, or because node.json names them. */
fl_must int topo_stale_find(struct topo *t, struct topo_stale *out, struct fl_err *err);

/* Deletes those that stand in the way of ours, or all. */
fl_must int topo_stale_remove(struct topo *t, const struct topo_stale *s, bool all,
			      struct fl_err *err);

/* Makes the node's VTEP be there and leaves it in t->vtep. *changed, when something was done. */
fl_must int topo_vtep_apply(struct topo *t, const struct fl_peer *self,
			    const struct topo_view *view, bool *changed, struct fl_err *err);

/* MTU of pods' interfaces. */
uint32_t topo_pod_mtu(const struct topo *t, const struct topo_view *view);

/* The plan of some peers; home: with the node's own blocks; complain may be NULL. */
struct topo_part {
	const struct fl_peer *peers;
	size_t n;
	const struct fl_peer *home; /* this node, or NULL */
	fl_peers_complain *complain;
	void *arg;
};
fl_must int topo_plan(const struct topo *t, const struct topo_part *part,
		      struct fl_peers_plan **out, struct fl_err *err);
