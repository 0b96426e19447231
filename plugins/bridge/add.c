// SPDX-License-Identifier: Apache-2.0
/*
 * ADD: claim, lease, record, bridge, veth pair, pod side, firewall, host end up, forwarding, in
 * this order.
 * Each step arms its part of the undo before it acts, so that whatever fails, the world is as it
 * was before. The record comes before everything that DEL could not find by name alone.
 */
#include "plugins/bridge/bridge.h"

#include <errno.h>
#include <sys/file.h>

#include "attach/attach.h"
#include "attach/guard.h"
#include "attach/masq.h"
#include "attach/spoof.h"
#include "plugins/bridge/conf.h"
#include "plugins/bridge/device.h"

enum { IF_BRIDGE, IF_HOST, IF_POD }; /* the interfaces' order in the result */

/* What is being done, and how far it has come. */
struct add {
	struct fl_attach at; /* what all plugins do */
	const struct br_conf *conf;
	struct fl_nl *nft;
	struct br_device device;
	char bridge_mac[FL_MAC_STR], gateway_mac[FL_MAC_STR];
	bool device_touched, masq, spoof; /* to be undone */
};

static void undo_firewall(struct add *a)
{
	const struct fl_endpoint *ep = &a->at.ep;
	struct fl_ip ips[FL_ENDPOINT_IPS_MAX];
	struct fl_err ignored;

	if (!a->masq && !a->spoof)
		return;
	/* Nobody may put back by our record, until it is gone, what is taken away here. */
	FL_IGNORE(fl_flock(a->at.record_fd, LOCK_EX, &a->at.req->deadline, &ignored));
	for (size_t i = 0; i < ep->n_ips; i++)
		ips[i] = ep->ips[i].ip;
	if (a->masq)
		FL_IGNORE(fl_masq_del(a->nft, ep->key.network, ips, ep->n_ips, &ignored));
	if (a->spoof)
		FL_IGNORE(fl_spoof_del(a->nft, ep->key.network, ep->host_ifname, &ignored));
}

static int ensure_bridge(struct add *a, struct fl_err *err)
{
	struct fl_prefix gateways[FL_ENDPOINT_IPS_MAX];
	int r;

	a->device = (struct br_device){ .host = a->at.host };
	a->device_touched = true;
	r = br_device_ensure(&a->device, a->conf, err);
	if (r < 0 || !a->conf->is_gateway || a->at.result.n_ips == 0)
		return r;
	for (size_t i = 0; i < a->at.result.n_ips; i++) {
		gateways[i].ip = a->at.result.ips[i].gateway;
		gateways[i].len = a->at.result.ips[i].address.len;
	}
	return br_device_set_gateways(&a->device, a->conf, gateways, a->at.result.n_ips, err);
}

/* A bridge that goes under our hands was made by an ADD that has failed. */
static int set_up_bridge(struct add *a, struct fl_err *err)
{
	int r = ensure_bridge(a, err);

	return r == -ENODEV ? ensure_bridge(a, err) : r;
}

static void undo_bridge(struct add *a)
{
	struct fl_err ignored;

	if (a->device_touched && br_device_undo(&a->device, a->at.req))
		FL_IGNORE(ensure_bridge(a, &ignored));
}

/* Undoes what is armed, in reverse, then frees everything. */
static void add_done(struct add *a)
{
	undo_firewall(a);
	fl_attach_undo_pair(&a->at);
	undo_bridge(a);
	fl_attach_undo(&a->at);
	fl_attach_done(&a->at);
	fl_nl_close(&a->nft);
}

static void disarm(struct add *a)
{
	a->device_touched = a->masq = a->spoof = false;
	fl_attach_keep(&a->at);
	a->nft = NULL; /* likewise */
}

static int claim(struct add *a, struct fl_err *err)
{
	return fl_attach_claim(&a->at, err);
}

static int get_addresses(struct add *a, struct fl_err *err)
{
	return fl_attach_lease(&a->at, err);
}

/* Gives each address its interface, gateway and default route. */
static int complete_addresses(struct add *a, struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->at.result.n_ips; i++) {
		struct fl_cni_ip *ip = &a->at.result.ips[i];

		if (!ip->has_gateway && a->conf->is_gateway) {
			struct fl_prefix net = fl_prefix_network(&ip->address);

			ip->gateway = fl_ip_add(&net.ip, 1);
			ip->has_gateway = true;
		}
		if (a->conf->is_default_gateway)
			r = fl_attach_add_default(&a->at, &ip->gateway, err);
		fl_attach_take_address(&a->at, ip);
	}
	return r;
}

static int write_record(struct add *a, struct fl_err *err)
{
	a->at.ep.mode = "bridge";
	a->at.ep.masquerade = a->conf->ip_masq && a->at.ep.n_ips > 0;
	a->at.ep.macspoofchk = a->conf->mac_spoof_check;
	return fl_attach_record(&a->at, err);
}

static int create_pair(struct add *a, struct fl_err *err)
{
	static const uint8_t none[FL_MAC_LEN];
	int r;

	a->at.ends.mtu = a->conf->pod.mtu;
	a->at.ends.master = a->device.link.index;
	a->at.ends.hairpin = a->conf->hairpin ? FL_ON : FL_KEEP;
	a->at.ends.isolated = a->conf->isolated ? FL_ON : FL_KEEP;
	r = fl_attach_pair(&a->at, err);
	if (r == -EXFULL)
		return fl_wrap(err, r, "bridge '%s' takes no more than 1023 ports",
			       a->conf->bridge);
	/* One that somebody else made may follow its ports' addresses, and then the port says so.
	 */
	if (r == 0 && memcmp(a->at.port.bridge_mac, none, FL_MAC_LEN) != 0)
		fl_mac_format(a->at.port.bridge_mac, a->bridge_mac);
	return r;
}

static int configure_pod(struct add *a, struct fl_err *err)
{
	const struct fl_pod pod = fl_attach_pod(&a->at);
	int r;

	r = br_device_set_vlans(&a->device, a->conf, a->at.port.index, err);
	if (r == 0 && !a->conf->no_container_interface)
		r = fl_pod_configure(&pod, &a->at.result, err);
	return r < 0 ? fl_wrap(err, r, "interface '%s'", a->at.req->ifname) : 0;
}

static int masquerade(struct fl_nl *nft, const struct fl_endpoint *ep, bool *fresh,
		      struct fl_err *err)
{
	return ep->masquerade ? fl_masq_add(nft, ep->key.network, ep->ips, ep->n_ips, fresh, err)
			      : 0;
}

static int pin(struct fl_nl *nft, const struct fl_endpoint *ep, bool *fresh, struct fl_err *err)
{
	return ep->macspoofchk
		       ? fl_spoof_add(nft, ep->key.network, ep->host_ifname, ep->mac, fresh, err)
		       : 0;
}

typedef int put_firewall(struct fl_nl *nft, const struct fl_endpoint *ep, bool *fresh,
			 struct fl_err *err);

/* What somebody has flushed is put back for all pods of the network. */
struct refill {
	const struct fl_cni_req *req;
	struct fl_nl *nft;
	put_firewall *put;
};

/* Not for one that is about to leave, whose elements nobody would take away again. */
static int refill_one(const struct fl_endpoint *ep, void *arg, struct fl_err *err)
{
	const struct refill *f = arg;
	fl_auto_close int lock = -1;
	bool fresh;
	int r = fl_endpoint_lock(f->req->root, &ep->key, NULL, &lock, err);

	if (r == -EAGAIN || r == -ENOENT)
		return 0;
	return r < 0 ? r : f->put(f->nft, ep, &fresh, err);
}

static int put_all(struct add *a, put_firewall *put, struct fl_err *err)
{
	const struct fl_cni_req *req = a->at.req;
	struct refill f = { req, a->nft, put };
	bool fresh = false;
	int r = put(a->nft, &a->at.ep, &fresh, err);

	return r < 0 || !fresh ? r : fl_endpoint_list(req->root, req->name, refill_one, &f, err);
}

static int set_up_firewall(struct add *a, struct fl_err *err)
{
	const struct fl_endpoint *ep = &a->at.ep;
	int r;

	if (!ep->masquerade && !ep->macspoofchk)
		return 0;
	r = fl_nl_open(FL_NL_NETFILTER, &a->nft, err);
	if (r == 0) {
		a->masq = ep->masquerade;
		r = put_all(a, masquerade, err);
	}
	if (r == 0) {
		a->spoof = ep->macspoofchk;
		r = put_all(a, pin, err);
	}
	return r < 0 ? fl_wrap(err, r, "network '%s'", a->at.req->name) : 0;
}

/* Bridge, host end, pod end, and a VLAN's gateway: the order that others rely on. */
static int list_interfaces(struct add *a, struct fl_err *err)
{
	const struct fl_link *gateway = &a->device.gateway;
	int r;

	r = fl_attach_add_iface(&a->at, a->conf->bridge, a->bridge_mac, &a->device.link, err)
		    ?: fl_attach_add_ends(&a->at, err);
	if (r == 0 && a->conf->vlan && gateway->index)
		r = fl_attach_add_iface(&a->at, gateway->name, a->gateway_mac, gateway, err);
	return r;
}

/* Last, so that no packet passes before the firewall is in force. */
static int raise_port(struct add *a, struct fl_err *err)
{
	bool wait = !a->conf->no_container_interface;

	return fl_pair_raise(a->at.host, &a->at.ends, wait ? &a->at.req->deadline : NULL, err);
}

/* Who is told of the pod sends to it at once. */
static int settle_pod(struct add *a, struct fl_err *err)
{
	const struct fl_pod pod = fl_attach_pod(&a->at);

	if (a->conf->no_container_interface)
		return 0;
	return fl_pod_settle(&pod, &a->at.result, &a->at.req->deadline, err);
}

/*
 * Whoever remembers who had an address of the pod's before is told, unless it is the same to him;
 * not before the datapath, if there is one, lets it pass.
 */
static int introduce(struct add *a, struct fl_err *err)
{
	const struct fl_deadline *deadline = &a->at.req->deadline;
	struct fl_pod pod = fl_attach_pod(&a->at);
	int r = fl_guard_wait(&a->at, err);

	if (r < 0 || a->at.result.n_ips == 0 || a->conf->no_container_interface)
		return r;
	if (!fl_attach_mac_follows(&a->at))
		return fl_pod_announce(&pod, a->at.ep.mac, deadline, err);
	return a->at.guarded ? fl_pod_wait(&pod, a->at.pod, deadline, err) : 0;
}

static int forward(struct add *a, struct fl_err *err)
{
	bool wanted = a->conf->is_gateway && a->at.result.n_ips > 0;

	return wanted ? fl_attach_forward(&a->at, &a->device.gateway, err) : 0;
}

static int run_steps(struct add *a, struct fl_err *err)
{
	int (*const steps[])(struct add *, struct fl_err *) = {
		claim,		 get_addresses,	  complete_addresses, write_record,
		set_up_bridge,	 list_interfaces, create_pair,	      configure_pod,
		set_up_firewall, raise_port,	  settle_pod,	      introduce,
		forward,
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
	struct br_conf conf;
	fl_auto(add_done) struct add a = {
		.at = { .req = req,
			.host = req->home,
			.conf = &conf.pod,
			.args = &args,
			.ep.key = { req->name, req->container_id, req->ifname },
			.record_fd = -1,
			.agent_fd = -1,
			.iface = IF_POD },
		.conf = &conf,
	};
	int r;

	r = fl_cni_args_parse(req->args, &args, err);
	if (r == 0)
		r = br_conf_read(&req->conf, &args, &conf, err);
	if (r == 0)
		r = fl_guard_check_agent(req, &conf.pod, err);
	if (r < 0)
		return r;
	r = run_steps(&a, err);
	if (r == 0)
		r = fl_cni_result_write(&a.at.result, req->answer, result, err);
	if (r < 0)
		return r == -ETIMEDOUT ? r : fl_class(err, r, FL_CNI_NETLINK);
	disarm(&a);
	return 0;
}
