// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What has become of a packet, for those that follow it at once. Where two packets of a connection
 * meet a program within one jiffy, what the second one has found is kept on that processor until
 * the jiffy ends: all that its headers must have in common with it, and what is done then. A third
 * one needs no look-up of the connection, whose entry already says what this packet would add.
 *
 * Nothing here is older than the jiffy, and nothing is taken that a look-up would not say, too:
 * - another generation of the policy, an endpoint that has changed with it: it is compared;
 * - an entry whose connection has begun anew and goes another way: the turn is compared;
 * - the kernel's routes: their state is compared, as in bpf/known.bpf.h;
 * - what opens or ends a connection, or has anything unusual about it, is looked up.
 * What does not fit costs its place, never a packet.
 */
#pragma once

#include "bpf/way.bpf.h"

/* What is done with the packet. */
enum fl_recent_act {
	FL_RECENT_STACK,  /* it goes on to the stack or to the pod */
	FL_RECENT_BRIDGE, /* straight into the pod, as it is */
	FL_RECENT_ROUTE,  /* the same, through a router */
	FL_RECENT_OUT,	  /* to another node by a way that is known */
};

/* A plain packet's beginning, in words as they lie in memory. */
struct fl_start {
	__u16 first;	  /* of the MAC addresses */
	__u8 proto, met;  /* fl_recent_met() */
	__u32 macs[3];	  /* the rest of them, and the Ethernet type */
	__u32 addr_be[2]; /* source and destination; of IPv6 their last words */
	__u32 ports_be;
	__u32 ifindex;
};

struct fl_recent {
	struct fl_start is;
	__u64 age;     /* of struct fl_state */
	__u32 now;     /* jiffies, low half */
	__u32 act;     /* enum fl_recent_act */
	__u32 ifindex; /* that it goes to */
	union {
		struct { /* FL_RECENT_ROUTE: its new MAC addresses, in pieces that suit a frame */
			__u16 mac_first, mac_last;
			__u32 mac_middle[2];
		};
		struct { /* FL_RECENT_OUT: as in struct fl_known */
			__u32 hop_be, state, mtu;
		};
	};
};

/* As much as is read from memory at once. */
FL_ABI_SIZE(struct fl_recent, 64);

enum { FL_RECENT_BITS = 8 };

/* The other words of IPv6's addresses: apart, so that IPv4 does not reach across them. */
struct fl_recent_rest {
	__u32 src_be[3], dst_be[3];
};

struct fl_recent_set {
	struct fl_recent at[1 << FL_RECENT_BITS];
	struct fl_recent_rest rest[1 << FL_RECENT_BITS];
};

/*
 * One set a processor: programs do not interrupt each other. Where two meet, the later one stays.
 * It is one value, since a packet that finds nothing here shall not pay for what says where each of
 * many lies.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fl_recent_set);
} fl_recents SEC(".maps");

/* A place, and where the rest of it is. */
struct fl_recent_place {
	struct fl_recent *e;
	struct fl_recent_rest *rest;
};

/* The place of packets that come so. False: there is none. */
static __always_inline bool fl_recent_at(__u32 src_be, __u32 dst_be, __u32 ports_be, __u32 ifindex,
					 struct fl_recent_place *out)
{
	__u32 index = src_be * 0x9e3779b1 + dst_be, zero = 0;
	struct fl_recent_set *set = bpf_map_lookup_elem(&fl_recents, &zero);

	if (!set)
		return false;
	index = (index ^ ports_be ^ ifindex << 8) * 0x85ebca77 >> (32 - FL_RECENT_BITS);
	out->e = &set->at[index];
	out->rest = &set->rest[index];
	return true;
}

/*
 * Where a packet is met, and of which family it is: one that says IPv6 before the IP header, and
 * IPv4 in it, is alike to none.
 */
static __always_inline __u8 fl_recent_met(enum fl_hook hook, bool v4)
{
	return (__u8)(hook << 1 | v4);
}

/*
 * Where a frame has what is looked at, in bytes; up to ports they are ends of words that lie two
 * bytes behind a multiple of four, as the IP header does.
 */
struct fl_next {
	__u32 proto, hops, src, dst; /* the addresses' last words */
	__u32 l4;
};

static const struct fl_next fl_next4 = { .proto = 23, .hops = 22, .src = 26, .dst = 30, .l4 = 34 };
static const struct fl_next fl_next6 = { .proto = 20, .hops = 21, .src = 34, .dst = 50, .l4 = 54 };

/* Of TCP's and UDP's headers: bytes that there must be, where the length and the flags are. */
enum { FL_NEXT_UDP = 8, FL_NEXT_TCP = 20, FL_NEXT_LENGTH = 12, FL_NEXT_AT_FLAGS = 13 };

/* 0 when the frame begins as the one did that is kept, but for the rest of IPv6's addresses. */
static __always_inline __u32 fl_next_differs(const void *data, const struct fl_next *at,
					     const struct fl_start *is)
{
	return (*(const __u32 *)(data + at->src) ^ is->addr_be[0]) |
	       (*(const __u32 *)(data + at->dst) ^ is->addr_be[1]) |
	       (*(const __u32 *)(data + at->l4) ^ is->ports_be) |
	       (*(const __u32 *)(data + 2) ^ is->macs[0]) |
	       (*(const __u32 *)(data + 6) ^ is->macs[1]) |
	       (*(const __u32 *)(data + 10) ^ is->macs[2]) |
	       (__u32)(*(const __u16 *)data ^ is->first) |
	       (__u32)(*(const __u8 *)(data + at->proto) ^ is->proto);
}

/* 0 when that does not differ either; of IPv4, when the packet is in one piece. */
static __always_inline __u32 fl_next_rest_differs(const void *data, bool v4,
						  const struct fl_recent_rest *rest)
{
	const __u32 *src = data + 22, *dst = data + 38;

	if (v4)
		return *(const __u16 *)(data + 20) & bpf_htons(0x3fff);
	return (src[0] ^ rest->src_be[0]) | (src[1] ^ rest->src_be[1]) |
	       (src[2] ^ rest->src_be[2]) | (dst[0] ^ rest->dst_be[0]) |
	       (dst[1] ^ rest->dst_be[1]) | (dst[2] ^ rest->dst_be[2]);
}

/* Of its flags TCP must have ACK, and none of FIN, SYN and RST, which change a connection. */
enum { FL_NEXT_FLAGS = 0x17, FL_NEXT_ACK = 0x10 };

/* True when the frame cannot be one that is kept, whatever it may be. */
static __always_inline bool fl_next_is_odd(const void *data, const void *end,
					   const struct fl_next *at)
{
	if (*(const __u8 *)(data + at->proto) != IPPROTO_TCP)
		return false;
	return data + at->l4 + FL_NEXT_TCP > end ||
	       (*(const __u8 *)(data + at->l4 + FL_NEXT_AT_FLAGS) & FL_NEXT_FLAGS) != FL_NEXT_ACK;
}

/* Bytes from the IP header to what TCP or UDP carries; 0: the packet is not what it says. */
static __always_inline __u32 fl_next_headers(const void *data, const void *end,
					     const struct fl_next *at, __u8 proto)
{
	__u32 length = FL_NEXT_UDP;

	if (proto == IPPROTO_TCP) {
		if (data + at->l4 + FL_NEXT_TCP > end)
			return 0;
		length = (*(const __u8 *)(data + at->l4 + FL_NEXT_LENGTH) >> 4) * 4;
		if (length < FL_NEXT_TCP)
			return 0;
	}
	return at->l4 - ETH_HLEN + length;
}

/* Takes one hop from the packet, and puts the sum right, as fl_head_hop() and fl_head_store(). */
static __always_inline void fl_next_hop(struct __sk_buff *skb, void *data, bool v4)
{
	__u16 *check = data + 24;
	__u32 sum;

	if (!v4) {
		--*(__u8 *)(data + fl_next6.hops);
		bpf_csum_update(skb, (__u16)~bpf_htons(1));
		return;
	}
	sum = *check + bpf_htons(1 << 8);
	--*(__u8 *)(data + fl_next4.hops);
	*check = sum + (sum >= 0xffff);
}

/* Out to another node, if that is still the way. A verdict, or -1: nothing has been done. */
static __always_inline int fl_next_out(struct __sk_buff *skb, void *data, __u32 len,
				       const struct fl_recent *e)
{
	struct bpf_redir_neigh next = { .nh_family = FL_AF_INET, .ipv4_nh = e->hop_be };
	__u32 state;

	if (len > e->mtu || !fl_kernel_routes4(skb, &state) || state != e->state)
		return -1;
	fl_next_hop(skb, data, true);
	skb->mark = FL_MARK;
	return bpf_redirect_neigh(e->ifindex, &next, sizeof(next), 0);
}

/* Through a router into a pod of this node. The same. */
static __always_inline int fl_next_route(struct __sk_buff *skb, void *data, bool v4,
					 const struct fl_recent *e)
{
	fl_next_hop(skb, data, v4);
	*(__u16 *)data = e->mac_first;
	*(__u32 *)(data + 2) = e->mac_middle[0];
	*(__u32 *)(data + 6) = e->mac_middle[1];
	*(__u16 *)(data + 10) = e->mac_last;
	return fl_enter(skb, e->ifindex);
}

/* What is done with the packet. A verdict, or -1: nothing has been done. */
static __always_inline int fl_next_act(struct __sk_buff *skb, enum fl_hook hook, void *data,
				       bool v4, __u32 len, const struct fl_recent *e)
{
	if (hook == FL_TO_POD || (hook == FL_FROM_POD && e->act == FL_RECENT_STACK))
		return TC_ACT_OK;
	if (hook == FL_FROM_POD && e->act == FL_RECENT_BRIDGE)
		return fl_enter(skb, e->ifindex);
	if (*(__u8 *)(data + (v4 ? fl_next4.hops : fl_next6.hops)) <= 1)
		return -1;
	/* No way out is known of IPv6. */
	return v4 && hook == FL_FROM_POD && e->act == FL_RECENT_OUT
		       ? fl_next_out(skb, data, len, e)
		       : fl_next_route(skb, data, v4, e);
}

/* As fl_recent_pass(), of a packet of this family. */
static __always_inline int fl_recent_pass_ip(struct __sk_buff *skb, enum fl_hook hook, bool v4,
					     const struct fl_state *state)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	const struct fl_next *at = v4 ? &fl_next4 : &fl_next6;
	__u32 bytes = skb->len, len, headers;
	struct fl_recent_place place;
	struct fl_recent *e;
	int r;

	if (data + at->l4 + FL_NEXT_UDP > end || fl_next_is_odd(data, end, at) ||
	    !fl_recent_at(*(__u32 *)(data + at->src), *(__u32 *)(data + at->dst),
			  *(__u32 *)(data + at->l4), skb->ifindex, &place))
		return -1;
	e = place.e;
	if (fl_next_differs(data, at, &e->is) || fl_next_rest_differs(data, v4, place.rest) ||
	    e->is.ifindex != skb->ifindex || e->is.met != fl_recent_met(hook, v4) ||
	    skb->vlan_present || e->now != (__u32)bpf_jiffies64() ||
	    e->age != *(volatile __u64 *)&state->age)
		return -1;
	len = v4 ? bpf_ntohs(*(__u16 *)(data + 16))
		 : sizeof(struct ipv6hdr) + bpf_ntohs(*(__u16 *)(data + 18));
	headers = fl_next_headers(data, end, at, e->is.proto);
	if (!headers || len < headers || len + ETH_HLEN > bytes)
		return -1;
	len = skb->gso_size ? headers + skb->gso_size : bytes - ETH_HLEN;
	r = fl_next_act(skb, hook, data, v4, len, e);
	if (r >= 0)
		fl_count_bytes(bytes, r == TC_ACT_OK ? FL_R_FORWARDED : FL_R_REDIRECTED,
			       hook == FL_FROM_POD ? FL_EGRESS : FL_INGRESS);
	return r;
}

/* Does with the packet what was done with the one before. A verdict, or -1: nothing was done. */
static __always_inline int fl_recent_pass(struct __sk_buff *skb, enum fl_hook hook,
					  const struct fl_state *state)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u8 first;

	if (data + ETH_HLEN + 1 > end)
		return -1;
	/* Version, and of IPv4 the header's words. */
	first = *(__u8 *)(data + ETH_HLEN);
	return first == 0x45	 ? fl_recent_pass_ip(skb, hook, true, state)
	       : first >> 4 == 6 ? fl_recent_pass_ip(skb, hook, false, state)
				 : -1;
}

/* What has been found of a connection, and what has been done with its packet. */
struct fl_found {
	struct fl_flow *f;
	__u64 age; /* of struct fl_state, before it was looked for */
	enum fl_recent_act act;
	bool is_busy;	       /* it has had a packet in this jiffy */
	struct fl_known known; /* FL_RECENT_OUT: the way */
};

/* Notes what becomes of packets for side to of the connection. */
static __always_inline void fl_recent_fill(struct fl_recent *e, const struct fl_found *s, int to)
{
	const struct fl_flow *f = s->f;

	e->act = s->act;
	e->ifindex = f->pod[to];
	if (s->act != FL_RECENT_OUT) {
		const __u8 *mac = __builtin_assume_aligned(f->mac[to], 2);
		const __u8 *host = __builtin_assume_aligned(f->host_mac[to], 2);

		__builtin_memcpy(&e->mac_first, mac, 2);
		__builtin_memcpy(&e->mac_middle[0], mac + 2, 4);
		__builtin_memcpy(&e->mac_middle[1], host, 4);
		__builtin_memcpy(&e->mac_last, host + 4, 2);
	} else {
		e->ifindex = s->known.ifindex;
		e->hop_be = s->known.hop_be;
		e->state = s->known.state;
		e->mtu = s->known.mtu;
	}
}

/*
 * Keeps what has been done with a packet for the next ones, if there may be some. An entry that has
 * changed meanwhile, or has become another connection's, is not worth it.
 */
static __always_inline void fl_recent_keep(struct __sk_buff *skb, enum fl_hook hook,
					   const struct fl_packet *p, const struct fl_lookup *l,
					   const struct fl_found *s)
{
	const __u8 *eth = __builtin_assume_aligned(&p->eth, 2);
	struct fl_recent_place place;
	struct fl_recent *e;
	__u32 src_be, dst_be;

	/* No way out is known of IPv6. */
	if ((p->proto == IPPROTO_TCP && p->tcp != FL_TCP_ACK) ||
	    (!p->v4 && s->act == FL_RECENT_OUT))
		return;
	fl_flow_ends(l, 3, 4, &src_be, &dst_be);
	if (!fl_recent_at(src_be, dst_be, p->ports_be, skb->ifindex, &place))
		return;
	e = place.e;
	e->is.ifindex = 0;
	if (l->side)
		fl_recent_fill(e, s, 0);
	else
		fl_recent_fill(e, s, 1);
	barrier();
	if (*(volatile __u32 *)&s->f->generation != (__u32)s->age ||
	    bpf_map_lookup_elem(&fl_flows, &l->key) != s->f)
		return;
	e->now = l->now;
	e->age = s->age;
	__builtin_memcpy(&e->is.first, eth, 2);
	__builtin_memcpy(e->is.macs, eth + 2, sizeof(e->is.macs));
	fl_flow_ends(l, 3, 4, &e->is.addr_be[0], &e->is.addr_be[1]);
	if (!p->v4)
		fl_flow_ends(l, 0, 3, place.rest->src_be, place.rest->dst_be);
	e->is.ports_be = p->ports_be;
	e->is.proto = p->proto;
	e->is.met = fl_recent_met(hook, p->v4);
	e->is.ifindex = skb->ifindex;
}
