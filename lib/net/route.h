// SPDX-License-Identifier: Apache-2.0
/* Routes. "put" appends to a batch; "list" acts at once. */
#pragma once

#include "base/ip.h"
#include "net/nl.h"

enum { FL_ROUTE_TABLE_MAIN = 254, FL_ROUTE_SCOPE_GLOBAL = 0, FL_ROUTE_SCOPE_LINK = 253 };

struct fl_route {
	struct fl_prefix dst; /* host bits must be clear */
	bool has_gw;
	struct fl_ip gw;
	uint32_t link;	      /* output link's index */
	uint32_t table;	      /* FL_ROUTE_TABLE_MAIN and so on */
	uint32_t priority;    /* metric; 0: the kernel's default */
	uint32_t mtu, advmss; /* bytes; 0: none */
	uint8_t scope;	      /* FL_ROUTE_SCOPE_...; IPv6 has none */
};

/*
 * Adds the route beside any with another next hop. -EEXIST when this very route is there;
 * -ENETUNREACH when the gateway is not reachable.
 */
void fl_route_put(struct fl_batch *b, const struct fl_route *r);

/*
 * Calls each() for every unicast route through the link, in all tables, of both families; for a
 * route with several next hops, for each that is through the link.
 */
fl_must int fl_route_list(struct fl_nl *nl, uint32_t link,
			  int (*each)(const struct fl_route *route, void *arg, struct fl_err *err),
			  void *arg, struct fl_err *err);
