// SPDX-License-Identifier: Apache-2.0
/* CHECK of a network's part of the node. Reads only, and takes no lock. */
#include <errno.h>
#include <stdio.h>

#include "attach/check.h"
#include "attach/ways_plan.h"
#include "state/network.h"

static int missing_route(const struct fl_route *route, struct fl_err *err)
{
	char object[80], text[FL_PREFIX_STR];

	(void)snprintf(object, sizeof(object), "route %s", fl_prefix_format(&route->dst, text));
	return fl_drift(err, object,
			route->type == FL_ROUTE_BLACKHOLE ? "a blackhole" : "through its peer",
			"none");
}

static int missing_neigh(const struct fl_neigh *neigh, struct fl_err *err)
{
	char object[80], text[FL_IP_STR], mac[FL_MAC_STR];

	(void)snprintf(object, sizeof(object), "neighbour %s of the overlay",
		       fl_ip_format(&neigh->ip, text));
	fl_mac_format(neigh->mac, mac);
	return fl_drift(err, object, mac, "another or none");
}

static int missing_fdb(const struct fl_fdb *fdb, struct fl_err *err)
{
	char object[80], text[FL_IP_STR], mac[FL_MAC_STR];

	fl_mac_format(fdb->mac, mac);
	(void)snprintf(object, sizeof(object), "forwarding entry %s of the overlay", mac);
	return fl_drift(err, object, fl_ip_format(&fdb->remote, text), "another or none");
}

/* What lies beside is no drift: others may have routes, neighbours and entries there. */
static int compare(const struct fl_peers_plan *want, const struct fl_peers_plan *have,
		   struct fl_err *err)
{
	struct fl_peers_missing m;

	if (!fl_peers_plan_missing(want, have, &m))
		return 0;
	return m.route	 ? missing_route(m.route, err)
	       : m.neigh ? missing_neigh(m.neigh, err)
			 : missing_fdb(m.fdb, err);
}

static int check_masquerade(struct fl_routed *r, struct fl_err *err)
{
	fl_auto_blocks struct fl_blocks all = { 0 };
	fl_auto_nl struct fl_nl *nft = NULL;
	char table[FL_WAYS_TABLE_SIZE];
	struct fl_outside o;
	int e;

	if (!r->conf.ip_masq)
		return 0;
	e = fl_ways_outside(r, table, &all, &o, err) ?: fl_nl_open(FL_NL_NETFILTER, &nft, err) ?:
	    fl_outside_check(nft, &o, err);
	return e == -ENOENT ? fl_class(err, e, FL_CNI_DRIFT) : e;
}

static int read_blocks(struct fl_routed *r, struct fl_err *err)
{
	fl_auto_networks struct fl_networks nets = FL_NETWORKS_CLOSED;
	fl_auto_network struct fl_network record = { 0 };
	int e;

	e = fl_networks_open(r->req->root, &nets, err);
	if (e == 0)
		e = fl_network_read(&nets, r->req->name, &record, err);
	if (e == -ENOENT || e == -EINVAL)
		return fl_drift(err, "network record", "to exist", "none");
	for (size_t i = 0; e == 0 && i < record.n_blocks; i++)
		e = fl_routed_add_home(r, &record.blocks[i], err);
	return e;
}

int fl_ways_check(struct fl_routed *r, struct fl_err *err)
{
	fl_auto_peers_plan struct fl_peers_plan *want = NULL, *have = NULL;
	int e;

	e = r->kind->survey(r, err) ?: read_blocks(r, err);
	if (e == 0 && r->kind->check)
		e = r->kind->check(r, err);
	e = e ?: fl_ways_plan(r, &want, err) ?:
		 fl_peers_read(r->host, FL_ROUTE_BY_PEERS, r->in.vtep, &have, err) ?:
		 compare(want, have, err);
	return e ?: check_masquerade(r, err);
}
