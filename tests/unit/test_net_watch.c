// SPDX-License-Identifier: Apache-2.0
/* What a watch makes of the kernel's news: what is meant, and whose doing it is. */
#include "nettest.h"

#include "net/neigh.h"
#include "net/route.h"
#include "net/watch.h"
#include "net/xfrm.h"

static const unsigned int all = FL_WATCH_LINKS | FL_WATCH_ADDRS | FL_WATCH_ROUTES |
				FL_WATCH_NEIGHS | FL_WATCH_TC;
static struct fl_watch *w;

static unsigned int take(const struct fl_nl *by)
{
	unsigned int what = 99;

	CHECK_OK(fl_watch_take(w, by, &what, &err), &err);
	return what;
}

static int setup_watch(void **state)
{
	if (setup_link(state) < 0 ||
	    sh("ip addr add 10.88.0.2/24 dev h0 && "
	       "ip link add v4 type vxlan id 1 dstport 4789 local 10.88.0.2 nolearning && "
	       "ip link set v4 addrgenmode none up") ||
	    fl_watch_open(all, &w, &err) < 0)
		return -1;
	/* What the links still have to say, such as that their other end is up. */
	while (fl_watch_wait(w, 100, &err) == 0)
		;
	return 0;
}

static int teardown_watch(void **state)
{
	fl_watch_close(&w);
	return teardown(state);
}

#define T_WATCH(name) cmocka_unit_test_setup_teardown(name, setup_watch, teardown_watch)

static void each_kind_of_change_is_told_once(void **state)
{
	static const struct {
		const char *command;
		unsigned int what;
	} t[] = {
		{ "ip link set h0 alias x", FL_WATCH_LINKS },
		{ "ip route add 192.0.2.0/24 via 10.88.0.1", FL_WATCH_ROUTES },
		{ "ip route del 192.0.2.0/24", FL_WATCH_ROUTES },
		{ "ip neigh add 10.88.0.5 lladdr 02:00:00:00:00:05 dev h0", FL_WATCH_NEIGHS },
		{ "ip neigh del 10.88.0.5 dev h0", FL_WATCH_NEIGHS },
		{ "bridge fdb add 02:00:00:00:00:05 dst 10.88.0.9 dev v4", FL_WATCH_NEIGHS },
		{ "bridge fdb del 02:00:00:00:00:05 dst 10.88.0.9 dev v4", FL_WATCH_NEIGHS },
		{ "ip addr add 10.89.0.1/32 dev h0", FL_WATCH_ADDRS },
		{ "ip addr del 10.89.0.1/32 dev h0", FL_WATCH_ADDRS },
		{ "tc qdisc add dev h0 clsact && "
		  "tc filter add dev h0 ingress protocol all bpf bytecode '1,6 0 0 0' && "
		  "tc filter del dev h0 ingress",
		  FL_WATCH_TC },
		{ "tc qdisc del dev h0 clsact", FL_WATCH_TC },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		must(t[i].command);
		if (take(nl) != t[i].what)
			fail_msg("'%s' is told as something else", t[i].command);
		assert_int_equal(take(nl), 0);
	}
}

static void of_ways_to_pods_only_those_that_go_are_news(void **state)
{
	static const struct {
		const char *command;
		unsigned int what;
	} t[] = {
		{ "ip route add 10.88.0.7/32 dev h0 proto 170", 0 },
		{ "ip route del 10.88.0.7/32 dev h0 proto 170", FL_WATCH_PODWAYS },
		{ "ip route add fd00::7/128 dev h0 proto 170", 0 },
		{ "ip route del fd00::7/128 dev h0 proto 170", FL_WATCH_PODWAYS },
		{ "ip route add 10.88.0.8/32 dev h0 && ip route del 10.88.0.8/32", 0 },
	};

	(void)state;
	fl_watch_close(&w);
	CHECK_OK(fl_watch_open(FL_WATCH_PODWAYS, &w, &err), &err);
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		must(t[i].command);
		if (take(NULL) != t[i].what)
			fail_msg("'%s' is told as something else", t[i].command);
	}
}

static void what_comes_and_goes_with_pods_and_with_traffic_is_no_news(void **state)
{
	(void)state;
	must("ip route add 10.244.0.7/32 dev h0 proto 170 && ip route del 10.244.0.7/32 && "
	     "ip neigh add 10.88.0.5 lladdr 02:00:00:00:00:05 dev h0 nud reachable");
	assert_int_equal(take(nl), 0);
	must("tc qdisc add dev h0 clsact && tc qdisc add dev h0 root pfifo && "
	     "tc qdisc del dev h0 root");
	assert_int_equal(take(nl), 0);
	must("ip neigh replace 10.88.0.5 lladdr 02:00:00:00:00:05 dev h0 nud permanent");
	assert_int_equal(take(nl), FL_WATCH_NEIGHS);
}

static void own_routes_and_neighbours_do_not_count_and_those_of_others_do(void **state)
{
	struct fl_route r = { .dst = prefix("10.244.1.0/24"),
			      .type = FL_ROUTE_BLACKHOLE,
			      .table = FL_ROUTE_TABLE_MAIN,
			      .protocol = FL_ROUTE_BY_AGENT };
	struct fl_route r6 = r;
	struct fl_neigh n = { .link = link_of(nl, "h0").index, .mac = { 2 } };
	struct fl_batch *b = batch();

	(void)state;
	r6.dst = prefix("fd00:1::/64");
	CHECK_OK(fl_ip_parse("10.88.0.5", &n.ip, &err), &err);
	fl_route_put(b, &r);
	fl_route_put(b, &r6);
	fl_neigh_put(b, &n);
	fl_route_put_del(b, &r6);
	send_batch(nl, b);
	assert_int_equal(take(nl), 0);
	must("ip route del blackhole 10.244.1.0/24");
	assert_int_equal(take(nl), FL_WATCH_ROUTES);
	b = batch();
	fl_route_put(b, &r);
	fl_neigh_put_del(b, &n);
	send_batch(nl, b);
	assert_int_equal(take(NULL), FL_WATCH_ROUTES | FL_WATCH_NEIGHS);
}

static void lost_news_is_news_of_everything(void **state)
{
	(void)state;
	/* More than the socket holds. */
	must("for i in $(seq 4000); do echo route add 10.244.$((i / 250)).$((i % 250))/32 dev h0; "
	     "done | ip -batch -");
	assert_int_equal(take(nl), all);
	assert_int_equal(take(nl), 0);
	must("ip link set h0 alias x");
	assert_int_equal(take(nl), FL_WATCH_LINKS);
}

static void only_what_was_asked_for_is_told(void **state)
{
	(void)state;
	fl_watch_close(&w);
	CHECK_OK(fl_watch_open(FL_WATCH_LINKS, &w, &err), &err);
	must("ip route add 192.0.2.0/24 via 10.88.0.1 && ip link set h0 alias x");
	assert_int_equal(take(nl), FL_WATCH_LINKS);
}

static void policies_of_ipsec_are_told_and_counted(void **state)
{
	fl_auto_nl struct fl_nl *xfrm = NULL;
	uint32_t n = 99;

	(void)state;
	fl_watch_close(&w);
	CHECK_OK(fl_watch_open_xfrm(&w, &err), &err);
	CHECK_OK(fl_nl_open(FL_NL_XFRM, &xfrm, &err), &err);
	CHECK_OK(fl_xfrm_policies(xfrm, &n, &err), &err);
	assert_int_equal(n, 0);
	must("for d in in out fwd; do ip xfrm policy add src 203.0.113.1/32 dst 203.0.113.2/32 "
	     "dir $d tmpl src 192.0.2.1 dst 192.0.2.2 proto esp mode transport; done");
	assert_int_equal(take(NULL), FL_WATCH_XFRM);
	CHECK_OK(fl_xfrm_policies(xfrm, &n, &err), &err);
	assert_int_equal(n, 3);
	must("ip xfrm policy flush");
	assert_int_equal(take(NULL), FL_WATCH_XFRM);
	assert_int_equal(take(NULL), 0);
	CHECK_OK(fl_xfrm_policies(xfrm, &n, &err), &err);
	assert_int_equal(n, 0);
}

static bool is_pods(const char *name)
{
	return strncmp(name, "veth", 4) == 0;
}

static void links_that_are_passed_over_are_no_news(void **state)
{
	(void)state;
	fl_watch_pass_over(w, is_pods);
	must("ip link add veth0 type veth peer name veth1 && ip link set veth0 alias x && "
	     "ip link del veth0");
	assert_int_equal(take(nl), 0);
	must("ip link set h0 alias x");
	assert_int_equal(take(nl), FL_WATCH_LINKS);
}

static void neighbours_may_be_news_of_one_link_only(void **state)
{
	(void)state;
	fl_watch_only_of(w, link_of(nl, "v4").index);
	must("ip neigh add 10.88.0.5 lladdr 02:00:00:00:00:05 dev h0 && "
	     "ip neigh del 10.88.0.5 dev h0");
	assert_int_equal(take(nl), 0);
	must("bridge fdb add 02:00:00:00:00:05 dst 10.88.0.9 dev v4");
	assert_int_equal(take(nl), FL_WATCH_NEIGHS);
}

static void queues_and_filters_may_be_news_of_one_link_only(void **state)
{
	static const char *const changes[] = {
		"tc qdisc add dev v4 root pfifo",
		"tc qdisc change dev v4 root pfifo limit 9",
		"tc qdisc del dev v4 root",
		"tc qdisc add dev v4 clsact",
		"tc filter add dev v4 egress protocol all bpf bytecode '1,6 0 0 0'",
		"tc filter del dev v4 egress",
		"tc qdisc del dev v4 clsact",
	};

	(void)state;
	fl_watch_close(&w);
	CHECK_OK(fl_watch_open(FL_WATCH_QUEUES, &w, &err), &err);
	fl_watch_only_of(w, link_of(nl, "v4").index);
	for (size_t i = 0; i < FL_ARRAY_LEN(changes); i++) {
		must("tc qdisc add dev h0 clsact && tc qdisc add dev h0 root pfifo && "
		     "tc filter add dev h0 ingress protocol all bpf bytecode '1,6 0 0 0' && "
		     "tc qdisc del dev h0 root && tc qdisc del dev h0 clsact");
		assert_int_equal(take(nl), 0);
		must(changes[i]);
		if (take(nl) != FL_WATCH_QUEUES)
			fail_msg("'%s' is not told", changes[i]);
	}
}

static void nf_tables_tables_of_one_name_are_watched_and_no_other(void **state)
{
	static const char *const ours[] = {
		"nft add table inet ours",
		"nft add chain inet ours c",
		"nft add rule inet ours c accept",
		"nft add set inet ours s '{ type ipv4_addr; }'",
		"nft add element inet ours s '{ 192.0.2.1 }'",
		"nft add table ip ours",
		"nft flush ruleset",
	};

	(void)state;
	fl_watch_close(&w);
	CHECK_OK(fl_watch_open_nft("ours", &w, &err), &err);
	for (size_t i = 0; i < FL_ARRAY_LEN(ours); i++) {
		must(ours[i]);
		if (take(NULL) != FL_WATCH_NFT)
			fail_msg("'%s' is not told", ours[i]);
		must("nft add table ip ourss && nft add table inet others && "
		     "nft add set inet others s '{ type ipv4_addr; }' && "
		     "nft delete table inet others && nft delete table ip ourss");
		assert_int_equal(take(NULL), 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T_WATCH(each_kind_of_change_is_told_once),
		T_WATCH(of_ways_to_pods_only_those_that_go_are_news),
		T_WATCH(what_comes_and_goes_with_pods_and_with_traffic_is_no_news),
		T_WATCH(own_routes_and_neighbours_do_not_count_and_those_of_others_do),
		T_WATCH(lost_news_is_news_of_everything),
		T_WATCH(only_what_was_asked_for_is_told),
		T_WATCH(policies_of_ipsec_are_told_and_counted),
		T_WATCH(links_that_are_passed_over_are_no_news),
		T_WATCH(neighbours_may_be_news_of_one_link_only),
		T_WATCH(queues_and_filters_may_be_news_of_one_link_only),
		T_WATCH(nf_tables_tables_of_one_name_are_watched_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
