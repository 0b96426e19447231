// SPDX-License-Identifier: Apache-2.0
/* Which ways a plan has for which peers; no kernel. */
#include "test.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "peers/peers.h"
#include "peers/vtep.h"

#define VTEP	77u
#define UPLINK	5u
#define MAX_TXT 4096

static struct fl_err err;

static struct fl_ip ip(const char *text)
{
	struct fl_ip i = { 0 };

	CHECK_OK(fl_ip_parse(text, &i, &err), &err);
	return i;
}

static struct fl_prefix prefix(const char *text)
{
	struct fl_prefix p = { 0 };

	CHECK_OK(fl_prefix_parse(text, &p, &err), &err);
	return p;
}

/* "NAME IP[,IP] BLOCK[,BLOCK...] [MAC]", as one peer. */
static struct fl_peer peer(const char *line)
{
	static char names[64][32];
	static unsigned int next;
	char ips[128], blocks[256], mac[32], *save;
	char *name = names[next++ % 64];
	struct fl_peer p = { .name = name };
	int n = sscanf(line, "%31s %127s %255s %31s", name, ips, blocks, mac);

	CHECK(n >= 3);
	for (char *t = strtok_r(ips, ",", &save); t && strcmp(t, "-") != 0;
	     t = strtok_r(NULL, ",", &save))
		p.ips[p.n_ips++] = ip(t);
	for (char *t = strtok_r(blocks, ",", &save); t && strcmp(t, "-") != 0;
	     t = strtok_r(NULL, ",", &save))
		p.cidrs[p.n_cidrs++] = prefix(t);
	p.has_mac = n == 4;
	if (n == 4)
		CHECK_OK(fl_mac_parse(mac, p.mac, &err), &err);
	return p;
}

/* 192.0.2.0/24 and 2001:db8::/64 are on a link of ours. */
static bool on_link(const struct fl_ip *addr, uint32_t *link, void *arg)
{
	struct fl_prefix near4 = prefix("192.0.2.0/24"), near6 = prefix("2001:db8::/64");

	(void)arg;
	*link = UPLINK;
	return fl_prefix_contains(&near4, addr) || fl_prefix_contains(&near6, addr);
}

static char said[MAX_TXT];

static void complain(const struct fl_peer *p, const struct fl_err *why, void *arg)
{
	size_t used = strlen(said);

	assert_ptr_equal(arg, said);
	(void)snprintf(said + used, sizeof(said) - used, "%s: %s\n", p->name, why->text);
}

struct form {
	enum fl_peers_way way;
	const char *home;     /* blocks, or NULL */
	const char *peers[8]; /* as for peer() */
	uint32_t vtep;
	bool outer6;
	uint32_t mtu;
	const char *want; /* the plan's text */
	const char *said; /* complaints */
};

static void add(char *text, const char *fmt, ...)
{
	size_t used = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	CHECK(vsnprintf(text + used, MAX_TXT - used, fmt, ap) < (int)(MAX_TXT - used));
	va_end(ap);
}

static void show_routes(const struct fl_peers_plan *p, char *text)
{
	char a[FL_PREFIX_STR], b[FL_IP_STR];
	size_t n;
	const struct fl_route *r = fl_peers_plan_routes(p, &n);

	for (size_t i = 0; i < n; i++) {
		CHECK(r[i].protocol == FL_ROUTE_BY_AGENT && r[i].table == FL_ROUTE_TABLE_MAIN);
		CHECK(r[i].priority ==
		      (fl_ip_is4(&r[i].dst.ip) && r[i].type == FL_ROUTE_UNICAST ? 0 : 1024));
		CHECK(r[i].has_gw == (r[i].type == FL_ROUTE_UNICAST));
		CHECK(r[i].onlink == (r[i].link == VTEP));
		add(text, "%s", fl_prefix_format(&r[i].dst, a));
		if (r[i].has_gw)
			add(text, " via %s dev %u", fl_ip_format(&r[i].gw, b), r[i].link);
		if (r[i].mtu)
			add(text, " mtu %u", r[i].mtu);
		add(text, "\n");
	}
}

static void show(const struct fl_peers_plan *p, char *text)
{
	char a[FL_IP_STR], mac[FL_MAC_STR];
	size_t n;
	const struct fl_neigh *ne = fl_peers_plan_neighs(p, &n);
	const struct fl_fdb *f;

	text[0] = '\0';
	show_routes(p, text);
	for (size_t i = 0; i < n; i++) {
		fl_mac_format(ne[i].mac, mac);
		assert_int_equal(ne[i].link, VTEP);
		add(text, "%s lladdr %s\n", fl_ip_format(&ne[i].ip, a), mac);
	}
	f = fl_peers_plan_fdb(p, &n);
	for (size_t i = 0; i < n; i++) {
		fl_mac_format(f[i].mac, mac);
		assert_int_equal(f[i].link, VTEP);
		add(text, "%s dst %s\n", mac, fl_ip_format(&f[i].remote, a));
	}
}

static struct fl_peers_plan *plan(const struct form *f)
{
	struct fl_peers_plan *p = NULL;
	struct fl_peer peers[8];
	struct fl_prefix home;
	struct fl_peers_input in = {
		.way = f->way,
		.protocol = FL_ROUTE_BY_AGENT,
		.vtep = f->vtep,
		.underlay_family = f->outer6 ? AF_INET6 : AF_INET,
		.route_mtu = f->mtu,
		.n_home = f->home != NULL,
		.home = &home,
		.peers = peers,
		.on_link = on_link,
	};

	if (f->home)
		home = prefix(f->home);
	while (in.n_peers < 8 && f->peers[in.n_peers]) {
		peers[in.n_peers] = peer(f->peers[in.n_peers]);
		in.n_peers++;
	}
	said[0] = '\0';
	CHECK_OK(fl_peers_plan(&in, complain, said, &p, &err), &err);
	return p;
}

static void check(const struct form *f)
{
	fl_auto_peers_plan struct fl_peers_plan *p = plan(f);
	char text[MAX_TXT];

	show(p, text);
	assert_string_equal(text, f->want);
	assert_string_equal(said, f->said ? f->said : "");
}

static void overlay_has_route_neighbour_and_forwarding_entry(void **state)
{
	static const struct form f = {
		.way = FL_PEERS_OVERLAY,
		.vtep = VTEP,
		.home = "10.244.0.0/24",
		.peers = { "n3 192.0.2.3 10.244.3.0/24,10.244.9.0/24", "n2 192.0.2.2 10.244.2.0/24",
			   "far 198.51.100.4 10.244.4.0/24 02:00:00:00:00:44", "idle 192.0.2.5 -" },
		.mtu = 1450,
		.want = "10.244.0.0/24\n"
			"10.244.2.0/24 via 10.244.2.0 dev 77 mtu 1450\n"
			"10.244.3.0/24 via 10.244.3.0 dev 77 mtu 1450\n"
			"10.244.4.0/24 via 10.244.4.0 dev 77 mtu 1450\n"
			"10.244.9.0/24 via 10.244.9.0 dev 77 mtu 1450\n"
			"10.244.2.0 lladdr 02:fa:c0:00:02:02\n"
			"10.244.3.0 lladdr 02:fa:c0:00:02:03\n"
			"10.244.4.0 lladdr 02:00:00:00:00:44\n"
			"10.244.9.0 lladdr 02:fa:c0:00:02:03\n"
			"02:00:00:00:00:44 dst 198.51.100.4\n"
			"02:fa:c0:00:02:02 dst 192.0.2.2\n"
			"02:fa:c0:00:02:03 dst 192.0.2.3\n",
	};

	(void)state;
	check(&f);
}

static void overlay_carries_both_families_over_either(void **state)
{
	static const struct form over4 = {
		.way = FL_PEERS_OVERLAY,
		.vtep = VTEP,
		.home = "fd00:1::/64",
		.peers = { "n2 192.0.2.2,2001:db8::2 10.244.2.0/24,fd00:2::/64,fd00:9::/64" },
		.want = "10.244.2.0/24 via 10.244.2.0 dev 77\n"
			"fd00:1::/64\n"
			"fd00:2::/64 via fe80::fa:c0ff:fe00:202 dev 77\n"
			"fd00:9::/64 via fe80::fa:c0ff:fe00:202 dev 77\n"
			"10.244.2.0 lladdr 02:fa:c0:00:02:02\n"
			"fe80::fa:c0ff:fe00:202 lladdr 02:fa:c0:00:02:02\n"
			"02:fa:c0:00:02:02 dst 192.0.2.2\n",
	};
	/* The first address names the MAC address, the underlay's family the remote. */
	static const struct form over6 = {
		.way = FL_PEERS_OVERLAY,
		.vtep = VTEP,
		.outer6 = true,
		.peers = { "n2 192.0.2.2,2001:db8::2 10.244.2.0/24" },
		.want = "10.244.2.0/24 via 10.244.2.0 dev 77\n"
			"10.244.2.0 lladdr 02:fa:c0:00:02:02\n"
			"02:fa:c0:00:02:02 dst 2001:db8::2\n",
	};

	(void)state;
	check(&over4);
	check(&over6);
}

static void direct_goes_by_the_nodes_address_of_the_blocks_family(void **state)
{
	static const struct form f = {
		.way = FL_PEERS_DIRECT,
		.home = "10.244.0.0/24",
		.mtu = 1400,
		.peers = { "n2 192.0.2.2,2001:db8::2 10.244.2.0/24,fd00:2::/64",
			   "n3 192.0.2.3 10.244.3.0/24,fd00:3::/64",
			   "n4 198.51.100.4 10.244.4.0/24,10.244.5.0/24" },
		.want = "10.244.0.0/24\n"
			"10.244.2.0/24 via 192.0.2.2 dev 5 mtu 1400\n"
			"10.244.3.0/24 via 192.0.2.3 dev 5 mtu 1400\n"
			"fd00:2::/64 via 2001:db8::2 dev 5 mtu 1400\n",
		.said = "n3: it has no IPv6 address, by which to reach its block 'fd00:3::/64'\n"
			"n4: its address '198.51.100.4' is on no link of this node\n",
	};

	(void)state;
	check(&f);
}

static void either_goes_direct_where_it_can(void **state)
{
	static const struct form f = {
		.way = FL_PEERS_EITHER,
		.vtep = VTEP,
		.peers = { "near 192.0.2.2 10.244.2.0/24,fd00:2::/64",
			   "far 198.51.100.3 10.244.3.0/24", "near2 192.0.2.4 10.244.4.0/24" },
		.want = "10.244.2.0/24 via 192.0.2.2 dev 5\n"
			"10.244.3.0/24 via 10.244.3.0 dev 77\n"
			"10.244.4.0/24 via 192.0.2.4 dev 5\n"
			"fd00:2::/64 via fe80::fa:c0ff:fe00:202 dev 77\n"
			"10.244.3.0 lladdr 02:fa:c6:33:64:03\n"
			"fe80::fa:c0ff:fe00:202 lladdr 02:fa:c0:00:02:02\n"
			"02:fa:c0:00:02:02 dst 192.0.2.2\n"
			"02:fa:c6:33:64:03 dst 198.51.100.3\n",
	};

	(void)state;
	check(&f);
}

static void none_keeps_only_what_is_at_home(void **state)
{
	static const struct form f = {
		.way = FL_PEERS_NONE,
		.home = "10.244.0.0/24",
		.peers = { "n2 192.0.2.2 10.244.2.0/24", "lost - 10.244.3.0/24" },
		.want = "10.244.0.0/24\n",
	};

	(void)state;
	check(&f);
}

static void peers_that_cannot_be_reached_are_complained_about_once(void **state)
{
	static const struct form f = {
		.way = FL_PEERS_OVERLAY,
		.vtep = VTEP,
		.peers = { "lost - 10.244.3.0/24", "six 2001:db8::6 10.244.6.0/24,10.244.7.0/24",
			   "n2 192.0.2.2 10.244.2.0/24" },
		.want = "10.244.2.0/24 via 10.244.2.0 dev 77\n"
			"10.244.2.0 lladdr 02:fa:c0:00:02:02\n"
			"02:fa:c0:00:02:02 dst 192.0.2.2\n",
		.said = "lost: it has no address\n"
			"six: it has no IPv4 address, as the VXLAN device has\n",
	};
	static const struct form no_vtep = {
		.way = FL_PEERS_EITHER,
		.peers = { "far 198.51.100.3 10.244.3.0/24", "near 192.0.2.2 10.244.2.0/24" },
		.want = "10.244.2.0/24 via 192.0.2.2 dev 5\n",
		.said = "far: there is no VXLAN device, by which to reach its block "
			"'10.244.3.0/24'\n",
	};

	(void)state;
	check(&f);
	check(&no_vtep);
}

static void what_two_want_is_the_first_ones(void **state)
{
	static const struct form f = {
		.way = FL_PEERS_OVERLAY,
		.vtep = VTEP,
		.home = "10.244.0.0/24",
		.peers = { "a 192.0.2.2 10.244.2.0/24,10.244.2.0/24", "b 192.0.2.3 10.244.2.0/24",
			   "thief 192.0.2.4 10.244.0.0/24", "twin 192.0.2.2 10.244.5.0/24",
			   "inner 192.0.2.6 10.244.2.0/25,10.244.6.0/24",
			   "copy 192.0.2.7 10.244.7.0/24 02:fa:c0:00:02:06" },
		.want = "10.244.0.0/24\n"
			"10.244.2.0/24 via 10.244.2.0 dev 77\n"
			"10.244.6.0/24 via 10.244.6.0 dev 77\n"
			"10.244.2.0 lladdr 02:fa:c0:00:02:02\n"
			"10.244.6.0 lladdr 02:fa:c0:00:02:06\n"
			"02:fa:c0:00:02:02 dst 192.0.2.2\n"
			"02:fa:c0:00:02:06 dst 192.0.2.6\n",
		.said = "twin: its VTEP has the MAC address '02:fa:c0:00:02:02', "
			"as has that of peer 'a'\n"
			"copy: its VTEP has the MAC address '02:fa:c0:00:02:06', "
			"as has that of peer 'inner'\n"
			"thief: its block '10.244.0.0/24' is this node's\n"
			"b: its block '10.244.2.0/24' is of peer 'a'\n"
			"inner: its block '10.244.2.0/25' begins as one of peer 'a'\n",
	};

	(void)state;
	check(&f);
}

static void larger_and_smaller_blocks_live_together(void **state)
{
	static const struct form f = {
		.way = FL_PEERS_OVERLAY,
		.vtep = VTEP,
		.peers = { "big 192.0.2.2 10.244.0.0/16,fd00::/16", "small 192.0.2.3 10.244.2.0/24",
			   "small6 192.0.2.4 fd00::/64" },
		.want = "10.244.0.0/16 via 10.244.0.0 dev 77\n"
			"10.244.2.0/24 via 10.244.2.0 dev 77\n"
			"fd00::/16 via fe80::fa:c0ff:fe00:202 dev 77\n"
			"fd00::/64 via fe80::fa:c0ff:fe00:204 dev 77\n"
			"10.244.0.0 lladdr 02:fa:c0:00:02:02\n"
			"10.244.2.0 lladdr 02:fa:c0:00:02:03\n"
			"fe80::fa:c0ff:fe00:202 lladdr 02:fa:c0:00:02:02\n"
			"fe80::fa:c0ff:fe00:204 lladdr 02:fa:c0:00:02:04\n"
			"02:fa:c0:00:02:02 dst 192.0.2.2\n"
			"02:fa:c0:00:02:03 dst 192.0.2.3\n"
			"02:fa:c0:00:02:04 dst 192.0.2.4\n",
	};

	(void)state;
	check(&f);
}

static void order_of_peers_makes_no_difference(void **state)
{
	struct form f = { .way = FL_PEERS_OVERLAY,
			  .vtep = VTEP,
			  .home = "10.244.0.0/24",
			  .peers = { "n2 192.0.2.2 10.244.2.0/24,fd00:2::/64",
				     "n3 192.0.2.3 10.244.3.0/24" } };
	struct form g = f;
	fl_auto_peers_plan struct fl_peers_plan *a = NULL, *b = NULL, *c = NULL;

	(void)state;
	g.peers[0] = f.peers[1];
	g.peers[1] = f.peers[0];
	a = plan(&f);
	b = plan(&g);
	CHECK(fl_peers_plan_equal(a, b));
	g.mtu = 1400;
	c = plan(&g);
	CHECK(!fl_peers_plan_equal(a, c));
}

static int try_many(size_t n, size_t cidrs)
{
	fl_auto_peers_plan struct fl_peers_plan *p = NULL;
	fl_auto_free struct fl_peer *peers = calloc(n + 1, sizeof(*peers));
	struct fl_peers_input in = { .way = FL_PEERS_OVERLAY,
				     .vtep = VTEP,
				     .underlay_family = AF_INET,
				     .n_peers = n,
				     .peers = peers };
	size_t routes;
	int r;

	assert_non_null(peers);
	for (size_t i = 0; i < n; i++) {
		peers[i] = peer("n 100.64.0.0 10.0.0.0/24");
		peers[i].ips[0].b[14] = (uint8_t)(i >> 8);
		peers[i].ips[0].b[15] = (uint8_t)i;
		peers[i].cidrs[0].ip.b[13] = (uint8_t)(i >> 8);
		peers[i].cidrs[0].ip.b[14] = (uint8_t)i;
		peers[i].n_cidrs = cidrs;
		for (size_t k = 1; k < cidrs && k < FL_PEER_CIDRS_MAX; k++) {
			peers[i].cidrs[k] = peers[i].cidrs[0];
			peers[i].cidrs[k].ip.b[12] += (uint8_t)k;
		}
	}
	r = fl_peers_plan(&in, NULL, NULL, &p, &err);
	if (r == 0)
		(void)fl_peers_plan_routes(p, &routes);
	if (r == 0)
		assert_int_equal(routes, n * cidrs);
	return r;
}

/* A plan for these peers, of the node's block 10.1.0.0/24. */
static struct fl_peers_plan *plan_of(const char *const *lines, size_t n)
{
	struct fl_peers_plan *plan = NULL;
	struct fl_prefix home = prefix("10.1.0.0/24");
	struct fl_peer peers[8];
	struct fl_peers_input in = {
		.way = FL_PEERS_OVERLAY,
		.protocol = FL_ROUTE_BY_PEERS,
		.vtep = VTEP,
		.underlay_family = AF_INET,
		.n_home = 1,
		.home = &home,
		.n_peers = n,
		.peers = peers,
	};

	for (size_t i = 0; i < n; i++)
		peers[i] = peer(lines[i]);
	said[0] = '\0';
	CHECK_OK(fl_peers_plan(&in, complain, said, &plan, &err), &err);
	assert_string_equal(said, "");
	return plan;
}

static bool is_home(const struct fl_route *route, void *arg)
{
	++*(int *)arg;
	return route->type == FL_ROUTE_BLACKHOLE;
}

static void a_plan_can_be_cut_down_to_some_routes(void **state)
{
	static const char *const lines[] = { "a 192.0.2.1 10.2.0.0/24,10.3.0.0/24" };
	fl_auto_peers_plan struct fl_peers_plan *plan = plan_of(lines, 1);
	int asked = 0;
	size_t n;

	(void)state;
	fl_peers_plan_keep(plan, is_home, &asked);
	assert_int_equal(asked, 3);
	CHECK(fl_peers_plan_routes(plan, &n)->type == FL_ROUTE_BLACKHOLE);
	assert_int_equal(n, 1);
	(void)fl_peers_plan_fdb(plan, &n);
	assert_int_equal(n, 1);
}

static void what_is_missing_of_a_plan_is_told_and_more_is_no_matter(void **state)
{
	static const char *const lines[] = { "a 192.0.2.1 10.2.0.0/24", "b 192.0.2.2 10.3.0.0/24",
					     "b 192.0.2.9 10.3.0.0/24" };
	fl_auto_peers_plan struct fl_peers_plan *one = plan_of(lines, 1), *two = plan_of(lines, 2);
	fl_auto_peers_plan struct fl_peers_plan *b = plan_of(&lines[1], 1),
						*moved = plan_of(&lines[2], 1);
	struct fl_prefix want = prefix("10.3.0.0/24");
	struct fl_peers_missing m = { 0 };

	(void)state;
	CHECK(!fl_peers_plan_missing(one, one, &m));
	CHECK(!fl_peers_plan_missing(one, two, &m));
	CHECK(fl_peers_plan_missing(two, one, &m));
	CHECK(m.route && fl_ip_cmp(&m.route->dst.ip, &want.ip) == 0 && !m.neigh && !m.fdb);
	/* The same route, through a neighbour with another MAC address. */
	CHECK(fl_peers_plan_missing(b, moved, &m));
	CHECK(!m.route && m.neigh && !m.fdb);
}

static void limits_hold_at_their_edge(void **state)
{
	(void)state;
	CHECK_OK(try_many(FL_PEERS_MAX, 1), &err);
	CHECK_FAILS(try_many(FL_PEERS_MAX + 1, 1), E2BIG, &err,
		    "16385 peers: at most 16384 are possible");
	CHECK_OK(try_many(3, FL_PEER_CIDRS_MAX), &err);
	CHECK_FAILS(try_many(3, FL_PEER_CIDRS_MAX + 1), E2BIG, &err, "peer 'n': at most 16 blocks");
	CHECK_OK(try_many(0, 1), &err);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(overlay_has_route_neighbour_and_forwarding_entry),
		cmocka_unit_test(overlay_carries_both_families_over_either),
		cmocka_unit_test(direct_goes_by_the_nodes_address_of_the_blocks_family),
		cmocka_unit_test(either_goes_direct_where_it_can),
		cmocka_unit_test(none_keeps_only_what_is_at_home),
		cmocka_unit_test(peers_that_cannot_be_reached_are_complained_about_once),
		cmocka_unit_test(what_two_want_is_the_first_ones),
		cmocka_unit_test(larger_and_smaller_blocks_live_together),
		cmocka_unit_test(order_of_peers_makes_no_difference),
		cmocka_unit_test(a_plan_can_be_cut_down_to_some_routes),
		cmocka_unit_test(what_is_missing_of_a_plan_is_told_and_more_is_no_matter),
		cmocka_unit_test(limits_hold_at_their_edge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
