// SPDX-License-Identifier: Apache-2.0
/* The parts of CHECK that all plugins share. */
#include "attach/check.h"

#include <errno.h>
#include <stdio.h>

#include "attach/attach.h"
#include "attach/pair.h"
#include "cni/delegate.h"
#include "net/addr.h"
#include "net/netns.h"
#include "net/route.h"

int fl_drift(struct fl_err *err, const char *object, const char *expected, const char *found)
{
	return fl_class(err,
			fl_fail(err, ENOENT, "%s: expected %s, found %s", object, expected, found),
			FL_CNI_DRIFT);
}

int fl_check_begin(struct fl_check *k, const struct fl_cni_req *ipam_req,
		   const struct fl_attach_conf *conf, struct fl_err *err)
{
	const struct fl_key key = { k->req->name, k->req->container_id, k->req->ifname };
	struct fl_err ignored;
	int r = 0;

	if (conf->ipam)
		r = fl_cni_delegate_call(ipam_req, FL_CNI_CHECK, conf->ipam, err);
	if (r == 0)
		r = fl_cni_prev_result(k->req, &k->prev, err);
	if (r < 0)
		return r;
	k->host = k->req->home;
	k->recorded = fl_endpoint_read(k->req->root, &key, &k->ep, &ignored) == 0;
	return 0;
}

void fl_check_done(struct fl_check *k)
{
	fl_nl_close(&k->pod);
	fl_cni_result_done(&k->prev);
	fl_endpoint_done(&k->ep);
}

int fl_check_get_link(struct fl_nl *nl, const char *name, struct fl_link *out, struct fl_err *err)
{
	char object[64];
	int r = fl_link_get(nl, name, out, err);

	if (r != -ENODEV)
		return r;
	(void)snprintf(object, sizeof(object), "interface '%s'", name);
	return fl_drift(err, object, "to exist", "none");
}

int fl_check_pod(struct fl_check *k, bool layer2, struct fl_err *err)
{
	const char *ifname = k->req->ifname;
	char object[64];
	int r, i = fl_attach_find_container(k->req, &k->prev);

	if (i >= 0 && !fl_streq(k->prev.ifaces[i].sandbox, k->req->netns))
		return fl_drift(err, "prevResult's sandbox", k->req->netns,
				k->prev.ifaces[i].sandbox);
	(void)snprintf(object, sizeof(object), "container interface '%s'", ifname);
	r = fl_netns_open_nl(k->req->netns_fd, k->req->home_fd, &k->pod, err);
	if (r == 0)
		r = fl_link_get(k->pod, ifname, &k->inner, err);
	if (r == -ENODEV)
		return fl_drift(err, object, "to exist", "none");
	if (r < 0)
		return r;
	if (!fl_streq(k->inner.kind, "veth"))
		return fl_drift(err, object, "a veth", k->inner.kind);
	if (!k->inner.up && !layer2)
		return fl_drift(err, object, "up", "down");
	return 0;
}

int fl_check_ends(struct fl_check *k, struct fl_err *err)
{
	char object[64];

	if (k->port.index == k->inner.peer && k->port.peer == k->inner.index)
		return 0;
	(void)snprintf(object, sizeof(object), "host interface '%s'", k->port.name);
	return fl_drift(err, object, "to be the other end of the container's interface",
			"another link");
}

int fl_check_record(struct fl_check *k, struct fl_err *err)
{
	const struct fl_key key = { k->req->name, k->req->container_id, k->req->ifname };
	char name[FL_HOST_IFNAME];

	fl_key_host_ifname(&key, name);
	if (!k->recorded && fl_streq(k->port.name, name))
		return fl_drift(err, "endpoint record", "to exist", "none");
	return 0;
}

/* A search among addresses or routes. */
struct search {
	const struct fl_cni_result *res;
	enum fl_cni_version version; /* of the result */
	const struct fl_prefix *addr;
	const struct fl_cni_route *route;
	bool found, dad_failed;
	struct fl_route other; /* the way that is right but for its metrics */
	bool has_other;
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

static int each_connected(const struct fl_route *have, void *arg, struct fl_err *err)
{
	struct search *s = arg;
	struct fl_prefix net = fl_prefix_network(s->addr);

	(void)err;
	s->found |= !have->has_gw && have->dst.len == net.len &&
		    fl_ip_cmp(&have->dst.ip, &net.ip) == 0;
	return 0;
}

/* The route that the kernel makes with an address, in whatever table somebody may have put it. */
static int check_connected(struct fl_nl *nl, const struct fl_link *link,
			   const struct fl_prefix *addr, struct fl_err *err)
{
	char object[80], text[FL_PREFIX_STR];
	struct fl_prefix net = fl_prefix_network(addr);
	struct search s = { .addr = addr };
	int r;

	if (addr->len == fl_ip_bits(&addr->ip))
		return 0;
	r = fl_route_list(nl, link->index, each_connected, &s, err);
	if (r < 0 || s.found)
		return r;
	(void)snprintf(object, sizeof(object), "route %s of '%s'", fl_prefix_format(&net, text),
		       link->name);
	return fl_drift(err, object, "to be on-link", "none");
}

int fl_check_addr(struct fl_nl *nl, const struct fl_link *link, const struct fl_prefix *addr,
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
		return fl_drift(err, object, "to be set", "none");
	if (s.dad_failed)
		return fl_drift(err, object, "to be usable", "a duplicate on the link");
	return check_connected(nl, link, addr, err);
}

/* Those of the container's interface, and those that the result places nowhere. */
static bool is_of_pod(const struct fl_check *k, const struct fl_cni_ip *ip)
{
	return ip->interface < 0 || ip->interface == fl_attach_find_container(k->req, &k->prev);
}

/* What the kernel gives by itself: fe80::/10, and what has a lifetime. */
static bool is_of_kernel(const struct fl_addr *a)
{
	const uint8_t *b = a->addr.ip.b;

	return a->dynamic || (!fl_ip_is4(&a->addr.ip) && b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
}

static int each_extra(const struct fl_addr *have, void *arg, struct fl_err *err)
{
	const struct fl_check *k = arg;
	char object[80], text[FL_PREFIX_STR];

	if (is_of_kernel(have))
		return 0;
	for (size_t i = 0; i < k->prev.n_ips; i++) {
		const struct fl_prefix *known = &k->prev.ips[i].address;

		if (is_of_pod(k, &k->prev.ips[i]) && known->len == have->addr.len &&
		    fl_ip_cmp(&known->ip, &have->addr.ip) == 0)
			return 0;
	}
	(void)snprintf(object, sizeof(object), "address %s of '%s'",
		       fl_prefix_format(&have->addr, text), k->inner.name);
	return fl_drift(err, object, "none, as prevResult has it", "it set");
}

int fl_check_no_more_addrs(struct fl_check *k, struct fl_err *err)
{
	/* Without any address in the result, addresses are not this network's business. */
	return k->prev.n_ips ? fl_addr_list(k->pod, k->inner.index, 0, each_extra, k, err) : 0;
}

/* Without one, what the kernel takes when nobody says one. */
static uint32_t priority_of(const struct fl_cni_route *route)
{
	if (route->has & FL_CNI_ROUTE_PRIORITY)
		return route->priority;
	return fl_ip_is4(&route->dst.ip) ? 0 : 1024;
}

/* What of a route's FL_CNI_ROUTE_... can be told from the kernel's: IPv6 has no scope there. */
static unsigned int comparable(const struct fl_cni_route *route)
{
	return fl_ip_is4(&route->dst.ip) ? route->has
					 : route->has & ~(unsigned int)FL_CNI_ROUTE_SCOPE;
}

/* A result before 1.1.0 says nothing of them, whatever the route was made with. */
static bool has_metrics(const struct search *s, const struct fl_route *have)
{
	const struct fl_cni_route *route = s->route;
	unsigned int has = comparable(route);

	return s->version < FL_CNI_V1_1_0 ||
	       (have->priority == priority_of(route) &&
		(!(has & FL_CNI_ROUTE_TABLE) || have->table == route->table) &&
		(!(has & FL_CNI_ROUTE_SCOPE) || have->scope == route->scope) &&
		(!(has & FL_CNI_ROUTE_MTU) || have->mtu == route->mtu) &&
		(!(has & FL_CNI_ROUTE_ADVMSS) || have->advmss == route->advmss));
}

static int each_route(const struct fl_route *have, void *arg, struct fl_err *err)
{
	struct search *s = arg;
	struct fl_prefix dst = fl_prefix_network(&s->route->dst);
	struct fl_ip gw;

	(void)err;
	if (have->dst.len != dst.len || fl_ip_cmp(&have->dst.ip, &dst.ip) != 0)
		return 0;
	if (fl_pod_route_gateway(s->res, s->route, &gw)) {
		if (!have->has_gw || fl_ip_cmp(&have->gw, &gw) != 0)
			return 0;
	} else if (have->has_gw) {
		return 0;
	}
	if (has_metrics(s, have)) {
		s->found = true;
	} else {
		s->other = *have;
		s->has_other = true;
	}
	return 0;
}

/* "metric 50, mtu 1300"; of what else there is only that which the result's route says. */
static const char *metrics(char text[128], unsigned int has, const struct fl_route *r)
{
	int n = snprintf(text, 128, "metric %u", r->priority);

	if (has & FL_CNI_ROUTE_TABLE)
		n += snprintf(text + n, 128 - (size_t)n, ", table %u", r->table);
	if (has & FL_CNI_ROUTE_SCOPE)
		n += snprintf(text + n, 128 - (size_t)n, ", scope %u", r->scope);
	if (has & FL_CNI_ROUTE_MTU)
		n += snprintf(text + n, 128 - (size_t)n, ", mtu %u", r->mtu);
	if (has & FL_CNI_ROUTE_ADVMSS)
		(void)snprintf(text + n, 128 - (size_t)n, ", advmss %u", r->advmss);
	return text;
}

/* Why the search found no route as the result has it. */
static int miss_route(const struct search *s, struct fl_err *err)
{
	char object[80], text[FL_PREFIX_STR], via[FL_IP_STR], want[128], found[128];
	const struct fl_cni_route *route = s->route;
	unsigned int has = comparable(route);
	const struct fl_route wanted = { .priority = priority_of(route),
					 .table = route->table,
					 .scope = (uint8_t)route->scope,
					 .mtu = route->mtu,
					 .advmss = route->advmss };
	struct fl_ip gw;

	(void)snprintf(object, sizeof(object), "route %s", fl_prefix_format(&route->dst, text));
	if (s->has_other)
		return fl_drift(err, object, metrics(want, has, &wanted),
				metrics(found, has, &s->other));
	if (fl_pod_route_gateway(s->res, route, &gw))
		return fl_drift(err, object, fl_ip_format(&gw, via), "none through it");
	return fl_drift(err, object, "to be on-link", "none");
}

int fl_check_routes(struct fl_check *k, struct fl_err *err)
{
	for (size_t i = 0; i < k->prev.n_routes; i++) {
		struct search s = { .res = &k->prev,
				    .version = k->req->version,
				    .route = &k->prev.routes[i] };
		int r = fl_route_list(k->pod, k->inner.index, each_route, &s, err);

		if (r == 0 && !s.found)
			r = miss_route(&s, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int fl_check_forwarding(struct fl_check *k, const struct fl_link *link, struct fl_err *err)
{
	bool v4 = false, v6 = false, on = true;
	int r = 0;

	for (size_t i = 0; i < k->prev.n_ips; i++)
		*(fl_ip_is4(&k->prev.ips[i].address.ip) ? &v4 : &v6) = true;
	if (v4 && !link->ipv4_forwarding)
		return fl_drift(err, "forwarding of IPv4", "on", "off");
	if (v6)
		r = fl_ipv6_forwarding_get(k->host, &on, err);
	return r < 0 || on ? r : fl_drift(err, "forwarding of IPv6", "on", "off");
}
