// SPDX-License-Identifier: Apache-2.0
/* The veth pair of a pod: made whole or not at all, both ends set up, and waited for. */
#include "nettest.h"

#include "attach/pair.h"
#include "net/addr.h"
#include "net/route.h"

static const uint8_t mac[FL_MAC_LEN] = { 0x0a, 0x58, 0x0a, 0x58, 0, 2 };

/* The pair h0 <-> eth0 as a port of br0, if there is one. */
static struct fl_pair pair(void)
{
	return (struct fl_pair){ .host = "h0",
				 .ifname = "eth0",
				 .alias = "fairlead/pods/c1/eth0",
				 .netns_fd = pod,
				 .mac = mac,
				 .master = has_link(nl, "br0") ? link_of(nl, "br0").index : 0 };
}

/* Both steps of the host's side; returns the host's end as it is then. */
static struct fl_link create(const struct fl_pair *p)
{
	struct fl_link link = { 0 };

	CHECK_OK(fl_pair_create(nl, p, &link, &err), &err);
	CHECK(!link.up);
	CHECK_OK(fl_pair_raise(nl, p, NULL, &err), &err);
	assert_int_equal(link.index, link_of(nl, p->host).index);
	return link_of(nl, p->host);
}

static void make_bridge(void)
{
	must("ip link add br0 type bridge && ip link set br0 up");
}

static void pair_is_a_port_that_is_up_and_the_pods_end_is_down(void **state)
{
	struct fl_pair p;
	struct fl_link host, inner;

	(void)state;
	make_bridge();
	p = pair();
	p.mtu = 1400;
	p.hairpin = FL_ON;
	p.isolated = FL_ON;
	host = create(&p);
	inner = link_of(pod_nl, "eth0");
	CHECK(host.up && host.hairpin && host.isolated && !inner.up);
	assert_int_equal(host.index, link_of(nl, "h0").index);
	assert_int_equal(host.peer, inner.index);
	assert_int_equal(host.master, p.master);
	assert_int_equal(host.mtu, 1400);
	assert_int_equal(inner.mtu, 1400);
	assert_memory_equal(inner.mac, mac, FL_MAC_LEN);
	CHECK(host.mac[0] & 2);
	assert_string_equal(host.alias, "fairlead/pods/c1/eth0");
	must("$POD ip link set eth0 up");
	shows("ip -6 addr show dev h0", "inet6", false);
}

static void name_taken_on_the_host_is_eexist_and_nothing_is_changed(void **state)
{
	static const char show[] = "ip -d link show h0; ip addr show dev h0";
	struct fl_link link = { .index = 7 };
	struct fl_pair p;
	fl_auto_free char *before = NULL;

	(void)state;
	make_bridge();
	must("ip link add h0 type veth peer name h1 && ip link set h1 up && ip link set h0 alias "
	     "x");
	must(show);
	before = strdup(out);
	p = pair();
	p.hairpin = FL_ON;
	CHECK_FAILS(fl_pair_create(nl, &p, &link, &err), EEXIST, &err,
		    "create veth 'h0' <-> 'eth0'");
	must(show);
	assert_string_equal(out, before);
	CHECK(!has_link(pod_nl, "eth0") && link.index == 7);
}

static void name_taken_in_the_pod_is_eexist_and_nothing_is_changed(void **state)
{
	struct fl_pair p = pair();
	struct fl_link link;

	(void)state;
	must("$POD ip link add eth0 type veth peer name other");
	CHECK_FAILS(fl_pair_create(nl, &p, &link, &err), EEXIST, &err,
		    "create veth 'h0' <-> 'eth0'");
	CHECK(!has_link(nl, "h0") && has_link(pod_nl, "eth0") && !link_of(pod_nl, "eth0").up);
}

static void any_failing_step_leaves_nothing(void **state)
{
	struct fl_pair mtu = pair(), no_master = pair();
	struct {
		const char *what;
		struct fl_pair *p;
	} t[] = { { "mtu", &mtu }, { "master", &no_master } };

	(void)state;
	mtu.mtu = 67;
	no_master.master = link_of(nl, "lo").index; /* no bridge: fails when the pair is there */
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct fl_link link = { .index = 7 };
		int r = fl_pair_create(nl, t[i].p, &link, &err);

		if (r >= 0 || r == -EEXIST || link.index != 7)
			fail_msg("%s: returned %d", t[i].what, r);
		if (has_link(nl, "h0") || has_link(pod_nl, "eth0"))
			fail_msg("%s: left an interface behind", t[i].what);
	}
}

static void raise_says_what_the_kernel_refuses(void **state)
{
	struct fl_pair no_port = pair(), long_alias = pair(), absent = pair();
	struct fl_link link;
	char alias[300];

	(void)state;
	memset(alias, 'a', sizeof(alias) - 1);
	alias[sizeof(alias) - 1] = '\0';
	CHECK_OK(fl_pair_create(nl, &no_port, &link, &err), &err);
	no_port.hairpin = FL_ON; /* of no bridge */
	CHECK(fl_pair_raise(nl, &no_port, NULL, &err) < 0);
	CHECK(strstr(err.text, "set link 'h0'"));
	long_alias.alias = alias;
	CHECK(fl_pair_raise(nl, &long_alias, NULL, &err) < 0);
	CHECK(strstr(err.text, "set link 'h0'"));
	absent.host = "h9";
	CHECK(fl_pair_raise(nl, &absent, NULL, &err) == -ENODEV);
}

static void raise_after_the_pods_end_needs_no_wait(void **state)
{
	struct fl_deadline d = fl_deadline_in(20000);
	struct fl_link link;
	struct fl_pair p;

	(void)state;
	make_bridge();
	p = pair();
	CHECK_OK(fl_pair_create(nl, &p, &link, &err), &err);
	must("$POD ip link set eth0 up");
	CHECK_OK(fl_pair_raise(nl, &p, &d, &err), &err);
	CHECK(link_of(nl, "h0").carrier);
}

static void bridge_takes_1023_ports_and_the_next_is_exfull(void **state)
{
	struct fl_link link = { 0 };
	struct fl_pair p;
	uint32_t master;

	(void)state;
	make_bridge();
	master = link_of(nl, "br0").index;
	for (int i = 0; i < 1023;) {
		struct fl_batch *b = batch();

		for (int j = 0; j < 31; j++, i++) { /* 1023 = 33 * 31 */
			char name[16], peer[16];

			(void)snprintf(name, sizeof(name), "port%d", i);
			(void)snprintf(peer, sizeof(peer), "peer%d", i);
			fl_link_put_veth(b, &(struct fl_veth){ .name = name,
							       .peer = peer,
							       .peer_netns = -1,
							       .master = master });
		}
		send_batch(nl, b);
	}
	p = pair();
	assert_int_equal(fl_pair_create(nl, &p, &link, &err), -EXFULL);
	CHECK(!has_link(nl, "h0") && !has_link(pod_nl, "eth0"));
	must("ip link del port7");
	CHECK_OK(fl_pair_create(nl, &p, &link, &err), &err);
}

static void wait_returns_at_once_when_packets_pass(void **state)
{
	struct fl_deadline d = fl_deadline_in(0);
	struct fl_pair p;

	(void)state;
	make_bridge();
	p = pair();
	(void)create(&p);
	must("$POD ip link set eth0 up");
	CHECK_OK(fl_pair_wait(nl, "h0", &d, &err), &err);
}

static void wait_without_a_bridge_is_for_the_carrier(void **state)
{
	struct fl_deadline d = fl_deadline_in(0);
	struct fl_pair p = pair();

	(void)state;
	(void)create(&p);
	CHECK(fl_pair_wait(nl, "h0", &d, &err) == -ETIMEDOUT);
	must("$POD ip link set eth0 up");
	CHECK_OK(fl_pair_wait(nl, "h0", &d, &err), &err);
}

static void wait_times_out_when_the_other_end_stays_down(void **state)
{
	struct fl_deadline d = fl_deadline_in(150);
	int64_t start = now_ms();
	struct fl_pair p;

	(void)state;
	make_bridge();
	p = pair();
	(void)create(&p);
	CHECK_FAILS(fl_pair_wait(nl, "h0", &d, &err), ETIMEDOUT, &err,
		    "wait for 'h0' to pass packets");
	CHECK(now_ms() - start >= 150 && now_ms() - start < 30000);
}

static void wait_wakes_when_the_other_end_comes_up(void **state)
{
	struct fl_deadline d = fl_deadline_in(60000);
	int64_t start = now_ms();
	struct fl_pair p;

	(void)state;
	make_bridge();
	p = pair();
	(void)create(&p);
	must("(sleep 0.2; $POD ip link set eth0 up) >/dev/null 2>&1 &");
	CHECK_OK(fl_pair_wait(nl, "h0", &d, &err), &err);
	CHECK(now_ms() - start < 30000);
}

static void the_pods_end_sends_once_it_has_been_waited_for(void **state)
{
	struct fl_deadline d = fl_deadline_in(60000), soon = fl_deadline_in(150);
	struct fl_pod end = { .netns_fd = pod, .home_fd = -1, .ifname = "eth0" };
	struct fl_pair p = pair();

	(void)state;
	(void)create(&p);
	must("ip link set h0 down && $POD ip link set eth0 up");
	end.index = link_of(pod_nl, "eth0").index;
	CHECK_FAILS(fl_pod_wait(&end, pod_nl, &soon, &err), ETIMEDOUT, &err,
		    "wait for 'eth0' to send packets");
	must("(sleep 0.2; ip link set h0 up) >/dev/null 2>&1 &");
	CHECK_OK(fl_pod_wait(&end, pod_nl, &d, &err), &err);
	CHECK(link_of(pod_nl, "eth0").operational);
	end.index = 4711;
	CHECK_FAILS(fl_pod_wait(&end, pod_nl, &d, &err), ENODEV, &err, "wait for 'eth0'");
}

static void wait_for_an_absent_link_is_enodev(void **state)
{
	struct fl_deadline d = fl_deadline_in(20000);

	(void)state;
	CHECK_FAILS(fl_pair_wait(nl, "h0", &d, &err), ENODEV, &err, "wait for 'h0'");
}

static void random_mac_is_local_unicast_and_differs_by_salt(void **state)
{
	uint8_t a[FL_MAC_LEN], b[FL_MAC_LEN];
	char salt[16];

	(void)state;
	fl_random_mac("veth0", a);
	for (int i = 1; i < 200; i++) {
		(void)snprintf(salt, sizeof(salt), "veth%d", i);
		fl_random_mac(salt, b);
		assert_int_equal(b[0] & 3, 2);
		CHECK(memcmp(a, b, FL_MAC_LEN) != 0);
	}
}

/* Each process has its own. */
static void random_mac_differs_between_processes(void **state)
{
	char self[256], first[FL_MAC_STR] = "";
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 16);

	(void)state;
	CHECK(n > 0);
	(void)snprintf(self + n, 16, " mac");
	must(self);
	assert_int_equal(strlen(out), FL_MAC_STR - 1);
	memcpy(first, out, FL_MAC_STR);
	must(self);
	assert_string_not_equal(first, out);
}

static void an_address_has_one_mac_in_a_network(void **state)
{
	static const struct {
		const char *network, *ip;
	} t[] = {
		{ "pods", "10.88.0.2" },       { "pods", "10.88.0.3" },
		{ "pods", "fd00:88::2" },      { "pods", "fd00:88::3" },
		{ "others", "10.88.0.2" },     { "others", "fd00:88::2" },
		{ "pods", "255.255.255.255" }, { "", "fd00:88::2" },
	};
	uint8_t macs[FL_ARRAY_LEN(t)][FL_MAC_LEN], again[FL_MAC_LEN];
	char text[FL_MAC_STR];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct fl_ip ip;

		CHECK_OK(fl_ip_parse(t[i].ip, &ip, &err), &err);
		fl_address_mac(t[i].network, &ip, macs[i]);
		fl_address_mac(t[i].network, &ip, again);
		assert_memory_equal(macs[i], again, FL_MAC_LEN);
		assert_int_equal(macs[i][0] & 3, 2);
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(macs[i], macs[k], FL_MAC_LEN);
	}
	/* The same in every version, since nodes and pods outlive one. */
	fl_mac_format(macs[0], text);
	assert_string_equal(text, "0a:02:0a:58:00:02");
	fl_mac_format(macs[2], text);
	assert_string_equal(text, "9a:d3:46:b8:79:4e");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T(pair_is_a_port_that_is_up_and_the_pods_end_is_down),
		T(name_taken_on_the_host_is_eexist_and_nothing_is_changed),
		T(name_taken_in_the_pod_is_eexist_and_nothing_is_changed),
		T(any_failing_step_leaves_nothing),
		T(raise_says_what_the_kernel_refuses),
		T(raise_after_the_pods_end_needs_no_wait),
		T(bridge_takes_1023_ports_and_the_next_is_exfull),
		T(wait_returns_at_once_when_packets_pass),
		T(wait_without_a_bridge_is_for_the_carrier),
		T(wait_times_out_when_the_other_end_stays_down),
		T(wait_wakes_when_the_other_end_comes_up),
		T(the_pods_end_sends_once_it_has_been_waited_for),
		T(wait_for_an_absent_link_is_enodev),
		T(random_mac_is_local_unicast_and_differs_by_salt),
		T(random_mac_differs_between_processes),
		T(an_address_has_one_mac_in_a_network),
	};

	if (argc == 2 && strcmp(argv[1], "mac") == 0) {
		uint8_t mine[FL_MAC_LEN];
		char text[FL_MAC_STR];

		fl_random_mac("veth0", mine);
		fl_mac_format(mine, text);
		return printf("%s", text) < 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
