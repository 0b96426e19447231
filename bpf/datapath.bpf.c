// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The programs. On the host's end of every pod, by tc blocks that all share: fl_from_pod sees what
 * a pod sends, fl_to_pod what the stack sends to a pod. On the interfaces to other nodes:
 * fl_from_net sees what comes in, fl_to_net what goes out. What goes straight from one pod to
 * another passes fl_from_pod only, which judges both ends; what comes straight from another node's
 * pod, fl_from_net only. Packets of no pod of this node pass all of them untouched, and go on to
 * others' filters. fl_in_stack sees what goes to Services within the stack, fl_xdp drops denied
 * sources where the card hands them over.
 */
#include "bpf/open.bpf.h"

static __always_inline bool is_own(const struct fl_endpoint_info *ep, const struct fl_in *addr,
				   bool v4, __u32 ifindex)
{
	/* A pod without an address of the family has zeroes there. */
	return !fl_in_is_zero(addr) && (fl_in_equal(addr, v4 ? &ep->ip4 : &ep->ip6) ||
					fl_local_find(ep->zone, addr) == ifindex);
}

/* 0, or the reason why the pod may not send this. */
static __always_inline int check_sender(const struct fl_endpoint_info *ep,
					const struct fl_packet *p, __u32 ifindex)
{
	if (fl_mac_differs(p->eth.h_source, ep->mac))
		return -FL_R_SPOOFED_MAC;
	if (p->kind == FL_KIND_NEIGHBOUR) {
		if (fl_in_is_zero(&p->claimed) || fl_in_is_link_local6(&p->claimed) ||
		    is_own(ep, &p->claimed, p->v4, ifindex))
			return 0;
		return -FL_R_SPOOFED_IP;
	}
	return is_own(ep, fl_source_of(p), p->v4, ifindex) ? 0 : -FL_R_SPOOFED_IP;
}

/* An interface of the blocks that the agent has not told of yet, or has shut. */
static __always_inline int unknown(struct __sk_buff *skb, struct fl_work *w)
{
	__u32 zero = 0, ifindex = skb->ifindex;
	struct fl_state *state = bpf_map_lookup_elem(&fl_state, &zero);
	bool is_shut = bpf_map_lookup_elem(&fl_endpoints, &ifindex);

	fl_note(w, 0,
		!is_shut && state && state->unknown_allow ? FL_R_FORWARDED : FL_R_UNKNOWN_ENDPOINT);
	return fl_finish(skb, &w->p, &w->told, false);
}

/* True when the packet's destination is a Service's address. */
static __always_inline bool is_to_service(const struct fl_work *w, __u32 zone)
{
	struct fl_prefix_key where = { .prefixlen = 32 + 128, .zone = zone };
	struct fl_special *special;

	where.addr = w->p.dst;
	special = bpf_map_lookup_elem(&fl_specials, &where);
	return special && (special->flags & FL_SPECIAL_SERVICE) && w->p.kind != FL_KIND_ERROR;
}

/* To a Service: judged again by whom the stack has put in, see fl_in_stack and fl_to_net. */
static __always_inline void mark_for_stack(struct __sk_buff *skb, const struct fl_work *w)
{
	if (is_to_service(w, w->ep.zone))
		skb->mark = FL_MARK_SLOT | (w->ep.slot & FL_MARK_SLOT_INDEX);
}

/* What a pod sends, and whatever it may be; why: what the short way has said. */
__noinline int fl_long_from_pod(struct __sk_buff *skb, int why)
{
	struct fl_work *w = fl_work_begin(skb, FL_EGRESS, why == FL_SHORT_NEW);
	const struct fl_endpoint_info *ep;
	__u32 ifindex = skb->ifindex;
	int r, verdict = -1;

	if (!w)
		return TC_ACT_SHOT;
	ep = &w->ep;
	if (!fl_work_endpoint(w, ifindex))
		return unknown(skb, w);
	r = fl_work_parse(skb, FL_EGRESS);
	if (r == 0)
		r = check_sender(ep, &w->p, ifindex);
	if (r == 0 && w->p.kind == FL_KIND_NEIGHBOUR)
		r = -FL_R_NOT_IP;
	if (r == 0)
		r = fl_decide(w, ep->zone, FL_FROM_POD);
	if (r < 0) {
		fl_note(w, ep->zone, -r);
		return fl_finish(skb, &w->p, &w->told, false);
	}
	if (w->way == FL_WAY_LOCAL)
		verdict = fl_way_local(skb, w, ep->zone, ep);
	else if (w->way == FL_WAY_PEER && !fl_mac_differs(w->p.eth.h_dest, ep->host_mac))
		verdict = fl_way_peer(skb, &w->p, fl_source_of(&w->p), fl_target_of(&w->p), NULL);
	else if (w->way == FL_WAY_STACK)
		mark_for_stack(skb, w);
	fl_note(w, ep->zone, verdict < 0 ? FL_R_FORWARDED : FL_R_REDIRECTED);
	r = fl_finish(skb, &w->p, &w->told, w->is_new);
	return verdict < 0 ? r : verdict;
}

/* A function of its own: the short way's needs all the stack. */
static __noinline int fl_recent_from_pod(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct fl_state *state = bpf_map_lookup_elem(&fl_state, &zero);

	return state ? fl_recent_pass(skb, FL_FROM_POD, state) : -1;
}

SEC("tc")
int fl_from_pod(struct __sk_buff *skb)
{
	int r = fl_recent_from_pod(skb);

	if (r >= 0)
		return r;
	r = fl_short_from_pod_any(skb);
	if (fl_is_opening(r))
		r = fl_open_from_pod_any(skb, r);
	return r < 0 ? fl_long_from_pod(skb, r) : r;
}

/* What the stack sends to a pod. */
__noinline int fl_long_to_pod(struct __sk_buff *skb, int why)
{
	struct fl_work *w = fl_work_begin(skb, FL_INGRESS, why == FL_SHORT_NEW);
	__u32 ifindex = skb->ifindex, zone;
	int r;

	if (!w)
		return TC_ACT_SHOT;
	if (!fl_work_endpoint(w, ifindex))
		return unknown(skb, w);
	zone = w->ep.zone;
	r = fl_work_parse(skb, FL_INGRESS);
	if (r == 0 && w->p.kind == FL_KIND_NEIGHBOUR)
		r = -FL_R_NOT_IP;
	if (r == 0)
		r = is_own(&w->ep, fl_target_of(&w->p), w->p.v4, ifindex)
			    ? fl_decide(w, zone, FL_TO_POD)
			    : fl_judge_stray(w, zone);
	fl_note(w, zone, r < 0 ? -r : FL_R_FORWARDED);
	return fl_finish(skb, &w->p, &w->told, w->is_new);
}

SEC("tc")
int fl_to_pod(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct fl_state *state = bpf_map_lookup_elem(&fl_state, &zero);
	int r = state ? fl_recent_pass(skb, FL_TO_POD, state) : -1;

	if (r >= 0)
		return r;
	r = fl_short_to_pod_any(skb);
	if (fl_is_opening(r))
		r = fl_open_to_pod_any(skb, r);
	return r < 0 ? fl_long_to_pod(skb, r) : r;
}

/* True when the address lies in a block that is not listened to; no address does. */
static __always_inline bool is_denied(const struct fl_in *src)
{
	struct fl_prefix_key key = {};

	if (fl_in_is_zero(src))
		return false;
	key.prefixlen = 32 + 128;
	key.addr = *src;
	return bpf_map_lookup_elem(&fl_denied, &key);
}

/* Reasons that are left to the stack and fl_to_pod, which know more. */
static __always_inline bool is_left_to_stack(int r)
{
	return r == -FL_R_FRAGMENT || r == -FL_R_INVALID_STATE;
}

/* What comes from the network. */
__noinline int fl_long_from_net(struct __sk_buff *skb, int why)
{
	struct fl_work *w = fl_work_begin(skb, FL_INGRESS, why == FL_SHORT_NEW);
	struct fl_device *device;
	__u32 ifindex = skb->ifindex;
	int r, verdict;

	device = bpf_map_lookup_elem(&fl_devices, &ifindex);
	if (!w || !device)
		return TC_ACT_UNSPEC;
	r = fl_work_parse(skb, FL_INGRESS);
	if ((device->flags & FL_DEVICE_DENIES) && is_denied(fl_source_of(&w->p))) {
		fl_count(skb, FL_R_DENIED_SOURCE, FL_INGRESS);
		return TC_ACT_SHOT;
	}
	/* A frame to another station is none of ours, though the card may show it to us. */
	if (r < 0 || w->p.kind == FL_KIND_NEIGHBOUR || skb->pkt_type != FL_PACKET_HOST)
		return TC_ACT_UNSPEC;
	ifindex = fl_local_find(0, fl_target_of(&w->p));
	if (!ifindex)
		return TC_ACT_UNSPEC;
	r = fl_decide(w, 0, FL_FROM_NET);
	if (r < 0 && !is_left_to_stack(r)) {
		fl_note(w, 0, -r);
		return fl_finish(skb, &w->p, &w->told, false);
	}
	if (r < 0 || w->way != FL_WAY_PEER || !fl_endpoint_open(ifindex, &w->to))
		return TC_ACT_UNSPEC;
	verdict = fl_way_into_pod(skb, &w->p, ifindex, &w->to);
	if (verdict < 0)
		return TC_ACT_UNSPEC;
	fl_note(w, 0, FL_R_REDIRECTED);
	(void)fl_finish(skb, &w->p, &w->told, w->is_new);
	return verdict;
}

/*
 * What a pod has sent to a Service, and the stack has translated to come from the node, or not at
 * all: by the egress policy in that slot, each packet by itself. What could not be read (r) goes
 * nowhere.
 */
static __always_inline int judge_marked(struct __sk_buff *skb, struct fl_work *w, int r, __u32 slot)
{
	if (!w)
		return TC_ACT_SHOT;
	if (r == 0)
		r = fl_fragment(&w->p, 0);
	if (r == 0)
		r = fl_judge_slot(w, slot);
	if (r == 0)
		return TC_ACT_UNSPEC;
	fl_note(w, 0, -r);
	return fl_finish(skb, &w->p, &w->told, false);
}

/* True when no source has to be looked up of what comes in by the interface. */
static __always_inline bool is_listened_to(__u32 ifindex)
{
	struct fl_device *device = bpf_map_lookup_elem(&fl_devices, &ifindex);

	return device && !(device->flags & FL_DEVICE_DENIES);
}

SEC("tc")
int fl_from_net(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct fl_state *state = bpf_map_lookup_elem(&fl_state, &zero);
	int r = FL_SHORT_LONG;

	if (state && skb->pkt_type == FL_PACKET_HOST &&
	    (state->none_denied || is_listened_to(skb->ifindex))) {
		r = fl_recent_pass(skb, FL_FROM_NET, state);
		if (r < 0)
			r = fl_short_from_net_any(skb);
		if (fl_is_opening(r) && is_listened_to(skb->ifindex))
			r = fl_open_from_net_any(skb, r);
	}
	return r < 0 ? fl_long_from_net(skb, r) : r;
}

SEC("tc")
int fl_to_net(struct __sk_buff *skb)
{
	__u32 mark = skb->mark;
	struct fl_work *w;
	bool is_marked;
	int r;

	/* Past the stack, and judged at the pod. */
	if (mark == FL_MARK) {
		skb->mark = 0;
		return TC_ACT_UNSPEC;
	}
	is_marked = (mark & FL_MARK_SLOT_MASK) == FL_MARK_SLOT;
	if (is_marked)
		skb->mark = mark & ~(FL_MARK_SLOT_MASK | FL_MARK_SLOT_INDEX);
	w = fl_work_begin(skb, FL_EGRESS, false);
	r = w ? fl_work_parse(skb, FL_EGRESS) : -FL_R_MALFORMED;
	if (!w || r < 0 || w->p.kind == FL_KIND_NEIGHBOUR ||
	    !fl_local_find(0, fl_source_of(&w->p)) || (is_marked && is_to_service(w, 0)))
		return is_marked ? judge_marked(skb, w, r, mark & FL_MARK_SLOT_INDEX)
				 : TC_ACT_UNSPEC;
	r = fl_decide(w, 0, FL_TO_NET);
	if (r < 0 && !is_left_to_stack(r)) {
		fl_note(w, 0, -r);
		return fl_finish(skb, &w->p, &w->told, false);
	}
	/* A connection as the stack has translated it; its packets are counted at the pod. */
	fl_note(w, 0, FL_R_FORWARDED);
	if (w->is_new)
		fl_tell(skb, &w->p, &w->told);
	return TC_ACT_UNSPEC;
}

/* The packet as netfilter has it into the scratch space; else as fl_work_parse(). */
__noinline int fl_work_parse_in_stack(struct __sk_buff *skb, __u32 place)
{
	struct fl_work *w = bpf_map_lookup_elem(&fl_works, &place);

	return w ? fl_parse_in_stack(skb, &w->p) : -FL_R_MALFORMED;
}

/* True when it answers what a pod of this node has begun. */
static __always_inline bool is_answer(struct fl_work *w)
{
	struct fl_flow *f = w->p.kind == FL_KIND_FLOW ? fl_flow_find(&w->p, 0, false, &w->l) : NULL;

	return f && fl_flow_is_reply(&w->l, f) && (w->l.side ? f->pod[0] : f->pod[1]);
}

/* As fl_in_stack(), at this place. */
static __always_inline int in_stack(struct __sk_buff *skb, __u32 place)
{
	bool is_sent = (skb->mark & FL_MARK_SLOT_MASK) == FL_MARK_SLOT;
	struct fl_work *w = fl_work_begin_at(skb, place, FL_EGRESS, false);
	int r;

	if (!w)
		return 1;
	r = fl_work_parse_in_stack(skb, place);
	if (!is_sent && (r < 0 || !is_answer(w)))
		return 0;
	r = r < 0 ? r : fl_decide(w, 0, FL_TO_NET);
	fl_note(w, 0, r < 0 ? -r : FL_R_FORWARDED);
	if (r < 0)
		fl_count_amid(w->told.length, w->told.reason, w->told.dir);
	if (r < 0 || w->is_new)
		fl_tell(skb, &w->p, &w->told);
	return r < 0;
}

/*
 * Within the stack, where it forwards, where it takes for itself and where the node's own processes
 * send: the Service's backend is in place already, and the node's own address is not yet in place
 * of the pod's, which is so both ways. So both ends can be judged wherever the packet goes on to.
 * The agent's rules in netfilter ask this of what the stack has given another destination. 1: it
 * goes nowhere.
 */
SEC("socket")
int fl_in_stack(struct __sk_buff *skb)
{
	int place = fl_place_take(), r;

	if (place < 0) {
		fl_count_amid(skb->len, FL_R_UNKNOWN_ENDPOINT, FL_EGRESS);
		return 1;
	}
	r = in_stack(skb, place);
	fl_place_give(place);
	return r;
}

SEC("xdp")
int fl_xdp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct fl_in src;

	if (data + sizeof(*eth) > end)
		return XDP_PASS;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *h = data + sizeof(*eth);

		if ((void *)(h + 1) > end)
			return XDP_PASS;
		fl_set_ip4(&src, h->saddr);
	} else if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *h = data + sizeof(*eth);

		if ((void *)(h + 1) > end)
			return XDP_PASS;
		__builtin_memcpy(&src, &h->saddr, sizeof(src));
	} else {
		return XDP_PASS;
	}
	if (!is_denied(&src))
		return XDP_PASS;
	fl_count_bytes(end - data, FL_R_DENIED_SOURCE, FL_INGRESS);
	return XDP_DROP;
}

/* For the agent, which runs it by hand: the clock that connections are stamped with. */
SEC("tc")
int fl_clock(struct __sk_buff *skb)
{
	return (int)bpf_jiffies64();
}

/* For the agent, which runs it by hand: fl_tunnels may be relied on for a while. */
SEC("tc")
int fl_renew(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct fl_lease *lease = bpf_map_lookup_elem(&fl_lease, &zero);

	if (lease)
		lease->until = bpf_jiffies64() + FL_LEASE_S * cfg_hz;
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
