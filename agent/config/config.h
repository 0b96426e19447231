// SPDX-License-Identifier: Apache-2.0
/*
 * agent.yaml: text in, one plain struct out, contradictions refused. Pure. Every key is documented
 * in agent/README.md. An unknown key, a wrong type, a value out of range is an error with file,
 * line and path.
 */
#pragma once

#include "base/ip.h"
#include "yaml/yaml.h"

/* By what denied sources are dropped; none: tc. */
enum agent_xdp { AGENT_XDP_NONE, AGENT_XDP_NATIVE, AGENT_XDP_GENERIC };

enum agent_mode { AGENT_NONE, AGENT_VXLAN, AGENT_HOST_GW, AGENT_DIRECT, AGENT_BGP };

/* "vxlan" and so on, as in agent.yaml. */
const char *agent_mode_text(enum agent_mode mode);

#define AGENT_BGP_PEERS_MAX	  256
#define AGENT_BGP_COMMUNITIES_MAX 32
#define AGENT_BGP_PREFIXES_MAX	  256
#define AGENT_SERVICES_MAX	  64
#define AGENT_DENIED_MAX	  16384

struct agent_bgp_peer {
	const char *name; /* NULL: made from the address */
	struct fl_ip address;
	uint16_t port;		   /* 179 */
	uint32_t as;		   /* 0: ours */
	const char *password;	   /* MD5 (RFC 2385); NULL: none */
	const char *password_file; /* NULL: none; read by agent/bgp at each change */
	bool bfd, graceful_restart, route_reflector_client, next_hop_self;
	uint32_t ttl_security;	       /* GTSM (RFC 5082): hops at most; 0: off */
	uint32_t import_limit;	       /* routes; 0: no limit */
	uint32_t hold_time_s;	       /* 0: BIRD's default, 240 */
	size_t n_allow;		       /* what it may announce beside pods' blocks */
	const struct fl_prefix *allow; /* "0.0.0.0/0" allows the default route itself; owned */
};

/* A BGP community (RFC 1997) or large community (RFC 8092), as the numbers of "64512:100". */
struct agent_community {
	uint32_t part[3];
	uint8_t n; /* 2 or 3 */
};

struct agent_bgp {
	uint32_t as; /* 64512 */
	bool mesh;   /* with every other node; true */
	bool mesh_bfd, mesh_graceful_restart;
	const char *mesh_password; /* NULL: none */
	uint32_t cluster_id;	   /* of a route reflector; 0: none */
	uint16_t port;		   /* 179 */
	const char *bird;	   /* the program, "bird" */
	size_t n_peers, n_communities;
	struct agent_bgp_peer *peers;	     /* owned */
	struct agent_community *communities; /* on what this node announces; owned */
	size_t n_cluster_cidrs; /* what other nodes' blocks lie in; none: any block that a Node
				   names */
	struct fl_prefix *cluster_cidrs; /* owned */
};

#define AGENT_MAX_FLOWS 524288 /* tracked connections: what the datapath has room for by itself */

struct agent_config {
	char *file;	       /* owned */
	const char *node_name; /* NULL: $NODE_NAME, else the host name */
	enum agent_mode mode;  /* vxlan */
	const char *manifests; /* folder, below $FAIRLEAD_ROOT like all others */
	uint32_t mtu;	       /* of pods, 0: computed */
	struct {
		uint32_t vni, mtu; /* mtu 0: computed */
		uint16_t port;
		const char *device; /* "fairlead.VNI" */
		int underlay;	    /* AF_UNSPEC: of the node's first address */
	} vxlan;
	struct agent_bgp bgp;
	bool masquerade;
	struct {
		bool enforce; /* true */
		bool unknown_endpoint_allow;
		const char *maps; /* folder of a bpf file system, "/sys/fs/bpf/fairlead" */
		size_t n_services;
		struct fl_prefix *services; /* blocks of Services' addresses; owned */
		size_t n_denied;
		struct fl_prefix *denied; /* blocks whose packets are dropped; owned */
		enum agent_xdp xdp;	  /* none */
		uint32_t max_flows;	  /* AGENT_MAX_FLOWS */
	} policy;
	const char *metrics_listen; /* "127.0.0.1:9464"; NULL: off */
	const char *log_level;	    /* "info" */
	bool log_json;
	uint32_t resync_s;   /* 30 */
	char *own_device;    /* where vxlan.device lies, unless the text names it; owned */
	struct fl_yaml *doc; /* what the texts are borrowed from; owned */
};

/* Frees what the configuration holds. */
void agent_config_done(struct agent_config *c);
#define fl_auto_config fl_auto(agent_config_done)

/* Reads a configuration; an empty text means all defaults. file: for errors; copied. */
fl_must int agent_config_read(const char *file, const char *text, size_t len,
			      struct agent_config *out, struct fl_err *err);
