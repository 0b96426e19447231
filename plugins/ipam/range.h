// SPDX-License-Identifier: Apache-2.0
/*
 * Address ranges: what "ipam.ranges" describes, and arithmetic on it. A range is a piece of a
 * subnet, a set is a pool of ranges from which one address is given out.
 * Pure: no allocation but in ipam_set_add(), no I/O.
 */
#pragma once

#include "base/ip.h"

#include <stddef.h>

struct ipam_range {
	struct fl_prefix subnet;
	struct fl_ip start, end; /* both inclusive */
	struct fl_ip gateway;	 /* never given out, need not lie inside */
};

struct ipam_set {
	struct ipam_range *ranges; /* owned; in the order in which they are used up */
	size_t n;
};

/* As they stand in the configuration: what is not given is NULL. */
struct ipam_range_text {
	const struct fl_ip *start, *end, *gateway;
};

/*
 * Makes a range of a subnet and what else is given, with the reference plugin's defaults: the
 * gateway and the start are the first address after the network's, the end is the last address
 * (IPv4: the one before broadcast). -EINVAL, and *bad_key is the configuration key at fault.
 */
fl_must int ipam_range_make(const struct fl_prefix *subnet, const struct ipam_range_text *given,
			    struct ipam_range *out, const char **bad_key, struct fl_err *err);

/* True when ip lies in [start, end]. */
bool ipam_range_contains(const struct ipam_range *r, const struct fl_ip *ip);

/* True when the two have an address between start and end in common. */
bool ipam_range_overlaps(const struct ipam_range *a, const struct ipam_range *b);

/* Frees the ranges and empties the set. */
void ipam_set_done(struct ipam_set *set);

/* Appends a range. -ENOMEM. */
fl_must int ipam_set_add(struct ipam_set *set, const struct ipam_range *r, struct fl_err *err);

/* The index of the range that holds ip, or -1. */
int ipam_set_find(const struct ipam_set *set, const struct fl_ip *ip);

/* True when a range of one overlaps a range of the other. */
bool ipam_set_overlaps(const struct ipam_set *a, const struct ipam_set *b);

/* "start-end, start-end", cut where it does not fit. Returns out. */
const char *ipam_set_format(const struct ipam_set *set, char *out, size_t size);

/*
 * Walks a set in the order of the reference plugin: from the address after last to the end of
 * its range, on through the following ranges, round to the first, and up to last itself;
 * without a last (NULL, or outside the set) from the first range's start. The walk goes in
 * pieces: each step gives one stretch of addresses within one range.
 */
struct ipam_walk {
	const struct ipam_set *set;
	size_t first, step; /* the range begun in; pieces given so far */
	bool in_middle;
	struct fl_ip last;
};

/* Starts a walk. */
struct ipam_walk ipam_walk_begin(const struct ipam_set *set, const struct fl_ip *last);

/* The next stretch [*from, *to] and its range; NULL at the end. Never an empty stretch. */
const struct ipam_range *ipam_walk_next(struct ipam_walk *w, struct fl_ip *from, struct fl_ip *to);
