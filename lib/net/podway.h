// SPDX-License-Identifier: Apache-2.0
/* The host's way to a routed pod: what ADD makes, and what the agent puts back. */
#pragma once

#include "base/ip.h"
#include "base/text.h"
#include "net/nl.h"

/* How many messages one takes in a batch. */
#define FL_PODWAY_MESSAGES 2

/*
 * The permanent neighbour and the route to an address of the pod behind the link, which must be up.
 * A route that is there already is another's, and stays: -EEXIST.
 */
void fl_podway_put(struct fl_batch *b, uint32_t link, const struct fl_ip *ip,
		   const uint8_t mac[FL_MAC_LEN]);
