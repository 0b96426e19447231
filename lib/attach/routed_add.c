// SPDX-License-Identifier: Apache-2.0
/*
 * ADD of a routed pod: claim, lease, record, the ways to other nodes, veth pair, pod side, host
 * end up with the routes to the pod, in this order. Masquerade is part of the ways: nothing of
 * the pod's passes before it is in force.
 */
#include "attach/routed.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "attach/attach.h"
#include "attach/guard.h"
#include "attach/ways.h"
#include "net/neigh.h"
#include "net/netns.h"
#include "net/podway.h"
#include "net/route.h"

enum { IF_HOST, IF_POD }; /* the interfaces' order in the result */

struct add {
	struct fl_attach at;
	struct fl_routed *r;
	struct fl_ways ways;
};

static void add_done(struct add *a)
{
	fl_attach_undo_pair(&a->at);
	fl_ways_undo(a->r, &a->ways);
	fl_attach_undo(&a->at);
	fl_attach_done(&a->at);
}

static int claim(struct add *a, struct fl_err *err)
{
	return fl_attach_claim(&a->at, err);
}

static int get_addresses(struct add *a, struct fl_err *err)
{
	return fl_attach_lease(&a->at, err);
}

/* The overlay's device has the first address of each block, since host sockets need a source. */
static int refuse_own_address(const struct add *a, const struct fl_ip *ip, struct fl_err *err)
{
	const struct fl_routed *r = a->r;
	char text[FL_IP_STR];

	for (size_t i = 0; r->kind->device && i < r->n_home; i++)
		if (fl_ip_cmp(&r->home[i].ip, ip) == 0 && r->home[i].len < fl_ip_bits(ip))
			return fl_class(err,
					fl_fail(err, EADDRINUSE,
						"IPAM gave '%s', the first address of its block, "
						"which device '%s' has",
						fl_ip_format(ip, text), r->kind->device),
					FL_CNI_CONFIG);
	return 0;
}

/*
 * A routed pod knows no other neighbour than its gateway: a route through another would lead
 * nowhere. One that names the gateway of the IPAM plugin means that of the pod.
 */
static int redirect_route(const struct add *a, struct fl_cni_route *route, struct fl_err *err)
{
	bool v4 = fl_ip_is4(&route->dst.ip);
	char dst[FL_PREFIX_STR], gw[FL_IP_STR], own[FL_IP_STR];
	struct fl_ip gateway = fl_routed_gateway(v4);
	bool ours;

	if (!(route->has & FL_CNI_ROUTE_GW) && route->has & FL_CNI_ROUTE_SCOPE &&
	    route->scope >= FL_ROUTE_SCOPE_LINK)
		return 0;
	ours = !(route->has & FL_CNI_ROUTE_GW) || fl_ip_cmp(&route->gw, &gateway) == 0;
	for (size_t i = 0; !ours && i < a->at.result.n_ips; i++)
		ours = a->at.result.ips[i].has_gateway &&
		       fl_ip_cmp(&route->gw, &a->at.result.ips[i].gateway) == 0;
	if (!ours)
		return fl_class(err,
				fl_fail(err, EINVAL,
					"IPAM route '%s' through '%s': a routed pod has no other "
					"next hop than '%s'",
					fl_prefix_format(&route->dst, dst),
					fl_ip_format(&route->gw, gw), fl_ip_format(&gateway, own)),
				FL_CNI_CONFIG);
	route->has |= FL_CNI_ROUTE_GW;
	route->gw = gateway;
	return 0;
}

/*
 * The block of each address is the node's; the pod gets the address alone. The gateway that the
 * IPAM plugin names with it stays in the result, for its own CHECK: no route leads there.
 */
static int complete_addresses(struct add *a, struct fl_err *err)
{
	struct fl_cni_result *res = &a->at.result;
	int e = 0;

	for (size_t i = 0; e == 0 && i < res->n_routes; i++)
		e = redirect_route(a, &res->routes[i], err);
	for (size_t i = 0; e == 0 && i < res->n_ips; i++) {
		struct fl_cni_ip *ip = &res->ips[i];
		struct fl_prefix block = fl_prefix_network(&ip->address);
		struct fl_ip gateway = fl_routed_gateway(fl_ip_is4(&block.ip));

		if (block.len < fl_ip_bits(&block.ip))
			e = fl_routed_add_home(a->r, &block, err);
		if (e == 0)
			e = refuse_own_address(a, &ip->address.ip, err);
		ip->address.len = (uint8_t)fl_ip_bits(&ip->address.ip);
		if (e == 0)
			e = fl_attach_add_default(&a->at, &gateway, err);
		fl_attach_take_address(&a->at, ip);
	}
	return e;
}

static int write_record(struct add *a, struct fl_err *err)
{
	a->at.ep.mode = a->r->kind->mode;
	return fl_attach_record(&a->at, err);
}

/* The ways to other nodes are the agent's, unless the configuration names them. */
static int make_ways(struct add *a, struct fl_err *err)
{
	int e = 0;

	a->r->host = a->at.host;
	if (a->r->conf.has_peers)
		e = fl_ways_ensure(a->r, &a->ways, err);
	return e < 0 ? fl_wrap(err, e, "network '%s'", a->at.req->name) : 0;
}

static int list_interfaces(struct add *a, struct fl_err *err)
{
	return fl_attach_add_ends(&a->at, err);
}

static int create_pair(struct add *a, struct fl_err *err)
{
	a->at.ends.mtu = a->r->mtu;
	return fl_attach_pair(&a->at, err);
}

/* One for each family in use. */
static size_t list_gateways(const struct add *a, struct fl_neigh out[2])
{
	size_t n = 0;

	for (int v4 = 0; v4 < 2; v4++) {
		bool used = false;

		for (size_t i = 0; i < a->at.ep.n_ips; i++)
			used |= fl_ip_is4(&a->at.ep.ips[i].ip) == v4;
		if (!used)
			continue;
		out[n] = (struct fl_neigh){ .ip = fl_routed_gateway(v4) };
		memcpy(out[n++].mac, a->at.port.mac, FL_MAC_LEN);
	}
	return n;
}

static int configure_pod(struct add *a, struct fl_err *err)
{
	struct fl_pod pod = fl_attach_pod(&a->at);
	struct fl_neigh gateways[2];
	int e;

	pod.gateways = gateways;
	pod.n_gateways = list_gateways(a, gateways);
	e = fl_pod_configure(&pod, &a->at.result, err);
	return e < 0 ? fl_wrap(err, e, "interface '%s'", a->at.req->ifname) : 0;
}

/* Router advertisements must not give the host routes through its own pods. */
static int refuse_routers(struct add *a, struct fl_err *err)
{
	char path[64];
	int e;

	(void)snprintf(path, sizeof(path), "ipv6/conf/%s/accept_ra", a->at.ep.host_ifname);
	e = fl_sysctl_set(path, "0", err);
	return e == -ENOENT ? 0 : e; /* a kernel without IPv6 */
}

static int each_way(const struct fl_route *route, void *arg, struct fl_err *err)
{
	(void)err;
	*(size_t *)arg += route->protocol == FL_ROUTE_BY_POD;
	return 0;
}

/* The link is new: the agent, which looks after pods' ways too, has been there in between. */
static bool has_ways(const struct add *a)
{
	struct fl_err ignored;
	size_t n = 0;

	return fl_route_list(a->at.host, a->at.port.index, each_way, &n, &ignored) == 0 &&
	       n == a->at.ep.n_ips;
}

/*
 * Last, and as far as it goes in one call: a route needs a link that is up. A route that is there
 * already is another pod's, or another program's, and stays.
 */
static int raise_end(struct add *a, struct fl_err *err)
{
	const struct fl_endpoint *ep = &a->at.ep;
	fl_auto_batch struct fl_batch *b = NULL;
	int e = fl_batch_new(&b, err);

	if (e < 0)
		return e;
	fl_pair_put_raise(b, &a->at.ends);
	for (size_t i = 0; e == 0 && i < ep->n_ips; i++) {
		fl_podway_put(b, a->at.port.index, &ep->ips[i].ip, ep->mac);
		if (fl_batch_room(b) < FL_PODWAY_MESSAGES + 1) /* and a question */
			e = fl_batch_send(a->at.host, b, err);
	}
	if (e == 0)
		e = fl_pair_send_raise(a->at.host, b, &a->at.ends, &a->at.req->deadline, err);
	if (e == -EEXIST && has_ways(a))
		e = fl_pair_wait(a->at.host, a->at.ends.host, &a->at.req->deadline, err);
	return e;
}

static int settle_pod(struct add *a, struct fl_err *err)
{
	const struct fl_pod pod = fl_attach_pod(&a->at);

	return fl_pod_settle(&pod, &a->at.result, &a->at.req->deadline, err);
}

static int tell_agent(struct add *a, struct fl_err *err)
{
	return fl_guard_wait(&a->at, err);
}

static int forward(struct add *a, struct fl_err *err)
{
	return fl_attach_forward(&a->at, &a->at.port, err);
}

static int run_steps(struct add *a, struct fl_err *err)
{
	int (*const steps[])(struct add *, struct fl_err *) = {
		claim,		get_addresses,	 complete_addresses, write_record,
		make_ways,	list_interfaces, create_pair,	     configure_pod,
		refuse_routers, raise_end,	 settle_pod,	     tell_agent,
		forward,
	};

	for (size_t i = 0; i < FL_ARRAY_LEN(steps); i++) {
		int e = steps[i](a, err);

		if (e < 0)
			return e;
	}
	return 0;
}

int fl_routed_add(struct fl_routed *r, const struct fl_cni_args *args, struct fl_json **result,
		  struct fl_err *err)
{
	const struct fl_cni_req *req = r->req;
	fl_auto(add_done) struct add a = {
		.at = { .req = req,
			.host = req->home,
			.conf = &r->conf.pod,
			.args = args,
			.ep.key = { req->name, req->container_id, req->ifname },
			.record_fd = -1,
			.agent_fd = -1,
			.iface = IF_POD },
		.r = r,
	};
	int e;

	e = fl_guard_check_agent(req, &r->conf.pod, err) ?: fl_routed_begin(r, err);
	if (e < 0)
		return e;
	a.at.ipam_req = &r->ipam_req;
	e = run_steps(&a, err);
	if (e == 0)
		e = fl_cni_result_write(&a.at.result, req->answer, result, err);
	if (e < 0)
		return e == -ETIMEDOUT ? e : fl_class(err, e, FL_CNI_NETLINK);
	fl_attach_keep(&a.at);
	a.ways = (struct fl_ways){ 0 };
	return 0;
}
