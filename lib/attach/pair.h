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
 * Makes the pair, host end up. -EEXIST: a name is taken, and nothing was changed. Any other
 * failure leaves nothing.
 */
fl_must int fl_pair_create(struct fl_nl *host, const struct fl_pair *p, struct fl_err *err);

/* The pod's end of a pair: its link and a socket in its namespace. */
struct fl_pod {
	struct fl_nl *nl;
	struct fl_link link; /* link.peer is the host end's index */
};

/* Closes the socket. */
void fl_pod_done(struct fl_pod *pod);
#define fl_auto_pod fl_auto(fl_pod_done)

enum fl_pod_ipv6 { FL_POD_NO_IPV6, FL_POD_IPV6, FL_POD_IPV6_DAD };

/*
 * Finds the interface in the namespace and readies it for IPv6 if asked. -ENODEV: not there.
 * ipv6 says what will follow: no address, addresses that are used at once, or only after
 * duplicate address detection.
 */
fl_must int fl_pod_open(int netns_fd, const char *ifname, enum fl_pod_ipv6 ipv6, struct fl_pod *out,
			struct fl_err *err);

/*
 * Sets the interface up and gives it the result's addresses and routes, in one batch. A route
 * without a gateway goes through the first gateway of its family, or is on-link where there
 * is none or its scope says so. Only addresses whose interface is iface are taken.
 */
fl_must int fl_pod_configure(struct fl_pod *pod, const struct fl_cni_result *res, int iface,
			     enum fl_pod_ipv6 ipv6, struct fl_err *err);

/* The next hop that fl_pod_configure() gives a route. */
bool fl_pod_route_gateway(const struct fl_cni_result *res, const struct fl_cni_route *route,
			  struct fl_ip *gw);

/*
 * Waits until the host's end passes packets (a bridge port: forwards), for which the kernel
 * sends an event; *out is then its state. -ETIMEDOUT at the deadline.
 */
fl_must int fl_pair_wait(struct fl_nl *host, const char *name, const struct fl_deadline *deadline,
			 struct fl_link *out, struct fl_err *err);

/* A random, locally administered unicast MAC address; salt sets apart those of one process. */
void fl_random_mac(const char *salt, uint8_t mac[FL_MAC_LEN]);
