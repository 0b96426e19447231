// SPDX-License-Identifier: Apache-2.0
/* Bridges and their ports in the kernel. */
#include "nettest.h"

static const uint8_t mac_a[FL_MAC_LEN] = { 0x02, 0, 0, 0, 0, 0x0a };
static const uint8_t mac_b[FL_MAC_LEN] = { 0x02, 0, 0, 0, 0, 0x0b };

static struct fl_veth into_pod(const char *name, const char *peer)
{
	return (struct fl_veth){ .name = name, .peer = peer, .peer_netns = pod };
}

static void add_veth(const struct fl_veth *v)
{
	struct fl_batch *b = batch();

	fl_link_put_veth(b, v);
	send_batch(nl, b);
}

static void add_bridge(const char *name, const uint8_t *mac, uint32_t mtu)
{
	struct fl_batch *b = batch();

	fl_link_put_bridge(b, name, mac, mtu, false);
	send_batch(nl, b);
}

static void set_link(const struct fl_link_set *s)
{
	struct fl_batch *b = batch();

	fl_link_put_set(b, s);
	send_batch(nl, b);
}

static void bridge_is_made_down_with_its_mac_and_mtu(void **state)
{
	fl_auto_batch struct fl_batch *b = batch();
	struct fl_link link;

	(void)state;
	add_bridge("br0", mac_a, 1400);
	link = link_of(nl, "br0");
	assert_string_equal(link.kind, "bridge");
	assert_int_equal(link.mtu, 1400);
	assert_memory_equal(link.mac, mac_a, FL_MAC_LEN);
	CHECK(!link.up && !link.vlan_filtering && link.promiscuity == 0);
	fl_link_put_bridge(b, "br0", mac_b, 0, false);
	CHECK_FAILS(fl_batch_send(nl, b, &err), EEXIST, &err, "create bridge 'br0'");
	assert_memory_equal(link_of(nl, "br0").mac, mac_a, FL_MAC_LEN);
}

static void mac_of_a_bridge_stays_when_ports_come_and_go(void **state)
{
	static const uint8_t lowest[FL_MAC_LEN] = { 0x02, 0, 0, 0, 0, 0x01 };
	static const uint8_t high[FL_MAC_LEN] = { 0x0e, 0, 0, 0, 0, 0x01 };
	struct fl_veth v = into_pod("h0", "eth0");

	(void)state;
	add_bridge("br0", high, 0);
	v.mac = lowest;
	v.master = link_of(nl, "br0").index;
	add_veth(&v);
	assert_int_equal(link_of(nl, "h0").master, v.master);
	assert_memory_equal(link_of(nl, "br0").mac, high, FL_MAC_LEN);
	set_link(&(struct fl_link_set){ .name = "br0", .up = FL_ON });
	assert_memory_equal(link_of(nl, "br0").mac, high, FL_MAC_LEN);
	CHECK_OK(fl_link_del(nl, "h0", &err), &err);
	assert_memory_equal(link_of(nl, "br0").mac, high, FL_MAC_LEN);
}

static void settings_of_a_port_are_read_back(void **state)
{
	struct fl_veth v = into_pod("h0", "eth0");
	struct fl_link link;

	(void)state;
	add_bridge("br0", mac_a, 0);
	set_link(&(struct fl_link_set){ .name = "br0", .up = FL_ON });
	v.master = link_of(nl, "br0").index;
	add_veth(&v);
	link = link_of(nl, "h0");
	CHECK(!link.hairpin && !link.isolated && !link.bridging);
	set_link(&(struct fl_link_set){
		.name = "h0", .up = FL_ON, .hairpin = FL_ON, .isolated = FL_ON });
	must("$POD ip link set eth0 up");
	link = link_of(nl, "h0");
	CHECK(link.hairpin && link.isolated && link.up && link.bridging);
	set_link(&(struct fl_link_set){ .name = "h0", .hairpin = FL_OFF });
	link = link_of(nl, "h0");
	CHECK(!link.hairpin && link.isolated);
}

static void port_settings_of_a_link_without_a_bridge_are_an_error(void **state)
{
	struct fl_veth v = into_pod("h0", "eth0");
	fl_auto_batch struct fl_batch *b = batch();

	(void)state;
	add_veth(&v);
	fl_link_put_set(b, &(struct fl_link_set){ .name = "h0", .hairpin = FL_ON });
	CHECK(fl_batch_send(nl, b, &err) < 0);
	CHECK(strstr(err.text, "set link 'h0'"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(bridge_is_made_down_with_its_mac_and_mtu),
		T(mac_of_a_bridge_stays_when_ports_come_and_go),
		T(settings_of_a_port_are_read_back),
		T(port_settings_of_a_link_without_a_bridge_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
