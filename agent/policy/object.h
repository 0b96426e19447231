// SPDX-License-Identifier: Apache-2.0
/*
 * Namespaces, pods and network policies as plain structs: what the API server would have after
 * validation and defaulting. Everything in them is owned by them.
 */
#pragma once

#include "base/ip.h"

#define POL_RULES_MAX	    4096 /* a policy's rules in one direction */
#define POL_PEERS_MAX	    4096 /* of one rule; ports likewise */
#define POL_IPS_MAX	    8	 /* of a pod, and of its node */
#define POL_NAMED_PORTS_MAX 256	 /* of a pod */
#define POL_LABELS_MAX	    1024 /* of an object */

struct pol_label {
	char *key, *value;
};

/* Sorted by key; a key occurs once. */
struct pol_labels {
	struct pol_label *v;
	size_t n;
};

struct pol_namespace {
	char *name;
	struct pol_labels labels; /* with kubernetes.io/metadata.name */
};

/* A container's port that has a name. */
struct pol_named_port {
	char name[16];
	uint16_t port;
	uint8_t proto; /* IPPROTO_* */
	uint8_t pad;   /* zero: two are compared by their bytes */
};

struct pol_pod {
	char *ns, *name;
	char *node;	  /* NULL: not on a node yet */
	char created[21]; /* "2026-01-02T15:04:05Z", "" when unknown: compares as text */
	bool deleting;	  /* has a deletionTimestamp */
	bool attached;	  /* its addresses are known from its interface, not from the object */
	bool finished;	  /* Succeeded or Failed: its addresses are another's */
	bool host_network;
	struct pol_labels labels;
	struct fl_ip *ips, *node_ips;
	size_t n_ips, n_node_ips;
	struct pol_named_port *ports; /* sorted; of all containers */
	size_t n_ports;
};

enum pol_operator { POL_IN, POL_NOT_IN, POL_EXISTS, POL_DOES_NOT_EXIST };

struct pol_requirement {
	enum pol_operator op;
	char *key;
	char **values; /* POL_IN and POL_NOT_IN: at least one */
	size_t n_values;
};

/* All requirements must hold, so none selects everything. matchLabels come as POL_IN. */
struct pol_selector {
	bool present;
	struct pol_requirement *v;
	size_t n;
};

/* Either selectors or an ipBlock. */
struct pol_peer {
	struct pol_selector pods, namespaces;
	bool is_block;
	struct fl_prefix cidr; /* host bits cleared */
	struct fl_prefix *except;
	size_t n_except;
};

struct pol_port {
	uint8_t proto;	      /* IPPROTO_TCP, _UDP or _SCTP */
	uint16_t first, last; /* 1..65535, or 0 and 65535: all */
	char name[16];	      /* "": by number */
};

/* No peers: everybody. No ports: all ports of all protocols. */
struct pol_rule {
	struct pol_peer *peers;
	struct pol_port *ports;
	size_t n_peers, n_ports;
};

enum pol_direction { POL_INGRESS, POL_EGRESS };

/* What a policy says of one direction. */
struct pol_part {
	bool isolates; /* policyTypes has it */
	struct pol_rule *rules;
	size_t n;
};

struct pol_policy {
	char *ns, *name;
	int64_t generation; /* metadata.generation, 0 when unknown */
	struct pol_selector pods;
	struct pol_part part[2]; /* by enum pol_direction */
};

/* "ingress" and "egress". */
const char *pol_direction_text(enum pol_direction dir);

/* "In", "NotIn", "Exists", "DoesNotExist". */
const char *pol_operator_text(enum pol_operator op);

/* "TCP", "UDP", "SCTP"; a number for any other, written to out. */
const char *pol_proto_text(uint8_t proto, char out[8]);

/* IPPROTO_TCP for "TCP" and so on, as the API spells them; 0 for anything else. */
uint8_t pol_proto_parse(const char *text);

/* The value of the key, or NULL. */
const char *pol_labels_get(const struct pol_labels *l, const char *key);

/* Free what the object holds and empty it. */
void pol_labels_done(struct pol_labels *l);
void pol_selector_done(struct pol_selector *s);
void pol_namespace_done(struct pol_namespace *n);
void pol_pod_done(struct pol_pod *p);
void pol_policy_done(struct pol_policy *p);
#define fl_auto_pol_labels    fl_auto(pol_labels_done)
#define fl_auto_pol_selector  fl_auto(pol_selector_done)
#define fl_auto_pol_namespace fl_auto(pol_namespace_done)
#define fl_auto_pol_pod	      fl_auto(pol_pod_done)
#define fl_auto_pol_policy    fl_auto(pol_policy_done)
