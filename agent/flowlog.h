// SPDX-License-Identifier: Apache-2.0
/*
 * The last events of the datapath, with the names that their numbers and addresses had when they
 * happened: who it was, and which policy decided. Kept in memory only, FLOWLOG_MAX of them. Each
 * has a number; the numbers of a later agent are higher. docs/api.md has the document.
 */
#pragma once

#include "agent/policy/names.h"
#include "bpf/abi.h"

#define FLOWLOG_MAX	 8192
#define FLOWLOG_PAGE_MAX 1000 /* events in one answer */

struct flowlog;

/* An empty log. *out is the caller's. */
fl_must int flowlog_new(struct flowlog **out, struct fl_err *err);

/* Frees it. */
void flowlog_free(struct flowlog **l);
#define fl_auto_flowlog fl_auto(flowlog_free)

/* Says that names may have changed since the last event; until the next call they do not. */
void flowlog_begin(struct flowlog *l);

/*
 * Notes an event. pod: who is behind the interface where it was seen, which the addresses need not
 * tell, or NULL. w NULL, and lack of memory: without names.
 */
void flowlog_add(struct flowlog *l, const struct pol_world *w, const struct fl_event *e,
		 const struct pol_who *pod);

/* Which events are wanted. */
struct flowlog_query {
	uint64_t after;	 /* only those with a higher number */
	bool has_after;	 /* else: the last ones */
	bool drops;	 /* only what was dropped */
	const char *pod; /* "namespace/name" at either end; NULL: any */
	size_t max;	 /* 1 to FLOWLOG_PAGE_MAX */
};

/*
 * {"next","lost","flows":[...]}, oldest first. next: where to go on from; lost: events that were
 * asked for and are not in memory any more. *n says how many there are. *out is the caller's.
 */
fl_must int flowlog_json(const struct flowlog *l, const struct pol_world *w,
			 const struct flowlog_query *q, struct fl_json **out, size_t *n,
			 struct fl_err *err);

/* "tcp", "icmpv6", a number for what is not known, written to out. */
const char *flowlog_proto_text(uint8_t proto, char out[8]);
