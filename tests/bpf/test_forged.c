// SPDX-License-Identifier: Apache-2.0
/*
 * What a pod sends that is not its own: addresses, and neighbour discovery in others' names. Needs
 * root and eBPF.
 */
#include "world.h"

#include <bpf/bpf.h>
#include <netinet/in.h>
#include <string.h>

#define MAC_OTHER                   \
	{                           \
		2, 0, 0, 0, 0, 0x66 \
	}

static void a_pod_sends_only_as_itself(void **state)
{
	static const struct world_row rows[] = {
		{ "another MAC",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .src_mac = MAC_OTHER },
		  FL_R_SPOOFED_MAC },
		{ "another's address", FROM_A, { .src = B4, .dst = REMOTE4 }, FL_R_SPOOFED_IP },
		{ "nobody's address",
		  FROM_A,
		  { .src = "10.9.9.9", .dst = REMOTE4 },
		  FL_R_SPOOFED_IP },
		{ "another's IPv6 address",
		  FROM_A,
		  { .src = B6, .dst = REMOTE6 },
		  FL_R_SPOOFED_IP },
		{ "no address", FROM_A, { .src = "0.0.0.0", .dst = REMOTE4 }, FL_R_SPOOFED_IP },
		{ "ARP of its own", FROM_A, { .src = A4, .dst = B4, .arp = 1 }, FL_R_NOT_IP },
		{ "ARP probe", FROM_A, { .src = "0.0.0.0", .dst = A4, .arp = 1 }, FL_R_NOT_IP },
		{ "ARP for another", FROM_A, { .src = B4, .dst = A4, .arp = 2 }, FL_R_SPOOFED_IP },
	};

	(void)state;
	CHECK_ROWS(rows);
}

/* Who believes one of these sends to the forger what is for another. */
static const struct world_row neighbours[] = {
	{ "neighbour solicitation",
	  FROM_A,
	  { .src = A6, .dst = B6, .proto = IPPROTO_ICMPV6, .type = 135, .ttl = 255, .claimed = B6 },
	  FL_R_NOT_IP },
	{ "advertisement of its own",
	  FROM_A,
	  { .src = A6, .dst = B6, .proto = IPPROTO_ICMPV6, .type = 136, .ttl = 255, .claimed = A6 },
	  FL_R_NOT_IP },
	{ "advertisement for another",
	  FROM_A,
	  { .src = A6, .dst = B6, .proto = IPPROTO_ICMPV6, .type = 136, .ttl = 255, .claimed = B6 },
	  FL_R_SPOOFED_IP },
	{ "solicitation in another's name",
	  FROM_A,
	  { .src = B6, .dst = A6, .proto = IPPROTO_ICMPV6, .type = 135, .ttl = 255, .claimed = A6 },
	  FL_R_SPOOFED_IP },
	{ "solicitation for an address that it would like to have",
	  FROM_A,
	  { .src = "::",
	    .dst = "ff02::1:ff00:3",
	    .proto = IPPROTO_ICMPV6,
	    .type = 135,
	    .ttl = 255,
	    .claimed = B6 },
	  FL_R_SPOOFED_IP },
	{ "solicitation for its own address",
	  FROM_A,
	  { .src = "::",
	    .dst = "ff02::1:ff00:2",
	    .proto = IPPROTO_ICMPV6,
	    .type = 135,
	    .ttl = 255,
	    .claimed = A6 },
	  FL_R_NOT_IP },
	{ "router solicitation",
	  FROM_A,
	  { .src = "fe80::a", .dst = "ff02::2", .proto = IPPROTO_ICMPV6, .type = 133, .ttl = 255 },
	  FL_R_NOT_IP },
	{ "router solicitation in another's name",
	  FROM_A,
	  { .src = B6, .dst = "ff02::2", .proto = IPPROTO_ICMPV6, .type = 133, .ttl = 255 },
	  FL_R_SPOOFED_IP },
	{ "router advertisement",
	  FROM_A,
	  { .src = "fe80::a", .dst = "ff02::1", .proto = IPPROTO_ICMPV6, .type = 134, .ttl = 255 },
	  FL_R_SPOOFED_IP },
	{ "redirect",
	  FROM_A,
	  { .src = "fe80::a",
	    .dst = B6,
	    .proto = IPPROTO_ICMPV6,
	    .type = 137,
	    .ttl = 255,
	    .claimed = A6 },
	  FL_R_SPOOFED_IP },
	{ "neighbour discovery from afar",
	  FROM_A,
	  { .src = A6, .dst = B6, .proto = IPPROTO_ICMPV6, .type = 136, .claimed = A6 },
	  FL_R_MALFORMED },
	{ "multicast listener report",
	  FROM_A,
	  { .src = "fe80::1", .dst = "ff02::16", .proto = IPPROTO_ICMPV6, .type = 143, .ttl = 1 },
	  FL_R_NOT_IP },
};

static void a_pod_is_a_neighbour_as_itself_and_no_router(void **state)
{
	(void)state;
	CHECK_ROWS(neighbours);
}

/* One that has no IPv6 address has none to send from. */
static void no_address_is_no_pods_own(void **state)
{
	static const struct pkt sent = { .src = "::", .dst = B6 }, got = { .src = B6, .dst = "::" };
	struct fl_endpoint_info ep, only4;
	__u32 a = if_nametoindex("hA");
	int fd = world_map("fl_endpoints");

	(void)state;
	assert_int_equal(bpf_map_lookup_elem(fd, &a, &ep), 0);
	only4 = ep;
	memset(&only4.ip6, 0, sizeof(only4.ip6));
	assert_int_equal(bpf_map_update_elem(fd, &a, &only4, BPF_ANY), 0);
	world_slot(SLOT_A, 12, FL_SLOT_EGRESS | FL_SLOT_INGRESS);
	CHECK_FATE("from nowhere", world_run(FROM_A, &sent), FL_R_SPOOFED_IP);
	CHECK_FATE("to nowhere", world_run(TO_A, &got), FL_R_POLICY_INGRESS);
	assert_int_equal(bpf_map_update_elem(fd, &a, &ep, BPF_ANY), 0);
	world_slot(SLOT_A, 0, 0);
	world_forget();
}

static void speak_vxlan_to(__u32 port)
{
	struct fl_state now = { 0 };
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(world_map("fl_state"), &zero, &now), 0);
	now.vtep_port = port;
	assert_int_equal(bpf_map_update_elem(world_map("fl_state"), &zero, &now, BPF_ANY), 0);
	world_next_generation();
}

/* What a VTEP unwraps comes from whomever it says inside. */
static void to_the_port_of_vteps_a_pod_speaks_to_other_pods_only(void **state)
{
	static const struct pkt wrapped[] = {
		{ .src = A4, .dst = NODE4, .dport = 4789 },
		{ .src = A6, .dst = NODE6, .dport = 4789 },
		{ .src = A4, .dst = PEER4, .dport = 4789 },
		{ .src = A6, .dst = WORLD6, .dport = 4789 },
		{ .src = A4, .dst = WORLD4, .dport = 4789, .id = 5, .more = 1, .payload = 8 },
	};
	static const struct pkt others[] = {
		{ .src = A4, .dst = B4, .dport = 4789 },
		{ .src = A4, .dst = NODE4, .dport = 4790 },
		{ .src = A4, .dst = NODE4, .dport = 53, .sport = 4789 },
		{ .src = A4, .dst = NODE4, .dport = 4789, .proto = IPPROTO_TCP, .tcp = PKT_SYN },
	};

	(void)state;
	world_forget();
	for (size_t i = 0; i < FL_ARRAY_LEN(wrapped); i++)
		CHECK_FATE("without an overlay", world_run(FROM_A, &wrapped[i]),
			   i == 2 ? FL_R_REDIRECTED : FL_R_FORWARDED);
	speak_vxlan_to(4789);
	for (size_t i = 0; i < FL_ARRAY_LEN(wrapped); i++)
		CHECK_FATE("to a VTEP", world_run(FROM_A, &wrapped[i]), FL_R_SPOOFED_IP);
	for (size_t i = 0; i < FL_ARRAY_LEN(others); i++)
		CHECK_FATE("to none", world_run(FROM_A, &others[i]),
			   i == 0 ? FL_R_REDIRECTED : FL_R_FORWARDED);
	speak_vxlan_to(0);
	world_forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_sends_only_as_itself),
		cmocka_unit_test(a_pod_is_a_neighbour_as_itself_and_no_router),
		cmocka_unit_test(no_address_is_no_pods_own),
		cmocka_unit_test(to_the_port_of_vteps_a_pod_speaks_to_other_pods_only),
	};

	return cmocka_run_group_tests_name("forged", tests, world_begin, world_end);
}
