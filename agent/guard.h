// SPDX-License-Identifier: Apache-2.0
/*
 * NetworkPolicy on the agent's loop: objects of the manifests and the plugins' requests go to
 * agent/enforce. Nothing is put in force before all objects have been read once.
 */
#pragma once

#include <uv.h>

#include "agent/api/metrics.h"
#include "agent/config/config.h"
#include "agent/enforce/enforce.h"
#include "agent/flows.h"
#include "agent/model/node.h"
#include "agent/room.h"
#include "agent/source/manifests.h"

struct guard;

/*
 * Loads or takes over the datapath, and watches the endpoint records. *out is NULL when the
 * configuration does not ask for it. conf is borrowed for life. As enf_open() fails.
 */
fl_must int guard_open(uv_loop_t *loop, const struct agent_config *conf, const char *root,
		       const char *node_name, struct guard **out, struct fl_err *err);

/* Lets go; everything stays in force. It is freed on the loop's next turns. */
void guard_close(struct guard **g);

/* What is called after events have come, and when problems have come or gone by themselves. */
struct guard_ears {
	flows_news *news;
	room_changed *changed;
	void *arg;
};

/* Begins to read the datapath's events and to watch its maps. Nothing for NULL. */
fl_must int guard_listen(struct guard *g, uv_loop_t *loop, const struct guard_ears *ears,
			 struct fl_err *err);

/* Where all objects can be had again from, if they must be; borrowed for life. */
void guard_set_source(struct guard *g, struct src_manifests *source);

/* What the source is to call; NULL for a NULL guard. Borrowed. */
const struct src_sink *guard_sink(struct guard *g);

/*
 * Everything against what there is; nothing before the objects have been read. What was lost by a
 * lack of memory or a failed write is read anew first.
 */
void guard_reconcile(struct guard *g);

/* What lies beyond the node, as enf_set_beyond() takes it; a failure is a problem that stands. */
void guard_beyond(struct guard *g, const struct enf_beyond *b);

/* All policies are read, and in force for every endpoint; true for a NULL guard. */
bool guard_ready(const struct guard *g);

/* Policy in force for one attachment. -EAGAIN: not ready; -ENOENT: no such record or interface. */
fl_must int guard_attach(struct guard *g, const struct fl_key *key, struct fl_err *err);

/* Looks at the kernel, for guard_standing() to be true at this moment. */
void guard_look(struct guard *g);

/* NULL: policy is in force for the host interface's pod, *identity; else why not, in words. */
const char *guard_standing(const struct guard *g, const char *host_ifname, uint32_t *identity);

/*
 * The compiler's world, borrowed until the next turn of the loop, once it is in force. -ENOENT:
 * policies are not enforced; -EAGAIN: not all objects have been read.
 */
fl_must int guard_world(const struct guard *g, const struct pol_world **out, struct fl_err *err);

/* Whether the node has the address itself; arg is the guard. Only after guard_world() said yes. */
bool guard_has_address(const struct fl_ip *ip, const void *arg);

/* The datapath, borrowed; only after guard_world() said yes. */
struct dp *guard_datapath(struct guard *g);

/* The events, borrowed; only after guard_world() said yes. */
const struct flows *guard_flows(const struct guard *g);

/* Events that the programs did not send, or had no room for, since they were loaded. */
fl_must int guard_events_lost(struct guard *g, uint64_t *out, struct fl_err *err);

/* Says of every problem that stands. */
void guard_problems(const struct guard *g, agent_complain *each, void *arg);

/* Packets by reason, connections, policies and so on. */
void guard_metrics(struct guard *g, struct api_metrics *m);
