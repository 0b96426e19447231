// SPDX-License-Identifier: Apache-2.0
/*
 * Pinned MAC addresses in the kernel's nf_tables. Needs root: each test has a network
 * namespace of its own, which goes away with it. What is there is read back with the nft
 * tool, and real frames are sent through a real bridge.
 */
#include "nftest.h"

#include <errno.h>

#include "attach/spoof.h"

static const uint8_t mac_a[FL_MAC_LEN] = { 0x0a, 0x58, 0x0a, 0x58, 0, 2 };
static const uint8_t mac_b[FL_MAC_LEN] = { 0x0a, 0x58, 0x0a, 0x58, 0, 3 };

static bool fresh;

static void add(const char *port, const uint8_t *mac)
{
	CHECK_OK(fl_spoof_add(nl, "pods", port, mac, &fresh, &err), &err);
}

static void add_makes_one_rule_as_nft_would_write_it(void **state)
{
	static const char want[] = "table bridge fairlead-pods {\n"
				   "\tset ports {\n"
				   "\t\ttype ifname\n"
				   "\t\telements = { \"veth1\" comment \"0a:58:0a:58:00:02\" }\n"
				   "\t}\n\n"
				   "\tset macs {\n"
				   "\t\ttype ifname . ether_addr\n"
				   "\t\telements = { \"veth1\" . 0a:58:0a:58:00:02 }\n"
				   "\t}\n\n"
				   "\tchain prerouting {\n"
				   "\t\ttype filter hook prerouting priority -400; policy accept;\n"
				   "\t\tiifname @ports iifname . ether saddr != @macs drop "
				   "comment \"frames of a pinned port from another address\"\n"
				   "\t}\n}\n";

	(void)state;
	for (int i = 0; i < 3; i++) {
		add("veth1", mac_a);
		must("nft list ruleset");
		assert_string_equal(out, want);
	}
}

static void rule_saved_and_loaded_by_nft_is_still_known(void **state)
{
	char file[] = "/tmp/test_spoof.XXXXXX", command[128];
	int fd = mkstemp(file);

	(void)state;
	CHECK(fd >= 0);
	close(fd);
	add("veth1", mac_a);
	(void)snprintf(command, sizeof(command),
		       "nft list ruleset >%s && nft flush ruleset && nft -f %s 2>&1; rm -f %s",
		       file, file, file);
	must(command);
	add("veth2", mac_b);
	assert_int_equal(listed("drop"), 1);
	CHECK_OK(fl_spoof_check(nl, "pods", "veth1", mac_a, &err), &err);
}

static void another_address_of_the_same_port_replaces_the_first(void **state)
{
	(void)state;
	add("veth1", mac_a);
	add("veth1", mac_b);
	CHECK_OK(fl_spoof_check(nl, "pods", "veth1", mac_b, &err), &err);
	CHECK_FAILS(fl_spoof_check(nl, "pods", "veth1", mac_a, &err), ENOENT, &err,
		    "pin MAC address: table 'bridge fairlead-pods': set 'macs': element "
		    "'veth1 . 0a:58:0a:58:00:02': expected present, found absent");
	assert_int_equal(listed("00:02"), 0);
	CHECK_OK(fl_spoof_del(nl, "pods", "veth1", &err), &err);
	assert_int_equal(listed("elements"), 0);
}

static void add_heals_what_an_administrator_removed(void **state)
{
	static const char *const t[] = {
		"nft flush ruleset",
		"nft flush table bridge fairlead-pods",
		"nft delete table bridge fairlead-pods",
		"nft flush chain bridge fairlead-pods prerouting;"
		"nft delete set bridge fairlead-pods macs",
		"nft flush set bridge fairlead-pods ports",
		"nft flush set bridge fairlead-pods macs",
	};

	(void)state;
	add("veth1", mac_a);
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		must(t[i]);
		CHECK(fl_spoof_check(nl, "pods", "veth1", mac_a, &err) == -ENOENT);
		add("veth1", mac_a);
		CHECK_OK(fl_spoof_check(nl, "pods", "veth1", mac_a, &err), &err);
		assert_int_equal(listed("drop"), 1);
	}
}

static void del_removes_the_port_whatever_an_administrator_did(void **state)
{
	static const char *const t[] = {
		"true",
		"nft flush set bridge fairlead-pods ports",
		"nft flush set bridge fairlead-pods macs",
		"nft delete element bridge fairlead-pods ports '{ veth1 }';"
		"nft add element bridge fairlead-pods ports '{ veth1 }'",
		"nft delete element bridge fairlead-pods ports '{ veth1 }';"
		"nft add element bridge fairlead-pods ports '{ veth1 comment \"mine\" }'",
		"nft flush chain bridge fairlead-pods prerouting;"
		"nft delete set bridge fairlead-pods macs",
		"nft flush chain bridge fairlead-pods prerouting;"
		"nft delete set bridge fairlead-pods ports",
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		add("veth1", mac_a);
		add("veth10", mac_b);
		must(t[i]);
		for (int twice = 0; twice < 2; twice++)
			CHECK_OK(fl_spoof_del(nl, "pods", "veth1", &err), &err);
		if (listed("\"veth1\"") != 0)
			fail_msg("after '%s': %s", t[i], out);
	}
	assert_int_equal(listed("\"veth10\""), 1);
}

static void del_of_nothing_is_done(void **state)
{
	(void)state;
	CHECK_OK(fl_spoof_del(nl, "pods", "veth1", &err), &err);
	must("nft list ruleset");
	assert_string_equal(out, "");
}

static void set_of_another_type_is_refused_and_nothing_made(void **state)
{
	(void)state;
	must("nft add table bridge fairlead-pods && "
	     "nft add set bridge fairlead-pods ports '{ type ether_addr; }'");
	CHECK_FAILS(fl_spoof_add(nl, "pods", "veth1", mac_a, &fresh, &err), EEXIST, &err,
		    "pin MAC address: table 'bridge fairlead-pods': look for set 'ports': expected "
		    "keys of type 41 and 16 bytes, found a set with keys of type 9 and 6 bytes");
	CHECK_OK(fl_spoof_del(nl, "pods", "veth1", &err), &err);
	assert_int_equal(listed("chain"), 0);
}

static bool keep_even(const char *port, void *arg)
{
	++*(int *)arg;
	return (port[strlen(port) - 1] - '0') % 2 == 0;
}

static void sweep_removes_the_ports_that_nobody_keeps(void **state)
{
	int asked = 0;
	char port[16];

	(void)state;
	CHECK_OK(fl_spoof_sweep(nl, "pods", keep_even, &asked, &err), &err); /* no table */
	for (int i = 0; i < 300; i++) {
		(void)snprintf(port, sizeof(port), "veth%d", i);
		add(port, mac_a);
	}
	must("nft add element bridge fairlead-pods macs '{ veth7 . 0a:58:0a:58:00:03 }'");
	CHECK_OK(fl_spoof_sweep(nl, "pods", keep_even, &asked, &err), &err);
	assert_int_equal(listed("\"veth7\""), 0);
	assert_int_equal(listed(" . 0a:58:0a:58:00:02"), 150);
	assert_int_equal(listed("comment \"0a:58"), 150);
	assert_int_equal(listed("drop"), 1);
	CHECK_OK(fl_spoof_check(nl, "pods", "veth298", mac_a, &err), &err);
	/* Of another network nothing is touched. */
	CHECK_OK(fl_spoof_sweep(nl, "pod", keep_even, &asked, &err), &err);
	assert_int_equal(listed(" . 0a:58:0a:58:00:02"), 150);
}

static void port_names_have_1_to_15_bytes(void **state)
{
	(void)state;
	add("veth56789012345", mac_a);
	CHECK_OK(fl_spoof_check(nl, "pods", "veth56789012345", mac_a, &err), &err);
	CHECK_FAILS(fl_spoof_add(nl, "pods", "veth567890123456", mac_a, &fresh, &err), EINVAL, &err,
		    "port 'veth567890123456': expected a name of 1 to 15 bytes");
	CHECK_FAILS(fl_spoof_add(nl, "pods", "", mac_a, &fresh, &err), EINVAL, &err, "port ''");
}

static void parallel_first_adds_make_one_rule(void **state)
{
	pid_t pids[32];
	int gate[2], status, bad = 0;
	char name[16], c;

	(void)state;
	CHECK(pipe(gate) == 0);
	for (size_t i = 0; i < FL_ARRAY_LEN(pids); i++) {
		pids[i] = fork();
		CHECK(pids[i] >= 0);
		if (pids[i] == 0) {
			fl_auto_nl struct fl_nl *own = NULL;

			close(gate[1]);
			(void)snprintf(name, sizeof(name), "veth%zu", i);
			(void)!read(gate[0], &c, 1);
			if (fl_nl_open(FL_NL_NETFILTER, &own, &err) < 0 ||
			    fl_spoof_add(own, "pods", name, mac_a, &fresh, &err) < 0) {
				fprintf(stderr, "%s\n", err.text);
				_exit(1);
			}
			_exit(0);
		}
	}
	close(gate[0]);
	close(gate[1]);
	for (size_t i = 0; i < FL_ARRAY_LEN(pids); i++)
		bad += waitpid(pids[i], &status, 0) != pids[i] || status != 0;
	assert_int_equal(bad, 0);
	assert_int_equal(listed("drop"), 1);
	for (size_t i = 0; i < FL_ARRAY_LEN(pids); i++) {
		(void)snprintf(name, sizeof(name), "veth%zu", i);
		CHECK_OK(fl_spoof_check(nl, "pods", name, mac_a, &err), &err);
	}
}

static void frames_from_another_address_are_dropped(void **state)
{
	static const char from_b[] =
		"nsenter -t $POD -n sh -c 'ip link set eth0 address 0a:58:0a:58:00:03; "
		"ping -c 1 -i 0.2 -w 2 10.88.0.1 2>&1'";
	pid_t pod = other_netns("POD");

	(void)state;
	must("ip link add br0 type bridge && ip addr add 10.88.0.1/24 dev br0 && "
	     "ip link set br0 up && "
	     "ip link add veth1 type veth peer name eth0 address 0a:58:0a:58:00:02 netns $POD && "
	     "ip link set veth1 master br0 up && "
	     "nsenter -t $POD -n sh -c 'ip addr add 10.88.0.2/24 dev eth0; ip link set eth0 up' "
	     "2>&1");
	add("veth1", mac_a);
	must("nsenter -t $POD -n ping -c 1 -i 0.2 -w 5 10.88.0.1 2>&1");
	CHECK(sh(from_b) != 0);
	CHECK(strstr(out, "100% packet loss"));
	CHECK_OK(fl_spoof_del(nl, "pods", "veth1", &err), &err);
	must("ip neigh flush dev br0");
	must(from_b);
	end(pod);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(add_makes_one_rule_as_nft_would_write_it),
		T(rule_saved_and_loaded_by_nft_is_still_known),
		T(another_address_of_the_same_port_replaces_the_first),
		T(add_heals_what_an_administrator_removed),
		T(del_removes_the_port_whatever_an_administrator_did),
		T(del_of_nothing_is_done),
		T(set_of_another_type_is_refused_and_nothing_made),
		T(sweep_removes_the_ports_that_nobody_keeps),
		T(port_names_have_1_to_15_bytes),
		T(parallel_first_adds_make_one_rule),
		T(frames_from_another_address_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
