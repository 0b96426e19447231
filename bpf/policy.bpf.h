// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Is a connection allowed? Reads maps and no packet. Both ends are judged at once where both are
 * pods of this node, whichever hook sees the first packet. Whatever the number of
 * policies, there are at most six look-ups to know an end (a pod of this node: three), and for each
 * end that is a pod here the slot, five rules, and 17 times as many of ports (mostly one each).
 */
#pragma once

#include "bpf/flow.bpf.h"

/* How often a look at the maps is taken again when they were changed meanwhile. */
#define FL_TRIES 5

/*
 * Copies what the agent says of the endpoint behind an interface. False: there is none, or it is
 * just being written anew, and its old entry's memory may be another's already.
 */
static __always_inline bool fl_endpoint_read(__u32 ifindex, struct fl_endpoint_info *out)
{
	struct fl_endpoint_info *ep = bpf_map_lookup_elem(&fl_endpoints, &ifindex);

	if (!ep)
		return false;
	*out = *ep;
	barrier();
	return *(volatile __u32 *)&ep->ifindex == ifindex;
}

/* The same, with patience; and true only of one that packets may pass. */
static __always_inline bool fl_endpoint_open(__u32 ifindex, struct fl_endpoint_info *out)
{
#pragma clang loop unroll(disable)
	for (int i = 0; i < FL_TRIES; i++)
		if (fl_endpoint_read(ifindex, out))
			return !(out->flags & FL_ENDPOINT_SHUT);
	return false;
}

/* One end of a connection, as the maps know it. */
struct fl_end {
	__u32 ifindex; /* of the pod's host interface; 0: no pod of this node */
	__u32 slot;    /* of the pod */
	__u32 who[4];  /* its identity, namespace, block, FL_ID_PODS; 0: none */
	__u32 flags;   /* FL_SPECIAL_... */
	__u32 pick_up_until_s;
	__u8 mac[6], host_mac[6]; /* of the pod */
	bool shut;		  /* the pod: nothing may pass it yet */
	bool vague;		  /* what is known of it was being written */
};

/*
 * What is known of this very address, where something is. An entry that is just being written anew
 * makes the end vague: its old memory may be another's already.
 */
static __always_inline bool fl_address_read(const struct fl_address_key *key, struct fl_end *e)
{
	struct fl_address_info *info = bpf_map_lookup_elem(&fl_addresses, key);

	if (!info)
		return false;
	e->who[2] = info->block;
	/* A pod of this node knows itself. */
	if (!e->ifindex) {
		e->who[0] = info->identity;
		e->who[1] = info->ns;
		e->who[3] = info->identity ? FL_ID_PODS : 0;
	}
	barrier();
	e->vague |= *(volatile __u32 *)&info->key.zone != key->zone ||
		    !fl_in_equal(&info->key.addr, &key->addr);
	return true;
}

/* The end is this pod of this node. */
static __always_inline void fl_end_is(struct fl_end *e, const struct fl_endpoint_info *ep)
{
	e->ifindex = ep->ifindex;
	e->slot = ep->slot;
	e->who[0] = ep->identity;
	e->who[1] = ep->ns;
	e->who[3] = ep->identity ? FL_ID_PODS : 0;
	e->pick_up_until_s = ep->pick_up_until_s;
	__builtin_memcpy(e->mac, ep->mac, sizeof(e->mac));
	__builtin_memcpy(e->host_mac, ep->host_mac, sizeof(e->host_mac));
	e->shut = ep->flags & FL_ENDPOINT_SHUT;
}

/* Who has the address; e is zero before. own: a pod of this node that has been read, or NULL. */
static __always_inline void fl_end_find(const struct fl_in *addr, __u32 zone,
					const struct fl_endpoint_info *own, struct fl_end *e)
{
	struct fl_address_key key = {};
	struct fl_prefix_key where = {};
	struct fl_prefix_info *info;
	struct fl_endpoint_info ep;
	struct fl_special *special;
	__u32 *ifindex;
	bool is_known;

	key.zone = zone;
	key.addr = *addr;
	ifindex = bpf_map_lookup_elem(&fl_locals, &key);
	if (ifindex && own && *ifindex == own->ifindex) {
		fl_end_is(e, own);
	} else if (ifindex) {
		e->vague = !fl_endpoint_read(*ifindex, &ep);
		if (!e->vague)
			fl_end_is(e, &ep);
	}
	is_known = fl_address_read(&key, e);
	/* A pod of this node is nothing else. */
	if (e->ifindex && is_known)
		return;
	where.prefixlen = 32 + 128;
	where.zone = zone;
	where.addr = *addr;
	special = bpf_map_lookup_elem(&fl_specials, &where);
	if (special && !e->ifindex)
		e->flags = special->flags;
	if (is_known)
		return;
	info = bpf_map_lookup_elem(&fl_prefixes, &where);
	/* It may have become known since, by the change that has also given it another block. */
	if (!fl_address_read(&key, e) && info)
		e->who[2] = info->block;
}

/* What is asked about a connection: its opener, the other end, and what it is. */
struct fl_case {
	struct fl_end from, to;
	__u16 dport_be;
	__u8 proto;
	__u32 origin; /* of the rule that decided last */
};

/* What a new connection asks for, as far as a policy set cares. */
struct fl_wanted {
	__u16 dport_be;
	__u8 proto;
	__u8 dir; /* enum fl_dir */
	__u32 origin;
};

/*
 * The number of the rule by which the port set has the protocol's port, or -1: it has not. One
 * look-up for each length that the set has, of which there are at most FL_PORT_BITS + 1. A function
 * of numbers, as fl_policy() is.
 */
__noinline __s64 fl_port_origin(__u32 ports, __u32 lengths, __u8 proto, __u16 port)
{
	struct fl_port_key key = {};

	key.ports = ports;
	key.proto = proto;
#pragma clang loop unroll(disable)
	for (int bits = FL_PORT_BITS; bits >= 0; bits--) {
		__u32 rest = lengths & ((2u << bits) - 1);
		struct fl_port_info *info;

		if (!rest)
			break;
		if (!(rest & 1u << bits))
			continue;
		key.bits = bits;
		key.port = port & ~((1u << (FL_PORT_BITS - bits)) - 1);
		info = bpf_map_lookup_elem(&fl_ports, &key);
		if (info)
			return info->origin;
	}
	return -1;
}

/* Does the version allow this one of what the other end is? *key has the rest. */
static __always_inline bool fl_who_allowed(struct fl_wanted *want, struct fl_rule_key *key,
					   __u32 who)
{
	struct fl_rule *rule;
	__s64 origin;

	key->who = who;
	rule = bpf_map_lookup_elem(&fl_rules, key);
	if (!rule)
		return false;
	origin = rule->ports == FL_RULE_ALL
			 ? rule->origin
			 : fl_port_origin(rule->ports, rule->lengths, want->proto,
					  bpf_ntohs(want->dport_be));
	if (origin < 0)
		return false;
	want->origin = origin;
	return true;
}

/*
 * Does the policy set in the slot allow the other end, who (identity and namespace, block and
 * FL_ID_PODS)? The number of the rule that says so (0: none is needed) or a negative reason. A
 * function of numbers, which the verifier looks at once for all that call it.
 */
__noinline __s64 fl_policy(__u32 index, __u64 who01, __u64 who23, __u64 wanted)
{
	struct fl_wanted want = { .dport_be = wanted, .proto = wanted >> 16, .dir = wanted >> 24 };
	const __u32 who[4] = { who01, who01 >> 32, who23, who23 >> 32 };
	bool ingress = want.dir == FL_INGRESS;
	struct fl_rule_key key = {};
	struct fl_slot *slot, s;

	slot = bpf_map_lookup_elem(&fl_slots, &index);
	if (!slot)
		return -FL_R_CLOSED;
	/* In one read, since it is changed in one write. */
	*(__u64 *)&s = *(volatile __u64 *)slot;
	if (s.flags & FL_SLOT_CLOSED)
		return -FL_R_CLOSED;
	if (!(s.flags & (ingress ? FL_SLOT_INGRESS : FL_SLOT_EGRESS)))
		return 0;
	key.version = s.version;
	key.dir = want.dir;
	if (fl_who_allowed(&want, &key, FL_ID_ANY))
		return want.origin;
	for (int i = 0; i < 4; i++)
		if (who[i] && fl_who_allowed(&want, &key, who[i]))
			return want.origin;
	return ingress ? -FL_R_POLICY_INGRESS : -FL_R_POLICY_EGRESS;
}

/* The same for this end of a connection. 0 or a negative reason. */
static __always_inline int fl_end_allowed(struct fl_case *c, const struct fl_end *end,
					  const struct fl_end *other, enum fl_dir dir)
{
	__u64 who01 = other->who[0] | (__u64)other->who[1] << 32;
	__u64 who23 = other->who[2] | (__u64)other->who[3] << 32;
	__s64 r = fl_policy(end->slot, who01, who23,
			    c->dport_be | (__u64)c->proto << 16 | (__u64)dir << 24);

	if (r > 0)
		c->origin = r;
	return r < 0 ? r : 0;
}

/*
 * True of what a pod sends to VTEPs' port but not to a pod: a node that unwrapped it would believe
 * whatever is in it.
 */
static __always_inline bool fl_is_wrapped(const struct fl_case *c)
{
	struct fl_state *state;
	__u32 zero = 0, port;

	if (!c->from.ifindex || c->to.ifindex || c->to.who[3] || c->proto != FL_PROTO_UDP)
		return false;
	state = bpf_map_lookup_elem(&fl_state, &zero);
	port = state ? *(volatile __u32 *)&state->vtep_port : 0;
	return port && c->dport_be == bpf_htons(port);
}

/*
 * Judges the opener's egress and the other's ingress, as far as they are pods of this node. 0 or a
 * negative reason.
 */
static __always_inline int fl_judge(struct fl_case *c)
{
	int r = 0;

	/* A pod reaches itself, though it may have to go round by a Service. */
	if (c->from.ifindex && c->from.ifindex == c->to.ifindex)
		return 0;
	if (fl_is_wrapped(c))
		return -FL_R_SPOOFED_IP;
	if (c->from.ifindex && !(c->to.flags & FL_SPECIAL_SERVICE))
		r = fl_end_allowed(c, &c->from, &c->to, FL_EGRESS);
	/* A pod's own node always reaches it: probes. */
	if (r == 0 && c->to.ifindex && !(c->from.flags & FL_SPECIAL_NODE))
		r = fl_end_allowed(c, &c->to, &c->from, FL_INGRESS);
	return r;
}

/*
 * True when what goes to other nodes may have to be encrypted, which only the stack knows. A change
 * of this raises the generation.
 */
static __always_inline bool fl_all_by_stack(void)
{
	__u32 zero = 0;
	struct fl_state *state = bpf_map_lookup_elem(&fl_state, &zero);

	return !state || *(volatile __u32 *)&state->by_stack;
}

/* The generation of the policy; read it before the policy itself. */
static __always_inline __u32 fl_generation(void)
{
	__u32 zero = 0;
	struct fl_state *state = bpf_map_lookup_elem(&fl_state, &zero);

	return state ? *(volatile __u32 *)&state->generation : 0;
}

/* The same, and how often connections have changed their way: fl_state's age. */
static __always_inline __u64 fl_age(void)
{
	__u32 zero = 0;
	struct fl_state *state = bpf_map_lookup_elem(&fl_state, &zero);

	return state ? *(volatile __u64 *)&state->age : 0;
}
