// SPDX-License-Identifier: Apache-2.0
/*
 * What a routed network without an agent needs on the node beside its pods: the overlay's
 * device, the ways to its peers, the node's own blocks, masquerade. Each ADD makes it what the
 * configuration says, with the folder of network records locked; so two at once do not fight, and
 * what one network put is never touched by another.
 */
#pragma once

#include "attach/routed.h"

/* What an ADD has begun, to be undone. */
struct fl_ways {
	bool made;	  /* the network was not there before */
	bool made_device; /* nor was its device */
};

/*
 * Makes all of it be there, for r->home. -EEXIST with code FL_CNI_CONFIG: another network that has
 * pods uses the device, or has a route to one of the blocks.
 */
fl_must int fl_ways_ensure(struct fl_routed *r, struct fl_ways *w, struct fl_err *err);

/* Takes away what this ADD has made, unless another attachment uses it by now. Never fails. */
void fl_ways_undo(struct fl_routed *r, const struct fl_ways *w);

/* CHECK: all of it is there. Otherwise -ENOENT with code FL_CNI_DRIFT. */
fl_must int fl_ways_check(struct fl_routed *r, struct fl_err *err);
