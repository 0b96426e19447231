// SPDX-License-Identifier: Apache-2.0
/* The agent's topology in each mode, over IPv6, and from one mode to another, in the kernel. */
#include "topo_world.h"

#define N2  "192.0.2.12 fd00:2::12", "10.244.2.0/24 fd00:244:2::/64"
#define FAR "198.51.100.13 fd00:3::13", "10.244.3.0/24 fd00:244:3::/64"

static void in_mode(enum agent_mode mode)
{
	conf.mode = mode;
	restart();
}

static void host_gw_leads_through_the_nodes_addresses(void **state)
{
	(void)state;
	(void)add_node("n2", N2);
	in_mode(AGENT_HOST_GW);
	full();
	shows("ip route show proto 172", "10.244.2.0/24 via 192.0.2.12 dev h0", true);
	shows("ip -6 route show proto 172", "fd00:244:2::/64 via fd00:2::12 dev h0", true);
	shows("ip route show proto 172", "blackhole 10.244.1.0/24", true);
	CHECK(!has_link(nl, "fairlead.1"));
	CHECK(strstr(node_json(), "\"mtu\":1500"));
	CHECK(!strstr(node_json(), "vxlan"));
	settled();
}

static void host_gw_complains_of_a_node_on_no_link_and_serves_the_others(void **state)
{
	(void)state;
	(void)add_node("n2", N2);
	(void)add_node("n3", FAR);
	in_mode(AGENT_HOST_GW);
	complains(TOPO_FULL, "n3: ");
	CHECK(topo_local(topo).applied);
	shows("ip route show proto 172", "10.244.2.0/24 via 192.0.2.12", true);
	shows("ip route show proto 172", "10.244.3.0/24", false);
}

static void direct_takes_the_link_where_there_is_one_and_else_the_overlay(void **state)
{
	(void)state;
	must("ip route add default via 192.0.2.1 dev h0");
	(void)add_node("n2", N2);
	(void)add_node("n3", FAR);
	in_mode(AGENT_DIRECT);
	full();
	shows("ip route show proto 172", "10.244.2.0/24 via 192.0.2.12 dev h0", true);
	shows("ip route show proto 172", "10.244.3.0/24 via 10.244.3.0 dev fairlead.1", true);
	CHECK(strstr(node_json(), "\"mtu\":1450"));
	settled();
	/* A peer that moves from the link to elsewhere, and back. */
	read_ips(node_of("n2"), "198.51.100.12 fd00:3::12");
	change();
	shows("ip route show proto 172", "10.244.2.0/24 via 10.244.2.0 dev fairlead.1", true);
	settled();
	read_ips(node_of("n2"), "192.0.2.12 fd00:2::12");
	change();
	shows("ip route show proto 172", "10.244.2.0/24 via 192.0.2.12 dev h0", true);
	shows("bridge fdb show dev fairlead.1", "198.51.100.12", false);
	settled();
}

static void direct_without_a_vtep_serves_those_on_the_link(void **state)
{
	(void)state;
	must("ip link add vx7 type vxlan id 1 dstport 4789 local 192.0.2.11");
	(void)add_node("n2", N2);
	(void)add_node("n3", FAR);
	in_mode(AGENT_DIRECT);
	complains(TOPO_FULL, "fairlead.1: ");
	CHECK(strstr(problems(), "n3: "));
	shows("ip route show proto 172", "10.244.2.0/24 via 192.0.2.12 dev h0", true);
}

static void bgp_and_none_have_home_routes_and_node_json_only(void **state)
{
	static const enum agent_mode modes[] = { AGENT_BGP, AGENT_NONE };

	(void)state;
	(void)add_node("n2", N2);
	for (size_t i = 0; i < FL_ARRAY_LEN(modes); i++) {
		in_mode(modes[i]);
		full();
		shows("ip route show proto 172", "blackhole 10.244.1.0/24", true);
		shows("ip route show proto 172", "10.244.2.0/24", false);
		shows("nft list table inet fairlead", "10.244.1.0/24", true);
		CHECK(!has_link(nl, "fairlead.1"));
		CHECK(strstr(node_json(), agent_mode_text(modes[i])));
		settled();
	}
}

static void blocks_that_bgp_may_bring_are_not_masqueraded_to(void **state)
{
	struct fl_prefix more = prefix("10.200.0.0/16");

	(void)state;
	conf.bgp.cluster_cidrs = &more;
	conf.bgp.n_cluster_cidrs = 1;
	in_mode(AGENT_BGP);
	full();
	shows("nft list table inet fairlead", "10.200.0.0/16", true);
	conf.bgp.cluster_cidrs = NULL;
	conf.bgp.n_cluster_cidrs = 0;
}

static void vxlan_to_host_gw_and_back_replaces_routes_and_removes_the_vtep(void **state)
{
	fl_auto_close int fd = -1;

	(void)state;
	(void)add_node("n2", N2);
	full();
	in_mode(AGENT_HOST_GW);
	fd = listen_for_removals();
	full();
	CHECK(!has_link(nl, "fairlead.1"));
	shows("ip route show proto 172", "10.244.2.0/24 via 192.0.2.12 dev h0", true);
	shows("ip route show proto 172", "fairlead.1", false);
	settled();
	in_mode(AGENT_VXLAN);
	(void)count_removals(fd, RTM_DELROUTE);
	full();
	assert_int_equal(count_removals(fd, RTM_DELROUTE), 0);
	shows("ip route show proto 172", "10.244.2.0/24 via 10.244.2.0 dev fairlead.1", true);
	settled();
}

static void vtep_of_an_earlier_configuration_is_removed_by_its_alias_alone(void **state)
{
	char path[128];

	(void)state;
	(void)add_node("n2", N2);
	full();
	(void)snprintf(path, sizeof(path), "%s/run/fairlead/node.json", root);
	CHECK(unlink(path) == 0);
	conf.vxlan.device = "overlay0";
	conf.vxlan.vni = 7;
	restart();
	full();
	CHECK(!has_link(nl, "fairlead.1"));
	shows("ip route show proto 172", "10.244.2.0/24 via 10.244.2.0 dev overlay0", true);
	settled();
}

static void vtep_of_an_earlier_configuration_is_removed_by_node_json_alone(void **state)
{
	(void)state;
	(void)add_node("n2", N2);
	full();
	must("ip link set fairlead.1 alias mine");
	/* The same VNI and port under another name: the old one must go first. */
	conf.vxlan.device = "overlay0";
	restart();
	full();
	CHECK(!has_link(nl, "fairlead.1"));
	shows("ip route show proto 172", "10.244.2.0/24 via 10.244.2.0 dev overlay0", true);
	settled();
}

static void vteps_of_others_and_routes_of_other_protocols_stay(void **state)
{
	(void)state;
	must("ip link add vx7 type vxlan id 7 dstport 4790 local 192.0.2.11");
	must("ip route add blackhole 10.1.0.0/16 proto 171 && "
	     "ip route add blackhole 10.2.0.0/16 proto 170 && ip route add blackhole 10.3.0.0/16");
	must("ip route add blackhole 10.4.0.0/16 proto 172 && "
	     "ip route add blackhole 10.5.0.0/16 proto 172 table 100");
	full();
	CHECK(has_link(nl, "vx7"));
	shows("ip route", "10.1.0.0/16", true);
	shows("ip route", "10.2.0.0/16", true);
	shows("ip route", "10.3.0.0/16", true);
	shows("ip route", "10.4.0.0/16", false);
	shows("ip route show table 100", "10.5.0.0/16", true);
	settled();
}

static void vni_that_changed_makes_a_new_vtep_with_everything_on_it(void **state)
{
	(void)state;
	(void)add_node("n2", N2);
	full();
	conf.vxlan.vni = 99;
	restart();
	full();
	shows("ip -d link show fairlead.1", "vxlan id 99", true);
	shows("ip route show proto 172", "10.244.2.0/24 via 10.244.2.0 dev fairlead.1", true);
	shows("bridge fdb show dev fairlead.1", "dst 192.0.2.12", true);
	settled();
}

static void underlay_of_ipv6_carries_both_families(void **state)
{
	(void)state;
	(void)add_node("n2", N2);
	conf.vxlan.underlay = AF_INET6;
	restart();
	full();
	shows("ip -d link show fairlead.1", "local fd00:2::11", true);
	shows("ip link show fairlead.1", "mtu 1430", true);
	shows("bridge fdb show dev fairlead.1", "dst fd00:2::12", true);
	shows("ip route show proto 172", "10.244.2.0/24 via 10.244.2.0 dev fairlead.1", true);
	settled();
	conf.vxlan.underlay = AF_INET;
	restart();
	full();
	shows("ip -d link show fairlead.1", "local 192.0.2.11", true);
	settled();
}

static void underlay_of_a_family_without_an_address_is_a_problem(void **state)
{
	(void)state;
	conf.vxlan.underlay = AF_INET6;
	restart();
	read_ips(node_of("n1"), "192.0.2.11");
	complains(TOPO_FULL, "n1: has no IPv6 address for the VTEP");
	CHECK(!has_link(nl, "fairlead.1"));
}

static void first_address_of_ipv6_makes_the_underlay_ipv6(void **state)
{
	(void)state;
	read_ips(node_of("n1"), "fd00:2::11 192.0.2.11");
	(void)add_node("n2", "fd00:2::12 192.0.2.12", "fd00:244:2::/64");
	full();
	shows("ip -d link show fairlead.1", "local fd00:2::11", true);
	shows("ip -6 route show proto 172", "fd00:244:2::/64 via fe80::", true);
	settled();
}

static void hosts_own_packets_keep_to_an_mtu_that_is_given(void **state)
{
	(void)state;
	(void)add_node("n2", N2);
	conf.mtu = 1300;
	in_mode(AGENT_HOST_GW);
	full();
	shows("ip route show proto 172", "10.244.2.0/24 via 192.0.2.12 dev h0 mtu 1300", true);
	CHECK(strstr(node_json(), "\"mtu\":1300"));
	settled();
}

static void check_state(const char *dst, const char *state)
{
	fl_auto_json struct fl_json *all = NULL;

	CHECK_OK(topo_routes_json(topo, &all, &err), &err);
	for (size_t i = 0; i < fl_json_len(all); i++) {
		const struct fl_json *one = fl_json_at(all, i);

		if (strcmp(fl_json_str(fl_json_get(one, "dst")), dst) == 0) {
			assert_string_equal(fl_json_str(fl_json_get(one, "state")), state);
			assert_string_equal(fl_json_str(fl_json_get(one, "peer")), "n2");
			return;
		}
	}
	fail_msg("no route to '%s'", dst);
}

static void routes_document_compares_with_the_kernel(void **state)
{
	fl_auto_json struct fl_json *all = NULL;

	(void)state;
	(void)add_node("n2", N2);
	full();
	CHECK_OK(topo_routes_json(topo, &all, &err), &err);
	assert_int_equal(fl_json_len(all), 4);
	check_state("10.244.2.0/24", "ok");
	must("ip route del 10.244.2.0/24");
	check_state("10.244.2.0/24", "missing");
	check_state("fd00:244:2::/64", "ok");
	must("ip route add blackhole 10.244.2.0/24 proto 172");
	check_state("10.244.2.0/24", "differs");
}

static void peers_document_says_way_mac_and_problem(void **state)
{
	fl_auto_json struct fl_json *all = NULL;
	const struct fl_json *n2, *n3;

	(void)state;
	(void)add_node("n2", N2);
	(void)add_node("n3", "fd00:3::13", "10.244.3.0/24");
	in_mode(AGENT_DIRECT);
	FL_IGNORE(topo_reconcile(topo, &nodes, TOPO_FULL, &err));
	CHECK_OK(topo_peers_json(topo, &all, &err), &err);
	assert_int_equal(fl_json_len(all), 2);
	n2 = fl_json_at(all, 0);
	n3 = fl_json_at(all, 1);
	assert_string_equal(fl_json_str(fl_json_get(n2, "name")), "n2");
	assert_string_equal(fl_json_str(fl_json_get(n2, "way")), "direct");
	assert_string_equal(fl_json_str(fl_json_get(n2, "state")), "ok");
	assert_null(fl_json_get(n2, "vtepMAC"));
	assert_string_equal(fl_json_str(fl_json_get(n3, "way")), "overlay");
	assert_string_equal(fl_json_str(fl_json_get(n3, "state")), "problem");
	assert_non_null(fl_json_get(n3, "vtepMAC"));
	assert_non_null(fl_json_get(n3, "text"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T_WORLD(host_gw_leads_through_the_nodes_addresses),
		T_WORLD(host_gw_complains_of_a_node_on_no_link_and_serves_the_others),
		T_WORLD(direct_takes_the_link_where_there_is_one_and_else_the_overlay),
		T_WORLD(direct_without_a_vtep_serves_those_on_the_link),
		T_WORLD(bgp_and_none_have_home_routes_and_node_json_only),
		T_WORLD(blocks_that_bgp_may_bring_are_not_masqueraded_to),
		T_WORLD(vxlan_to_host_gw_and_back_replaces_routes_and_removes_the_vtep),
		T_WORLD(vtep_of_an_earlier_configuration_is_removed_by_its_alias_alone),
		T_WORLD(vtep_of_an_earlier_configuration_is_removed_by_node_json_alone),
		T_WORLD(vteps_of_others_and_routes_of_other_protocols_stay),
		T_WORLD(vni_that_changed_makes_a_new_vtep_with_everything_on_it),
		T_WORLD(underlay_of_ipv6_carries_both_families),
		T_WORLD(underlay_of_a_family_without_an_address_is_a_problem),
		T_WORLD(first_address_of_ipv6_makes_the_underlay_ipv6),
		T_WORLD(hosts_own_packets_keep_to_an_mtu_that_is_given),
		T_WORLD(routes_document_compares_with_the_kernel),
		T_WORLD(peers_document_says_way_mac_and_problem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
