// SPDX-License-Identifier: Apache-2.0
/*
 * The veth pair that attaches a pod: the host's end, the pod's end, and what is set on each.
 * Shared by the plugins that make interfaces. The pod's end is born in the pod's namespace:
 * moving it there would cost a grace period of the kernel's.
 */
#pragma once

#include "base/deadline.h"
#include "cni/result.h"
#include "net/link.h"
#include "net/neigh.h"
#include "net/nl.h"

struct fl_pair {
	const char *host, *ifname; /* names on the host and in the pod */
	const char *alias;	   /* of the host's end */
	int netns_fd;
	uint32_t mtu;			  /* bytes, of both; 0: the kernel's default */
	uint32_t master;		  /* of the host's end; 0: none */
	const uint8_t *mac;		  /* of the pod's end */
	enum fl_change hairpin, isolated; /* of the host's end, a bridge port */
};

/*
 * Makes the pair, both ends down; *out is the host's end, and out->peer the pod end's index.
 * -EEXIST: a name is taken, and nothing was changed. Any other failure leaves nothing.
 */
fl_must int fl_pair_create(struct fl_nl *host, const struct fl_pair *p, struct fl_link *out,
			   struct fl_err *err);

enum fl_pod_ipv6 { FL_POD_NO_IPV6, FL_POD_IPV6, FL_POD_IPV6_DAD };

/* What a pod's interface gets. */
struct fl_pod {
	int netns_fd, home_fd; /* as in struct fl_cni_req */
	const char *ifname;
	uint32_t index;	       /* of the interface in the pod */
	int iface;	       /* its index in the result: only addresses of this one are taken */
	enum fl_pod_ipv6 ipv6; /* no address, used at once, or after duplicate address detection */
	/*
	 * Of a routed pod, whose addresses have full length: its gateways, which become permanent
	 * neighbours, on-link whatever their addresses. Their link is filled in.
	 */
	const struct fl_neigh *gateways;
	size_t n_gateways;
	struct fl_nl **nl; /* gets the socket in the pod; NULL: it is closed */
};

/*
 * Sets the interface up and gives it the result's addresses and routes, in one batch. A route
 * without a gateway goes through the first gateway of its family, or is on-link where there
 * is none or its scope says so.
 */
fl_must int fl_pod_configure(const struct fl_pod *pod, const struct fl_cni_result *res,
			     struct fl_err *err);

/*
 * Tells the pod's neighbours on its link who has its addresses now, in case that they remember who
 * had them before: the kernel does so when an interface is given its MAC address. First waits as
 * fl_pod_wait() does. By the socket that fl_pod_configure() kept in *pod->nl.
 */
fl_must int fl_pod_announce(struct fl_pod *pod, const uint8_t mac[FL_MAC_LEN],
			    const struct fl_deadline *deadline, struct fl_err *err);

/* The next hop that fl_pod_configure() gives a route. */
bool fl_pod_route_gateway(const struct fl_cni_result *res, const struct fl_cni_route *route,
			  struct fl_ip *gw);

/*
 * Sets the host's end up, with its alias and what it is as a bridge port, and waits as
 * fl_pair_wait() does. It wants to be the last step, with the pod's end up already: to look at a
 * link that is up but has no carrier makes the kernel deactivate it, and wait for a grace period.
 * A NULL deadline: does not wait, as when the pod's end stays down.
 */
fl_must int fl_pair_raise(struct fl_nl *host, const struct fl_pair *p,
			  const struct fl_deadline *deadline, struct fl_err *err);

/*
 * The two halves of it, for who has more to send when the end is up (routes through it): the
 * messages that set it up, and sending them with what the caller has put behind them.
 */
void fl_pair_put_raise(struct fl_batch *b, const struct fl_pair *p);
fl_must int fl_pair_send_raise(struct fl_nl *host, struct fl_batch *b, const struct fl_pair *p,
			       const struct fl_deadline *deadline, struct fl_err *err);

/*
 * Waits until the host's end passes packets (a bridge port: forwards), for which the kernel
 * sends an event. -ETIMEDOUT at the deadline.
 */
fl_must int fl_pair_wait(struct fl_nl *host, const char *name, const struct fl_deadline *deadline,
			 struct fl_err *err);

/*
 * Waits until the pod's interface sends: the kernel notices its carrier in its own time, and until
 * then drops without a word whatever is sent. nl: a routing socket in the pod. -ETIMEDOUT at the
 * deadline.
 */
fl_must int fl_pod_wait(const struct fl_pod *pod, struct fl_nl *nl,
			const struct fl_deadline *deadline, struct fl_err *err);

/*
 * Waits until the pod's interface takes packets to each IPv6 address of the result: the kernel
 * makes the local route that this needs by a worker, after it has said that the address is there.
 * By the socket that fl_pod_configure() kept in *pod->nl. There is nothing to wait for where
 * addresses are probed first. -ETIMEDOUT at the deadline.
 */
fl_must int fl_pod_settle(const struct fl_pod *pod, const struct fl_cni_result *res,
			  const struct fl_deadline *deadline, struct fl_err *err);

/* A random, locally administered unicast MAC address; salt sets apart those of one process. */
void fl_random_mac(const char *salt, uint8_t mac[FL_MAC_LEN]);

/*
 * The same, of whoever has the address in the network, on every node and in every version: those
 * who have sent to the one who had it before reach the next one. Of two IPv4 addresses never one.
 */
void fl_address_mac(const char *network, const struct fl_ip *ip, uint8_t mac[FL_MAC_LEN]);
