// SPDX-License-Identifier: Apache-2.0
/*
 * ADD: claim, lease, record, bridge, veth pair, pod side, firewall, host end up, in this order.
 * Each step arms its part of the undo before it acts, so that whatever fails, the world is as it
 * was before. The record comes before everything that DEL could not find by name alone.
 */
#include "plugins/bridge/bridge.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "attach/masq.h"
#include "attach/pair.h"
#include "attach/spoof.h"
#include "cni/delegate.h"
#include "plugins/bridge/conf.h"
#include "plugins/bridge/device.h"
#include "state/endpoint.h"

enum { IF_BRIDGE, IF_HOST, IF_POD }; /* the interfaces' order in the result */

/* What is being done, and how far it has come. */
struct add {
	const struct fl_cni_req *req;
	const struct br_conf *conf;
	const struct fl_cni_args *args;
	struct fl_nl *host, *nft;
	struct br_device device;
	struct fl_link port;   /* the host's end */
	struct fl_endpoint ep; /* the record; borrows */
	int record_fd;
	enum fl_pod_ipv6 ipv6;
	struct fl_json *ipam_tree; /* what result borrows from */
	struct fl_cni_result result;
	char bridge_mac[FL_MAC_STR], host_mac[FL_MAC_STR], pod_mac[FL_MAC_STR],
		gateway_mac[FL_MAC_STR];
	struct fl_pair ends;
	char alias[FL_IFALIAS_SIZE];
	/* Steps to undo. */
	bool ipam, record, device_touched, pair, masq, spoof;
};

static size_t pod_addresses(const struct add *a, struct fl_ip out[FL_ENDPOINT_IPS_MAX])
{
	for (size_t i = 0; i < a->ep.n_ips; i++)
		out[i] = a->ep.ips[i].ip;
	return a->ep.n_ips;
}

static void undo_firewall(struct add *a)
{
	struct fl_ip ips[FL_ENDPOINT_IPS_MAX];
	size_t n = pod_addresses(a, ips);
	struct fl_err ignored;

	if (a->masq)
		FL_IGNORE(fl_masq_del(a->nft, a->req->name, ips, n, &ignored));
	if (a->spoof)
		FL_IGNORE(fl_spoof_del(a->nft, a->req->name, a->ep.host_ifname, &ignored));
}

/* Undoes what is armed, in reverse, then frees everything. */
static void add_done(struct add *a)
{
	struct fl_err ignored;

	undo_firewall(a);
	if (a->pair)
		FL_IGNORE(fl_link_del(a->host, a->ep.host_ifname, &ignored));
	if (a->device_touched)
		br_device_undo(&a->device);
	if (a->ipam)
		FL_IGNORE(fl_cni_delegate_call(a->req, FL_CNI_DEL, a->conf->ipam, &ignored));
	if (a->record)
		FL_IGNORE(fl_endpoint_remove(a->req->root, &a->ep.key, &ignored));
	fl_nl_close(&a->host);
	fl_nl_close(&a->nft);
	fl_close_p(&a->record_fd);
	fl_cni_result_done(&a->result);
	fl_json_free(&a->ipam_tree);
}

static void disarm(struct add *a)
{
	a->ipam = a->record = a->device_touched = a->pair = a->masq = a->spoof = false;
}

/*
 * Before an IPAM plugin is asked: were a second ADD of one key to fail there or later, its undo
 * would release the address of the first.
 */
static int claim(struct add *a, struct fl_err *err)
{
	const struct fl_key *key = &a->ep.key;
	int r = fl_endpoint_claim(a->req->root, key, &a->record_fd, err);

	if (r == -EEXIST)
		return fl_fail(err, EEXIST,
			       "container '%s' has interface '%s' in network '%s' already: DEL it "
			       "first",
			       key->container_id, key->ifname, key->network);
	a->record = r == 0;
	return r;
}

static int get_addresses(struct add *a, struct fl_err *err)
{
	struct fl_cur c;
	int r;

	if (!a->conf->ipam)
		return 0;
	r = fl_cni_delegate_add(a->req, a->conf->ipam, &a->ipam_tree, err);
	if (r < 0)
		return r;
	a->ipam = true;
	c = fl_cur_root(a->ipam_tree, "IPAM result");
	r = fl_cni_result_read(&c, a->req->version, &a->result, err);
	if (r < 0)
		return r;
	if (a->result.n_ips == 0)
		return fl_class(
			err,
			fl_fail(err, EADDRNOTAVAIL, "IPAM '%s' gave no address", a->conf->ipam),
			FL_CNI_NO_ADDRESS);
	if (a->result.n_ips > FL_ENDPOINT_IPS_MAX)
		return fl_fail(err, E2BIG, "IPAM '%s' gave %zu addresses, at most %d",
			       a->conf->ipam, a->result.n_ips, FL_ENDPOINT_IPS_MAX);
	return 0;
}

static bool is_default_route(const struct fl_cni_route *route, bool v4)
{
	return route->dst.len == 0 && fl_ip_is4(&route->dst.ip) == v4;
}

static int add_default_route(struct add *a, const struct fl_cni_ip *ip, struct fl_err *err)
{
	static const uint8_t any[16];
	bool v4 = fl_ip_is4(&ip->address.ip);
	struct fl_cni_route *route;
	int r;

	for (size_t i = 0; i < a->result.n_routes; i++)
		if (is_default_route(&a->result.routes[i], v4))
			return 0;
	r = fl_cni_result_add_route(&a->result, &route, err);
	if (r < 0)
		return r;
	route->dst.ip = fl_ip_from_raw(fl_ip_family(&ip->address.ip), any);
	route->has = FL_CNI_ROUTE_GW;
	route->gw = ip->gateway;
	return 0;
}

/* Gives each address its interface, gateway and default route. */
static int complete_addresses(struct add *a, struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->result.n_ips; i++) {
		struct fl_cni_ip *ip = &a->result.ips[i];

		ip->interface = IF_POD;
		if (!ip->has_gateway && a->conf->is_gateway) {
			struct fl_prefix net = fl_prefix_network(&ip->address);

			ip->gateway = fl_ip_add(&net.ip, 1);
			ip->has_gateway = true;
		}
		if (a->conf->is_default_gateway)
			r = add_default_route(a, ip, err);
		if (!fl_ip_is4(&ip->address.ip))
			a->ipv6 = a->conf->dad ? FL_POD_IPV6_DAD : FL_POD_IPV6;
		a->ep.ips[a->ep.n_ips++] = ip->address;
	}
	if (a->conf->has_dns)
		a->result.dns = a->conf->dns;
	return r;
}

static int write_record(struct add *a, struct fl_err *err)
{
	struct fl_endpoint *ep = &a->ep;

	ep->netns = a->req->netns;
	ep->mode = "bridge";
	ep->pod_namespace = a->args->pod_namespace;
	ep->pod_name = a->args->pod_name;
	ep->pod_uid = a->args->pod_uid;
	ep->labels = a->conf->labels;
	ep->masquerade = a->conf->ip_masq && ep->n_ips > 0;
	ep->macspoofchk = a->conf->mac_spoof_check;
	fl_key_host_ifname(&ep->key, ep->host_ifname);
	if (a->conf->has_mac)
		memcpy(ep->mac, a->conf->mac, FL_MAC_LEN);
	else
		fl_random_mac(ep->key.ifname, ep->mac);
	return fl_endpoint_fill(a->record_fd, ep, err);
}

static int set_up_bridge(struct add *a, struct fl_err *err)
{
	struct fl_prefix gateways[FL_ENDPOINT_IPS_MAX];
	int r;

	r = fl_nl_open(FL_NL_ROUTE, &a->host, err);
	if (r < 0)
		return r;
	a->device.host = a->host;
	a->device_touched = true;
	r = br_device_ensure(&a->device, a->conf, err);
	if (r < 0 || !a->conf->is_gateway || a->result.n_ips == 0)
		return r;
	for (size_t i = 0; i < a->result.n_ips; i++) {
		gateways[i].ip = a->result.ips[i].gateway;
		gateways[i].len = a->result.ips[i].address.len;
	}
	return br_device_set_gateways(&a->device, a->conf, gateways, a->result.n_ips, err);
}

static int create_pair(struct add *a, struct fl_err *err)
{
	int r;

	/* For people, and for GC, which needs the network only: what is too long may be cut. */
	(void)snprintf(a->alias, sizeof(a->alias), BR_ALIAS "%s/%s/%s", a->req->name,
		       a->req->container_id, a->req->ifname);
	a->ends = (struct fl_pair){
		.host = a->ep.host_ifname,
		.ifname = a->req->ifname,
		.alias = a->alias,
		.netns_fd = a->req->netns_fd,
		.mtu = a->conf->mtu,
		.master = a->device.link.index,
		.mac = a->ep.mac,
		.hairpin = a->conf->hairpin ? FL_ON : FL_KEEP,
		.isolated = a->conf->isolated ? FL_ON : FL_KEEP,
	};
	r = fl_pair_create(a->host, &a->ends, &a->port, err);
	a->pair = r == 0;
	if (r == -EXFULL)
		return fl_wrap(err, r, "bridge '%s' takes no more than 1023 ports",
			       a->conf->bridge);
	return r;
}

static int configure_pod(struct add *a, struct fl_err *err)
{
	const struct fl_pod pod = {
		.netns_fd = a->req->netns_fd,
		.ifname = a->req->ifname,
		.index = a->port.peer,
		.iface = IF_POD,
		.ipv6 = a->ipv6,
	};
	int r;

	r = br_device_set_vlans(&a->device, a->conf, a->port.index, err);
	if (r == 0 && !a->conf->no_container_interface)
		r = fl_pod_configure(&pod, &a->result, err);
	if (r < 0)
		return fl_wrap(err, r, "interface '%s'", a->req->ifname);
	fl_mac_format(a->ep.mac, a->pod_mac);
	fl_mac_format(a->port.mac, a->host_mac);
	/* Both ends are made with the same size. */
	a->result.ifaces[IF_POD].mtu = a->result.ifaces[IF_HOST].mtu = a->port.mtu;
	return 0;
}

static int set_up_firewall(struct add *a, struct fl_err *err)
{
	bool fresh = false;
	int r;

	if (!a->ep.masquerade && !a->ep.macspoofchk)
		return 0;
	r = fl_nl_open(FL_NL_NETFILTER, &a->nft, err);
	if (r == 0 && a->ep.masquerade) {
		a->masq = true;
		r = fl_masq_add(a->nft, a->req->name, a->ep.ips, a->ep.n_ips, &fresh, err);
		if (r == 0 && fresh)
			r = br_restore_masquerade(a->req, a->nft, err);
	}
	if (r == 0 && a->ep.macspoofchk) {
		a->spoof = true;
		r = fl_spoof_add(a->nft, a->req->name, a->ep.host_ifname, a->ep.mac, &fresh, err);
		if (r == 0 && fresh)
			r = br_restore_pins(a->req, a->nft, err);
	}
	return r < 0 ? fl_wrap(err, r, "network '%s'", a->req->name) : 0;
}

static int add_interface(struct add *a, const char *name, char mac[FL_MAC_STR],
			 const struct fl_link *link, struct fl_err *err)
{
	struct fl_cni_iface *iface;
	int r = fl_cni_result_add_iface(&a->result, &iface, err);

	if (r < 0)
		return r;
	iface->name = name;
	iface->mac = mac;
	if (link) {
		fl_mac_format(link->mac, mac);
		iface->mtu = link->mtu;
	}
	return 0;
}

/* Bridge, host end, pod end, and a VLAN's gateway: the order that others rely on. */
static int list_interfaces(struct add *a, struct fl_err *err)
{
	int r;

	r = add_interface(a, a->conf->bridge, a->bridge_mac, &a->device.link, err) ?:
	    add_interface(a, a->ep.host_ifname, a->host_mac, NULL, err) ?:
	    add_interface(a, a->req->ifname, a->pod_mac, NULL, err);
	if (r < 0)
		return r;
	a->result.ifaces[IF_POD].sandbox = a->req->netns;
	if (a->conf->vlan && a->device.gateway.index)
		r = add_interface(a, a->device.gateway.name, a->gateway_mac, &a->device.gateway,
				  err);
	return r;
}

/* Last, so that no packet passes before the firewall is in force. */
static int raise_port(struct add *a, struct fl_err *err)
{
	bool wait = !a->conf->no_container_interface;

	return fl_pair_raise(a->host, &a->ends, wait ? &a->req->deadline : NULL, err);
}

static int run_steps(struct add *a, struct fl_err *err)
{
	int (*const steps[])(struct add *, struct fl_err *) = {
		claim,		 get_addresses, complete_addresses, write_record,    set_up_bridge,
		list_interfaces, create_pair,	configure_pod,	    set_up_firewall, raise_port,
	};

	for (size_t i = 0; i < FL_ARRAY_LEN(steps); i++) {
		int r = steps[i](a, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int br_add(const struct fl_cni_req *req, struct fl_json **result, struct fl_err *err)
{
	fl_auto_cni_args struct fl_cni_args args = { 0 };
	fl_auto(add_done) struct add a = { .req = req, .args = &args, .record_fd = -1 };
	struct br_conf conf;
	int r;

	r = fl_cni_args_parse(req->args, &args, err);
	if (r == 0)
		r = br_conf_read(&req->conf, &args, &conf, err);
	if (r < 0)
		return r;
	r = br_check_agent(req, &conf, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_TRY_LATER);
	a.conf = &conf;
	a.ep.key = (struct fl_key){ req->name, req->container_id, req->ifname };
	r = run_steps(&a, err);
	if (r == 0)
		r = fl_cni_result_write(&a.result, req->version, result, err);
	if (r < 0)
		return r == -ETIMEDOUT ? r : fl_class(err, r, FL_CNI_NETLINK);
	disarm(&a);
	return 0;
}
