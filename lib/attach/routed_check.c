// SPDX-License-Identifier: Apache-2.0
/*
 * CHECK of a routed pod: what all plugins check (attach/check.h), the ways from the host to the
 * pod and back, and the ways to other nodes where they are ours.
 */
#include "attach/routed.h"

#include <errno.h>
#include <stdio.h>

#include "attach/attach.h"
#include "attach/check.h"
#include "attach/guard.h"
#include "attach/ways.h"
#include "net/neigh.h"
#include "net/route.h"

/* A search among the routes or neighbours of a link. */
struct search {
	const struct fl_ip *ip;
	const uint8_t *mac;
	bool found;
	char other[FL_MAC_STR]; /* the neighbour's, if it has another MAC address */
};

static int each_neigh(const struct fl_neigh *n, void *arg, struct fl_err *err)
{
	struct search *s = arg;

	(void)err;
	if (fl_ip_cmp(&n->ip, s->ip) != 0)
		return 0;
	s->found = memcmp(n->mac, s->mac, FL_MAC_LEN) == 0;
	fl_mac_format(n->mac, s->other);
	return 0;
}

static int check_neigh(struct fl_nl *nl, const struct fl_link *link, const struct fl_ip *ip,
		       const uint8_t mac[FL_MAC_LEN], struct fl_err *err)
{
	struct search s = { .ip = ip, .mac = mac, .other = "none" };
	char object[96], text[FL_IP_STR], want[FL_MAC_STR];
	int e = fl_neigh_list(nl, link->index, each_neigh, &s, err);

	if (e < 0 || s.found)
		return e;
	(void)snprintf(object, sizeof(object), "permanent neighbour %s of '%s'",
		       fl_ip_format(ip, text), link->name);
	fl_mac_format(mac, want);
	return fl_drift(err, object, want, s.other);
}

static int each_route(const struct fl_route *route, void *arg, struct fl_err *err)
{
	struct search *s = arg;

	(void)err;
	s->found |= route->table == FL_ROUTE_TABLE_MAIN && !route->has_gw &&
		    route->dst.len == fl_ip_bits(s->ip) && fl_ip_cmp(&route->dst.ip, s->ip) == 0;
	return 0;
}

static int check_host_route(struct fl_check *k, const struct fl_ip *ip, struct fl_err *err)
{
	struct search s = { .ip = ip };
	char object[80], want[80], text[FL_IP_STR];
	int e = fl_route_list(k->host, k->port.index, each_route, &s, err);

	if (e < 0 || s.found)
		return e;
	(void)snprintf(object, sizeof(object), "host's route to %s", fl_ip_format(ip, text));
	(void)snprintf(want, sizeof(want), "through '%s'", k->port.name);
	return fl_drift(err, object, want, "none");
}

/* Both directions for each address of the pod's interface. */
static int check_addresses(struct fl_check *k, struct fl_err *err)
{
	int e = 0, container = fl_attach_find_container(k->req, &k->prev);

	for (size_t i = 0; e == 0 && i < k->prev.n_ips; i++) {
		const struct fl_cni_ip *ip = &k->prev.ips[i];
		struct fl_ip gateway = fl_routed_gateway(fl_ip_is4(&ip->address.ip));

		if (ip->interface >= 0 && ip->interface != container)
			continue;
		e = fl_check_addr(k->pod, &k->inner, &ip->address, err) ?:
		    check_host_route(k, &ip->address.ip, err) ?:
		    check_neigh(k->host, &k->port, &ip->address.ip, k->inner.mac, err) ?:
		    check_neigh(k->pod, &k->inner, &gateway, k->port.mac, err);
	}
	return e;
}

static int check_port(struct fl_check *k, struct fl_err *err)
{
	const struct fl_key key = { k->req->name, k->req->container_id, k->req->ifname };
	char name[FL_HOST_IFNAME], object[64];
	int e;

	fl_key_host_ifname(&key, name);
	e = fl_check_get_link(k->host, name, &k->port, err) ?: fl_check_ends(k, err);
	if (e < 0 || k->port.up)
		return e;
	(void)snprintf(object, sizeof(object), "host interface '%s'", name);
	return fl_drift(err, object, "up", "down");
}

int fl_routed_check(struct fl_routed *r, struct fl_err *err)
{
	fl_auto(fl_check_done) struct fl_check k = { .req = r->req };
	int e;

	e = fl_routed_begin(r, err) ?: fl_check_begin(&k, &r->ipam_req, &r->conf.pod, err);
	if (e < 0)
		return e;
	r->host = k.host;
	e = fl_check_pod(&k, false, err) ?: check_port(&k, err) ?: fl_check_record(&k, err) ?:
	    check_addresses(&k, err) ?: fl_check_forwarding(&k, &k.port, err) ?:
	    fl_check_no_more_addrs(&k, err) ?: fl_check_routes(&k, err) ?:
	    fl_guard_check(&k, &r->conf.pod, err);
	if (e == 0 && r->conf.has_peers)
		e = fl_ways_check(r, err);
	else if (e == 0 && r->kind->check)
		e = r->kind->check(r, err);
	return e < 0 && e != -ETIMEDOUT ? fl_class(err, e, FL_CNI_NETLINK) : e;
}
