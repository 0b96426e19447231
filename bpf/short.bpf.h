// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The short way of what nearly every packet is: TCP or UDP with nothing unusual about it, of a
 * connection that has been judged under this generation of the policy. One look-up finds all that
 * is needed: the connection's entry says behind which interface each side is, and with which MAC
 * addresses, so it also says who may send this; a change of any of that changes the generation. It
 * does what the long way would, made of the same parts, but without its scratch space, and close
 * together in memory. A negative result means: nothing has been done, and the packet goes the long
 * way, where there is patience, a policy, and a reason for everything.
 *
 * An entry may change while it is read: what has been taken from it is used only if the generation
 * is still the same afterwards.
 */
#pragma once

#include "bpf/recent.bpf.h"

/* Instead of a verdict of the kernel's. */
enum {
	FL_SHORT_OUT = 0x100, /* to another node */
	FL_SHORT_LONG = -1,   /* the long way */
	FL_SHORT_NEW = -2,    /* the same, of a connection that is not in the map */
	FL_SHORT_ENDED = -3,  /* the same, of one in the place of another that is over */
};

/*
 * The connection of a plain packet, if there is one that needs nobody's judgement. 0 or
 * FL_SHORT_....
 */
static __always_inline int fl_short_find(const struct fl_packet *p, struct fl_lookup *l,
					 struct fl_found *s)
{
	/* Pods of other networks than the first are not looked for. */
	fl_flow_key_of(p, 0, l);
	l->now = (__u32)bpf_jiffies64();
	s->age = fl_age();
	s->f = bpf_map_lookup_elem(&fl_flows, &l->key);
	if (!s->f)
		return FL_SHORT_NEW;
	s->is_busy = s->f->seen == l->now;
	if (!fl_flow_is_alive(p, l, s->f))
		return FL_SHORT_ENDED;
	return *(volatile __u32 *)&s->f->generation == (__u32)s->age &&
			       (s->f->judged & FL_JUDGED_SHORT)
		       ? 0
		       : FL_SHORT_LONG;
}

/* True when what has been read of the entry belongs together. */
static __always_inline bool fl_short_holds(const struct fl_found *s)
{
	barrier();
	return *(volatile __u32 *)&s->f->generation == (__u32)s->age;
}

/* To another pod of this node: side to of the connection. */
static __always_inline int fl_short_local(struct __sk_buff *skb, const struct fl_packet *p,
					  struct fl_found *s, int to)
{
	const struct fl_flow *f = s->f;
	__u32 target = f->pod[to];
	struct fl_head h;
	bool routed;

	if (!target || target == skb->ifindex)
		return -1;
	routed = fl_mac_differs(p->eth.h_dest, f->mac[to]);
	if (routed && (p->ttl <= 1 || fl_mac_differs(p->eth.h_dest, f->host_mac[!to])))
		return -1;
	__builtin_memcpy(h.macs[0], f->mac[to], 6);
	__builtin_memcpy(h.macs[1], f->host_mac[to], 6);
	if (!fl_short_holds(s))
		return -1;
	if (routed && (fl_head_hop(skb, p, &h) < 0 || fl_head_store(skb, p, &h, 0) < 0))
		return -1;
	s->act = routed ? FL_RECENT_ROUTE : FL_RECENT_BRIDGE;
	return fl_enter(skb, target);
}

/* What a pod sends: from this side of the connection. */
static __always_inline int fl_short_sent(struct __sk_buff *skb, const struct fl_packet *p,
					 struct fl_found *s, int from)
{
	const struct fl_flow *f = s->f;

	if (f->pod[from] != skb->ifindex || fl_mac_differs(p->eth.h_source, f->mac[from]))
		return -1;
	switch (fl_way_of(f)) {
	case FL_WAY_LOCAL:
		return fl_short_local(skb, p, s, !from);
	case FL_WAY_PEER:
		return fl_mac_differs(p->eth.h_dest, f->host_mac[from]) || !fl_short_holds(s)
			       ? -1
			       : FL_SHORT_OUT;
	default:
		s->act = FL_RECENT_STACK;
		return fl_short_holds(s) ? TC_ACT_OK : -1;
	}
}

/* Notes and counts what has gone this way: a packet that came with so many bytes. */
static __always_inline int fl_short_end(struct __sk_buff *skb, __u32 bytes, enum fl_hook hook,
					const struct fl_packet *p, const struct fl_lookup *l,
					struct fl_found *s, int verdict)
{
	if (verdict < 0)
		return FL_SHORT_LONG;
	fl_flow_touch(p, l, s->f);
	fl_count_bytes(bytes, verdict == TC_ACT_OK ? FL_R_FORWARDED : FL_R_REDIRECTED,
		       hook == FL_FROM_POD ? FL_EGRESS : FL_INGRESS);
	if (s->is_busy)
		fl_recent_keep(skb, hook, p, l, s);
	return verdict;
}

/* To another node: by the way that is known, or by one that is known from then on. */
static __always_inline int fl_short_out(struct __sk_buff *skb, const struct fl_packet *p,
					const struct fl_lookup *l, struct fl_found *s)
{
	__u32 state;
	bool is_told = fl_kernel_routes4(skb, &state);
	struct fl_in src, dst;
	__u64 was;
	int r;

	s->act = FL_RECENT_OUT;
	if (is_told && fl_known_get(s->f, state, l->now, &s->known) &&
	    !(s->known.when & FL_KNOWN_OUTER)) {
		r = fl_way_known(skb, p, &s->known);
		if (r >= 0)
			return r;
	}
	s->is_busy = false;
	was = s->known.way;
	fl_flow_ends(l, 0, 4, src.w_be, dst.w_be);
	r = fl_way_peer(skb, p, &src, &dst, is_told ? &s->known : NULL);
	if (is_told && s->known.way != was)
		fl_known_put(s->f, l, &s->known);
	return r;
}

/* What a pod sends; v4: if it is IPv4. */
static __always_inline int fl_short_from_pod(struct __sk_buff *skb, bool v4)
{
	__u32 bytes = skb->len;
	struct fl_packet p;
	struct fl_lookup l;
	struct fl_found s = {};
	int r;

	if (!fl_parse_plain(skb, v4, &p))
		return FL_SHORT_LONG;
	r = fl_short_find(&p, &l, &s);
	if (r < 0)
		return r;
	r = l.side ? fl_short_sent(skb, &p, &s, 1) : fl_short_sent(skb, &p, &s, 0);
	if (r == FL_SHORT_OUT)
		r = fl_short_out(skb, &p, &l, &s);
	return fl_short_end(skb, bytes, FL_FROM_POD, &p, &l, &s, r);
}

/* What the stack sends to a pod. */
static __always_inline int fl_short_to_pod(struct __sk_buff *skb, bool v4)
{
	struct fl_packet p;
	struct fl_lookup l;
	struct fl_found s = {};
	int r;

	if (!fl_parse_plain(skb, v4, &p))
		return FL_SHORT_LONG;
	r = fl_short_find(&p, &l, &s);
	if (r < 0)
		return r;
	if ((l.side ? s.f->pod[0] : s.f->pod[1]) != skb->ifindex || !fl_short_holds(&s))
		return FL_SHORT_LONG;
	s.act = FL_RECENT_STACK;
	return fl_short_end(skb, skb->len, FL_TO_POD, &p, &l, &s, TC_ACT_OK);
}

/* What comes from another node for side to of the connection, a pod of this one. */
static __always_inline int fl_short_arrived(struct __sk_buff *skb, const struct fl_packet *p,
					    const struct fl_found *s, int to)
{
	const struct fl_flow *f = s->f;
	__u32 target = f->pod[to];
	struct fl_head h;

	__builtin_memcpy(h.macs[0], f->mac[to], 6);
	__builtin_memcpy(h.macs[1], f->host_mac[to], 6);
	if (!target || p->ttl <= 1 || fl_way_of(f) != FL_WAY_PEER || !fl_short_holds(s) ||
	    fl_head_hop(skb, p, &h) < 0 || fl_head_store(skb, p, &h, 0) < 0)
		return -1;
	return fl_enter(skb, target);
}

/* What comes from another node, addressed to this one. */
static __always_inline int fl_short_from_net(struct __sk_buff *skb, bool v4)
{
	struct fl_packet p;
	struct fl_lookup l;
	struct fl_found s = {};
	int r;

	if (!fl_parse_plain(skb, v4, &p))
		return FL_SHORT_LONG;
	r = fl_short_find(&p, &l, &s);
	if (r < 0)
		return r;
	r = l.side ? fl_short_arrived(skb, &p, &s, 0) : fl_short_arrived(skb, &p, &s, 1);
	s.act = FL_RECENT_ROUTE;
	return fl_short_end(skb, skb->len, FL_FROM_NET, &p, &l, &s, r);
}

/*
 * Functions of their own for each family, so that what is read into registers stays there. They are
 * called before the long way, whose stack they do not share.
 */
#define FL_SHORT(name)                                                           \
	static __noinline int name##4(struct __sk_buff * skb)                    \
	{                                                                        \
		return name(skb, true);                                          \
	}                                                                        \
	static __noinline int name##6(struct __sk_buff * skb)                    \
	{                                                                        \
		return name(skb, false);                                         \
	}                                                                        \
	static __always_inline int name##_any(struct __sk_buff *skb)             \
	{                                                                        \
		return skb->protocol == bpf_htons(ETH_P_IP)	? name##4(skb)   \
		       : skb->protocol == bpf_htons(ETH_P_IPV6) ? name##6(skb)   \
								: FL_SHORT_LONG; \
	}

FL_SHORT(fl_short_from_pod)
FL_SHORT(fl_short_to_pod)
FL_SHORT(fl_short_from_net)
