// SPDX-License-Identifier: Apache-2.0
/* Addresses of links in the kernel. */
#include "nettest.h"

#include <sys/socket.h>

#include "net/addr.h"

static int try_add(const char *text, bool dad)
{
	fl_auto_batch struct fl_batch *b = batch();
	struct fl_prefix p = prefix(text);

	fl_addr_put(b, link_of(nl, "h0").index, &p, dad);
	return fl_batch_send(nl, b, &err);
}

static void add(const char *text)
{
	CHECK_OK(try_add(text, false), &err);
}

/* Addresses of a list, as text. */
struct seen {
	char text[1024];
	int n, tentative;
};

static int each_addr(const struct fl_addr *a, void *arg, struct fl_err *e)
{
	struct seen *s = arg;
	char text[FL_PREFIX_STR];

	(void)e;
	strcat(s->text, fl_prefix_format(&a->addr, text));
	strcat(s->text, " ");
	s->tentative += a->tentative;
	s->n++;
	CHECK(!a->dad_failed);
	return 0;
}

static struct seen list(int family)
{
	struct seen s = { 0 };

	CHECK_OK(fl_addr_list(nl, link_of(nl, "h0").index, family, each_addr, &s, &err), &err);
	return s;
}

static void addresses_are_listed_by_family(void **state)
{
	(void)state;
	assert_string_equal(list(0).text, "");
	add("10.88.0.1/24");
	add("192.0.2.7/32");
	add("fd88::1/64");
	assert_string_equal(list(AF_INET).text, "10.88.0.1/24 192.0.2.7/32 ");
	assert_string_equal(list(AF_INET6).text, "fd88::1/64 ");
	assert_int_equal(list(0).n, 3);
}

static void addresses_of_other_links_are_not_listed(void **state)
{
	(void)state;
	add("10.88.0.1/24");
	must("ip addr add 10.89.0.1/24 dev h1 && ip addr add fd89::1/64 dev h1 nodad");
	assert_string_equal(list(0).text, "10.88.0.1/24 ");
}

static int each_count(const struct fl_addr *a, void *arg, struct fl_err *e)
{
	(void)a;
	(void)e;
	++*(int *)arg;
	return 0;
}

static int each_of_h0(const struct fl_addr *a, void *arg, struct fl_err *e)
{
	(void)e;
	if (a->link == *(uint32_t *)arg)
		*(uint32_t *)arg = 0;
	return 0;
}

static void addresses_of_all_links_say_whose_they_are(void **state)
{
	uint32_t h0 = link_of(nl, "h0").index, seen = h0;
	int n = 0;

	(void)state;
	add("10.88.0.1/24");
	must("ip addr add 10.99.0.1/24 dev h1");
	CHECK_OK(fl_addr_list(nl, 0, AF_INET, each_of_h0, &seen, &err), &err);
	assert_int_equal(seen, 0);
	CHECK_OK(fl_addr_list(nl, 0, AF_INET, each_count, &n, &err), &err);
	assert_int_equal(n, 2);
}

static void second_add_is_eexist_and_names_the_address(void **state)
{
	(void)state;
	add("10.88.0.1/24");
	add("fd88::1/64");
	CHECK_FAILS(try_add("10.88.0.1/24", false), EEXIST, &err, "add address 10.88.0.1/24");
	CHECK_FAILS(try_add("fd88::1/64", false), EEXIST, &err, "add address fd88::1/64");
	assert_int_equal(list(0).n, 2);
}

static void ipv4_subnet_up_to_30_gets_its_broadcast_address(void **state)
{
	(void)state;
	add("10.88.0.1/24");
	add("10.89.0.1/30");
	add("10.90.0.0/31");
	add("10.91.0.1/32");
	must("ip -4 -o addr show dev h0");
	CHECK(strstr(out, "10.88.0.1/24 brd 10.88.0.255 "));
	CHECK(strstr(out, "10.89.0.1/30 brd 10.89.0.3 "));
	CHECK(strstr(out, "10.90.0.0/31 scope"));
	CHECK(strstr(out, "10.91.0.1/32 scope"));
}

static void ipv6_address_is_usable_at_once_unless_dad_is_wanted(void **state)
{
	(void)state;
	add("fd88::1/64");
	assert_int_equal(list(AF_INET6).tentative, 0);
	shows("ip -6 addr show dev h0", "nodad", true);
	CHECK_OK(try_add("fd88::2/64", true), &err);
	assert_int_equal(list(AF_INET6).tentative, 1);
}

static void del_removes_one_and_of_an_absent_address_is_done(void **state)
{
	struct fl_prefix p4 = prefix("10.88.0.1/24"), p6 = prefix("fd88::1/64");
	uint32_t h0 = link_of(nl, "h0").index;

	(void)state;
	add("10.88.0.1/24");
	add("10.88.0.2/24");
	add("fd88::1/64");
	CHECK_OK(fl_addr_del(nl, h0, &p4, &err), &err);
	CHECK_OK(fl_addr_del(nl, h0, &p6, &err), &err);
	assert_int_equal(list(AF_INET6).n, 0);
	CHECK(!strstr(list(AF_INET).text, "10.88.0.1/"));
	CHECK_OK(fl_addr_del(nl, h0, &p4, &err), &err);
	CHECK_OK(fl_addr_del(nl, h0, &p6, &err), &err);
	CHECK_OK(fl_addr_del(nl, 4711, &p4, &err), &err);
}

static void add_to_an_absent_link_is_enodev(void **state)
{
	struct fl_prefix p4 = prefix("10.88.0.1/24"), p6 = prefix("fd88::1/64");
	fl_auto_batch struct fl_batch *b = batch();

	(void)state;
	fl_addr_put(b, 4711, &p4, false);
	CHECK_FAILS(fl_batch_send(nl, b, &err), ENODEV, &err, "add address 10.88.0.1/24");
	fl_addr_put(b, 4711, &p6, false);
	CHECK_FAILS(fl_batch_send(nl, b, &err), ENODEV, &err, "add address fd88::1/64");
}

static int each_refuse(const struct fl_addr *a, void *arg, struct fl_err *e)
{
	(void)a;
	++*(int *)arg;
	return fl_fail(e, EDOM, "enough");
}

static void list_ends_with_its_callbacks_error(void **state)
{
	int calls = 0;

	(void)state;
	add("10.88.0.1/24");
	add("10.88.0.2/24");
	CHECK_FAILS(fl_addr_list(nl, link_of(nl, "h0").index, 0, each_refuse, &calls, &err), EDOM,
		    &err, "enough");
	assert_int_equal(calls, 1);
}

/* More than one read of the socket brings. */
static void three_thousand_addresses_are_all_listed(void **state)
{
	uint32_t h0 = link_of(nl, "h0").index;
	char text[FL_PREFIX_STR];
	int n = 0;

	(void)state;
	for (int i = 0; i < 50; i++) {
		struct fl_batch *b = batch();

		for (int j = 0; j < 60; j++) {
			struct fl_prefix p;

			(void)snprintf(text, sizeof(text), "10.%d.%d.1/32", i, j);
			p = prefix(text);
			fl_addr_put(b, h0, &p, false);
		}
		send_batch(nl, b);
	}
	CHECK_OK(fl_addr_list(nl, h0, 0, each_count, &n, &err), &err);
	assert_int_equal(n, 3000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T_LINK(addresses_are_listed_by_family),
		T_LINK(addresses_of_other_links_are_not_listed),
		T_LINK(addresses_of_all_links_say_whose_they_are),
		T_LINK(second_add_is_eexist_and_names_the_address),
		T_LINK(ipv4_subnet_up_to_30_gets_its_broadcast_address),
		T_LINK(ipv6_address_is_usable_at_once_unless_dad_is_wanted),
		T_LINK(del_removes_one_and_of_an_absent_address_is_done),
		T_LINK(add_to_an_absent_link_is_enodev),
		T_LINK(list_ends_with_its_callbacks_error),
		T_LINK(three_thousand_addresses_are_all_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
