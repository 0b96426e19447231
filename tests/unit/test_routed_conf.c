// SPDX-License-Identifier: Apache-2.0
/*
 * The configurations of vxlan and bgp-route, key by key: what is taken, what is refused, and how.
 * What they have in common with bridge is tested there.
 */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cni/code.h"
#include "peers/vtep.h"
#include "plugins/bgp-route/conf.h"
#include "plugins/vxlan/conf.h"

static struct fl_err err;
static struct fl_json *tree;
static struct vx_conf vx;
static struct fl_routed_conf bgp;

#define IPAM	       "\"ipam\": {\"type\": \"host-local\", \"subnet\": \"10.244.1.0/24\"}"
#define PEER(ip, cidr) "{\"ip\": \"" ip "\", \"cidrs\": [\"" cidr "\"]}"

static void parse(const char *text)
{
	fl_auto_free char *whole = NULL;

	fl_json_free(&tree);
	CHECK(asprintf(&whole, "{%s}", text) > 0);
	CHECK_OK(fl_json_parse(whole, strlen(whole), &tree, &err), &err);
}

/* Reads {TEXT} as vxlan does; what was read borrows from tree. */
static int read_vx(const char *text)
{
	static const struct fl_cni_args none;
	struct fl_cur c;

	parse(text);
	vx_conf_done(&vx);
	c = fl_cur_root(tree, "config");
	return vx_conf_read(&c, &none, &vx, &err);
}

static int read_bgp(const char *text)
{
	static const struct fl_cni_args none;
	struct fl_cur c;

	parse(text);
	fl_routed_conf_done(&bgp);
	c = fl_cur_root(tree, "config");
	return bgp_conf_read(&c, &none, &bgp, &err);
}

static const struct vx_conf *good(const char *text)
{
	int r = read_vx(text);

	if (r != 0)
		fail_msg("{%s}: returned %d: %s", text, r, err.text);
	return &vx;
}

static const struct fl_routed_conf *good_bgp(const char *text)
{
	int r = read_bgp(text);

	if (r != 0)
		fail_msg("{%s}: returned %d: %s", text, r, err.text);
	return &bgp;
}

static void has_words(const char *text, int r, const char *words)
{
	char copy[512], *save = NULL;

	if (r != -EINVAL || err.code != FL_CNI_CONFIG)
		fail_msg("{%s}: returned %d, code %d: %s", text, r, err.code, err.text);
	(void)snprintf(copy, sizeof(copy), "%s", words);
	for (char *w = strtok_r(copy, "|", &save); w; w = strtok_r(NULL, "|", &save))
		if (!strstr(err.text, w))
			fail_msg("{%s}: '%s' lacks '%s'", text, err.text, w);
}

/* Refused by both with code 7, and the error has all of these words, separated by '|'. */
static void refused(const char *text, const char *words)
{
	has_words(text, read_vx(text), words);
	has_words(text, read_bgp(text), words);
}

static void refused_by_vxlan(const char *text, const char *words)
{
	has_words(text, read_vx(text), words);
}

static int teardown(void **state)
{
	(void)state;
	vx_conf_done(&vx);
	fl_routed_conf_done(&bgp);
	fl_json_free(&tree);
	return 0;
}

static void defaults_leave_everything_to_the_agent(void **state)
{
	const struct vx_conf *c = good("\"ipam\": {\"type\": \"host-local\"}");

	(void)state;
	assert_int_equal(c->vni, 1);
	assert_int_equal(c->port, 4789);
	assert_string_equal(c->device, "fairlead.1");
	CHECK(!c->has_local && !c->net.has_peers && !c->net.ip_masq && c->net.blocks_of_node);
	CHECK(c->net.n_home == 0 && c->net.n_peers == 0 && c->net.pod.mtu == 0);
	CHECK(good_bgp("\"ipam\": {\"type\": \"host-local\"}")->blocks_of_node);
}

static void vni_is_1_to_16777215(void **state)
{
	(void)state;
	assert_int_equal(good(IPAM ", \"vni\": 1")->vni, 1);
	assert_int_equal(good(IPAM ", \"vni\": 16777215, \"device\": \"v\"")->vni, 16777215);
	refused_by_vxlan(IPAM ", \"vni\": 0", "config 'vni'|0|1 to 16777215");
	refused_by_vxlan(IPAM ", \"vni\": 16777216", "config 'vni'|16777216");
	refused_by_vxlan(IPAM ", \"vni\": \"1\"", "config 'vni'|expected a number");
}

static void port_is_1_to_65535(void **state)
{
	(void)state;
	assert_int_equal(good(IPAM ", \"port\": 8472")->port, 8472);
	assert_int_equal(good(IPAM ", \"port\": 65535")->port, 65535);
	refused_by_vxlan(IPAM ", \"port\": 0", "config 'port'|0|1 to 65535");
	refused_by_vxlan(IPAM ", \"port\": 65536", "config 'port'|65536");
}

static void device_has_1_to_15_bytes_and_follows_the_vni(void **state)
{
	(void)state;
	assert_string_equal(good(IPAM ", \"vni\": 999999")->device, "fairlead.999999");
	refused_by_vxlan(IPAM ", \"vni\": 1000000",
			 "config 'device'|missing|'fairlead.1000000'|15 bytes");
	assert_string_equal(good(IPAM ", \"device\": \"flannel.1\"")->device, "flannel.1");
	assert_string_equal(good(IPAM ", \"device\": \"\"")->device, "fairlead.1");
	assert_string_equal(good(IPAM ", \"device\": \"123456789012345\"")->device,
			    "123456789012345");
	refused_by_vxlan(IPAM ", \"device\": \"1234567890123456\"", "config 'device'|15");
	refused_by_vxlan(IPAM ", \"device\": \"a/b\"", "config 'device'|'a/b'");
}

static void local_is_an_address_and_needed_without_peers(void **state)
{
	(void)state;
	CHECK(good(IPAM ", \"local\": \"192.0.2.11\"")->has_local);
	CHECK(good(IPAM ", \"local\": \"2001:db8::1\", \"peers\": []")->net.has_peers);
	refused_by_vxlan(IPAM ", \"local\": \"192.0.2.300\"", "config 'local'|'192.0.2.300'");
	refused_by_vxlan(IPAM ", \"peers\": []", "config 'local'|missing|no peer");
	CHECK(good_bgp(IPAM ", \"peers\": []")->has_peers);
	refused_by_vxlan(IPAM ", \"local\": \"192.0.2.12\", \"peers\": [" PEER("192.0.2.12",
									       "10.244.2.0/24") "]",
			 "config 'peers[0]'|'192.0.2.12'|this node's address");
	refused_by_vxlan(IPAM ", \"local\": \"10.244.2.9\", \"peers\": [" PEER("192.0.2.12",
									       "10.244.2.0/24") "]",
			 "config 'peers[0].cidrs[0]'|'10.244.2.0/24' overlaps|10.244.2.9/32");
}

static void peers_are_read_with_names_addresses_blocks_and_mac(void **state)
{
	const struct vx_conf *c = good(
		IPAM ", \"peers\": [{\"name\": \"n2\", \"ips\": [\"192.0.2.12\", "
		     "\"2001:db8::12\"], \"cidrs\": [\"10.244.2.0/24\", \"fd00:2::/64\"], "
		     "\"mac\": \"02:00:00:00:00:02\"}, " PEER("192.0.2.13", "10.244.3.0/24") "]");
	uint8_t mac[FL_MAC_LEN] = { 2, 0, 0, 0, 0, 2 };

	(void)state;
	CHECK(c->net.has_peers && !c->net.blocks_of_node);
	assert_int_equal(c->net.n_peers, 2);
	assert_string_equal(c->net.peers[0].name, "n2");
	assert_int_equal(c->net.peers[0].n_ips, 2);
	assert_int_equal(c->net.peers[0].n_cidrs, 2);
	CHECK(c->net.peers[0].has_mac && memcmp(c->net.peers[0].mac, mac, FL_MAC_LEN) == 0);
	assert_string_equal(c->net.peers[1].name, "192.0.2.13");
	CHECK(!c->net.peers[1].has_mac);
}

static void peers_say_where_they_are_wrong(void **state)
{
	static const struct {
		const char *peer, *words;
	} t[] = {
		{ "7", "config 'peers[0]'|expected an object" },
		{ "{}", "config 'peers[0]'|neither 'ip' nor 'ips'" },
		{ "{\"ip\": \"192.0.2.12\"}", "config 'peers[0].cidrs'|missing" },
		{ "{\"ip\": \"192.0.2.12\", \"cidrs\": []}",
		  "config 'peers[0].cidrs'|expected at least one block" },
		{ "{\"ip\": \"192.0.2.12\", \"cidrs\": [7]}", "config 'peers[0].cidrs[0]'" },
		{ "{\"ip\": \"192.0.2.12\", \"cidrs\": [\"10.244.2.1/24\"]}",
		  "config 'peers[0].cidrs[0]'|'10.244.2.1/24' has host bits set|'10.244.2.0/24'" },
		{ "{\"ip\": \"192.0.2.12\", \"cidrs\": [\"10.244.2.0/33\"]}",
		  "config 'peers[0].cidrs[0]'|'10.244.2.0/33'" },
		{ "{\"ip\": \"192.0.2\", \"cidrs\": [\"10.244.2.0/24\"]}",
		  "config 'peers[0].ip'|'192.0.2'" },
		{ "{\"ips\": [\"192.0.2.12\", \"192.0.2.13\"], \"cidrs\": [\"10.244.2.0/24\"]}",
		  "config 'peers[0].ips[1]'|'192.0.2.13'|second address of its family" },
		{ "{\"ips\": [\"192.0.2.12\", \"fd00::1\", \"fd00::2\"], \"cidrs\": [\"10.9.0.0/"
		  "24\"]}",
		  "config 'peers[0].ips[2]'" },
		{ "{\"ips\": [], \"cidrs\": [\"10.244.2.0/24\"]}", "neither 'ip' nor 'ips'" },
		{ "{\"ip\": \"192.0.2.12\", \"ips\": [\"fd00::1\"], \"cidrs\": [\"10.9.0.0/24\"]}",
		  "config 'peers[0].ips'|beside 'ip'" },
		{ "{\"name\": 7, \"ip\": \"192.0.2.12\", \"cidrs\": [\"10.244.2.0/24\"]}",
		  "config 'peers[0].name'|expected a string" },
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		(void)snprintf(text, sizeof(text), IPAM ", \"peers\": [%s]", t[i].peer);
		refused(text, t[i].words);
	}
	refused(IPAM ", \"peers\": {}", "config 'peers'|expected an array");
	refused_by_vxlan(IPAM ", \"peers\": [{\"ip\": \"192.0.2.12\", \"cidrs\": "
			      "[\"10.244.2.0/24\"], \"mac\": \"01:00:00:00:00:01\"}]",
			 "config 'peers[0].mac'|multicast");
}

static void overlapping_blocks_are_refused_wherever_they_stand(void **state)
{
	(void)state;
	refused(IPAM ", \"peers\": [" PEER("192.0.2.12", "10.244.1.128/25") "]",
		"config 'peers[0].cidrs[0]'|'10.244.1.128/25' overlaps|'10.244.1.0/24'");
	refused(IPAM ", \"peers\": [" PEER("192.0.2.12", "10.0.0.0/8") "]",
		"config 'peers[0].cidrs[0]'|'10.0.0.0/8' overlaps|'10.244.1.0/24'");
	refused(IPAM ", \"peers\": [" PEER("192.0.2.12", "10.244.2.0/24") ", " PEER(
			"192.0.2.13", "10.244.3.0/24") ", " PEER("192.0.2.14", "10.244.2.0/23") "]",
		"config 'peers[2].cidrs[0]'|'10.244.2.0/23' overlaps|peers[");
	refused(IPAM ", \"peers\": [{\"ip\": \"192.0.2.12\", \"cidrs\": [\"10.9.0.0/24\", "
		     "\"10.9.0.0/24\"]}]",
		"config 'peers[0].cidrs[|10.9.0.0/24");
	refused(IPAM ", \"peers\": [" PEER("2001:db8::1", "::/0") ", " PEER("2001:db9::1",
									    "fd00::/64") "]",
		"overlaps|::/0");
	refused(IPAM ", \"peers\": [" PEER("10.244.2.9", "10.244.2.0/24") "]",
		"config 'peers[0]|'10.244.2.|overlaps");
	/* Of other families they have nothing in common, whatever their bytes. */
	(void)good(IPAM ", \"peers\": [" PEER("192.0.2.12", "::/8") "]");
}

static void two_peers_share_neither_address_nor_mac(void **state)
{
	uint8_t mac[FL_MAC_LEN];
	struct fl_ip ip = { 0 };
	char text[512], words[64];

	(void)state;
	refused(IPAM ", \"peers\": [" PEER("192.0.2.12", "10.244.2.0/24") ", " PEER(
			"192.0.2.12", "10.244.3.0/24") "]",
		"config 'peers[1]'|'192.0.2.12'|config 'peers[0]'");
	refused_by_vxlan(IPAM
			 ", \"peers\": [{\"ip\": \"192.0.2.12\", \"cidrs\": [\"10.9.0.0/24\"], "
			 "\"mac\": \"02:00:00:00:00:02\"}, {\"ip\": \"192.0.2.13\", \"cidrs\": "
			 "[\"10.9.1.0/24\"], \"mac\": \"02:00:00:00:00:02\"}]",
			 "config 'peers[1].mac'|MAC address|config 'peers[0].mac'");
	CHECK_OK(fl_ip_parse("192.0.2.13", &ip, &err), &err);
	fl_vtep_mac(&ip, mac);
	fl_mac_format(mac, words);
	(void)snprintf(text, sizeof(text),
		       IPAM ", \"peers\": [{\"ip\": \"192.0.2.12\", \"cidrs\": [\"10.9.0.0/24\"], "
			    "\"mac\": \"%s\"}, {\"ip\": \"192.0.2.13\", \"cidrs\": "
			    "[\"10.9.1.0/24\"]}]",
		       words);
	refused_by_vxlan(text, "config 'peers[1]'|MAC address|config 'peers[0].mac'");
}

/* n peers, or one peer with n blocks, as text that the caller frees. */
static char *many(size_t peers, size_t cidrs)
{
	char *text = malloc(256 + peers * (128 + cidrs * 32)), *p = text;

	p += sprintf(p, IPAM ", \"peers\": [");
	for (size_t i = 0; i < peers; i++) {
		p += sprintf(p, "%s{\"ip\": \"2001:db8::%zx\", \"cidrs\": [", i ? "," : "", i + 1);
		for (size_t k = 0; k < cidrs; k++)
			p += sprintf(p, "%s\"fd00:%zx:%zx::/64\"", k ? "," : "", i + 1, k);
		p += sprintf(p, "]}");
	}
	strcpy(p, "]");
	return text;
}

static void limits_are_16_blocks_and_16384_peers(void **state)
{
	fl_auto_free char *most = many(1, 16), *more = many(1, 17);
	fl_auto_free char *peers = many(16384, 1), *too_many = many(16385, 1);

	(void)state;
	assert_int_equal(good(most)->net.peers[0].n_cidrs, 16);
	refused(more, "config 'peers[0].cidrs[16]'|more than 16 blocks");
	assert_int_equal(good(peers)->net.n_peers, 16384);
	refused(too_many, "config 'peers'|16385 peers, at most 16384");
}

static void blocks_of_this_node_are_the_ranges_subnets(void **state)
{
	const struct fl_routed_conf *c;
	char text[FL_PREFIX_STR];

	(void)state;
	c = good_bgp("\"ipam\": {\"type\": \"host-local\", \"ranges\": [[{\"subnet\": "
		     "\"10.1.0.0/24\", \"rangeStart\": \"10.1.0.10\"}, {\"subnet\": "
		     "\"10.1.0.0/24\", \"rangeEnd\": \"10.1.0.9\"}], [{\"subnet\": "
		     "\"fd00::/64\"}]]}");
	CHECK(!c->blocks_of_node);
	assert_int_equal(c->n_home, 2);
	assert_string_equal(fl_prefix_format(&c->home[0], text), "10.1.0.0/24");
	assert_string_equal(fl_prefix_format(&c->home[1], text), "fd00::/64");
	c = good_bgp("\"ipam\": {\"type\": \"host-local\", \"subnet\": \"10.1.2.0/24\", "
		     "\"ranges\": [[{\"subnet\": \"10.1.0.0/16\"}]]}");
	assert_int_equal(c->n_home, 1);
	assert_string_equal(fl_prefix_format(&c->home[0], text), "10.1.0.0/16");
	CHECK(good_bgp("\"ipam\": {\"type\": \"host-local\", \"ranges\": []}")->blocks_of_node);
	CHECK(!good_bgp("\"ipam\": {\"type\": \"host-local\"}, \"runtimeConfig\": {\"ipRanges\": "
			"[[{\"subnet\": \"10.1.0.0/16\"}]]}")
		       ->blocks_of_node);
	CHECK(!good_bgp("\"ipam\": {\"type\": \"static\"}")->blocks_of_node);
}

static void ipam_is_needed(void **state)
{
	(void)state;
	refused("", "config 'ipam.type'|missing|addresses");
	refused("\"ipam\": {}", "config 'ipam.type'|missing|addresses");
	refused("\"ipam\": {\"type\": \"a/b\"}", "config 'ipam.type'|'a/b'");
}

static void overlay_keys_are_refused_by_bgp_route(void **state)
{
	static const char *const keys[] = { "vni", "port", "device", "local" };
	char text[256], words[64];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(keys); i++) {
		(void)snprintf(text, sizeof(text), IPAM ", \"%s\": 1", keys[i]);
		(void)snprintf(words, sizeof(words), "config '%s'|'vxlan'", keys[i]);
		has_words(text, read_bgp(text), words);
	}
}

static void common_keys_are_read_as_everywhere(void **state)
{
	const struct vx_conf *c = good(IPAM
				       ", \"mtu\": 1400, \"ipMasq\": true, \"enabledad\": true, "
				       "\"agent\": \"required\", \"runtimeConfig\": {\"mac\": "
				       "\"02:00:00:00:00:07\"}");

	(void)state;
	CHECK(c->net.ip_masq && c->net.pod.dad && c->net.pod.has_mac);
	CHECK(c->net.pod.agent == FL_AGENT_REQUIRED && c->net.pod.mtu == 1400);
	refused(IPAM ", \"ipMasq\": 1", "config 'ipMasq'|expected a boolean");
	refused(IPAM ", \"mtu\": 67", "config 'mtu'|67 is below 68");
	refused(IPAM ", \"enabledad\": \"no\"", "config 'enabledad'|expected a boolean");
	refused(IPAM ", \"agent\": \"maybe\"", "config 'agent'|'maybe'");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_leave_everything_to_the_agent),
		cmocka_unit_test(vni_is_1_to_16777215),
		cmocka_unit_test(port_is_1_to_65535),
		cmocka_unit_test(device_has_1_to_15_bytes_and_follows_the_vni),
		cmocka_unit_test(local_is_an_address_and_needed_without_peers),
		cmocka_unit_test(peers_are_read_with_names_addresses_blocks_and_mac),
		cmocka_unit_test(peers_say_where_they_are_wrong),
		cmocka_unit_test(overlapping_blocks_are_refused_wherever_they_stand),
		cmocka_unit_test(two_peers_share_neither_address_nor_mac),
		cmocka_unit_test(limits_are_16_blocks_and_16384_peers),
		cmocka_unit_test(blocks_of_this_node_are_the_ranges_subnets),
		cmocka_unit_test(ipam_is_needed),
		cmocka_unit_test(overlay_keys_are_refused_by_bgp_route),
		cmocka_unit_test(common_keys_are_read_as_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
