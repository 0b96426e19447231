// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The ways past the stack: straight into a pod of this node, or out to another node as the routing
 * table says. What passes a router on its way is sent on as that router would have: new MAC
 * addresses, one hop less. -1 means: to the stack after all, which knows what to do (an ICMP
 * error, fragments, a neighbour's address); the packet is then as it was.
 */
#pragma once

#include "bpf/work.bpf.h"

/* As in <sys/socket.h>, which is the C library's. */
enum { FL_AF_INET = 2, FL_AF_INET6 = 10 };

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

/* A frame's beginning, up to where its hop count and the sum over that end. */
struct fl_head {
	__u8 macs[2][6];
	__u16 rest_be[7]; /* Ethernet type, then twelve bytes of IPv4 or IPv6 */
};

enum { FL_HEAD_MACS = 12 }; /* bytes of the MAC addresses */

/* What follows the MAC addresses, with one hop less and IPv4's sum put right (RFC 1624). 0 or -1.
 */
static __always_inline int fl_head_hop(struct __sk_buff *skb, const struct fl_packet *p,
				       struct fl_head *h)
{
	const struct fl_view view = { skb, (void *)(long)skb->data, (void *)(long)skb->data_end,
				      false, 0 };
	__u32 sum;

	if (fl_read(&view, FL_HEAD_MACS, h->rest_be, sizeof(h->rest_be)) < 0)
		return -1;
	if (!p->v4) {
		h->rest_be[4] -= bpf_htons(1);
		return 0;
	}
	h->rest_be[5] -= bpf_htons(1 << 8);
	sum = h->rest_be[6] + bpf_htons(1 << 8);
	h->rest_be[6] = sum + (sum >= 0xffff);
	return 0;
}

/* Writes the beginning from this byte on into the packet. 0 or -1: it is as it was. */
static __always_inline int fl_head_store(struct __sk_buff *skb, const struct fl_packet *p,
					 const struct fl_head *h, __u32 from)
{
	if (bpf_skb_store_bytes(skb, from, (const __u8 *)h + from, sizeof(*h) - from, 0) < 0)
		return -1;
	/* What a network card has summed up covers the hop limit; IPv4's sum makes up for it. */
	if (!p->v4)
		bpf_csum_update(skb, (__u16)~bpf_htons(1));
	return 0;
}

/* Takes one hop from the packet. 0 or -1: it is as it was. */
static __always_inline int fl_hop(struct __sk_buff *skb, const struct fl_packet *p)
{
	struct fl_head h;

	return fl_head_hop(skb, p, &h) < 0 ? -1 : fl_head_store(skb, p, &h, FL_HEAD_MACS);
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
 * src and dst: fl_source_of() and fl_target_of(), which the caller may know better.
 */
static __always_inline int fl_way_peer(struct __sk_buff *skb, const struct fl_packet *p,
				       const struct fl_in *src, const struct fl_in *dst)
{
	struct bpf_redir_neigh next = {};
	struct bpf_fib_lookup fib = {};
	__u32 len = fl_length_of(skb, p), ifindex;
	long r;

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
	r = bpf_fib_lookup(skb, &fib, sizeof(fib), 0);
	ifindex = fib.ifindex;
	/* A neighbour that is not known yet is asked for as the packet waits. */
	if ((r != BPF_FIB_LKUP_RET_SUCCESS && r != BPF_FIB_LKUP_RET_NO_NEIGH) ||
	    !bpf_map_lookup_elem(&fl_devices, &ifindex) || fl_hop(skb, p) < 0)
		return -1;
	/* The next hop, which may be of the other family (RFC 8950). */
	next.nh_family = fib.family;
	__builtin_memcpy(next.ipv6_nh, fib.ipv6_dst, sizeof(next.ipv6_nh));
	skb->mark = FL_MARK;
	return bpf_redirect_neigh(ifindex, &next, sizeof(next), 0);
}
