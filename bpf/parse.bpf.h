// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From bytes to a struct fl_packet. Reads the packet and no map. Every step checks what it reads
 * and returns 0 or a negative reason; whatever is not understood has a reason of its own. Headers
 * are copied out by helper, so that it does not matter how a packet lies in memory.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_vlan.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

enum fl_kind {
	FL_KIND_FLOW,	   /* of a connection: addresses, protocol and ports are its own */
	FL_KIND_ERROR,	   /* an ICMP error: they are those of the packet that it is about */
	FL_KIND_NEIGHBOUR, /* ARP, IPv6 neighbour discovery and multicast listening */
};

/* Of skb->pkt_type: the frame is addressed to this machine (<linux/if_packet.h>). */
enum { FL_PACKET_HOST = 0 };

enum fl_part { FL_WHOLE, FL_FIRST_FRAGMENT, FL_LATER_FRAGMENT };

struct fl_packet {
	/* Up to src they are zero where the packet has nothing else to say. */
	__u8 kind, part;
	__u8 proto;
	__u8 tcp; /* FL_TCP_... */
	__u8 ttl; /* or hop limit */
	__u8 v4;
	__u8 plain; /* nothing comes between the IP header and what it carries */
	union {
		struct {
			__u16 sport_be, dport_be;
		};
		__u32 ports_be; /* both, as they lie in the packet */
	};
	__u16 headers;	   /* TCP, UDP: bytes from the IP header to their data; 0: not known */
	__u32 fragment_be; /* identification */
	__u32 l3;	   /* offset of the IP header */
	struct fl_in src, dst;
	/* NEIGHBOUR: the address that the sender says is its own; zero: none; all ones: a router's
	 */
	struct fl_in claimed;
	struct fl_in outer_src; /* ERROR: who sent it */
	struct fl_in outer_dst;
	struct ethhdr eth;
};

/* ARP for IPv4 over Ethernet (RFC 826), after struct ethhdr. */
struct fl_arp {
	__be16 hardware, protocol;
	__u8 hardware_len, protocol_len;
	__be16 operation;
	__u8 sender_mac[6], sender_ip[4], target_mac[6], target_ip[4];
} __attribute__((packed, aligned(2)));

#define FL_EXTENSIONS_MAX 6

/* Headers that follow IPv6's (RFC 8200); <linux/in6.h> would bring the C library with it. */
enum {
	FL_EXT_HOP_BY_HOP = 0,
	FL_EXT_ROUTING = 43,
	FL_EXT_FRAGMENT = 44,
	FL_EXT_ICMP = 58,
	FL_EXT_DESTINATION = 60,
	FL_EXT_MOBILITY = 135,
};

/* What ICMP and ICMPv6 begin with. */
struct fl_icmp {
	__u8 type, code;
	__be16 checksum, id, sequence;
};

/* Types of ICMP (RFC 792) and ICMPv6 (RFC 4443, 4861, 2710, 3810). */
enum {
	FL_ICMP4_REPLY = 0,
	FL_ICMP4_UNREACHABLE = 3,
	FL_ICMP4_QUENCH = 4,
	FL_ICMP4_ECHO = 8,
	FL_ICMP4_EXCEEDED = 11,
	FL_ICMP4_PARAMETER = 12,
	FL_ICMP6_INFORMATIONAL = 128, /* errors are below */
	FL_ICMP6_ECHO = 128,
	FL_ICMP6_REPLY = 129,
	FL_MLD_QUERY = 130,
	FL_MLD_DONE = 132,
	FL_ND_FIRST = 133,
	FL_ND_ROUTER = 134,
	FL_ND_SOLICITATION = 135,
	FL_ND_ADVERTISEMENT = 136,
	FL_ND_LAST = 137, /* a router's redirect */
	FL_MLD2_REPORT = 143,
};

/* A packet, and what of it lies in one piece from its beginning on. */
struct fl_view {
	struct __sk_buff *skb;
	void *data, *end;
	bool in_place; /* what lies elsewhere is not looked for */
	__u32 ahead;   /* bytes that offsets count although they are not there: Ethernet's */
};

/* The packet's bytes, as offsets count them. */
static __always_inline __u32 fl_view_len(const struct fl_view *v)
{
	return v->skb->len + v->ahead;
}

/* Copies what is there, in place: faster than by helper. at and len are constants. */
static __always_inline bool fl_copy(const struct fl_view *v, __u32 at, void *to, __u32 len)
{
	if (v->data + at + len > v->end)
		return false;
	/* The IP header lies on a word, the Ethernet header on half of one. */
	if (at < ETH_HLEN)
		__builtin_memcpy(to, __builtin_assume_aligned(v->data + at, 2), len);
	else
		__builtin_memcpy(to, __builtin_assume_aligned(v->data + at, 4), len);
	return true;
}

/* Copies what is at the offset, however the packet lies in memory. 0 or -FL_R_TRUNCATED. */
static __always_inline int fl_load(const struct fl_view *v, __u32 off, void *to, __u32 len)
{
	if (v->in_place)
		return -FL_R_TRUNCATED;
	return bpf_skb_load_bytes(v->skb, off - v->ahead, to, len) < 0 ? -FL_R_TRUNCATED : 0;
}

/* The same at a constant offset: mostly in place. */
static __always_inline int fl_read(const struct fl_view *v, __u32 at, void *to, __u32 len)
{
	return fl_copy(v, at, to, len) ? 0 : fl_load(v, at, to, len);
}

/*
 * The same of what follows the IP header, at off. It is at one of two places where nothing comes
 * between; p says so, since the verifier would follow each value that off is compared with.
 */
static __always_inline int fl_read_l4(const struct fl_view *v, const struct fl_packet *p, __u32 off,
				      void *to, __u32 len)
{
	if (p->plain && (p->v4 ? fl_copy(v, ETH_HLEN + sizeof(struct iphdr), to, len)
			       : fl_copy(v, ETH_HLEN + sizeof(struct ipv6hdr), to, len)))
		return 0;
	return fl_load(v, off, to, len);
}

/* Makes *out an IPv4 address. */
static __always_inline void fl_set_ip4(struct fl_in *out, __u32 addr_be)
{
	out->w_be[0] = 0;
	out->w_be[1] = 0;
	out->w_be[2] = bpf_htonl(0xffff);
	out->w_be[3] = addr_be;
}

/* True when the two MAC addresses are not the same. All lie on half a word. */
static __always_inline bool fl_mac_differs(const __u8 *a, const __u8 *b)
{
	const __u16 *x = __builtin_assume_aligned(a, 2), *y = __builtin_assume_aligned(b, 2);

	return (x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]);
}

/* True within fe80::/10. */
static __always_inline bool fl_in_is_link_local6(const struct fl_in *a)
{
	return (a->w_be[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

/* Ports, flags and kind from the header at off, of which left bytes are in the IP packet. */
static __always_inline int fl_parse_l4(const struct fl_view *v, __u32 off, __u32 left, bool inner,
				       struct fl_packet *p)
{
	/* What is looked at; in an ICMP error the first eight bytes are all that must be there. */
	union {
		struct tcphdr tcp;
		__be32 ports;
		struct fl_icmp icmp;
		__u8 raw[8];
	} h = {};
	__u32 need;

	if (p->proto == IPPROTO_TCP)
		need = inner ? 8 : sizeof(h.tcp);
	else if (p->proto == IPPROTO_UDP || p->proto == IPPROTO_ICMP || p->proto == FL_EXT_ICMP)
		need = 8;
	else if (p->proto == IPPROTO_SCTP)
		need = inner ? 8 : 12;
	else
		return 0;
	if (left < need)
		return p->part == FL_WHOLE ? -FL_R_TRUNCATED : -FL_R_MALFORMED;
	if (p->proto == IPPROTO_TCP && !inner) {
		if (fl_read_l4(v, p, off, &h.tcp, sizeof(h.tcp)) < 0)
			return -FL_R_TRUNCATED;
		if (h.tcp.doff < 5 || h.tcp.doff * 4u > left)
			return -FL_R_MALFORMED;
		p->tcp = (h.tcp.syn ? FL_TCP_SYN : 0) | (h.tcp.ack ? FL_TCP_ACK : 0) |
			 (h.tcp.fin ? FL_TCP_FIN : 0) | (h.tcp.rst ? FL_TCP_RST : 0);
		p->headers = off - ETH_HLEN + h.tcp.doff * 4;
	} else if ((inner ? fl_load(v, off, h.raw, sizeof(h.raw))
			  : fl_read_l4(v, p, off, h.raw, sizeof(h.raw))) < 0) {
		return -FL_R_TRUNCATED;
	}
	if (p->proto == IPPROTO_ICMP || p->proto == FL_EXT_ICMP) {
		bool v4 = p->proto == IPPROTO_ICMP;

		/* The asker's side only, or the other's own echoes would count as replies. */
		if (h.icmp.type == (v4 ? FL_ICMP4_ECHO : FL_ICMP6_ECHO))
			p->sport_be = h.icmp.id;
		else if (h.icmp.type == (v4 ? FL_ICMP4_REPLY : FL_ICMP6_REPLY))
			p->dport_be = h.icmp.id;
		return 0;
	}
	if (p->proto == IPPROTO_UDP && !inner)
		p->headers = off - ETH_HLEN + 8;
	p->ports_be = h.ports;
	return 0;
}

/* The IPv4 header at off; *next and *left are where its payload is and how long. */
static __always_inline int fl_parse_ip4(const struct fl_view *v, __u32 off, bool inner,
					struct fl_packet *p, __u32 *next, __u32 *left)
{
	struct iphdr h;
	__u32 len, header;
	__u16 part;

	if ((inner ? fl_load(v, off, &h, sizeof(h)) : fl_read(v, ETH_HLEN, &h, sizeof(h))) < 0)
		return -FL_R_TRUNCATED;
	header = h.ihl * 4u;
	len = bpf_ntohs(h.tot_len);
	/* What the kernel has yet to cut into segments may be longer than the field can say. */
	if (len == 0 && v->skb->gso_size)
		len = fl_view_len(v) - off;
	if (h.version != 4 || header < sizeof(h) || len < header)
		return -FL_R_MALFORMED;
	/* The quote in an ICMP error is cut short; every other packet must be all there. */
	if (!inner && off + len > fl_view_len(v))
		return -FL_R_TRUNCATED;
	if (inner && off + len > fl_view_len(v))
		len = fl_view_len(v) - off;
	if (len < header)
		return -FL_R_TRUNCATED;
	part = bpf_ntohs(h.frag_off);
	p->part = part & 0x1fff ? FL_LATER_FRAGMENT : part & 0x2000 ? FL_FIRST_FRAGMENT : FL_WHOLE;
	p->fragment_be = h.id;
	p->proto = h.protocol;
	p->ttl = h.ttl;
	p->v4 = 1;
	p->plain = !inner && header == sizeof(h);
	fl_set_ip4(&p->src, h.saddr);
	fl_set_ip4(&p->dst, h.daddr);
	*next = off + header;
	*left = len - header;
	return 0;
}

/* One extension header at *next. Returns 1 when another may follow, 0 at the payload. */
static __always_inline int fl_parse_extension(const struct fl_view *v, struct fl_packet *p,
					      __u32 *next, __u32 *left)
{
	/* All begin with the next header and a length, which a fragment's has not; RFC 8200, 4. */
	__u8 h[8];
	__u32 len;
	__u16 part;

	switch (p->proto) {
	case FL_EXT_HOP_BY_HOP:
	case FL_EXT_ROUTING:
	case FL_EXT_DESTINATION:
	case IPPROTO_AH:
	case FL_EXT_MOBILITY:
	case FL_EXT_FRAGMENT:
		break;
	default:
		return 0;
	}
	if (*left < sizeof(h) || fl_load(v, *next, h, sizeof(h)) < 0)
		return -FL_R_TRUNCATED;
	len = p->proto == FL_EXT_FRAGMENT ? 8u
	      : p->proto == IPPROTO_AH	  ? (h[1] + 2) * 4u
					  : (h[1] + 1) * 8u;
	if (len > *left)
		return -FL_R_MALFORMED;
	/* Type 0 routing is deprecated for good reasons: RFC 5095. */
	if (p->proto == FL_EXT_ROUTING && h[2] == 0)
		return -FL_R_MALFORMED;
	if (p->proto == FL_EXT_FRAGMENT) {
		part = (__u16)(h[2] << 8 | h[3]);
		p->fragment_be = *(__u32 *)(h + 4);
		/* One that is first and last is a whole packet: RFC 6946. */
		p->part = part & 0xfff8 ? FL_LATER_FRAGMENT
			  : part & 1	? FL_FIRST_FRAGMENT
					: FL_WHOLE;
	}
	p->proto = h[0];
	*next += len;
	*left -= len;
	return p->part == FL_LATER_FRAGMENT ? 0 : 1;
}

/* The IPv6 header at off, without the extension headers that follow; as fl_parse_ip4(). */
static __always_inline int fl_parse_ip6_fixed(const struct fl_view *v, __u32 off, bool inner,
					      struct fl_packet *p, __u32 *next, __u32 *left)
{
	struct ipv6hdr h;
	__u32 len;

	if ((inner ? fl_load(v, off, &h, sizeof(h)) : fl_read(v, ETH_HLEN, &h, sizeof(h))) < 0)
		return -FL_R_TRUNCATED;
	len = bpf_ntohs(h.payload_len);
	if (h.version != 6)
		return -FL_R_MALFORMED;
	*next = off + sizeof(h);
	/* Length 0 is a jumbogram's, which the kernel makes of large segments it has yet to cut. */
	if (len == 0 && h.nexthdr == FL_EXT_HOP_BY_HOP)
		len = fl_view_len(v) - *next;
	if (!inner && *next + len > fl_view_len(v))
		return -FL_R_TRUNCATED;
	if (*next + len > fl_view_len(v))
		len = fl_view_len(v) - *next;
	p->proto = h.nexthdr;
	p->ttl = h.hop_limit;
	p->v4 = 0;
	p->part = FL_WHOLE;
	__builtin_memcpy(&p->src, &h.saddr, sizeof(p->src));
	__builtin_memcpy(&p->dst, &h.daddr, sizeof(p->dst));
	p->plain = !inner && (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP);
	*left = len;
	return 0;
}

/* The same with the extension headers. */
static __always_inline int fl_parse_ip6(const struct fl_view *v, __u32 off, bool inner,
					struct fl_packet *p, __u32 *next, __u32 *left)
{
	int r = fl_parse_ip6_fixed(v, off, inner, p, next, left);

	if (r < 0)
		return r;
	r = 1;
	for (int i = 0; i < FL_EXTENSIONS_MAX && r == 1; i++)
		r = fl_parse_extension(v, p, next, left);
	return r == 1 ? -FL_R_EXTENSIONS : r;
}

/* True when the type is that of an ICMP error, which quotes a packet. */
static __always_inline bool fl_is_error(const struct fl_packet *p, __u8 type)
{
	if (p->proto == IPPROTO_ICMP)
		return type == FL_ICMP4_UNREACHABLE || type == FL_ICMP4_QUENCH ||
		       type == FL_ICMP4_EXCEEDED || type == FL_ICMP4_PARAMETER;
	return type < FL_ICMP6_INFORMATIONAL; /* RFC 4443, 2.1 */
}

/*
 * Who the sender of neighbour discovery says it is. Whoever hears it asking believes in its source
 * as in an advertisement's target; it has none while it looks whether an address is free.
 */
static __always_inline int fl_parse_claim(const struct fl_view *v, __u32 off, __u8 type,
					  struct fl_packet *p)
{
	if (type == FL_ND_ROUTER || type == FL_ND_LAST) {
		__builtin_memset(&p->claimed, 0xff, sizeof(p->claimed));
		return 0;
	}
	if (type == FL_ND_ADVERTISEMENT || (type == FL_ND_SOLICITATION && fl_in_is_zero(&p->src)))
		return fl_load(v, off + 8, &p->claimed, sizeof(p->claimed)) < 0 ? -FL_R_TRUNCATED
										: 0;
	p->claimed = p->src;
	return 0;
}

/* Neighbour discovery and multicast listening; they are for the link only. */
static __always_inline int fl_parse_nd(const struct fl_view *v, __u32 off, __u8 type,
				       struct fl_packet *p)
{
	bool nd = type >= FL_ND_FIRST && type <= FL_ND_LAST;
	bool mld = (type >= FL_MLD_QUERY && type <= FL_MLD_DONE) || type == FL_MLD2_REPORT;

	if (!nd && !mld)
		return 0;
	/* From elsewhere than this link, it is forged: RFC 4861, 7.1. */
	if ((nd && p->ttl != 255) ||
	    (mld && !fl_in_is_link_local6(&p->src) && !fl_in_is_zero(&p->src)))
		return -FL_R_MALFORMED;
	p->kind = FL_KIND_NEIGHBOUR;
	__builtin_memset(&p->claimed, 0, sizeof(p->claimed));
	return nd ? fl_parse_claim(v, off, type, p) : 0;
}

/* An ICMP header at off: is it an error about a flow, or about neighbours? */
static __always_inline int fl_parse_icmp(const struct fl_view *v, __u32 off, __u32 left,
					 struct fl_packet *p)
{
	__u32 next = 0, rest = 0;
	__u8 type, ttl = p->ttl;
	int r;

	if (left < 8 || fl_load(v, off, &type, 1) < 0)
		return -FL_R_TRUNCATED;
	if (p->proto == FL_EXT_ICMP) {
		r = fl_parse_nd(v, off, type, p);
		if (r < 0 || p->kind == FL_KIND_NEIGHBOUR)
			return r;
	}
	if (!fl_is_error(p, type))
		return fl_parse_l4(v, off, left, false, p);
	p->kind = FL_KIND_ERROR;
	p->outer_src = p->src;
	p->outer_dst = p->dst;
	if (p->v4)
		r = fl_parse_ip4(v, off + 8, true, p, &next, &rest);
	else
		r = fl_parse_ip6(v, off + 8, true, p, &next, &rest);
	if (r < 0)
		return r;
	p->ttl = ttl;
	/* A later fragment has no ports; and an error goes to whom it is about. */
	if (p->part == FL_LATER_FRAGMENT || !fl_in_equal(&p->src, &p->outer_dst))
		return -FL_R_INVALID_STATE;
	return fl_parse_l4(v, next, rest, true, p);
}

/* An ARP message; p->claimed is what its sender says to be. */
static __always_inline int fl_parse_arp(const struct fl_view *v, struct fl_packet *p)
{
	struct fl_arp h;

	if (fl_read(v, ETH_HLEN, &h, sizeof(h)) < 0)
		return -FL_R_TRUNCATED;
	if (h.hardware != bpf_htons(1) || h.protocol != bpf_htons(ETH_P_IP) ||
	    h.hardware_len != 6 || h.protocol_len != 4)
		return -FL_R_MALFORMED;
	p->kind = FL_KIND_NEIGHBOUR;
	p->v4 = 1;
	__builtin_memset(&p->claimed, 0, sizeof(p->claimed));
	if (*(__u32 *)h.sender_ip)
		fl_set_ip4(&p->claimed, *(__u32 *)h.sender_ip);
	/* The MAC that neighbours will believe in, beside the frame's own. */
	if (fl_mac_differs(h.sender_mac, p->eth.h_source))
		return -FL_R_SPOOFED_MAC;
	return 0;
}

/* From the IP header on. */
static __always_inline int fl_parse_ip(const struct fl_view *v, bool v4, struct fl_packet *p)
{
	__u32 next = 0, left = 0;
	int r;

	p->l3 = ETH_HLEN;
	if (v4)
		r = fl_parse_ip4(v, ETH_HLEN, false, p, &next, &left);
	else
		r = fl_parse_ip6(v, ETH_HLEN, false, p, &next, &left);
	if (r < 0 || p->part == FL_LATER_FRAGMENT)
		return r;
	if ((p->v4 && p->proto == IPPROTO_ICMP) || (!p->v4 && p->proto == FL_EXT_ICMP))
		return fl_parse_icmp(v, next, left, p);
	return fl_parse_l4(v, next, left, false, p);
}

/* The whole packet. 0 or a negative reason. */
static __always_inline int fl_parse(struct __sk_buff *skb, struct fl_packet *p)
{
	const struct fl_view view = { skb, (void *)(long)skb->data, (void *)(long)skb->data_end,
				      false, 0 };
	const struct fl_view *v = &view;

	__builtin_memset(p, 0, offsetof(struct fl_packet, dst));
	if (fl_read(v, 0, &p->eth, sizeof(p->eth)) < 0)
		return -FL_R_TRUNCATED;
	if (skb->vlan_present || p->eth.h_proto == bpf_htons(ETH_P_8021Q) ||
	    p->eth.h_proto == bpf_htons(ETH_P_8021AD))
		return -FL_R_VLAN;
	p->l3 = ETH_HLEN;
	if (p->eth.h_proto == bpf_htons(ETH_P_ARP))
		return fl_parse_arp(v, p);
	if (p->eth.h_proto == bpf_htons(ETH_P_IP))
		return fl_parse_ip(v, true, p);
	if (p->eth.h_proto == bpf_htons(ETH_P_IPV6))
		return fl_parse_ip(v, false, p);
	return -FL_R_ETHERTYPE;
}

/* The same where the stack has taken the Ethernet header off: p->eth is not filled in. */
static __always_inline int fl_parse_in_stack(struct __sk_buff *skb, struct fl_packet *p)
{
	const struct fl_view view = { .skb = skb, .ahead = ETH_HLEN };
	__u8 first;

	__builtin_memset(p, 0, offsetof(struct fl_packet, dst));
	if (bpf_skb_load_bytes(skb, 0, &first, sizeof(first)) < 0)
		return -FL_R_TRUNCATED;
	if (first >> 4 == 4)
		return fl_parse_ip(&view, true, p);
	return first >> 4 == 6 ? fl_parse_ip(&view, false, p) : -FL_R_ETHERTYPE;
}

/*
 * The same of a packet that lies in one piece and has nothing but plain headers of IPv4 or IPv6 and
 * of TCP or UDP. False: it is none, or fl_parse() has a reason against it.
 */
static __always_inline bool fl_parse_plain(struct __sk_buff *skb, bool v4, struct fl_packet *p)
{
	const struct fl_view view = { skb, (void *)(long)skb->data, (void *)(long)skb->data_end,
				      true, 0 };
	const struct fl_view *v = &view;
	__u32 next = 0, left = 0;
	int r;

	__builtin_memset(p, 0, sizeof(*p));
	if (skb->vlan_present || !fl_copy(v, 0, &p->eth, sizeof(p->eth)) ||
	    p->eth.h_proto != bpf_htons(v4 ? ETH_P_IP : ETH_P_IPV6))
		return false;
	p->l3 = ETH_HLEN;
	r = v4 ? fl_parse_ip4(v, ETH_HLEN, false, p, &next, &left)
	       : fl_parse_ip6_fixed(v, ETH_HLEN, false, p, &next, &left);
	if (r < 0 || p->part != FL_WHOLE || !p->plain ||
	    (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP))
		return false;
	return fl_parse_l4(v, ETH_HLEN + (v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)), left,
			   false, p) == 0;
}
