// SPDX-License-Identifier: Apache-2.0
/*
 * The pods' programs on tables of packets: what is refused before any policy, what each direction's
 * policy decides, and what connection tracking lets pass. Needs root and eBPF.
 */
#include "world.h"

#include <bpf/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <string.h>

static const struct pkt udp_inner = { .src = A4, .dst = REMOTE4, .sport = 9, .dport = 53 };

static void every_header_combination_has_its_fate(void **state)
{
	static const struct world_row rows[] = {
		{ "udp", FROM_A, { .src = A4, .dst = REMOTE4, .dport = 53 }, FL_R_FORWARDED },
		{ "tcp",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .proto = IPPROTO_TCP, .dport = 80, .tcp = PKT_SYN },
		  FL_R_FORWARDED },
		{ "sctp",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .proto = IPPROTO_SCTP, .dport = 80 },
		  FL_R_FORWARDED },
		{ "icmp echo",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .proto = IPPROTO_ICMP, .type = 8 },
		  FL_R_FORWARDED },
		{ "another protocol",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .proto = 47 },
		  FL_R_FORWARDED },
		{ "udp6", FROM_A, { .src = A6, .dst = REMOTE6, .dport = 53 }, FL_R_FORWARDED },
		{ "tcp6",
		  FROM_A,
		  { .src = A6, .dst = REMOTE6, .proto = IPPROTO_TCP, .dport = 80, .tcp = PKT_SYN },
		  FL_R_FORWARDED },
		{ "icmp6 echo",
		  FROM_A,
		  { .src = A6, .dst = REMOTE6, .proto = IPPROTO_ICMPV6, .type = 128 },
		  FL_R_FORWARDED },
		{ "ipv4 options",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .options = 40, .dport = 53 },
		  FL_R_FORWARDED },
		{ "extension headers",
		  FROM_A,
		  { .src = A6, .dst = REMOTE6, .ext = { 255, 60, 43, 60 }, .dport = 53 },
		  FL_R_FORWARDED },
		{ "as many extension headers as are read",
		  FROM_A,
		  { .src = A6, .dst = REMOTE6, .ext = { 255, 60, 60, 60, 60 }, .dport = 53 },
		  FL_R_FORWARDED },
		{ "one more",
		  FROM_A,
		  { .src = A6,
		    .dst = REMOTE6,
		    .ext = { 255, 60, 60, 60, 60, 60, 60 },
		    .dport = 53 },
		  FL_R_EXTENSIONS }
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void what_is_not_understood_is_refused_by_name(void **state)
{
	static const struct world_row rows[] = {
		{ "vlan", FROM_A, { .src = A4, .dst = REMOTE4, .vlan = 7 }, FL_R_VLAN },
		{ "vlan to the pod", TO_A, { .src = REMOTE4, .dst = A4, .vlan = 7 }, FL_R_VLAN },
		{ "rarp", FROM_A, { .src = A4, .dst = REMOTE4, .odd = PKT_RARP }, FL_R_ETHERTYPE },
		{ "version 5",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .odd = PKT_BAD_VERSION },
		  FL_R_MALFORMED },
		{ "version 5 as IPv6",
		  FROM_A,
		  { .src = A6, .dst = REMOTE6, .odd = PKT_BAD_VERSION },
		  FL_R_MALFORMED },
		{ "header of 16 bytes",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .odd = PKT_BAD_IHL },
		  FL_R_MALFORMED },
		{ "tcp header of 16 bytes",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .proto = IPPROTO_TCP, .odd = PKT_BAD_OFFSET },
		  FL_R_MALFORMED },
		{ "longer than the frame",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .odd = PKT_LONG_LENGTH },
		  FL_R_TRUNCATED },
		{ "longer than the frame, IPv6",
		  FROM_A,
		  { .src = A6, .dst = REMOTE6, .odd = PKT_LONG_LENGTH },
		  FL_R_TRUNCATED },
		{ "shorter than its header",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .odd = PKT_SHORT_LENGTH },
		  FL_R_MALFORMED },
		{ "an ICMP error about nothing known",
		  FROM_A,
		  { .src = A4,
		    .dst = REMOTE4,
		    .proto = IPPROTO_ICMP,
		    .type = 3,
		    .about = &udp_inner },
		  FL_R_INVALID_STATE },
	};

	(void)state;
	CHECK_ROWS(rows);
}

/* Bytes of the Ethernet and the IP header, without options. */
static size_t whole_header(const struct pkt *p)
{
	return 14 + (strchr(p->src, ':') ? 40 : 20);
}

static void every_truncation_is_refused(void **state)
{
	static const struct pkt whole[] = {
		{ .src = A4, .dst = REMOTE4, .proto = IPPROTO_TCP, .tcp = PKT_SYN, .dport = 80 },
		{ .src = A4, .dst = REMOTE4, .dport = 53, .options = 8 },
		{ .src = A4, .dst = REMOTE4, .proto = IPPROTO_ICMP, .type = 8 },
		{ .src = A6, .dst = REMOTE6, .ext = { 255, 60 }, .dport = 53 },
		{ .src = A6, .dst = REMOTE6, .proto = IPPROTO_TCP, .tcp = PKT_SYN },
		{ .src = A4, .dst = B4, .arp = 1 },
	};
	uint8_t bytes[PKT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		size_t len = pkt_build(&whole[i], bytes);

		/* Newer kernels take no test packet without its whole IP header: then from there.
		 */
		for (size_t n = 15; n < len; n++) {
			struct fate f = world_run_bytes(FROM_A, bytes, n);

			if (f.len == 0 && n < whole_header(&whole[i]))
				continue;
			if (f.reason != FL_R_TRUNCATED || f.verdict != TC_ACT_SHOT)
				fail_msg("packet %zu cut to %zu of %zu bytes: reason %d", i, n, len,
					 f.reason);
		}
	}
	assert_int_equal(world_flows(), 0);
}

static void a_selected_pod_gets_what_is_allowed_and_no_more(void **state)
{
	static const struct world_row rows[] = {
		{ "the allowed port",
		  TO_A,
		  { .src = REMOTE4, .dst = A4, .proto = IPPROTO_TCP, .dport = 80, .tcp = PKT_SYN },
		  FL_R_FORWARDED },
		{ "the next one",
		  TO_A,
		  { .src = REMOTE4, .dst = A4, .proto = IPPROTO_TCP, .dport = 81, .tcp = PKT_SYN },
		  FL_R_POLICY_INGRESS },
		{ "the same of UDP",
		  TO_A,
		  { .src = REMOTE4, .dst = A4, .dport = 80 },
		  FL_R_POLICY_INGRESS },
		{ "first of a range",
		  TO_A,
		  { .src = REMOTE6, .dst = A6, .dport = 8192 },
		  FL_R_FORWARDED },
		{ "last of a range",
		  TO_A,
		  { .src = REMOTE6, .dst = A6, .dport = 8199 },
		  FL_R_FORWARDED },
		{ "beyond the range",
		  TO_A,
		  { .src = REMOTE6, .dst = A6, .dport = 8200 },
		  FL_R_POLICY_INGRESS },
		{ "a whole protocol",
		  TO_A,
		  { .src = REMOTE4, .dst = A4, .proto = IPPROTO_SCTP, .dport = 65535 },
		  FL_R_FORWARDED },
		{ "ping, with ports named",
		  TO_A,
		  { .src = REMOTE4, .dst = A4, .proto = IPPROTO_ICMP, .type = 8 },
		  FL_R_POLICY_INGRESS },
		{ "from the world, where anybody may",
		  TO_A,
		  { .src = WORLD4, .dst = A4, .dport = 123 },
		  FL_R_FORWARDED },
		{ "from the world, elsewhere",
		  TO_A,
		  { .src = WORLD4, .dst = A4, .dport = 124 },
		  FL_R_POLICY_INGRESS },
		{ "who has a rule of its own is anybody too",
		  TO_A,
		  { .src = REMOTE4, .dst = A4, .dport = 123 },
		  FL_R_FORWARDED },
		{ "its node", TO_A, { .src = NODE4, .dst = A4, .dport = 9 }, FL_R_FORWARDED },
		{ "its node, IPv6", TO_A, { .src = NODE6, .dst = A6, .dport = 9 }, FL_R_FORWARDED },
		{ "another pod of the node",
		  FROM_B,
		  { .src = B4, .dst = A4, .dport = 9, .src_mac = MAC_B },
		  FL_R_POLICY_INGRESS },
		{ "what it sends itself",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .dport = 9 },
		  FL_R_FORWARDED },
		{ "itself, round by a Service",
		  TO_A,
		  { .src = A4, .dst = A4, .dport = 9 },
		  FL_R_FORWARDED },
	};

	(void)state;
	world_slot(SLOT_A, 7, FL_SLOT_INGRESS);
	world_rule(7, FL_INGRESS, ID_REMOTE, 40);
	world_port(40, IPPROTO_TCP, 80, 16);
	world_port(40, IPPROTO_UDP, 8192, 13);
	world_port(40, IPPROTO_SCTP, 0, 0);
	world_rule(7, FL_INGRESS, FL_ID_ANY, 41);
	world_port(41, IPPROTO_UDP, 123, 16);
	CHECK_ROWS(rows);
}

static void a_namespace_and_an_identity_allow_each_by_itself(void **state)
{
	static const struct pkt by_ns = { .src = B4, .dst = A4, .dport = 70, .src_mac = MAC_B };
	static const struct pkt by_id = { .src = B4, .dst = A4, .dport = 71, .src_mac = MAC_B };
	static const struct pkt by_none = { .src = B4, .dst = A4, .dport = 72, .src_mac = MAC_B };

	(void)state;
	world_forget();
	world_slot(SLOT_A, 20, FL_SLOT_INGRESS);
	world_rule(20, FL_INGRESS, ID_NS, 50);
	world_port(50, IPPROTO_UDP, 70, 16);
	world_rule(20, FL_INGRESS, ID_B, 51);
	world_port(51, IPPROTO_UDP, 71, 16);
	CHECK_FATE("by its namespace", world_run(FROM_B, &by_ns), FL_R_REDIRECTED);
	CHECK_FATE("by its identity", world_run(FROM_B, &by_id), FL_R_REDIRECTED);
	CHECK_FATE("by neither", world_run(FROM_B, &by_none), FL_R_POLICY_INGRESS);
}

static void egress_is_judged_at_the_sender(void **state)
{
	static const struct world_row rows[] = {
		{ "allowed", FROM_A, { .src = A4, .dst = REMOTE4, .dport = 53 }, FL_R_FORWARDED },
		{ "not allowed",
		  FROM_A,
		  { .src = A4, .dst = WORLD4, .dport = 53 },
		  FL_R_POLICY_EGRESS },
		{ "ping where all is allowed",
		  FROM_A,
		  { .src = A4, .dst = REMOTE4, .proto = IPPROTO_ICMP, .type = 8 },
		  FL_R_FORWARDED },
		{ "a pod of the same node",
		  FROM_A,
		  { .src = A4, .dst = B4, .dport = 53 },
		  FL_R_POLICY_EGRESS },
		{ "a Service, until it is known what is behind it",
		  FROM_A,
		  { .src = A4, .dst = SERVICE4, .dport = 53 },
		  FL_R_FORWARDED },
		{ "and then, behind it a forbidden pod",
		  TO_B,
		  { .src = A4, .dst = B4, .dport = 53 },
		  FL_R_POLICY_EGRESS },
		{ "what comes to it",
		  TO_A,
		  { .src = WORLD4, .dst = A4, .dport = 9 },
		  FL_R_FORWARDED },
	};

	(void)state;
	world_slot(SLOT_A, 8, FL_SLOT_EGRESS);
	world_rule(8, FL_EGRESS, ID_REMOTE, FL_RULE_ALL);
	CHECK_ROWS(rows);
}

static void replies_and_errors_of_an_allowed_flow_pass(void **state)
{
	static const struct pkt out = { .src = A4, .dst = WORLD4, .sport = 1000, .dport = 53 };
	static const struct pkt back = { .src = WORLD4, .dst = A4, .sport = 53, .dport = 1000 };
	static const struct pkt near = { .src = WORLD4, .dst = A4, .sport = 53, .dport = 1001 };
	static const struct pkt other = { .src = A4, .dst = WORLD4, .sport = 1001, .dport = 53 };
	const struct pkt error = { .src = "203.0.113.1",
				   .dst = A4,
				   .proto = IPPROTO_ICMP,
				   .type = 3,
				   .code = 4,
				   .about = &out };
	const struct pkt forged = { .src = "203.0.113.1",
				    .dst = A4,
				    .proto = IPPROTO_ICMP,
				    .type = 3,
				    .code = 4,
				    .about = &other };
	const struct pkt astray = { .src = "203.0.113.1",
				    .dst = B4,
				    .proto = IPPROTO_ICMP,
				    .type = 3,
				    .code = 4,
				    .about = &out };
	const struct pkt carrier = {
		.src = A4, .dst = B4, .proto = IPPROTO_ICMP, .type = 3, .code = 4, .about = &out
	};

	(void)state;
	world_forget();
	world_slot(SLOT_A, 9, FL_SLOT_INGRESS);
	CHECK_FATE("a reply to nothing", world_run(TO_A, &back), FL_R_POLICY_INGRESS);
	CHECK_FATE("the question", world_run(FROM_A, &out), FL_R_FORWARDED);
	CHECK_FATE("the reply", world_run(TO_A, &back), FL_R_FORWARDED);
	CHECK_FATE("another port", world_run(TO_A, &near), FL_R_POLICY_INGRESS);
	CHECK_FATE("an error about it", world_run(TO_A, &error), FL_R_FORWARDED);
	CHECK_FATE("an error about another", world_run(TO_A, &forged), FL_R_INVALID_STATE);
	CHECK_FATE("an error to another", world_run(TO_B, &astray), FL_R_INVALID_STATE);
	CHECK_FATE("from whom it is about", world_run(FROM_A, &carrier), FL_R_INVALID_STATE);
}

static void only_an_echo_reply_is_the_reply_to_an_echo(void **state)
{
	struct pkt ping = { .src = A4, .dst = REMOTE4, .proto = IPPROTO_ICMP, .dport = 7 };
	struct pkt pong = { .src = REMOTE4, .dst = A4, .proto = IPPROTO_ICMP, .dport = 7 };
	struct pkt ping6 = { .src = A6, .dst = REMOTE6, .proto = IPPROTO_ICMPV6, .dport = 7 };
	struct pkt pong6 = { .src = REMOTE6, .dst = A6, .proto = IPPROTO_ICMPV6, .dport = 7 };

	(void)state;
	world_forget();
	world_slot(SLOT_A, 9, FL_SLOT_INGRESS);
	ping.type = 8;
	ping6.type = 128;
	CHECK_FATE("a ping", world_run(FROM_A, &ping), FL_R_FORWARDED);
	CHECK_FATE("by IPv6", world_run(FROM_A, &ping6), FL_R_FORWARDED);
	pong.type = 8;
	pong6.type = 128;
	CHECK_FATE("one of the other side's own", world_run(TO_A, &pong), FL_R_POLICY_INGRESS);
	CHECK_FATE("by IPv6", world_run(TO_A, &pong6), FL_R_POLICY_INGRESS);
	pong.type = 0;
	pong6.type = 129;
	CHECK_FATE("the reply", world_run(TO_A, &pong), FL_R_FORWARDED);
	CHECK_FATE("by IPv6", world_run(TO_A, &pong6), FL_R_FORWARDED);
	pong.dport = 8;
	CHECK_FATE("with another number", world_run(TO_A, &pong), FL_R_POLICY_INGRESS);
}

static void a_change_of_policy_cuts_what_it_no_longer_allows(void **state)
{
	static const struct pkt in = { .src = REMOTE4, .dst = A4, .sport = 1000, .dport = 53 };
	static const struct pkt back = { .src = A4, .dst = REMOTE4, .sport = 53, .dport = 1000 };

	(void)state;
	world_forget();
	world_slot(SLOT_A, 10, FL_SLOT_INGRESS | FL_SLOT_EGRESS);
	world_rule(10, FL_INGRESS, ID_REMOTE, FL_RULE_ALL);
	CHECK_FATE("allowed", world_run(TO_A, &in), FL_R_FORWARDED);
	CHECK_FATE("its reply, though egress is isolated", world_run(FROM_A, &back),
		   FL_R_FORWARDED);
	world_slot(SLOT_A, 11, FL_SLOT_INGRESS | FL_SLOT_EGRESS);
	world_next_generation();
	CHECK_FATE("no longer allowed", world_run(TO_A, &in), FL_R_POLICY_INGRESS);
	CHECK_FATE("nor its reply", world_run(FROM_A, &back), FL_R_POLICY_INGRESS);
	world_slot(SLOT_A, 10, FL_SLOT_INGRESS | FL_SLOT_EGRESS);
	world_next_generation();
	CHECK_FATE("allowed again", world_run(FROM_A, &back), FL_R_FORWARDED);
}

static void pods_of_one_node_take_the_short_way(void **state)
{
	static const struct pkt routed = { .src = A4, .dst = B4, .sport = 1000, .dport = 80 };
	static const struct pkt bridged = {
		.src = A4, .dst = B4, .sport = 1000, .dport = 80, .dst_mac = MAC_B
	};
	static const struct pkt last = {
		.src = A4, .dst = B4, .sport = 1000, .dport = 80, .ttl = 1
	};
	static const struct pkt back = {
		.src = B4, .dst = A4, .sport = 80, .dport = 1000, .src_mac = MAC_B
	};
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 0x0b, 2, 0, 0, 0, 0, 0xfe };
	struct fate f;

	(void)state;
	world_forget();
	world_slot(SLOT_A, 0, 0);
	world_slot(SLOT_B, 0, 0);
	f = world_run(FROM_A, &routed);
	CHECK_FATE("routed", f, FL_R_REDIRECTED);
	assert_int_equal(f.verdict, TC_ACT_REDIRECT);
	assert_memory_equal(f.out, macs, sizeof(macs));
	assert_int_equal(f.out[14 + 8], 63);
	f = world_run(FROM_A, &bridged);
	CHECK_FATE("bridged", f, FL_R_REDIRECTED);
	assert_int_equal(f.out[14 + 8], 64);
	CHECK_FATE("at its last hop", world_run(FROM_A, &last), FL_R_FORWARDED);
	CHECK_FATE("back", world_run(FROM_B, &back), FL_R_REDIRECTED);
	/* What the stack has translated goes back through the stack. */
	world_forget();
	CHECK_FATE("through the stack", world_run(TO_B, &routed), FL_R_FORWARDED);
	CHECK_FATE("back through the stack", world_run(FROM_B, &back), FL_R_FORWARDED);
}

static void fragments_follow_their_first(void **state)
{
	static const struct pkt first = {
		.src = REMOTE4, .dst = A4, .dport = 53, .id = 5, .more = 1, .payload = 24
	};
	static const struct pkt later = {
		.src = REMOTE4, .dst = A4, .id = 5, .offset = 4, .payload = 24
	};
	static const struct pkt stray = {
		.src = REMOTE4, .dst = A4, .id = 6, .offset = 4, .payload = 24
	};
	static const struct pkt first6 = {
		.src = REMOTE6, .dst = A6, .dport = 53, .id = 5, .more = 1, .payload = 24
	};
	static const struct pkt later6 = {
		.src = REMOTE6, .dst = A6, .id = 5, .offset = 4, .payload = 24
	};

	(void)state;
	world_forget();
	world_slot(SLOT_A, 12, FL_SLOT_INGRESS);
	world_rule(12, FL_INGRESS, ID_REMOTE, 42);
	world_port(42, IPPROTO_UDP, 53, 16);
	CHECK_FATE("later before first", world_run(TO_A, &later), FL_R_FRAGMENT);
	CHECK_FATE("first", world_run(TO_A, &first), FL_R_FORWARDED);
	CHECK_FATE("later", world_run(TO_A, &later), FL_R_FORWARDED);
	CHECK_FATE("of another packet", world_run(TO_A, &stray), FL_R_FRAGMENT);
	CHECK_FATE("first of IPv6", world_run(TO_A, &first6), FL_R_FORWARDED);
	CHECK_FATE("later of IPv6", world_run(TO_A, &later6), FL_R_FORWARDED);
}

static void a_full_table_refuses_new_flows_only(void **state)
{
	struct pkt p = { .src = A4, .dst = WORLD4, .proto = IPPROTO_UDP, .dport = 53 };
	struct fate f;

	(void)state;
	world_forget();
	world_slot(SLOT_A, 0, 0);
	for (p.sport = 1; p.sport <= 1024; p.sport++) {
		f = world_run(FROM_A, &p);
		CHECK_FATE("while there is room", f, FL_R_FORWARDED);
	}
	f = world_run(FROM_A, &p);
	CHECK_FATE("one more", f, FL_R_FLOWS_FULL);
	assert_int_equal(f.verdict, TC_ACT_SHOT);
	p.sport = 1;
	CHECK_FATE("one that is known", world_run(FROM_A, &p), FL_R_FORWARDED);
	world_forget();
}

static void what_does_not_fit_is_closed_and_who_is_unknown_stays_out(void **state)
{
	static const struct pkt p = { .src = A4, .dst = WORLD4, .dport = 53 };
	__u32 ifindex = if_nametoindex("hA"), zero = 0;
	struct fl_endpoint_info ep, shut;
	struct fl_state open = { .unknown_allow = 1 }, closed = { 0 };
	int endpoints = world_map("fl_endpoints");
	int switches = world_map("fl_state");

	(void)state;
	world_forget();
	world_slot(SLOT_A, 0, FL_SLOT_CLOSED);
	CHECK_FATE("closed", world_run(FROM_A, &p), FL_R_CLOSED);
	world_slot(SLOT_A, 0, 0);
	assert_int_equal(bpf_map_lookup_elem(endpoints, &ifindex, &ep), 0);
	assert_int_equal(bpf_map_delete_elem(endpoints, &ifindex), 0);
	CHECK_FATE("unknown", world_run(FROM_A, &p), FL_R_UNKNOWN_ENDPOINT);
	assert_int_equal(bpf_map_update_elem(switches, &zero, &open, BPF_ANY), 0);
	CHECK_FATE("unknown, where that may talk", world_run(FROM_A, &p), FL_R_FORWARDED);
	shut = ep;
	shut.flags |= FL_ENDPOINT_SHUT;
	assert_int_equal(bpf_map_update_elem(endpoints, &ifindex, &shut, BPF_ANY), 0);
	CHECK_FATE("shut, there", world_run(FROM_A, &p), FL_R_UNKNOWN_ENDPOINT);
	assert_int_equal(bpf_map_update_elem(switches, &zero, &closed, BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(endpoints, &ifindex, &ep, BPF_ANY), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_header_combination_has_its_fate),
		cmocka_unit_test(what_is_not_understood_is_refused_by_name),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(a_selected_pod_gets_what_is_allowed_and_no_more),
		cmocka_unit_test(a_namespace_and_an_identity_allow_each_by_itself),
		cmocka_unit_test(egress_is_judged_at_the_sender),
		cmocka_unit_test(replies_and_errors_of_an_allowed_flow_pass),
		cmocka_unit_test(only_an_echo_reply_is_the_reply_to_an_echo),
		cmocka_unit_test(a_change_of_policy_cuts_what_it_no_longer_allows),
		cmocka_unit_test(pods_of_one_node_take_the_short_way),
		cmocka_unit_test(fragments_follow_their_first),
		cmocka_unit_test(a_full_table_refuses_new_flows_only),
		cmocka_unit_test(what_does_not_fit_is_closed_and_who_is_unknown_stays_out),
	};

	return cmocka_run_group_tests_name("pod programs", tests, world_begin, world_end);
}
