// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Is a connection allowed? Reads maps and no packet. Both ends are judged at once where both are
 * pods of this node, whichever hook sees the first packet. Five look-ups an end, whatever the
 * number of policies.
 */
#pragma once

#include "bpf/flow.bpf.h"

/* One end of a connection, as the maps know it. */
struct fl_end {
	__u32 ifindex; /* of the pod's host interface; 0: no pod of this node */
	__u32 slot;    /* of the pod */
	__u32 who[4];  /* its identity, namespace, block, FL_ID_PODS; 0: none */
	__u32 flags;   /* FL_SPECIAL_... */
	__u32 pick_up_until_s;
};

/* Who has the address; e is zero before. */
static __always_inline void fl_end_find(const struct fl_in *addr, __u32 zone, struct fl_end *e)
{
	struct fl_local_key key = {};
	struct fl_prefix_key where = {};
	struct fl_prefix_info *info;
	struct fl_endpoint_info *ep;
	struct fl_special *special;
	__u32 *ifindex;

	key.zone = zone;
	key.addr = *addr;
	ifindex = bpf_map_lookup_elem(&fl_locals, &key);
	if (ifindex) {
		ep = bpf_map_lookup_elem(&fl_endpoints, ifindex);
		if (ep) {
			e->ifindex = *ifindex;
			e->slot = ep->slot;
			e->who[0] = ep->identity;
			e->who[1] = ep->ns;
			e->who[3] = ep->identity ? FL_ID_PODS : 0;
			e->pick_up_until_s = ep->pick_up_until_s;
		}
	}
	where.prefixlen = 32 + 128;
	where.zone = zone;
	where.addr = *addr;
	special = bpf_map_lookup_elem(&fl_specials, &where);
	if (special)
		e->flags = special->flags;
	info = bpf_map_lookup_elem(&fl_prefixes, &where);
	if (!info)
		return;
	e->who[2] = info->block;
	/* A pod of this node knows itself. */
	if (e->ifindex)
		return;
	e->who[0] = info->identity;
	e->who[1] = info->ns;
	e->who[3] = info->identity ? FL_ID_PODS : 0;
}

/* True when the port set has the port; *origin is then the rule's. */
static __always_inline bool fl_port_allowed(__u32 ports, __u8 proto, __u16 port_be, __u32 *origin)
{
	struct fl_port_key key = {};
	struct fl_port_info *info;

	key.prefixlen = 32 + 8 + 16;
	key.ports = ports;
	key.proto = proto;
	__builtin_memcpy(key.port_be, &port_be, sizeof(key.port_be));
	info = bpf_map_lookup_elem(&fl_ports, &key);
	if (info)
		*origin = info->origin;
	return info;
}

/* What is asked about a connection: its opener, the other end, and what it is. */
struct fl_case {
	struct fl_end from, to;
	__u16 dport_be;
	__u8 proto;
	__u32 origin; /* of the rule that decided last */
};

/* Does the version allow this one of what the other end is? *key has the rest. */
static __always_inline bool fl_who_allowed(struct fl_case *c, struct fl_rule_key *key, __u32 who)
{
	struct fl_rule *rule;

	key->who = who;
	rule = bpf_map_lookup_elem(&fl_rules, key);
	if (!rule)
		return false;
	if (rule->ports != FL_RULE_ALL)
		return fl_port_allowed(rule->ports, c->proto, c->dport_be, &c->origin);
	c->origin = rule->origin;
	return true;
}

/* Does the policy set in this end's slot allow the other end? 0 or a negative reason. */
static __noinline int fl_policy(struct fl_case *c, __u32 dir)
{
	__u32 index = dir == FL_INGRESS ? c->to.slot : c->from.slot;
	struct fl_end *other = dir == FL_INGRESS ? &c->from : &c->to;
	struct fl_rule_key key = {};
	struct fl_slot *slot, s;

	slot = bpf_map_lookup_elem(&fl_slots, &index);
	if (!slot)
		return -FL_R_CLOSED;
	/* In one read, since it is changed in one write. */
	*(__u64 *)&s = *(volatile __u64 *)slot;
	if (s.flags & FL_SLOT_CLOSED)
		return -FL_R_CLOSED;
	if (!(s.flags & (dir == FL_INGRESS ? FL_SLOT_INGRESS : FL_SLOT_EGRESS)))
		return 0;
	key.version = s.version;
	key.dir = dir;
	if (fl_who_allowed(c, &key, FL_ID_ANY))
		return 0;
	for (int i = 0; i < 4; i++)
		if (other->who[i] && fl_who_allowed(c, &key, other->who[i]))
			return 0;
	return dir == FL_INGRESS ? -FL_R_POLICY_INGRESS : -FL_R_POLICY_EGRESS;
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
	if (c->from.ifindex && !(c->to.flags & FL_SPECIAL_SERVICE))
		r = fl_policy(c, FL_EGRESS);
	/* A pod's own node always reaches it: probes. */
	if (r == 0 && c->to.ifindex && !(c->from.flags & FL_SPECIAL_NODE))
		r = fl_policy(c, FL_INGRESS);
	return r;
}

/* The generation of the policy; read it before the policy itself. */
static __always_inline __u32 fl_generation(void)
{
	__u32 zero = 0;
	struct fl_state *state = bpf_map_lookup_elem(&fl_state, &zero);

	return state ? *(volatile __u32 *)&state->generation : 0;
}
