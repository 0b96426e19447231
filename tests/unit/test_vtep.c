// SPDX-License-Identifier: Apache-2.0
/* The VTEP: made once, mended in place, and never at another's cost. */
#include "nettest.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "net/addr.h"
#include "peers/vtep.h"

static struct fl_ip ip(const char *text)
{
	struct fl_ip i = { 0 };

	CHECK_OK(fl_ip_parse(text, &i, &err), &err);
	return i;
}

static struct fl_vtep vtep(const char *local)
{
	struct fl_vtep v = {
		.name = "fairlead.1",
		.vxlan = { .vni = 1, .port = FL_VTEP_PORT, .local = ip(local) },
		.mtu = 1400,
	};

	fl_vtep_mac(&v.vxlan.local, v.mac);
	return v;
}

static int ensure(const struct fl_vtep *v, struct fl_link *link, bool *changed)
{
	return fl_vtep_ensure(nl, v, link, changed, &err);
}

/* Makes it so; says whether something had to be done, and that nothing has to be the next time. */
static bool did(const struct fl_vtep *v, struct fl_link *link)
{
	struct fl_link again;
	bool changed = false, more = true;

	CHECK_OK(ensure(v, link, &changed), &err);
	CHECK_OK(ensure(v, &again, &more), &err);
	CHECK(!more);
	assert_int_equal(again.index, link->index);
	CHECK(link->up && link->mtu == v->mtu && memcmp(link->mac, v->mac, FL_MAC_LEN) == 0);
	CHECK(link->vxlan.vni == v->vxlan.vni && link->vxlan.port == v->vxlan.port);
	CHECK(fl_ip_cmp(&link->vxlan.local, &v->vxlan.local) == 0);
	CHECK(!link->learning && !link->external);
	return changed;
}

static void mac_address_follows_from_the_nodes_address(void **state)
{
	static const char *const nodes[] = { "192.0.2.1", "192.0.2.2", "2001:db8::1",
					     "2001:db8::2" };
	uint8_t mac[4][FL_MAC_LEN];
	char text[FL_MAC_STR];

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct fl_ip node = ip(nodes[i]);

		fl_vtep_mac(&node, mac[i]);
		assert_int_equal(mac[i][0] & 3, 2); /* locally administered, unicast */
		for (int j = 0; j < i; j++)
			CHECK(memcmp(mac[i], mac[j], FL_MAC_LEN) != 0);
	}
	/* Other nodes compute them too: they must never change. */
	fl_mac_format(mac[0], text);
	assert_string_equal(text, "02:fa:c0:00:02:01");
	fl_mac_format(mac[2], text);
	assert_string_equal(text, "06:2b:99:a4:a5:f3");
}

static void mtu_leaves_room_for_the_outer_headers(void **state)
{
	struct fl_ip v4 = ip("192.0.2.1"), v6 = ip("2001:db8::1");

	(void)state;
	assert_int_equal(fl_vtep_mtu(1500, &v4), 1450);
	assert_int_equal(fl_vtep_mtu(1500, &v6), 1430);
	assert_int_equal(fl_vtep_mtu(65535, &v4), 65485);
	assert_int_equal(fl_vtep_mtu(118, &v4), 68);
	assert_int_equal(fl_vtep_mtu(117, &v4), 0);
	assert_int_equal(fl_vtep_mtu(1350, &v6), 1280);
	assert_int_equal(fl_vtep_mtu(1349, &v6), 0);
	assert_int_equal(fl_vtep_mtu(0, &v4), 0);
}

static void vtep_is_made_for_both_families_of_underlay(void **state)
{
	struct fl_vtep v4 = vtep("192.0.2.1"), v6 = vtep("2001:db8::1");
	struct fl_link link;

	(void)state;
	v6.name = "fairlead6";
	CHECK(did(&v4, &link));
	CHECK(did(&v6, &link)); /* same VNI, same port: another underlay */
	shows("ip -d link show fairlead.1", "vxlan id 1 local 192.0.2.1 ", true);
	shows("ip addr show fairlead.1", "inet", false); /* no link-local address either */
}

static int each_text(const struct fl_addr *a, void *arg, struct fl_err *e)
{
	char *text = arg, one[FL_PREFIX_STR];

	(void)e;
	CHECK(strlen(text) < 1024);
	(void)snprintf(text + strlen(text), 64, "%s ", fl_prefix_format(&a->addr, one));
	return 0;
}

static const char *addrs(uint32_t link)
{
	static char text[1100];

	text[0] = '\0';
	CHECK_OK(fl_addr_list(nl, link, 0, each_text, text, &err), &err);
	return text;
}

static void its_addresses_are_those_asked_for_and_no_others(void **state)
{
	struct fl_prefix want[] = { prefix("10.244.1.0/32"), prefix("fd00:1::/128"),
				    prefix("10.244.2.0/32") };
	struct fl_vtep v = vtep("192.0.2.1");
	struct fl_link link;

	(void)state;
	v.addrs = want;
	v.n_addrs = 2;
	CHECK(did(&v, &link));
	assert_string_equal(addrs(link.index), "10.244.1.0/32 fd00:1::/128 ");
	must("ip addr add 10.9.9.9/24 dev fairlead.1 && ip addr del fd00:1::/128 dev fairlead.1");
	CHECK(did(&v, &link));
	assert_string_equal(addrs(link.index), "10.244.1.0/32 fd00:1::/128 ");
	v.addrs = want + 1;
	CHECK(did(&v, &link));
	assert_string_equal(addrs(link.index), "10.244.2.0/32 fd00:1::/128 ");
	v.n_addrs = 0;
	CHECK(did(&v, &link));
	assert_string_equal(addrs(link.index), "");
}

static void a_hundred_addresses_are_no_problem(void **state)
{
	struct fl_prefix want[100];
	struct fl_vtep v = vtep("192.0.2.1");
	struct fl_link link;

	(void)state;
	for (int i = 0; i < 100; i++) {
		want[i] = prefix("10.244.0.0/32");
		want[i].ip.b[14] = (uint8_t)i;
	}
	v.addrs = want;
	v.n_addrs = 100;
	CHECK(did(&v, &link));
	must("ip -4 -o addr show dev fairlead.1 | wc -l");
	assert_string_equal(out, "100\n");
}

static void what_can_be_changed_is_changed_in_place(void **state)
{
	struct fl_vtep v = vtep("192.0.2.1");
	struct fl_link first, link;

	(void)state;
	CHECK(did(&v, &first));
	v.vxlan.local = ip("192.0.2.7");
	CHECK(did(&v, &link));
	fl_vtep_mac(&v.vxlan.local, v.mac);
	CHECK(did(&v, &link));
	v.mtu = 1350;
	CHECK(did(&v, &link));
	must("ip link set fairlead.1 down");
	CHECK(did(&v, &link));
	must("ip link set fairlead.1 type vxlan id 1 learning");
	CHECK(did(&v, &link));
	assert_int_equal(link.index, first.index);
}

static void what_cannot_be_changed_is_made_anew(void **state)
{
	struct fl_vtep v = vtep("192.0.2.1");
	struct fl_link link;
	uint32_t index;

	(void)state;
	CHECK(did(&v, &link));
	for (int i = 0; i < 4; i++) {
		index = link.index;
		if (i == 0)
			v.vxlan.vni = 2;
		else if (i == 1)
			v.vxlan.port = 8472;
		else if (i == 2)
			v.vxlan.local = ip("2001:db8::1");
		else
			must("ip link del fairlead.1 && "
			     "ip link add fairlead.1 type vxlan external dstport 8472");
		CHECK(did(&v, &link));
		CHECK(link.index != index);
	}
}

static void name_of_another_kind_of_device_is_enotuniq(void **state)
{
	struct fl_vtep v = vtep("192.0.2.1");
	struct fl_link link;
	bool changed;

	(void)state;
	must("ip link add fairlead.1 type bridge");
	CHECK_FAILS(
		ensure(&v, &link, &changed), ENOTUNIQ, &err,
		"create VXLAN device 'fairlead.1': the name belongs to a device of type 'bridge'");
	v.name = "lo";
	CHECK_FAILS(ensure(&v, &link, &changed), ENOTUNIQ, &err, "a device of type 'physical'");
}

static void taken_vni_is_eaddrinuse_and_names_the_device(void **state)
{
	struct fl_vtep v = vtep("192.0.2.1");
	struct fl_link link;
	bool changed;

	(void)state;
	must("ip link add flannel.1 type vxlan id 1 dstport 4789 local 192.0.2.9");
	CHECK_FAILS(ensure(&v, &link, &changed), EADDRINUSE, &err,
		    "VNI 1 on UDP port 4789 belongs to device 'flannel.1'");
	CHECK(!has_link(nl, "fairlead.1"));
	/* One that would have to be made anew stays as it is. */
	v.vxlan.vni = 2;
	CHECK(did(&v, &link));
	v.vxlan.vni = 1;
	CHECK_FAILS(ensure(&v, &link, &changed), EADDRINUSE, &err, "device 'flannel.1'");
	assert_int_equal(link_of(nl, "fairlead.1").vxlan.vni, 2);
}

static void taken_port_is_eaddrinuse_and_names_the_device_if_it_is_one(void **state)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(FL_VTEP_PORT) };
	fl_auto_close int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct fl_vtep v = vtep("192.0.2.1");
	struct fl_link link;
	bool changed;

	(void)state;
	CHECK(udp >= 0 && bind(udp, (struct sockaddr *)&any, sizeof(any)) == 0);
	CHECK_FAILS(ensure(&v, &link, &changed), EADDRINUSE, &err,
		    "set up VXLAN device 'fairlead.1': UDP port 4789 is in use by another program");
	CHECK(!has_link(nl, "fairlead.1"));
	fl_close_p(&udp);
	must("ip link add geneve9 type vxlan external dstport 4789 && ip link set geneve9 up");
	CHECK_FAILS(ensure(&v, &link, &changed), EADDRINUSE, &err,
		    "UDP port 4789 belongs to device 'geneve9', which is external");
	CHECK(!has_link(nl, "fairlead.1"));
	must("ip link del geneve9");
	CHECK(did(&v, &link));
}

static void outputs_are_written_only_on_success(void **state)
{
	struct fl_vtep v = vtep("192.0.2.1");
	struct fl_link link = { .index = 77 };
	bool changed = true;

	(void)state;
	v.vxlan.vni = FL_VNI_MAX + 1;
	CHECK_FAILS(ensure(&v, &link, &changed), ERANGE, &err, "create VXLAN device 'fairlead.1'");
	CHECK(link.index == 77 && changed);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(mac_address_follows_from_the_nodes_address),
		cmocka_unit_test(mtu_leaves_room_for_the_outer_headers),
		T(vtep_is_made_for_both_families_of_underlay),
		T(its_addresses_are_those_asked_for_and_no_others),
		T(a_hundred_addresses_are_no_problem),
		T(what_can_be_changed_is_changed_in_place),
		T(what_cannot_be_changed_is_made_anew),
		T(name_of_another_kind_of_device_is_enotuniq),
		T(taken_vni_is_eaddrinuse_and_names_the_device),
		T(taken_port_is_eaddrinuse_and_names_the_device_if_it_is_one),
		T(outputs_are_written_only_on_success),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
