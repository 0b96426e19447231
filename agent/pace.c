// SPDX-License-Identifier: Apache-2.0
/* When the next look is due. */
#include "agent/pace.h"

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

struct agent_pace agent_pace_start(int64_t now_ms, uint32_t resync_s)
{
	return (struct agent_pace){
		.resync_ms = (int64_t)resync_s * 1000,
		.due_ms = now_ms,
		.earliest_ms = now_ms,
	};
}

void agent_pace_cause(struct agent_pace *p, int64_t now_ms)
{
	p->due_ms = least(p->due_ms, most(now_ms + AGENT_PACE_SETTLE_MS, p->earliest_ms));
}

void agent_pace_done(struct agent_pace *p, int64_t began_ms, int64_t now_ms, bool well)
{
	int64_t gap = 10 * (now_ms - began_ms), next = p->resync_ms;

	gap = least(most(gap, AGENT_PACE_GAP_MIN_MS), AGENT_PACE_GAP_MAX_MS);
	p->earliest_ms = now_ms + gap;
	if (well)
		p->failures = 0;
	else if (p->failures < 16)
		p->failures++;
	if (p->failures)
		next = least(next, (int64_t)AGENT_PACE_RETRY_MIN_MS << (p->failures - 1));
	p->due_ms = now_ms + next;
}

void agent_pace_failed(struct agent_pace *p, int64_t now_ms)
{
	p->due_ms = least(p->due_ms, most(now_ms + AGENT_PACE_GAP_MIN_MS, p->earliest_ms));
}

uint64_t agent_pace_wait(const struct agent_pace *p, int64_t now_ms)
{
	return p->due_ms > now_ms ? (uint64_t)(p->due_ms - now_ms) : 0;
}

uint64_t agent_pace_lazy(uint64_t took_ms)
{
	if (took_ms >= AGENT_PACE_LAZY_MAX_MS)
		return AGENT_PACE_LAZY_MAX_MS;
	return (uint64_t)least(
		most((int64_t)took_ms * (AGENT_PACE_LAZY_SHARE - 1), AGENT_PACE_SETTLE_MS),
		AGENT_PACE_LAZY_MAX_MS);
}
