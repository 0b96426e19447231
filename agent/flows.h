// SPDX-License-Identifier: Apache-2.0
/*
 * The datapath's events on the agent's loop: read as they come, in gulps with pauses between, so
 * that a flood of them costs a bounded part of a processor; and told to whom asks.
 */
#pragma once

#include <uv.h>

#include "agent/datapath/events.h"
#include "agent/enforce/enforce.h"
#include "agent/flowlog.h"

struct flows;

/* What is called after events have come. */
typedef void flows_news(void *arg);

/* Begins to read. e is borrowed until flows_close(). *out is the caller's. */
fl_must int flows_open(uv_loop_t *loop, struct enf *e, flows_news *news, void *arg,
		       struct flows **out, struct fl_err *err);

/* Ends it at once; memory is freed on the loop's next turns. */
void flows_close(struct flows **f);
#define flows_auto fl_auto(flows_close)

/* The log; borrowed. */
const struct flowlog *flows_log(const struct flows *f);

/* True when an event since the last call said that there is no room for a connection. */
bool flows_take_full(struct flows *f);

/* Events read since the start. */
uint64_t flows_read(const struct flows *f);
