// SPDX-License-Identifier: Apache-2.0
/*
 * ADD, as far as all plugins that make a veth pair do the same: claim, lease, record, pair,
 * the pod's side. Each step arms its part of the undo before it acts, so that whatever fails,
 * the world is as it was before; what a plugin makes of its own stands between these steps, and
 * so does its undo. The record comes before everything that DEL could not find by name alone.
 */
#pragma once

#include "attach/conf.h"
#include "attach/pair.h"
#include "cni/plugin.h"
#include "net/nl.h"
#include "state/endpoint.h"

/* What is being done, and how far it has come. */
struct fl_attach {
	const struct fl_cni_req *req;
	const struct fl_cni_req *ipam_req; /* what the IPAM plugin gets; NULL: the same */
	const struct fl_attach_conf *conf;
	const struct fl_cni_args *args;
	struct fl_nl *host;    /* a routing socket: the request's */
	struct fl_nl *pod;     /* the same in the pod, once it is configured */
	struct fl_endpoint ep; /* the record; borrows. Its flags and mode are the plugin's */
	int record_fd;	       /* starts at -1 */
	int agent_fd;	       /* to an agent that has been asked; starts at -1 */
	enum fl_pod_ipv6 ipv6;
	struct fl_json *ipam_tree; /* what result borrows from */
	struct fl_cni_result result;
	int iface;	     /* of the pod's end in the result; the host's end stands before it */
	struct fl_pair ends; /* mtu, master, hairpin and isolated are the plugin's */
	struct fl_link port; /* the host's end */
	char alias[FL_ALIAS_SIZE], host_mac[FL_MAC_STR], pod_mac[FL_MAC_STR];
	bool leased, recorded, paired; /* to be undone */
	bool guarded;		       /* the pair has joined the datapath's blocks */
};

/*
 * Claims the key's record. Before an IPAM plugin is asked: were a second ADD of one key to fail
 * there or later, its undo would release the address of the first. -EEXIST: attached already.
 */
fl_must int fl_attach_claim(struct fl_attach *a, struct fl_err *err);

/*
 * Gets the addresses from the IPAM plugin, if there is one, into the result: at least one, at most
 * FL_ENDPOINT_IPS_MAX.
 */
fl_must int fl_attach_lease(struct fl_attach *a, struct fl_err *err);

/*
 * Gives an address of the result to the pod: its interface, and its place in the record, with the
 * length that it has now.
 */
void fl_attach_take_address(struct fl_attach *a, struct fl_cni_ip *ip);

/* Adds a default route through the gateway, unless its family has one. */
fl_must int fl_attach_add_default(struct fl_attach *a, const struct fl_ip *gateway,
				  struct fl_err *err);

/*
 * Fills in names and MAC address, and writes the record. A MAC address that nobody asks for follows
 * from the pod's first IPv4 address, else from its first (fl_address_mac()).
 */
fl_must int fl_attach_record(struct fl_attach *a, struct fl_err *err);

/*
 * True when whoever had the pod's address before had its MAC address, too. False: neighbours may
 * remember another one, as of an IPv6 address, which pods have beside IPv4 and without.
 */
bool fl_attach_mac_follows(const struct fl_attach *a);

/* Appends an interface to the result; link: what it is, or NULL when it is not made yet. */
fl_must int fl_attach_add_iface(struct fl_attach *a, const char *name, char mac[FL_MAC_STR],
				const struct fl_link *link, struct fl_err *err);

/* Appends the host's end and the pod's end. */
fl_must int fl_attach_add_ends(struct fl_attach *a, struct fl_err *err);

/*
 * Makes the pair, both ends down, under the datapath's eyes if there is one, and writes MAC
 * addresses and MTU into the result.
 */
fl_must int fl_attach_pair(struct fl_attach *a, struct fl_err *err);

/*
 * Turns the host's forwarding on for the families of the pod's addresses; link: one of the host's,
 * as it was read. Last of all, since it cannot be undone: others may count on it by then.
 */
fl_must int fl_attach_forward(struct fl_attach *a, const struct fl_link *link, struct fl_err *err);

/* The pair's end in the pod, as pair.h takes it; borrows, and keeps its socket in a->pod. */
struct fl_pod fl_attach_pod(struct fl_attach *a);

/* Undoes the pair. */
void fl_attach_undo_pair(struct fl_attach *a);

/* Undoes the lease and the record: an address is free only when nothing answers for it. */
void fl_attach_undo(struct fl_attach *a);

/*
 * Success: there is nothing to undo any more. What is open stays so: the process is about to end,
 * and the kernel closes it without being asked.
 */
void fl_attach_keep(struct fl_attach *a);

/* Closes and frees what is held; undoes nothing. */
void fl_attach_done(struct fl_attach *a);

/* The container's interface in a result, or -1. */
int fl_attach_find_container(const struct fl_cni_req *req, const struct fl_cni_result *res);
