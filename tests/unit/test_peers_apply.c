// SPDX-License-Identifier: Apache-2.0
/* Plans in the kernel: what is applied is what is read, and nobody else's is touched. */
#include "nettest.h"

#include <sys/socket.h>

#include "peers/peers.h"
#include "peers/vtep.h"

static uint32_t vtep, uplink;

static int setup_vtep(void **state)
{
	struct fl_vtep v = { .name = "fairlead.1", .vxlan = { 1, FL_VTEP_PORT }, .mtu = 1450 };
	struct fl_link link;
	bool changed;

	if (setup_link(state) < 0 ||
	    sh("ip addr add 192.0.2.1/24 dev h0 && "
	       "ip addr add 2001:db8::1/64 dev h0 nodad") != 0 ||
	    fl_ip_parse("192.0.2.1", &v.vxlan.local, &err) < 0)
		return -1;
	fl_vtep_mac(&v.vxlan.local, v.mac);
	if (fl_vtep_ensure(nl, &v, &link, &changed, &err) < 0)
		return -1;
	vtep = link.index;
	uplink = link_of(nl, "h0").index;
	return 0;
}

#define T_VTEP(name) cmocka_unit_test_setup_teardown(name, setup_vtep, teardown)

static bool on_link(const struct fl_ip *ip, uint32_t *link, void *arg)
{
	struct fl_prefix near4 = prefix("192.0.2.0/24"), near6 = prefix("2001:db8::/64");

	(void)arg;
	*link = uplink;
	return fl_prefix_contains(&near4, ip) || fl_prefix_contains(&near6, ip);
}

/* Peer number i, with a block of each family. */
static struct fl_peer peer(unsigned int i)
{
	struct fl_peer p = { .name = "n", .n_ips = 2, .n_cidrs = 2 };

	p.ips[0] = prefix("192.0.2.0/24").ip;
	p.ips[1] = prefix("2001:db8::/64").ip;
	p.ips[0].b[15] = p.ips[1].b[15] = (uint8_t)i;
	p.cidrs[0] = prefix("10.244.0.0/24");
	p.cidrs[0].ip.b[14] = (uint8_t)i;
	p.cidrs[1] = prefix("fd00::/64");
	p.cidrs[1].ip.b[7] = (uint8_t)i;
	return p;
}

static void no_complaint(const struct fl_peer *p, const struct fl_err *why, void *arg)
{
	(void)arg;
	fail_msg("peer '%s': %s", p->name, why->text);
}

static struct fl_peers_plan *plan_by(uint8_t protocol, enum fl_peers_way way,
				     const struct fl_peer *peers, size_t n)
{
	static struct fl_prefix home[2];
	struct fl_peers_input in = {
		.way = way,
		.protocol = protocol,
		.vtep = vtep,
		.underlay_family = AF_INET,
		.route_mtu = 1450,
		.n_home = 2,
		.home = home,
		.n_peers = n,
		.peers = peers,
		.on_link = on_link,
	};
	struct fl_peers_plan *p = NULL;

	home[0] = prefix("10.244.1.0/24");
	home[1] = prefix("fd00:0:0:1::/64");
	CHECK_OK(fl_peers_plan(&in, no_complaint, NULL, &p, &err), &err);
	return p;
}

static struct fl_peers_plan *plan(enum fl_peers_way way, const struct fl_peer *peers, size_t n)
{
	return plan_by(FL_ROUTE_BY_AGENT, way, peers, n);
}

static struct fl_peers_plan *read_plan(void)
{
	struct fl_peers_plan *p = NULL;

	CHECK_OK(fl_peers_read(nl, FL_ROUTE_BY_AGENT, vtep, &p, &err), &err);
	return p;
}

/* From what the kernel holds to want, and want is what it holds then. */
static struct fl_peers_count to(const struct fl_peers_plan *want)
{
	fl_auto_peers_plan struct fl_peers_plan *have = read_plan(), *then = NULL;
	struct fl_peers_count count = { 0 }, again = { 9, 9 };

	CHECK_OK(fl_peers_apply(nl, have, want, &count, &err), &err);
	then = read_plan();
	CHECK(fl_peers_plan_equal(then, want));
	CHECK_OK(fl_peers_apply(nl, then, want, &again, &err), &err);
	CHECK(again.put == 0 && again.removed == 0);
	return count;
}

static void counts(struct fl_peers_count c, size_t puts, size_t removed)
{
	assert_int_equal(c.put, puts);
	assert_int_equal(c.removed, removed);
}

static void plan_is_applied_once_and_comes_back_as_it_is(void **state)
{
	struct fl_peer peers[] = { peer(2), peer(3) };
	fl_auto_peers_plan struct fl_peers_plan *p = plan(FL_PEERS_OVERLAY, peers, 2);

	(void)state;
	counts(to(p), 2 + 2 * (2 + 2 + 1), 0); /* home, and routes, neighbours, entry of each */
	counts(to(p), 0, 0);
	shows("ip route show proto 172",
	      "10.244.2.0/24 via 10.244.2.0 dev fairlead.1 onlink mtu 1450", true);
	shows("ip route show proto 172", "blackhole 10.244.1.0/24", true);
	shows("ip -6 route show proto 172",
	      "fd00:0:0:3::/64 via fe80::fa:c0ff:fe00:203 dev fairlead.1 metric 1024", true);
	shows("ip neigh show dev fairlead.1", "10.244.2.0 lladdr 02:fa:c0:00:02:02 PERMANENT",
	      true);
	shows("bridge fdb show dev fairlead.1", "02:fa:c0:00:02:03 dst 192.0.2.3 self permanent",
	      true);
}

static void vanished_peer_is_removed_and_a_new_one_added(void **state)
{
	struct fl_peer peers[] = { peer(2), peer(3), peer(4) };
	fl_auto_peers_plan struct fl_peers_plan *a = plan(FL_PEERS_OVERLAY, peers, 2),
						*b = plan(FL_PEERS_OVERLAY, peers + 1, 2),
						*none = plan(FL_PEERS_OVERLAY, NULL, 0);

	(void)state;
	(void)to(a);
	counts(to(b), 5, 5);
	counts(to(none), 0, 10);
	shows("ip neigh show dev fairlead.1", "PERMANENT", false);
	shows("bridge fdb show dev fairlead.1", "dst", false);
}

static void peer_that_moves_is_followed_by_replacing(void **state)
{
	struct fl_peer one = peer(2), moved = peer(2);
	fl_auto_peers_plan struct fl_peers_plan *a = NULL, *b = NULL;

	(void)state;
	moved.ips[0].b[15] = 99;
	a = plan(FL_PEERS_OVERLAY, &one, 1);
	b = plan(FL_PEERS_OVERLAY, &moved, 1);
	(void)to(a);
	/* Entry for the new MAC address; the IPv4 neighbour is changed, the IPv6 one is another; of
	 * the routes only IPv6's changes. What is of the old ones only goes. */
	counts(to(b), 1 + 2 + 1, 1 + 1);
}

static void ways_change_without_a_route_missing(void **state)
{
	static const enum fl_peers_way ways[] = { FL_PEERS_OVERLAY, FL_PEERS_DIRECT,
						  FL_PEERS_OVERLAY, FL_PEERS_EITHER,
						  FL_PEERS_NONE,    FL_PEERS_DIRECT };
	struct fl_peer peers[] = { peer(2), peer(3) };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(ways); i++) {
		fl_auto_peers_plan struct fl_peers_plan *p = plan(ways[i], peers, 2);

		(void)to(p);
	}
	shows("ip route show proto 172", "10.244.2.0/24 via 192.0.2.2 dev h0 mtu 1450", true);
	shows("ip -6 route show proto 172", "fd00:0:0:2::/64 via 2001:db8::2 dev h0", true);
}

static void what_was_tampered_with_is_mended(void **state)
{
	static const char *const tampering[] = {
		"ip route del 10.244.2.0/24",
		"ip route del blackhole 10.244.1.0/24",
		"ip -6 route change fd00:0:0:2::/64 via 2001:db8::77 proto 172 metric 1024",
		"ip route replace 10.244.2.0/24 via 192.0.2.77 proto 172",
		"ip route append 10.244.2.0/24 via 192.0.2.77 proto 172",
		"ip -6 route append fd00:0:0:2::/64 via 2001:db8::77 proto 172 metric 1024",
		"ip route add 10.99.0.0/16 via 192.0.2.77 proto 172",
		"ip neigh del 10.244.2.0 dev fairlead.1",
		"ip neigh change 10.244.2.0 dev fairlead.1 lladdr 02:00:00:00:00:01 nud permanent",
		"ip neigh change 10.244.2.0 dev fairlead.1 nud reachable",
		"ip neigh add 10.9.9.9 dev fairlead.1 lladdr 02:00:00:00:00:01 nud permanent",
		"bridge fdb del 02:fa:c0:00:02:02 dst 192.0.2.2 dev fairlead.1",
		"bridge fdb replace 02:fa:c0:00:02:02 dst 192.0.2.9 dev fairlead.1",
		"bridge fdb replace 02:fa:c0:00:02:02 dst 192.0.2.2 port 9 dev fairlead.1",
		"bridge fdb append 00:00:00:00:00:00 dst 192.0.2.2 dev fairlead.1",
		"bridge fdb add 02:fa:c0:00:02:77 dst 192.0.2.9 port 9 dev fairlead.1",
		"ip route flush proto 172 && ip -6 route flush proto 172",
	};
	struct fl_peer peers[] = { peer(2), peer(3) };
	fl_auto_peers_plan struct fl_peers_plan *p = plan(FL_PEERS_OVERLAY, peers, 2);

	(void)state;
	(void)to(p);
	for (size_t i = 0; i < FL_ARRAY_LEN(tampering); i++) {
		fl_auto_peers_plan struct fl_peers_plan *then = NULL;
		struct fl_peers_count c;

		must(tampering[i]);
		then = read_plan();
		if (fl_peers_plan_equal(then, p))
			fail_msg("'%s' is not seen", tampering[i]);
		c = to(p);
		CHECK(c.put + c.removed > 0);
	}
}

static void removal_takes_everything_of_ours_and_nothing_else(void **state)
{
	struct fl_peer peers[] = { peer(2), peer(3) };
	fl_auto_peers_plan struct fl_peers_plan *p = plan(FL_PEERS_OVERLAY, peers, 2),
						*other = NULL, *have = NULL, *then = NULL;
	struct fl_peers_count count;

	(void)state;
	must("ip route add 10.50.0.0/16 via 192.0.2.50 && "
	     "ip route add 10.51.0.0/16 via 192.0.2.50 proto bird");
	peers[0].cidrs[0] = prefix("10.245.0.0/24");
	peers[0].n_cidrs = 1;
	other = plan_by(FL_ROUTE_BY_PEERS, FL_PEERS_DIRECT, peers, 1);
	(void)to(p);
	must("ip route del blackhole 10.244.1.0/24 proto 172 && "
	     "ip -6 route del blackhole fd00:0:0:1::/64 proto 172");
	CHECK_OK(fl_peers_apply(nl, NULL, other, &count, &err), &err);
	have = read_plan();
	CHECK_OK(fl_peers_apply(nl, have, NULL, &count, &err), &err);
	counts(count, 0, 10);
	then = read_plan();
	counts((struct fl_peers_count){ 0 }, 0, 0);
	CHECK_OK(fl_peers_apply(nl, then, NULL, &count, &err), &err);
	counts(count, 0, 0);
	shows("ip route", "10.50.0.0/16", true);
	shows("ip route", "10.51.0.0/16", true);
	shows("ip route", "10.245.0.0/24 via 192.0.2.2 dev h0 proto 171", true);
	shows("ip route", "blackhole 10.244.1.0/24 proto 171", true);
}

static void routes_of_others_are_never_replaced(void **state)
{
	struct fl_peer peers[] = { peer(2), peer(3) };
	fl_auto_peers_plan struct fl_peers_plan *p = plan(FL_PEERS_OVERLAY, peers, 2),
						*nothing = read_plan();
	struct fl_peers_count count;

	(void)state;
	must("ip route add 10.244.2.0/24 via 192.0.2.50 proto bird && "
	     "ip -6 route add fd00:0:0:3::/64 via 2001:db8::50 proto 99");
	for (int i = 0; i < 2; i++) {
		fl_auto_peers_plan struct fl_peers_plan *have = read_plan();

		CHECK_FAILS(fl_peers_apply(nl, have, p, &count, &err), EEXIST, &err,
			    "add route 10.244.2.0/24: there is one that belongs to 'bird'");
		counts(count, i == 0 ? 10 : 0, 0);
		shows("ip route show 10.244.2.0/24", "via 192.0.2.50", true);
		shows("ip -6 route show fd00:0:0:3::/64", "via 2001:db8::50", true);
	}
	must("ip route del 10.244.2.0/24");
	CHECK_FAILS(fl_peers_apply(nl, nothing, p, &count, &err), EEXIST, &err,
		    "add route fd00:0:0:3::/64: there is one that belongs to 'protocol 99'");
	must("ip -6 route del fd00:0:0:3::/64");
	(void)to(p);
}

static void own_route_that_the_caller_forgot_is_replaced(void **state)
{
	struct fl_peer peers[] = { peer(2), peer(3) };
	fl_auto_peers_plan struct fl_peers_plan *a = plan(FL_PEERS_DIRECT, peers, 2),
						*b = plan(FL_PEERS_OVERLAY, peers, 2), *then = NULL;
	struct fl_peers_count count;

	(void)state;
	(void)to(a);
	CHECK_OK(fl_peers_apply(nl, NULL, b, &count, &err), &err);
	counts(count, 12, 0);
	then = read_plan();
	CHECK(fl_peers_plan_equal(then, b));
}

static void refusals_do_not_keep_the_rest_from_being_done(void **state)
{
	struct fl_peer peers[200];
	fl_auto_peers_plan struct fl_peers_plan *p = NULL, *then = NULL;
	struct fl_peers_count count;
	size_t n;

	(void)state;
	for (unsigned int i = 0; i < 200; i++)
		peers[i] = peer(i + 2);
	p = plan(FL_PEERS_OVERLAY, peers, 200);
	/* The kernel refuses every route through a link that is down, and every one that is taken.
	 */
	must("ip link set fairlead.1 down");
	CHECK_FAILS(fl_peers_apply(nl, NULL, p, &count, &err), ENETDOWN, &err,
		    "add route 10.244.2.0/24: Network is down");
	then = read_plan();
	(void)fl_peers_plan_routes(then, &n);
	assert_int_equal(n, 2); /* the blackholes */
	(void)fl_peers_plan_fdb(then, &n);
	assert_int_equal(n, 200);
	must("ip link set fairlead.1 up");
	(void)to(p);
}

static void vanished_device_is_no_hindrance(void **state)
{
	struct fl_peer peers[] = { peer(2), peer(3) };
	fl_auto_peers_plan struct fl_peers_plan *p = plan(FL_PEERS_OVERLAY, peers, 2), *then = NULL;
	struct fl_peers_count count;

	(void)state;
	(void)to(p);
	must("ip link del fairlead.1");
	CHECK_OK(fl_peers_apply(nl, p, NULL, &count, &err), &err);
	then = read_plan();
	CHECK_OK(fl_peers_apply(nl, then, NULL, &count, &err), &err);
	counts(count, 0, 0);
}

/* A small generator of our own, so that a seed means the same everywhere. */
static uint32_t seed;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)seed * below) >> 32);
}

/* Some nodes come, some go, some move to another address, some change their blocks. */
static size_t shuffle(struct fl_peer *peers, uint8_t *shape)
{
	size_t n = 0;

	for (unsigned int k = any(6); k-- > 0;)
		shape[any(60)] = (uint8_t)any(8);
	for (unsigned int i = 0; i < 60; i++) {
		if (!(shape[i] & 1))
			continue;
		peers[n] = peer(i + 2);
		if (shape[i] & 2)
			peers[n].ips[0].b[15] += 100;
		if (shape[i] & 4)
			peers[n].cidrs[1].ip.b[6] = 7;
		n++;
	}
	return n;
}

static void hundred_random_changes_end_in_exactly_what_is_wanted(void **state)
{
	fl_auto_peers_plan struct fl_peers_plan *known = NULL, *then = NULL;
	struct fl_peer peers[60];
	uint8_t shape[60] = { 0 };
	struct fl_peers_count count;

	(void)state;
	seed = 20260;
	for (int i = 0; i < 100; i++) {
		enum fl_peers_way way = any(10) ? FL_PEERS_OVERLAY : FL_PEERS_DIRECT;
		size_t n = shuffle(peers, shape);
		fl_auto_peers_plan struct fl_peers_plan *want = plan(way, peers, n);

		/* By what was applied last, as for a change, or by what is there. */
		if (any(3))
			CHECK_OK(fl_peers_apply(nl, known, want, &count, &err), &err);
		else
			(void)to(want);
		fl_peers_plan_free(&then);
		then = read_plan();
		if (!fl_peers_plan_equal(then, want))
			fail_msg("change %d of seed 20260 ends in something else", i);
		fl_peers_plan_free(&known);
		known = FL_TAKE(want);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T_VTEP(plan_is_applied_once_and_comes_back_as_it_is),
		T_VTEP(vanished_peer_is_removed_and_a_new_one_added),
		T_VTEP(peer_that_moves_is_followed_by_replacing),
		T_VTEP(ways_change_without_a_route_missing),
		T_VTEP(what_was_tampered_with_is_mended),
		T_VTEP(removal_takes_everything_of_ours_and_nothing_else),
		T_VTEP(routes_of_others_are_never_replaced),
		T_VTEP(own_route_that_the_caller_forgot_is_replaced),
		T_VTEP(refusals_do_not_keep_the_rest_from_being_done),
		T_VTEP(vanished_device_is_no_hindrance),
		T_VTEP(hundred_random_changes_end_in_exactly_what_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
