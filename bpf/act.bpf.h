// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The only place that ends a packet's way: counts the reason, sends an event where one is due, and
 * turns the reason into what the kernel understands.
 */
#pragma once

#include <linux/pkt_cls.h>

#include "bpf/policy.bpf.h"

/* Counts a packet of so many bytes under its reason. */
static __always_inline void fl_count_bytes(__u64 bytes, __u8 reason, __u8 dir)
{
	__u32 index = reason * FL_DIRS + dir;
	struct fl_count *count = bpf_map_lookup_elem(&fl_counts, &index);

	if (!count)
		return;
	count->packets++;
	count->bytes += bytes;
}

/* Counts the packet under its reason. */
static __always_inline void fl_count(struct __sk_buff *skb, __u8 reason, __u8 dir)
{
	fl_count_bytes(skb->len, reason, dir);
}

/* The same where what also counts may come between. */
static __always_inline void fl_count_amid(__u64 bytes, __u8 reason, __u8 dir)
{
	__u32 index = reason * FL_DIRS + dir;
	struct fl_count *count = bpf_map_lookup_elem(&fl_counts, &index);

	if (!count)
		return;
	__sync_fetch_and_add(&count->packets, 1);
	__sync_fetch_and_add(&count->bytes, bytes);
}

/* Counts what policy has said of a new connection, whoever comes between. */
static __always_inline void fl_count_verdict(enum fl_verdict verdict, __u8 dir)
{
	__u32 index = verdict * FL_DIRS + dir;
	__u64 *count = bpf_map_lookup_elem(&fl_verdicts, &index);

	if (count)
		__sync_fetch_and_add(count, 1);
}

/* True when this processor may send one more event. */
static __always_inline bool fl_event_allowed(void)
{
	__u64 jiffy = bpf_jiffies64(), more, left;
	__u32 zero = 0;
	struct fl_budget *b = bpf_map_lookup_elem(&fl_budgets, &zero);

	if (!b)
		return false;
	if (b->jiffy != jiffy) {
		more = (jiffy - b->jiffy) * FL_EVENTS_JIFFY;
		b->jiffy = jiffy;
		b->left = b->left + more < FL_EVENTS_BURST ? b->left + more : FL_EVENTS_BURST;
	}
	left = b->left;
	if (left == 0) {
		__sync_fetch_and_add(&b->lost, 1);
		return false;
	}
	/* What comes between may have taken some, too: a few more than allowed. */
	b->left = left - 1;
	return true;
}

/* Counts an event that there was no room for. */
static __always_inline void fl_event_lost(void)
{
	__u32 zero = 0;
	struct fl_budget *b = bpf_map_lookup_elem(&fl_budgets, &zero);

	if (b)
		__sync_fetch_and_add(&b->lost, 1);
}

/* What an event tells beside the packet. */
struct fl_told {
	__u32 zone, identity, origin;
	__u32 length; /* of the packet as it came: it may be wrapped up by now */
	__u8 reason, dir;
};

/* Sends an event about the packet, if this processor may. */
static __noinline int fl_tell(struct __sk_buff *skb, struct fl_packet *p, struct fl_told *told)
{
	struct fl_event *e;

	if (!fl_event_allowed())
		return 0;
	e = bpf_ringbuf_reserve(&fl_events, sizeof(*e), 0);
	if (!e) {
		fl_event_lost();
		return 0;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->when_ns = bpf_ktime_get_ns();
	e->src = p->src;
	e->dst = p->dst;
	e->sport_be = p->sport_be;
	e->dport_be = p->dport_be;
	e->ifindex = skb->ifindex;
	e->zone = told->zone;
	e->identity = told->identity;
	e->origin = told->origin;
	e->length = told->length > 65535 ? 65535 : told->length;
	e->proto = p->proto;
	e->dir = told->dir;
	e->reason = told->reason;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* Ends the packet's way. tell: an event even though it passes (a new connection). */
static __always_inline int fl_finish(struct __sk_buff *skb, struct fl_packet *p,
				     struct fl_told *told, bool tell)
{
	fl_count_bytes(told->length, told->reason, told->dir);
	if (tell || fl_is_drop(told->reason))
		fl_tell(skb, p, told);
	return fl_is_drop(told->reason) ? TC_ACT_SHOT : TC_ACT_OK;
}
