// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the programs in the kernel and the agent agree on: keys and values of the maps, verdict
 * reasons, limits. Both sides and the tests include this one file. Addresses are 16 bytes in
 * network order, IPv4 as ::ffff:a.b.c.d. A name that ends in _be is in network byte order,
 * everything else in the host's. Every struct has explicit padding, which must be zero in a key,
 * and a size that is checked. FL_ABI_VERSION changes with the layout of any map.
 *
 * How a new flow is judged, with a number of look-ups that does not depend on any policy, but for
 * the lengths of port ranges, of which there are 17:
 *
 *	interface -> endpoint -> slot -> version of a policy set, isolated or not in each direction
 *	other address -> who it is	    a hash, else longest prefix: a pod's identity and
 *					    namespace, a block of policies
 *	version, direction, one of these -> rule    for each of them, FL_ID_PODS and FL_ID_ANY
 *	rule's port set, protocol, port -> allow    a hash, asked once for each length of prefix in
 *					    the set; any match of any rule allows
 *
 * A block stands for all blocks of policies that cover the address, and a rule for all that the
 * set's policies allow it, so the longest prefix never hides a shorter one's ports, and an address
 * that has an entry of its own, with the longest block around it, hides none either. A set changes
 * by one write: a version that nobody uses is filled, then its number goes into the slot.
 */
#pragma once

#include <linux/types.h>

#define FL_ABI_VERSION 1

/* Limits: the sizes of the maps. A full map refuses new entries; none is ever overwritten. */
#define FL_MAX_ENDPOINTS 4096	 /* pods of this node */
#define FL_MAX_LOCALS	 16384	 /* their addresses */
#define FL_MAX_ADDRESSES 262144	 /* of pods anywhere, and those that policies name */
#define FL_MAX_PREFIXES	 262144	 /* other blocks of policies */
#define FL_MAX_SPECIALS	 65536	 /* the node's addresses, Services' and other nodes' blocks */
#define FL_MAX_SLOTS	 4096	 /* policy sets in use on this node */
#define FL_MAX_RULES	 1048576 /* version x direction x identity */
#define FL_MAX_PORTS	 262144	 /* port sets' members */
#define FL_MAX_FLOWS	 524288	 /* tracked connections */
#define FL_MAX_FRAGMENTS 16384	 /* fragmented packets being tracked; the oldest gives way */
#define FL_MAX_DEVICES	 256	 /* interfaces to other nodes */
#define FL_MAX_DENIED	 16384	 /* blocks whose packets are dropped at the underlay */
#define FL_MAX_TUNNELS	 16384	 /* other nodes through the overlay */

#define FL_EVENTS_BYTES 262144 /* of the ring buffer; the agent has them in its memory twice */
/*
 * Events of one processor: so many at once, and so many more with each jiffy. An event makes a new
 * connection dearer by half a microsecond, and the agent reads no more than a few processors send.
 */
#define FL_EVENTS_BURST 256
#define FL_EVENTS_JIFFY 8

#define FL_ABI_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)

struct fl_in {
	union {
		__u8 b[16];
		__u32 w_be[4];
	};
};
FL_ABI_SIZE(struct fl_in, 16);

/* True when both are the same address. */
static inline int fl_in_equal(const struct fl_in *a, const struct fl_in *b)
{
	return a->w_be[0] == b->w_be[0] && a->w_be[1] == b->w_be[1] && a->w_be[2] == b->w_be[2] &&
	       a->w_be[3] == b->w_be[3];
}

/* True for "::", and for no address. */
static inline int fl_in_is_zero(const struct fl_in *a)
{
	return !(a->w_be[0] | a->w_be[1] | a->w_be[2] | a->w_be[3]);
}

/* Seen from the pod. */
enum fl_dir { FL_INGRESS, FL_EGRESS, FL_DIRS };

/* Numbers of identities, namespaces and blocks, no two the same, begin at FL_ID_FIRST. */
enum {
	FL_ID_ANY = 0,	/* in a rule: everybody */
	FL_ID_PODS = 1, /* every pod, whatever its namespace */
	FL_ID_FIRST = 16,
};

/* Of struct fl_special. */
enum {
	FL_SPECIAL_NODE = 1 << 0, /* an address of this node, which always reaches its pods */
	/* Of Services: the stack puts another destination in, and the flow is judged by that. */
	FL_SPECIAL_SERVICE = 1 << 1,
	/* Of another node's pods: what goes there and comes from there goes past the stack. */
	FL_SPECIAL_PEER = 1 << 2,
};

/* Of struct fl_slot. */
enum {
	FL_SLOT_INGRESS = 1 << 0, /* isolated for what comes in */
	FL_SLOT_EGRESS = 1 << 1,  /* and for what goes out */
	FL_SLOT_CLOSED = 1 << 2,  /* a policy that did not fit: nothing new either way */
};

/* Of struct fl_endpoint_info. */
enum {
	/* On its way in: connections are judged by it already, but nothing passes it yet. */
	FL_ENDPOINT_SHUT = 1 << 0,
};

/* fl_endpoints: index of a pod's host interface -> what it is. */
struct fl_endpoint_info {
	/*
	 * The key once more. An entry's memory may become another's while a program still looks at
	 * it: whoever reads this last, and finds it right, has read one entry.
	 */
	__u32 ifindex;
	__u32 flags;	       /* FL_ENDPOINT_... */
	__u32 zone;	       /* network: addresses are unique within one */
	__u32 identity, ns;    /* of the pod and its namespace */
	__u32 slot;	       /* of its policy set */
	__u8 mac[6];	       /* of the pod's interface */
	__u8 host_mac[6];      /* of its router: of the bridge it is in, else of the host's end */
	struct fl_in ip4, ip6; /* its first of each family, zero: none; others are in fl_locals */
	/*
	 * Until this second of CLOCK_MONOTONIC TCP connections from before the pod came under the
	 * datapath are taken up by whichever side speaks first; 0: it has always been there.
	 */
	__u32 pick_up_until_s;
};
FL_ABI_SIZE(struct fl_endpoint_info, 72);

enum { FL_PICK_UP_S = 600 }; /* seconds that such a pod gets: some retransmissions and keepalives */

/* fl_locals: an address of a pod of this node -> the index of its host interface. */
struct fl_address_key {
	__u32 zone;
	struct fl_in addr;
};
FL_ABI_SIZE(struct fl_address_key, 20);

/* fl_addresses, same key: who an address is, whatever blocks it lies in. */
struct fl_address_info {
	struct fl_address_key key; /* once more, as in struct fl_endpoint_info: to be read last */
	__u32 identity, ns;	   /* of the pod that has the address; 0: none */
	__u32 block;		   /* of policies, the longest that covers it; 0: none does */
};
FL_ABI_SIZE(struct fl_address_info, 32);

/* fl_prefixes, longest prefix: what block an address lies in that fl_addresses does not have. */
struct fl_prefix_key {
	__u32 prefixlen; /* 32 + bits of addr */
	__u32 zone;
	struct fl_in addr;
};
FL_ABI_SIZE(struct fl_prefix_key, 24);

struct fl_prefix_info {
	__u32 block; /* of policies; 0: none covers it */
};
FL_ABI_SIZE(struct fl_prefix_info, 4);

/* fl_specials, longest prefix, same key: addresses that are treated in a way of their own. */
struct fl_special {
	__u32 flags; /* FL_SPECIAL_... */
};
FL_ABI_SIZE(struct fl_special, 4);

/* fl_devices: index of an interface to other nodes that has our programs -> what they do there. */
enum {
	/* Nothing does it before them: they drop what comes from fl_denied. */
	FL_DEVICE_DENIES = 1 << 0,
	/* 1 << 1 was an earlier version's. */
	FL_DEVICE_TUNNEL = 1 << 2, /* a VTEP: fl_tunnels says how it wraps up what it sends */
};

struct fl_device {
	__u32 flags; /* FL_DEVICE_... */
};
FL_ABI_SIZE(struct fl_device, 4);

/* fl_tunnels: who a frame is for that leaves by a VTEP of ours -> how it would be wrapped up. */
struct fl_tunnel_key {
	__u32 ifindex; /* of the VTEP */
	__u8 mac[6];   /* of the other node's VTEP */
	__u8 pad[2];
};
FL_ABI_SIZE(struct fl_tunnel_key, 12);

struct fl_tunnel {
	__u32 local_be, remote_be; /* IPv4 addresses of both nodes */
	__u32 vni_be;		   /* as it stands in the header: in the upper three bytes */
	__u16 dport_be;
	__u16 sport_first, sports; /* the source port follows from the packet's hash: so many */
	__u8 ttl;
	__u8 pad;
};
FL_ABI_SIZE(struct fl_tunnel, 20);

enum { FL_TUNNEL_OVERHEAD = 50 }; /* bytes: Ethernet, VXLAN, UDP, IPv4 */

/*
 * fl_lease, one entry: until when fl_tunnels may be relied on. The agent, which watches over what
 * it was made from, renews it as long as it lives; without it the VTEP itself does the work.
 */
struct fl_lease {
	__u64 until; /* jiffies, as bpf_jiffies64() counts them; 0: not at all */
};
FL_ABI_SIZE(struct fl_lease, 8);

enum { FL_LEASE_S = 5 };

/*
 * What fl_from_pod sends past the stack carries this mark to the interface, where fl_to_net takes
 * it off. Nothing of a pod's comes with a mark: the kernel clears it between namespaces.
 */
#define FL_MARK 0x0fa1ead0

/*
 * What a pod sends to a Service carries this mark, with the slot of its policy set in the low bits:
 * fl_in_stack judges it as the stack has translated it, and so does fl_to_net, where it may have
 * the node's address too. The bits between are others', who mark by bits (kube-proxy 0x4000 and
 * 0x8000, portmap 0x2000).
 */
#define FL_MARK_SLOT	   0x0fa20000
#define FL_MARK_SLOT_MASK  0xffff0000
#define FL_MARK_SLOT_INDEX (FL_MAX_SLOTS - 1)
_Static_assert(FL_MAX_SLOTS <= 0x1000 && (FL_MAX_SLOTS & (FL_MAX_SLOTS - 1)) == 0,
	       "a slot has 12 bits in a mark, which are taken by a mask");

/* fl_slots: slot -> the version in force. One write switches the set. */
struct fl_slot {
	__u32 version;
	__u32 flags; /* FL_SLOT_... */
};
FL_ABI_SIZE(struct fl_slot, 8);

/* fl_rules: what a version allows somebody. No entry: nothing. */
struct fl_rule_key {
	__u32 version;
	__u32 who; /* an identity, a namespace, a block, FL_ID_PODS, FL_ID_ANY */
	__u8 dir;  /* enum fl_dir */
	__u8 pad[3];
};
FL_ABI_SIZE(struct fl_rule_key, 12);

enum {
	FL_RULE_ALL = 0xffffffff, /* port set: every protocol and port */
};

enum { FL_PORT_BITS = 16 };

struct fl_rule {
	__u32 ports;   /* number of a port set, or FL_RULE_... */
	__u32 lengths; /* of the set: bit n, it has members of which n bits count */
	__u32 origin;  /* for flows and explain: number of the rule that says so, 0: none */
};
FL_ABI_SIZE(struct fl_rule, 12);

/*
 * fl_ports: a port set's members, which are disjoint: ports that begin with the same bits. Every
 * entry allows. A set has members of few lengths, mostly of one: single ports.
 */
struct fl_port_key {
	__u32 ports;
	__u16 port; /* of the destination; the bits that do not count are zero */
	__u8 proto; /* IPPROTO_TCP, _UDP, _SCTP */
	__u8 bits;  /* that count; 0: the whole protocol, FL_PORT_BITS: one port */
};
FL_ABI_SIZE(struct fl_port_key, 8);

struct fl_port_info {
	__u32 origin; /* as in struct fl_rule */
};
FL_ABI_SIZE(struct fl_port_info, 4);

/* fl_state, one entry: what the agent changes while the programs run. */
enum { FL_GENERATION_NONE = 0 }; /* never the agent's: judged under none of its own */

struct fl_state {
	union {
		struct {
			/* Changes with every policy; a flow judged under another is judged again.
			 */
			__u32 generation;
			/*
			 * The programs' own: changes when a connection begins anew and goes another
			 * way. What the agent writes comes with another generation, so that it does
			 * not matter which of these that overwrites.
			 */
			__u32 turn;
		};
		__u64 age; /* both at once */
	};
	__u32 unknown_allow; /* 1: interfaces in the blocks that are no endpoint yet may talk */
	__u32 none_denied;   /* 1: no interface to other nodes drops what comes from fl_denied */
	__u32 by_stack;	     /* 1: nothing between nodes goes past the stack: it may encrypt it */
	__u32 vtep_port;     /* UDP port of nodes' VTEPs, which pods may not speak to; 0: none */
};
FL_ABI_SIZE(struct fl_state, 24);

/*
 * Why a packet went the way it did: index of the counters, label of the metric, text in flows.
 * Append only.
 */
enum fl_reason {
	FL_R_FORWARDED,	 /* to the stack or to the pod */
	FL_R_REDIRECTED, /* straight to a pod or an interface */
	FL_R_NOT_IP,	 /* passed: ARP and neighbour discovery of the pod's own */
	FL_R_POLICY_INGRESS,
	FL_R_POLICY_EGRESS,
	FL_R_CLOSED, /* the pod's policy did not fit */
	FL_R_UNKNOWN_ENDPOINT,
	FL_R_SPOOFED_MAC,
	FL_R_SPOOFED_IP, /* or what would be anybody's: a packet to a VTEP with packets in it */
	FL_R_ETHERTYPE,	 /* from a pod: neither IP nor ARP */
	FL_R_VLAN,	 /* from a pod: tagged */
	FL_R_TRUNCATED,
	FL_R_MALFORMED,
	FL_R_EXTENSIONS, /* IPv6: more extension headers than are looked at */
	FL_R_FRAGMENT,	 /* a later fragment whose first one was not seen */
	FL_R_FLOWS_FULL,
	FL_R_INVALID_STATE, /* an ICMP error about no flow of ours */
	FL_R_DENIED_SOURCE, /* from a block that nobody here wants to hear of */
	FL_R_COUNT,
};

/* True when the reason means that the packet goes nowhere. */
static inline int fl_is_drop(__u8 reason)
{
	return reason != FL_R_FORWARDED && reason != FL_R_REDIRECTED && reason != FL_R_NOT_IP;
}

/*
 * fl_counts, per processor: reason x direction. Egress is what pods send, ingress what comes to
 * them from the stack or the network; a packet is counted once in each, and one that goes straight
 * from pod to pod in egress only. What is dropped on its way out is counted twice in egress: when
 * it left the pod, and when it was dropped. Nothing else that passes the node is counted, but what
 * comes from a denied source.
 */
struct fl_count {
	__u64 packets, bytes;
};
FL_ABI_SIZE(struct fl_count, 16);

/*
 * fl_verdicts, per processor: verdict x direction (as in fl_counts) -> how many connections' first
 * packets have been judged so. What is denied is entered nowhere: its next packet is a first one.
 */
enum fl_verdict { FL_V_ALLOWED, FL_V_DENIED, FL_V_COUNT };

/*
 * fl_flows: a connection, from both sides one entry: the lower (address, port) is side 0.
 * ICMP echo has its identifier as the asker's port; other protocols have none.
 */
struct fl_flow_key {
	struct fl_in addr[2];
	__u16 port_be[2];
	__u32 zone;
	__u8 proto;
	__u8 pad[3];
};
FL_ABI_SIZE(struct fl_flow_key, 44);

enum {
	FL_FLOW_FROM1 = 1 << 0,	  /* side 1 opened it */
	FL_FLOW_STACK = 1 << 1,	  /* seen on the stack's path first: stays there both ways */
	FL_FLOW_REPLIED = 1 << 2, /* both sides have been heard */
	FL_FLOW_PEER = 1 << 3,	  /* one side is another node's pod; past the stack both ways */
};

/* What else was found when a connection was last judged. */
enum {
	FL_JUDGED_SHORT = 1 << 0,    /* its packets may take the short way, by what is in here */
	FL_JUDGED_BY_STACK = 1 << 1, /* FL_FLOW_PEER, but all of them go by the stack now */
};

/* TCP flags that each side has sent. */
enum { FL_TCP_SYN = 1 << 0, FL_TCP_ACK = 1 << 1, FL_TCP_FIN = 1 << 2, FL_TCP_RST = 1 << 3 };

/*
 * The way to another node that one of a connection's packets has found (bpf/known.bpf.h); through
 * the overlay, that of the outer packet. mtu 0: none.
 */
struct fl_known {
	union {
		struct {
			__u32 hop_be;	 /* IPv4 address of the next hop */
			__u16 ifindex;	 /* of the interface that it is reached by */
			__u16 state_low; /* as below */
		};
		__u64 way;
	};
	union {
		struct {
			__u32 state; /* of the kernel's tables, before they were asked */
			__u16 mtu;   /* bytes that a packet may have, from the IP header on */
			__u16 when;  /* FL_KNOWN_OUTER, and jiffies without the lowest bits */
		};
		__u64 proof;
	};
};
FL_ABI_SIZE(struct fl_known, 16);

enum {
	FL_KNOWN_SHIFT = 6, /* so many of the bits: at 250 jiffies a second, a quarter of one */
	FL_KNOWN_OUTER = 1, /* the way of outer packets */
};

/* What says in struct fl_known when it was found. */
static inline __u16 fl_known_when(__u32 jiffies, int is_outer)
{
	return (__u16)(jiffies >> FL_KNOWN_SHIFT << 1 | (is_outer ? FL_KNOWN_OUTER : 0));
}

struct fl_flow {
	__u32 seen;	  /* jiffies, low half, of the last packet */
	__u32 generation; /* of the policy that it was judged by; NONE while what follows changes */
	__u32 origin;	  /* of the rule that allowed it */
	__u32 pod[2];	  /* index of the host interface of each side that is a pod here; or 0 */
	__u8 flags;	  /* FL_FLOW_... */
	__u8 tcp[2];	  /* FL_TCP_... of each side */
	__u8 judged;	  /* FL_JUDGED_... */
	/*
	 * Of each side that is a pod here, as in struct fl_endpoint_info: a change of those changes
	 * the generation.
	 */
	__u8 mac[2][6], host_mac[2][6];
	struct fl_known known; /* FL_FLOW_PEER: the way of what its pod here sends */
};
FL_ABI_SIZE(struct fl_flow, 64);

/* True when the stack has to see what belongs to the connection. */
static inline int fl_flow_is_by_stack(const struct fl_flow *f)
{
	return (f->flags & FL_FLOW_STACK) || (f->judged & FL_JUDGED_BY_STACK);
}

/* Seconds after which a silent flow is forgotten. */
enum {
	FL_TIMEOUT_TCP_OPENING_S = 60,
	FL_TIMEOUT_TCP_S = 8 * 3600,
	FL_TIMEOUT_TCP_CLOSING_S = 60,
	FL_TIMEOUT_UDP_S = 60,
	FL_TIMEOUT_UDP_REPLIED_S = 180,
	FL_TIMEOUT_OTHER_S = 30,
};

/* Protocols with ports; neither the kernel's nor the C library's header goes with the other. */
enum { FL_PROTO_TCP = 6, FL_PROTO_UDP = 17, FL_PROTO_SCTP = 132 };

/* True when connections of the protocol have ports. */
static inline int fl_has_ports(__u8 proto)
{
	return proto == FL_PROTO_TCP || proto == FL_PROTO_UDP || proto == FL_PROTO_SCTP;
}

/* Seconds of silence after which the connection counts as over. */
static inline __u32 fl_flow_timeout_s(__u8 proto, const struct fl_flow *f)
{
	if (proto == FL_PROTO_TCP) {
		if ((f->tcp[0] & f->tcp[1] & FL_TCP_FIN) || ((f->tcp[0] | f->tcp[1]) & FL_TCP_RST))
			return FL_TIMEOUT_TCP_CLOSING_S;
		return f->flags & FL_FLOW_REPLIED ? FL_TIMEOUT_TCP_S : FL_TIMEOUT_TCP_OPENING_S;
	}
	if (proto == FL_PROTO_UDP || proto == FL_PROTO_SCTP)
		return f->flags & FL_FLOW_REPLIED ? FL_TIMEOUT_UDP_REPLIED_S : FL_TIMEOUT_UDP_S;
	return FL_TIMEOUT_OTHER_S;
}

/* fl_fragments: the first fragment's ports, for those that follow. */
struct fl_fragment_key {
	struct fl_in src, dst;
	__u32 id_be, zone; /* IPv4's identification: a __be16, widened */
	__u8 proto;
	__u8 pad[3];
};
FL_ABI_SIZE(struct fl_fragment_key, 44);

struct fl_fragment {
	__u16 sport_be, dport_be;
};
FL_ABI_SIZE(struct fl_fragment, 4);

/* fl_budgets, per processor, one entry: how many events may still be sent, as of this jiffy. */
struct fl_budget {
	__u64 jiffy, left;
	__u64 lost; /* events that were not sent */
};
FL_ABI_SIZE(struct fl_budget, 24);

/* fl_events, ring buffer: a sample of what happened. Counters are exact, events are not. */
struct fl_event {
	__u64 when_ns; /* CLOCK_MONOTONIC */
	struct fl_in src, dst;
	__u16 sport_be, dport_be;
	__u32 ifindex, zone, identity, origin; /* identity: of the other side */
	__u16 length;			       /* bytes of the packet, capped */
	__u8 proto, dir, reason;
	__u8 pad[3];
};
FL_ABI_SIZE(struct fl_event, 72);
