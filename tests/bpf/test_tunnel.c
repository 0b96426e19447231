// SPDX-License-Identifier: Apache-2.0
/*
 * What fl_from_pod wraps up in the VTEP's place: every header of what leaves, and when it leaves
 * the work to the VTEP after all. The VTEP here is a cable that the routes lead to: the programs
 * know of it what fl_tunnels says. Needs root and eBPF.
 */
#include "world.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define FAR4 "10.3.0.9"
#define FAR6 "fd03::9"

enum { ETH = 14, OUTER = ETH + 20 + 8 + 8, WRAP = FL_TUNNEL_OVERHEAD };
enum { PORT = 4789, VNI = 0x123456, TTL = 61, FIRST = 40000, PORTS = 1000 };

static const char links[] =
	"set -e\n"
	"ip link add vt0 mtu 1450 address 02:00:00:00:00:71 type veth peer vt1\n"
	"ip link set vt0 up\n"
	"ip link set vt1 up\n"
	"ip route add 10.3.0.0/16 via 10.3.0.0 dev vt0 onlink\n"
	"ip -6 route add fd03::/64 via fe80::72 dev vt0\n"
	"ip neigh add 10.3.0.0 lladdr 02:00:00:00:00:72 dev vt0\n"
	"ip neigh add fe80::72 lladdr 02:00:00:00:00:72 dev vt0\n"
	"ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:99 dev net0\n";

static struct fl_tunnel_key key = { .mac = { 2, 0, 0, 0, 0, 0x72 } };
static struct fl_tunnel tunnel;

static void put(const char *map, const void *k, const void *v)
{
	assert_int_equal(bpf_map_update_elem(world_map(map), k, v, BPF_ANY), 0);
}

static void set_flags(__u32 flags)
{
	struct fl_device device = { .flags = flags };

	put("fl_devices", &key.ifindex, &device);
}

static void lend(__u64 until)
{
	struct fl_lease lease = { .until = until };
	__u32 zero = 0;

	put("fl_lease", &zero, &lease);
}

static void peer(const char *text, unsigned int bits)
{
	struct fl_prefix_key where = { .prefixlen = 32 + bits };
	struct fl_special special = { .flags = FL_SPECIAL_PEER };

	if (strchr(text, ':')) {
		assert_int_equal(inet_pton(AF_INET6, text, where.addr.b), 1);
	} else {
		where.addr.b[10] = where.addr.b[11] = 0xff;
		assert_int_equal(inet_pton(AF_INET, text, where.addr.b + 12), 1);
	}
	put("fl_specials", &where, &special);
}

/* All that it needs is there. */
static int ready(void **state)
{
	(void)state;
	tunnel = (struct fl_tunnel){ .local_be = inet_addr("192.0.2.1"),
				     .remote_be = inet_addr("192.0.2.2"),
				     .vni_be = htonl(VNI << 8),
				     .dport_be = htons(PORT),
				     .sport_first = FIRST,
				     .sports = PORTS,
				     .ttl = TTL };
	put("fl_tunnels", &key, &tunnel);
	set_flags(FL_DEVICE_TUNNEL);
	lend(~0ull);
	world_forget();
	return 0;
}

static int begin(void **state)
{
	if (world_begin(state) < 0 || system(links) != 0)
		return -1;
	key.ifindex = if_nametoindex("vt0");
	peer("10.3.0.0", 96 + 16);
	peer("fd03::", 64);
	return 0;
}

static uint32_t number(const uint8_t *at, unsigned int bytes)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < bytes; i++)
		n = n << 8 | at[i];
	return n;
}

static uint32_t sum_of(const uint8_t *ip)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < 20; i += 2)
		sum += number(ip + i, 2);
	return (sum & 0xffff) + (sum >> 16);
}

/* What must be the same in every outer header, around so many bytes. */
static void check_outer(const char *what, const uint8_t *out, size_t len, uint8_t tos)
{
	const uint8_t *ip = out + ETH, *udp = ip + 20, *vxlan = udp + 8;

	if (ip[0] != 0x45 || ip[1] != tos || number(ip + 2, 2) != len - ETH ||
	    number(ip + 6, 2) != 0 || ip[8] != TTL || ip[9] != IPPROTO_UDP ||
	    sum_of(ip) != 0xffff || number(ip + 12, 4) != 0xc0000201 ||
	    number(ip + 16, 4) != 0xc0000202)
		fail_msg("%s: the outer IP header is wrong (tos %u, %u bytes, ttl %u)", what, ip[1],
			 number(ip + 2, 2), ip[8]);
	if (number(udp, 2) < FIRST || number(udp, 2) >= FIRST + PORTS ||
	    number(udp + 2, 2) != PORT || number(udp + 4, 2) != len - ETH - 20 ||
	    number(udp + 6, 2) != 0)
		fail_msg("%s: the UDP header is wrong (from port %u)", what, number(udp, 2));
	if (number(vxlan, 4) != 0x08000000 || number(vxlan + 4, 4) != VNI << 8)
		fail_msg("%s: the VXLAN header is wrong", what);
}

/* The inner frame: from VTEP to VTEP, one hop less, all else as it was. */
static void check_inner(const char *what, const uint8_t *was, const uint8_t *in, size_t len)
{
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 0x72, 2, 0, 0, 0, 0, 0x71 };
	bool six = was[12] == 0x86;
	unsigned int ttl = six ? ETH + 7 : ETH + 8;
	uint8_t want[PKT_MAX];

	memcpy(want, was, len);
	memcpy(want, macs, sizeof(macs));
	want[ttl]--;
	if (!six)
		memcpy(want + ETH + 10, in + ETH + 10, 2);
	if (memcmp(want, in, len) != 0)
		fail_msg("%s: another packet is inside", what);
	if (!six && (in[ETH] & 15) == 5 && sum_of(in + ETH) != 0xffff)
		fail_msg("%s: the inner checksum is wrong", what);
}

/* Bytes of what has been redirected so far. */
static uint64_t redirected(void)
{
	__u32 index = FL_R_REDIRECTED * FL_DIRS + FL_EGRESS;
	struct fl_count values[256] = { 0 };
	uint64_t bytes = 0;

	assert_in_range(libbpf_num_possible_cpus(), 1, 256);
	assert_int_equal(bpf_map_lookup_elem(world_map("fl_counts"), &index, values), 0);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		bytes += values[i].bytes;
	return bytes;
}

/* The packet leaves wrapped up, at first and when its connection is known. */
static void wraps(const char *what, const uint8_t *was, size_t len, uint8_t tos)
{
	uint64_t before = redirected();
	uint32_t port[2] = { 0 };

	for (int i = 0; i < 2; i++) {
		struct fate f = world_run_bytes(FROM_A, was, len);

		CHECK_FATE(what, f, FL_R_REDIRECTED);
		assert_int_equal(f.verdict, TC_ACT_REDIRECT);
		assert_int_equal(f.mark, 0);
		assert_int_equal(f.len, len + WRAP);
		check_outer(what, f.out, f.len, tos);
		check_inner(what, was, f.out + OUTER, len);
		port[i] = number(f.out + ETH + 20, 2);
	}
	assert_int_equal(port[0], port[1]);
	/* What counts is what the pod has sent. */
	assert_int_equal(redirected() - before, 2 * len);
}

static void what_leaves_for_the_overlay_is_wrapped_up(void **state)
{
	static const struct {
		const char *what;
		struct pkt p;
	} rows[] = {
		{ "udp", { .src = A4, .dst = FAR4, .sport = 5, .dport = 53 } },
		{ "udp, IPv6", { .src = A6, .dst = FAR6, .sport = 5, .dport = 53 } },
		{ "tcp", { .src = A4, .dst = FAR4, .proto = IPPROTO_TCP, .tcp = PKT_SYN } },
		{ "tcp, IPv6", { .src = A6, .dst = FAR6, .proto = IPPROTO_TCP, .tcp = PKT_SYN } },
		{ "sctp", { .src = A4, .dst = FAR4, .proto = IPPROTO_SCTP, .dport = 80 } },
		{ "echo",
		  { .src = A4, .dst = FAR4, .proto = IPPROTO_ICMP, .type = 8, .dport = 7 } },
		{ "options", { .src = A4, .dst = FAR4, .options = 8, .dport = 53 } },
		{ "extensions", { .src = A6, .dst = FAR6, .ext = { 60 }, .dport = 53 } },
		{ "a fragment", { .src = A4, .dst = FAR4, .id = 5, .more = 1, .payload = 24 } },
		{ "the last hop but one", { .src = A4, .dst = FAR4, .dport = 53, .ttl = 2 } },
		{ "as large as goes", { .src = A4, .dst = FAR4, .payload = 1450 - 28 } },
		{ "as large as goes, IPv6", { .src = A6, .dst = FAR6, .payload = 1450 - 48 } },
	};
	uint8_t bytes[PKT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_forget();
		wraps(rows[i].what, bytes, pkt_build(&rows[i].p, bytes), 0);
	}
}

static void the_congestion_bits_are_the_inner_ones_and_congestion_is_told_inside(void **state)
{
	static const struct {
		uint8_t inner, outer;
	} t[] = { { 0, 0 }, { 1, 1 }, { 2, 2 }, { 3, 2 }, { 0xb8, 0 }, { 0xbb, 2 } };
	static const struct pkt four = { .src = A4, .dst = FAR4, .dport = 53 };
	static const struct pkt six = { .src = A6, .dst = FAR6, .dport = 53 };
	uint8_t bytes[PKT_MAX];
	uint32_t sum;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		world_forget();
		len = pkt_build(&four, bytes);
		sum = number(bytes + ETH + 10, 2) + (uint32_t)(0xffff - t[i].inner);
		sum = (sum & 0xffff) + (sum >> 16);
		bytes[ETH + 1] = t[i].inner;
		bytes[ETH + 10] = (uint8_t)(sum >> 8);
		bytes[ETH + 11] = (uint8_t)sum;
		wraps("IPv4", bytes, len, t[i].outer);
		len = pkt_build(&six, bytes);
		bytes[ETH] = (uint8_t)(0x60 | t[i].inner >> 4);
		bytes[ETH + 1] = (uint8_t)(t[i].inner << 4);
		wraps("IPv6", bytes, len, t[i].outer);
	}
}

static const struct pkt plain = { .src = A4, .dst = FAR4, .sport = 5, .dport = 53 };

/* By the VTEP: as a router would hand it over, and with the mark. */
static void by_vtep(const char *what, struct fate f, const struct pkt *p)
{
	uint8_t was[PKT_MAX];
	size_t len = pkt_build(p, was);

	CHECK_FATE(what, f, FL_R_REDIRECTED);
	assert_int_equal(f.verdict, TC_ACT_REDIRECT);
	assert_int_equal(f.mark, FL_MARK);
	assert_int_equal(f.len, len);
	was[ETH + 8]--;
	memcpy(was + ETH + 10, f.out + ETH + 10, 2);
	assert_memory_equal(was + ETH, f.out + ETH, len - ETH);
}

static void without_a_lease_the_vtep_does_the_work(void **state)
{
	(void)state;
	lend(0);
	by_vtep("none", world_run(FROM_A, &plain), &plain);
	lend(1);
	by_vtep("one that has run out", world_run(FROM_A, &plain), &plain);
	lend(~0ull);
	assert_int_equal(world_run(FROM_A, &plain).mark, 0);
}

static void a_vtep_or_a_node_that_is_not_known_does_its_own_work(void **state)
{
	(void)state;
	set_flags(0);
	by_vtep("an odd VTEP", world_run(FROM_A, &plain), &plain);
	set_flags(FL_DEVICE_TUNNEL);
	assert_int_equal(bpf_map_delete_elem(world_map("fl_tunnels"), &key), 0);
	by_vtep("no such node", world_run(FROM_A, &plain), &plain);
}

static void what_has_no_plain_way_through_the_underlay_is_the_vteps(void **state)
{
	static const struct {
		const char *what, *change, *back;
	} t[] = {
		{ "too large for it", "ip link set net0 mtu 1330", "ip link set net0 mtu 1500" },
		{ "a neighbour to be asked for", "ip neigh del 192.0.2.2 dev net0",
		  "ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:99 dev net0" },
		{ "no route", "ip route add blackhole 192.0.2.2", "ip route del 192.0.2.2" },
		{ "a route that is a tunnel",
		  "ip route add 192.0.2.2 encap ip id 1 dst 192.0.2.2 dev net0",
		  "ip route del 192.0.2.2" },
		{ "an address of this node", "ip addr add 192.0.2.2/32 dev lo",
		  "ip addr del 192.0.2.2/32 dev lo" },
	};
	static const struct pkt p = { .src = A4, .dst = FAR4, .dport = 53, .payload = 1280 };

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(system(t[i].change), 0);
		/* A way that is known needs no neighbour: it is asked for as the packet waits. */
		if (strstr(t[i].change, "neigh"))
			world_forget();
		by_vtep(t[i].what, world_run(FROM_A, &p), &p);
		assert_int_equal(system(t[i].back), 0);
		assert_int_equal(world_run(FROM_A, &p).mark, 0);
	}
}

static void keep(const char *hop)
{
	struct fl_flow f = world_flow();

	f.known.hop_be = inet_addr(hop);
	f.known.when = fl_known_when(world_jiffies(), f.known.when & FL_KNOWN_OUTER);
	world_set_flow(&f);
}

/* Sends one, by the hop that the connection's entry names then. */
static void goes_by(const char *hop, const struct pkt *p)
{
	struct fate f = world_run(FROM_A, p);
	struct fl_known known = world_flow().known;

	CHECK_FATE(hop, f, FL_R_REDIRECTED);
	assert_int_equal(f.mark, 0);
	if (known.mtu == 0) /* as where the kernel does not tell of changes */
		return;
	assert_int_equal(known.hop_be, inet_addr(hop));
	assert_int_equal(known.mtu, 1500);
	assert_true(known.when & FL_KNOWN_OUTER);
}

/* test_known.c has all that makes a way old. */
static void the_way_of_outer_packets_is_kept_until_the_routes_change(void **state)
{
	static const struct pkt p[] = {
		{ .src = A4, .dst = FAR4, .sport = 5, .dport = 53 },
		{ .src = A6, .dst = FAR6, .sport = 5, .dport = 53 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(p) / sizeof(p[0]); i++) {
		world_forget();
		assert_int_equal(world_run(FROM_A, &p[i]).mark, 0);
		goes_by("192.0.2.2", &p[i]);
		if (world_flow().known.mtu == 0)
			continue;
		keep("192.0.2.77");
		goes_by("192.0.2.77", &p[i]);
		assert_int_equal(system("ip neigh replace 192.0.2.3 lladdr 02:00:00:00:00:98 dev "
					"net0; ip route add 192.0.2.2 via 192.0.2.3"),
				 0);
		keep("192.0.2.77");
		goes_by("192.0.2.3", &p[i]);
		assert_int_equal(system("ip route del 192.0.2.2"), 0);
		keep("192.0.2.3");
		goes_by("192.0.2.2", &p[i]);
		/* The agent has told of another node: all is judged anew. */
		world_next_generation();
		keep("192.0.2.77");
		assert_int_equal(world_run(FROM_A, &p[i]).mark, 0);
		goes_by("192.0.2.2", &p[i]);
	}
}

/* A test packet is of no kind that the kernel can cut; TCP's segments are sent by past.bats. */
static void only_segments_of_tcp_are_wrapped_up_before_they_are_cut(void **state)
{
	static const struct pkt tcp = {
		.src = A4, .dst = FAR4, .proto = IPPROTO_TCP, .tcp = PKT_SYN, .payload = 1900
	};
	static const struct pkt udp = { .src = A4, .dst = FAR4, .dport = 53, .payload = 1900 };
	struct __sk_buff cut = { .gso_size = 1000, .gso_segs = 2 };

	(void)state;
	by_vtep("UDP", world_run_as(FROM_A, &udp, &cut), &udp);
	by_vtep("of no kind", world_run_as(FROM_A, &tcp, &cut), &tcp);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, ready)
	const struct CMUnitTest tests[] = {
		T(what_leaves_for_the_overlay_is_wrapped_up),
		T(the_congestion_bits_are_the_inner_ones_and_congestion_is_told_inside),
		T(without_a_lease_the_vtep_does_the_work),
		T(a_vtep_or_a_node_that_is_not_known_does_its_own_work),
		T(what_has_no_plain_way_through_the_underlay_is_the_vteps),
		T(the_way_of_outer_packets_is_kept_until_the_routes_change),
		T(only_segments_of_tcp_are_wrapped_up_before_they_are_cut),
	};

	return cmocka_run_group_tests_name("the overlay's work", tests, begin, world_end);
}
