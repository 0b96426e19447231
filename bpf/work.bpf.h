// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What every program does between parsing and acting: finds the packet's connection, has it judged
 * where that is due, and decides which way it goes on. Reads and writes maps, and no packet.
 */
#pragma once

#include "bpf/act.bpf.h"

/* Where a packet is met. */
enum fl_hook { FL_FROM_POD, FL_TO_POD, FL_FROM_NET, FL_TO_NET };

/* Which way it goes on: by the stack, or past it to a pod of this node or to another node's. */
enum fl_way { FL_WAY_STACK, FL_WAY_LOCAL, FL_WAY_PEER };

/* Everything about one packet; too large for several functions' stacks. */
struct fl_work {
	struct fl_packet p;
	struct fl_lookup l;
	struct fl_case c;
	struct fl_told told;
	__u8 way;    /* enum fl_way */
	bool is_new; /* the packet opens a connection */
};

/* One a processor and direction: programs of one kind do not interrupt each other. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FL_DIRS);
	__type(key, __u32);
	__type(value, struct fl_work);
} fl_works SEC(".maps");

/* The scratch space, empty. */
static __always_inline struct fl_work *fl_work_begin(__u32 dir)
{
	struct fl_work *w = bpf_map_lookup_elem(&fl_works, &dir);

	if (w) {
		__builtin_memset(w, 0, sizeof(*w));
		w->told.dir = dir;
	}
	return w;
}

/* The interface of the pod of this node that has the address; NULL: none. */
static __always_inline __u32 *fl_local_find(__u32 zone, const struct fl_in *addr)
{
	struct fl_local_key key = {};

	key.zone = zone;
	key.addr = *addr;
	return bpf_map_lookup_elem(&fl_locals, &key);
}

/* Both ends and what is asked, as seen from the opener of the connection. */
static __always_inline void fl_case_open(struct fl_work *w, __u32 zone, bool reversed)
{
	struct fl_packet *p = &w->p;

	fl_end_find(reversed ? &p->dst : &p->src, zone, &w->c.from);
	fl_end_find(reversed ? &p->src : &p->dst, zone, &w->c.to);
	w->c.dport_be = reversed ? p->sport_be : p->dport_be;
	w->c.proto = p->proto;
}

/* A connection that is known: is it still allowed? 0 or a negative reason. */
static __always_inline int fl_judge_again(struct fl_work *w, struct fl_flow *f, __u32 zone)
{
	__u32 generation = fl_generation();
	int r;

	if (f->generation == generation)
		return 0;
	fl_case_open(w, zone, fl_flow_is_reply(&w->l, f));
	r = fl_judge(&w->c);
	if (r < 0)
		return r;
	f->origin = w->c.origin;
	f->generation = generation;
	return 0;
}

/*
 * The way of a new connection, as flags of its entry. Past the stack only where both directions
 * are, since who sees one of them alone (connection tracking, strict rules) takes it for broken.
 */
static __always_inline __u8 fl_way_flags(const struct fl_case *c, enum fl_hook hook)
{
	if (hook == FL_FROM_NET)
		return FL_FLOW_PEER;
	if (hook != FL_FROM_POD)
		return FL_FLOW_STACK;
	if (c->to.ifindex)
		return 0;
	return c->to.flags & FL_SPECIAL_PEER ? FL_FLOW_PEER : FL_FLOW_STACK;
}

/* The way that the flags of a connection's entry stand for. */
static __always_inline __u8 fl_way_of(__u8 flags)
{
	return flags & FL_FLOW_STACK  ? FL_WAY_STACK
	       : flags & FL_FLOW_PEER ? FL_WAY_PEER
				      : FL_WAY_LOCAL;
}

/* A connection's first packet. 0, and it is entered, or a negative reason. */
static __always_inline int fl_judge_new(struct fl_work *w, __u32 zone, enum fl_hook hook)
{
	struct fl_flow f = { .generation = fl_generation() };
	int r;

	if (w->p.kind == FL_KIND_ERROR)
		return -FL_R_INVALID_STATE;
	fl_case_open(w, zone, false);
	/* Not from another node's pod: the stack may have something to translate. */
	if (hook == FL_FROM_NET && !(w->c.from.flags & FL_SPECIAL_PEER))
		return 0;
	w->is_new = true;
	r = fl_judge(&w->c);
	if (r < 0)
		return r;
	f.origin = w->c.origin;
	f.flags = fl_way_flags(&w->c, hook);
	w->way = fl_way_of(f.flags);
	return fl_flow_open(&w->p, &w->l, &f);
}

/*
 * 0, and w->way is where the packet goes on, or a negative reason. What comes from the network and
 * goes on by the stack is not judged here: fl_to_pod sees it as the stack has translated it.
 */
static __always_inline int fl_decide(struct fl_work *w, __u32 zone, enum fl_hook hook)
{
	int r = fl_fragment(&w->p, zone);
	struct fl_flow *f;

	if (r < 0)
		return r;
	f = fl_flow_find(&w->p, zone, &w->l);
	if (!f)
		return fl_judge_new(w, zone, hook);
	w->way = fl_way_of(f->flags);
	if (hook == FL_FROM_NET && w->way != FL_WAY_PEER)
		return 0;
	r = fl_judge_again(w, f, zone);
	if (r < 0)
		return r;
	fl_flow_touch(&w->p, &w->l, f);
	return 0;
}

/* Puts the result into words for fl_finish(). */
static __always_inline void fl_note(struct fl_work *w, __u32 zone, __u8 reason)
{
	w->told.reason = reason;
	w->told.zone = zone;
	w->told.origin = w->c.origin;
	w->told.identity = w->told.dir == FL_EGRESS ? w->c.to.who[0] : w->c.from.who[0];
}
