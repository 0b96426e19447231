// SPDX-License-Identifier: Apache-2.0
/*
 * A cluster of 5,000 nodes, in the kernel. Bounds are many times what is measured, for machines
 * that are busy or run the sanitizers.
 */
#include "topo_world.h"

#define PEERS 5000

static void add_peers(void)
{
	char name[16], ips[64], cidrs[64];

	for (int i = 0; i < PEERS; i++) {
		int hi = i / 250, lo = i % 250;

		(void)snprintf(name, sizeof(name), "p%04d", i);
		(void)snprintf(ips, sizeof(ips), "172.20.%d.%d", hi, lo + 1);
		(void)snprintf(cidrs, sizeof(cidrs), "10.%d.%d.0/24", 64 + hi, lo);
		(void)add_node(name, ips, cidrs);
	}
}

static void five_thousand_peers_are_made_kept_and_changed_one_by_one(void **state)
{
	double worst = 0;

	(void)state;
	add_peers();
	full();
	print_message("# %d peers from scratch: %.0f ms\n", PEERS, topo_stats(topo).last_s * 1e3);
	CHECK(topo_stats(topo).last_s < 20);
	assert_int_equal(topo_stats(topo).fdb, PEERS);
	settled();
	print_message("# compared with the kernel: %.0f ms\n", topo_stats(topo).last_s * 1e3);
	for (int i = 0; i < 20; i++) {
		char ip[32];

		(void)snprintf(ip, sizeof(ip), "172.21.0.%d", i + 1);
		read_ips(&nodes.nodes[1 + i * 200].net, ip);
		change();
		if (topo_stats(topo).last_change_s > worst)
			worst = topo_stats(topo).last_change_s;
	}
	print_message("# one changed address among them, worst of 20: %.2f ms\n", worst * 1e3);
	CHECK(worst < 0.5);
	drop_node("p2500");
	change();
	print_message("# one node less: %.2f ms\n", topo_stats(topo).last_change_s * 1e3);
	CHECK(topo_stats(topo).last_change_s < 0.5);
	shows("bridge fdb show dev fairlead.1 | grep -c permanent", "4999", true);
	settled();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T_WORLD(five_thousand_peers_are_made_kept_and_changed_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
