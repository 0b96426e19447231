// SPDX-License-Identifier: Apache-2.0
/*
 * When the kernel is looked through again: after the resync time, soon when somebody changed
 * something, and with growing pauses after a failure. A storm of changes costs at most a tenth
 * of a processor. A single one is seen to after a moment in which others may follow: it may be a
 * pod's ADD, which is not to wait until everything has been looked through. Pure: times come from
 * the caller, in milliseconds of one clock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	AGENT_PACE_SETTLE_MS = 20,
	AGENT_PACE_GAP_MIN_MS = 100,
	AGENT_PACE_GAP_MAX_MS = 500,
	AGENT_PACE_RETRY_MIN_MS = 1000,
	AGENT_PACE_LAZY_SHARE = 20,
	AGENT_PACE_LAZY_MAX_MS = 1000,
};

struct agent_pace {
	int64_t resync_ms;
	int64_t due_ms;	       /* of the next one */
	int64_t earliest_ms;   /* no sooner, whatever happens */
	unsigned int failures; /* in a row */
};

/* Begins; the first one is due at once. */
struct agent_pace agent_pace_start(int64_t now_ms, uint32_t resync_s);

/* Something was changed by somebody else. */
void agent_pace_cause(struct agent_pace *p, int64_t now_ms);

/* One is over: when it began and ended, and whether all was well. */
void agent_pace_done(struct agent_pace *p, int64_t began_ms, int64_t now_ms, bool well);

/* A change that was applied without looking at the kernel failed: a look is due soon. */
void agent_pace_failed(struct agent_pace *p, int64_t now_ms);

/* Milliseconds until the next one is due; 0: now. */
uint64_t agent_pace_wait(const struct agent_pace *p, int64_t now_ms);

/*
 * Milliseconds from a cause to a look that is in no hurry, when the last one took took_ms: so long
 * that looking takes one part in AGENT_PACE_LAZY_SHARE of the time, but AGENT_PACE_LAZY_MAX_MS at
 * most, and a moment in which others may follow at least.
 */
uint64_t agent_pace_lazy(uint64_t took_ms);
