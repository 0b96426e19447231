// SPDX-License-Identifier: Apache-2.0
/* Routes. "put" appends to a batch; "list" and "lookup" act at once. */
#pragma once

#include "base/ip.h"
#include "net/nl.h"

enum { FL_ROUTE_TABLE_MAIN = 254, FL_ROUTE_SCOPE_GLOBAL = 0, FL_ROUTE_SCOPE_LINK = 253 };

/*
 * Who made a route, as "ip route" shows it under "proto". Everything of ours on the host carries
 * one of these, so that what is ours can be told from what is not, and what a plugin made
 * from what the agent made.
 */
enum {
	FL_ROUTE_BY_POD = 170,	 /* a plugin: to one pod */
	FL_ROUTE_BY_PEERS = 171, /* a plugin: to the peers that its configuration names */
	FL_ROUTE_BY_AGENT = 172, /* the agent: to peers, and the node's own blocks */
};

enum fl_route_type { FL_ROUTE_UNICAST, FL_ROUTE_BLACKHOLE };

struct fl_route {
	struct fl_prefix dst; /* host bits must be clear */
	enum fl_route_type type;
	bool has_gw, onlink; /* onlink: the gateway is on the link whatever its address */
	struct fl_ip gw;
	uint32_t link;	      /* output link's index; 0: by the gateway, or a blackhole */
	uint32_t table;	      /* FL_ROUTE_TABLE_MAIN and so on */
	uint32_t priority;    /* metric; 0: the kernel's default */
	uint32_t mtu, advmss; /* bytes; 0: none */
	uint8_t scope;	      /* FL_ROUTE_SCOPE_...; IPv6 has none */
	uint8_t protocol;     /* FL_ROUTE_BY_...; 0: as by hand (boot) */
	bool has_src;
	struct fl_ip src; /* preferred source */
	bool local;	  /* fl_route_lookup() only: the address is this machine's own */
};

/*
 * Adds the route beside any with another next hop. -EEXIST when this very route is there;
 * -ENETUNREACH when the gateway is not reachable.
 */
void fl_route_put(struct fl_batch *b, const struct fl_route *r);

/*
 * Adds the route where no other leads to the same destination with the same metric; -EEXIST
 * where one does, whoever made it.
 */
void fl_route_put_new(struct fl_batch *b, const struct fl_route *r);

/* Makes the route be there, in place of the one to the same destination with the same metric. */
void fl_route_put_replace(struct fl_batch *b, const struct fl_route *r);

/* Removes the route; one that is not there counts as removed. Only of the same protocol. */
void fl_route_put_del(struct fl_batch *b, const struct fl_route *r);

/*
 * Calls each() for every unicast route through the link, in all tables, of both families; for a
 * route with several next hops, for each that is through the link.
 */
fl_must int fl_route_list(struct fl_nl *nl, uint32_t link,
			  int (*each)(const struct fl_route *route, void *arg, struct fl_err *err),
			  void *arg, struct fl_err *err);

/*
 * Calls each() for every route of the main table, unicast or blackhole, that this protocol made,
 * or (0) any; a route with several next hops, once for each.
 */
fl_must int fl_route_list_by(struct fl_nl *nl, uint8_t protocol,
			     int (*each)(const struct fl_route *route, void *arg,
					 struct fl_err *err),
			     void *arg, struct fl_err *err);

/*
 * The route that the kernel would take to the address now: link, gateway if any, source and MTU
 * (0: the link's). -ENETUNREACH: none.
 */
fl_must int fl_route_lookup(struct fl_nl *nl, const struct fl_ip *to, struct fl_route *out,
			    struct fl_err *err);
