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

int fl_pair_create(struct fl_nl *host, const struct fl_pair *p, struct fl_err *err)
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
	/* Two messages: the kernel sets a link up before it reads how IPv6 shall behave on it. */
	fl_link_put_set(b, &(struct fl_link_set){
				   .name = p->host, .alias = p->alias, .ipv6_auto = FL_OFF });
	fl_link_put_set(b, &(struct fl_link_set){ .name = p->host,
						  .up = FL_ON,
						  .hairpin = p->hairpin,
						  .isolated = p->isolated });
	r = fl_batch_send(host, b, err);
	if (r < 0 && r != -EEXIST)
		FL_IGNORE(fl_link_del(host, p->host, &ignored));
	return r;
}

void fl_pod_done(struct fl_pod *pod)
{
	fl_nl_close(&pod->nl);
}

struct visit {
	const char *ifname;
	enum fl_pod_ipv6 ipv6;
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
	const char *dad = v->ipv6 == FL_POD_IPV6_DAD ? "1" : "0";
	int r = 0;

	if (v->ipv6 != FL_POD_NO_IPV6) {
		r = set_ipv6(v->ifname, "disable_ipv6", "0", err);
		if (r == 0)
			r = set_ipv6(v->ifname, "keep_addr_on_down", "1", err);
		if (r == 0)
			r = set_ipv6(v->ifname, "accept_dad", dad, err);
	}
	return r < 0 ? r : fl_nl_open(FL_NL_ROUTE, &v->nl, err);
}

int fl_pod_open(int netns_fd, const char *ifname, enum fl_pod_ipv6 ipv6, struct fl_pod *out,
		struct fl_err *err)
{
	struct visit v = { .ifname = ifname, .ipv6 = ipv6 };
	fl_auto_pod struct fl_pod pod = { 0 };
	int r;

	r = fl_netns_run(netns_fd, enter_pod, &v, err);
	pod.nl = v.nl;
	if (r < 0)
		return r;
	r = fl_link_get(pod.nl, ifname, &pod.link, err);
	if (r < 0)
		return r;
	*out = pod;
	pod.nl = NULL;
	return 0;
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
		      const struct fl_cni_route *route, uint32_t link)
{
	struct fl_route r = {
		.dst = fl_prefix_network(&route->dst),
		.link = link,
		.table = FL_ROUTE_TABLE_MAIN,
		.mtu = route->mtu,
		.advmss = route->advmss,
		.priority = route->priority,
	};

	r.has_gw = fl_pod_route_gateway(res, route, &r.gw);
	if (route->has & FL_CNI_ROUTE_TABLE)
		r.table = route->table;
	if (route->has & FL_CNI_ROUTE_SCOPE)
		r.scope = (uint8_t)route->scope;
	else
		r.scope = r.has_gw ? FL_ROUTE_SCOPE_GLOBAL : FL_ROUTE_SCOPE_LINK;
	fl_route_put(b, &r);
}

int fl_pod_configure(struct fl_pod *pod, const struct fl_cni_result *res, int iface,
		     enum fl_pod_ipv6 ipv6, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	uint32_t link = pod->link.index;
	int r;

	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	/*
	 * A pod without an IPv6 address gets no link-local one either: its detection and its
	 * multicast reports would go to every port of the bridge.
	 */
	fl_link_put_set(
		b, &(struct fl_link_set){
			   .index = link,
			   .arp_notify = res->n_ips ? FL_ON : FL_KEEP,
			   .ipv6_auto = ipv6 == FL_POD_NO_IPV6 && res->n_ips ? FL_OFF : FL_KEEP,
		   });
	fl_link_put_set(b, &(struct fl_link_set){ .index = link, .up = FL_ON });
	for (size_t i = 0; i < res->n_ips; i++)
		if (res->ips[i].interface == iface)
			fl_addr_put(b, link, &res->ips[i].address, ipv6 == FL_POD_IPV6_DAD);
	for (size_t i = 0; i < res->n_routes; i++)
		put_route(b, res, &res->routes[i], link);
	return fl_batch_send(pod->nl, b, err);
}
