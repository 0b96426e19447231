// SPDX-License-Identifier: Apache-2.0
/*
 * The lease by which the datapath's programs do the VTEP's work: renewed as long as this agent
 * lives and no IPsec policy wants to be asked about what the node sends.
 */
#pragma once

#include <uv.h>

#include "agent/enforce/enforce.h"

struct lease;

/* Begins to renew it. e is borrowed until lease_close(). *out is the caller's. */
fl_must int lease_open(uv_loop_t *loop, struct enf *e, struct lease **out, struct fl_err *err);

/* Renews it at once, as after the programs were told of something. l may be NULL. */
void lease_renew(struct lease *l);

/* Ends it; the lease runs out. Memory is freed on the loop's next turns. */
void lease_close(struct lease **l);
