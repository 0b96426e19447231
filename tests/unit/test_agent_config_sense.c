// SPDX-License-Identifier: Apache-2.0
/* agent/config: values that are of the right type, and can mean nothing. Needs nothing. */
#include "agent/config/config.h"

#include "config_text.h"

#include <stdio.h>

#include "base/text.h"

static void names_that_the_kernel_has_taken_are_refused(void **state)
{
	static const char *const names[] = { ".", "..", "lo", "all", "default" };
	char text[64], want[128];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(names); i++) {
		(void)snprintf(text, sizeof(text), "vxlan: {device: %s}\n", names[i]);
		(void)snprintf(want, sizeof(want),
			       "agent.yaml:1: config 'vxlan.device': '%s' is no name for a device",
			       names[i]);
		check_refused(text, want);
	}
}

static void a_peer_has_an_address_of_one_machine_elsewhere(void **state)
{
	static const char *const bad[] = {
		"0.0.0.0",   "0.0.0.1",		"127.0.0.1", "127.255.255.255", "169.254.0.1",
		"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::",
		"::1",	     "fe80::1",		"febf::1",   "ff02::1"
	};
	static const char *const good[] = { "1.0.0.1",	   "126.255.255.255", "128.0.0.1",
					    "169.253.0.1", "223.255.255.254", "fd00::1",
					    "2001:db8::1", "fe7f::1",	      "fec0::1" };
	char text[96], want[128];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(bad); i++) {
		(void)snprintf(text, sizeof(text), "bgp: {peers: [{address: '%s'}]}\n", bad[i]);
		(void)snprintf(want, sizeof(want),
			       "agent.yaml:1: config 'bgp.peers[0].address': '%s' is no address of "
			       "a BGP peer",
			       bad[i]);
		check_refused(text, want);
	}
	for (size_t i = 0; i < FL_ARRAY_LEN(good); i++) {
		fl_auto_config struct agent_config c = { 0 };

		(void)snprintf(text, sizeof(text), "bgp: {peers: [{address: '%s'}]}\n", good[i]);
		c = read_text(text);
		CHECK(c.bgp.n_peers == 1);
	}
}

static void a_block_that_people_write_is_written_once(void **state)
{
	static const char *const lists[] = { "bgp.clusterCIDRs", "bgp.peers[].allow",
					     "policy.serviceCIDRs" };
	fl_auto_config struct agent_config made_by_programs = read_text(
		"policy: {denySources: [10.0.0.0/8, 10.0.0.0/8]}\n");

	(void)state;
	CHECK(made_by_programs.policy.n_denied == 2);
	for (size_t i = 0; i < FL_ARRAY_LEN(lists); i++) {
		fl_auto_config struct agent_config c = { 0 }, d = { 0 };
		struct fl_err err = { 0 };

		CHECK_FAILS(read_one(lists[i], "[10.0.0.0/8, 10.0.0.0/8]", &c, &err), EINVAL, &err,
			    "[1]': '10.0.0.0/8' is in the list already, expected a block once");
		CHECK_OK(read_one(lists[i], "[10.0.0.0/8, 10.0.0.0/16]", &d, &err), &err);
	}
}

/* Each key whose value is a text: what it becomes a part of may be read line by line. */
static void no_text_has_a_control_character(void **state)
{
	static const char *const keys[] = {
		"nodeName",
		"manifests",
		"vxlan.device",
		"bgp.bird",
		"bgp.clusterID",
		"bgp.peers[].name",
		"bgp.peers[].passwordFile",
		"bgp.peers[].password",
		"bgp.meshPassword",
		"policy.maps",
		"metrics.listen",
	};
	static const char *const values[] = { "\"/a\\nb\"", "\"/a\\tb\"", "\"/a\\x7fb\"",
					      "\"/a\\x01b\"", "\"/a\\0b\"" };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(keys); i++) {
		for (size_t k = 0; k < FL_ARRAY_LEN(values); k++) {
			fl_auto_config struct agent_config c = { 0 };
			struct fl_err err = { 0 };

			if (read_one(keys[i], values[k], &c, &err) != -EINVAL)
				fail_msg("'%s: %s' was read", keys[i], values[k]);
			CHECK(!strpbrk(err.text, "\n\t\x7f\x01"));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_the_kernel_has_taken_are_refused),
		cmocka_unit_test(a_peer_has_an_address_of_one_machine_elsewhere),
		cmocka_unit_test(a_block_that_people_write_is_written_once),
		cmocka_unit_test(no_text_has_a_control_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
