// SPDX-License-Identifier: Apache-2.0
/*
 * Every combination of headers, whole and cut off after every byte, to and from a pod: Ethernet,
 * IPv4 with and without options, IPv6 with every chain of up to three extension headers, whole
 * packets and fragments, and every protocol above (UDP alone behind three). Once as the network
 * cuts (the IP header says more than there is), once as a liar does (it says what there is). What
 * lacks a byte of a header is refused by name. Then fragments in every order, and overlapping ones.
 * Needs root and eBPF.
 */
#include "world.h"

#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <string.h>

struct combination {
	struct pkt p;
	enum hook hook;
	size_t headers; /* bytes up to the data, or to all that is looked at */
};

static bool is_v6(const struct pkt *p)
{
	return strchr(p->src, ':');
}

/* Bytes that the protocol's header must have; 0: nobody looks. */
static size_t l4_header(const struct pkt *p)
{
	switch (p->proto) {
	case IPPROTO_TCP:
		return 20;
	case IPPROTO_SCTP:
		return 12;
	case IPPROTO_UDP:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 8;
	}
	return 0;
}

static size_t headers_of(const struct pkt *p)
{
	size_t n = 14 + (is_v6(p) ? 40 : 20u + p->options);

	for (size_t i = 0; i < sizeof(p->ext) && p->ext[i]; i++)
		n += 8;
	if (is_v6(p) && (p->offset || p->more))
		n += 8;
	return p->offset ? n : n + l4_header(p);
}

/* The IP header says that the packet is as long as the frame. */
static void tell_length(const struct pkt *p, uint8_t *b, size_t len)
{
	size_t at = is_v6(p) ? 18 : 16, says = is_v6(p) ? len - 54 : len - 14;

	if (len < (is_v6(p) ? 54 : 34))
		return;
	b[at] = (uint8_t)(says >> 8);
	b[at + 1] = (uint8_t)says;
}

static void fail_at(const struct combination *c, size_t n, size_t len, const struct fate *f)
{
	fail_msg("%s proto %u options %u ext %u %u %u offset %u more %u, hook %d, %zu of %zu "
		 "bytes: reason %d, verdict %d, counted %u",
		 c->p.src, c->p.proto, c->p.options, c->p.ext[0], c->p.ext[1], c->p.ext[2],
		 c->p.offset, c->p.more, (int)c->hook, n, len, (int)f->reason, f->verdict,
		 f->counted);
}

/* Cut off after n bytes. Kernels refuse some test packets that lack an IP header: f.len is 0. */
static size_t cut(const struct combination *c, const uint8_t *whole, size_t len, size_t n)
{
	uint8_t b[PKT_MAX];
	struct fate f = world_run_bytes(c->hook, whole, n);

	if (f.len && (f.reason != FL_R_TRUNCATED || f.verdict != TC_ACT_SHOT))
		fail_at(c, n, len, &f);
	memcpy(b, whole, n);
	tell_length(&c->p, b, n);
	world_forget();
	f = world_run_bytes(c->hook, b, n);
	if (!f.len)
		return 1;
	if (n < c->headers && f.verdict != TC_ACT_SHOT)
		fail_at(c, n, len, &f);
	if (n < c->headers && f.reason != FL_R_TRUNCATED && f.reason != FL_R_MALFORMED)
		fail_at(c, n, len, &f);
	/* Of a whole header all is known; a later fragment is a stray one here. */
	if (n >= c->headers && f.reason != (c->p.offset ? FL_R_FRAGMENT : FL_R_FORWARDED))
		fail_at(c, n, len, &f);
	return 2;
}

static size_t check(struct combination *c)
{
	uint8_t whole[PKT_MAX];
	size_t len = pkt_build(&c->p, whole), runs = 0;

	c->headers = headers_of(&c->p);
	for (size_t n = 14; n < len; n++) {
		world_forget();
		runs += cut(c, whole, len, n);
	}
	return runs;
}

/* Every protocol above this IP header, whole, as a first and as a later fragment. */
static size_t check_protocols(struct combination *c, bool udp_only)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP,
					  47 };
	size_t runs = 0;

	for (size_t i = 0; i < sizeof(protos); i++) {
		if (udp_only && protos[i] != IPPROTO_UDP)
			continue;
		for (unsigned int part = 0; part < 3; part++) {
			c->p.proto = protos[i];
			if (is_v6(&c->p) && c->p.proto == IPPROTO_ICMP)
				c->p.proto = IPPROTO_ICMPV6;
			c->p.type = is_v6(&c->p) ? 128 : 8;
			c->p.tcp = PKT_SYN;
			c->p.more = part == 1;
			c->p.offset = part == 2 ? 2 : 0;
			c->p.payload = 3;
			runs += check(c);
		}
	}
	return runs;
}

static void every_ipv4_packet_is_refused_short_of_its_headers(void **state)
{
	size_t runs = 0;

	(void)state;
	for (unsigned int options = 0; options <= 40; options += 4) {
		struct combination out = { .p = { .src = A4, .dst = REMOTE4 }, .hook = FROM_A };
		struct combination in = { .p = { .src = REMOTE4, .dst = A4 }, .hook = TO_A };

		out.p.options = in.p.options = (uint8_t)options;
		runs += check_protocols(&out, false) + check_protocols(&in, false);
	}
	print_message("# points: %zu packets\n", runs);
	assert_true(runs > 5000);
}

static void every_ipv6_packet_is_refused_short_of_its_headers(void **state)
{
	static const uint8_t kinds[] = { 255, 43, 60, 135 };
	size_t runs = 0;

	(void)state;
	for (unsigned int chain = 0; chain < 1 + 4 + 16 + 64; chain++) {
		struct combination out = { .p = { .src = A6, .dst = REMOTE6 }, .hook = FROM_A };
		struct combination in = { .p = { .src = REMOTE6, .dst = A6 }, .hook = TO_A };
		unsigned int n = chain < 1 ? 0 : chain < 5 ? 1 : chain < 21 ? 2 : 3;
		unsigned int rest = chain - (n == 0 ? 0 : n == 1 ? 1 : n == 2 ? 5 : 21);

		for (unsigned int i = 0; i < n; i++, rest /= 4)
			out.p.ext[i] = in.p.ext[i] = kinds[rest % 4];
		runs += check_protocols(chain % 2 ? &out : &in, n == 3);
	}
	print_message("# points: %zu packets\n", runs);
	assert_true(runs > 30000);
}

static void arp_is_refused_short_of_its_end(void **state)
{
	static const struct pkt arp = { .src = A4, .dst = B4, .arp = 1 };
	uint8_t whole[PKT_MAX];
	size_t len = pkt_build(&arp, whole);

	(void)state;
	for (size_t n = 15; n < len; n++) {
		CHECK_FATE("from a pod", world_run_bytes(FROM_A, whole, n), FL_R_TRUNCATED);
		CHECK_FATE("to a pod", world_run_bytes(TO_A, whole, n), FL_R_TRUNCATED);
	}
	CHECK_FATE("whole", world_run(FROM_A, &arp), FL_R_NOT_IP);
}

/* --- fragments --- */

struct fragment {
	uint16_t offset, id;
	uint8_t more, proto;
	uint16_t dport, payload;
	enum fl_reason want;
};

/* The policy lets UDP port 53 in, and nothing else. */
static void check_fragments(const char *what, const struct fragment *fs, size_t n)
{
	static const char *const ends[][2] = { { REMOTE4, A4 }, { REMOTE6, A6 } };

	for (size_t family = 0; family < 2; family++) {
		world_forget();
		for (size_t i = 0; i < n; i++) {
			struct pkt p = { .src = ends[family][0],
					 .dst = ends[family][1],
					 .offset = fs[i].offset,
					 .id = fs[i].id,
					 .more = fs[i].more,
					 .proto = fs[i].proto,
					 .dport = fs[i].dport,
					 .payload = fs[i].payload };
			struct fate f = world_run(TO_A, &p);

			if (f.reason != fs[i].want)
				fail_msg("%s, IPv%d, fragment %zu: reason %d, expected %d", what,
					 family ? 6 : 4, i, (int)f.reason, (int)fs[i].want);
		}
	}
}

#define CHECK_FRAGMENTS(what, ...)                                         \
	check_fragments(what, (const struct fragment[]){ __VA_ARGS__ },    \
			sizeof((const struct fragment[]){ __VA_ARGS__ }) / \
				sizeof(struct fragment))
#define FIRST(i, port, w)                                                   \
	{                                                                   \
		.id = i, .more = 1, .dport = port, .payload = 16, .want = w \
	}
#define LATER(i, at, w)                                        \
	{                                                      \
		.id = i, .offset = at, .payload = 8, .want = w \
	}

static void fragments_have_the_fate_of_their_first(void **state)
{
	(void)state;
	world_slot(SLOT_A, 95, FL_SLOT_INGRESS);
	world_rule(95, FL_INGRESS, ID_REMOTE, 96);
	world_port(96, IPPROTO_UDP, 53, 16);
	CHECK_FRAGMENTS("in order", FIRST(1, 53, FL_R_FORWARDED), LATER(1, 3, FL_R_FORWARDED),
			LATER(1, 4, FL_R_FORWARDED));
	CHECK_FRAGMENTS("the later one first", LATER(2, 3, FL_R_FRAGMENT),
			FIRST(2, 53, FL_R_FORWARDED), LATER(2, 3, FL_R_FORWARDED));
	CHECK_FRAGMENTS("of what is forbidden", FIRST(3, 54, FL_R_POLICY_INGRESS),
			LATER(3, 3, FL_R_POLICY_INGRESS));
	CHECK_FRAGMENTS("of two packets in turn", FIRST(4, 53, FL_R_FORWARDED),
			FIRST(5, 54, FL_R_POLICY_INGRESS), LATER(4, 3, FL_R_FORWARDED),
			LATER(5, 3, FL_R_POLICY_INGRESS));
	/* The second first one overwrites the ports where the receiver puts it together. */
	CHECK_FRAGMENTS("a first one over another", FIRST(6, 53, FL_R_FORWARDED),
			FIRST(6, 54, FL_R_POLICY_INGRESS), LATER(6, 3, FL_R_POLICY_INGRESS));
	CHECK_FRAGMENTS("of another protocol", FIRST(7, 53, FL_R_FORWARDED),
			{ .id = 7, .offset = 3, .proto = IPPROTO_TCP, .want = FL_R_FRAGMENT });
	world_slot(SLOT_A, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_ipv4_packet_is_refused_short_of_its_headers),
		cmocka_unit_test(every_ipv6_packet_is_refused_short_of_its_headers),
		cmocka_unit_test(arp_is_refused_short_of_its_end),
		cmocka_unit_test(fragments_have_the_fate_of_their_first),
	};

	return cmocka_run_group_tests_name("headers", tests, world_begin, world_end);
}
