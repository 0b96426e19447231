// SPDX-License-Identifier: Apache-2.0
/*
 * The result of ADD (CNI 1.1.0 section 5, "Success"), in one struct for all versions, and its
 * two passes: from JSON of any version, to JSON of any version, which then holds only the keys
 * that this version has. Strings are borrowed: from the tree they were read from, or from
 * whoever filled the struct in; the arrays are owned.
 */
#pragma once

#include "base/ip.h"
#include "cni/version.h"
#include "json/cur.h"

struct fl_cni_iface {
	const char *name;
	const char *mac;		  /* NULL: none */
	const char *sandbox;		  /* the CNI_NETNS path; NULL on the host */
	uint32_t mtu;			  /* bytes; 0: not said (1.1.0) */
	const char *socket_path, *pci_id; /* NULL: none (1.1.0) */
};

struct fl_cni_ip {
	struct fl_prefix address; /* host bits kept */
	bool has_gateway;
	struct fl_ip gateway;
	int interface; /* index into ifaces, -1: none */
};

/* Optional numbers of a route; table and scope may be 0, so each has its flag (1.1.0). */
enum fl_cni_route_has {
	FL_CNI_ROUTE_GW = 1 << 0,
	FL_CNI_ROUTE_MTU = 1 << 1,
	FL_CNI_ROUTE_ADVMSS = 1 << 2,
	FL_CNI_ROUTE_PRIORITY = 1 << 3,
	FL_CNI_ROUTE_TABLE = 1 << 4,
	FL_CNI_ROUTE_SCOPE = 1 << 5,
};

struct fl_cni_route {
	struct fl_prefix dst; /* host bits cleared */
	unsigned int has;     /* enum fl_cni_route_has */
	struct fl_ip gw;
	uint32_t mtu, advmss; /* bytes */
	uint32_t priority, table, scope;
};

/* The "dns" object; lists are borrowed JSON arrays of strings, NULL when absent. */
struct fl_cni_dns {
	const struct fl_json *nameservers, *search, *options;
	const char *domain;
};

struct fl_cni_result {
	struct fl_cni_iface *ifaces;
	struct fl_cni_ip *ips;
	struct fl_cni_route *routes;
	size_t n_ifaces, n_ips, n_routes;
	struct fl_cni_dns dns;
};

/* Frees the arrays and empties the struct. */
void fl_cni_result_done(struct fl_cni_result *res);
#define fl_auto_cni_result fl_auto(fl_cni_result_done)

/*
 * Reads a result written in the given version; a "cniVersion" inside it rules instead, if there.
 * Tolerates what is seen in the wild: "dns": {}, null lists, empty gateways, an interface index
 * that names none (read as -1). *out borrows from c's tree. -EINVAL with code FL_CNI_DECODE names
 * the key.
 */
fl_must int fl_cni_result_read(const struct fl_cur *c, enum fl_cni_version version,
			       struct fl_cni_result *out, struct fl_err *err);

/*
 * Writes the result as the version has it; *out is the caller's. Before 0.3.0 a result has at
 * most one address a family: the first one counts, and with no address at all it is -EINVAL.
 */
fl_must int fl_cni_result_write(const struct fl_cni_result *res, enum fl_cni_version version,
				struct fl_json **out, struct fl_err *err);

/* Appends one element with all members zero and hands it out, borrowed until the next append. */
fl_must int fl_cni_result_add_iface(struct fl_cni_result *res, struct fl_cni_iface **out,
				    struct fl_err *err);
fl_must int fl_cni_result_add_ip(struct fl_cni_result *res, struct fl_cni_ip **out,
				 struct fl_err *err); /* interface is -1 */
fl_must int fl_cni_result_add_route(struct fl_cni_result *res, struct fl_cni_route **out,
				    struct fl_err *err);

/* Reads the members of a "dns" object; c may be a configuration's. */
fl_must int fl_cni_dns_read(const struct fl_cur *c, struct fl_cni_dns *out, struct fl_err *err);

/* Reads one {"dst", "gw", ...} object, of a result or of an IPAM configuration. */
fl_must int fl_cni_route_read(const struct fl_cur *c, struct fl_cni_route *out, struct fl_err *err);
