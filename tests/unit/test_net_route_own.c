// SPDX-License-Identifier: Apache-2.0
/*
 * Routes that carry who made them: they are found by it, replaced and removed only as asked; and
 * which route the kernel would take.
 */
#include "nettest.h"

#include "net/route.h"

static struct fl_route route(const char *dst, const char *gw)
{
	struct fl_route r = {
		.dst = prefix(dst),
		.table = FL_ROUTE_TABLE_MAIN,
		.protocol = FL_ROUTE_BY_AGENT,
		.type = gw ? FL_ROUTE_UNICAST : FL_ROUTE_BLACKHOLE,
	};

	if (gw) {
		r.has_gw = true;
		r.link = link_of(nl, "h0").index;
		CHECK_OK(fl_ip_parse(gw, &r.gw, &err), &err);
	}
	return r;
}

typedef void route_put(struct fl_batch *b, const struct fl_route *r);

static int try_put(route_put *put, const struct fl_route *r)
{
	fl_auto_batch struct fl_batch *b = batch();

	put(b, r);
	return fl_batch_send(nl, b, &err);
}

#define PUT(put, r) CHECK_OK(try_put(put, r), &err)

struct seen {
	size_t n;
	struct fl_route r[8];
};

static int each_route(const struct fl_route *r, void *arg, struct fl_err *e)
{
	struct seen *s = arg;

	(void)e;
	CHECK(s->n < 8);
	s->r[s->n++] = *r;
	return 0;
}

static struct seen by(uint8_t protocol)
{
	struct seen s = { 0 };

	CHECK_OK(fl_route_list_by(nl, protocol, each_route, &s, &err), &err);
	return s;
}

/* The only route of the protocol is this one, in every field. */
static void only(uint8_t protocol, const struct fl_route *want)
{
	struct seen s = by(protocol);

	assert_int_equal(s.n, 1);
	CHECK(fl_ip_cmp(&s.r[0].dst.ip, &want->dst.ip) == 0 && s.r[0].dst.len == want->dst.len);
	CHECK(s.r[0].type == want->type && s.r[0].link == want->link &&
	      s.r[0].has_gw == want->has_gw && s.r[0].onlink == want->onlink);
	CHECK(!want->has_gw || fl_ip_cmp(&s.r[0].gw, &want->gw) == 0);
	CHECK(s.r[0].table == want->table && s.r[0].protocol == want->protocol &&
	      s.r[0].mtu == want->mtu && s.r[0].has_src == want->has_src);
	CHECK(!want->has_src || fl_ip_cmp(&s.r[0].src, &want->src) == 0);
	CHECK(!want->priority || s.r[0].priority == want->priority);
}

static int setup_addrs(void **state)
{
	if (setup_link(state) < 0)
		return -1;
	return sh("ip addr add 10.88.0.2/24 dev h0 && ip addr add fd88::2/64 dev h0 nodad");
}

#define T_ADDRS(name) cmocka_unit_test_setup_teardown(name, setup_addrs, teardown)

static void onlink_blackhole_source_and_protocol_come_back(void **state)
{
	struct fl_route r = route("10.244.1.0/24", "10.244.1.0");

	(void)state;
	r.onlink = true;
	r.has_src = true;
	r.mtu = 1300;
	CHECK_OK(fl_ip_parse("10.88.0.2", &r.src, &err), &err);
	PUT(fl_route_put, &r);
	only(FL_ROUTE_BY_AGENT, &r);
	shows("ip route show proto 172",
	      "10.244.1.0/24 via 10.244.1.0 dev h0 src 10.88.0.2 onlink mtu 1300", true);
	r = route("10.244.2.0/24", NULL);
	r.protocol = FL_ROUTE_BY_PEERS;
	PUT(fl_route_put, &r);
	only(FL_ROUTE_BY_PEERS, &r);
	shows("ip route show proto 171", "blackhole 10.244.2.0/24", true);
}

static void the_same_for_ipv6(void **state)
{
	struct fl_route r = route("fd00:1::/64", "fe80::1");

	(void)state;
	r.onlink = true;
	r.priority = 1024;
	r.has_src = true;
	CHECK_OK(fl_ip_parse("fd88::2", &r.src, &err), &err);
	PUT(fl_route_put, &r);
	only(FL_ROUTE_BY_AGENT, &r);
	r = route("fd00:2::/64", NULL);
	r.protocol = FL_ROUTE_BY_PEERS;
	PUT(fl_route_put, &r);
	only(FL_ROUTE_BY_PEERS, &r);
	shows("ip -6 route show proto 171", "blackhole fd00:2::/64", true);
}

static void replacing_leaves_one_route_whatever_kind_it_was(void **state)
{
	static const char *const dst[] = { "10.244.1.0/24", "fd00:1::/64" },
				 *const gw[] = { "10.88.0.1", "fd88::1" },
				 *const other[] = { "10.88.0.3", "fd88::3" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct fl_route a = route(dst[i], gw[i]), b = route(dst[i], other[i]),
				hole = route(dst[i], NULL);

		PUT(fl_route_put_replace, &a); /* there is none to replace */
		only(FL_ROUTE_BY_AGENT, &a);
		PUT(fl_route_put_replace, &b);
		only(FL_ROUTE_BY_AGENT, &b);
		PUT(fl_route_put_replace, &hole);
		only(FL_ROUTE_BY_AGENT, &hole);
		a.mtu = 1280;
		PUT(fl_route_put_replace, &a);
		only(FL_ROUTE_BY_AGENT, &a);
		PUT(fl_route_put_del, &a);
	}
}

static void new_route_is_refused_where_there_is_one_of_anybodys(void **state)
{
	struct fl_route a = route("10.244.1.0/24", "10.88.0.1"),
			b = route("fd00:1::/64", "fd88::1");

	(void)state;
	must("ip route add 10.244.1.0/24 via 10.88.0.9 proto bird && "
	     "ip route add fd00:1::/64 via fd88::9 proto bird");
	CHECK_FAILS(try_put(fl_route_put_new, &a), EEXIST, &err, "add route 10.244.1.0/24");
	CHECK_FAILS(try_put(fl_route_put_new, &b), EEXIST, &err, "add route fd00:1::/64");
	a.priority = b.priority = 7; /* beside it */
	PUT(fl_route_put_new, &a);
	PUT(fl_route_put_new, &b);
	assert_int_equal(by(FL_ROUTE_BY_AGENT).n, 2);
	assert_int_equal(by(12).n, 2);
}

static void removing_needs_the_protocol_and_no_route(void **state)
{
	struct fl_route a = route("10.244.1.0/24", "10.88.0.1"),
			b = route("fd00:1::/64", "fd88::1"), hole = route("10.244.2.0/24", NULL),
			hole6 = route("fd00:2::/64", NULL);

	(void)state;
	must("ip route add 10.244.1.0/24 via 10.88.0.1 proto bird && "
	     "ip route add fd00:1::/64 via fd88::1 proto bird");
	PUT(fl_route_put_del, &a);
	PUT(fl_route_put_del, &b);
	assert_int_equal(by(12).n, 2);
	a.protocol = b.protocol = 12;
	PUT(fl_route_put_del, &a);
	PUT(fl_route_put_del, &b);
	assert_int_equal(by(12).n, 0);
	PUT(fl_route_put_del, &a);
	PUT(fl_route_put, &hole);
	PUT(fl_route_put, &hole6);
	PUT(fl_route_put_del, &hole);
	PUT(fl_route_put_del, &hole6);
	assert_int_equal(by(FL_ROUTE_BY_AGENT).n, 0);
}

static void only_the_main_tables_routes_of_the_protocol_are_listed(void **state)
{
	struct fl_route a = route("10.244.1.0/24", "10.88.0.1"), c;

	(void)state;
	c = a;
	c.table = 100;
	PUT(fl_route_put, &a);
	PUT(fl_route_put, &c);
	must("ip route add 10.244.3.0/24 via 10.88.0.1 && ip -6 route add fd00:1::/64 via fd88::1");
	only(FL_ROUTE_BY_AGENT, &a);
	/* By anybody: ours, by hand two, and by the kernel one for each address's net. */
	assert_int_equal(by(0).n, 5);
}

static struct fl_route look_up(const char *to)
{
	struct fl_route r = { 0 };
	struct fl_ip ip = { 0 };

	CHECK_OK(fl_ip_parse(to, &ip, &err), &err);
	CHECK_OK(fl_route_lookup(nl, &ip, &r, &err), &err);
	return r;
}

static void lookup_tells_link_gateway_source_and_mtu(void **state)
{
	static const char *const via[] = { "192.0.2.7", "2001:db8::7" },
				 *const near[] = { "10.88.0.7", "fd88::7" },
				 *const gw[] = { "10.88.0.1", "fd88::1" },
				 *const src[] = { "10.88.0.2", "fd88::2" };
	char text[FL_IP_STR];

	(void)state;
	must("ip route add 192.0.2.0/24 via 10.88.0.1 mtu 1300 && "
	     "ip route add 2001:db8::/32 via fd88::1 mtu 1300");
	for (int i = 0; i < 2; i++) {
		struct fl_route r = look_up(via[i]);

		assert_int_equal(r.link, link_of(nl, "h0").index);
		CHECK(r.has_gw && r.has_src);
		assert_int_equal(r.mtu, 1300);
		assert_string_equal(fl_ip_format(&r.gw, text), gw[i]);
		assert_string_equal(fl_ip_format(&r.src, text), src[i]);
		r = look_up(near[i]);
		CHECK(!r.has_gw);
		assert_int_equal(r.mtu, 0);
		assert_string_equal(fl_ip_format(&r.src, text), src[i]);
	}
}

static void lookup_works_after_a_list_too(void **state)
{
	(void)state;
	(void)by(0); /* after which the kernel reads questions on this socket strictly */
	CHECK(!look_up("10.88.0.7").has_gw);
	CHECK(!look_up("fd88::7").has_gw);
}

static void lookup_without_a_way_is_enetunreach(void **state)
{
	static const char *const to[] = { "192.0.2.7",	 "198.51.100.1", "203.0.113.1",
					  "2001:db8::1", "2001:db9::1",	 "2001:dba::1" };

	(void)state;
	must("ip route add blackhole 198.51.100.0/24 && ip route add unreachable 203.0.113.0/24 && "
	     "ip route add blackhole 2001:db9::/32 && ip route add prohibit 2001:dba::/32");
	for (size_t i = 0; i < FL_ARRAY_LEN(to); i++) {
		struct fl_route r;
		struct fl_ip ip = { 0 };

		CHECK_OK(fl_ip_parse(to[i], &ip, &err), &err);
		CHECK_FAILS(fl_route_lookup(nl, &ip, &r, &err), ENETUNREACH, &err, to[i]);
		assert_int_equal(err.sys, ENETUNREACH);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T_ADDRS(onlink_blackhole_source_and_protocol_come_back),
		T_ADDRS(the_same_for_ipv6),
		T_ADDRS(replacing_leaves_one_route_whatever_kind_it_was),
		T_ADDRS(new_route_is_refused_where_there_is_one_of_anybodys),
		T_ADDRS(removing_needs_the_protocol_and_no_route),
		T_ADDRS(only_the_main_tables_routes_of_the_protocol_are_listed),
		T_ADDRS(lookup_tells_link_gateway_source_and_mtu),
		T_ADDRS(lookup_works_after_a_list_too),
		T_ADDRS(lookup_without_a_way_is_enetunreach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
