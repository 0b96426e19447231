// SPDX-License-Identifier: Apache-2.0
/*
 * What the programs tell of single packets: new connections, and what is dropped. They write into a
 * ring that nobody has to read: what does not fit is lost, and counted (dp_counts()).
 */
#pragma once

#include "agent/datapath/datapath.h"

struct dp_events;

/* A reader of the ring; there may be one at a time. *out is the caller's, and goes before d. */
fl_must int dp_events_open(struct dp *d, struct dp_events **out, struct fl_err *err);

/* Frees it; what has not been read stays for the next one. */
void dp_events_close(struct dp_events **e);
#define fl_auto_dp_events fl_auto(dp_events_close)

/* A descriptor that polls readable while there is something to read; borrowed. */
int dp_events_fd(const struct dp_events *e);

/* Calls each() for what there is, oldest first, but at most max times. Returns how often. */
size_t dp_events_read(struct dp_events *e, size_t max,
		      void (*each)(const struct fl_event *event, void *arg), void *arg);

/* Events that were not sent, or that there was no room for, since the programs were loaded first.
 */
fl_must int dp_events_lost(struct dp *d, uint64_t *out, struct fl_err *err);
