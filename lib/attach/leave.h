// SPDX-License-Identifier: Apache-2.0
/*
 * DEL and GC. Both find what there is by the key alone: the host interface by its name, which
 * is a hash of the key, or by its alias, where somebody has renamed it, the firewall's part by the
 * endpoint record. No namespace is entered,
 * so a late DEL of an old container cannot touch a new one that uses the same path. The order
 * is interface, lease, record: an address is free only when nothing answers for it.
 */
#pragma once

#include "cni/plugin.h"
#include "net/nl.h"

/* What sets a plugin apart. */
struct fl_leave {
	const struct fl_cni_req *req;
	const struct fl_cni_req *ipam_req; /* what the IPAM plugin gets; NULL: the same */
	bool elements; /* pods of this plugin may have elements in the firewall */
	/* DEL of an attachment without a record, which another plugin may have made; or NULL. */
	int (*del_foreign)(const struct fl_cni_req *req, struct fl_nl *host, struct fl_err *err);
	/* GC of what else there may be on the host; or NULL. */
	int (*sweep)(const struct fl_cni_req *req, struct fl_nl *host, struct fl_err *err);
};

/* DEL; needs nothing to be there. */
fl_must int fl_leave_del(const struct fl_leave *l, struct fl_err *err);

/* GC: goes on after a failure, and tells the first. */
fl_must int fl_leave_gc(const struct fl_leave *l, struct fl_err *err);
