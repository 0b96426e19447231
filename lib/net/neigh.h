// SPDX-License-Identifier: Apache-2.0
/*
 * Permanent neighbours and forwarding entries of a VTEP: what the kernel would otherwise have to
 * ask for. "put" appends to a batch; "list" acts at once.
 */
#pragma once

#include "base/ip.h"
#include "base/text.h"
#include "net/nl.h"

/* A permanent neighbour: ip on the link has this MAC address. */
struct fl_neigh {
	uint32_t link;
	struct fl_ip ip;
	uint8_t mac[FL_MAC_LEN];
};

/* A forwarding entry of a VXLAN device: frames to mac go to the VTEP at the address remote. */
struct fl_fdb {
	uint32_t link;
	uint8_t mac[FL_MAC_LEN];
	struct fl_ip remote;
};

/* Makes the neighbour be there, in place of whatever the link has for the address. */
void fl_neigh_put(struct fl_batch *b, const struct fl_neigh *n);

/* Removes it; one that is not there counts as removed. */
void fl_neigh_put_del(struct fl_batch *b, const struct fl_neigh *n);

/* Calls each() for every permanent neighbour of the link, of both families. */
fl_must int fl_neigh_list(struct fl_nl *nl, uint32_t link,
			  int (*each)(const struct fl_neigh *n, void *arg, struct fl_err *err),
			  void *arg, struct fl_err *err);

/* Makes the entry be there, in place of whatever the device has for the MAC address. */
void fl_fdb_put(struct fl_batch *b, const struct fl_fdb *f);

/* Removes it; one that is not there counts as removed. */
void fl_fdb_put_del(struct fl_batch *b, const struct fl_fdb *f);

/*
 * Calls each() for every remote of every permanent entry of the VXLAN device. One with a port, VNI
 * or link of its own is told with the remote "any" (0.0.0.0 or ::), and removed by it.
 */
fl_must int fl_fdb_list(struct fl_nl *nl, uint32_t link,
			int (*each)(const struct fl_fdb *f, void *arg, struct fl_err *err),
			void *arg, struct fl_err *err);
