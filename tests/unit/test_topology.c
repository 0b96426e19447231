// SPDX-License-Identifier: Apache-2.0
/* The agent's topology with an overlay, against the kernel: made, kept, followed, mended. */
#include "topo_world.h"

#define N2 "192.0.2.12 fd00:2::12", "10.244.2.0/24 fd00:244:2::/64"
#define N3 "192.0.2.13 fd00:2::13", "10.244.3.0/24 fd00:244:3::/64"

static void two_peers(void)
{
	(void)add_node("n2", N2);
	(void)add_node("n3", N3);
}

static void peers_are_reached_through_the_vtep(void **state)
{
	(void)state;
	two_peers();
	full();
	shows("ip -d link show fairlead.1", "vxlan id 1 local 192.0.2.11", true);
	shows("ip -d link show fairlead.1", "nolearning", true);
	shows("ip -d link show fairlead.1", "mtu 1450", true);
	shows("ip addr show fairlead.1", "10.244.1.0/32", true);
	shows("ip addr show fairlead.1", "fd00:244:1::/128", true);
	shows("ip route show proto 172", "10.244.2.0/24 via 10.244.2.0 dev fairlead.1 onlink",
	      true);
	shows("ip -6 route show proto 172", "fd00:244:3::/64 via fe80::", true);
	shows("ip route show proto 172", "blackhole 10.244.1.0/24", true);
	shows("ip -6 route show proto 172", "blackhole fd00:244:1::/64", true);
	shows("ip neigh show dev fairlead.1 nud permanent", "10.244.3.0 lladdr", true);
	shows("bridge fdb show dev fairlead.1", "dst 192.0.2.12 self permanent", true);
	shows("bridge fdb show dev fairlead.1", "dst 192.0.2.13 self permanent", true);
}

static void second_reconcile_changes_nothing(void **state)
{
	(void)state;
	two_peers();
	full();
	CHECK(topo_stats(topo).objects_put > 0);
	settled();
	restart();
	settled();
	assert_int_equal(topo_stats(topo).peers, 2);
	assert_int_equal(topo_stats(topo).routes, 6);
	assert_int_equal(topo_stats(topo).neighbours, 4);
	assert_int_equal(topo_stats(topo).fdb, 2);
}

static void node_json_tells_plugins_blocks_mtu_and_overlay(void **state)
{
	(void)state;
	full();
	CHECK(strstr(node_json(), "\"mode\":\"vxlan\""));
	CHECK(strstr(node_json(), "\"mtu\":1450"));
	CHECK(strstr(node_json(), "\"10.244.1.0/24\""));
	CHECK(strstr(node_json(), "\"fairlead.1\""));
}

static void forwarding_is_switched_on_for_the_families_of_the_blocks(void **state)
{
	(void)state;
	must("sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0");
	read_cidrs(node_of("n1"), "10.244.1.0/24");
	full();
	shows("sysctl -n net.ipv4.ip_forward", "1", true);
	shows("sysctl -n net.ipv6.conf.all.forwarding", "0", true);
	must("sysctl -qw net.ipv6.conf.h0.accept_ra=1");
	read_cidrs(node_of("n1"), "10.244.1.0/24 fd00:244:1::/64");
	full();
	shows("sysctl -n net.ipv6.conf.all.forwarding", "1", true);
	shows("sysctl -n net.ipv6.conf.h0.accept_ra", "2", true);
}

static void pods_are_masqueraded_to_the_outside_only_if_so_configured(void **state)
{
	(void)state;
	two_peers();
	full();
	shows("nft list table inet fairlead", "10.244.1.0/24", true);
	shows("nft list table inet fairlead", "masquerade", true);
	conf.masquerade = false;
	restart();
	full();
	shows("nft list tables", "fairlead", false);
	full();
}

static void change_of_one_node_is_applied_without_a_look_at_the_kernel(void **state)
{
	(void)state;
	(void)add_node("n2", N2);
	full();
	(void)add_node("n3", N3);
	change();
	shows("ip route show proto 172", "10.244.3.0/24 via 10.244.3.0 dev fairlead.1", true);
	assert_int_equal(topo_stats(topo).peers, 2);
	assert_int_equal(topo_stats(topo).routes, 6);
	assert_int_equal(topo_stats(topo).fdb, 2);
	settled();
	drop_node("n2");
	change();
	shows("ip route show proto 172", "10.244.2.0/24", false);
	shows("bridge fdb show dev fairlead.1", "192.0.2.12", false);
	shows("ip neigh show dev fairlead.1", "10.244.2.0 ", false);
	shows("nft list table inet fairlead", "10.244.2.0", false);
	assert_int_equal(topo_stats(topo).routes, 4);
	settled();
}

static void change_to_the_same_nodes_does_nothing(void **state)
{
	uint64_t put;

	(void)state;
	two_peers();
	full();
	put = topo_stats(topo).objects_put;
	change();
	assert_int_equal(topo_stats(topo).objects_put, put);
	CHECK(topo_stats(topo).last_change_s > 0);
}

static void first_change_is_a_full_one(void **state)
{
	(void)state;
	two_peers();
	change();
	shows("ip route show proto 172", "10.244.3.0/24", true);
	CHECK(topo_stats(topo).last_s > 0);
	settled();
}

static void peers_new_address_moves_its_entries_and_leaves_its_routes(void **state)
{
	fl_auto_close int fd = -1;

	(void)state;
	two_peers();
	full();
	fd = listen_for_removals();
	read_ips(node_of("n2"), "192.0.2.99 fd00:2::99");
	change();
	assert_int_equal(count_removals(fd, RTM_DELROUTE), 0);
	shows("bridge fdb show dev fairlead.1", "dst 192.0.2.99", true);
	shows("bridge fdb show dev fairlead.1", "dst 192.0.2.12", false);
	settled();
}

static void peers_that_vanished_while_the_agent_was_down_are_removed(void **state)
{
	(void)state;
	two_peers();
	full();
	topo_close(&topo);
	drop_node("n2");
	restart();
	full();
	shows("ip route show proto 172", "10.244.2.0/24", false);
	shows("ip -6 route show proto 172", "fd00:244:2::", false);
	shows("bridge fdb show dev fairlead.1", "192.0.2.12", false);
	shows("ip route show proto 172", "10.244.3.0/24", true);
	settled();
}

static void own_new_address_changes_the_vtep_in_place(void **state)
{
	fl_auto_close int fd = -1;
	uint32_t index;
	char mac[18];

	(void)state;
	two_peers();
	full();
	index = link_of(nl, "fairlead.1").index;
	fl_mac_format(link_of(nl, "fairlead.1").mac, mac);
	must("ip addr add 192.0.2.77/24 dev h0 && ip addr del 192.0.2.11/24 dev h0 && "
	     "ip addr add 192.0.2.77/24 dev h0 || true");
	fd = listen_for_removals();
	read_ips(node_of("n1"), "192.0.2.77 fd00:2::11");
	change();
	assert_int_equal(count_removals(fd, RTM_DELLINK), 0);
	assert_int_equal(link_of(nl, "fairlead.1").index, index);
	shows("ip -d link show fairlead.1", "local 192.0.2.77", true);
	shows("ip -d link show fairlead.1", mac, false);
	settled();
}

static void address_on_no_interface_keeps_everything_and_is_a_problem(void **state)
{
	(void)state;
	two_peers();
	full();
	must("ip addr del 192.0.2.11/24 dev h0");
	complains(TOPO_FULL, "n1: no interface has the node's address 192.0.2.11");
	CHECK(!topo_local(topo).applied);
	shows("ip route show proto 172", "10.244.2.0/24 via 10.244.2.0 dev fairlead.1", true);
	must("ip addr add 192.0.2.11/24 dev h0");
	full();
	assert_string_equal(problems(), "");
}

static void missing_node_object_of_its_own_keeps_everything_and_is_a_problem(void **state)
{
	(void)state;
	two_peers();
	full();
	drop_node("n1");
	complains(TOPO_CHANGE, "n1: no usable Node object has the name 'n1'");
	CHECK(!topo_local(topo).applied);
	shows("ip route show proto 172", "10.244.2.0/24", true);
	shows("nft list table inet fairlead", "10.244.1.0", true);
	CHECK(strstr(node_json(), "10.244.1.0"));
}

static void address_that_moved_to_another_interface_is_followed(void **state)
{
	(void)state;
	two_peers();
	full();
	assert_string_equal(topo_local(topo).underlay, "h0");
	must("ip addr flush dev h0 && ip link set h1 mtu 1400 && "
	     "ip addr add 192.0.2.11/24 dev h1 && ip addr add fd00:2::11/64 dev h1 nodad");
	full();
	assert_string_equal(topo_local(topo).underlay, "h1");
	assert_int_equal(topo_local(topo).pod_mtu, 1350);
	shows("ip link show fairlead.1", "mtu 1350", true);
	CHECK(strstr(node_json(), "\"mtu\":1350"));
	settled();
}

static void renamed_and_recreated_interfaces_are_followed(void **state)
{
	(void)state;
	two_peers();
	full();
	must("ip link set h0 down && ip link set h0 name wan0 && ip link set wan0 up && "
	     "ip addr replace fd00:2::11/64 dev wan0 nodad");
	full();
	assert_string_equal(topo_local(topo).underlay, "wan0");
	settled();
	must("ip link del wan0");
	complains(TOPO_FULL, "no interface has the node's address");
	must("ip link add eth7 type veth peer name eth8 && ip link set eth7 up && "
	     "ip link set eth8 up && ip addr add 192.0.2.11/24 dev eth7 && "
	     "ip addr add fd00:2::11/64 dev eth7 nodad");
	full();
	assert_string_equal(topo_local(topo).underlay, "eth7");
	shows("ip route show proto 172", "10.244.2.0/24 via 10.244.2.0 dev fairlead.1", true);
	settled();
}

static void underlays_mtu_is_followed_unless_one_is_given(void **state)
{
	(void)state;
	full();
	must("ip link set h0 mtu 9000");
	full();
	shows("ip link show fairlead.1", "mtu 8950", true);
	CHECK(strstr(node_json(), "\"mtu\":8950"));
	conf.vxlan.mtu = 1400;
	restart();
	full();
	shows("ip link show fairlead.1", "mtu 1400", true);
	assert_int_equal(topo_local(topo).pod_mtu, 1400);
	conf.mtu = 1360;
	restart();
	full();
	assert_int_equal(topo_local(topo).pod_mtu, 1360);
	settled();
}

static void underlay_too_small_for_an_overlay_is_a_problem(void **state)
{
	(void)state;
	must("ip link set h0 mtu 1329");
	complains(TOPO_FULL, "interface 'h0': not enough for IPv6 pods, which need 1280");
	read_cidrs(node_of("n1"), "10.244.1.0/24");
	full();
	must("ip link set h0 mtu 100");
	complains(TOPO_FULL, "interface 'h0': not enough for an overlay");
}

static void deleted_vtep_comes_back_with_all_that_was_on_it(void **state)
{
	(void)state;
	two_peers();
	full();
	must("ip link del fairlead.1");
	full();
	CHECK(topo_stats(topo).drift > 0);
	shows("ip route show proto 172", "10.244.3.0/24 via 10.244.3.0 dev fairlead.1", true);
	shows("bridge fdb show dev fairlead.1", "dst 192.0.2.13", true);
	shows("ip neigh show dev fairlead.1", "fe80::", true);
	settled();
}

static void vtep_changed_by_hand_is_mended_in_place(void **state)
{
	uint32_t index;

	(void)state;
	two_peers();
	full();
	index = link_of(nl, "fairlead.1").index;
	must("ip link set fairlead.1 down && ip link set fairlead.1 address 02:00:00:00:00:01 && "
	     "ip link set fairlead.1 mtu 1280 && ip addr add 10.9.9.9/24 dev fairlead.1");
	full();
	assert_int_equal(link_of(nl, "fairlead.1").index, index);
	CHECK(link_of(nl, "fairlead.1").up);
	shows("ip addr show fairlead.1", "10.9.9.9", false);
	shows("ip link show fairlead.1", "mtu 1450", true);
	shows("ip link show fairlead.1", "02:00:00:00:00:01", false);
	shows("ip route show proto 172", "10.244.2.0/24 via 10.244.2.0 dev fairlead.1", true);
	settled();
}

static void flushed_routes_entries_and_neighbours_come_back(void **state)
{
	(void)state;
	two_peers();
	full();
	must("ip route flush proto 172 && ip -6 route flush proto 172 && "
	     "ip neigh flush dev fairlead.1 nud permanent");
	must("for m in $(bridge fdb show dev fairlead.1 | cut -d' ' -f1); do "
	     "bridge fdb del $m dev fairlead.1; done");
	full();
	assert_int_equal(topo_stats(topo).drift, 12);
	shows("ip route show proto 172", "blackhole 10.244.1.0/24", true);
	shows("bridge fdb show dev fairlead.1", "dst 192.0.2.12", true);
	settled();
}

static void what_others_put_on_the_vtep_goes(void **state)
{
	(void)state;
	two_peers();
	full();
	must("bridge fdb add 02:11:22:33:44:55 dst 192.0.2.200 dev fairlead.1");
	must("bridge fdb append 00:00:00:00:00:00 dst 192.0.2.200 dev fairlead.1");
	must("ip neigh add 10.244.9.0 lladdr 02:11:22:33:44:55 dev fairlead.1 nud permanent");
	full();
	shows("bridge fdb show dev fairlead.1", "192.0.2.200", false);
	shows("ip neigh show dev fairlead.1", "10.244.9.0", false);
	settled();
}

static void foreign_route_in_the_way_is_a_problem_and_stays(void **state)
{
	(void)state;
	two_peers();
	must("ip route add 10.244.2.0/24 via 192.0.2.1 dev h0");
	complains(TOPO_FULL, "10.244.2.0/24");
	CHECK(topo_local(topo).applied);
	shows("ip route show 10.244.2.0/24", "via 192.0.2.1", true);
	shows("ip route show proto 172", "10.244.3.0/24 via 10.244.3.0 dev fairlead.1", true);
	must("ip route del 10.244.2.0/24");
	full();
	shows("ip route show proto 172", "10.244.2.0/24 via 10.244.2.0", true);
	assert_string_equal(problems(), "");
}

static void name_of_the_vtep_taken_by_something_else_is_a_problem(void **state)
{
	(void)state;
	two_peers();
	must("ip link add fairlead.1 type bridge");
	complains(TOPO_FULL, "fairlead.1: ");
	CHECK(!topo_local(topo).applied);
	shows("ip -d link show fairlead.1", "bridge", true);
	must("ip link del fairlead.1");
	full();
}

static void vni_of_another_device_is_a_problem_that_names_it(void **state)
{
	(void)state;
	must("ip link add vx7 type vxlan id 1 dstport 4789 local 192.0.2.11");
	complains(TOPO_FULL, "'vx7'");
	shows("ip link show vx7", "vx7", true);
}

static void peer_without_an_address_of_the_underlays_family_is_a_problem(void **state)
{
	(void)state;
	two_peers();
	read_ips(node_of("n2"), "fd00:2::12");
	complains(TOPO_FULL, "n2: ");
	CHECK(topo_local(topo).applied);
	shows("ip route show proto 172", "10.244.3.0/24", true);
	shows("ip route show proto 172", "10.244.2.0/24", false);
	read_ips(node_of("n2"), "192.0.2.12");
	change();
	assert_string_equal(problems(), "");
	settled();
}

static void given_mac_of_a_foreign_vtep_is_used(void **state)
{
	struct fl_peer *n2;

	(void)state;
	two_peers();
	full();
	n2 = node_of("n2");
	n2->has_mac = true;
	memcpy(n2->mac, "\x02\xaa\xbb\xcc\xdd\xee", 6);
	change();
	shows("bridge fdb show dev fairlead.1", "02:aa:bb:cc:dd:ee dst 192.0.2.12", true);
	shows("ip neigh show dev fairlead.1", "10.244.2.0 lladdr 02:aa:bb:cc:dd:ee", true);
	settled();
}

static void watch_hears_others_but_not_a_settled_topology(void **state)
{
	(void)state;
	two_peers();
	full();
	/* What the kernel does by itself to a new device counts as others'. */
	quieten();
	settled();
	CHECK(!topo_watch_take(topo));
	must("ip route del 10.244.2.0/24 proto 172");
	CHECK(topo_watch_take(topo));
	full();
	CHECK(!topo_watch_take(topo));
	must("ip link set fairlead.1 mtu 1300");
	CHECK(topo_watch_take(topo));
	full();
	quieten();
	must("nft flush ruleset");
	CHECK(topo_watch_take(topo));
	full();
	shows("nft list table inet fairlead", "10.244.1.0/24", true);
	CHECK(!topo_watch_take(topo));
}

static void watch_passes_over_what_comes_and_goes_with_pods(void **state)
{
	(void)state;
	two_peers();
	full();
	quieten();
	must("ip link add vethabcdefghijk type veth peer name vethabcdefghijl && "
	     "ip link set vethabcdefghijk addrgenmode none up && "
	     "ip link set vethabcdefghijl addrgenmode none up && "
	     "ip neigh add 10.244.1.5 lladdr 02:00:00:00:00:05 nud permanent "
	     "dev vethabcdefghijk && "
	     "ip route add 10.244.1.5 dev vethabcdefghijk proto 170 && "
	     "ip link del vethabcdefghijk");
	CHECK(!topo_watch_take(topo));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T_WORLD(peers_are_reached_through_the_vtep),
		T_WORLD(second_reconcile_changes_nothing),
		T_WORLD(node_json_tells_plugins_blocks_mtu_and_overlay),
		T_WORLD(forwarding_is_switched_on_for_the_families_of_the_blocks),
		T_WORLD(pods_are_masqueraded_to_the_outside_only_if_so_configured),
		T_WORLD(change_of_one_node_is_applied_without_a_look_at_the_kernel),
		T_WORLD(change_to_the_same_nodes_does_nothing),
		T_WORLD(first_change_is_a_full_one),
		T_WORLD(peers_new_address_moves_its_entries_and_leaves_its_routes),
		T_WORLD(peers_that_vanished_while_the_agent_was_down_are_removed),
		T_WORLD(own_new_address_changes_the_vtep_in_place),
		T_WORLD(address_on_no_interface_keeps_everything_and_is_a_problem),
		T_WORLD(missing_node_object_of_its_own_keeps_everything_and_is_a_problem),
		T_WORLD(address_that_moved_to_another_interface_is_followed),
		T_WORLD(renamed_and_recreated_interfaces_are_followed),
		T_WORLD(underlays_mtu_is_followed_unless_one_is_given),
		T_WORLD(underlay_too_small_for_an_overlay_is_a_problem),
		T_WORLD(deleted_vtep_comes_back_with_all_that_was_on_it),
		T_WORLD(vtep_changed_by_hand_is_mended_in_place),
		T_WORLD(flushed_routes_entries_and_neighbours_come_back),
		T_WORLD(what_others_put_on_the_vtep_goes),
		T_WORLD(foreign_route_in_the_way_is_a_problem_and_stays),
		T_WORLD(name_of_the_vtep_taken_by_something_else_is_a_problem),
		T_WORLD(vni_of_another_device_is_a_problem_that_names_it),
		T_WORLD(peer_without_an_address_of_the_underlays_family_is_a_problem),
		T_WORLD(given_mac_of_a_foreign_vtep_is_used),
		T_WORLD(watch_hears_others_but_not_a_settled_topology),
		T_WORLD(watch_passes_over_what_comes_and_goes_with_pods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
