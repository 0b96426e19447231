// SPDX-License-Identifier: Apache-2.0
/* Making the veth pair and setting up its two ends. */
#include "attach/pair.h"

#include <errno.h>
#include <stdio.h>
#include <sys/auxv.h>

#include "base/hash.h"
#include "net/addr.h"
#include "net/netns.h"
#include "net/route.h"

#define PART 48 /* messages in one call: fewer than a batch takes */

void fl_random_mac(const char *salt, uint8_t mac[FL_MAC_LEN])
{
	/* The kernel hands 16 random bytes to every new program: no system call is needed. */
	const void *random = (const void *)getauxval(AT_RANDOM);
	struct fl_hash seed = { 0, 0 }, h;

	if (random)
		memcpy(&seed, random, sizeof(seed));
	h = fl_siphash(seed, salt, strlen(salt));
	memcpy(mac, &h, FL_MAC_LEN);
	mac[0] = (uint8_t)((mac[0] & 0xfc) | 0x02);
}

void fl_address_mac(const char *network, const struct fl_ip *ip, uint8_t mac[FL_MAC_LEN])
{
	struct fl_hash h = fl_siphash((struct fl_hash){ 0, 0 }, network, strlen(network));
	size_t len;
	const void *raw = fl_ip_raw(ip, &len);

	if (len > 4)
		h = fl_siphash(h, raw, len);
	memcpy(mac, &h, FL_MAC_LEN);
	mac[0] = (uint8_t)((mac[0] & 0xfc) | 0x02);
	if (len == 4) /* no two of a network collide */
		memcpy(mac + 2, raw, len);
}

int fl_pair_create(struct fl_nl *host, const struct fl_pair *p, struct fl_link *out,
		   struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	uint8_t host_mac[FL_MAC_LEN];
	struct fl_err ignored;
	int r;

	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	fl_random_mac(p->host, host_mac);
	fl_link_put_veth(b, &(struct fl_veth){
				    .name = p->host,
				    .peer = p->ifname,
				    .peer_netns = p->netns_fd,
				    .mtu = p->mtu,
				    .master = p->master,
				    .mac = host_mac,
				    .peer_mac = p->mac,
			    });
	r = fl_link_send_and_get(host, b, p->host, out, err);
	if (r < 0 && r != -EEXIST)
		FL_IGNORE(fl_link_del(host, p->host, &ignored));
	return r;
}

struct visit {
	const struct fl_pod *pod;
	struct fl_nl *nl;
};

static int set_ipv6(const char *ifname, const char *name, const char *value, struct fl_err *err)
{
	char path[96];
	int r;

	(void)snprintf(path, sizeof(path), "ipv6/conf/%s/%s", ifname, name);
	r = fl_sysctl_set(path, value, err);
	/* No such file: a kernel without IPv6, and adding the address will say so. */
	return r == -ENOENT ? 0 : r;
}

/* In the pod's namespace: what netlink cannot set, and the socket. */
static int enter_pod(void *arg, struct fl_err *err)
{
	struct visit *v = arg;
	const char *ifname = v->pod->ifname;
	int r = 0;

	if (v->pod->ipv6 != FL_POD_NO_IPV6) {
		r = set_ipv6(ifname, "disable_ipv6", "0", err);
		if (r == 0)
			r = set_ipv6(ifname, "keep_addr_on_down", "1", err);
		if (r == 0)
			r = set_ipv6(ifname, "accept_dad",
				     v->pod->ipv6 == FL_POD_IPV6_DAD ? "1" : "0", err);
	}
	return r < 0 ? r : fl_nl_open(FL_NL_ROUTE, &v->nl, err);
}

bool fl_pod_route_gateway(const struct fl_cni_result *res, const struct fl_cni_route *route,
			  struct fl_ip *gw)
{
	if (route->has & FL_CNI_ROUTE_GW) {
		*gw = route->gw;
		return true;
	}
	if (route->has & FL_CNI_ROUTE_SCOPE && route->scope >= FL_ROUTE_SCOPE_LINK)
		return false;
	for (size_t i = 0; i < res->n_ips; i++) {
		const struct fl_cni_ip *ip = &res->ips[i];

		if (ip->has_gateway && fl_ip_is4(&ip->gateway) == fl_ip_is4(&route->dst.ip)) {
			*gw = ip->gateway;
			return true;
		}
	}
	return false;
}

static void put_route(struct fl_batch *b, const struct fl_cni_result *res,
		      const struct fl_cni_route *route, const struct fl_pod *pod)
{
	struct fl_route r = {
		.dst = fl_prefix_network(&route->dst),
		.link = pod->index,
		.table = FL_ROUTE_TABLE_MAIN,
		.mtu = route->mtu,
		.advmss = route->advmss,
		.priority = route->priority,
	};

	r.has_gw = fl_pod_route_gateway(res, route, &r.gw);
	/* An IPv6 gateway is a link-local address, which is on the link anyway. */
	r.onlink = pod->n_gateways > 0 && r.has_gw && fl_ip_is4(&r.gw);
	if (route->has & FL_CNI_ROUTE_TABLE)
		r.table = route->table;
	if (route->has & FL_CNI_ROUTE_SCOPE)
		r.scope = (uint8_t)route->scope;
	else
		r.scope = r.has_gw ? FL_ROUTE_SCOPE_GLOBAL : FL_ROUTE_SCOPE_LINK;
	fl_route_put(b, &r);
}

/* What is sent in one call, as a rule; an IPAM plugin may give any number of routes. */
struct sending {
	struct fl_nl *nl;
	struct fl_batch *b;
	size_t n;
};

/* Called after each message: empties a batch that is about to be full. */
static int make_room(struct sending *s, struct fl_err *err)
{
	return ++s->n % PART == 0 ? fl_batch_send(s->nl, s->b, err) : 0;
}

static void put_link(struct fl_batch *b, const struct fl_pod *pod, bool layer2)
{
	bool no_ipv6 = pod->ipv6 == FL_POD_NO_IPV6;

	/*
	 * A pod with IPv4 addresses only gets no link-local one either: its detection and its
	 * multicast reports would go to every port of the bridge.
	 */
	fl_link_put_set(b, &(struct fl_link_set){
				   .index = pod->index,
				   .up = FL_ON,
				   .arp_notify = layer2 || pod->n_gateways > 0 ? FL_KEEP : FL_ON,
				   .ipv6_auto = no_ipv6 && !layer2 ? FL_OFF : FL_KEEP,
			   });
}

static int send_everything(struct sending *s, const struct fl_pod *pod,
			   const struct fl_cni_result *res, struct fl_err *err)
{
	int r = 0;

	put_link(s->b, pod, res->n_ips == 0);
	for (size_t i = 0; r == 0 && i < pod->n_gateways; i++) {
		struct fl_neigh gateway = pod->gateways[i];

		gateway.link = pod->index;
		fl_neigh_put(s->b, &gateway);
		r = make_room(s, err);
	}
	for (size_t i = 0; r == 0 && i < res->n_ips; i++) {
		if (res->ips[i].interface != pod->iface)
			continue;
		fl_addr_put(s->b, pod->index, &res->ips[i].address, pod->ipv6 == FL_POD_IPV6_DAD);
		r = make_room(s, err);
	}
	for (size_t i = 0; r == 0 && i < res->n_routes; i++) {
		put_route(s->b, res, &res->routes[i], pod);
		r = make_room(s, err);
	}
	return r < 0 ? r : fl_batch_send(s->nl, s->b, err);
}

int fl_pod_configure(const struct fl_pod *pod, const struct fl_cni_result *res, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	struct visit v = { .pod = pod };
	fl_auto_nl struct fl_nl *nl = NULL;
	int r;

	r = fl_netns_run(pod->netns_fd, pod->home_fd, enter_pod, &v, err);
	nl = v.nl;
	if (r == 0)
		r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	r = send_everything(&(struct sending){ .nl = nl, .b = b }, pod, res, err);
	if (pod->nl)
		*pod->nl = FL_TAKE(nl);
	return r;
}

/* In the pod's namespace: IPv6 announces only when told to. */
static int enter_to_announce(void *arg, struct fl_err *err)
{
	const struct fl_pod *pod = arg;

	return set_ipv6(pod->ifname, "ndisc_notify", "1", err);
}

int fl_pod_announce(struct fl_pod *pod, const uint8_t mac[FL_MAC_LEN],
		    const struct fl_deadline *deadline, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r = 0;

	if (pod->ipv6 != FL_POD_NO_IPV6)
		r = fl_netns_run(pod->netns_fd, pod->home_fd, enter_to_announce, pod, err);
	r = r ?: fl_pod_wait(pod, *pod->nl, deadline, err) ?: fl_batch_new(&b, err);
	if (r < 0)
		return r;
	fl_link_put_set(b, &(struct fl_link_set){ .index = pod->index, .mac = mac });
	return fl_batch_send(*pod->nl, b, err);
}
