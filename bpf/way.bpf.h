// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The ways past the stack: straight into a pod of this node, or out to another node as the routing
 * table says. What passes a router on its way is sent on as that router would have: new MAC
 * addresses, one hop less. -1 means: to the stack after all, which knows what to do (an ICMP
 * error, fragments, a neighbour's address); the packet is then as it was.
 */
#pragma once

#include "bpf/tunnel.bpf.h"

/* Of the packet itself, where p speaks of the one that an ICMP error quotes. */
static __always_inline const struct fl_in *fl_source_of(const struct fl_packet *p)
{
	return p->kind == FL_KIND_ERROR ? &p->outer_src : &p->src;
}

/* And where it goes. */
static __always_inline const struct fl_in *fl_target_of(const struct fl_packet *p)
{
	return p->kind == FL_KIND_ERROR ? &p->outer_dst : &p->dst;
}

/* Into the pod behind this interface of the host. */
static __always_inline int fl_enter(struct __sk_buff *skb, __u32 ifindex)
{
	/* On a bridge's port what was for another station is for the pod now. */
	if (skb->pkt_type != FL_PACKET_HOST && bpf_skb_change_type(skb, FL_PACKET_HOST) < 0)
		return -1;
	return bpf_redirect_peer(ifindex, 0);
}

/* Through a router into the pod behind this interface of the host. */
static __always_inline int fl_way_into_pod(struct __sk_buff *skb, const struct fl_packet *p,
					   __u32 ifindex, const struct fl_endpoint_info *to)
{
	struct fl_head h;

	if (p->ttl <= 1) /* the stack says so to the sender */
		return -1;
	__builtin_memcpy(h.macs[0], to->mac, 6);
	__builtin_memcpy(h.macs[1], to->host_mac, 6);
	if (fl_head_hop(skb, p, &h) < 0 || fl_head_store(skb, p, &h, 0) < 0)
		return -1;
	return fl_enter(skb, ifindex);
}

/* From a pod to another one of this node. */
static __always_inline int fl_way_local(struct __sk_buff *skb, struct fl_work *w, __u32 zone,
					const struct fl_endpoint_info *from)
{
	const struct fl_packet *p = &w->p;
	/* An ICMP error does not go the way of the packet that it is about. */
	__u32 ifindex = p->kind == FL_KIND_ERROR ? fl_local_find(zone, &p->outer_dst) : w->to_pod;
	struct fl_endpoint_info *to = &w->to;

	if (!ifindex || ifindex == skb->ifindex)
		return -1;
	/* Who has just been judged is known. */
	if (w->is_new) {
		__builtin_memcpy(to->mac, w->c.to.mac, sizeof(to->mac));
		__builtin_memcpy(to->host_mac, w->c.to.host_mac, sizeof(to->host_mac));
		if (w->c.to.shut)
			return -1;
	} else if (!fl_endpoint_open(ifindex, to)) {
		return -1;
	}
	/* On one bridge; else by way of the router. What is sent to a third station stays its. */
	if (!fl_mac_differs(p->eth.h_dest, to->mac))
		return fl_enter(skb, ifindex);
	if (fl_mac_differs(p->eth.h_dest, from->host_mac))
		return -1;
	return fl_way_into_pod(skb, p, ifindex, to);
}

/* Bytes of the packet, or of each that it will be cut into, from the IP header on. */
static __always_inline __u32 fl_length_of(const struct __sk_buff *skb, const struct fl_packet *p)
{
	if (!skb->gso_size)
		return skb->len - p->l3;
	/* Of other protocols it is not known where the header ends. */
	return p->headers ? p->headers + skb->gso_size : 0xffffffff;
}

/*
 * From a pod to another node: out of the interface that the route names, if it has our programs.
 * src and dst: fl_source_of() and fl_target_of(), which the caller may know better. known: in, what
 * is known of outer packets' way; out, what has been found; NULL: that is of no use.
 */
static __always_inline int fl_way_peer(struct __sk_buff *skb, const struct fl_packet *p,
				       const struct fl_in *src, const struct fl_in *dst,
				       struct fl_known *known)
{
	struct bpf_redir_neigh next = {};
	struct bpf_fib_lookup fib = {};
	__u32 len = fl_length_of(skb, p), ifindex;
	struct fl_device *device;
	int r;

	if (p->ttl <= 1 || len > 0xffff)
		return -1;
	fib.ifindex = skb->ifindex;
	fib.tot_len = len;
	fib.l4_protocol = p->proto;
	fib.sport = p->sport_be;
	fib.dport = p->dport_be;
	if (p->v4) {
		fib.family = FL_AF_INET;
		fib.ipv4_src = src->w_be[3];
		fib.ipv4_dst = dst->w_be[3];
	} else {
		fib.family = FL_AF_INET6;
		__builtin_memcpy(fib.ipv6_src, src, sizeof(*src));
		__builtin_memcpy(fib.ipv6_dst, dst, sizeof(*dst));
	}
	r = (int)bpf_fib_lookup(skb, &fib, sizeof(fib), 0);
	ifindex = fib.ifindex;
	device = bpf_map_lookup_elem(&fl_devices, &ifindex);
	/* A neighbour that is not known yet is asked for as the packet waits. */
	if ((r != BPF_FIB_LKUP_RET_SUCCESS && r != BPF_FIB_LKUP_RET_NO_NEIGH) || !device)
		return -1;
	/* The next hop, which may be of the other family (RFC 8950). */
	next.nh_family = fib.family;
	__builtin_memcpy(next.ipv6_nh, fib.ipv6_dst, sizeof(next.ipv6_nh));
	if ((device->flags & FL_DEVICE_TUNNEL) && r == BPF_FIB_LKUP_RET_SUCCESS) {
		r = fl_tunnel_out(skb, p, &fib, len, known);
		if (r >= 0)
			return r;
	}
	if (fl_hop(skb, p) < 0)
		return -1;
	/* What the VTEP has to do once, it may have to do for reasons that are not the route's. */
	if (known && r == BPF_FIB_LKUP_RET_SUCCESS && !(device->flags & FL_DEVICE_TUNNEL))
		fl_known_set(known, &fib, false);
	skb->mark = FL_MARK;
	return bpf_redirect_neigh(ifindex, &next, sizeof(next), 0);
}

/*
 * To another node by a way that is known. An interface that has our programs no more is on no way
 * that is: the connection has been judged anew.
 */
static __always_inline int fl_way_known(struct __sk_buff *skb, const struct fl_packet *p,
					const struct fl_known *k)
{
	struct bpf_redir_neigh next = { .nh_family = FL_AF_INET, .ipv4_nh = k->hop_be };

	if (p->ttl <= 1 || fl_length_of(skb, p) > k->mtu || fl_hop(skb, p) < 0)
		return -1;
	skb->mark = FL_MARK;
	return bpf_redirect_neigh(k->ifindex, &next, sizeof(next), 0);
}
