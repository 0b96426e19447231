// SPDX-License-Identifier: Apache-2.0
/*
 * The maps' entries, for people: a page at a time, since some maps are large and the programs go on
 * writing to them. Keys and values are those of bpf/abi.h.
 */
#pragma once

#include "agent/datapath/datapath.h"

enum dp_table {
	DP_T_FLOWS,	/* fl_flow_key, fl_flow */
	DP_T_ENDPOINTS, /* ifindex, fl_endpoint_info */
	DP_T_LOCALS,	/* fl_address_key, ifindex */
	DP_T_ADDRESSES, /* fl_address_key, fl_address_info */
	DP_T_PREFIXES,	/* fl_prefix_key, fl_prefix_info */
	DP_T_SPECIALS,	/* fl_prefix_key, fl_special */
	DP_T_SLOTS,	/* slot, fl_slot; of all that there are */
	DP_T_RULES,	/* fl_rule_key, fl_rule */
	DP_T_PORTS,	/* fl_port_key, fl_port_info */
	DP_T_FRAGMENTS, /* fl_fragment_key, fl_fragment */
	DP_T_DEVICES,	/* ifindex, fl_device */
	DP_T_TUNNELS,	/* fl_tunnel_key, fl_tunnel */
	DP_T_DENIED,	/* fl_prefix_key, a number without meaning */
	DP_TABLES,
};

#define DP_PAGE_MAX  1000 /* entries of a page */
#define DP_PLACE_MAX 64	  /* bytes */

/* Between two entries of a map. n 0: before the first, or, after a page, behind the last. */
struct dp_place {
	uint8_t v[DP_PLACE_MAX];
	size_t n;
};

/*
 * Calls each() for the entries behind *at, at most max of them (1 to DP_PAGE_MAX; where the kernel
 * hands out several together, as many as these), and moves *at. What comes and goes meanwhile is
 * told or not. -EINVAL: *at is no place of this map.
 */
fl_must int dp_dump(struct dp *d, enum dp_table table, struct dp_place *at, size_t max,
		    int (*each)(const void *key, const void *value, void *arg), void *arg,
		    struct fl_err *err);

/* Entries that the map has room for. */
uint32_t dp_capacity(const struct dp *d, enum dp_table table);

/* The clock that connections are stamped with, and the agent's switches. */
struct dp_now {
	__u32 jiffies, hz;
	struct fl_state state;
};
fl_must int dp_now(struct dp *d, struct dp_now *out, struct fl_err *err);
