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
	if (r == 0)
		r = fl_nl_open(FL_NL_ROUTE, &k->host, err);
	if (r < 0)
		return r;
	k->recorded = fl_endpoint_read(k->req->root, &key, &k->ep, &ignored) == 0;
	return 0;
}

void fl_check_done(struct fl_check *k)
{
	fl_nl_close(&k->host);
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
	r = fl_netns_open_nl(k->req->netns_fd, &k->pod, err);
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
	return 0;
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

int fl_check_routes(struct fl_check *k, struct fl_err *err)
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
			return fl_drift(err, object, text, "none through it");
		}
		return fl_drift(err, object, "to be on-link", "none");
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
