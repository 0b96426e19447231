// SPDX-License-Identifier: Apache-2.0
/* The table of agent.yaml's keys, and reading by it. */
#include "agent/config/keys.h"

#include <errno.h>

#include "agent/config/fields.h"
#include "base/text.h"

#define MTU_MIN 68    /* RFC 791 */
#define MTU_MAX 65535 /* bytes */
#define VNI_MAX 16777215
#define AS_MAX	4294967294u

#define IN(member)   offsetof(struct agent_config, member)
#define PEER(member) offsetof(struct agent_bgp_peer, member)

static const struct agent_key keys[] = {
	{ "nodeName", agent_read_node_name, IN(node_name), .type = "text", .def = "" },
	{ "mode", agent_read_mode, IN(mode), .type = "`none`, `vxlan`, `host-gw`, `direct`, `bgp`",
	  .def = "vxlan" },
	{ "source", agent_read_source, .type = "`manifests`", .def = "manifests" },
	{ "manifests", agent_read_path, IN(manifests), .type = "path",
	  .def = "/etc/fairlead/manifests" },
	{ "kubernetes", agent_read_later, .type = "object", .def = "" },
	{ "mtu", agent_read_u32_or_0, IN(mtu), .min = MTU_MIN, .max = MTU_MAX,
	  .type = "0, 68-65535", .def = "0" },
	{ "vxlan", NULL, .type = "object", .def = "" },
	{ "vxlan.vni", agent_read_u32, IN(vxlan.vni), .min = 1, .max = VNI_MAX,
	  .type = "1-16777215", .def = "1" },
	{ "vxlan.port", agent_read_u16, IN(vxlan.port), .min = 1, .max = UINT16_MAX,
	  .type = "1-65535", .def = "4789" },
	{ "vxlan.mtu", agent_read_u32_or_0, IN(vxlan.mtu), .min = MTU_MIN, .max = MTU_MAX,
	  .type = "0, 68-65535", .def = "0" },
	{ "vxlan.device", agent_read_device, IN(vxlan.device), .type = "text",
	  .def = "fairlead.1" },
	{ "vxlan.underlay", agent_read_underlay, IN(vxlan.underlay),
	  .type = "`auto`, `ipv4`, `ipv6`", .def = "auto" },
	{ "bgp", NULL, .type = "object", .def = "" },
	{ "bgp.as", agent_read_u32, IN(bgp.as), .min = 1, .max = AS_MAX, .type = "1-4294967294",
	  .def = "64512" },
	{ "bgp.mesh", agent_read_bool, IN(bgp.mesh), .type = "boolean", .def = "true" },
	{ "bgp.meshPassword", agent_read_password, IN(bgp.mesh_password), .type = "text",
	  .def = "" },
	{ "bgp.meshBFD", agent_read_bool, IN(bgp.mesh_bfd), .type = "boolean", .def = "false" },
	{ "bgp.meshGracefulRestart", agent_read_bool, IN(bgp.mesh_graceful_restart),
	  .type = "boolean", .def = "true" },
	{ "bgp.clusterID", agent_read_cluster_id, IN(bgp.cluster_id), .type = "text", .def = "" },
	{ "bgp.port", agent_read_u16, IN(bgp.port), .min = 1, .max = UINT16_MAX, .type = "1-65535",
	  .def = "179" },
	{ "bgp.bird", agent_read_text, IN(bgp.bird), .type = "text", .def = "bird" },
	{ "bgp.communities", agent_read_communities, IN(bgp.communities), IN(bgp.n_communities),
	  .max = AGENT_BGP_COMMUNITIES_MAX, .type = "list of texts", .def = "[]" },
	{ "bgp.clusterCIDRs", agent_read_cluster_cidrs, IN(bgp.cluster_cidrs),
	  IN(bgp.n_cluster_cidrs), .max = AGENT_BGP_PREFIXES_MAX, .type = "list of prefixes",
	  .def = "[]" },
	{ "bgp.peers", agent_read_peers, .max = AGENT_BGP_PEERS_MAX, .type = "list of objects",
	  .def = "[]" },
	{ "bgp.peers[].name", agent_read_peer_name, PEER(name), .type = "text", .def = "" },
	{ "bgp.peers[].address", agent_read_peer_address, PEER(address), .type = "address",
	  .def = "required" },
	{ "bgp.peers[].port", agent_read_u16, PEER(port), .min = 1, .max = UINT16_MAX,
	  .type = "1-65535", .def = "179" },
	{ "bgp.peers[].as", agent_read_u32, PEER(as), .min = 0, .max = AS_MAX,
	  .type = "0-4294967294", .def = "0" },
	{ "bgp.peers[].password", agent_read_password, PEER(password), .type = "text", .def = "" },
	{ "bgp.peers[].passwordFile", agent_read_path, PEER(password_file), .type = "path",
	  .def = "" },
	{ "bgp.peers[].bfd", agent_read_bool, PEER(bfd), .type = "boolean", .def = "false" },
	{ "bgp.peers[].gracefulRestart", agent_read_bool, PEER(graceful_restart), .type = "boolean",
	  .def = "true" },
	{ "bgp.peers[].ttlSecurity", agent_read_u32, PEER(ttl_security), .min = 0, .max = 254,
	  .type = "0-254", .def = "0" },
	{ "bgp.peers[].importLimit", agent_read_u32, PEER(import_limit), .min = 0,
	  .max = UINT32_MAX, .type = "0-4294967295", .def = "0" },
	{ "bgp.peers[].holdTime", agent_read_u32_or_0, PEER(hold_time_s), .min = 3,
	  .max = UINT16_MAX, .type = "0, 3-65535", .def = "0" },
	{ "bgp.peers[].routeReflectorClient", agent_read_bool, PEER(route_reflector_client),
	  .type = "boolean", .def = "false" },
	{ "bgp.peers[].nextHopSelf", agent_read_bool, PEER(next_hop_self), .type = "boolean",
	  .def = "false" },
	{ "bgp.peers[].allow", agent_read_prefixes, PEER(allow), PEER(n_allow),
	  .max = AGENT_BGP_PREFIXES_MAX, .type = "list of prefixes", .def = "[]" },
	{ "masquerade", agent_read_bool, IN(masquerade), .type = "boolean", .def = "true" },
	{ "policy", NULL, .type = "object", .def = "" },
	{ "policy.enforce", agent_read_bool, IN(policy.enforce), .type = "boolean", .def = "true" },
	{ "policy.maps", agent_read_path, IN(policy.maps), .type = "path",
	  .def = "/sys/fs/bpf/fairlead" },
	{ "policy.maxFlows", agent_read_u32, IN(policy.max_flows), .min = 1024, .max = 8388608,
	  .type = "1024-8388608", .def = "524288" },
	{ "policy.serviceCIDRs", agent_read_prefixes, IN(policy.services), IN(policy.n_services),
	  .max = AGENT_SERVICES_MAX, .type = "list of prefixes", .def = "[]" },
	{ "policy.denySources", agent_read_prefixes, IN(policy.denied), IN(policy.n_denied),
	  .max = AGENT_DENIED_MAX, .type = "list of prefixes", .def = "[]" },
	{ "policy.xdp", agent_read_xdp, IN(policy.xdp), .type = "`none`, `native`, `generic`",
	  .def = "none" },
	{ "policy.unknownEndpoint", agent_read_unknown_endpoint, IN(policy.unknown_endpoint_allow),
	  .type = "`deny`, `allow`", .def = "deny" },
	{ "metrics", NULL, .type = "object", .def = "" },
	{ "metrics.listen", agent_read_listen, IN(metrics_listen), .type = "text",
	  .def = "127.0.0.1:9464" },
	{ "log", NULL, .type = "object", .def = "" },
	{ "log.level", agent_read_log_level, IN(log_level),
	  .type = "`error`, `warn`, `info`, `debug`", .def = "info" },
	{ "log.format", agent_read_log_format, IN(log_json), .type = "`text`, `json`",
	  .def = "text" },
	{ "resync", agent_read_u32, IN(resync_s), .min = 1, .max = 3600, .type = "1-3600",
	  .def = "30" },
};

const struct agent_key *agent_keys(size_t *n)
{
	*n = FL_ARRAY_LEN(keys);
	return keys;
}

/* The key's own part of the path, when it lies directly below prefix. */
static const char *part_below(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	if (strncmp(path, prefix, n) != 0 || strpbrk(path + n, ".["))
		return NULL;
	return path + n;
}

static int unknown_key(const struct fl_cur *at, const char *prefix, struct fl_err *err)
{
	const char *nearest = NULL;
	size_t least = FL_MISSPELT_MAX;

	for (size_t i = 0; i < FL_ARRAY_LEN(keys); i++) {
		const char *part = part_below(keys[i].path, prefix);

		if (part && fl_is_misspelt(at->key, part, &least))
			nearest = part;
	}
	if (nearest)
		return fl_cur_fail(at, err, "unknown key, did you mean '%s'", nearest);
	return fl_cur_fail(at, err, "unknown key");
}

static const struct agent_key *find_key(const char *prefix, const char *name)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(keys); i++) {
		const char *part = part_below(keys[i].path, prefix);

		if (part && strcmp(part, name) == 0)
			return &keys[i];
	}
	return NULL;
}

static int read_member(const char *prefix, const struct fl_cur *at, void *base, struct fl_err *err)
{
	const struct agent_key *key = find_key(prefix, at->key);
	char below[64];
	int r;

	if (!key)
		return unknown_key(at, prefix, err);
	/* A key without a value leaves the default. */
	if (fl_json_type(at->v) == FL_JSON_NULL)
		return 0;
	if (key->read)
		return key->read(key, at, base, err);
	r = fl_format(below, sizeof(below), err, "%s.", key->path) ?: fl_cur_as_obj(at, err);
	return r ?: agent_keys_read(below, at, base, err);
}

int agent_keys_read(const char *prefix, const struct fl_cur *c, void *base, struct fl_err *err)
{
	struct fl_json *value = NULL;
	const char *name = NULL;

	while ((name = fl_json_next(c->v, name, &value))) {
		const struct fl_cur at = { .v = value, .up = c, .key = name };
		int r = read_member(prefix, &at, base, err);

		if (r < 0)
			return fl_cur_mark(&at, err, r);
	}
	return 0;
}
