// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What every program does between parsing and acting: finds the packet's connection, has it judged
 * where that is due, and decides which way it goes on. Reads and writes maps, and no packet.
 */
#pragma once

#include "bpf/act.bpf.h"
#include "bpf/answer.bpf.h"

/* Where a packet is met. */
enum fl_hook { FL_FROM_POD, FL_TO_POD, FL_FROM_NET, FL_TO_NET };

/* Which way it goes on: by the stack, or past it to a pod of this node or to another node's. */
enum fl_way { FL_WAY_STACK, FL_WAY_LOCAL, FL_WAY_PEER };

/* Everything about one packet; too large for several functions' stacks. */
struct fl_work {
	__u32 users; /* of a place for netfilter's hooks: who has it, and who has just tried */
	struct fl_packet p;
	struct fl_lookup l;
	struct fl_case c;    /* where it has been judged */
	struct fl_flow flow; /* of a new connection: its entry */
	struct fl_told told;
	__u32 to_pod;	  /* FL_WAY_LOCAL: to the pod behind this interface */
	__u32 generation; /* before anything was looked up */
	__u8 way;	  /* enum fl_way */
	bool is_absent;	  /* the short way has looked for the connection, and there is none */
	bool is_new;	  /* the packet opens a connection */
	bool has_ep;	  /* ep is the pod at whose interface the packet has been met */
	__u32 place;	  /* of this in fl_works */
	struct fl_endpoint_info ep, to;
};

/*
 * Places for netfilter's hooks. There a process may be interrupted while it sends, by packets that
 * come in or by another process, which then sends from another place.
 */
#define FL_STACK_PLACES 8

/*
 * Of each processor: one place a direction, since programs at interfaces do not interrupt each
 * other, then those for netfilter's hooks.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FL_DIRS + FL_STACK_PLACES);
	__type(key, __u32);
	__type(value, struct fl_work);
} fl_works SEC(".maps");

/*
 * The scratch space at this place. It still holds the last packet, but for what says what has
 * become of this one: whoever fills a part of it makes that part whole.
 */
static __always_inline struct fl_work *fl_work_begin_at(struct __sk_buff *skb, __u32 place,
							enum fl_dir dir, bool is_absent)
{
	struct fl_work *w = bpf_map_lookup_elem(&fl_works, &place);

	if (w) {
		w->place = place;
		w->told = (struct fl_told){ .length = skb->len, .dir = dir };
		w->generation = fl_generation();
		w->way = FL_WAY_STACK;
		w->is_absent = is_absent;
		w->is_new = false;
		w->has_ep = false;
	}
	return w;
}

/* The same at an interface. */
static __always_inline struct fl_work *fl_work_begin(struct __sk_buff *skb, enum fl_dir dir,
						     bool is_absent)
{
	return fl_work_begin_at(skb, dir, dir, is_absent);
}

/*
 * A place for netfilter's hooks that is nobody else's on this processor, or -1. Of two who are at
 * the same one at most one is alone there: each adds itself before it looks. (To add and to be told
 * the sum at once is more than Linux 5.10 can.)
 */
__noinline int fl_place_take(void)
{
#pragma unroll
	for (int i = 0; i < FL_STACK_PLACES; i++) {
		__u32 place = FL_DIRS + i;
		struct fl_work *w = bpf_map_lookup_elem(&fl_works, &place);

		if (!w)
			break;
		__sync_fetch_and_add(&w->users, 1);
		if (*(volatile __u32 *)&w->users == 1)
			return (int)place;
		__sync_fetch_and_add(&w->users, -1);
	}
	return -1;
}

/* Gives it back. */
static __always_inline void fl_place_give(__u32 place)
{
	struct fl_work *w = bpf_map_lookup_elem(&fl_works, &place);

	if (w)
		__sync_fetch_and_add(&w->users, -1);
}

/* Reads who the pod behind the interface is. False: it is not known, or nothing may pass it yet. */
static __always_inline bool fl_work_endpoint(struct fl_work *w, __u32 ifindex)
{
	w->has_ep = fl_endpoint_open(ifindex, &w->ep);
	return w->has_ep;
}

/*
 * The packet into the scratch space. A function of its own, which the verifier follows once: what
 * comes after it has one state to begin with. 0 or a negative reason.
 */
__noinline int fl_work_parse(struct __sk_buff *skb, __u32 place)
{
	struct fl_work *w = bpf_map_lookup_elem(&fl_works, &place);

	return w ? fl_parse(skb, &w->p) : -FL_R_MALFORMED;
}

/* The interface of the pod of this node that has the address; 0: none. */
static __always_inline __u32 fl_local_find(__u32 zone, const struct fl_in *addr)
{
	struct fl_address_key key = {};
	__u32 *index;

	key.zone = zone;
	key.addr = *addr;
	index = bpf_map_lookup_elem(&fl_locals, &key);
	return index ? *index : 0;
}

/*
 * Both ends and what is asked, into the scratch space, as seen from the opener of the connection. A
 * function of its own for the verifier, as fl_work_parse() is. 0.
 */
__noinline int fl_work_case(__u32 place, __u32 zone, bool reversed)
{
	struct fl_work *w = bpf_map_lookup_elem(&fl_works, &place);
	const struct fl_endpoint_info *own = NULL;
	struct fl_packet *p;

	if (!w)
		return 0;
	p = &w->p;
	/* As long as it is as good as read now. */
	if (w->has_ep && fl_generation() == w->generation)
		own = &w->ep;
	__builtin_memset(&w->c, 0, sizeof(w->c));
	fl_end_find(reversed ? &p->dst : &p->src, zone, own, &w->c.from);
	fl_end_find(reversed ? &p->src : &p->dst, zone, own, &w->c.to);
	w->c.dport_be = reversed ? p->sport_be : p->dport_be;
	w->c.proto = p->proto;
	return 0;
}

/*
 * As fl_work_case(), where a connection like the packet's has been allowed under this generation:
 * 1, and there is nothing left to judge. Else 0, and nothing has been done.
 */
__noinline int fl_work_answer(__u32 place, __u32 zone, __u32 generation)
{
	struct fl_work *w = bpf_map_lookup_elem(&fl_works, &place);

	return w && place < FL_DIRS && fl_answer_find(&w->p, zone, generation, &w->c);
}

/*
 * Keeps that the case has been allowed, for the connections that follow; met: as in struct
 * fl_answer. 0.
 */
__noinline int fl_work_allowed(__u32 place, __u32 zone, __u32 met)
{
	struct fl_work *w = bpf_map_lookup_elem(&fl_works, &place);

	if (w && place < FL_DIRS)
		fl_answer_keep(&w->p, &w->c, &w->flow, &w->told, zone, met);
	return 0;
}

/* True when an end could not be read as a whole. */
static __always_inline bool fl_case_is_vague(const struct fl_case *c)
{
	return c->from.vague || c->to.vague;
}

/*
 * True when the maps stood still while the case was judged. What was found while the generation was
 * raised is not worth anything: as soon as it has been, entries are taken out of the maps.
 */
static __always_inline bool fl_case_holds(const struct fl_case *c, __u32 generation)
{
	return fl_generation() == generation && !fl_case_is_vague(c);
}

/* Keeps for events who the other end is and what decided. */
static __always_inline void fl_tell_case(struct fl_work *w)
{
	w->told.origin = w->c.origin;
	w->told.identity = w->told.dir == FL_EGRESS ? w->c.to.who[0] : w->c.from.who[0];
}

/* Notes in the entry what its side is. */
static __always_inline void fl_flow_side(struct fl_flow *f, int side, const struct fl_end *e)
{
	f->pod[side] = e->ifindex;
	__builtin_memcpy(f->mac[side], e->mac, sizeof(f->mac[side]));
	__builtin_memcpy(f->host_mac[side], e->host_mac, sizeof(f->host_mac[side]));
}

/*
 * Notes in the entry what its sides are, as judged under this generation; from1: the case begins at
 * side 1. Who reads them while they change finds no generation afterwards.
 */
static __always_inline void fl_flow_note(struct fl_flow *f, const struct fl_case *c, bool from1,
					 __u32 generation)
{
	*(volatile __u32 *)&f->generation = FL_GENERATION_NONE;
	barrier();
	fl_flow_side(f, 0, from1 ? &c->to : &c->from);
	fl_flow_side(f, 1, from1 ? &c->from : &c->to);
	f->judged = (f->flags & FL_FLOW_PEER) && fl_all_by_stack() ? FL_JUDGED_BY_STACK : 0;
	/* What goes to a Service is marked, packet by packet. */
	if (!c->from.shut && !c->to.shut && !(c->to.flags & FL_SPECIAL_SERVICE))
		f->judged |= FL_JUDGED_SHORT;
	f->origin = c->origin;
	/* The pod may be behind another interface, from which other rules of routing may lead. */
	f->known.proof = 0;
	barrier();
	*(volatile __u32 *)&f->generation = generation;
}

/* A connection that is known: is it still allowed? 0 or a negative reason. */
static __always_inline int fl_judge_again(struct fl_work *w, struct fl_flow *f, __u32 zone)
{
	__u32 generation = fl_generation();
	int r = 0;

	if (f->generation == generation)
		return 0;
#pragma clang loop unroll(disable)
	for (int i = 0; i < FL_TRIES; i++) {
		generation = fl_generation();
		(void)fl_work_case(w->place, zone, fl_flow_is_reply(&w->l, f));
		r = fl_judge(&w->c);
		if (fl_case_holds(&w->c, generation))
			break;
	}
	fl_tell_case(w);
	if (fl_case_is_vague(&w->c))
		return -FL_R_UNKNOWN_ENDPOINT;
	if (r < 0)
		return r;
	fl_flow_note(f, &w->c, f->flags & FL_FLOW_FROM1, generation);
	return 0;
}

/* True while an end may have connections from before it came under the datapath. */
static __always_inline bool fl_is_late(const struct fl_case *c)
{
	__u32 until_s = c->from.pick_up_until_s > c->to.pick_up_until_s ? c->from.pick_up_until_s
									: c->to.pick_up_until_s;

	return until_s && bpf_ktime_get_ns() / 1000000000 < until_s;
}

/* The case as it is from the other end, with its destination's port. */
static __always_inline void fl_case_turn(struct fl_case *c, __u16 dport_be)
{
	struct fl_end end = c->from;

	c->from = c->to;
	c->to = end;
	c->dport_be = dport_be;
}

/*
 * What its own direction's policy forbids may be a reply from the middle of a TCP connection, which
 * the other end has opened before anybody looked. True when that one was allowed to.
 */
static __always_inline bool fl_is_late_reply(struct fl_work *w)
{
	struct fl_packet *p = &w->p;
	int r;

	if (p->proto != IPPROTO_TCP || (p->tcp & FL_TCP_SYN) || p->part == FL_LATER_FRAGMENT ||
	    !fl_is_late(&w->c))
		return false;
	fl_case_turn(&w->c, p->sport_be);
	r = fl_judge(&w->c);
	fl_case_turn(&w->c, p->dport_be);
	return r == 0;
}

/*
 * True when the connection may have been opened before: where the stack translates it, only the
 * stack can tell.
 */
static __always_inline bool fl_may_be_old(const struct fl_work *w)
{
	return w->p.proto == IPPROTO_TCP ? (w->p.tcp & (FL_TCP_SYN | FL_TCP_ACK)) != FL_TCP_SYN
					 : fl_is_late(&w->c);
}

/*
 * The way of a new connection, as flags of its entry. Past the stack only where both directions
 * are, since who sees one of them alone (connection tracking, strict rules) takes it for broken.
 */
static __always_inline __u8 fl_way_flags(const struct fl_work *w, enum fl_hook hook)
{
	__u32 other = hook == FL_FROM_NET ? w->c.from.flags : w->c.to.flags;

	if (fl_may_be_old(w) || hook == FL_TO_POD || hook == FL_TO_NET)
		return FL_FLOW_STACK;
	if (hook == FL_FROM_POD && w->c.to.ifindex)
		return 0;
	return (other & FL_SPECIAL_PEER) && !fl_all_by_stack() ? FL_FLOW_PEER : FL_FLOW_STACK;
}

/* The way that a connection's entry stands for. */
static __always_inline __u8 fl_way_of(const struct fl_flow *f)
{
	return fl_flow_is_by_stack(f)	 ? FL_WAY_STACK
	       : f->flags & FL_FLOW_PEER ? FL_WAY_PEER
					 : FL_WAY_LOCAL;
}

/*
 * Where the entry of a new connection is good for others like it (struct fl_answer): of plain
 * packets, from end to end, of which the first one has been seen.
 */
static __always_inline __u32 fl_work_met(const struct fl_work *w, __u32 zone, enum fl_hook hook)
{
	return zone == 0 && hook != FL_TO_NET && (w->flow.judged & FL_JUDGED_SHORT) &&
			       (w->p.proto == IPPROTO_TCP || w->p.proto == IPPROTO_UDP) &&
			       !fl_may_be_old(w) && !fl_in_equal(&w->p.src, &w->p.dst)
		       ? 1 + hook
		       : 0;
}

/* The first packet seen of a connection. 0, and it is entered, or a negative reason. */
static __always_inline int fl_judge_new(struct fl_work *w, __u32 zone, enum fl_hook hook)
{
	struct fl_flow *f = &w->flow;
	bool from1 = false;
	int r = 0, known = 0;
	__u32 met;

	if (w->p.kind == FL_KIND_ERROR)
		return -FL_R_INVALID_STATE;
	*f = (struct fl_flow){};
#pragma clang loop unroll(disable)
	for (int i = 0; i < FL_TRIES; i++) {
		f->generation = fl_generation();
		from1 = w->l.side;
		known = fl_work_answer(w->place, zone, f->generation);
		if (!known)
			(void)fl_work_case(w->place, zone, false);
		f->flags = fl_way_flags(w, hook);
		w->way = fl_way_of(f);
		/* The node has sent it to nobody who would bring it back. */
		if (hook == FL_FROM_NET && (w->c.from.flags & FL_SPECIAL_NODE))
			return -FL_R_SPOOFED_IP;
		/* It is entered as the stack has translated it. */
		if (hook == FL_FROM_NET && w->way == FL_WAY_STACK)
			return 0;
		r = known ? 0 : fl_judge(&w->c);
		if (r < 0 && fl_is_late_reply(w)) {
			from1 = !from1;
			r = 0;
		}
		if (fl_case_holds(&w->c, f->generation))
			break;
	}
	w->is_new = true;
	w->to_pod = w->c.to.ifindex;
	fl_tell_case(w);
	if (fl_case_is_vague(&w->c))
		return -FL_R_UNKNOWN_ENDPOINT;
	fl_count_verdict(r < 0 ? FL_V_DENIED : FL_V_ALLOWED, w->told.dir);
	if (r < 0)
		return r;
	fl_flow_note(f, &w->c, w->l.side, f->generation);
	f->flags |= from1 ? FL_FLOW_FROM1 : 0;
	met = fl_work_met(w, zone, hook);
	if (!known || met)
		(void)fl_work_allowed(w->place, zone, met);
	return fl_flow_open(&w->p, &w->l, f);
}

/* True when the frame is for this pod alone, and does not come from its router. */
static __always_inline bool fl_is_sent_here(const struct fl_work *w)
{
	return !(w->p.eth.h_dest[0] & 1) && fl_mac_differs(w->p.eth.h_source, w->ep.host_mac);
}

/*
 * What the stack brings to the pod though its destination is none of the pod's addresses:
 * multicast, broadcast, a route that somebody has set. No connection leads to one pod of several,
 * so each packet is judged by itself, as if it were for the pod's own address. What another pod of
 * its bridge has sent to this one's MAC address, that one must be allowed to send here, too,
 * wherever else the packet says it goes. 0 or a negative reason.
 */
static __always_inline int fl_judge_stray(struct fl_work *w, __u32 zone)
{
	int r = fl_fragment(&w->p, zone);

	if (r < 0)
		return r;
	if (w->p.kind == FL_KIND_ERROR)
		return -FL_R_INVALID_STATE;
	(void)fl_work_case(w->place, zone, false);
	w->c.to.ifindex = w->ep.ifindex;
	w->c.to.slot = w->ep.slot;
	r = fl_judge(&w->c);
	if (r == 0 && fl_is_sent_here(w)) {
		w->p.dst = w->p.v4 ? w->ep.ip4 : w->ep.ip6;
		(void)fl_work_case(w->place, zone, false);
		r = fl_judge(&w->c);
	}
	fl_tell_case(w);
	return fl_case_is_vague(&w->c) ? -FL_R_UNKNOWN_ENDPOINT : r;
}

/* May somebody whose policy set is in this slot send the packet? 0 or a negative reason. */
static __always_inline int fl_judge_slot(struct fl_work *w, __u32 slot)
{
	__u32 generation;
	int r = 0;

#pragma clang loop unroll(disable)
	for (int i = 0; i < FL_TRIES; i++) {
		generation = fl_generation();
		(void)fl_work_case(w->place, 0, false);
		w->c.from.slot = slot;
		r = fl_end_allowed(&w->c, &w->c.from, &w->c.to, FL_EGRESS);
		if (fl_case_holds(&w->c, generation))
			break;
	}
	fl_tell_case(w);
	return fl_case_is_vague(&w->c) ? -FL_R_UNKNOWN_ENDPOINT : r;
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
	f = fl_flow_find(&w->p, zone, w->is_absent && zone == 0, &w->l);
	if (!f)
		return fl_judge_new(w, zone, hook);
	w->way = fl_way_of(f);
	if (hook == FL_FROM_NET && !(f->flags & FL_FLOW_PEER))
		return 0;
	r = fl_judge_again(w, f, zone);
	if (r < 0)
		return r;
	w->way = fl_way_of(f);
	w->to_pod = w->l.side ? f->pod[0] : f->pod[1];
	fl_flow_touch(&w->p, &w->l, f);
	return 0;
}

/* Puts the result into words for fl_finish(). */
static __always_inline void fl_note(struct fl_work *w, __u32 zone, __u8 reason)
{
	w->told.reason = reason;
	w->told.zone = zone;
}
