// SPDX-License-Identifier: Apache-2.0
/*
 * CHECK: the kernel against the result, and against what the result does not say (ports,
 * masquerade, the pinned MAC address, the record). What chained plugins may have changed since
 * is let be: MAC addresses, MTU, a route's table. A difference is reported as object, what was
 * expected, what was found.
 */
#include "plugins/bridge/bridge.h"

#include <errno.h>
#include <stdio.h>

#include "attach/masq.h"
#include "attach/pair.h"
#include "attach/spoof.h"
#include "cni/delegate.h"
#include "net/addr.h"
#include "net/netns.h"
#include "net/route.h"
#include "plugins/bridge/device.h"

struct check {
	const struct fl_cni_req *req;
	const struct br_conf *conf;
	struct fl_nl *host;
	struct fl_nl *pod;
	struct fl_cni_result prev;
	struct fl_endpoint ep;
	bool recorded;
	struct fl_link bridge, port, inner; /* inner: the container's interface */
};

static void check_done(struct check *k)
{
	fl_nl_close(&k->host);
	fl_nl_close(&k->pod);
	fl_cni_result_done(&k->prev);
	fl_endpoint_done(&k->ep);
}

static int drift(struct fl_err *err, const char *object, const char *expected, const char *found)
{
	return fl_class(err,
			fl_fail(err, ENOENT, "%s: expected %s, found %s", object, expected, found),
			FL_CNI_DRIFT);
}

/* The link must be there: its absence is drift, not a failure. */
static int get_link(struct fl_nl *nl, const char *name, struct fl_link *out, struct fl_err *err)
{
	char object[64];
	int r = fl_link_get(nl, name, out, err);

	if (r != -ENODEV)
		return r;
	(void)snprintf(object, sizeof(object), "interface '%s'", name);
	return drift(err, object, "to exist", "none");
}

static int check_bridge(struct check *k, struct fl_err *err)
{
	char object[64];
	int r = get_link(k->host, k->conf->bridge, &k->bridge, err);

	if (r < 0)
		return r;
	(void)snprintf(object, sizeof(object), "bridge '%s'", k->conf->bridge);
	if (!fl_streq(k->bridge.kind, "bridge"))
		return drift(err, object, "a bridge", k->bridge.kind);
	if (!k->bridge.up)
		return drift(err, object, "up", "down");
	if (k->conf->promisc && k->bridge.promiscuity == 0)
		return drift(err, object, "promiscuous mode on", "off");
	if ((k->conf->vlan || k->conf->has_trunk) && !k->bridge.vlan_filtering)
		return drift(err, object, "VLAN filtering on", "off");
	return 0;
}

/* By its derived name; else, after an exchange of plugins, by the result. */
static int find_port(struct check *k, struct fl_err *err)
{
	const struct fl_key key = { k->req->name, k->req->container_id, k->req->ifname };
	struct fl_err ignored;
	char name[FL_HOST_IFNAME];
	int r;

	fl_key_host_ifname(&key, name);
	r = fl_link_get(k->host, name, &k->port, err);
	for (size_t i = 0; r == -ENODEV && !k->recorded && i < k->prev.n_ifaces; i++) {
		const struct fl_cni_iface *f = &k->prev.ifaces[i];

		if (fl_empty(f->sandbox) && !fl_streq(f->name, k->conf->bridge))
			r = fl_link_get(k->host, f->name, &k->port, &ignored);
	}
	return r == -ENODEV ? get_link(k->host, name, &k->port, err) : r;
}

static int check_port(struct check *k, struct fl_err *err)
{
	bool layer2 = k->conf->no_container_interface;
	char object[64];
	int r = find_port(k, err);

	if (r < 0)
		return r;
	(void)snprintf(object, sizeof(object), "host interface '%s'", k->port.name);
	if (k->port.index != k->inner.peer || k->port.peer != k->inner.index)
		return drift(err, object, "to be the other end of the container's interface",
			     "another link");
	if (k->port.master != k->bridge.index)
		return drift(err, object, "to be a port of the bridge",
			     k->port.master ? "a port of another" : "no port");
	if (!k->port.up)
		return drift(err, object, "up", "down");
	if (!layer2 && !k->port.bridging)
		return drift(err, object, "to take part in bridging", "a disabled port");
	if (k->port.hairpin != k->conf->hairpin)
		return drift(err, object, k->conf->hairpin ? "hairpin mode on" : "hairpin mode off",
			     "the opposite");
	if (k->port.isolated != k->conf->isolated)
		return drift(err, object, k->conf->isolated ? "isolation on" : "isolation off",
			     "the opposite");
	return 0;
}

/* More VLANs than were asked for are somebody else's business. */
static int check_vlans(struct check *k, struct fl_err *err)
{
	struct fl_port_vlans have = { 0 };
	char object[64], want[32], found[32];
	int r;

	if (!k->conf->vlan && !k->conf->has_trunk)
		return 0;
	r = fl_link_vlans(k->host, k->port.index, &have, err);
	if (r < 0)
		return r;
	(void)snprintf(object, sizeof(object), "host interface '%s'", k->port.name);
	if (k->conf->vlan && have.native != k->conf->vlan) {
		(void)snprintf(want, sizeof(want), "native VLAN %u", k->conf->vlan);
		(void)snprintf(found, sizeof(found), "%u", have.native);
		return drift(err, object, want, found);
	}
	for (unsigned int v = 1; v <= BR_VLAN_MAX; v++) {
		if (!br_conf_in_trunk(k->conf, v) || have.has[v / 64] >> (v % 64) & 1)
			continue;
		(void)snprintf(want, sizeof(want), "VLAN %u of the trunk", v);
		return drift(err, object, want, "a port without it");
	}
	return 0;
}

static int check_pod(struct check *k, struct fl_err *err)
{
	const char *ifname = k->req->ifname;
	char object[64];
	int r, i = br_find_container(k->req, &k->prev);

	if (i >= 0 && !fl_streq(k->prev.ifaces[i].sandbox, k->req->netns))
		return drift(err, "prevResult's sandbox", k->req->netns, k->prev.ifaces[i].sandbox);
	(void)snprintf(object, sizeof(object), "container interface '%s'", ifname);
	r = fl_netns_open_nl(k->req->netns_fd, &k->pod, err);
	if (r == 0)
		r = fl_link_get(k->pod, ifname, &k->inner, err);
	if (r == -ENODEV)
		return drift(err, object, "to exist", "none");
	if (r < 0)
		return r;
	if (!fl_streq(k->inner.kind, "veth"))
		return drift(err, object, "a veth", k->inner.kind);
	if (!k->inner.up && !k->conf->no_container_interface)
		return drift(err, object, "up", "down");
	return 0;
}

/* A search among addresses or routes. */
struct search {
	const struct fl_cni_result *res;
	const struct fl_prefix *addr;
	const struct fl_cni_route *route;
	bool found, dad_failed;
};

static int each_addr(const struct fl_addr *have, void *arg, struct fl_err *err)
{
	struct search *s = arg;

	(void)err;
	if (have->addr.len == s->addr->len && fl_ip_cmp(&have->addr.ip, &s->addr->ip) == 0) {
		s->found = true;
		s->dad_failed = have->dad_failed;
	}
	return 0;
}

static int check_addr(struct fl_nl *nl, const struct fl_link *link, const struct fl_prefix *addr,
		      struct fl_err *err)
{
	char object[80], text[FL_PREFIX_STR];
	struct search s = { .addr = addr };
	int r = fl_addr_list(nl, link->index, fl_ip_family(&addr->ip), each_addr, &s, err);

	if (r < 0)
		return r;
	(void)snprintf(object, sizeof(object), "address %s of '%s'", fl_prefix_format(addr, text),
		       link->name);
	if (!s.found)
		return drift(err, object, "to be set", "none");
	if (s.dad_failed)
		return drift(err, object, "to be usable", "a duplicate on the link");
	return 0;
}

static int check_addresses(struct check *k, struct fl_err *err)
{
	char name[FL_IFNAME_SIZE];
	struct fl_link gateway = k->bridge;
	int r = 0;

	if (k->conf->vlan && k->conf->is_gateway && k->prev.n_ips > 0) {
		r = br_device_gateway_name(k->conf, name, err);
		if (r == 0)
			r = get_link(k->host, name, &gateway, err);
	}
	for (size_t i = 0; r == 0 && i < k->prev.n_ips; i++) {
		const struct fl_cni_ip *ip = &k->prev.ips[i];
		struct fl_prefix gw = { ip->gateway, ip->address.len };

		if (ip->interface >= 0 && ip->interface != br_find_container(k->req, &k->prev))
			continue;
		r = check_addr(k->pod, &k->inner, &ip->address, err);
		if (r == 0 && k->conf->is_gateway && ip->has_gateway)
			r = check_addr(k->host, &gateway, &gw, err);
	}
	return r;
}

/* Without it nothing that leaves the subnet arrives. */
static int check_forwarding(struct check *k, struct fl_err *err)
{
	bool v4 = false, v6 = false, on = true;
	int r = 0;

	for (size_t i = 0; k->conf->is_gateway && i < k->prev.n_ips; i++)
		*(fl_ip_is4(&k->prev.ips[i].address.ip) ? &v4 : &v6) = true;
	if (v4 && !k->bridge.ipv4_forwarding)
		return drift(err, "forwarding of IPv4", "on", "off");
	if (v6)
		r = fl_ipv6_forwarding_get(k->host, &on, err);
	return r < 0 || on ? r : drift(err, "forwarding of IPv6", "on", "off");
}

static int each_route(const struct fl_route *have, void *arg, struct fl_err *err)
{
	struct search *s = arg;
	struct fl_prefix dst = fl_prefix_network(&s->route->dst);
	struct fl_ip gw;

	(void)err;
	if (have->dst.len != dst.len || fl_ip_cmp(&have->dst.ip, &dst.ip) != 0)
		return 0;
	if (fl_pod_route_gateway(s->res, s->route, &gw))
		s->found |= have->has_gw && fl_ip_cmp(&have->gw, &gw) == 0;
	else
		s->found |= !have->has_gw;
	return 0;
}

static int check_routes(struct check *k, struct fl_err *err)
{
	char object[80], text[FL_PREFIX_STR], via[FL_IP_STR];
	struct fl_ip gw;

	for (size_t i = 0; i < k->prev.n_routes; i++) {
		struct search s = { .res = &k->prev, .route = &k->prev.routes[i] };
		int r = fl_route_list(k->pod, k->inner.index, each_route, &s, err);

		if (r < 0)
			return r;
		if (s.found)
			continue;
		(void)snprintf(object, sizeof(object), "route %s",
			       fl_prefix_format(&s.route->dst, text));
		if (fl_pod_route_gateway(&k->prev, s.route, &gw)) {
			(void)snprintf(text, sizeof(text), "%s", fl_ip_format(&gw, via));
			return drift(err, object, text, "none through it");
		}
		return drift(err, object, "to be on-link", "none");
	}
	return 0;
}

static int check_firewall(struct check *k, struct fl_err *err)
{
	fl_auto_nl struct fl_nl *nft = NULL;
	int r;

	if (!k->recorded || (!k->ep.masquerade && !k->ep.macspoofchk))
		return 0;
	r = fl_nl_open(FL_NL_NETFILTER, &nft, err);
	if (r == 0 && k->ep.masquerade)
		r = fl_masq_check(nft, k->req->name, k->ep.ips, k->ep.n_ips, err);
	if (r == 0 && k->ep.macspoofchk)
		r = fl_spoof_check(nft, k->req->name, k->port.name, k->ep.mac, err);
	return r == -ENOENT ? fl_class(err, r, FL_CNI_DRIFT) : r;
}

/* Ours has a record; what the reference plugin made has none, nor a name that we would give. */
static int check_record(struct check *k, struct fl_err *err)
{
	const struct fl_key key = { k->req->name, k->req->container_id, k->req->ifname };
	char name[FL_HOST_IFNAME];

	fl_key_host_ifname(&key, name);
	if (!k->recorded && fl_streq(k->port.name, name))
		return drift(err, "endpoint record", "to exist", "none");
	return 0;
}

static int run_checks(struct check *k, struct fl_err *err)
{
	int (*const checks[])(struct check *, struct fl_err *) = {
		check_bridge,	 check_pod,	   check_port,	 check_vlans,	 check_record,
		check_addresses, check_forwarding, check_routes, check_firewall,
	};

	for (size_t i = 0; i < FL_ARRAY_LEN(checks); i++) {
		int r = checks[i](k, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int br_check(const struct fl_cni_req *req, struct fl_err *err)
{
	const struct fl_key key = { req->name, req->container_id, req->ifname };
	fl_auto(check_done) struct check k = { .req = req };
	fl_auto_cni_args struct fl_cni_args args = { 0 };
	struct fl_err ignored;
	struct br_conf conf;
	int r;

	r = fl_cni_args_parse(req->args, &args, err);
	if (r == 0)
		r = br_conf_read(&req->conf, &args, &conf, err);
	if (r == 0 && conf.ipam)
		r = fl_cni_delegate_call(req, FL_CNI_CHECK, conf.ipam, err);
	if (r == 0)
		r = fl_cni_prev_result(req, &k.prev, err);
	if (r == 0)
		r = fl_nl_open(FL_NL_ROUTE, &k.host, err);
	if (r < 0)
		return r;
	k.conf = &conf;
	k.recorded = fl_endpoint_read(req->root, &key, &k.ep, &ignored) == 0;
	r = run_checks(&k, err);
	return r < 0 && r != -ETIMEDOUT ? fl_class(err, r, FL_CNI_NETLINK) : r;
}
