// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The short way of a connection's first packet, where one like it has been allowed: its entry is
 * there already but for the ports (bpf/answer.bpf.h), and says, as any other would, who may send
 * this and which way it goes. It goes that way first, by the parts that the packets after it do, so
 * that nothing is entered for who may not send it. A negative result means that nothing has been
 * done: the long way, which has a reason for everything.
 */
#pragma once

#include "bpf/short.bpf.h"

/* True when the short way has said that the packet may open a connection. */
static __always_inline bool fl_is_opening(int why)
{
	return why == FL_SHORT_NEW || why == FL_SHORT_ENDED;
}

/* What is known of connections like the one that the packet opens at the hook, if it does; or NULL.
 */
static __always_inline struct fl_answer *fl_open_find(const struct fl_packet *p, enum fl_hook hook,
						      int why, struct fl_lookup *l,
						      struct fl_found *s)
{
	struct fl_answer *a = fl_answer_at(p);
	struct fl_flow *f = NULL;
	__u32 zero = 0;

	if (p->proto == IPPROTO_TCP && (p->tcp & (FL_TCP_SYN | FL_TCP_ACK)) != FL_TCP_SYN)
		return NULL;
	s->age = fl_age();
	if (!a || a->met != 1 + hook || a->generation != (__u32)s->age ||
	    !fl_answer_is(&a->is, p, 0) || bpf_map_lookup_elem(&fl_former, &zero))
		return NULL;
	fl_flow_key_of(p, 0, l);
	l->now = (__u32)bpf_jiffies64();
	if (why == FL_SHORT_ENDED)
		f = bpf_map_lookup_elem(&fl_flows, &l->key);
	if (fl_flow_alive(p, l, f))
		return NULL;
	s->f = &a->flow;
	return a;
}

/* Enters the connection, whose first packet has gone its way: it came with so many bytes. */
static __always_inline int fl_open_end(struct __sk_buff *skb, __u32 bytes, struct fl_packet *p,
				       struct fl_lookup *l, struct fl_answer *a, int verdict)
{
	struct fl_told *told = &a->told;

	told->length = bytes;
	told->reason = verdict == TC_ACT_OK ? FL_R_FORWARDED : FL_R_REDIRECTED;
	fl_count_verdict(FL_V_ALLOWED, told->dir);
	if (fl_flow_open(p, l, &a->flow) < 0) {
		told->reason = FL_R_FLOWS_FULL;
		verdict = TC_ACT_SHOT;
	}
	(void)fl_finish(skb, p, told, true);
	return verdict;
}

/* What a pod sends. */
static __always_inline int fl_open_from_pod(struct __sk_buff *skb, bool v4, int why)
{
	__u32 bytes = skb->len;
	struct fl_found s = {};
	struct fl_answer *a;
	struct fl_packet p;
	struct fl_lookup l;
	int r;

	if (!fl_parse_plain(skb, v4, &p))
		return why;
	a = fl_open_find(&p, FL_FROM_POD, why, &l, &s);
	if (!a)
		return why;
	r = l.side ? fl_short_sent(skb, &p, &s, 1) : fl_short_sent(skb, &p, &s, 0);
	if (r == FL_SHORT_OUT)
		r = fl_way_peer(skb, &p, &p.src, &p.dst, NULL);
	return r < 0 ? why : fl_open_end(skb, bytes, &p, &l, a, r);
}

/* What the stack sends to a pod. */
static __always_inline int fl_open_to_pod(struct __sk_buff *skb, bool v4, int why)
{
	struct fl_found s = {};
	struct fl_answer *a;
	struct fl_packet p;
	struct fl_lookup l;

	if (!fl_parse_plain(skb, v4, &p))
		return why;
	a = fl_open_find(&p, FL_TO_POD, why, &l, &s);
	if (!a || (l.side ? s.f->pod[0] : s.f->pod[1]) != skb->ifindex)
		return why;
	return fl_open_end(skb, skb->len, &p, &l, a, TC_ACT_OK);
}

/* What comes from another node. */
static __always_inline int fl_open_from_net(struct __sk_buff *skb, bool v4, int why)
{
	struct fl_found s = {};
	struct fl_answer *a;
	struct fl_packet p;
	struct fl_lookup l;
	int r;

	if (!fl_parse_plain(skb, v4, &p))
		return why;
	a = fl_open_find(&p, FL_FROM_NET, why, &l, &s);
	if (!a)
		return why;
	r = l.side ? fl_short_arrived(skb, &p, &s, 0) : fl_short_arrived(skb, &p, &s, 1);
	return r < 0 ? why : fl_open_end(skb, skb->len, &p, &l, a, r);
}

/* As FL_SHORT, of those that are told why. */
#define FL_OPEN(name)                                                            \
	static __noinline int name##4(struct __sk_buff * skb, int why)           \
	{                                                                        \
		return name(skb, true, why);                                     \
	}                                                                        \
	static __noinline int name##6(struct __sk_buff * skb, int why)           \
	{                                                                        \
		return name(skb, false, why);                                    \
	}                                                                        \
	static __always_inline int name##_any(struct __sk_buff *skb, int why)    \
	{                                                                        \
		return skb->protocol == bpf_htons(ETH_P_IP) ? name##4(skb, why)  \
							    : name##6(skb, why); \
	}

FL_OPEN(fl_open_from_pod)
FL_OPEN(fl_open_to_pod)
FL_OPEN(fl_open_from_net)
