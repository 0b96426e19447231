// SPDX-License-Identifier: Apache-2.0
/*
 * The node's VTEP: the VXLAN device through which pods of other nodes are reached. Its MAC
 * address follows from the node's address, so that nothing has to be published: who knows a
 * node's address knows its VTEP.
 */
#pragma once

#include "net/link.h"

#define FL_VTEP_PORT 4789 /* RFC 7348, section 8 */

/* Bytes that an encapsulated packet is longer, by the underlay's family. */
enum { FL_VTEP_OVERHEAD4 = 50, FL_VTEP_OVERHEAD6 = 70 };

struct fl_vtep {
	const char *name; /* of the device */
	struct fl_vxlan vxlan;
	uint8_t mac[FL_MAC_LEN];
	uint32_t mtu; /* bytes */
	size_t n_addrs;
	const struct fl_prefix *addrs; /* of full length: its own, and no others */
};

/* The MAC address of the VTEP of the node with this address; locally administered, unicast. */
void fl_vtep_mac(const struct fl_ip *node, uint8_t mac[FL_MAC_LEN]);

/* The MTU over an underlay of this one; at least 68 (IPv4) or 1,280 bytes (IPv6), else 0. */
uint32_t fl_vtep_mtu(uint32_t underlay_mtu, const struct fl_ip *local);

/*
 * Makes the VTEP be there, up, with these settings and addresses; what can be changed is
 * changed in place, and only a device that differs in VNI, port or family is made anew. *out is
 * the link. *changed, when something had to be done. -ENOTUNIQ: the name belongs to something
 * that is not a VXLAN device; -EADDRINUSE: VNI or port belongs to another device, which the text
 * names where it can be found.
 */
fl_must int fl_vtep_ensure(struct fl_nl *nl, const struct fl_vtep *want, struct fl_link *out,
			   bool *changed, struct fl_err *err);
