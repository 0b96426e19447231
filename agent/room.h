// SPDX-License-Identifier: Apache-2.0
/*
 * Whether there is room in the datapath's maps. Connections are swept here, part by part with
 * pauses, since half a million of them take longer than the loop may wait. What is full, or nearly,
 * is a problem, and in the file that the plugins read (state/full.h): from ROOM_FULL percent of a
 * map's entries on, until there are less than ROOM_FREE.
 */
#pragma once

#include <uv.h>

#include "agent/api/metrics.h"
#include "agent/enforce/enforce.h"
#include "agent/model/node.h"

enum { ROOM_FULL = 95, ROOM_FREE = 90 }; /* percent */

struct room;

/* Called when something has become full, or is not any more. */
typedef void room_changed(void *arg);

/* Begins with nothing known. e and root are borrowed until room_close(). *out is the caller's. */
fl_must int room_open(uv_loop_t *loop, struct enf *e, const char *root, room_changed *changed,
		      void *arg, struct room **out, struct fl_err *err);

/* Ends it; memory is freed on the loop's next turns. The file stays. */
void room_close(struct room **r);

/* Begins to sweep connections, unless that is going on. */
void room_sweep(struct room *r);

/* Looks again what is in use, after something was put into the maps. failed: that, or NULL. */
void room_look(struct room *r, const struct fl_err *failed);

/* The same after something that did not fail: what was refused before still is. */
void room_count(struct room *r);

/* The programs have refused a connection for want of room. */
void room_flows_full(struct room *r);

/* Says what is full. */
void room_problems(const struct room *r, agent_complain *each, void *arg);

/* Entries and capacities of the maps. */
void room_metrics(const struct room *r, struct api_metrics *m);
