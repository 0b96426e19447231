// SPDX-License-Identifier: Apache-2.0
/*
 * The bridge device itself, and the gateway's addresses on it. Everything here is "ensure":
 * what is there already is left alone, and what was added is noted so that a failed ADD can
 * take exactly that away again.
 */
#pragma once

#include "cni/request.h"
#include "net/link.h"
#include "net/nl.h"
#include "plugins/bridge/conf.h"

#define BR_GATEWAYS_MAX 64

/* What this ADD has added; what is not set needs no undo. */
struct br_device {
	struct fl_nl *host;  /* borrowed: a routing socket on the host */
	const char *name;    /* of the bridge; borrowed */
	struct fl_link link; /* the bridge */
	struct fl_link
		gateway; /* what carries the gateway addresses: the bridge, or its VLAN interface */
	bool made_bridge, made_gateway;
	bool set_up, set_promisc, raised_gateway; /* it was off before */
	uint8_t accepted_ra;			  /* what accept_ra was before, if it was not 0 */
	size_t n_added, n_removed;
	struct fl_prefix added[BR_GATEWAYS_MAX]; /* to the gateway */
	struct fl_prefix removed[BR_GATEWAYS_MAX];
};

/*
 * Makes the bridge be there, up, and as the configuration wants it. -ENOTUNIQ with code
 * FL_CNI_CONFIG: the name belongs to something that is no bridge.
 */
fl_must int br_device_ensure(struct br_device *d, const struct br_conf *conf, struct fl_err *err);

/*
 * Makes the gateway have these addresses. Another IPv4 address, or an overlapping IPv6 one, is
 * replaced with forceAddress and refused (-EEXIST) without.
 */
fl_must int br_device_set_gateways(struct br_device *d, const struct br_conf *conf,
				   const struct fl_prefix *addrs, size_t n, struct fl_err *err);

/* "BRIDGE.VLAN", the interface that carries the gateway's addresses of a VLAN. */
fl_must int br_device_gateway_name(const struct br_conf *conf, char out[FL_IFNAME_SIZE],
				   struct fl_err *err);

/* Sets the VLANs of a port that has just been made. */
fl_must int br_device_set_vlans(struct br_device *d, const struct br_conf *conf, uint32_t port,
				struct fl_err *err);

/*
 * Takes away what was added for the request, whose interface has gone and whose record is there;
 * all of it stays if another attachment may use it by now. True: another one has come meanwhile and
 * may have found it, so that it is to be ensured again.
 */
fl_must bool br_device_undo(struct br_device *d, const struct fl_cni_req *req);
