// SPDX-License-Identifier: Apache-2.0
/* Links in the kernel: pairs, bridges and their ports, made, changed, read back, deleted. */
#include "nettest.h"

#include <errno.h>
#include <net/if.h>

static const uint8_t mac_a[FL_MAC_LEN] = { 0x02, 0, 0, 0, 0, 0x0a };
static const uint8_t mac_b[FL_MAC_LEN] = { 0x02, 0, 0, 0, 0, 0x0b };

static struct fl_veth into_pod(const char *name, const char *peer)
{
	return (struct fl_veth){ .name = name, .peer = peer, .peer_netns = pod };
}

static int try_veth(const struct fl_veth *v)
{
	fl_auto_batch struct fl_batch *b = batch();

	fl_link_put_veth(b, v);
	return fl_batch_send(nl, b, &err);
}

static void add_veth(const struct fl_veth *v)
{
	CHECK_OK(try_veth(v), &err);
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

static void veth_has_one_end_here_and_one_in_the_pod(void **state)
{
	struct fl_veth v = into_pod("h0", "eth0");
	struct fl_link host, inner;

	(void)state;
	v.mac = mac_a;
	v.peer_mac = mac_b;
	v.mtu = 1400;
	add_veth(&v);
	host = link_of(nl, "h0");
	inner = link_of(pod_nl, "eth0");
	assert_string_equal(host.kind, "veth");
	assert_string_equal(host.name, "h0");
	assert_int_equal(host.peer, inner.index);
	assert_int_equal(inner.peer, host.index);
	assert_int_equal(host.mtu, 1400);
	assert_int_equal(inner.mtu, 1400);
	assert_memory_equal(host.mac, mac_a, FL_MAC_LEN);
	assert_memory_equal(inner.mac, mac_b, FL_MAC_LEN);
	CHECK(!host.up && !inner.up && !host.carrier && host.master == 0);
	CHECK(!has_link(nl, "eth0") && !has_link(pod_nl, "h0"));
}

static void veth_without_a_namespace_has_both_ends_here(void **state)
{
	(void)state;
	add_veth(&(struct fl_veth){ .name = "h0", .peer = "h1", .peer_netns = -1 });
	assert_int_equal(link_of(nl, "h0").peer, link_of(nl, "h1").index);
	assert_int_equal(link_of(nl, "h0").mtu, 1500);
}

static void veth_whose_name_is_taken_is_eexist_and_names_both_ends(void **state)
{
	struct fl_veth first = into_pod("h0", "eth0"), here = into_pod("h0", "eth1"),
		       there = into_pod("h1", "eth0");

	(void)state;
	add_veth(&first);
	CHECK_FAILS(try_veth(&here), EEXIST, &err, "create veth 'h0' <-> 'eth1'");
	CHECK_FAILS(try_veth(&there), EEXIST, &err, "create veth 'h1' <-> 'eth0'");
	CHECK(has_link(nl, "h0") && has_link(pod_nl, "eth0"));
	CHECK(!has_link(nl, "h1") && !has_link(pod_nl, "eth1"));
	assert_int_equal(link_of(nl, "h0").peer, link_of(pod_nl, "eth0").index);
}

static void names_have_1_to_15_bytes(void **state)
{
	struct fl_veth longest = into_pod("veth56789012345", "eth456789012345"),
		       longer = into_pod("veth567890123456", "eth0");

	(void)state;
	add_veth(&longest);
	assert_string_equal(link_of(nl, "veth56789012345").name, "veth56789012345");
	assert_string_equal(link_of(pod_nl, "eth456789012345").name, "eth456789012345");
	CHECK(try_veth(&longer) < 0);
	CHECK(strstr(err.text, "create veth 'veth567890123456'"));
	CHECK(!has_link(pod_nl, "eth0"));
}

static void get_of_an_absent_link_is_enodev_and_writes_nothing(void **state)
{
	struct fl_link link = { .index = 7 };

	(void)state;
	CHECK_FAILS(fl_link_get(nl, "h0", &link, &err), ENODEV, &err, "read link 'h0'");
	assert_int_equal(link.index, 7);
}

static void del_removes_both_ends_and_of_an_absent_link_is_done(void **state)
{
	struct fl_veth v = into_pod("h0", "eth0");

	(void)state;
	CHECK_OK(fl_link_del(nl, "h0", &err), &err);
	add_veth(&v);
	CHECK_OK(fl_link_del(nl, "h0", &err), &err);
	CHECK(!has_link(nl, "h0") && !has_link(pod_nl, "eth0"));
	CHECK_OK(fl_link_del(nl, "h0", &err), &err);
}

static void condemned_links_go_together_and_others_stay(void **state)
{
	(void)state;
	add_veth(&(struct fl_veth){ .name = "h0", .peer = "h1", .peer_netns = -1 });
	add_veth(&(struct fl_veth){ .name = "h2", .peer = "h3", .peer_netns = -1 });
	add_veth(&(struct fl_veth){ .name = "h4", .peer = "h5", .peer_netns = -1 });
	must("ip link set h4 group 77");
	CHECK_OK(fl_link_condemn(nl, "h0", &err), &err);
	CHECK_OK(fl_link_condemn(nl, "h2", &err), &err);
	CHECK(has_link(nl, "h0") && has_link(nl, "h2"));
	CHECK_OK(fl_link_del_condemned(nl, "h2", &err), &err);
	CHECK(!has_link(nl, "h0") && !has_link(nl, "h1"));
	CHECK(!has_link(nl, "h2") && !has_link(nl, "h3"));
	CHECK(has_link(nl, "h4") && has_link(nl, "h5"));
}

static void who_finds_its_link_gone_takes_no_other(void **state)
{
	(void)state;
	add_veth(&(struct fl_veth){ .name = "h0", .peer = "h1", .peer_netns = -1 });
	CHECK_OK(fl_link_condemn(nl, "none", &err), &err);
	CHECK_OK(fl_link_condemn(nl, "h0", &err), &err);
	CHECK_OK(fl_link_del_condemned(nl, "none", &err), &err);
	CHECK(has_link(nl, "h0"));
	CHECK_OK(fl_link_del_condemned(nl, "h0", &err), &err);
	CHECK(!has_link(nl, "h0"));
}

/* Nobody's veth is in that group; what has no way to be deleted would keep all others. */
static void a_link_goes_whatever_became_of_its_group(void **state)
{
	(void)state;
	add_veth(&(struct fl_veth){ .name = "h0", .peer = "h1", .peer_netns = -1 });
	CHECK_OK(fl_link_del_condemned(nl, "h0", &err), &err);
	CHECK(!has_link(nl, "h0"));
	add_veth(&(struct fl_veth){ .name = "h0", .peer = "h1", .peer_netns = -1 });
	CHECK_OK(fl_link_condemn(nl, "h0", &err), &err);
	CHECK_OK(fl_link_condemn(nl, "lo", &err), &err);
	CHECK_OK(fl_link_del_condemned(nl, "h0", &err), &err);
	CHECK(!has_link(nl, "h0") && has_link(nl, "lo"));
}

static void del_of_the_loopback_device_is_an_error(void **state)
{
	(void)state;
	CHECK_FAILS(fl_link_del(nl, "lo", &err), EOPNOTSUPP, &err, "delete link 'lo'");
}

static void settings_of_a_link_are_read_back(void **state)
{
	static const char alias[] = "fairlead/pods/0123/eth0";
	struct fl_veth v = into_pod("h0", "eth0");
	struct fl_link link;

	(void)state;
	add_veth(&v);
	set_link(&(struct fl_link_set){ .name = "h0",
					.up = FL_ON,
					.promisc = FL_ON,
					.mtu = 1300,
					.mac = mac_b,
					.alias = alias });
	link = link_of(nl, "h0");
	CHECK(link.up && link.promiscuity == 1);
	assert_int_equal(link.mtu, 1300);
	assert_memory_equal(link.mac, mac_b, FL_MAC_LEN);
	assert_string_equal(link.alias, alias);

	set_link(&(struct fl_link_set){ .index = link.index, .up = FL_OFF, .promisc = FL_OFF });
	link = link_of(nl, "h0");
	CHECK(!link.up && link.promiscuity == 0);
	assert_int_equal(link.mtu, 1300);
	assert_string_equal(link.alias, alias);
}

static void alias_has_up_to_255_bytes(void **state)
{
	struct fl_veth v = into_pod("h0", "eth0");
	char alias[FL_IFALIAS_SIZE + 1];

	(void)state;
	add_veth(&v);
	memset(alias, 'a', sizeof(alias));
	alias[FL_IFALIAS_SIZE - 1] = '\0';
	set_link(&(struct fl_link_set){ .name = "h0", .alias = alias });
	assert_string_equal(link_of(nl, "h0").alias, alias);
}

static void set_of_an_absent_link_is_enodev_and_makes_none(void **state)
{
	fl_auto_batch struct fl_batch *b = batch();

	(void)state;
	fl_link_put_set(b, &(struct fl_link_set){ .name = "h0", .up = FL_ON });
	CHECK_FAILS(fl_batch_send(nl, b, &err), ENODEV, &err, "set link 'h0'");
	fl_link_put_set(b, &(struct fl_link_set){ .index = 4711, .up = FL_ON });
	CHECK_FAILS(fl_batch_send(nl, b, &err), ENODEV, &err, "set link 4711");
	CHECK(!has_link(nl, "h0"));
}

static void mtu_out_of_range_is_refused_with_the_kernels_sentence(void **state)
{
	struct fl_veth v = into_pod("h0", "eth0");
	fl_auto_batch struct fl_batch *b = batch();

	(void)state;
	v.mtu = 67; /* IPv4 needs 68 */
	CHECK_FAILS(try_veth(&v), EINVAL, &err, "create veth 'h0' <-> 'eth0': Invalid argument");
	v.mtu = 65536;
	CHECK_FAILS(try_veth(&v), EINVAL, &err, "create veth 'h0' <-> 'eth0': Invalid argument");
	CHECK(!has_link(nl, "h0") && !has_link(pod_nl, "eth0"));
	v.mtu = 65535;
	add_veth(&v);
	fl_link_put_set(b, &(struct fl_link_set){ .name = "h0", .mtu = 65536 });
	CHECK_FAILS(fl_batch_send(nl, b, &err), EINVAL, &err,
		    "set link 'h0': Invalid argument (mtu greater than device maximum)");
	assert_int_equal(link_of(nl, "h0").mtu, 65535);
}

static void carrier_comes_when_both_ends_are_up(void **state)
{
	struct fl_veth v = into_pod("h0", "eth0");

	(void)state;
	add_veth(&v);
	set_link(&(struct fl_link_set){ .name = "h0", .up = FL_ON });
	CHECK(link_of(nl, "h0").up && !link_of(nl, "h0").carrier);
	must("$POD ip link set eth0 up");
	CHECK(link_of(nl, "h0").carrier);
}

static void arp_notify_is_set_without_a_sysctl(void **state)
{
	struct fl_veth v = into_pod("h0", "eth0");

	(void)state;
	add_veth(&v);
	shows("cat /proc/sys/net/ipv4/conf/h0/arp_notify", "0", true);
	set_link(&(struct fl_link_set){ .name = "h0", .arp_notify = FL_ON });
	shows("cat /proc/sys/net/ipv4/conf/h0/arp_notify", "1", true);
}

static void ipv6_auto_off_leaves_no_link_local_address(void **state)
{
	struct fl_veth a = into_pod("h0", "eth0"), b = into_pod("h1", "eth1");

	(void)state;
	add_veth(&a);
	add_veth(&b);
	set_link(&(struct fl_link_set){ .name = "h0", .ipv6_auto = FL_OFF });
	set_link(&(struct fl_link_set){ .name = "h0", .up = FL_ON });
	set_link(&(struct fl_link_set){ .name = "h1", .up = FL_ON });
	must("$POD ip link set eth0 up; $POD ip link set eth1 up");
	shows("ip -6 addr show dev h0", "fe80", false);
	shows("ip -6 addr show dev h1", "fe80", true);
	set_link(&(struct fl_link_set){ .name = "h0", .up = FL_OFF });
	set_link(&(struct fl_link_set){ .name = "h0", .ipv6_auto = FL_ON });
	set_link(&(struct fl_link_set){ .name = "h0", .up = FL_ON });
	shows("ip -6 addr show dev h0", "fe80", true);
}

static void forwarding_of_ipv4_is_read_from_any_link(void **state)
{
	struct fl_veth v = into_pod("h0", "eth0");

	(void)state;
	add_veth(&v);
	must("echo 0 >/proc/sys/net/ipv4/ip_forward");
	CHECK(!link_of(nl, "h0").ipv4_forwarding);
	must("echo 1 >/proc/sys/net/ipv4/ip_forward");
	CHECK(link_of(nl, "h0").ipv4_forwarding);
}

static int each_name(const struct fl_link *link, void *arg, struct fl_err *e)
{
	char *names = arg;

	(void)e;
	strcat(names, link->name);
	strcat(names, " ");
	return 0;
}

static void list_has_all_links_or_those_of_one_master(void **state)
{
	struct fl_veth a = into_pod("h0", "eth0"), b = into_pod("h1", "eth1");
	char names[256] = "", ports[256] = "";

	(void)state;
	add_bridge("br0", mac_a, 0);
	a.master = link_of(nl, "br0").index;
	add_veth(&a);
	add_veth(&b);
	CHECK_OK(fl_link_list(nl, 0, each_name, names, &err), &err);
	CHECK(strstr(names, "lo ") && strstr(names, "br0 ") && strstr(names, "h0 ") &&
	      strstr(names, "h1 "));
	CHECK_OK(fl_link_list(nl, a.master, each_name, ports, &err), &err);
	assert_string_equal(ports, "h0 ");
	ports[0] = '\0';
	CHECK_OK(fl_link_list(nl, 4711, each_name, ports, &err), &err);
	assert_string_equal(ports, "");
}

static int each_del(const struct fl_link *link, void *arg, struct fl_err *e)
{
	return strcmp(link->kind, arg) == 0 ? fl_link_del(nl, link->name, e) : 0;
}

static int each_refuse(const struct fl_link *link, void *arg, struct fl_err *e)
{
	++*(int *)arg;
	return fl_fail(e, EDOM, "no more after '%s'", link->name);
}

static void list_lets_its_callback_use_the_socket_and_end_it(void **state)
{
	struct fl_veth a = into_pod("h0", "eth0"), b = into_pod("h1", "eth1");
	char kind[] = "veth";
	int calls = 0;

	(void)state;
	add_veth(&a);
	add_veth(&b);
	CHECK_OK(fl_link_list(nl, 0, each_del, kind, &err), &err);
	CHECK(!has_link(nl, "h0") && !has_link(nl, "h1"));
	CHECK_FAILS(fl_link_list(nl, 0, each_refuse, &calls, &err), EDOM, &err,
		    "no more after 'lo'");
	assert_int_equal(calls, 1);
}

static void send_and_get_reports_the_batchs_error_first(void **state)
{
	struct fl_veth v = into_pod("h0", "eth0");
	fl_auto_batch struct fl_batch *b = batch();
	struct fl_link link = { 0 };

	(void)state;
	fl_link_put_veth(b, &v);
	fl_link_put_set(b, &(struct fl_link_set){ .name = "h0", .up = FL_ON });
	CHECK_OK(fl_link_send_and_get(nl, b, "h0", &link, &err), &err);
	CHECK(link.up && link.peer == link_of(pod_nl, "eth0").index);
	fl_link_put_veth(b, &v);
	CHECK_FAILS(fl_link_send_and_get(nl, b, "h9", &link, &err), EEXIST, &err,
		    "create veth 'h0' <-> 'eth0'");
	/* And the socket is in order afterwards. */
	CHECK_OK(fl_link_send_and_get(nl, b, "h0", &link, &err), &err);
}

static void a_vxlan_device_with_settings_of_its_own_is_odd(void **state)
{
	static const struct {
		const char *options;
		bool odd;
	} t[] = {
		{ "local 10.0.0.1 nolearning", false },
		{ "local 10.0.0.1 noudpcsum", false },
		{ "local 10.0.0.1 ttl auto", false },
		{ "local 10.0.0.1 ttl 9", true },
		{ "local 10.0.0.1 ttl inherit", true },
		{ "local 10.0.0.1 tos 0x10", true },
		{ "local 10.0.0.1 df set", true },
		{ "local 10.0.0.1 gbp", true },
		{ "local 10.0.0.1 gpe external", true },
		{ "local 10.0.0.1 rsc", true },
		{ "local 10.0.0.1 srcport 40000 41000", true },
		{ "local 10.0.0.1 dev lo", true },
	};
	char command[128];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		(void)snprintf(command, sizeof(command),
			       "ip link add v0 type vxlan %s dstport 4789 %s",
			       strstr(t[i].options, "external") ? "" : "id 1", t[i].options);
		must(command);
		if (link_of(nl, "v0").odd != t[i].odd)
			fail_msg("'%s' is %sodd", t[i].options, t[i].odd ? "not " : "");
		must("ip link del v0");
	}
}

static void what_waits_in_a_queue_of_a_link_is_seen(void **state)
{
	(void)state;
	must("ip link add h0 type veth peer name h1 && ip link set h0 up");
	CHECK(!link_of(nl, "h0").queued);
	must("tc qdisc add dev h0 clsact");
	CHECK(!link_of(nl, "h0").queued);
	must("tc qdisc add dev h0 root pfifo");
	CHECK(link_of(nl, "h0").queued);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(veth_has_one_end_here_and_one_in_the_pod),
		T(veth_without_a_namespace_has_both_ends_here),
		T(veth_whose_name_is_taken_is_eexist_and_names_both_ends),
		T(names_have_1_to_15_bytes),
		T(get_of_an_absent_link_is_enodev_and_writes_nothing),
		T(del_removes_both_ends_and_of_an_absent_link_is_done),
		T(condemned_links_go_together_and_others_stay),
		T(who_finds_its_link_gone_takes_no_other),
		T(a_link_goes_whatever_became_of_its_group),
		T(del_of_the_loopback_device_is_an_error),
		T(settings_of_a_link_are_read_back),
		T(alias_has_up_to_255_bytes),
		T(set_of_an_absent_link_is_enodev_and_makes_none),
		T(mtu_out_of_range_is_refused_with_the_kernels_sentence),
		T(carrier_comes_when_both_ends_are_up),
		T(arp_notify_is_set_without_a_sysctl),
		T(ipv6_auto_off_leaves_no_link_local_address),
		T(forwarding_of_ipv4_is_read_from_any_link),
		T(list_has_all_links_or_those_of_one_master),
		T(list_lets_its_callback_use_the_socket_and_end_it),
		T(send_and_get_reports_the_batchs_error_first),
		T(a_vxlan_device_with_settings_of_its_own_is_odd),
		T(what_waits_in_a_queue_of_a_link_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
