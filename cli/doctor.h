// SPDX-License-Identifier: Apache-2.0
/*
 * The doctor's parts. Facts are gathered once; each check looks at them, tries what it has to try,
 * and says one thing or several. What cannot be found out is skipped, and the reason said.
 */
#pragma once

#include "cli/cli.h"
#include "net/link.h"
#include "peers/peers.h"
#include "state/node.h"

enum doc_state { DOC_OK, DOC_WARN, DOC_FAIL, DOC_SKIP };

/* Another node, as far as probes need it. */
struct doc_peer {
	char *name; /* owned */
	size_t n_ips, n_bases;
	struct fl_ip ips[FL_PEER_IPS_MAX]; /* its own, on the underlay */
	struct fl_ip
		bases[FL_PEER_IPS_MAX]; /* its VTEP's: the first of its blocks' first address */
	bool overlay;
};

struct doc {
	const struct cli *cli;
	struct fl_json *checks; /* owned, and so is what follows */
	bool failed, no_memory;
	struct fl_json *status; /* the agent's; NULL: none answers */
	bool has_node;
	struct fl_node node; /* what the agent has last told the plugins */
	struct fl_nl *nl;    /* NULL: no netlink */
	struct fl_link *links;
	size_t n_links;
	struct doc_peer *peers;
	size_t n_peers;
	const char *peers_from; /* "the agent" or "the configuration" */
	/* Borrowed from the above; NULL: there is none. */
	const struct fl_link *vtep, *underlay;
	bool has4, has6; /* families of the pods that packets are forwarded for, as far as known */
	/* What the VTEP is or should be. */
	char vtep_name[FL_IFNAME_SIZE];
	uint32_t vni;
	uint16_t port;
	bool wants_vtep;
	const char *conf_name; /* of the network configuration that is looked at; NULL: none */
};

/* One result. advice: what to do, NULL with ok and skip; then what was found. */
void doc_say(struct doc *d, enum doc_state state, const char *name, const char *advice,
	     const char *found, ...) fl_printf(5, 6);

/* Gathers the facts, and says what is wrong with them: the agent's own problems among it. */
void doc_facts(struct doc *d);

/* Frees them. */
void doc_done(struct doc *d);
#define doc_auto fl_auto(doc_done)

/* Peers, from the agent's answer or the plugins' configurations. */
void doc_peers_from_agent(struct doc *d, const struct fl_json *peers);
void doc_peers_from_conf(struct doc *d, const struct fl_json *conf);

/* Calls doc_peers_from_conf() for every plugin of every network configuration. */
void doc_conf_peers(struct doc *d);

/* Calls each() for every network configuration that can be read: a list's, or a plugin's alone. */
void doc_each_network(struct doc *d,
		      void (*each)(struct doc *d, const struct fl_json *file, void *arg),
		      void *arg);

/* Whether pods of this network are ours. */
bool doc_is_ours(const struct fl_json *file);

/* Keys in a configuration of one of our plugins that it does not know. */
void doc_keys(struct doc *d, const struct fl_json *conf);

/* The checks, in the order in which they are made. */
void doc_kernel(struct doc *d);
void doc_pods(struct doc *d); /* learns whether anything is forwarded for them */
void doc_leases(struct doc *d);
void doc_sysctls(struct doc *d);
void doc_overlay(struct doc *d);
void doc_mtus(struct doc *d);
void doc_firewall(struct doc *d);
void doc_duplicates(struct doc *d);
void doc_probes(struct doc *d);
void doc_disk(struct doc *d);
void doc_install(struct doc *d);
