// SPDX-License-Identifier: Apache-2.0
/* The steps of ADD that all plugins share. */
#include "attach/attach.h"

#include <errno.h>
#include <stdio.h>

#include "attach/guard.h"
#include "attach/leave.h"
#include "cni/delegate.h"
#include "net/netns.h"

int fl_attach_claim(struct fl_attach *a, struct fl_err *err)
{
	const struct fl_key *key = &a->ep.key;
	int r = fl_endpoint_claim(a->req->root, key, &a->record_fd, err);

	if (r == -EEXIST)
		return fl_fail(err, EEXIST,
			       "container '%s' has interface '%s' in network '%s' already: DEL it "
			       "first",
			       key->container_id, key->ifname, key->network);
	a->recorded = r == 0;
	return r < 0 ? fl_class(err, r, FL_CNI_IO) : 0;
}

static const struct fl_cni_req *ipam_request(const struct fl_attach *a)
{
	return a->ipam_req ? a->ipam_req : a->req;
}

static int lease(struct fl_attach *a, const char *type, struct fl_err *err)
{
	struct fl_cur c;
	int r;

	r = fl_cni_delegate_add(ipam_request(a), type, &a->ipam_tree, err);
	if (r < 0)
		return r;
	a->leased = true;
	c = fl_cur_root(a->ipam_tree, "IPAM result");
	r = fl_cni_result_read(&c, a->req->version, &a->result, err);
	if (r < 0)
		return r;
	/* An IPAM plugin has none: one that names what it sees would move ours. */
	a->result.n_ifaces = 0;
	if (a->result.n_ips == 0)
		return fl_class(err, fl_fail(err, EADDRNOTAVAIL, "IPAM '%s' gave no address", type),
				FL_CNI_NO_ADDRESS);
	if (a->result.n_ips > FL_ENDPOINT_IPS_MAX)
		return fl_fail(err, E2BIG, "IPAM '%s' gave %zu addresses, at most %d", type,
			       a->result.n_ips, FL_ENDPOINT_IPS_MAX);
	return 0;
}

int fl_attach_lease(struct fl_attach *a, struct fl_err *err)
{
	int r = a->conf->ipam ? lease(a, a->conf->ipam, err) : 0;

	if (r == 0 && a->conf->has_dns)
		a->result.dns = a->conf->dns;
	return r;
}

void fl_attach_take_address(struct fl_attach *a, struct fl_cni_ip *ip)
{
	ip->interface = a->iface;
	if (!fl_ip_is4(&ip->address.ip))
		a->ipv6 = a->conf->dad ? FL_POD_IPV6_DAD : FL_POD_IPV6;
	a->ep.ips[a->ep.n_ips++] = ip->address;
}

static bool is_default_route(const struct fl_cni_route *route, bool v4)
{
	return route->dst.len == 0 && fl_ip_is4(&route->dst.ip) == v4;
}

int fl_attach_add_default(struct fl_attach *a, const struct fl_ip *gateway, struct fl_err *err)
{
	static const uint8_t any[16];
	bool v4 = fl_ip_is4(gateway);
	struct fl_cni_route *route;
	int r;

	for (size_t i = 0; i < a->result.n_routes; i++)
		if (is_default_route(&a->result.routes[i], v4))
			return 0;
	r = fl_cni_result_add_route(&a->result, &route, err);
	if (r < 0)
		return r;
	route->dst.ip = fl_ip_from_raw(fl_ip_family(gateway), any);
	route->has = FL_CNI_ROUTE_GW;
	route->gw = *gateway;
	return 0;
}

/* The address that the MAC address follows from: IPv4 where there is one. NULL: there is none. */
static const struct fl_ip *leading(const struct fl_endpoint *ep)
{
	for (size_t i = 0; i < ep->n_ips; i++)
		if (fl_ip_is4(&ep->ips[i].ip))
			return &ep->ips[i].ip;
	return ep->n_ips > 0 ? &ep->ips[0].ip : NULL;
}

int fl_attach_record(struct fl_attach *a, struct fl_err *err)
{
	const struct fl_ip *ip = leading(&a->ep);
	struct fl_endpoint *ep = &a->ep;
	int r;

	ep->netns = a->req->netns;
	ep->pod_namespace = a->args->pod_namespace;
	ep->pod_name = a->args->pod_name;
	ep->pod_uid = a->args->pod_uid;
	ep->labels = a->conf->labels;
	ep->no_agent = a->conf->agent == FL_AGENT_NONE;
	fl_key_host_ifname(&ep->key, ep->host_ifname);
	if (a->conf->has_mac)
		memcpy(ep->mac, a->conf->mac, FL_MAC_LEN);
	else if (ip)
		fl_address_mac(ep->key.network, ip, ep->mac);
	else
		fl_random_mac(ep->key.ifname, ep->mac);
	r = fl_endpoint_fill(a->record_fd, ep, err);
	if (r == -E2BIG)
		return fl_class(err, fl_wrap(err, r, "config 'args.cni.labels' and CNI_ARGS"),
				FL_CNI_CONFIG);
	return r < 0 ? fl_class(err, r, FL_CNI_IO) : 0;
}

bool fl_attach_mac_follows(const struct fl_attach *a)
{
	return !a->conf->has_mac && a->ep.n_ips == 1 && fl_ip_is4(&a->ep.ips[0].ip);
}

int fl_attach_add_iface(struct fl_attach *a, const char *name, char mac[FL_MAC_STR],
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

int fl_attach_add_ends(struct fl_attach *a, struct fl_err *err)
{
	int r = fl_attach_add_iface(a, a->ep.host_ifname, a->host_mac, NULL, err)
			?: fl_attach_add_iface(a, a->req->ifname, a->pod_mac, NULL, err);

	if (r == 0)
		a->result.ifaces[a->iface].sandbox = a->req->netns;
	return r;
}

int fl_attach_pair(struct fl_attach *a, struct fl_err *err)
{
	int r;

	fl_key_alias(&a->ep.key, a->alias);
	a->ends.host = a->ep.host_ifname;
	a->ends.ifname = a->req->ifname;
	a->ends.alias = a->alias;
	a->ends.netns_fd = a->req->netns_fd;
	a->ends.mac = a->ep.mac;
	r = fl_pair_create(a->host, &a->ends, &a->port, err);
	a->paired = r == 0;
	if (r == 0)
		r = fl_guard_join(a, err);
	if (r < 0)
		return r;
	fl_mac_format(a->ep.mac, a->pod_mac);
	fl_mac_format(a->port.mac, a->host_mac);
	/* Both ends are made with the same size. */
	a->result.ifaces[a->iface].mtu = a->result.ifaces[a->iface - 1].mtu = a->port.mtu;
	return 0;
}

struct fl_pod fl_attach_pod(struct fl_attach *a)
{
	return (struct fl_pod){
		.netns_fd = a->req->netns_fd,
		.home_fd = a->req->home_fd,
		.nl = &a->pod,
		.ifname = a->req->ifname,
		.index = a->port.peer,
		.iface = a->iface,
		.ipv6 = a->ipv6,
	};
}

int fl_attach_forward(struct fl_attach *a, const struct fl_link *link, struct fl_err *err)
{
	bool v4 = false, v6 = false, on = true;
	int r = 0;

	for (size_t i = 0; i < a->ep.n_ips; i++)
		*(fl_ip_is4(&a->ep.ips[i].ip) ? &v4 : &v6) = true;
	if (v4 && !link->ipv4_forwarding)
		r = fl_sysctl_set("ipv4/ip_forward", "1", err);
	if (r == 0 && v6)
		r = fl_ipv6_forwarding_get(a->host, &on, err);
	if (r == 0 && !on)
		r = fl_sysctl_set("ipv6/conf/all/forwarding", "1", err);
	return r;
}

void fl_attach_undo_pair(struct fl_attach *a)
{
	struct fl_err ignored;

	if (a->paired)
		FL_IGNORE(fl_link_del(a->host, a->ep.host_ifname, &ignored));
	a->paired = false;
}

void fl_attach_undo(struct fl_attach *a)
{
	struct fl_err ignored;

	if (a->leased)
		FL_IGNORE(
			fl_cni_delegate_call(ipam_request(a), FL_CNI_DEL, a->conf->ipam, &ignored));
	if (a->recorded)
		FL_IGNORE(fl_endpoint_remove(a->req->root, &a->ep.key, &ignored));
	a->leased = a->recorded = false;
}

void fl_attach_keep(struct fl_attach *a)
{
	a->leased = a->recorded = a->paired = false;
	a->pod = NULL;
	a->record_fd = a->agent_fd = -1;
}

void fl_attach_done(struct fl_attach *a)
{
	fl_nl_close(&a->pod);
	fl_close_p(&a->record_fd);
	fl_close_p(&a->agent_fd);
	fl_cni_result_done(&a->result);
	fl_json_free(&a->ipam_tree);
}

int fl_attach_find_container(const struct fl_cni_req *req, const struct fl_cni_result *res)
{
	for (size_t i = 0; i < res->n_ifaces; i++)
		if (!fl_empty(res->ifaces[i].sandbox) && fl_streq(res->ifaces[i].name, req->ifname))
			return (int)i;
	return -1;
}
