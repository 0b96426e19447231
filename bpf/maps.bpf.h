// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * All maps. Keys and values are in abi.h. The agent is the only writer in user space; it pins them,
 * so that they outlive it. Nothing here is ever overwritten because it is full, but fragments.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

/* Interface index -> endpoint. Written by the agent. Full: the agent refuses the endpoint. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FL_MAX_ENDPOINTS);
	__type(key, __u32);
	__type(value, struct fl_endpoint_info);
} fl_endpoints SEC(".maps");

/* Address of a pod here -> its interface. Written by the agent. Full: as above. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FL_MAX_LOCALS);
	__type(key, struct fl_address_key);
	__type(value, __u32);
} fl_locals SEC(".maps");

/* Address -> identity, block. Written by the agent. Full: a policy that needs more is refused. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, FL_MAX_ADDRESSES);
	__type(key, struct fl_address_key);
	__type(value, struct fl_address_info);
} fl_addresses SEC(".maps");

/* Any other address -> block. Written by the agent. Full: as above. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, FL_MAX_PREFIXES);
	__type(key, struct fl_prefix_key);
	__type(value, struct fl_prefix_info);
} fl_prefixes SEC(".maps");

/* The node's addresses, Services' and nodes' blocks. Written by the agent. Full: it says so. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, FL_MAX_SPECIALS);
	__type(key, struct fl_prefix_key);
	__type(value, struct fl_special);
} fl_specials SEC(".maps");

/*
 * Index of an interface to other nodes -> what is done there. Written by the agent. Full: it says
 * so, and what goes there goes through the stack.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FL_MAX_DEVICES);
	__type(key, __u32);
	__type(value, struct fl_device);
} fl_devices SEC(".maps");

/*
 * VTEP, MAC address -> how it wraps up. Written by the agent. An entry's memory goes to no other
 * while a program looks at it. Full: it says so, and the VTEP does the work.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, FL_MAX_TUNNELS);
	__type(key, struct fl_tunnel_key);
	__type(value, struct fl_tunnel);
} fl_tunnels SEC(".maps");

/* How long what is in fl_tunnels holds. Written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fl_lease);
} fl_lease SEC(".maps");

/* Blocks whose packets are dropped. Written by the agent, which has checked that they fit. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, FL_MAX_DENIED);
	__type(key, struct fl_prefix_key);
	__type(value, __u32);
} fl_denied SEC(".maps");

/* Slot -> version in force. Written by the agent, one write a change. Never full. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FL_MAX_SLOTS);
	__type(key, __u32);
	__type(value, struct fl_slot);
} fl_slots SEC(".maps");

/* Version, direction, identity -> what is allowed. Written by the agent. Full: policy refused. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, FL_MAX_RULES);
	__type(key, struct fl_rule_key);
	__type(value, struct fl_rule);
} fl_rules SEC(".maps");

/* Port set, protocol, ports -> allowed. Written by the agent. Full: policy refused. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, FL_MAX_PORTS);
	__type(key, struct fl_port_key);
	__type(value, struct fl_port_info);
} fl_ports SEC(".maps");

/* Connections. Written by the programs, swept by the agent. Full: a new flow is dropped. */
struct fl_flows_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FL_MAX_FLOWS);
	__type(key, struct fl_flow_key);
	__type(value, struct fl_flow);
} fl_flows SEC(".maps");

/* While the agent exchanges another layout of maps for this one: that one's connections. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct fl_flows_map);
} fl_former SEC(".maps");

/* First fragments' ports. Written by the programs. Full: the oldest gives way. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FL_MAX_FRAGMENTS);
	__type(key, struct fl_fragment_key);
	__type(value, struct fl_fragment);
} fl_fragments SEC(".maps");

/* The agent's switches. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fl_state);
} fl_state SEC(".maps");

/* Reason and direction -> packets and bytes. Written by the programs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FL_R_COUNT *FL_DIRS);
	__type(key, __u32);
	__type(value, struct fl_count);
} fl_counts SEC(".maps");

/* Verdict and direction -> new connections. Written by the programs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FL_V_COUNT *FL_DIRS);
	__type(key, __u32);
	__type(value, __u64);
} fl_verdicts SEC(".maps");

/* Events for "fairlead flows". Written by the programs. Full: the event is lost, and counted. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, FL_EVENTS_BYTES);
} fl_events SEC(".maps");

/* What keeps events from being a burden. Written by the programs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fl_budget);
} fl_budgets SEC(".maps");
