// SPDX-License-Identifier: Apache-2.0
/*
 * IPsec: while the node has any policy of it, whatever that is about, all that goes between nodes
 * goes by the stack, which knows what has to be encrypted. And the lease by which the datapath's
 * programs do the VTEP's work: renewed as long as this agent lives and there is no such policy.
 */
#pragma once

#include <uv.h>

#include "agent/enforce/enforce.h"

struct lease;

/*
 * Looks for policies, and then whenever there may be others. e is borrowed until lease_close().
 * *out is the caller's.
 */
fl_must int lease_open(uv_loop_t *loop, struct enf *e, struct lease **out, struct fl_err *err);

/* Looks and renews at once, as after the programs were told of something. l may be NULL. */
void lease_renew(struct lease *l);

/* Ends it; the lease runs out. Memory is freed on the loop's next turns. */
void lease_close(struct lease **l);
