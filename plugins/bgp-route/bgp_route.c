// SPDX-License-Identifier: Apache-2.0
/*
 * The verbs are those of routed networks (attach/routed.h); here stands how peers are reached: by
 * their own address, which must be on a link of this node.
 */
#include "plugins/bgp-route/bgp_route.h"

#include "attach/routed.h"
#include "net/addr.h"
#include "net/link.h"
#include "net/route.h"
#include "plugins/bgp-route/conf.h"

static int each_own(const struct fl_addr *addr, void *arg, struct fl_err *err)
{
	return fl_routed_conf_check_own(arg, &addr->addr.ip, err);
}

/* The smallest MTU on the way to a peer is that of the pods, if the configuration has none. */
static void lower_mtu(struct fl_routed *r, uint32_t index)
{
	struct fl_err ignored;
	struct fl_link link;

	if (r->conf.pod.mtu || fl_link_get_index(r->host, index, &link, &ignored) < 0)
		return;
	if (r->mtu == 0 || link.mtu < r->mtu)
		r->mtu = link.mtu;
}

/* As the kernel sees it: without a gateway between. */
static bool on_link(const struct fl_ip *ip, uint32_t *link, void *arg)
{
	struct fl_routed *r = arg;
	struct fl_route route = { 0 };
	struct fl_err ignored;

	if (fl_route_lookup(r->host, ip, &route, &ignored) < 0 || route.has_gw || !route.link)
		return false;
	lower_mtu(r, route.link);
	*link = route.link;
	return true;
}

static int survey(struct fl_routed *r, struct fl_err *err)
{
	r->in.on_link = on_link;
	r->in.arg = r;
	return fl_addr_list(r->host, 0, 0, each_own, &r->conf, err);
}

static const struct fl_routed_kind kind = {
	.mode = "bgp-route",
	.way = FL_PEERS_DIRECT,
	.survey = survey,
};

static int bgp_add(const struct fl_cni_req *req, struct fl_json **result, struct fl_err *err)
{
	fl_auto_routed struct fl_routed r = { .req = req, .kind = &kind };
	fl_auto_cni_args struct fl_cni_args args = { 0 };

	return fl_cni_args_parse(req->args, &args, err) ?:
	       bgp_conf_read(&req->conf, &args, &r.conf, err) ?:
	       fl_routed_add(&r, &args, result, err);
}

static int bgp_check(const struct fl_cni_req *req, struct fl_err *err)
{
	fl_auto_routed struct fl_routed r = { .req = req, .kind = &kind };
	fl_auto_cni_args struct fl_cni_args args = { 0 };

	return fl_cni_args_parse(req->args, &args, err) ?:
	       bgp_conf_read(&req->conf, &args, &r.conf, err) ?: fl_routed_check(&r, err);
}

static int bgp_status(const struct fl_cni_req *req, struct fl_err *err)
{
	fl_auto_routed struct fl_routed r = { .req = req, .kind = &kind };
	fl_auto_cni_args struct fl_cni_args args = { 0 };

	return bgp_conf_read(&req->conf, &args, &r.conf, err) ?: fl_routed_status(&r, err);
}

const struct fl_cni_plugin bgp_plugin = {
	.name = "bgp-route",
	.add = bgp_add,
	.del = fl_routed_del,
	.check = bgp_check,
	.gc = fl_routed_gc,
	.status = bgp_status,
};
