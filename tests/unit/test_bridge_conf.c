// SPDX-License-Identifier: Apache-2.0
/* The bridge plugin's configuration, key by key: what is taken, what is refused, and how. */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cni/code.h"
#include "plugins/bridge/conf.h"

static struct fl_err err;
static struct fl_json *tree;

/* Reads {TEXT} with these CNI_ARGS; what was read borrows from tree. */
static int read_with(const char *text, const char *args_text, struct br_conf *conf)
{
	static struct fl_cni_args args;
	char whole[2048];
	struct fl_cur c;

	fl_cni_args_done(&args);
	fl_json_free(&tree);
	CHECK_OK(fl_cni_args_parse(args_text, &args, &err), &err);
	(void)snprintf(whole, sizeof(whole), "{%s}", text);
	CHECK_OK(fl_json_parse(whole, strlen(whole), &tree, &err), &err);
	c = fl_cur_root(tree, "config");
	return br_conf_read(&c, &args, conf, &err);
}

static struct br_conf good(const char *text)
{
	struct br_conf conf = { 0 };
	int r = read_with(text, NULL, &conf);

	if (r != 0)
		fail_msg("{%s}: returned %d: %s", text, r, err.text);
	return conf;
}

/* Refused with code 7, and the error has all of these words, separated by '|'. */
static void refused(const char *text, const char *words)
{
	struct br_conf conf = { .pod.mtu = 4711 };
	int r = read_with(text, NULL, &conf);
	char copy[512], *save = NULL;

	if (r != -EINVAL && r != -ENAMETOOLONG)
		fail_msg("{%s}: returned %d", text, r);
	if (err.code != FL_CNI_CONFIG)
		fail_msg("{%s}: code %d: %s", text, err.code, err.text);
	assert_int_equal(conf.pod.mtu, 4711);
	(void)snprintf(copy, sizeof(copy), "%s", words);
	for (char *w = strtok_r(copy, "|", &save); w; w = strtok_r(NULL, "|", &save))
		if (!strstr(err.text, w))
			fail_msg("{%s}: '%s' lacks '%s'", text, err.text, w);
}

static int teardown(void **state)
{
	(void)state;
	fl_json_free(&tree);
	return 0;
}

static void defaults_are_the_references(void **state)
{
	struct br_conf c = good("");

	(void)state;
	assert_string_equal(c.bridge, "cni0");
	CHECK(!c.pod.ipam && !c.pod.labels && !c.pod.has_mac && !c.pod.has_dns && !c.has_trunk);
	CHECK(!c.is_gateway && !c.is_default_gateway && !c.force_address && !c.ip_masq);
	CHECK(!c.hairpin && !c.promisc && !c.mac_spoof_check && !c.pod.dad && !c.isolated);
	CHECK(!c.no_container_interface && c.preserve_default_vlan);
	assert_int_equal(c.pod.mtu, 0);
	assert_int_equal(c.vlan, 0);
	assert_int_equal(c.pod.agent, FL_AGENT_AUTO);
	for (unsigned int v = 0; v <= BR_VLAN_MAX; v++)
		CHECK(!br_conf_in_trunk(&c, v));
}

static void null_counts_as_absent_for_every_key(void **state)
{
	static const char *const keys[] = {
		"bridge",	 "isGateway",	"isDefaultGateway",
		"forceAddress",	 "ipMasq",	"ipMasqBackend",
		"mtu",		 "hairpinMode", "promiscMode",
		"vlan",		 "vlanTrunk",	"preserveDefaultVlan",
		"macspoofchk",	 "enabledad",	"disableContainerInterface",
		"portIsolation", "agent",	"ipam",
		"dns",		 "args",	"runtimeConfig",
	};
	struct br_conf defaults = good("");
	char text[64];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(keys); i++) {
		struct br_conf c;

		(void)snprintf(text, sizeof(text), "\"%s\": null", keys[i]);
		c = good(text);
		CHECK(strcmp(c.bridge, "cni0") == 0 && c.pod.mtu == 0 && c.vlan == 0 &&
		      !c.pod.ipam);
		CHECK(c.pod.agent == defaults.pod.agent && c.preserve_default_vlan &&
		      !c.pod.has_dns);
	}
}

static void each_switch_is_read_and_takes_only_true_and_false(void **state)
{
	static const struct {
		const char *key;
		size_t offset;
	} t[] = {
#define S(key, member) { key, offsetof(struct br_conf, member) }
		S("isGateway", is_gateway),
		S("isDefaultGateway", is_default_gateway),
		S("forceAddress", force_address),
		S("ipMasq", ip_masq),
		S("hairpinMode", hairpin),
		S("promiscMode", promisc),
		S("macspoofchk", mac_spoof_check),
		S("enabledad", pod.dad),
		S("disableContainerInterface", no_container_interface),
		S("portIsolation", isolated),
		S("preserveDefaultVlan", preserve_default_vlan),
	};
	static const char *const wrong[] = { "\"true\"", "1", "0.5", "[]", "{}" };
	char text[64], words[64];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct br_conf c;

		(void)snprintf(text, sizeof(text), "\"%s\": true", t[i].key);
		c = good(text);
		CHECK(*((bool *)((char *)&c + t[i].offset)));
		(void)snprintf(text, sizeof(text), "\"%s\": false", t[i].key);
		c = good(text);
		CHECK(!*((bool *)((char *)&c + t[i].offset)));
		for (size_t w = 0; w < FL_ARRAY_LEN(wrong); w++) {
			(void)snprintf(text, sizeof(text), "\"%s\": %s", t[i].key, wrong[w]);
			(void)snprintf(words, sizeof(words), "config '%s'|expected a boolean|found",
				       t[i].key);
			refused(text, words);
		}
	}
}

static void default_gateway_implies_gateway(void **state)
{
	struct br_conf c = good("\"isDefaultGateway\": true, \"isGateway\": false");

	(void)state;
	CHECK(c.is_gateway && c.is_default_gateway);
	CHECK(!good("\"isGateway\": true").is_default_gateway);
}

static void keys_match_in_any_case(void **state)
{
	struct br_conf c = good("\"ISGATEWAY\": true, \"Bridge\": \"br7\", \"MTU\": 1400, "
				"\"vlantrunk\": [{\"ID\": 7}], \"Ipam\": {\"Type\": \"static\"}, "
				"\"RuntimeConfig\": {\"MAC\": \"02:00:00:00:00:07\"}");

	(void)state;
	CHECK(c.is_gateway && c.has_trunk && br_conf_in_trunk(&c, 7) && c.pod.has_mac);
	assert_string_equal(c.bridge, "br7");
	assert_string_equal(c.pod.ipam, "static");
	assert_int_equal(c.pod.mtu, 1400);
}

static void bridge_is_a_name_of_1_to_15_bytes(void **state)
{
	(void)state;
	assert_string_equal(good("\"bridge\": \"br0\"").bridge, "br0");
	assert_string_equal(good("\"bridge\": \"\"").bridge, "cni0");
	assert_string_equal(good("\"bridge\": \"bridge890123456\"").bridge, "bridge890123456");
	refused("\"bridge\": \"bridge8901234567\"", "config 'bridge'|'bridge8901234567'|15");
	refused("\"bridge\": \"..\"", "config 'bridge'|'..'");
	refused("\"bridge\": \"a/b\"", "config 'bridge'|'a/b'|'/'");
	refused("\"bridge\": \"a b\"", "config 'bridge'|'a b'");
	refused("\"bridge\": 7", "config 'bridge'|expected a string|found a number 7");
}

static void mtu_is_0_or_68_to_65535(void **state)
{
	(void)state;
	assert_int_equal(good("\"mtu\": 0").pod.mtu, 0);
	assert_int_equal(good("\"mtu\": 68").pod.mtu, 68);
	assert_int_equal(good("\"mtu\": 65535").pod.mtu, 65535);
	refused("\"mtu\": 67", "config 'mtu'|67 is below 68");
	refused("\"mtu\": 1", "config 'mtu'|1 is below 68");
	refused("\"mtu\": 65536", "config 'mtu'|65536|65535");
	refused("\"mtu\": -1", "config 'mtu'|-1|0 to 65535");
	refused("\"mtu\": \"1500\"", "config 'mtu'|expected a number|found a string");
	refused("\"mtu\": 1500.5", "config 'mtu'|expected a number|found a fraction");
}

static void backend_is_one_of_two_and_changes_nothing(void **state)
{
	(void)state;
	(void)good("\"ipMasqBackend\": \"nftables\"");
	(void)good("\"ipMasqBackend\": \"iptables\"");
	(void)good("\"ipMasqBackend\": \"\"");
	refused("\"ipMasqBackend\": \"pf\"",
		"config 'ipMasqBackend'|'pf' is neither 'iptables' nor 'nftables'");
	refused("\"ipMasqBackend\": true", "config 'ipMasqBackend'|expected a string");
}

static void agent_is_one_of_three(void **state)
{
	(void)state;
	assert_int_equal(good("\"agent\": \"auto\"").pod.agent, FL_AGENT_AUTO);
	assert_int_equal(good("\"agent\": \"none\"").pod.agent, FL_AGENT_NONE);
	assert_int_equal(good("\"agent\": \"required\"").pod.agent, FL_AGENT_REQUIRED);
	refused("\"agent\": \"Required\"", "config 'agent'|'Required'|auto, none, required");
	refused("\"agent\": \"\"", "config 'agent'|''|auto, none, required");
	refused("\"agent\": []", "config 'agent'|expected a string|found an array");
}

static void ipam_names_its_plugin(void **state)
{
	(void)state;
	assert_string_equal(good("\"ipam\": {\"type\": \"host-local\"}").pod.ipam, "host-local");
	CHECK(!good("\"ipam\": {}").pod.ipam);
	CHECK(!good("\"ipam\": {\"type\": \"\"}").pod.ipam);
	refused("\"ipam\": {\"type\": \"../../bin/sh\"}", "config 'ipam.type'|'../../bin/sh'");
	refused("\"ipam\": {\"type\": 7}", "config 'ipam.type'|expected a string|found a number 7");
	refused("\"ipam\": \"host-local\"", "config 'ipam'|expected an object|found a string");
}

static void contradictions_are_refused(void **state)
{
	(void)state;
	refused("\"hairpinMode\": true, \"promiscMode\": true",
		"'hairpinMode'|'promiscMode'|exclude");
	(void)good("\"hairpinMode\": true, \"promiscMode\": false");
	refused("\"disableContainerInterface\": true, \"ipam\": {\"type\": \"static\"}",
		"'disableContainerInterface'|'ipam'|'static'");
	(void)good("\"disableContainerInterface\": true, \"ipam\": {}");
	refused("\"vlan\": 7, \"vlanTrunk\": [{\"minID\": 5, \"maxID\": 9}]",
		"'vlan'|7|untagged|'vlanTrunk'");
	(void)good("\"vlan\": 4, \"vlanTrunk\": [{\"minID\": 5, \"maxID\": 9}]");
}

static void dns_replaces_only_when_a_member_is_set(void **state)
{
	struct br_conf c;

	(void)state;
	CHECK(!good("\"dns\": {}").pod.has_dns);
	CHECK(!good("\"dns\": {\"nameservers\": null, \"domain\": \"\"}").pod.has_dns);
	c = good("\"dns\": {\"nameservers\": [\"192.0.2.53\"]}");
	CHECK(c.pod.has_dns && fl_json_len(c.pod.dns.nameservers) == 1 && !c.pod.dns.search);
	CHECK(good("\"dns\": {\"domain\": \"example.net\"}").pod.has_dns);
	CHECK(good("\"dns\": {\"search\": [\"example.net\"]}").pod.has_dns);
	CHECK(good("\"dns\": {\"options\": [\"ndots:5\"]}").pod.has_dns);
	refused("\"dns\": []", "config 'dns'|expected an object|found an array");
	refused("\"dns\": {\"domain\": 7}", "config 'dns.domain'|expected a string");
	refused("\"dns\": {\"nameservers\": [7]}", "config 'dns.nameservers[0]'|expected a string");
}

static void labels_are_kept(void **state)
{
	struct br_conf c = good(
		"\"args\": {\"cni\": {\"labels\": [{\"key\": \"app\", \"value\": \"web\"}]}}");

	(void)state;
	assert_int_equal(fl_json_len(c.pod.labels), 1);
	refused("\"args\": {\"cni\": {\"labels\": {}}}",
		"config 'args.cni.labels'|expected an array");
	refused("\"args\": {\"cni\": {\"labels\": [7]}}",
		"config 'args.cni.labels[0]'|expected an object");
	refused("\"args\": {\"cni\": {\"labels\": [{\"key\": \"a\"}]}}",
		"config 'args.cni.labels[0].value'|missing");
	refused("\"args\": {\"cni\": {\"labels\": [{\"key\": 1, \"value\": \"a\"}]}}",
		"config 'args.cni.labels[0].key'|expected a string");
	refused("\"args\": 7", "config 'args'|expected an object|found a number 7");
	refused("\"args\": {\"cni\": []}", "config 'args.cni'|expected an object");
}

static void unknown_keys_are_let_be(void **state)
{
	(void)state;
	(void)good("\"unknown\": {\"x\": [1]}, \"cni.dev/valid-attachments\": [], "
		   "\"capabilities\": {\"mac\": true}");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_the_references),
		cmocka_unit_test(null_counts_as_absent_for_every_key),
		cmocka_unit_test(each_switch_is_read_and_takes_only_true_and_false),
		cmocka_unit_test(default_gateway_implies_gateway),
		cmocka_unit_test(keys_match_in_any_case),
		cmocka_unit_test(bridge_is_a_name_of_1_to_15_bytes),
		cmocka_unit_test(mtu_is_0_or_68_to_65535),
		cmocka_unit_test(backend_is_one_of_two_and_changes_nothing),
		cmocka_unit_test(agent_is_one_of_three),
		cmocka_unit_test(ipam_names_its_plugin),
		cmocka_unit_test(contradictions_are_refused),
		cmocka_unit_test(dns_replaces_only_when_a_member_is_set),
		cmocka_unit_test(labels_are_kept),
		cmocka_unit_test(unknown_keys_are_let_be),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
