// SPDX-License-Identifier: Apache-2.0
/*
 * What the agent tells the plugins about the node they run on: ROOT/run/fairlead/node.json
 *
 *   {"version":1, "nodeName", "nodeIPs":["192.0.2.11"], "podCIDRs":["10.244.1.0/24"],
 *    "mode":"vxlan", "mtu":1450, "vxlan":{"device":"fairlead.1","vni":1,"port":4789}}
 *
 * Written by replacing, so a reader sees one state or the next. It outlives the agent; /run is
 * emptied by a boot. "vxlan" is there in the modes that have an overlay.
 */
#pragma once

#include "base/ip.h"
#include "json/json.h"

#define FL_NODE_IPS_MAX	  2
#define FL_NODE_CIDRS_MAX 16

struct fl_node {
	const char *name, *mode;
	uint32_t mtu; /* of pods' interfaces, bytes */
	size_t n_ips, n_cidrs;
	struct fl_ip ips[FL_NODE_IPS_MAX];
	struct fl_prefix cidrs[FL_NODE_CIDRS_MAX];
	const char *vxlan_device; /* NULL: no overlay */
	uint32_t vni;
	uint16_t port;
	struct fl_json *tree; /* what a node that was read borrows from; owned */
};

/* Frees what a node that was read holds. */
void fl_node_done(struct fl_node *node);
#define fl_auto_node fl_auto(fl_node_done)

/* Reads it. -ENOENT: the agent has written none since the boot; -EINVAL names the key. */
fl_must int fl_node_read(const char *root, struct fl_node *out, struct fl_err *err);

/* Writes it, unless the file says so already. */
fl_must int fl_node_write(const char *root, const struct fl_node *node, struct fl_err *err);

/* From and to JSON; pure. What is read borrows from tree, which *out then owns. */
fl_must int fl_node_from_json(struct fl_json *tree, struct fl_node *out, struct fl_err *err);
fl_must int fl_node_to_json(const struct fl_node *node, struct fl_json **out, struct fl_err *err);
