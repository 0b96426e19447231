// SPDX-License-Identifier: Apache-2.0
/*
 * The way to another node that a connection's entry keeps: it is taken while the kernel's tables
 * are as they were, and not once after they have changed, whatever the change is. There are two
 * links to the other node's pods; which of them a packet takes is seen by what the entry keeps
 * afterwards, and that it takes what is kept by what the test has put there. Where the kernel does
 * not say that its tables have changed, nothing is kept. Needs root and eBPF.
 */
#include "world.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define HOP0 "192.0.2.2"
#define HOP1 "192.0.3.2"
#define ELSE "192.0.2.77" /* who is on no route */

static const char links[] = "set -e\n"
			    "ip link add net1 type veth peer name far1\n"
			    "ip link set net1 up\n"
			    "ip link set far1 up\n";

/* Both ways are there, and the first one leads to the other node's pods. */
static const char ways[] = "set -e\n"
			   "echo 1 >/proc/sys/net/ipv4/conf/hA/forwarding\n"
			   "echo 0 >/proc/sys/net/ipv4/conf/net0/ignore_routes_with_linkdown\n"
			   "ip rule flush\n"
			   "for r in '10.2.0.0/16' '10.2.0.9' '10.2.0.0/16 table 7'; do\n"
			   "	while ip route del $r 2>/dev/null; do :; done\n"
			   "done\n"
			   "ip -batch - >/dev/null <<END\n"
			   "rule add priority 32766 lookup main\n"
			   "addr flush dev lo to 10.2.0.0/16\n"
			   "link set far up\n"
			   "link set net0 up mtu 1500\n"
			   "link set net1 up\n"
			   "addr replace 192.0.2.1/24 dev net0\n"
			   "addr replace 192.0.3.1/24 dev net1\n"
			   "nexthop flush\n"
			   "neigh replace 192.0.2.2 lladdr 02:00:00:00:00:99 dev net0\n"
			   "neigh replace 192.0.3.2 lladdr 02:00:00:00:00:98 dev net1\n"
			   "nexthop add id 1 via 192.0.2.2 dev net0\n"
			   "nexthop add id 2 via 192.0.3.2 dev net1\n"
			   "nexthop add id 3 group 1\n"
			   "nexthop add id 4 group 1/2\n"
			   "END\n";

static const struct pkt large = {
	.src = A4, .dst = PEER4, .sport = 5, .dport = 53, .payload = 1000
};

static bool is_told; /* the kernel says when its tables have changed */
static unsigned int net0, net1;

static void put_device(unsigned int ifindex)
{
	struct fl_device device = { 0 };

	assert_int_equal(bpf_map_update_elem(world_map("fl_devices"), &ifindex, &device, BPF_ANY),
			 0);
}

static bool has_function(const char *name)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool has = btf && btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;

	btf__free(btf);
	return has;
}

static int begin(void **state)
{
	if (world_begin(state) < 0 || system(links) != 0)
		return -1;
	net0 = if_nametoindex("net0");
	net1 = if_nametoindex("net1");
	is_told = has_function("bpf_cast_to_kern_ctx");
	return 0;
}

static void sh(const char *commands)
{
	if (system(commands) != 0)
		fail_msg("this does not work: %s", commands);
}

/* Puts this way into the connection's entry. */
static void keep(struct fl_known known)
{
	struct fl_flow f = world_flow();

	f.known = known;
	world_set_flow(&f);
}

/* The same as just now, so that nothing but a change of the tables makes it old. */
static void freshen(void)
{
	struct fl_known known = world_flow().known;

	known.when = fl_known_when(world_jiffies(), known.when & FL_KNOWN_OUTER);
	keep(known);
}

static bool is_kept(const char *hop, unsigned int ifindex)
{
	struct fl_known known = world_flow().known;

	if (!is_told)
		return known.mtu == 0;
	return known.mtu && known.hop_be == inet_addr(hop) && known.ifindex == ifindex;
}

/* Sends the packet past the stack. */
static void goes(const char *what)
{
	struct fate f = world_run(FROM_A, &large);

	CHECK_FATE(what, f, FL_R_REDIRECTED);
	assert_int_equal(f.verdict, TC_ACT_REDIRECT);
	assert_int_equal(f.mark, FL_MARK);
}

/* A connection whose entry keeps the first way, and routes as these commands make them. */
static void know(const char *routes)
{
	sh(ways);
	sh(routes);
	put_device(net0);
	put_device(net1);
	world_forget();
	goes("its first packet");
	goes("the packet that asks");
}

#define ROUTE "ip route add 10.2.0.0/16 via " HOP0

static void a_way_that_was_found_is_kept_and_taken(void **state)
{
	struct fl_known known;

	(void)state;
	know(ROUTE);
	assert_true(is_kept(HOP0, net0));
	if (!is_told)
		return;
	known = world_flow().known;
	assert_int_equal(known.mtu, 1500);
	/* Nobody has asked when this one is still there. */
	known.hop_be = inet_addr(ELSE);
	keep(known);
	freshen();
	goes("the packet that knows");
	assert_true(is_kept(ELSE, net0));
}

/* What becomes of a connection's next packet when this has happened. */
static const struct change {
	const char *what, *routes, *then;
	const char *hop; /* where it goes on past the stack; NULL: the stack has it */
} changes[] = {
	{ "the route is another one", ROUTE, "ip route replace 10.2.0.0/16 via " HOP1, HOP1 },
	{ "there is a narrower route", ROUTE, "ip route add 10.2.0.9 via " HOP1, HOP1 },
	{ "there is a better route", ROUTE " metric 5", "ip route add 10.2.0.0/16 via " HOP1,
	  HOP1 },
	{ "the narrower route is gone",
	  "ip route add 10.2.0.9 via " HOP0 "; ip route add 10.2.0.0/16 via " HOP1,
	  "ip route del 10.2.0.9", HOP1 },
	{ "the route is gone", ROUTE, "ip route del 10.2.0.0/16", NULL },
	{ "the route leads nowhere", ROUTE, "ip route replace unreachable 10.2.0.0/16", NULL },
	{ "the route's MTU is smaller", ROUTE,
	  "ip route replace 10.2.0.0/16 via " HOP0 " mtu lock 600", NULL },
	{ "the link's MTU is smaller", ROUTE, "ip link set net0 mtu 600", NULL },
	{ "the link is down", ROUTE, "ip link set net0 down", NULL },
	{ "the link is down, and there is another way",
	  ROUTE "; ip route add 10.2.0.0/16 via " HOP1 " metric 5", "ip link set net0 down", HOP1 },
	{ "the cable is out, and that counts",
	  ROUTE "; ip route add 10.2.0.0/16 via " HOP1 " metric 5; "
		"echo 1 >/proc/sys/net/ipv4/conf/net0/ignore_routes_with_linkdown",
	  "ip link set far down; while ip link show net0 | grep -q LOWER_UP; do :; done", HOP1 },
	{ "the link has no address", ROUTE, "ip addr flush dev net0", NULL },
	{ "a rule says otherwise", ROUTE "; ip route add 10.2.0.0/16 via " HOP1 " table 7",
	  "ip rule add from " A4 " lookup 7", HOP1 },
	{ "the rule is gone",
	  "ip route add 10.2.0.0/16 via " HOP0 " table 7; ip route add 10.2.0.0/16 via " HOP1
	  "; ip rule add to 10.2.0.0/16 lookup 7",
	  "ip rule del to 10.2.0.0/16 lookup 7", HOP1 },
	{ "the pod's link may not forward", ROUTE, "echo 0 >/proc/sys/net/ipv4/conf/hA/forwarding",
	  NULL },
	{ "the other node's pod is here", ROUTE, "ip addr add 10.2.0.9/32 dev lo", NULL },
	{ "the next hop is another one", "ip route add 10.2.0.0/16 nhid 1",
	  "ip nexthop replace id 1 via " HOP1 " dev net1", HOP1 },
	{ "the next hop is gone", "ip route add 10.2.0.0/16 nhid 1", "ip nexthop del id 1", NULL },
	{ "the group has another member", "ip route add 10.2.0.0/16 nhid 3",
	  "ip nexthop replace id 3 group 2", HOP1 },
	{ "the group has a member less", "ip route add 10.2.0.0/16 nhid 4", "ip nexthop del id 1",
	  HOP1 },
	{ "the group has a member less", "ip route add 10.2.0.0/16 nhid 4", "ip nexthop del id 2",
	  HOP0 },
	{ "one of two ways is gone",
	  "ip route add 10.2.0.0/16 nexthop via " HOP0 " nexthop via " HOP1,
	  "ip link set net0 down", HOP1 },
	{ "one of two ways is gone",
	  "ip route add 10.2.0.0/16 nexthop via " HOP0 " nexthop via " HOP1,
	  "ip link set net1 down", HOP0 },
};

static void not_one_packet_takes_a_way_that_is_no_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const struct change *c = &changes[i];

		know(c->routes);
		sh(c->then);
		freshen();
		if (!c->hop) {
			CHECK_FATE(c->what, world_run(FROM_A, &large), FL_R_FORWARDED);
			continue;
		}
		goes(c->what);
		if (!is_kept(c->hop, strcmp(c->hop, HOP0) == 0 ? net0 : net1))
			fail_msg("%s: the way is another one", c->what);
	}
}

static void what_the_programs_know_stands_above_a_way(void **state)
{
	struct fl_known known;

	(void)state;
	know(ROUTE);
	if (!is_told)
		return;
	/* Our programs are not on that link any more, and all has been judged anew. */
	assert_int_equal(bpf_map_delete_elem(world_map("fl_devices"), &net0), 0);
	freshen();
	world_next_generation();
	CHECK_FATE("no programs", world_run(FROM_A, &large), FL_R_FORWARDED);

	/* The connection has been judged anew: the pod may be behind another link. */
	know(ROUTE);
	known = world_flow().known;
	known.hop_be = inet_addr(ELSE);
	keep(known);
	world_next_generation();
	goes("judged anew");
	assert_int_equal(world_flow().known.proof, 0);
	goes("and the next one asks");
	assert_true(is_kept(HOP0, net0));
}

static void a_way_in_parts_is_none(void **state)
{
	static const char *const what[] = { "of another time", "of another state",
					    "in parts of two", "for smaller packets" };

	(void)state;
	know(ROUTE);
	for (int i = 0; is_told && i < 4; i++) {
		struct fl_known known = world_flow().known;

		known.hop_be = inet_addr(ELSE);
		known.when = (__u16)(fl_known_when(world_jiffies(), false) - (i == 0 ? 2 : 0));
		known.state -= i == 1;
		known.state_low = (__u16)(known.state_low - (i == 1 || i == 2));
		known.mtu = i == 3 ? 1027 : 1028;
		keep(known);
		goes(what[i]);
		if (!is_kept(HOP0, net0))
			fail_msg("a way %s is taken", what[i]);
	}
}

static void a_way_serves_packets_that_fit(void **state)
{
	struct fl_known known;

	(void)state;
	know(ROUTE);
	if (!is_told)
		return;
	known = world_flow().known;
	known.hop_be = inet_addr(ELSE);
	known.mtu = 1028; /* 20 and 8 bytes of headers */
	keep(known);
	freshen();
	goes("as large as goes");
	assert_true(is_kept(ELSE, net0));
}

static void the_last_hop_is_the_stacks_though_the_way_is_known(void **state)
{
	struct pkt last = large;

	(void)state;
	know(ROUTE);
	last.ttl = 1;
	freshen();
	CHECK_FATE("its last hop", world_run(FROM_A, &last), FL_R_FORWARDED);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_way_that_was_found_is_kept_and_taken),
		cmocka_unit_test(not_one_packet_takes_a_way_that_is_no_more),
		cmocka_unit_test(what_the_programs_know_stands_above_a_way),
		cmocka_unit_test(a_way_in_parts_is_none),
		cmocka_unit_test(a_way_serves_packets_that_fit),
		cmocka_unit_test(the_last_hop_is_the_stacks_though_the_way_is_known),
	};

	return cmocka_run_group_tests(tests, begin, world_end);
}
