// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The programs on the host's end of every pod, shared by all of them through tc blocks. fl_from_pod
 * sees what a pod sends, fl_to_pod what the stack sends to a pod. What goes straight from one pod
 * to another passes fl_from_pod only, which judges both ends.
 */
#include "bpf/act.bpf.h"

/* Everything about one packet; too large for several functions' stacks. */
struct fl_work {
	struct fl_packet p;
	struct fl_lookup l;
	struct fl_case c;
	struct fl_told told;
	bool is_new; /* the packet opens a connection */
	bool stack;  /* and that one keeps to the stack's path */
};

/* One a processor: programs of this kind do not interrupt each other. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct fl_work);
} fl_works SEC(".maps");

static __always_inline struct fl_work *work_begin(__u32 dir)
{
	struct fl_work *w = bpf_map_lookup_elem(&fl_works, &dir);

	if (w) {
		__builtin_memset(w, 0, sizeof(*w));
		w->told.dir = dir;
	}
	return w;
}

static __always_inline bool is_own(const struct fl_endpoint_info *ep, const struct fl_in *addr,
				   bool v4, __u32 ifindex)
{
	struct fl_local_key key = {};
	__u32 *index;

	if (fl_in_equal(addr, v4 ? &ep->ip4 : &ep->ip6))
		return true;
	key.zone = ep->zone;
	key.addr = *addr;
	index = bpf_map_lookup_elem(&fl_locals, &key);
	return index && *index == ifindex;
}

/* 0, or the reason why the pod may not send this. */
static __always_inline int check_sender(const struct fl_endpoint_info *ep,
					const struct fl_packet *p, __u32 ifindex)
{
	const struct fl_in *src = p->kind == FL_KIND_ERROR ? &p->outer_src : &p->src;

	if (fl_mac_differs(p->eth.h_source, ep->mac))
		return -FL_R_SPOOFED_MAC;
	if (p->kind == FL_KIND_NEIGHBOUR) {
		if (fl_in_is_zero(&p->claimed) || fl_in_is_link_local6(&p->claimed) ||
		    is_own(ep, &p->claimed, p->v4, ifindex))
			return 0;
		return -FL_R_SPOOFED_IP;
	}
	return is_own(ep, src, p->v4, ifindex) ? 0 : -FL_R_SPOOFED_IP;
}

/* Both ends and what is asked, as seen from the opener of the connection. */
static __always_inline void open_case(struct fl_work *w, __u32 zone, bool reversed)
{
	struct fl_packet *p = &w->p;

	fl_end_find(reversed ? &p->dst : &p->src, zone, &w->c.from);
	fl_end_find(reversed ? &p->src : &p->dst, zone, &w->c.to);
	w->c.dport_be = reversed ? p->sport_be : p->dport_be;
	w->c.proto = p->proto;
}

/* A connection that is known: is it still allowed? 0 or a negative reason. */
static __always_inline int judge_again(struct fl_work *w, struct fl_flow *f, __u32 zone)
{
	__u32 generation = fl_generation();
	int r;

	if (f->generation == generation)
		return 0;
	open_case(w, zone, fl_flow_is_reply(&w->l, f));
	r = fl_judge(&w->c);
	if (r < 0)
		return r;
	f->origin = w->c.origin;
	f->generation = generation;
	return 0;
}

/* True while an end may have connections from before it came under the datapath. */
static __always_inline bool is_late(const struct fl_case *c)
{
	__u32 until_s = c->from.pick_up_until_s > c->to.pick_up_until_s ? c->from.pick_up_until_s
									: c->to.pick_up_until_s;

	return until_s && bpf_ktime_get_ns() / 1000000000 < until_s;
}

/* The case as it is from the other end, with its destination's port. */
static __always_inline void turn_round(struct fl_case *c, __u16 dport_be)
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
static __always_inline bool is_late_reply(struct fl_work *w)
{
	struct fl_packet *p = &w->p;
	int r;

	if (p->proto != IPPROTO_TCP || (p->tcp & FL_TCP_SYN) || p->part == FL_LATER_FRAGMENT ||
	    !is_late(&w->c))
		return false;
	turn_round(&w->c, p->sport_be);
	r = fl_judge(&w->c);
	turn_round(&w->c, p->dport_be);
	return r == 0;
}

/*
 * True when the connection may have been opened before: where the stack translates it, only the
 * stack can tell.
 */
static __always_inline bool may_be_old(const struct fl_work *w)
{
	return w->p.proto == IPPROTO_TCP ? (w->p.tcp & (FL_TCP_SYN | FL_TCP_ACK)) != FL_TCP_SYN
					 : is_late(&w->c);
}

/* The first packet seen of a connection. 0, and it is entered, or a negative reason. */
static __always_inline int judge_new(struct fl_work *w, __u32 zone, __u8 path)
{
	struct fl_flow f = { .generation = fl_generation() };
	bool from1 = w->l.side;
	int r;

	if (w->p.kind == FL_KIND_ERROR)
		return -FL_R_INVALID_STATE;
	w->is_new = true;
	open_case(w, zone, false);
	r = fl_judge(&w->c);
	if (r < 0 && is_late_reply(w)) {
		from1 = !from1;
		r = 0;
	}
	if (r < 0)
		return r;
	f.origin = w->c.origin;
	w->stack = path || !w->c.to.ifindex || may_be_old(w);
	f.flags = (w->stack ? FL_FLOW_STACK : 0) | (from1 ? FL_FLOW_FROM1 : 0);
	return fl_flow_open(&w->p, &w->l, &f);
}

/* 0 or a negative reason. path: FL_FLOW_STACK when a new one has come through the stack. */
static __always_inline int decide(struct fl_work *w, __u32 zone, __u8 path)
{
	int r = fl_fragment(&w->p, zone);
	struct fl_flow *f;

	if (r < 0)
		return r;
	f = fl_flow_find(&w->p, zone, &w->l);
	if (!f)
		return judge_new(w, zone, path);
	r = judge_again(w, f, zone);
	if (r < 0)
		return r;
	w->stack = f->flags & FL_FLOW_STACK;
	fl_flow_touch(&w->p, &w->l, f);
	return 0;
}

/* Puts the result into words for fl_finish(). */
static __always_inline void note(struct fl_work *w, __u32 zone, __u8 reason)
{
	w->told.reason = reason;
	w->told.zone = zone;
	w->told.origin = w->c.origin;
	w->told.identity = w->told.dir == FL_EGRESS ? w->c.to.who[0] : w->c.from.who[0];
}

/* An interface of the blocks that the agent has not told of yet. */
static __always_inline int unknown(struct __sk_buff *skb, struct fl_work *w)
{
	__u32 zero = 0;
	struct fl_state *state = bpf_map_lookup_elem(&fl_state, &zero);

	note(w, 0, state && state->unknown_allow ? FL_R_FORWARDED : FL_R_UNKNOWN_ENDPOINT);
	return fl_finish(skb, &w->p, &w->told, false);
}

/* The packet's hop count, less one, with the IPv4 checksum put right (RFC 1624). */
static __always_inline int decrement_ttl(struct __sk_buff *skb, const struct fl_packet *p)
{
	__u8 ttl = p->ttl - 1;

	if (!p->v4)
		return bpf_skb_store_bytes(skb, p->l3 + offsetof(struct ipv6hdr, hop_limit), &ttl,
					   1, 0);
	if (bpf_l3_csum_replace(skb, p->l3 + offsetof(struct iphdr, check), bpf_htons(p->ttl << 8),
				bpf_htons(ttl << 8), 2) < 0)
		return -1;
	return bpf_skb_store_bytes(skb, p->l3 + offsetof(struct iphdr, ttl), &ttl, 1, 0);
}

/*
 * Straight to the other pod's interface, past the stack; where the pod sees a router in between, as
 * that router would have sent it. -1: to the stack after all.
 */
static __always_inline int shortcut(struct __sk_buff *skb, struct fl_work *w, __u32 zone)
{
	struct fl_packet *p = &w->p;
	struct fl_local_key key = {};
	struct fl_endpoint_info *to;
	__u32 *index, ifindex;
	__u8 macs[12];

	key.zone = zone;
	key.addr = p->kind == FL_KIND_ERROR ? p->outer_dst : p->dst;
	index = bpf_map_lookup_elem(&fl_locals, &key);
	if (!index || *index == skb->ifindex)
		return -1;
	ifindex = *index;
	to = bpf_map_lookup_elem(&fl_endpoints, &ifindex);
	if (!to)
		return -1;
	if (fl_mac_differs(p->eth.h_dest, to->mac)) {
		if (p->ttl <= 1) /* the stack says so to the sender */
			return -1;
		__builtin_memcpy(macs, to->mac, 6);
		__builtin_memcpy(macs + 6, to->host_mac, 6);
		if (bpf_skb_store_bytes(skb, 0, macs, sizeof(macs), 0) < 0 ||
		    decrement_ttl(skb, p) < 0)
			return -1;
	}
	return bpf_redirect_peer(ifindex, 0);
}

SEC("tc")
int fl_from_pod(struct __sk_buff *skb)
{
	struct fl_work *w = work_begin(FL_EGRESS);
	struct fl_endpoint_info *ep;
	__u32 ifindex = skb->ifindex;
	int r, verdict;

	if (!w)
		return TC_ACT_SHOT;
	ep = bpf_map_lookup_elem(&fl_endpoints, &ifindex);
	if (!ep)
		return unknown(skb, w);
	r = fl_parse(skb, &w->p);
	if (r == 0)
		r = check_sender(ep, &w->p, ifindex);
	if (r == 0 && w->p.kind == FL_KIND_NEIGHBOUR)
		r = -FL_R_NOT_IP;
	if (r == 0)
		r = decide(w, ep->zone, 0);
	if (r < 0) {
		note(w, ep->zone, -r);
		return fl_finish(skb, &w->p, &w->told, false);
	}
	verdict = w->stack ? -1 : shortcut(skb, w, ep->zone);
	if (verdict < 0) {
		note(w, ep->zone, FL_R_FORWARDED);
		return fl_finish(skb, &w->p, &w->told, w->is_new);
	}
	note(w, ep->zone, FL_R_REDIRECTED);
	(void)fl_finish(skb, &w->p, &w->told, w->is_new);
	return verdict;
}

SEC("tc")
int fl_to_pod(struct __sk_buff *skb)
{
	struct fl_work *w = work_begin(FL_INGRESS);
	struct fl_endpoint_info *ep;
	__u32 ifindex = skb->ifindex;
	int r;

	if (!w)
		return TC_ACT_SHOT;
	ep = bpf_map_lookup_elem(&fl_endpoints, &ifindex);
	if (!ep)
		return unknown(skb, w);
	r = fl_parse(skb, &w->p);
	if (r == 0 && w->p.kind == FL_KIND_NEIGHBOUR)
		r = -FL_R_NOT_IP;
	if (r == 0)
		r = decide(w, ep->zone, FL_FLOW_STACK);
	note(w, ep->zone, r < 0 ? -r : FL_R_FORWARDED);
	return fl_finish(skb, &w->p, &w->told, w->is_new);
}

/* For the agent, which runs it by hand: the clock that connections are stamped with. */
SEC("tc")
int fl_clock(struct __sk_buff *skb)
{
	return (int)bpf_jiffies64();
}

char _license[] SEC("license") = "Dual BSD/GPL";
