// SPDX-License-Identifier: Apache-2.0
/*
 * CHECK, as far as all plugins that make a veth pair do the same: the kernel against the result.
 * What chained plugins may have changed since is let be: MAC addresses, MTU, a route's table; an
 * address that they add is in the result. A difference is reported as object, what was expected,
 * what was found, with code FL_CNI_DRIFT.
 */
#pragma once

#include "attach/conf.h"
#include "cni/plugin.h"
#include "net/link.h"
#include "net/nl.h"
#include "state/endpoint.h"

struct fl_check {
	const struct fl_cni_req *req;
	struct fl_nl *host, *pod; /* pod: from fl_check_pod() on */
	struct fl_cni_result prev;
	struct fl_endpoint ep; /* when recorded */
	bool recorded;
	struct fl_link port, inner; /* the host's end, and the container's interface */
};

/* The error of a difference. Returns -ENOENT. */
int fl_drift(struct fl_err *err, const char *object, const char *expected, const char *found);

/* The IPAM plugin's CHECK (ipam_req: what it gets); then opens and reads what the others need. */
fl_must int fl_check_begin(struct fl_check *k, const struct fl_cni_req *ipam_req,
			   const struct fl_attach_conf *conf, struct fl_err *err);

/* Closes and frees what is held. */
void fl_check_done(struct fl_check *k);

/* Reads a link that must be there: its absence is drift, not a failure. */
fl_must int fl_check_get_link(struct fl_nl *nl, const char *name, struct fl_link *out,
			      struct fl_err *err);

/* The container's interface is a veth, where the result says, and up unless layer2. */
fl_must int fl_check_pod(struct fl_check *k, bool layer2, struct fl_err *err);

/* k->port, already read, is the other end of the container's interface. */
fl_must int fl_check_ends(struct fl_check *k, struct fl_err *err);

/* An attachment of ours has a record; what another plugin made has none, nor a name of ours. */
fl_must int fl_check_record(struct fl_check *k, struct fl_err *err);

/* The link has the address, usable, and the route that leads to its prefix. */
fl_must int fl_check_addr(struct fl_nl *nl, const struct fl_link *link,
			  const struct fl_prefix *addr, struct fl_err *err);

/*
 * The container's interface has no address that the result has not, but those that the kernel
 * gives by itself (IPv6's link-local, or with a lifetime). A result without addresses says nothing.
 */
fl_must int fl_check_no_more_addrs(struct fl_check *k, struct fl_err *err);

/*
 * The container has the result's routes, with the metric that the result gives or else the
 * kernel's own one, and with the mtu and advmss that the result gives (from 1.1.0 on, as before
 * a result cannot say any of it).
 */
fl_must int fl_check_routes(struct fl_check *k, struct fl_err *err);

/* The host forwards for the families of the result, without which nothing leaves; link is of it. */
fl_must int fl_check_forwarding(struct fl_check *k, const struct fl_link *link, struct fl_err *err);
