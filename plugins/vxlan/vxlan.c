// SPDX-License-Identifier: Apache-2.0
/*
 * The verbs are those of routed networks (attach/routed.h); here stands what the overlay adds:
 * this node's address, the MTU that is left, and the VXLAN device.
 */
#include "plugins/vxlan/vxlan.h"

#include <errno.h>
#include <stdio.h>

#include "attach/check.h"
#include "attach/routed.h"
#include "net/addr.h"
#include "net/route.h"
#include "peers/vtep.h"
#include "plugins/vxlan/conf.h"

/* A request's own part. */
struct vx {
	struct vx_conf conf; /* whose net has gone to the request */
	struct fl_routed_kind kind;
	struct fl_ip local;
};

/* The source address of packets to the first peer, unless the configuration says which. */
static int find_local(struct fl_routed *r, struct vx *vx, struct fl_err *err)
{
	struct fl_route route = { 0 };
	char text[FL_IP_STR];
	int e = 0;

	if (vx->conf.has_local) {
		vx->local = vx->conf.local;
		return 0;
	}
	e = fl_route_lookup(r->host, &r->conf.peers[0].ips[0], &route, err);
	if (e == 0 && !route.has_src)
		e = fl_fail(err, EADDRNOTAVAIL, "the route to '%s' has no source address",
			    fl_ip_format(&r->conf.peers[0].ips[0], text));
	if (e < 0)
		return fl_wrap(err, e,
			       "config 'local' is missing, and the first peer does not tell");
	vx->local = route.src;
	return fl_routed_conf_check_local(&r->conf, &vx->local, err);
}

struct search {
	const struct fl_ip *ip;
	uint32_t link; /* 0: not found */
};

static int each_addr(const struct fl_addr *addr, void *arg, struct fl_err *err)
{
	struct search *s = arg;

	(void)err;
	if (fl_ip_cmp(&addr->addr.ip, s->ip) == 0)
		s->link = addr->link;
	return 0;
}

/* The MTU that the link under the overlay leaves. */
static int fit_mtu(struct fl_routed *r, const struct vx *vx, struct fl_err *err)
{
	struct search s = { .ip = &vx->local };
	struct fl_link under = { 0 };
	char text[FL_IP_STR];
	uint32_t most;
	int e;

	e = fl_addr_list(r->host, 0, fl_ip_family(s.ip), each_addr, &s, err);
	if (e == 0 && s.link == 0)
		return fl_class(err,
				fl_fail(err, EADDRNOTAVAIL,
					"config 'local': '%s' is no address of this node",
					fl_ip_format(s.ip, text)),
				FL_CNI_CONFIG);
	if (e == 0)
		e = fl_link_get_index(r->host, s.link, &under, err);
	if (e < 0)
		return e;
	most = fl_vtep_mtu(under.mtu, s.ip);
	if (most == 0 || r->conf.pod.mtu > most)
		return fl_class(
			err,
			fl_fail(err, EMSGSIZE,
				"config 'mtu': %u, but link '%s' with its %u bytes leaves %u",
				r->conf.pod.mtu, under.name, under.mtu, most),
			FL_CNI_CONFIG);
	r->mtu = r->conf.pod.mtu ? r->conf.pod.mtu : most;
	return 0;
}

static int survey(struct fl_routed *r, struct fl_err *err)
{
	struct vx *vx = r->own;
	int e = find_local(r, vx, err);

	r->in.underlay_family = fl_ip_family(&vx->local);
	return e < 0 ? e : fit_mtu(r, vx, err);
}

/* The first address of each block, of full length: the source of what the node itself sends. */
static size_t vtep_addrs(const struct fl_routed *r, struct fl_prefix out[FL_ROUTED_HOME_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_home; i++) {
		uint8_t whole = (uint8_t)fl_ip_bits(&r->home[i].ip);

		if (r->home[i].len < whole)
			out[n++] = (struct fl_prefix){ r->home[i].ip, whole };
	}
	return n;
}

static int ensure(struct fl_routed *r, struct fl_err *err)
{
	const struct vx *vx = r->own;
	struct fl_prefix addrs[FL_ROUTED_HOME_MAX];
	struct fl_vtep want = {
		.name = vx->conf.device,
		.vxlan = { vx->conf.vni, vx->conf.port, vx->local },
		.mtu = r->mtu,
		.n_addrs = vtep_addrs(r, addrs),
		.addrs = addrs,
	};
	struct fl_link link = { 0 };
	bool changed;
	int e;

	fl_vtep_mac(&vx->local, want.mac);
	e = fl_vtep_ensure(r->host, &want, &link, &changed, err);
	if (e == -ENOTUNIQ || e == -EADDRINUSE)
		return fl_class(err, e, FL_CNI_CONFIG);
	r->in.vtep = link.index;
	return e;
}

/* What the device should be: ours as configured, or the agent's as it says. */
static int check_link(const struct fl_link *link, uint32_t vni, uint16_t port, struct fl_err *err)
{
	char object[64], want[64], found[64];

	(void)snprintf(object, sizeof(object), "device '%s'", link->name);
	if (!fl_streq(link->kind, "vxlan"))
		return fl_drift(err, object, "a VXLAN device", link->kind[0] ? link->kind : "none");
	(void)snprintf(want, sizeof(want), "VNI %u on port %u", vni, port);
	(void)snprintf(found, sizeof(found), "VNI %u on port %u", link->vxlan.vni,
		       link->vxlan.port);
	if (!fl_streq(want, found))
		return fl_drift(err, object, want, found);
	return link->up ? 0 : fl_drift(err, object, "up", "down");
}

static int check_own(struct fl_routed *r, const struct fl_link *link, struct fl_err *err)
{
	char object[64], want[FL_IP_STR + 16], found[FL_IP_STR + 16];
	const struct vx *vx = r->own;
	struct fl_prefix addrs[FL_ROUTED_HOME_MAX];
	size_t n = vtep_addrs(r, addrs);
	int e = 0;

	(void)snprintf(object, sizeof(object), "device '%s'", link->name);
	if (link->mtu != r->mtu) {
		(void)snprintf(want, sizeof(want), "MTU %u", r->mtu);
		(void)snprintf(found, sizeof(found), "%u", link->mtu);
		return fl_drift(err, object, want, found);
	}
	if (fl_ip_cmp(&link->vxlan.local, &vx->local) != 0) {
		memcpy(want, "local ", 7);
		(void)fl_ip_format(&vx->local, want + 6);
		return fl_drift(err, object, want, fl_ip_format(&link->vxlan.local, found));
	}
	for (size_t i = 0; e == 0 && i < n; i++)
		e = fl_check_addr(r->host, link, &addrs[i], err);
	return e;
}

static int check(struct fl_routed *r, struct fl_err *err)
{
	const struct vx *vx = r->own;
	bool ours = r->conf.has_peers;
	struct fl_link link = { 0 };
	int e;

	if (!ours && !r->node.vxlan_device) /* the agent reaches nodes in another way */
		return 0;
	e = fl_check_get_link(r->host, ours ? vx->conf.device : r->node.vxlan_device, &link, err);
	if (e == 0)
		e = check_link(&link, ours ? vx->conf.vni : r->node.vni,
			       ours ? vx->conf.port : r->node.port, err);
	r->in.vtep = link.index;
	return e < 0 || !ours ? e : check_own(r, &link, err);
}

/* Fills in the request's and the plugin's part. */
static int begin(const struct fl_cni_req *req, const struct fl_cni_args *args, struct vx *vx,
		 struct fl_routed *r, struct fl_err *err)
{
	int e = vx_conf_read(&req->conf, args, &vx->conf, err);

	if (e < 0)
		return e;
	vx->kind = (struct fl_routed_kind){
		.mode = "vxlan",
		.way = FL_PEERS_OVERLAY,
		.device = vx->conf.device,
		.survey = survey,
		.ensure = ensure,
		.check = check,
	};
	r->req = req;
	r->kind = &vx->kind;
	r->own = vx;
	r->conf = vx->conf.net;
	vx->conf.net = (struct fl_routed_conf){ 0 };
	return 0;
}

static int vx_add(const struct fl_cni_req *req, struct fl_json **result, struct fl_err *err)
{
	fl_auto_cni_args struct fl_cni_args args = { 0 };
	fl_auto_routed struct fl_routed r = { 0 };
	struct vx vx = { 0 };

	return fl_cni_args_parse(req->args, &args, err) ?: begin(req, &args, &vx, &r, err) ?:
	       fl_routed_add(&r, &args, result, err);
}

static int vx_check(const struct fl_cni_req *req, struct fl_err *err)
{
	fl_auto_cni_args struct fl_cni_args args = { 0 };
	fl_auto_routed struct fl_routed r = { 0 };
	struct vx vx = { 0 };

	return fl_cni_args_parse(req->args, &args, err) ?: begin(req, &args, &vx, &r, err) ?:
	       fl_routed_check(&r, err);
}

static int vx_status(const struct fl_cni_req *req, struct fl_err *err)
{
	fl_auto_cni_args struct fl_cni_args args = { 0 };
	fl_auto_routed struct fl_routed r = { 0 };
	struct vx vx = { 0 };

	return begin(req, &args, &vx, &r, err) ?: fl_routed_status(&r, err);
}

const struct fl_cni_plugin vx_plugin = {
	.name = "vxlan",
	.add = vx_add,
	.del = fl_routed_del,
	.check = vx_check,
	.gc = fl_routed_gc,
	.status = vx_status,
};
