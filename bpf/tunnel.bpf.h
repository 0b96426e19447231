// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a VTEP does on transmission, done by the program: the headers are written, and the packet
 * goes to the underlay's next hop, without the device, the node's own output and its rules. The
 * kernel's routing table is asked twice, for the inner and for the outer packet, if the latter's
 * way is not known; what else the VTEP knows is in fl_tunnels, as long as the agent's lease holds.
 * Whatever is unusual is left to the VTEP: the same source port, hop count and ECN bits, in the
 * same order, make both ways one.
 */
#pragma once

#include <linux/udp.h>

#include "bpf/known.bpf.h"
#include "bpf/work.bpf.h"

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

enum {
	FL_LOOPBACK = 1,	   /* index of lo in every namespace: what the node itself sends */
	FL_VXLAN_VNI = 0x08000000, /* the header's first word: it has a VNI (RFC 7348, 5) */
	FL_ECN = 3,		   /* bits of the type of service (RFC 3168) */
	FL_ECN_ECT0 = 2,
	FL_ECN_CE = 3,
};

/* What comes between the outer Ethernet header and the inner IP header's hop count. */
struct fl_wrapping {
	struct iphdr ip;
	struct udphdr udp;
	__be32 vxlan[2];
	struct fl_head inner; /* the last one: what follows it is not written */
};

#define FL_WRAPPING (offsetof(struct fl_wrapping, inner) + sizeof(struct fl_head))

/* True while the agent stands for what is in fl_tunnels. */
static __always_inline bool fl_lease_holds(void)
{
	__u32 zero = 0;
	struct fl_lease *lease = bpf_map_lookup_elem(&fl_lease, &zero);

	return lease && bpf_jiffies64() < lease->until;
}

/* The outer type of service: the inner ECN bits, congestion being told inside (RFC 6040, 4.1). */
static __always_inline __u8 fl_tunnel_tos(const struct fl_packet *p, const struct fl_head *inner)
{
	__u16 word = bpf_ntohs(inner->rest_be[1]); /* version, then length or traffic class */
	__u8 ecn = (p->v4 ? word : word >> 4) & FL_ECN;

	return ecn == FL_ECN_CE ? FL_ECN_ECT0 : ecn;
}

/* The same as the kernel's udp_flow_src_port(), so that one connection has one port. */
static __always_inline __be16 fl_tunnel_port(struct __sk_buff *skb, const struct fl_tunnel *t)
{
	__u32 hash = bpf_get_hash_recalc(skb);

	hash ^= hash << 16;
	return bpf_htons((__u16)(((__u64)hash * t->sports >> 32) + t->sport_first));
}

/* The sum of IPv4's header, which has no options. */
static __always_inline __u16 fl_ip4_sum(const struct iphdr *ip)
{
	const __u16 *w = (const void *)ip;
	__u32 sum = 0;

#pragma unroll
	for (int i = 0; i < 10; i++)
		sum += w[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16) ~(sum + (sum >> 16));
}

/* The outer headers but the Ethernet one, which the neighbour's is. len: of the inner frame. */
static __always_inline void fl_tunnel_fill(const struct fl_packet *p, const struct fl_tunnel *t,
					   __u32 len, __be16 sport_be, struct fl_wrapping *w)
{
	w->ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tos = fl_tunnel_tos(p, &w->inner),
		.tot_len = bpf_htons((__u16)(len + FL_TUNNEL_OVERHEAD - ETH_HLEN)),
		.id = (__u16)bpf_get_prandom_u32(),
		.ttl = t->ttl,
		.protocol = IPPROTO_UDP,
		.saddr = t->local_be,
		.daddr = t->remote_be,
	};
	w->ip.check = fl_ip4_sum(&w->ip);
	w->udp = (struct udphdr){
		.source = sport_be,
		.dest = t->dport_be,
		.len = bpf_htons((__u16)(len + sizeof(w->udp) + sizeof(w->vxlan))),
	};
	w->vxlan[0] = bpf_htonl(FL_VXLAN_VNI);
	w->vxlan[1] = t->vni_be;
}

/* The way of the outer packet, as the node's own; len: of the inner one, or of its parts. */
static __always_inline bool fl_tunnel_route(struct __sk_buff *skb, const struct fl_tunnel *t,
					    __u32 len, __be16 sport_be, struct bpf_fib_lookup *fib)
{
	__builtin_memset(fib, 0, sizeof(*fib));
	fib->family = FL_AF_INET;
	fib->ifindex = FL_LOOPBACK;
	fib->l4_protocol = IPPROTO_UDP;
	fib->sport = sport_be; /* one of several ways may depend on it */
	fib->dport = t->dport_be;
	fib->tot_len = (__u16)(len + FL_TUNNEL_OVERHEAD);
	fib->ipv4_src = t->local_be;
	fib->ipv4_dst = t->remote_be;
	return bpf_fib_lookup(skb, fib, sizeof(*fib), 0) == BPF_FIB_LKUP_RET_SUCCESS;
}

/*
 * The same, by the way that is known of outer packets, if it is; else *known is what has been found
 * (NULL: that is of no use).
 */
static __always_inline bool fl_tunnel_way(struct __sk_buff *skb, const struct fl_tunnel *t,
					  __u32 len, __be16 sport_be, struct fl_known *known,
					  struct bpf_fib_lookup *fib)
{
	if (known && (known->when & FL_KNOWN_OUTER) && len + FL_TUNNEL_OVERHEAD <= known->mtu) {
		fib->family = FL_AF_INET;
		fib->ifindex = known->ifindex;
		fib->ipv4_dst = known->hop_be;
		return true;
	}
	if (!fl_tunnel_route(skb, t, len, sport_be, fib))
		return false;
	if (known)
		fl_known_set(known, fib, true);
	return true;
}

/*
 * Sends the packet as the VTEP would that its route leads to: fib is what was found, which is
 * overwritten; len the length of the packet, or of each that it will be cut into; known as
 * fl_tunnel_way() has it. A verdict, or -1: the VTEP has to, and the packet is as it was.
 */
static __always_inline int fl_tunnel_out(struct __sk_buff *skb, const struct fl_packet *p,
					 struct bpf_fib_lookup *fib, __u32 len,
					 struct fl_known *known)
{
	struct fl_tunnel_key key = { .ifindex = fib->ifindex };
	const __u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 |
			    BPF_F_ADJ_ROOM_ENCAP_L4_UDP | BPF_F_ADJ_ROOM_ENCAP_L2_ETH |
			    BPF_F_ADJ_ROOM_ENCAP_L2(ETH_HLEN);
	struct bpf_redir_neigh next = {};
	struct fl_wrapping w;
	struct fl_tunnel *t;
	__be16 sport_be;

	__builtin_memcpy(key.mac, fib->dmac, sizeof(key.mac));
	__builtin_memcpy(w.inner.macs[0], fib->dmac, 6);
	__builtin_memcpy(w.inner.macs[1], fib->smac, 6);
	if (!fl_lease_holds() || (skb->gso_size && p->proto != IPPROTO_TCP) ||
	    len > 0xffff - FL_TUNNEL_OVERHEAD)
		return -1;
	t = bpf_map_lookup_elem(&fl_tunnels, &key);
	if (!t)
		return -1;
	sport_be = fl_tunnel_port(skb, t);
	if (!fl_tunnel_way(skb, t, len, sport_be, known, fib) || fl_head_hop(skb, p, &w.inner) < 0)
		return -1;
	fl_tunnel_fill(p, t, skb->len, sport_be, &w);
	if (bpf_skb_adjust_room(skb, FL_TUNNEL_OVERHEAD, BPF_ADJ_ROOM_MAC, flags) < 0)
		return -1;
	/* Without memory it goes nowhere: so it is with the VTEP. */
	if (bpf_skb_store_bytes(skb, ETH_HLEN, &w, FL_WRAPPING, BPF_F_RECOMPUTE_CSUM) < 0)
		return TC_ACT_SHOT;
	next.nh_family = fib->family;
	__builtin_memcpy(next.ipv6_nh, fib->ipv6_dst, sizeof(next.ipv6_nh));
	return bpf_redirect_neigh(fib->ifindex, &next, sizeof(next), 0);
}
