// SPDX-License-Identifier: Apache-2.0
/* agent/config: agent.yaml. Needs nothing; reads agent/README.md and the source's table. */
#include "agent/config/config.h"

#include "config_text.h"
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/config/keys.h"
#include "base/file.h"
#include "base/text.h"
#include "bpf/abi.h"

static void an_empty_file_is_all_defaults(void **state)
{
	static const char *const texts[] = { "", "# nothing\n", "---\n", "{}", "vxlan:\nmode:\n" };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(texts); i++) {
		fl_auto_config struct agent_config c = read_text(texts[i]);

		CHECK(!c.node_name && c.mode == AGENT_VXLAN && c.mtu == 0);
		CHECK(fl_streq(c.manifests, "/etc/fairlead/manifests"));
		CHECK(c.vxlan.vni == 1 && c.vxlan.port == 4789 && c.vxlan.mtu == 0);
		CHECK(fl_streq(c.vxlan.device, "fairlead.1") && c.vxlan.underlay == AF_UNSPEC);
		CHECK(c.bgp.as == 64512 && c.bgp.mesh && !c.bgp.mesh_bfd && c.bgp.port == 179);
		CHECK(c.bgp.mesh_graceful_restart && !c.bgp.mesh_password && !c.bgp.cluster_id);
		CHECK(fl_streq(c.bgp.bird, "bird") && c.bgp.n_peers == 0 && !c.bgp.peers);
		CHECK(c.bgp.n_communities == 0 && c.bgp.n_cluster_cidrs == 0);
		CHECK(c.masquerade && c.resync_s == 30);
		CHECK(c.policy.enforce && !c.policy.unknown_endpoint_allow);
		CHECK(fl_streq(c.metrics_listen, "127.0.0.1:9464"));
		CHECK(fl_streq(c.log_level, "info") && !c.log_json);
		CHECK(fl_streq(c.file, "agent.yaml"));
	}
}

static void every_key_is_read(void **state)
{
	static const char text[] =
		"nodeName: n1.example\nmode: bgp\nsource: manifests\nmanifests: /srv/m\nmtu: 1400\n"
		"vxlan: {vni: 42, port: 8472, mtu: 1450, device: vx0, underlay: ipv6}\n"
		"bgp:\n  as: 4200000000\n  mesh: no\n  meshPassword: m\n  meshBFD: on\n"
		"  meshGracefulRestart: off\n  clusterID: 192.0.2.9\n  port: 1179\n"
		"  bird: /usr/sbin/bird\n  communities: [64512:100, '4200000000:1:2']\n"
		"  clusterCIDRs: [10.244.0.0/16, 'fd00:244::/32']\n"
		"  peers:\n  - name: tor-1\n    address: 192.0.2.1\n    port: 1790\n    as: 64500\n"
		"    password: p w\n    bfd: true\n    gracefulRestart: false\n    ttlSecurity: 2\n"
		"    importLimit: 100\n    holdTime: 9\n    nextHopSelf: true\n"
		"    allow: [0.0.0.0/0, 203.0.113.0/24]\n"
		"  - {address: '2001:db8::1', passwordFile: /p, routeReflectorClient: true}\n"
		"masquerade: false\npolicy: {enforce: true, unknownEndpoint: allow, xdp: native,\n"
		"  denySources: [203.0.113.0/24, '2001:db8:dead::/48']}\n"
		"metrics: {listen: '[::1]:9000'}\nlog: {level: debug, format: json}\nresync: 5\n";
	fl_auto_config struct agent_config c = read_text(text);
	const struct agent_bgp_peer *p = c.bgp.peers;
	char ip[FL_IP_STR], net[FL_PREFIX_STR];

	(void)state;
	CHECK(fl_streq(c.node_name, "n1.example") && c.mode == AGENT_BGP && c.mtu == 1400);
	CHECK(fl_streq(c.manifests, "/srv/m") && fl_streq(c.vxlan.device, "vx0"));
	CHECK(c.vxlan.vni == 42 && c.vxlan.port == 8472 && c.vxlan.mtu == 1450);
	CHECK(c.vxlan.underlay == AF_INET6 && c.bgp.as == 4200000000u && !c.bgp.mesh);
	CHECK(fl_streq(c.bgp.mesh_password, "m") && c.bgp.mesh_bfd);
	CHECK(!c.bgp.mesh_graceful_restart && c.bgp.cluster_id == 0xc0000209);
	CHECK(c.bgp.port == 1179 && fl_streq(c.bgp.bird, "/usr/sbin/bird"));
	CHECK(c.bgp.n_communities == 2 && c.bgp.communities[0].n == 2);
	CHECK(c.bgp.communities[0].part[0] == 64512 && c.bgp.communities[0].part[1] == 100);
	CHECK(c.bgp.communities[1].n == 3 && c.bgp.communities[1].part[0] == 4200000000u);
	CHECK(c.bgp.n_cluster_cidrs == 2);
	CHECK(fl_streq(fl_prefix_format(&c.bgp.cluster_cidrs[1], net), "fd00:244::/32"));
	CHECK(c.bgp.n_peers == 2 && fl_streq(p->name, "tor-1") && p->port == 1790);
	CHECK(fl_streq(fl_ip_format(&p->address, ip), "192.0.2.1") && p->as == 64500);
	CHECK(fl_streq(p->password, "p w") && !p->password_file && p->bfd);
	CHECK(!p->graceful_restart && p->ttl_security == 2 && p->import_limit == 100);
	CHECK(p->hold_time_s == 9 && p->next_hop_self && !p->route_reflector_client);
	CHECK(p->n_allow == 2 && p->allow[0].len == 0 && p->allow[1].len == 24);
	p++;
	CHECK(!p->name && p->port == 179 && p->as == 0 && p->graceful_restart && !p->allow);
	CHECK(fl_streq(p->password_file, "/p") && p->route_reflector_client && p->hold_time_s == 0);
	CHECK(!c.masquerade && c.policy.unknown_endpoint_allow && c.resync_s == 5);
	CHECK(c.policy.enforce && c.policy.xdp == AGENT_XDP_NATIVE && c.policy.n_denied == 2);
	CHECK(fl_streq(fl_prefix_format(&c.policy.denied[1], net), "2001:db8:dead::/48"));
	CHECK(fl_streq(c.metrics_listen, "[::1]:9000") && c.log_json);
	CHECK(fl_streq(c.log_level, "debug"));
}

static void empty_texts_are_as_good_as_none(void **state)
{
	fl_auto_config struct agent_config c = read_text(
		"nodeName: ''\nmanifests: ''\nmetrics: {listen: ''}\nvxlan: {device: ''}\n"
		"bgp: {clusterID: '', meshPassword: '', bird: '', peers: "
		"[{address: 192.0.2.1, password: '', passwordFile: '', name: ''}]}\n");

	(void)state;
	CHECK(!c.node_name && !c.metrics_listen && !c.bgp.cluster_id && !c.bgp.mesh_password);
	CHECK(fl_streq(c.manifests, "/etc/fairlead/manifests") && fl_streq(c.bgp.bird, "bird"));
	CHECK(fl_streq(c.vxlan.device, "fairlead.1") && !c.bgp.peers[0].password);
	CHECK(!c.bgp.peers[0].password_file && !c.bgp.peers[0].name);
}

static void the_devices_name_follows_the_vni(void **state)
{
	fl_auto_config struct agent_config c = read_text("vxlan: {vni: 999999}\n"),
					   d = read_text("vxlan: {vni: 1000000}\n"),
					   e = read_text("vxlan: {vni: 16777215}\n");

	(void)state;
	CHECK(fl_streq(c.vxlan.device, "fairlead.999999"));
	CHECK(fl_streq(d.vxlan.device, "fl.1000000") && fl_streq(e.vxlan.device, "fl.16777215"));
}

static void json_is_yaml(void **state)
{
	fl_auto_config struct agent_config c = read_text(
		"{\n\t\"mode\": \"host-gw\",\n\t\"bgp\": {\"peers\": []}\n}\n");

	(void)state;
	CHECK(c.mode == AGENT_HOST_GW && fl_streq(agent_mode_text(c.mode), "host-gw"));
}

/* A text, and what is said of it. */
static const char *const wrong[][2] = {
	{ "mode: vxlan\nmod: x\n", "agent.yaml:2: config 'mod': unknown key, did you mean 'mode'" },
	{ "Mode: vxlan\n", "agent.yaml:1: config 'Mode': unknown key, did you mean 'mode'" },
	{ "wholly: 1\n", "agent.yaml:1: config 'wholly': unknown key" },
	{ "no: 1\n", "agent.yaml:1: config 'false': unknown key" },
	{ "vxlan:\n  vnI: 1\n",
	  "agent.yaml:2: config 'vxlan.vnI': unknown key, did you mean 'vni'" },
	{ "vxlan:\n  as: 1\n", "agent.yaml:2: config 'vxlan.as': unknown key" },
	{ "bgp:\n  peers:\n  - address: 192.0.2.1\n    adress: x\n",
	  "agent.yaml:4: config 'bgp.peers[0].adress': unknown key, did you mean "
	  "'address'" },
	{ "mode: overlay\n", "agent.yaml:1: config 'mode': 'overlay' is not 'none', 'vxlan', "
			     "'host-gw', 'direct' or 'bgp'" },
	{ "mode: 1\n", "agent.yaml:1: config 'mode': expected a string, found a number 1" },
	{ "mode: none\nmode: bgp\n", "agent.yaml:2:1: key 'mode' is repeated" },
	{ "\nsource: kubernetes\n", "agent.yaml:2: config 'source': 'kubernetes' is not "
				    "built yet, expected 'manifests'" },
	{ "kubernetes: {kubeconfig: ''}\n", "agent.yaml:1: config 'kubernetes': is not built yet" },
	{ "nodeName: N1\n", "agent.yaml:1: config 'nodeName': 'N1' is not a name" },
	{ "manifests: m\n",
	  "agent.yaml:1: config 'manifests': 'm' is not a path that begins with '/'" },
	{ "mtu: 67\n",
	  "agent.yaml:1: config 'mtu': 67 is neither 0 nor a number from 68 to 65535" },
	{ "mtu: '1500'\n", "agent.yaml:1: config 'mtu': expected a number, found a string" },
	{ "mtu: 1500.5\n", "agent.yaml:1: config 'mtu': expected a number, found a fraction" },
	{ "vxlan: 1\n", "agent.yaml:1: config 'vxlan': expected an object, found a number 1" },
	{ "vxlan:\n  device: fairlead.1000000\n", "agent.yaml:2: config 'vxlan.device': "
						  "'fairlead.1000000' is not a device" },
	{ "vxlan: {device: a/b}\n", "config 'vxlan.device': 'a/b' is not a device" },
	{ "vxlan: {device: 'vx%d'}\n", "config 'vxlan.device': 'vx%d' is not a device" },
	{ "vxlan: {device: 'a b'}\n", "config 'vxlan.device': 'a b' is not a device" },
	{ "vxlan: {underlay: 4}\n", "config 'vxlan.underlay': expected a string" },
	{ "masquerade: 'yes'\n",
	  "agent.yaml:1: config 'masquerade': expected a boolean, found a string \"yes\"" },
	{ "metrics: {listen: 9464}\n", "config 'metrics.listen': expected a string" },
	{ "metrics: {listen: ':9464'}\n", "is not an address and port" },
	{ "metrics: {listen: '127.0.0.1'}\n", "is not an address and port" },
	{ "metrics: {listen: '127.0.0.1:0'}\n", "is not an address and port" },
	{ "metrics: {listen: '::1:9464'}\n", "is not an address and port" },
	{ "metrics: {listen: '[127.0.0.1]:9464'}\n", "is not an address and port" },
	{ "log: {level: trace}\n",
	  "config 'log.level': 'trace' is not 'error', 'warn', 'info' or 'debug'" },
	{ "log: {format: xml}\n", "config 'log.format': 'xml' is not 'text' or 'json'" },
	{ "policy: {unknownEndpoint: no}\n",
	  "config 'policy.unknownEndpoint': expected a string, found a boolean false" },
	{ "policy: {xdp: off}\n", "config 'policy.xdp': expected a string, found a boolean false" },
	{ "policy: {xdp: offload}\n",
	  "config 'policy.xdp': 'offload' is not 'none', 'native' or 'generic'" },
	{ "policy: {denySources: 203.0.113.0/24}\n",
	  "config 'policy.denySources': expected an array" },
	{ "policy:\n  denySources:\n  - 203.0.113.1/24\n",
	  "agent.yaml:3: config 'policy.denySources[0]': '203.0.113.1/24' has host bits set" },
	{ "bgp: {clusterID: '::1'}\n", "config 'bgp.clusterID': '::1' is not a number" },
	{ "bgp: {clusterID: 0.0.0.0}\n",
	  "agent.yaml:1: config 'bgp.clusterID': '0.0.0.0' stands for none (RFC 4456)" },
	{ "bgp: {clusterID: x}\n", "config 'bgp.clusterID': 'x' is not a number" },
	{ "bgp: {clusterID: '7'}\n", "config 'bgp.clusterID': '7' is not a number" },
	{ "bgp: {clusterID: 1.2.3}\n", "config 'bgp.clusterID': '1.2.3' is not a number" },
	{ "bgp: {clusterID: '1.2.3.4 '}\n", "config 'bgp.clusterID': '1.2.3.4 ' is not a number" },
	{ "bgp:\n  communities:\n  - 64512:1\n  - '65536:1'\n",
	  "agent.yaml:4: config 'bgp.communities[1]': '65536:1' is not a community" },
	{ "bgp: {communities: ['1']}\n", "'1' is not a community" },
	{ "bgp: {communities: ['1:2:3:4']}\n", "'1:2:3:4' is not a community" },
	{ "bgp: {communities: ['1:2:4294967296']}\n", "is not a community" },
	{ "bgp: {communities: ['1:']}\n", "'1:' is not a community" },
	{ "bgp: {communities: 64512:1}\n",
	  "config 'bgp.communities': expected an array, found a string \"64512:1\"" },
	{ "bgp:\n  clusterCIDRs:\n  - 10.0.0.1/8\n",
	  "agent.yaml:3: config 'bgp.clusterCIDRs[0]': '10.0.0.1/8' has host bits set, "
	  "expected '10.0.0.0/8'" },
	{ "bgp: {clusterCIDRs: [10.0.0.0/8, '::/0']}\n",
	  "config 'bgp.clusterCIDRs[1]': '::/0' holds all addresses, expected" },
	{ "bgp: {clusterCIDRs: [0.0.0.0/0]}\n", "'0.0.0.0/0' holds all addresses, expected" },
	{ "bgp: {clusterCIDRs: [10.0.0.0]}\n", "config 'bgp.clusterCIDRs[0]': '10.0.0.0'" },
	{ "bgp:\n  peers:\n  - as: 1\n", "agent.yaml:3: config 'bgp.peers[0].address': "
					 "missing, expected an IP address" },
	{ "bgp: {peers: [x]}\n", "config 'bgp.peers[0]': expected an object" },
	{ "bgp: {peers: [{address: tor}]}\n", "config 'bgp.peers[0].address': 'tor'" },
	{ "bgp: {peers: [{address: 192.0.2.1, name: -x}]}\n",
	  "config 'bgp.peers[0].name': '-x' is not a name" },
	{ "bgp: {peers: [{address: 192.0.2.1, holdTime: 2}]}\n",
	  "config 'bgp.peers[0].holdTime': 2 is neither 0 nor a number from 3 to 65535" },
	{ "bgp: {peers: [{address: 192.0.2.1, passwordFile: x}]}\n", "is not a path" },
	{ "mode: none\n---\nmode: bgp\n", "agent.yaml:3: config: a second document, expected one" },
	{ "mode: none\n---\n\n7\n", "agent.yaml:4: config: a second document, expected one" },
	{ "\n7\n", "agent.yaml:2: config: expected an object, found a number 7" },
	{ "- mode: none\n", "agent.yaml:1: config: expected an object, found an array" },
	{ "mode: [\n", "agent.yaml:2:1: did not find expected node content" },
};

static void what_is_wrong_is_refused_with_line_and_path(void **state)
{
	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(wrong); i++)
		check_refused(wrong[i][0], wrong[i][1]);
}

static void contradictions_are_refused(void **state)
{
	static const char *const t[][2] = {
		{ "mtu: 1451\nvxlan: {mtu: 1450}\n",
		  "agent.yaml:1: config 'mtu': 1451 is above 'vxlan.mtu', which is 1450" },
		{ "bgp:\n  peers:\n  - address: 192.0.2.1\n    password: x\n    passwordFile: /y\n",
		  "agent.yaml:3: config 'bgp.peers[0]': has both 'password' and 'passwordFile'" },
		{ "bgp:\n  peers:\n  - {address: 192.0.2.1}\n  - {address: 192.0.2.1, as: 7}\n",
		  "agent.yaml:4: config 'bgp.peers[1]': has the address of 'bgp.peers[0]': "
		  "'192.0.2.1'" },
		/* BIRD has one session with an address. */
		{ "bgp:\n  peers:\n  - {address: 192.0.2.1}\n  - {address: 192.0.2.1, port: 180}\n",
		  "agent.yaml:4: config 'bgp.peers[1]': has the address of 'bgp.peers[0]': "
		  "'192.0.2.1'" },
		{ "bgp:\n  peers:\n  - {address: 192.0.2.1, name: a}\n"
		  "  - {address: 192.0.2.2, name: a}\n",
		  "agent.yaml:4: config 'bgp.peers[1]': has the name of 'bgp.peers[0]': 'a'" },
		{ "bgp:\n  peers:\n  - {address: 192.0.2.1, as: 7, routeReflectorClient: true}\n",
		  "agent.yaml:3: config 'bgp.peers[0]': a route reflector's client is of its AS: "
		  "'as' is 7, ours 64512" },
		{ "policy:\n  enforce: false\n  denySources: [203.0.113.0/24]\n",
		  "agent.yaml:3: config 'policy.denySources': needs the datapath, and "
		  "'policy.enforce' is false" },
		{ "policy:\n  enforce: true\n  xdp: generic\n",
		  "agent.yaml:3: config 'policy.xdp': 'policy.denySources' names nothing to drop" },
	};
	static const char *const good[] = {
		"mtu: 1450\nvxlan: {mtu: 1450}\n",
		"mode: none\nmtu: 1500\nvxlan: {mtu: 1450}\n",
		"bgp: {as: 7, peers: [{address: 192.0.2.1, as: 7, routeReflectorClient: true}]}\n",
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++)
		check_refused(t[i][0], t[i][1]);
	for (size_t i = 0; i < FL_ARRAY_LEN(good); i++) {
		fl_auto_config struct agent_config c = read_text(good[i]);

		CHECK(c.file);
	}
}

static void a_password_is_in_no_complaint(void **state)
{
	static const char *const t[][2] = {
		{ "bgp: {meshPassword: 12345678}\n",
		  "config 'bgp.meshPassword': expected a string" },
		{ "bgp: {meshPassword: 'sec\"ret'}\n", "expected printable ASCII characters" },
		{ "bgp: {meshPassword: \"sec\\nret\"}\n", "expected printable ASCII characters" },
		{ "bgp: {meshPassword: 's\xc3\xa9'}\n", "expected printable ASCII characters" },
	};
	char text[128] = "bgp: {meshPassword: ";
	size_t n = strlen(text);
	struct agent_config c = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		CHECK_FAILS(agent_config_read("f", t[i][0], strlen(t[i][0]), &c, &err), EINVAL,
			    &err, t[i][1]);
		CHECK(!strstr(err.text, "ret") && !strstr(err.text, "1234"));
	}
	memset(text + n, 'x', 81);
	memcpy(text + n + 81, "}\n", 3);
	check_refused(text, "config 'bgp.meshPassword': longer than 80 bytes");
	memcpy(text + n + 80, "}\n", 3);
	c = read_text(text);
	CHECK(strlen(c.bgp.mesh_password) == 80);
	agent_config_done(&c);
}

static void numbers_are_read_at_the_edges_of_their_range(void **state)
{
	size_t n = 0, checked = 0;
	const struct agent_key *keys = agent_keys(&n);
	struct fl_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < n; i++) {
		const struct agent_key *k = &keys[i];
		fl_auto_config struct agent_config c = { 0 }, d = { 0 };
		char value[24], type[40];
		bool zero = strncmp(k->type, "0, ", 3) == 0;

		snprintf(type, sizeof(type), "%s%u-%u", zero ? "0, " : "", k->min, k->max);
		if (strcmp(type, k->type) != 0)
			continue;
		checked++;
		snprintf(value, sizeof(value), "%u", k->min);
		CHECK_OK(read_one(k->path, value, &c, &err), &err);
		snprintf(value, sizeof(value), "%u", k->max);
		CHECK_OK(read_one(k->path, value, &d, &err), &err);
		snprintf(value, sizeof(value), "%" PRIu64, (uint64_t)k->max + 1);
		CHECK_FAILS(read_one(k->path, value, &c, &err), EINVAL, &err, "is n");
		snprintf(value, sizeof(value), "%" PRId64, (int64_t)k->min - 1);
		CHECK_FAILS(read_one(k->path, value, &c, &err), EINVAL, &err, "is n");
	}
	/* All that the table calls numbers: if one is missing here, its type is not its range. */
	CHECK(checked == 13);
}

static bool same_peer(const struct agent_bgp_peer *a, const struct agent_bgp_peer *b)
{
	return fl_streq(a->name, b->name) && a->port == b->port && a->as == b->as &&
	       fl_streq(a->password, b->password) && fl_streq(a->password_file, b->password_file) &&
	       a->bfd == b->bfd && a->graceful_restart == b->graceful_restart &&
	       a->route_reflector_client == b->route_reflector_client &&
	       a->next_hop_self == b->next_hop_self && a->ttl_security == b->ttl_security &&
	       a->import_limit == b->import_limit && a->hold_time_s == b->hold_time_s &&
	       a->n_allow == b->n_allow;
}

static bool same(const struct agent_config *a, const struct agent_config *b)
{
	return fl_streq(a->node_name, b->node_name) && a->mode == b->mode && a->mtu == b->mtu &&
	       fl_streq(a->manifests, b->manifests) && a->vxlan.vni == b->vxlan.vni &&
	       a->vxlan.mtu == b->vxlan.mtu && a->vxlan.port == b->vxlan.port &&
	       fl_streq(a->vxlan.device, b->vxlan.device) &&
	       a->vxlan.underlay == b->vxlan.underlay && a->bgp.as == b->bgp.as &&
	       a->bgp.mesh == b->bgp.mesh && a->bgp.mesh_bfd == b->bgp.mesh_bfd &&
	       a->bgp.mesh_graceful_restart == b->bgp.mesh_graceful_restart &&
	       fl_streq(a->bgp.mesh_password, b->bgp.mesh_password) &&
	       a->bgp.cluster_id == b->bgp.cluster_id && a->bgp.port == b->bgp.port &&
	       fl_streq(a->bgp.bird, b->bgp.bird) && a->bgp.n_peers == b->bgp.n_peers &&
	       a->bgp.n_communities == b->bgp.n_communities &&
	       a->bgp.n_cluster_cidrs == b->bgp.n_cluster_cidrs && a->masquerade == b->masquerade &&
	       a->policy.unknown_endpoint_allow == b->policy.unknown_endpoint_allow &&
	       a->policy.n_denied == b->policy.n_denied && a->policy.xdp == b->policy.xdp &&
	       fl_streq(a->metrics_listen, b->metrics_listen) &&
	       fl_streq(a->log_level, b->log_level) && a->log_json == b->log_json &&
	       a->resync_s == b->resync_s &&
	       (a->bgp.n_peers == 0 || same_peer(a->bgp.peers, b->bgp.peers));
}

static void the_tables_defaults_are_the_readers(void **state)
{
	fl_auto_config struct agent_config none = read_text(""),
					   peer = read_text("bgp: {peers: [{address: 192.0.2.1}]}");
	size_t n = 0;
	const struct agent_key *keys = agent_keys(&n);
	struct fl_err err = { 0 };

	(void)state;
	CHECK(AGENT_MAX_FLOWS == FL_MAX_FLOWS);
	for (size_t i = 0; i < n; i++) {
		fl_auto_config struct agent_config c = { 0 };
		bool of_peer = strncmp(keys[i].path, "bgp.peers[].", 12) == 0;

		if (!*keys[i].def || fl_streq(keys[i].def, "required"))
			continue;
		CHECK_OK(read_one(keys[i].path, keys[i].def, &c, &err), &err);
		if (!same(&c, of_peer ? &peer : &none))
			fail_msg("the default of '%s' is not '%s'", keys[i].path, keys[i].def);
	}
}

/* Each row of the README's table is a key of the reader's, in the same order, and none is missing.
 */
static void the_readme_has_the_readers_keys(void **state)
{
	fl_auto_free char *text = NULL;
	size_t len = 0, n = 0;
	const struct agent_key *keys = agent_keys(&n);
	struct fl_err err = { 0 };
	const char *line;

	(void)state;
	CHECK_OK(fl_read_file(AT_FDCWD, "agent/README.md", 1u << 20, &text, &len, &err), &err);
	line = strstr(text, "\n| key | type | default | meaning |\n|---|---|---|---|\n");
	CHECK(line);
	line = strstr(line, "|---|---|---|---|\n") + 18;
	for (size_t i = 0; i < n; i++) {
		char row[160];

		snprintf(row, sizeof(row),
			 *keys[i].def ? "| `%s` | %s | `%s` |" : "| `%s` | %s | |", keys[i].path,
			 keys[i].type, keys[i].def);
		if (strncmp(line, row, strlen(row)) != 0)
			fail_msg("expected '%s', found '%.60s'", row, line);
		line = strchr(line, '\n') + 1;
	}
	CHECK(*line == '\n');
}

static void the_readmes_examples_are_read(void **state)
{
	fl_auto_free char *text = NULL;
	size_t len = 0;
	struct fl_err err = { 0 };
	char *from;
	int n = 0;

	(void)state;
	CHECK_OK(fl_read_file(AT_FDCWD, "agent/README.md", 1u << 20, &text, &len, &err), &err);
	from = strstr(text, "\n## Examples\n");
	CHECK(from);
	while ((from = strstr(from, "```yaml\n"))) {
		fl_auto_config struct agent_config c = { 0 };
		char *end = strstr(from, "\n```\n");

		from += 8;
		CHECK_OK(agent_config_read("example", from, (size_t)(end - from), &c, &err), &err);
		from = end + 5;
		n++;
	}
	CHECK(n == 6);
}

static void lists_are_read_to_their_limit_and_not_one_longer(void **state)
{
	static const struct {
		const char *head, *before, *after;
		int max;
	} t[] = {
		{ "bgp:\n  communities:\n", "  - '1:", "'\n", AGENT_BGP_COMMUNITIES_MAX },
		{ "bgp:\n  clusterCIDRs:\n", "  - 10.", ".0.0/16\n", AGENT_BGP_PREFIXES_MAX },
		{ "bgp:\n  peers:\n", "  - address: 192.0.2.", "\n", AGENT_BGP_PEERS_MAX },
		{ "policy:\n  enforce: true\n  denySources:\n", "  - 203.0.113.0/24 # ", "\n",
		  AGENT_DENIED_MAX },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_config struct agent_config c = { 0 };
		fl_auto_free char *text = malloc(1 << 20);
		size_t n = (size_t)sprintf(text, "%s", t[i].head);
		char want[64];

		for (int k = 0; k < t[i].max; k++)
			n += (size_t)sprintf(text + n, "%s%d%s", t[i].before, k, t[i].after);
		c = read_text(text);
		(void)sprintf(text + n, "%s7%s", t[i].before, t[i].after);
		snprintf(want, sizeof(want), "%d elements, expected at most %d", t[i].max + 1,
			 t[i].max);
		check_refused(text, want);
	}
}

static int read_everything(void *arg)
{
	static const char text[] = "vxlan: {vni: 7}\nbgp: {communities: ['1:2'], clusterCIDRs: "
				   "[10.0.0.0/8], peers: [{address: 192.0.2.1, allow: "
				   "[0.0.0.0/0]}, {address: 192.0.2.2, allow: ['::/0']}]}\n";
	fl_auto_config struct agent_config c = { 0 };
	struct fl_err err = { 0 };

	(void)arg;
	return agent_config_read("f", text, strlen(text), &c, &err);
}

static void every_lack_of_memory_is_an_error_and_leaks_nothing(void **state)
{
	(void)state;
	CHECK(inject_each(read_everything, NULL) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_is_all_defaults),
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(empty_texts_are_as_good_as_none),
		cmocka_unit_test(the_devices_name_follows_the_vni),
		cmocka_unit_test(json_is_yaml),
		cmocka_unit_test(what_is_wrong_is_refused_with_line_and_path),
		cmocka_unit_test(contradictions_are_refused),
		cmocka_unit_test(a_password_is_in_no_complaint),
		cmocka_unit_test(numbers_are_read_at_the_edges_of_their_range),
		cmocka_unit_test(the_tables_defaults_are_the_readers),
		cmocka_unit_test(the_readme_has_the_readers_keys),
		cmocka_unit_test(the_readmes_examples_are_read),
		cmocka_unit_test(lists_are_read_to_their_limit_and_not_one_longer),
		cmocka_unit_test(every_lack_of_memory_is_an_error_and_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
