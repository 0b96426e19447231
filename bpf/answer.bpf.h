// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What has been asked about a new connection before, and allowed: who opens connections opens many
 * to the same place. Kept on each processor are the ends, the destination's port, and all that the
 * maps have said of them, until the generation changes, as for connections that are known: whatever
 * would make a new connection be judged in another way raises it.
 *
 * Not kept is what is not settled: what is not allowed, an end that was being written or that
 * nothing may pass yet, a pod that may have connections from before. Nor is netfilter's hook asked,
 * which may interrupt itself. What does not fit costs its place, never a packet.
 *
 * With it is kept what entry such a connection has, where plain packets open it: bpf/open.bpf.h.
 */
#pragma once

#include "bpf/act.bpf.h"

/* What is asked. */
struct fl_question {
	struct fl_in src, dst;
	__u32 zone;
	__u16 dport_be;
	__u8 proto, pad;
};

struct fl_answer {
	struct fl_question is;
	__u32 generation;    /* under which it was allowed */
	__u32 met;	     /* 1 + enum fl_hook, where flow and told are good; 0: nowhere */
	struct fl_flow flow; /* the entry, but for when it is seen, and TCP's flags */
	struct fl_told told; /* but for the length and the reason */
	struct fl_case c;
};

enum { FL_ANSWER_BITS = 6 };

struct fl_answer_set {
	struct fl_answer at[1 << FL_ANSWER_BITS];
};

/* One set a processor. Where two meet, the later one stays. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fl_answer_set);
} fl_answers SEC(".maps");

/* The place of what is asked about the packet; or NULL. */
static __always_inline struct fl_answer *fl_answer_at(const struct fl_packet *p)
{
	__u32 index = p->src.w_be[3] * 0x9e3779b1 + p->dst.w_be[3], zero = 0;
	struct fl_answer_set *set = bpf_map_lookup_elem(&fl_answers, &zero);

	index = (index ^ (__u32)p->dport_be << 8 ^ p->proto) * 0x85ebca77;
	return set ? &set->at[index >> (32 - FL_ANSWER_BITS)] : NULL;
}

/* True when that is what is asked about the packet. */
static __always_inline bool fl_answer_is(const struct fl_question *is, const struct fl_packet *p,
					 __u32 zone)
{
	return fl_in_equal(&is->src, &p->src) && fl_in_equal(&is->dst, &p->dst) &&
	       is->zone == zone && is->dport_be == p->dport_be && is->proto == p->proto;
}

/* True when it has been allowed under the generation before; *c is then what was found. */
static __always_inline bool fl_answer_find(const struct fl_packet *p, __u32 zone, __u32 generation,
					   struct fl_case *c)
{
	const struct fl_answer *a = fl_answer_at(p);

	if (!a || a->generation != generation || !fl_answer_is(&a->is, p, zone))
		return false;
	*c = a->c;
	return true;
}

/* True when the end is as it will be until the generation changes. */
static __always_inline bool fl_end_is_settled(const struct fl_end *e)
{
	return !e->vague && !e->shut && !e->pick_up_until_s;
}

/*
 * Keeps what has been allowed, and its entry, as it has been judged. met: see struct fl_answer.
 */
static __always_inline void fl_answer_keep(const struct fl_packet *p, const struct fl_case *c,
					   const struct fl_flow *f, const struct fl_told *told,
					   __u32 zone, __u32 met)
{
	struct fl_answer *a = fl_answer_at(p);

	if (!a || !fl_end_is_settled(&c->from) || !fl_end_is_settled(&c->to))
		return;
	a->is.src = p->src;
	a->is.dst = p->dst;
	a->is.zone = zone;
	a->is.dport_be = p->dport_be;
	a->is.proto = p->proto;
	a->c = *c;
	a->flow = *f;
	a->told = *told;
	a->told.zone = zone;
	a->met = met;
	a->generation = f->generation;
}
