// SPDX-License-Identifier: Apache-2.0
/* Routes in the kernel: what is put is what is listed. */
#include "nettest.h"

#include "net/addr.h"
#include "net/route.h"

static struct fl_route route(const char *dst, const char *gw)
{
	struct fl_route r = {
		.dst = prefix(dst),
		.link = link_of(nl, "h0").index,
		.table = FL_ROUTE_TABLE_MAIN,
		.scope = gw ? FL_ROUTE_SCOPE_GLOBAL : FL_ROUTE_SCOPE_LINK,
	};

	if (gw) {
		r.has_gw = true;
		CHECK_OK(fl_ip_parse(gw, &r.gw, &err), &err);
	}
	return r;
}

static int try_route(const struct fl_route *r)
{
	fl_auto_batch struct fl_batch *b = batch();

	fl_route_put(b, r);
	return fl_batch_send(nl, b, &err);
}

static void add(const struct fl_route *r)
{
	CHECK_OK(try_route(r), &err);
}

/* The routes of a list whose destination is this one. */
struct seen {
	struct fl_prefix dst;
	int n, total;
	struct fl_route r[8];
};

static int each_route(const struct fl_route *r, void *arg, struct fl_err *e)
{
	struct seen *s = arg;

	(void)e;
	s->total++;
	if (r->dst.len == s->dst.len && fl_ip_cmp(&r->dst.ip, &s->dst.ip) == 0 && s->n < 8)
		s->r[s->n++] = *r;
	return 0;
}

static struct seen list(const char *link, const char *dst)
{
	struct seen s = { .dst = prefix(dst) };

	CHECK_OK(fl_route_list(nl, link_of(nl, link).index, each_route, &s, &err), &err);
	return s;
}

static void same(const struct fl_route *a, const struct fl_route *b)
{
	assert_int_equal(a->dst.len, b->dst.len);
	assert_int_equal(fl_ip_cmp(&a->dst.ip, &b->dst.ip), 0);
	assert_int_equal(a->has_gw, b->has_gw);
	if (b->has_gw)
		assert_int_equal(fl_ip_cmp(&a->gw, &b->gw), 0);
	assert_int_equal(a->link, b->link);
	assert_int_equal(a->table, b->table);
	assert_int_equal(a->mtu, b->mtu);
	assert_int_equal(a->advmss, b->advmss);
	if (b->priority)
		assert_int_equal(a->priority, b->priority);
	if (fl_ip_is4(&b->dst.ip))
		assert_int_equal(a->scope, b->scope);
}

/* Puts the route, and finds exactly it. */
static void comes_back(const char *dst, const struct fl_route *r)
{
	struct seen s;

	add(r);
	s = list("h0", dst);
	assert_int_equal(s.n, 1);
	same(&s.r[0], r);
}

static void have_addresses(void)
{
	must("ip addr add 10.88.0.2/24 dev h0 && ip addr add fd88::2/64 dev h0 nodad");
}

static void plain_routes_come_back(void **state)
{
	struct fl_route r;

	(void)state;
	have_addresses();
	r = route("0.0.0.0/0", "10.88.0.1");
	comes_back("0.0.0.0/0", &r);
	r = route("::/0", "fd88::1");
	comes_back("::/0", &r);
	r = route("192.0.2.0/24", "10.88.0.1");
	comes_back("192.0.2.0/24", &r);
	r = route("2001:db8::/32", "fd88::1");
	comes_back("2001:db8::/32", &r);
	r = route("198.51.100.7/32", NULL);
	comes_back("198.51.100.7/32", &r);
	r = route("2001:db9::7/128", NULL);
	comes_back("2001:db9::7/128", &r);
}

static void mtu_advmss_priority_table_and_scope_come_back(void **state)
{
	struct fl_route r;

	(void)state;
	have_addresses();
	r = route("192.0.2.0/24", "10.88.0.1");
	r.mtu = 1300;
	r.advmss = 1200;
	r.priority = 77;
	r.table = 100;
	comes_back("192.0.2.0/24", &r);
	r = route("2001:db8::/32", "fd88::1");
	r.mtu = 1300;
	r.advmss = 1200;
	r.priority = 77;
	r.table = 70000; /* more than the old field of 8 bits holds */
	comes_back("2001:db8::/32", &r);
	r = route("203.0.113.0/24", NULL);
	r.table = 70000;
	r.mtu = 1280;
	comes_back("203.0.113.0/24", &r);
	r.dst = prefix("203.0.113.0/25");
	r.scope = FL_ROUTE_SCOPE_GLOBAL;
	comes_back("203.0.113.0/25", &r);
	shows("ip route show table 70000", "203.0.113.0/25 dev h0 mtu 1280", true);
}

static void the_very_same_route_is_eexist(void **state)
{
	struct fl_route r4, r6;

	(void)state;
	have_addresses();
	r4 = route("192.0.2.0/24", "10.88.0.1");
	r6 = route("2001:db8::/32", "fd88::1");
	add(&r4);
	add(&r6);
	CHECK_FAILS(try_route(&r4), EEXIST, &err, "add route 192.0.2.0/24");
	CHECK_FAILS(try_route(&r6), EEXIST, &err, "add route 2001:db8::/32");
}

static void gateway_out_of_reach_is_refused_with_the_kernels_sentence(void **state)
{
	struct fl_route r;

	(void)state;
	have_addresses();
	r = route("192.0.2.0/24", "10.99.0.1");
	CHECK_FAILS(try_route(&r), ENETUNREACH, &err,
		    "add route 192.0.2.0/24: Network is unreachable (Nexthop has invalid gateway)");
	assert_int_equal(list("h0", "192.0.2.0/24").n, 0);
}

static void ipv4_routes_with_other_next_hops_stand_beside(void **state)
{
	struct fl_route a, b;
	struct seen s;

	(void)state;
	have_addresses();
	a = route("192.0.2.0/24", "10.88.0.1");
	b = route("192.0.2.0/24", "10.88.0.3");
	add(&a);
	add(&b);
	s = list("h0", "192.0.2.0/24");
	assert_int_equal(s.n, 2);
	same(&s.r[0], fl_ip_cmp(&s.r[0].gw, &a.gw) == 0 ? &a : &b);
	CHECK(fl_ip_cmp(&s.r[0].gw, &s.r[1].gw) != 0);
}

/* IPv6 makes one route with two next hops of them. */
static void ipv6_routes_with_other_next_hops_are_listed_each(void **state)
{
	struct fl_route a, b;
	struct seen s;

	(void)state;
	have_addresses();
	a = route("2001:db8::/32", "fd88::1");
	b = route("2001:db8::/32", "fd88::3");
	a.mtu = b.mtu = 1300;
	add(&a);
	add(&b);
	shows("ip -6 route show 2001:db8::/32", "nexthop via fd88::3", true);
	s = list("h0", "2001:db8::/32");
	assert_int_equal(s.n, 2);
	same(&s.r[0], fl_ip_cmp(&s.r[0].gw, &a.gw) == 0 ? &a : &b);
	same(&s.r[1], fl_ip_cmp(&s.r[1].gw, &a.gw) == 0 ? &a : &b);
	CHECK(fl_ip_cmp(&s.r[0].gw, &s.r[1].gw) != 0);
}

static void next_hops_through_other_links_are_left_out(void **state)
{
	struct seen s;

	(void)state;
	have_addresses();
	must("ip addr add 10.89.0.2/24 dev h1 && ip addr add fd89::2/64 dev h1 nodad && "
	     "ip route add 192.0.2.0/24 nexthop via 10.88.0.1 nexthop via 10.89.0.1 && "
	     "ip route add 2001:db8::/32 nexthop via fd89::1 nexthop via fd88::1");
	s = list("h0", "192.0.2.0/24");
	assert_int_equal(s.n, 1);
	assert_int_equal(s.r[0].gw.b[13], 88);
	s = list("h1", "192.0.2.0/24");
	assert_int_equal(s.n, 1);
	assert_int_equal(s.r[0].gw.b[13], 89);
	s = list("h0", "2001:db8::/32");
	assert_int_equal(s.n, 1);
	assert_int_equal(s.r[0].gw.b[1], 0x88);
}

static void only_unicast_routes_are_listed(void **state)
{
	struct seen s;

	(void)state;
	have_addresses(); /* which make local, broadcast and multicast routes */
	must("ip route add blackhole 192.0.2.0/24 && ip route add local 198.51.100.1 dev h0");
	s = list("h0", "10.88.0.0/24");
	assert_int_equal(s.n, 1);
	CHECK(!s.r[0].has_gw && s.r[0].scope == FL_ROUTE_SCOPE_LINK);
	assert_int_equal(s.total, 2); /* and fd88::/64 */
}

static int each_refuse(const struct fl_route *r, void *arg, struct fl_err *e)
{
	(void)r;
	++*(int *)arg;
	return fl_fail(e, EDOM, "enough");
}

static void list_ends_with_its_callbacks_error(void **state)
{
	int calls = 0;

	(void)state;
	have_addresses();
	CHECK_FAILS(fl_route_list(nl, link_of(nl, "h0").index, each_refuse, &calls, &err), EDOM,
		    &err, "enough");
	assert_int_equal(calls, 1);
}

static void route_through_an_absent_link_is_enodev(void **state)
{
	struct fl_route r;

	(void)state;
	r = route("192.0.2.0/24", NULL);
	r.link = 4711;
	CHECK_FAILS(try_route(&r), ENODEV, &err, "add route 192.0.2.0/24");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T_LINK(plain_routes_come_back),
		T_LINK(mtu_advmss_priority_table_and_scope_come_back),
		T_LINK(the_very_same_route_is_eexist),
		T_LINK(gateway_out_of_reach_is_refused_with_the_kernels_sentence),
		T_LINK(ipv4_routes_with_other_next_hops_stand_beside),
		T_LINK(ipv6_routes_with_other_next_hops_are_listed_each),
		T_LINK(next_hops_through_other_links_are_left_out),
		T_LINK(only_unicast_routes_are_listed),
		T_LINK(list_ends_with_its_callbacks_error),
		T_LINK(route_through_an_absent_link_is_enodev),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
