// SPDX-License-Identifier: Apache-2.0
/*
 * CHECK: what all plugins check (attach/check.h), and what the result does not say: the bridge,
 * its ports, masquerade, the pinned MAC address.
 */
#include "plugins/bridge/bridge.h"

#include <errno.h>
#include <stdio.h>

#include "attach/attach.h"
#include "attach/check.h"
#include "attach/guard.h"
#include "attach/masq.h"
#include "attach/spoof.h"
#include "plugins/bridge/device.h"

struct check {
	struct fl_check all; /* what all plugins check */
	const struct br_conf *conf;
	struct fl_link bridge;
};

static void check_done(struct check *k)
{
	fl_check_done(&k->all);
}

static int check_bridge(struct check *k, struct fl_err *err)
{
	char object[64];
	int r = fl_check_get_link(k->all.host, k->conf->bridge, &k->bridge, err);

	if (r < 0)
		return r;
	(void)snprintf(object, sizeof(object), "bridge '%s'", k->conf->bridge);
	if (!fl_streq(k->bridge.kind, "bridge"))
		return fl_drift(err, object, "a bridge", k->bridge.kind);
	if (!k->bridge.up)
		return fl_drift(err, object, "up", "down");
	if (k->conf->promisc && k->bridge.promiscuity == 0)
		return fl_drift(err, object, "promiscuous mode on", "off");
	if ((k->conf->vlan || k->conf->has_trunk) && !k->bridge.vlan_filtering)
		return fl_drift(err, object, "VLAN filtering on", "off");
	return 0;
}

/* By its derived name; else, after an exchange of plugins, by the result. */
static int find_port(struct check *k, struct fl_err *err)
{
	const struct fl_key key = { k->all.req->name, k->all.req->container_id,
				    k->all.req->ifname };
	struct fl_err ignored;
	char name[FL_HOST_IFNAME];
	int r;

	fl_key_host_ifname(&key, name);
	r = fl_link_get(k->all.host, name, &k->all.port, err);
	for (size_t i = 0; r == -ENODEV && !k->all.recorded && i < k->all.prev.n_ifaces; i++) {
		const struct fl_cni_iface *f = &k->all.prev.ifaces[i];

		if (fl_empty(f->sandbox) && !fl_streq(f->name, k->conf->bridge))
			r = fl_link_get(k->all.host, f->name, &k->all.port, &ignored);
	}
	return r == -ENODEV ? fl_check_get_link(k->all.host, name, &k->all.port, err) : r;
}

static int check_port(struct check *k, struct fl_err *err)
{
	bool layer2 = k->conf->no_container_interface;
	char object[64];
	int r = find_port(k, err);

	if (r < 0)
		return r;
	(void)snprintf(object, sizeof(object), "host interface '%s'", k->all.port.name);
	r = fl_check_ends(&k->all, err);
	if (r < 0)
		return r;
	if (k->all.port.master != k->bridge.index)
		return fl_drift(err, object, "to be a port of the bridge",
				k->all.port.master ? "a port of another" : "no port");
	if (!k->all.port.up)
		return fl_drift(err, object, "up", "down");
	if (!layer2 && !k->all.port.bridging)
		return fl_drift(err, object, "to take part in bridging", "a disabled port");
	if (k->all.port.hairpin != k->conf->hairpin)
		return fl_drift(err, object,
				k->conf->hairpin ? "hairpin mode on" : "hairpin mode off",
				"the opposite");
	if (k->all.port.isolated != k->conf->isolated)
		return fl_drift(err, object, k->conf->isolated ? "isolation on" : "isolation off",
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
	r = fl_link_vlans(k->all.host, k->all.port.index, &have, err);
	if (r < 0)
		return r;
	(void)snprintf(object, sizeof(object), "host interface '%s'", k->all.port.name);
	if (k->conf->vlan && have.native != k->conf->vlan) {
		(void)snprintf(want, sizeof(want), "native VLAN %u", k->conf->vlan);
		(void)snprintf(found, sizeof(found), "%u", have.native);
		return fl_drift(err, object, want, found);
	}
	for (unsigned int v = 1; v <= BR_VLAN_MAX; v++) {
		if (!br_conf_in_trunk(k->conf, v) || have.has[v / 64] >> (v % 64) & 1)
			continue;
		(void)snprintf(want, sizeof(want), "VLAN %u of the trunk", v);
		return fl_drift(err, object, want, "a port without it");
	}
	return 0;
}

static int check_pod(struct check *k, struct fl_err *err)
{
	return fl_check_pod(&k->all, k->conf->no_container_interface, err);
}

static int check_addresses(struct check *k, struct fl_err *err)
{
	char name[FL_IFNAME_SIZE];
	struct fl_link gateway = k->bridge;
	int r = 0;

	if (k->conf->vlan && k->conf->is_gateway && k->all.prev.n_ips > 0) {
		r = br_device_gateway_name(k->conf, name, err);
		if (r == 0)
			r = fl_check_get_link(k->all.host, name, &gateway, err);
	}
	for (size_t i = 0; r == 0 && i < k->all.prev.n_ips; i++) {
		const struct fl_cni_ip *ip = &k->all.prev.ips[i];
		struct fl_prefix gw = { ip->gateway, ip->address.len };

		if (ip->interface >= 0 &&
		    ip->interface != fl_attach_find_container(k->all.req, &k->all.prev))
			continue;
		r = fl_check_addr(k->all.pod, &k->all.inner, &ip->address, err);
		if (r == 0 && k->conf->is_gateway && ip->has_gateway)
			r = fl_check_addr(k->all.host, &gateway, &gw, err);
	}
	return r ?: fl_check_no_more_addrs(&k->all, err);
}

static int check_forwarding(struct check *k, struct fl_err *err)
{
	return k->conf->is_gateway ? fl_check_forwarding(&k->all, &k->bridge, err) : 0;
}

static int check_routes(struct check *k, struct fl_err *err)
{
	return fl_check_routes(&k->all, err);
}

static int check_firewall(struct check *k, struct fl_err *err)
{
	fl_auto_nl struct fl_nl *nft = NULL;
	int r;

	if (!k->all.recorded || (!k->all.ep.masquerade && !k->all.ep.macspoofchk))
		return 0;
	r = fl_nl_open(FL_NL_NETFILTER, &nft, err);
	if (r == 0 && k->all.ep.masquerade)
		r = fl_masq_check(nft, k->all.req->name, k->all.ep.ips, k->all.ep.n_ips, err);
	if (r == 0 && k->all.ep.macspoofchk)
		r = fl_spoof_check(nft, k->all.req->name, k->all.port.name, k->all.ep.mac, err);
	return r == -ENOENT ? fl_class(err, r, FL_CNI_DRIFT) : r;
}

static int check_record(struct check *k, struct fl_err *err)
{
	return fl_check_record(&k->all, err);
}

static int check_datapath(struct check *k, struct fl_err *err)
{
	return fl_guard_check(&k->all, &k->conf->pod, err);
}

static int run_checks(struct check *k, struct fl_err *err)
{
	int (*const checks[])(struct check *, struct fl_err *) = {
		check_bridge,	 check_pod,	   check_port,	 check_vlans,	 check_record,
		check_addresses, check_forwarding, check_routes, check_firewall, check_datapath,
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
	fl_auto(check_done) struct check k = { .all.req = req };
	fl_auto_cni_args struct fl_cni_args args = { 0 };
	struct br_conf conf;
	int r;

	r = fl_cni_args_parse(req->args, &args, err);
	if (r == 0)
		r = br_conf_read(&req->conf, &args, &conf, err);
	if (r == 0)
		r = fl_check_begin(&k.all, req, &conf.pod, err);
	if (r < 0)
		return r;
	k.conf = &conf;
	r = run_checks(&k, err);
	return r < 0 && r != -ETIMEDOUT ? fl_class(err, r, FL_CNI_NETLINK) : r;
}
