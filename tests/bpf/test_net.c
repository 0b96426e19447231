// SPDX-License-Identifier: Apache-2.0
/*
 * Packets past the stack: what fl_from_pod sends to another node and fl_from_net into a pod, as
 * what it arrives there; what of a connection goes by the stack after all; what fl_to_net does with
 * what the stack has translated. Needs root and eBPF.
 */
#include "world.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define MAC_OTHER                   \
	{                           \
		2, 0, 0, 0, 0, 0x66 \
	}

enum { ETH = 14, TTL4 = ETH + 8, CHECK4 = ETH + 10, TTL6 = ETH + 7 };

/* What can be in a packet, apart from who speaks to whom. */
static const struct shape {
	const char *what;
	struct pkt p;
	bool six, four;
} shapes[] = {
	{ "udp", { .dport = 53 }, true, true },
	{ "tcp", { .proto = IPPROTO_TCP, .dport = 80, .tcp = PKT_SYN }, true, true },
	{ "sctp", { .proto = IPPROTO_SCTP, .dport = 80 }, true, true },
	{ "icmp echo", { .proto = IPPROTO_ICMP, .type = 8, .dport = 7 }, false, true },
	{ "icmp6 echo", { .proto = IPPROTO_ICMPV6, .type = 128, .dport = 7 }, true, false },
	{ "another protocol", { .proto = 47, .payload = 9 }, true, true },
	{ "options", { .options = 40, .dport = 53 }, false, true },
	{ "extension headers", { .ext = { 255, 60, 43, 60 }, .dport = 53 }, true, false },
	{ "first fragment", { .dport = 53, .id = 5, .more = 1, .payload = 24 }, true, true },
	{ "last hop but one", { .dport = 53, .ttl = 2 }, true, true },
	{ "as large as goes", { .dport = 53, .payload = 1500 - 28 - 20 }, true, true },
};

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static uint16_t header_sum(const uint8_t *ip)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < (ip[0] & 15u) * 4u; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* The packet as a router would have sent it on: one hop less, all else as it was. */
static void check_hop(const char *what, const struct pkt *p, const struct fate *f)
{
	bool six = strchr(p->src, ':');
	uint8_t was[PKT_MAX];
	size_t len = pkt_build(p, was);

	if (f->len != len || f->out[six ? TTL6 : TTL4] != was[six ? TTL6 : TTL4] - 1)
		fail_msg("%s: hop count %u of %zu bytes", what, f->out[six ? TTL6 : TTL4], f->len);
	if (!six && header_sum(f->out + ETH) != 0xffff)
		fail_msg("%s: the header's checksum is wrong", what);
	was[six ? TTL6 : TTL4]--;
	if (!six)
		memcpy(was + CHECK4, f->out + CHECK4, 2);
	if (memcmp(was + ETH, f->out + ETH, len - ETH) != 0)
		fail_msg("%s: it is another packet", what);
}

/* Each shape in each family that has it, from one to another. */
static void each_shape(const char *from4, const char *to4, const char *from6, const char *to6,
		       void (*check)(const char *what, const struct pkt *p))
{
	for (size_t i = 0; i < SHAPES; i++) {
		struct pkt p = shapes[i].p;

		p.src = from4;
		p.dst = to4;
		if (shapes[i].four)
			check(shapes[i].what, &p);
		p.src = from6;
		p.dst = to6;
		if (shapes[i].six)
			check(shapes[i].what, &p);
	}
}

static void leaves(const char *what, const struct pkt *p)
{
	struct fate f;

	world_forget();
	f = world_run(FROM_A, p);
	CHECK_FATE(what, f, FL_R_REDIRECTED);
	assert_int_equal(f.verdict, TC_ACT_REDIRECT);
	assert_int_equal(f.mark, FL_MARK);
	check_hop(what, p, &f);
}

static void every_header_combination_leaves_for_another_node(void **state)
{
	(void)state;
	each_shape(A4, PEER4, A6, PEER6, leaves);
}

static void arrives(const char *what, const struct pkt *p)
{
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 0x0a, 2, 0, 0, 0, 0, 0xfe };
	struct fate f;

	world_forget();
	f = world_run(FROM_NET, p);
	CHECK_FATE(what, f, FL_R_REDIRECTED);
	assert_int_equal(f.verdict, TC_ACT_REDIRECT);
	assert_memory_equal(f.out, macs, sizeof(macs));
	check_hop(what, p, &f);
}

static void every_header_combination_arrives_in_the_pod(void **state)
{
	(void)state;
	each_shape(PEER4, A4, PEER6, A6, arrives);
}

static void passes_out(const char *what, const struct pkt *p)
{
	struct fate f;
	size_t flows;

	world_forget();
	f = world_run(TO_NET, p);
	flows = world_flows();
	if (f.verdict != TC_ACT_UNSPEC || f.counted || flows != 1)
		fail_msg("%s: verdict %d, counted %u, %zu flows", what, f.verdict, f.counted,
			 flows);
}

static void every_header_combination_of_the_stack_is_entered_and_goes_on(void **state)
{
	(void)state;
	each_shape(A4, PEER4, A6, PEER6, passes_out);
}

/* By the stack, as if nobody had touched it. */
static void check_left(const char *what, const struct pkt *p, struct fate f)
{
	uint8_t was[PKT_MAX];
	size_t len = pkt_build(p, was);

	CHECK_FATE(what, f, FL_R_FORWARDED);
	assert_int_equal(f.verdict, TC_ACT_OK);
	assert_int_equal(f.mark, 0);
	assert_int_equal(f.len, len);
	assert_memory_equal(f.out, was, len);
}

static void what_a_router_would_answer_is_left_to_the_stack(void **state)
{
	static const struct {
		const char *what;
		struct pkt p;
	} rows[] = {
		{ "at its last hop", { .src = A4, .dst = PEER4, .ttl = 1 } },
		{ "at its last hop, IPv6", { .src = A6, .dst = PEER6, .ttl = 1 } },
		{ "too large by a byte", { .src = A4, .dst = PEER4, .payload = 1500 - 28 + 1 } },
		{ "too large by a byte, IPv6", { .src = A6, .dst = PEER6, .payload = 1500 - 47 } },
		{ "to a third station", { .src = A4, .dst = PEER4, .dst_mac = MAC_OTHER } },
		{ "nowhere", { .src = A4, .dst = WORLD4 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_forget();
		check_left(rows[i].what, &rows[i].p, world_run(FROM_A, &rows[i].p));
	}
}

static void what_will_be_cut_is_as_large_as_its_parts(void **state)
{
	static const struct pkt p = {
		.src = A4, .dst = PEER4, .proto = IPPROTO_TCP, .tcp = PKT_SYN, .payload = 1900
	};
	static const struct pkt p6 = {
		.src = A6, .dst = PEER6, .proto = IPPROTO_TCP, .tcp = PKT_SYN, .payload = 1900
	};
	struct __sk_buff fits = { .gso_size = 1500 - 40, .gso_segs = 2 };
	struct __sk_buff large = { .gso_size = 1500 - 39, .gso_segs = 2 };

	(void)state;
	world_forget();
	CHECK_FATE("parts that fit", world_run_as(FROM_A, &p, &fits), FL_R_REDIRECTED);
	check_left("parts that do not", &p, world_run_as(FROM_A, &p, &large));
	fits.gso_size -= 20;
	large.gso_size -= 20;
	CHECK_FATE("IPv6, that fit", world_run_as(FROM_A, &p6, &fits), FL_R_REDIRECTED);
	check_left("IPv6, that do not", &p6, world_run_as(FROM_A, &p6, &large));
}

static void without_our_programs_on_the_way_all_goes_by_the_stack(void **state)
{
	static const struct pkt out = { .src = A4, .dst = PEER4, .dport = 53 };
	static const struct pkt in = { .src = PEER4, .dst = A4, .sport = 53 };
	__u32 index = if_nametoindex("net0");
	int devices = world_map("fl_devices");
	struct fl_device device;
	struct fate f;

	(void)state;
	world_forget();
	assert_int_equal(bpf_map_lookup_elem(devices, &index, &device), 0);
	assert_int_equal(bpf_map_delete_elem(devices, &index), 0);
	check_left("out", &out, world_run(FROM_A, &out));
	f = world_run(FROM_NET, &in);
	assert_int_equal(f.verdict, TC_ACT_UNSPEC);
	assert_int_equal(f.counted, 0);
	assert_int_equal(bpf_map_update_elem(devices, &index, &device, BPF_ANY), 0);
	CHECK_FATE("and past it again", world_run(FROM_A, &out), FL_R_REDIRECTED);
}

static void what_went_past_the_stack_is_not_judged_on_its_way_out(void **state)
{
	static const struct pkt p = { .src = A4, .dst = WORLD4, .dport = 53 };
	struct __sk_buff marked = { .mark = FL_MARK }, other = { .mark = 7 };
	struct fate f;

	(void)state;
	world_forget();
	world_slot(SLOT_A, 30, FL_SLOT_EGRESS);
	f = world_run_as(TO_NET, &p, &marked);
	assert_int_equal(f.verdict, TC_ACT_UNSPEC);
	assert_int_equal(f.mark, 0);
	assert_int_equal(f.counted, 0);
	f = world_run_as(TO_NET, &p, &other);
	CHECK_FATE("with somebody else's mark", f, FL_R_POLICY_EGRESS);
	assert_int_equal(f.mark, 7);
	world_slot(SLOT_A, 0, 0);
}

static void what_a_pod_sends_to_a_service_is_judged_where_it_leaves_as_the_nodes(void **state)
{
	static const struct pkt ask = { .src = A4, .dst = SERVICE4, .sport = 9, .dport = 53 };
	static const struct pkt out = { .src = NODE4, .dst = WORLD4, .sport = 77, .dport = 5353 };
	struct __sk_buff marked = { .mark = FL_MARK_SLOT | SLOT_A | 0x4000 };
	struct fate f;

	(void)state;
	world_forget();
	f = world_run(FROM_A, &ask);
	CHECK_FATE("of a pod that may send anything", f, FL_R_FORWARDED);
	assert_int_equal(f.mark, FL_MARK_SLOT | SLOT_A);
	world_slot(SLOT_A, 30, FL_SLOT_EGRESS);
	f = world_run(FROM_A, &ask);
	CHECK_FATE("of a pod that may not", f, FL_R_FORWARDED);
	assert_int_equal(f.mark, FL_MARK_SLOT | SLOT_A);
	f = world_run_as(TO_NET, &out, &marked);
	CHECK_FATE("out as the node's", f, FL_R_POLICY_EGRESS);
	world_slot(SLOT_A, 0, 0);
	f = world_run_as(TO_NET, &out, &marked);
	assert_int_equal(f.verdict, TC_ACT_UNSPEC);
	assert_int_equal(f.counted, 0);
	assert_int_equal(f.mark, 0x4000);
}

/* Nobody has put another destination in: what leaves is judged by the one that it has. */
static void what_leaves_for_a_service_that_is_none_is_judged_by_its_address(void **state)
{
	static const struct pkt out = { .src = A4, .dst = SERVICE4, .sport = 9, .dport = 53 };
	struct __sk_buff marked = { .mark = FL_MARK_SLOT | SLOT_A };
	struct fate f;

	(void)state;
	world_forget();
	world_slot(SLOT_A, 45, FL_SLOT_EGRESS);
	f = world_run(FROM_A, &out);
	CHECK_FATE("to a Service", f, FL_R_FORWARDED);
	assert_int_equal(f.mark, marked.mark);
	CHECK_FATE("out as it is", world_run_as(TO_NET, &out, &marked), FL_R_POLICY_EGRESS);
	world_rule(45, FL_EGRESS, FL_ID_ANY, FL_RULE_ALL);
	f = world_run_as(TO_NET, &out, &marked);
	assert_int_equal(f.verdict, TC_ACT_UNSPEC);
	assert_int_equal(f.counted, 0);
	world_slot(SLOT_A, 0, 0);
	world_forget();
}

/* Whoever may enter as the node would not be judged at all. */
static void who_comes_from_without_in_the_nodes_name_is_turned_away(void **state)
{
	static const struct pkt in[] = {
		{ .src = NODE4, .dst = A4, .sport = 9, .dport = 53 },
		{ .src = NODE6, .dst = A6, .sport = 9, .dport = 53 },
	};

	(void)state;
	world_forget();
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		CHECK_FATE("from without", world_run(FROM_NET, &in[i]), FL_R_SPOOFED_IP);
		CHECK_FATE("from the node", world_run(TO_A, &in[i]), FL_R_FORWARDED);
	}
	world_forget();
}

/* Within the stack, as sent by A to a Service (sent) or not. */
static void check_in_stack(const char *what, const struct pkt *p, bool sent, enum fl_reason want)
{
	struct __sk_buff skb = { .mark = sent ? FL_MARK_SLOT | SLOT_A | 0x4000 : 0 };
	struct fate f = world_run_as(IN_STACK, p, &skb);

	if (f.verdict != (want != FL_R_COUNT) || f.reason != want)
		fail_msg("%s: verdict %d, reason %d, expected %d", what, f.verdict, (int)f.reason,
			 (int)want);
}

static void within_the_stack_a_service_is_judged_at_both_ends_by_its_backend(void **state)
{
	static const struct pkt local4 = { .src = A4, .dst = B4, .sport = 9, .dport = 53 };
	static const struct pkt local6 = { .src = A6, .dst = B6, .sport = 9, .dport = 53 };
	static const struct pkt far = { .src = A4, .dst = WORLD4, .sport = 9, .dport = 53 };
	static const struct pkt node = { .src = A4, .dst = NODE4, .sport = 9, .dport = 53 };
	static const struct pkt syn = {
		.src = A4, .dst = B4, .proto = IPPROTO_TCP, .sport = 9, .dport = 80, .tcp = PKT_SYN
	};
	static const struct pkt *const all[] = { &local4, &local6, &far, &node, &syn };

	(void)state;
	world_forget();
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		check_in_stack("nobody isolated", all[i], true, FL_R_COUNT);
	world_forget();
	world_slot(SLOT_A, 40, FL_SLOT_EGRESS);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		check_in_stack("A may send nothing", all[i], true, FL_R_POLICY_EGRESS);
		check_in_stack("not to a Service: judged before", all[i], false, FL_R_COUNT);
	}
	world_rule(40, FL_EGRESS, ID_B, FL_RULE_ALL);
	check_in_stack("A may send to B", &local4, true, FL_R_COUNT);
	check_in_stack("nor to the node", &node, true, FL_R_POLICY_EGRESS);
	world_forget();
	world_slot(SLOT_B, 41, FL_SLOT_INGRESS);
	check_in_stack("B hears nobody", &local4, true, FL_R_POLICY_INGRESS);
	check_in_stack("B hears nobody, IPv6", &local6, true, FL_R_POLICY_INGRESS);
	world_rule(41, FL_INGRESS, ID_A, FL_RULE_ALL);
	check_in_stack("B hears A", &local4, true, FL_R_COUNT);
	world_slot(SLOT_A, 0, 0);
	world_slot(SLOT_B, 0, 0);
}

static void within_the_stack_answers_are_cut_with_what_they_answer(void **state)
{
	static const struct pkt out = { .src = A4, .dst = WORLD4, .sport = 9, .dport = 53 };
	static const struct pkt in = { .src = WORLD4, .dst = A4, .sport = 53, .dport = 9 };
	static const struct pkt about = { .src = A4, .dst = WORLD4, .sport = 9, .dport = 53 };
	const struct pkt error = { .src = WORLD4,
				   .dst = A4,
				   .proto = IPPROTO_ICMP,
				   .type = 3,
				   .code = 3,
				   .about = &about };

	(void)state;
	world_forget();
	check_in_stack("an answer to nothing is not for this hook", &in, false, FL_R_COUNT);
	assert_int_equal(world_flows(), 0);
	check_in_stack("out", &out, true, FL_R_COUNT);
	assert_int_equal(world_flows(), 1);
	check_in_stack("in", &in, false, FL_R_COUNT);
	world_slot(SLOT_A, 42, FL_SLOT_EGRESS);
	world_next_generation();
	check_in_stack("in, after a change, before anything goes out", &in, false,
		       FL_R_POLICY_EGRESS);
	check_in_stack("an error", &error, false, FL_R_COUNT);
	check_in_stack("out, after it", &out, true, FL_R_POLICY_EGRESS);
	world_slot(SLOT_A, 0, 0);
	world_next_generation();
	check_in_stack("in, when it may again", &in, false, FL_R_COUNT);
	world_forget();
}

/* Whom the Service leads to is a process of the node itself. */
static void within_the_stack_what_the_node_answers_is_cut_with_what_it_answers(void **state)
{
	static const struct pkt out[] = {
		{ .src = A4, .dst = NODE4, .sport = 9, .dport = 53 },
		{ .src = A6, .dst = NODE6, .sport = 9, .dport = 53 },
	};
	static const struct pkt in[] = {
		{ .src = NODE4, .dst = A4, .sport = 53, .dport = 9 },
		{ .src = NODE6, .dst = A6, .sport = 53, .dport = 9 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		world_forget();
		check_in_stack("of the node's own", &in[i], false, FL_R_COUNT);
		check_in_stack("out", &out[i], true, FL_R_COUNT);
		check_in_stack("in", &in[i], false, FL_R_COUNT);
		world_slot(SLOT_A, 43, FL_SLOT_EGRESS);
		world_next_generation();
		check_in_stack("in, after a change", &in[i], false, FL_R_POLICY_EGRESS);
		world_slot(SLOT_A, 0, 0);
		world_next_generation();
		check_in_stack("in, when it may again", &in[i], false, FL_R_COUNT);
	}
	world_forget();
}

/* Of every processor's places for this hook, as the program counts who has them. */
static void place_users(__u32 place, __u32 users)
{
	int fd = world_map("fl_works"), cpus = libbpf_num_possible_cpus();
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	uint8_t *values;

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	values = calloc((size_t)cpus, (info.value_size + 7) / 8 * 8);
	assert_non_null(values);
	assert_int_equal(bpf_map_lookup_elem(fd, &place, values), 0);
	for (int i = 0; i < cpus; i++) {
		__u32 *at = (__u32 *)(values + (size_t)i * ((info.value_size + 7) / 8 * 8));

		/* It has given back what it had. */
		assert_true(*at == 0 || *at == 1);
		*at = users;
	}
	assert_int_equal(bpf_map_update_elem(fd, &place, values, BPF_ANY), 0);
	free(values);
}

/* A process that sends may be interrupted by what sends, too. */
static void within_the_stack_nothing_is_judged_by_another_packet_that_waits(void **state)
{
	enum { FIRST = FL_DIRS, PLACES = 8 };
	static const struct pkt out = { .src = A4, .dst = NODE4, .sport = 9, .dport = 53 };
	static const struct pkt in = { .src = NODE4, .dst = A4, .sport = 53, .dport = 9 };

	(void)state;
	world_forget();
	check_in_stack("out", &out, true, FL_R_COUNT);
	world_slot(SLOT_A, 44, FL_SLOT_EGRESS);
	for (__u32 i = FIRST; i < FIRST + PLACES; i++) {
		world_next_generation();
		check_in_stack("in, with places left", &in, false, FL_R_POLICY_EGRESS);
		place_users(i, 1);
	}
	world_slot(SLOT_A, 0, 0);
	world_next_generation();
	check_in_stack("in, with no place left", &in, false, FL_R_UNKNOWN_ENDPOINT);
	for (__u32 i = FIRST; i < FIRST + PLACES; i++)
		place_users(i, 0);
	check_in_stack("in, with all places free", &in, false, FL_R_COUNT);
	world_forget();
}

static void within_the_stack_what_cannot_be_read_goes_nowhere_if_a_pod_sent_it(void **state)
{
	static const struct pkt cut = { .src = A4, .dst = WORLD4, .odd = PKT_LONG_LENGTH };
	static const struct pkt later = {
		.src = A4, .dst = WORLD4, .id = 77, .offset = 9, .payload = 24
	};

	(void)state;
	world_forget();
	check_in_stack("shorter than it says", &cut, true, FL_R_TRUNCATED);
	check_in_stack("the same of somebody", &cut, false, FL_R_COUNT);
	check_in_stack("a part without its first one", &later, true, FL_R_FRAGMENT);
}

static void listen_to_all(__u32 to_all)
{
	struct fl_state now = { 0 };
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(world_map("fl_state"), &zero, &now), 0);
	now.none_denied = to_all;
	assert_int_equal(bpf_map_update_elem(world_map("fl_state"), &zero, &now, BPF_ANY), 0);
}

/* The agent says so before it lets an interface drop anything. */
static void sources_of_known_connections_are_looked_up_where_some_are_denied(void **state)
{
	static const struct pkt p = { .src = PEER4, .dst = A4, .sport = 5, .dport = 53 },
				other = { .src = PEER4, .dst = A4, .sport = 6, .dport = 53 };
	struct fl_prefix_key key = { .prefixlen = 32 + 128 };
	__u32 one = 1;

	(void)state;
	key.addr.b[10] = key.addr.b[11] = 0xff;
	assert_int_equal(inet_pton(AF_INET, PEER4, key.addr.b + 12), 1);
	world_forget();
	CHECK_FATE("a new one", world_run(FROM_NET, &p), FL_R_REDIRECTED);
	assert_int_equal(bpf_map_update_elem(world_map("fl_denied"), &key, &one, BPF_ANY), 0);
	CHECK_FATE("a known one", world_run(FROM_NET, &p), FL_R_DENIED_SOURCE);
	listen_to_all(1);
	CHECK_FATE("unless nobody is", world_run(FROM_NET, &p), FL_R_REDIRECTED);
	CHECK_FATE("a new one always", world_run(FROM_NET, &other), FL_R_DENIED_SOURCE);
	listen_to_all(0);
	CHECK_FATE("a known one", world_run(FROM_NET, &p), FL_R_DENIED_SOURCE);
	assert_int_equal(bpf_map_delete_elem(world_map("fl_denied"), &key), 0);
}

static void what_has_no_source_is_not_held_for_the_last_packets(void **state)
{
	static const struct pkt denied[] = {
		{ .src = DENIED4, .dst = A4, .dport = 53 },
		{ .src = DENIED6, .dst = A6, .dport = 53 },
	};
	static const struct pkt others[] = {
		{ .src = "192.0.2.2", .dst = "192.0.2.1", .arp = 1 },
		{ .src = PEER4, .dst = A4, .odd = PKT_RARP },
		{ .src = PEER4, .dst = A4, .vlan = 7 },
		{ .src = PEER6, .dst = A6, .odd = PKT_BAD_VERSION },
	};

	(void)state;
	world_forget();
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++) {
			CHECK_FATE("denied", world_run(FROM_NET, &denied[i]), FL_R_DENIED_SOURCE);
			world_passes("and after it", FROM_NET, &others[k]);
			world_passes("and again", TO_NET, &others[k]);
		}
}

static void every_truncation_is_left_to_the_stack(void **state)
{
	static const struct pkt whole[] = {
		{ .src = PEER4, .dst = A4, .proto = IPPROTO_TCP, .tcp = PKT_SYN, .dport = 80 },
		{ .src = PEER4, .dst = A4, .dport = 53, .options = 8 },
		{ .src = PEER6, .dst = A6, .ext = { 255, 60 }, .dport = 53 },
		{ .src = PEER6, .dst = A6, .proto = IPPROTO_TCP, .tcp = PKT_SYN },
		{ .src = PEER6, .dst = A6, .proto = IPPROTO_ICMPV6, .type = 128 },
	};
	uint8_t bytes[PKT_MAX];

	(void)state;
	world_forget();
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		size_t len = pkt_build(&whole[i], bytes);
		size_t header = ETH + (strchr(whole[i].src, ':') ? 40 : 20);

		for (size_t n = 15; n < len; n++) {
			for (int hook = FROM_NET; hook <= AT_XDP; hook++) {
				struct fate f = world_run_bytes((enum hook)hook, bytes, n);

				/* Newer kernels take no test packet without its IP header. */
				if (f.len == 0 && (n < header || hook == AT_XDP))
					continue;
				if (f.counted || f.verdict != (hook == AT_XDP ? 2 : TC_ACT_UNSPEC))
					fail_msg("packet %zu cut to %zu at hook %d: verdict %d", i,
						 n, hook, f.verdict);
			}
		}
	}
	assert_int_equal(world_flows(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_header_combination_leaves_for_another_node),
		cmocka_unit_test(every_header_combination_arrives_in_the_pod),
		cmocka_unit_test(every_header_combination_of_the_stack_is_entered_and_goes_on),
		cmocka_unit_test(what_a_router_would_answer_is_left_to_the_stack),
		cmocka_unit_test(what_will_be_cut_is_as_large_as_its_parts),
		cmocka_unit_test(without_our_programs_on_the_way_all_goes_by_the_stack),
		cmocka_unit_test(what_went_past_the_stack_is_not_judged_on_its_way_out),
		cmocka_unit_test(
			what_a_pod_sends_to_a_service_is_judged_where_it_leaves_as_the_nodes),
		cmocka_unit_test(what_leaves_for_a_service_that_is_none_is_judged_by_its_address),
		cmocka_unit_test(who_comes_from_without_in_the_nodes_name_is_turned_away),
		cmocka_unit_test(within_the_stack_a_service_is_judged_at_both_ends_by_its_backend),
		cmocka_unit_test(within_the_stack_answers_are_cut_with_what_they_answer),
		cmocka_unit_test(
			within_the_stack_what_the_node_answers_is_cut_with_what_it_answers),
		cmocka_unit_test(within_the_stack_nothing_is_judged_by_another_packet_that_waits),
		cmocka_unit_test(
			within_the_stack_what_cannot_be_read_goes_nowhere_if_a_pod_sent_it),
		cmocka_unit_test(sources_of_known_connections_are_looked_up_where_some_are_denied),
		cmocka_unit_test(what_has_no_source_is_not_held_for_the_last_packets),
		cmocka_unit_test(every_truncation_is_left_to_the_stack),
	};

	return cmocka_run_group_tests_name("network programs", tests, world_begin, world_end);
}
