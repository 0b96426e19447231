// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Connections: one entry for both directions, found by a key that does not depend on which of them
 * a packet has. The entry says who opened it, what has been judged, and under which generation of
 * the policy. An entry that has been silent for too long counts as absent.
 */
#pragma once

#include "bpf/maps.bpf.h"
#include "bpf/parse.bpf.h"

/* Jiffies in a second. The agent sets it before loading. */
const volatile __u32 cfg_hz = 250;

/* Not one of FL_FLOW_..., but beside them. */
enum { FL_FORMER = 1 << 7 };

/* A packet's place in its connection. */
struct fl_lookup {
	struct fl_flow_key key;
	__u32 now;   /* jiffies, low half */
	__u8 side;   /* of the key that the packet comes from: 0 or 1 */
	__u8 former; /* flags of an entry that there was, of a connection that is over; else 0 */
};

/* The side whose address and port are the lower bytes is side 0. */
static __always_inline bool fl_is_side1(const struct fl_packet *p)
{
#pragma unroll
	for (int i = 0; i < 4; i++)
		if (p->src.w_be[i] != p->dst.w_be[i])
			return p->src.w_be[i] > p->dst.w_be[i];
	return p->sport_be > p->dport_be;
}

/* The key of the connection that the packet belongs to, and the packet's side of it. */
static __always_inline void fl_flow_key_of(const struct fl_packet *p, __u32 zone,
					   struct fl_lookup *l)
{
	const __u8 proto[4] = { p->proto };
	bool side1 = fl_is_side1(p);
	__u32 ports_be = p->ports_be;

#pragma unroll
	for (int i = 0; i < 4; i++) {
		l->key.addr[0].w_be[i] = side1 ? p->dst.w_be[i] : p->src.w_be[i];
		l->key.addr[1].w_be[i] = side1 ? p->src.w_be[i] : p->dst.w_be[i];
	}
	if (side1)
		ports_be = ports_be << 16 | ports_be >> 16;
	/* In whole words: it is read in words at once, which would wait for the parts of one. */
	__builtin_memcpy(l->key.port_be, &ports_be, sizeof(ports_be));
	l->key.zone = zone;
	__builtin_memcpy(&l->key.proto, proto, sizeof(proto));
	l->side = side1;
}

/*
 * Words of the packet's source and destination, out of its connection's key. That is in memory
 * already, whereas what p has of them would have to stay somewhere else on the stack, too.
 */
static __always_inline void fl_flow_ends(const struct fl_lookup *l, int first, int end,
					 __u32 *src_be, __u32 *dst_be)
{
	const __u32 *a = l->key.addr[0].w_be + first, *b = l->key.addr[1].w_be + first;
	__u32 size = (end - first) * sizeof(*a);

	if (l->side) {
		__builtin_memcpy(src_be, b, size);
		__builtin_memcpy(dst_be, a, size);
	} else {
		__builtin_memcpy(src_be, a, size);
		__builtin_memcpy(dst_be, b, size);
	}
}

/* True when the packet goes to the side that opened the connection. */
static __always_inline bool fl_flow_is_reply(const struct fl_lookup *l, const struct fl_flow *f)
{
	return l->side != !!(f->flags & FL_FLOW_FROM1);
}

/*
 * True when this TCP packet begins a new connection: where an old one has ended, or from the side
 * that has not opened the known one, which that must not lead round its own policy.
 */
static __always_inline bool fl_flow_is_reopened(const struct fl_packet *p,
						const struct fl_lookup *l, const struct fl_flow *f)
{
	return p->proto == IPPROTO_TCP && p->kind == FL_KIND_FLOW &&
	       (p->tcp & (FL_TCP_SYN | FL_TCP_ACK)) == FL_TCP_SYN &&
	       ((f->tcp[0] & f->tcp[1] & FL_TCP_FIN) || ((f->tcp[0] | f->tcp[1]) & FL_TCP_RST) ||
		fl_flow_is_reply(l, f));
}

/*
 * A connection that the programs before these have entered in their own map, taken over to be
 * judged anew; or NULL.
 */
static __always_inline struct fl_flow *fl_flow_inherit(const struct fl_flow_key *key)
{
	struct fl_flow *f, copy;
	__u32 zero = 0;
	void *former = bpf_map_lookup_elem(&fl_former, &zero);

	f = former ? bpf_map_lookup_elem(former, key) : NULL;
	if (!f)
		return NULL;
	copy = *f;
	copy.generation = FL_GENERATION_NONE;
	bpf_map_update_elem(&fl_flows, key, &copy, BPF_NOEXIST);
	return bpf_map_lookup_elem(&fl_flows, key);
}

/* True when the packet belongs to the connection, and not to one that comes after it. */
static __always_inline bool fl_flow_is_alive(const struct fl_packet *p, const struct fl_lookup *l,
					     const struct fl_flow *f)
{
	return l->now - f->seen <= fl_flow_timeout_s(p->proto, f) * cfg_hz &&
	       !fl_flow_is_reopened(p, l, f);
}

/* The connection if it is alive; else NULL, and *l says what it was. */
static __always_inline struct fl_flow *fl_flow_alive(const struct fl_packet *p, struct fl_lookup *l,
						     struct fl_flow *f)
{
	l->former = 0;
	if (!f || fl_flow_is_alive(p, l, f))
		return f;
	l->former = f->flags | FL_FORMER;
	return NULL;
}

/* The packet's connection, or NULL: none that is alive. is_absent: there was none just now. */
static __always_inline struct fl_flow *fl_flow_find(const struct fl_packet *p, __u32 zone,
						    bool is_absent, struct fl_lookup *l)
{
	struct fl_flow *f = NULL;

	fl_flow_key_of(p, zone, l);
	l->now = (__u32)bpf_jiffies64();
	if (!is_absent)
		f = bpf_map_lookup_elem(&fl_flows, &l->key);
	if (!f)
		f = fl_flow_inherit(&l->key);
	return fl_flow_alive(p, l, f);
}

/* A connection goes another way than the one that had its entry, which is written already. */
static __always_inline void fl_turn_next(void)
{
	__u32 zero = 0;
	struct fl_state *state = bpf_map_lookup_elem(&fl_state, &zero);

	if (state)
		__sync_fetch_and_add(&state->turn, 1);
}

/* Notes that the packet has passed. Racing processors may lose a flag; the next packet brings it.
 */
static __always_inline void fl_flow_touch(const struct fl_packet *p, const struct fl_lookup *l,
					  struct fl_flow *f)
{
	__u8 bits;

	if (p->kind != FL_KIND_FLOW)
		return;
	if (f->seen != l->now)
		f->seen = l->now;
	bits = l->side ? f->tcp[1] : f->tcp[0];
	if ((bits | p->tcp) != bits) {
		if (l->side)
			f->tcp[1] = bits | p->tcp;
		else
			f->tcp[0] = bits | p->tcp;
	}
	if (!(f->flags & FL_FLOW_REPLIED) && fl_flow_is_reply(l, f))
		f->flags |= FL_FLOW_REPLIED;
}

/* True when the connection goes another way than the one that had its entry. */
static __always_inline bool fl_flow_turns(const struct fl_lookup *l, const struct fl_flow *f)
{
	return (l->former & FL_FORMER) && ((l->former ^ f->flags) & (FL_FLOW_STACK | FL_FLOW_PEER));
}

/* Enters a new connection, f's flags being set. 0 or -FL_R_FLOWS_FULL. */
static __always_inline int fl_flow_open(const struct fl_packet *p, struct fl_lookup *l,
					struct fl_flow *f)
{
	f->seen = l->now;
	f->tcp[0] = l->side ? 0 : p->tcp;
	f->tcp[1] = l->side ? p->tcp : 0;
	/* An int: up to Linux 6.3, the upper half of what a map's function returns is undefined. */
	if ((int)bpf_map_update_elem(&fl_flows, &l->key, f, BPF_ANY) < 0)
		return -FL_R_FLOWS_FULL;
	if (fl_flow_turns(l, f))
		fl_turn_next();
	return 0;
}

/* Gives a later fragment the ports of its first one, and remembers those. 0 or -FL_R_FRAGMENT. */
static __always_inline int fl_fragment(struct fl_packet *p, __u32 zone)
{
	struct fl_fragment_key key = {};
	struct fl_fragment ports = { p->sport_be, p->dport_be }, *known;

	if (p->part == FL_WHOLE || p->kind != FL_KIND_FLOW)
		return 0;
	key.src = p->src;
	key.dst = p->dst;
	key.id_be = p->fragment_be;
	key.zone = zone;
	key.proto = p->proto;
	if (p->part == FL_FIRST_FRAGMENT) {
		/* A map that evicts is never full; without the entry the rest is dropped. */
		(void)bpf_map_update_elem(&fl_fragments, &key, &ports, BPF_ANY);
		return 0;
	}
	known = bpf_map_lookup_elem(&fl_fragments, &key);
	if (!known)
		return -FL_R_FRAGMENT;
	p->sport_be = known->sport_be;
	p->dport_be = known->dport_be;
	return 0;
}
