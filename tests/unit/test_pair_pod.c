// SPDX-License-Identifier: Apache-2.0
/* The pod's end of the pair: addresses, routes and IPv6 as the result says. */
#include "nettest.h"

#include "attach/pair.h"

static struct fl_cni_result res;
static struct fl_pod to;

/* h0 <-> eth0, the host's end up; res is empty. */
static int setup_pair(void **state)
{
	struct fl_batch *b;

	if (setup(state) < 0)
		return -1;
	b = batch();
	fl_link_put_veth(b, &(struct fl_veth){ .name = "h0", .peer = "eth0", .peer_netns = pod });
	fl_link_put_set(b, &(struct fl_link_set){ .name = "h0", .up = FL_ON });
	send_batch(nl, b);
	to = (struct fl_pod){ .netns_fd = pod,
			      .ifname = "eth0",
			      .index = link_of(pod_nl, "eth0").index };
	return 0;
}

static int teardown_pair(void **state)
{
	fl_cni_result_done(&res);
	return teardown(state);
}

static void ip(const char *address, const char *gateway)
{
	struct fl_cni_ip *i;

	CHECK_OK(fl_cni_result_add_ip(&res, &i, &err), &err);
	i->address = prefix(address);
	i->interface = 0;
	i->has_gateway = gateway != NULL;
	if (gateway)
		CHECK_OK(fl_ip_parse(gateway, &i->gateway, &err), &err);
	if (!fl_ip_is4(&i->address.ip) && to.ipv6 == FL_POD_NO_IPV6)
		to.ipv6 = FL_POD_IPV6;
}

static struct fl_cni_route *route(const char *dst, const char *gw)
{
	struct fl_cni_route *r;

	CHECK_OK(fl_cni_result_add_route(&res, &r, &err), &err);
	r->dst = prefix(dst);
	if (gw) {
		r->has = FL_CNI_ROUTE_GW;
		CHECK_OK(fl_ip_parse(gw, &r->gw, &err), &err);
	}
	return r;
}

static void configure(void)
{
	CHECK_OK(fl_pod_configure(&to, &res, &err), &err);
}

static void pod_with_ipv4_only_has_its_address_and_no_link_local_one(void **state)
{
	(void)state;
	ip("10.88.0.2/24", "10.88.0.1");
	configure();
	CHECK(link_of(pod_nl, "eth0").up);
	shows("$POD ip addr show dev eth0", "inet 10.88.0.2/24 brd 10.88.0.255", true);
	shows("$POD ip addr show dev eth0", "inet6", false);
	shows("$POD cat /proc/sys/net/ipv4/conf/eth0/arp_notify", "1", true);
}

static void routed_pod_has_permanent_gateways_that_are_on_its_link(void **state)
{
	struct fl_neigh gateways[2] = { 0 };

	(void)state;
	CHECK_OK(fl_ip_parse("169.254.1.1", &gateways[0].ip, &err), &err);
	CHECK_OK(fl_ip_parse("fe80::1", &gateways[1].ip, &err), &err);
	memcpy(gateways[0].mac, "\2\0\0\0\0\7", FL_MAC_LEN);
	memcpy(gateways[1].mac, "\2\0\0\0\0\7", FL_MAC_LEN);
	to.gateways = gateways;
	to.n_gateways = 2;
	ip("10.88.0.2/32", "10.88.0.1");
	ip("fd88::2/128", NULL);
	route("0.0.0.0/0", "169.254.1.1")->mtu = 1300;
	(void)route("::/0", "fe80::1");
	configure();
	shows("$POD ip addr show dev eth0", "inet 10.88.0.2/32", true);
	shows("$POD ip route", "default via 169.254.1.1 dev eth0 onlink", true);
	shows("$POD ip -6 route", "default via fe80::1 dev eth0", true);
	shows("$POD ip neigh", "169.254.1.1 dev eth0 lladdr 02:00:00:00:00:07 PERMANENT", true);
	shows("$POD ip neigh", "fe80::1 dev eth0 lladdr 02:00:00:00:00:07 PERMANENT", true);
	shows("$POD cat /proc/sys/net/ipv4/conf/eth0/arp_notify", "0", true);
}

static void dual_stack_pod_can_use_its_addresses_at_once(void **state)
{
	(void)state;
	ip("10.88.0.2/24", "10.88.0.1");
	ip("fd88::2/64", "fd88::1");
	route("::/0", NULL);
	configure();
	shows("$POD ip -6 addr show dev eth0 to fd88::2", "tentative", false);
	must("$POD ip -6 addr show dev eth0");
	CHECK(strstr(out, "inet6 fd88::2/64") && strstr(out, "inet6 fe80:"));
	shows("$POD ip -6 route show default", "default via fd88::1 dev eth0", true);
	must("ip addr add fd88::1/64 dev h0 nodad && ping -6 -c 1 -W 2 fd88::2");
}

static void settled_pod_takes_packets_to_each_of_its_addresses(void **state)
{
	fl_auto_nl struct fl_nl *kept = NULL;
	struct fl_deadline later = fl_deadline_in(60000), past = fl_deadline_in(0);
	char text[32], want[64];

	(void)state;
	to.nl = &kept;
	ip("10.88.0.2/24", NULL);
	for (int i = 2; i < 12; i++) {
		(void)snprintf(text, sizeof(text), "fd88::%d/64", i);
		ip(text, NULL);
	}
	configure();
	CHECK_OK(fl_pod_settle(&to, &res, &later, &err), &err);
	must("$POD ip -6 route show table local");
	for (int i = 2; i < 12; i++) {
		(void)snprintf(want, sizeof(want), "local fd88::%d dev eth0", i);
		CHECK(strstr(out, want));
	}
	/* One that is not there never is. */
	ip("fd88::99/64", NULL);
	CHECK_FAILS(fl_pod_settle(&to, &res, &past, &err), ETIMEDOUT, &err, "'fd88::99'");
	to.ipv6 = FL_POD_IPV6_DAD;
	CHECK_OK(fl_pod_settle(&to, &res, &past, &err), &err);
	to.nl = NULL;
}

static void enabledad_leaves_the_address_tentative_until_it_was_probed(void **state)
{
	(void)state;
	to.ipv6 = FL_POD_IPV6_DAD;
	ip("fd88::2/64", NULL);
	configure();
	shows("$POD ip -6 addr show dev eth0", "fd88::2/64 scope global tentative", true);
}

static void ipv6_is_switched_on_where_the_namespace_has_it_off(void **state)
{
	(void)state;
	must("$POD sh -c 'echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6'");
	ip("fd88::2/64", NULL);
	configure();
	shows("$POD ip -6 addr show dev eth0", "inet6 fd88::2/64", true);
	shows("$POD cat /proc/sys/net/ipv6/conf/eth0/keep_addr_on_down", "1", true);
}

static void pod_without_addresses_is_set_up_and_left_as_the_kernel_makes_it(void **state)
{
	(void)state;
	configure();
	CHECK(link_of(pod_nl, "eth0").up);
	shows("$POD ip -6 addr show dev eth0", "inet6 fe80:", true);
	shows("$POD cat /proc/sys/net/ipv4/conf/eth0/arp_notify", "0", true);
}

static void only_addresses_of_this_interface_are_taken(void **state)
{
	(void)state;
	ip("10.88.0.2/24", NULL);
	ip("10.89.0.2/24", NULL);
	res.ips[1].interface = 1;
	ip("10.90.0.2/24", NULL);
	res.ips[2].interface = -1;
	configure();
	must("$POD ip -4 -o addr show dev eth0");
	CHECK(strstr(out, "10.88.") && !strstr(out, "10.89.") && !strstr(out, "10.90."));
}

static void route_without_a_gateway_takes_the_first_of_its_family(void **state)
{
	(void)state;
	ip("fd88::2/64", "fd88::1");
	ip("10.88.0.2/24", "10.88.0.1");
	ip("10.89.0.2/24", "10.89.0.1");
	route("0.0.0.0/0", NULL);
	route("192.0.2.0/24", "10.89.0.9");
	route("2001:db8::/32", NULL);
	configure();
	shows("$POD ip route show default", "default via 10.88.0.1 dev eth0", true);
	shows("$POD ip route show 192.0.2.0/24", "via 10.89.0.9", true);
	shows("$POD ip -6 route show 2001:db8::/32", "via fd88::1", true);
}

static void route_is_on_link_without_any_gateway_or_with_scope_link(void **state)
{
	struct fl_cni_route *r;

	(void)state;
	ip("10.88.0.2/24", "10.88.0.1");
	ip("fd88::2/64", NULL);
	route("2001:db8::/32", NULL);
	r = route("192.0.2.0/24", NULL);
	r->has |= FL_CNI_ROUTE_SCOPE;
	r->scope = 253;
	configure();
	must("$POD ip route show 192.0.2.0/24");
	CHECK(strstr(out, "192.0.2.0/24 dev eth0") && !strstr(out, "via"));
	CHECK(strstr(out, "scope link"));
	must("$POD ip -6 route show 2001:db8::/32");
	CHECK(strstr(out, "dev eth0") && !strstr(out, "via"));
}

static void every_number_of_a_route_is_applied(void **state)
{
	struct fl_cni_route *r;

	(void)state;
	ip("10.88.0.2/24", "10.88.0.1");
	ip("fd88::2/64", "fd88::1");
	r = route("192.0.2.0/24", NULL);
	r->has = FL_CNI_ROUTE_MTU | FL_CNI_ROUTE_ADVMSS | FL_CNI_ROUTE_PRIORITY |
		 FL_CNI_ROUTE_TABLE | FL_CNI_ROUTE_SCOPE;
	r->mtu = 1300;
	r->advmss = 1200;
	r->priority = 77;
	r->table = 1000;
	r->scope = 0;
	r = route("2001:db8::/32", NULL);
	r->has = FL_CNI_ROUTE_MTU | FL_CNI_ROUTE_ADVMSS | FL_CNI_ROUTE_PRIORITY;
	r->mtu = 1300;
	r->advmss = 1200;
	r->priority = 77;
	configure();
	must("$POD ip route show table 1000");
	CHECK(strstr(out, "192.0.2.0/24 via 10.88.0.1 dev eth0 metric 77 mtu 1300 advmss 1200"));
	must("$POD ip -6 route show 2001:db8::/32");
	CHECK(strstr(out, "via fd88::1 dev eth0 metric 77 mtu 1300 advmss 1200"));
}

static void more_addresses_and_routes_than_one_call_carries_are_all_set(void **state)
{
	char text[FL_PREFIX_STR];

	(void)state;
	for (int i = 0; i < 64; i++) {
		(void)snprintf(text, sizeof(text), "10.88.%d.2/24", i);
		ip(text, "10.88.0.1");
	}
	for (int i = 0; i < 300; i++) {
		(void)snprintf(text, sizeof(text), "192.0.%d.%d/32", i / 256, i % 256);
		route(text, NULL);
	}
	configure();
	must("$POD ip -4 -o addr show dev eth0 | wc -l");
	assert_string_equal(out, "64\n");
	must("$POD ip route show via 10.88.0.1 | wc -l");
	assert_string_equal(out, "300\n");
}

static void what_cannot_be_set_is_named(void **state)
{
	(void)state;
	ip("10.88.0.2/24", NULL);
	route("192.0.2.0/24", "10.99.0.1");
	CHECK_FAILS(fl_pod_configure(&to, &res, &err), ENETUNREACH, &err,
		    "add route 192.0.2.0/24: Network is unreachable");
	to.index = 4711;
	CHECK_FAILS(fl_pod_configure(&to, &res, &err), ENODEV, &err, "set link 4711");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define P(name) cmocka_unit_test_setup_teardown(name, setup_pair, teardown_pair)
		P(pod_with_ipv4_only_has_its_address_and_no_link_local_one),
		P(routed_pod_has_permanent_gateways_that_are_on_its_link),
		P(dual_stack_pod_can_use_its_addresses_at_once),
		P(settled_pod_takes_packets_to_each_of_its_addresses),
		P(enabledad_leaves_the_address_tentative_until_it_was_probed),
		P(ipv6_is_switched_on_where_the_namespace_has_it_off),
		P(pod_without_addresses_is_set_up_and_left_as_the_kernel_makes_it),
		P(only_addresses_of_this_interface_are_taken),
		P(route_without_a_gateway_takes_the_first_of_its_family),
		P(route_is_on_link_without_any_gateway_or_with_scope_link),
		P(every_number_of_a_route_is_applied),
		P(more_addresses_and_routes_than_one_call_carries_are_all_set),
		P(what_cannot_be_set_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
