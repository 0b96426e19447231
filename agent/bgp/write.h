// SPDX-License-Identifier: Apache-2.0
/* What the two halves of the configuration's writer share. */
#pragma once

#include <sys/socket.h>

#include "agent/bgp/plan.h"
#include "agent/bgp/text.h"
#include "base/text.h"

enum {
	BGP_KERNEL_METRIC = 32, /* of what BGP puts into the kernel: behind what others put there */
	BGP_KERNEL_SCAN_S = 1,	/* so what others take out of the kernel is soon back */
	BGP_RECOVERY_S = 30,	/* after BIRD's death: how long old routes wait for their peers */
	BGP_STARTUP_HOLD_S = 20, /* for a peer's OPEN, which it sends as soon as it is connected */
	/* BIRD takes up to a quarter off: 1.25 s and 0.75 s stay between the ends. */
	BGP_CONNECT_MESH_S = 1,
	BGP_CONNECT_NAMED_S = 3,
	BGP_CONNECT_APART_S = 2,
	BGP_BFD_MS = 300,
	BGP_BFD_TIMES = 3, /* so a cut is found after 0.9 s */
};

/* What is being written. */
struct bgp_writer {
	const struct bgp_input *in;
	const struct bgp_plan *plan;
	struct bgp_text *t;
	struct {
		bool own, nodes, inside, cluster; /* which sets there are; 0: IPv4, 1: IPv6 */
	} has[2];
};

/* '4' or '6'. */
static inline char bgp_digit(int family)
{
	return family == AF_INET ? '4' : '6';
}

/* A set of prefixes under construction: "HEAD a, b, c ]", or nothing at all. */
struct bgp_set {
	struct bgp_text *t;
	const char *head; /* borrowed */
	size_t n;
};

/* Begins, adds "PREFIX RANGE", and ends; the last one is true when something was written. */
void bgp_set_open(struct bgp_set *set, struct bgp_text *t, const char *head);
void bgp_set_add(struct bgp_set *set, const struct fl_prefix *p, const char *range);
bool bgp_set_close(struct bgp_set *set);

/* True when the block lies in one of clusterCIDRs, or there are none. */
bool bgp_in_cluster(const struct agent_bgp *conf, const struct fl_prefix *block);

/* True when the session is to be watched by BFD. */
bool bgp_session_bfd(const struct bgp_input *in, const struct bgp_session *s);

/* Writes one session. */
void bgp_write_session(struct bgp_writer *w, const struct bgp_session *s);

/* As bgp_write_config(), of a plan that is made. */
fl_must int bgp_write_plan(const struct bgp_input *in, const struct bgp_plan *plan, const char *dir,
			   char **out, struct fl_err *err);
