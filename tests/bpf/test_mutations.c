// SPDX-License-Identifier: Apache-2.0
/*
 * Packets that no table thought of: valid ones of every kind, damaged in ways that a seed decides
 * (bytes, lengths, addresses, header fields, cut, grown), at every hook. Whatever comes: the
 * verdict is one of those that the hook has; at a pod's hooks exactly one counter rises by one; a
 * pod sends nothing under an address that is not its own; what no policy allows does not pass.
 * What the short way takes has the same fate as by the long one. FL_MUTATIONS: how many (100,000),
 * FL_SEED: where to begin. Needs root and eBPF.
 */
#include "world.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* splitmix64: the same sequence everywhere. */
static uint64_t seed;

static uint32_t draw(uint32_t below)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) % below);
}

static uint64_t number_of(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : fallback;
}

/* Between whom: of a pod and of everybody that it may have to do with. */
static const struct {
	const char *src, *dst;
} pairs[] = {
	{ A4, B4 },	 { A6, B6 },	 { A4, REMOTE4 }, { A6, REMOTE6 }, { REMOTE4, A4 },
	{ REMOTE6, A6 }, { A4, PEER4 },	 { A6, PEER6 },	  { PEER4, A4 },   { PEER6, A6 },
	{ A4, NODE4 },	 { NODE6, A6 },	 { DENIED4, A4 }, { DENIED6, A6 }, { A4, SERVICE4 },
	{ WORLD4, A4 },	 { A6, WORLD6 }, { A4, A4 },
};

static bool is_v6(const char *text)
{
	return strchr(text, ':');
}

/* A valid packet, by the seed. */
static void draw_packet(struct pkt *p, struct pkt *about)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP,
					  47 };
	static const uint8_t types4[] = { 8, 0, 3, 11, 13 },
			     types6[] = { 128, 129, 1, 135, 136, 143 };
	size_t pair = draw(sizeof(pairs) / sizeof(pairs[0]));

	*p = (struct pkt){ .src = pairs[pair].src, .dst = pairs[pair].dst };
	p->proto = protos[draw(sizeof(protos))];
	p->sport = (uint16_t)draw(4);
	p->dport = (uint16_t)(79 + draw(4));
	p->tcp = (uint8_t)draw(16);
	p->payload = (uint16_t)draw(64);
	if (draw(8) == 0)
		p->more = 1;
	if (draw(8) == 0)
		p->offset = (uint16_t)draw(8);
	p->id = (uint16_t)draw(3);
	if (draw(16) == 0)
		p->vlan = 7;
	if (!is_v6(p->src)) {
		p->options = (uint8_t)(4 * draw(4));
		p->type = types4[draw(sizeof(types4))];
		p->arp = draw(16) == 0;
	} else {
		for (unsigned int i = 0, n = draw(8); n < 6 && i < n; i++)
			p->ext[i] = (uint8_t[]){ 255, 43, 60, 51, 135 }[draw(5)];
		p->type = types6[draw(sizeof(types6))];
		if (p->proto == IPPROTO_ICMP)
			p->proto = IPPROTO_ICMPV6;
		p->ttl = draw(2) ? 255 : 0;
	}
	if ((p->type == 3 || p->type == 11 || p->type == 1) && draw(4)) {
		*about = (struct pkt){ .src = p->dst, .dst = p->src, .sport = 80, .dport = 1 };
		p->about = about;
	}
}

/* One injury. */
static size_t damage(uint8_t *b, size_t len)
{
	static const uint8_t odd[] = { 0, 1, 4, 5, 6, 0x0f, 0x7f, 0x80, 0xff };
	size_t at;

	switch (draw(6)) {
	case 0: /* any bit */
		at = draw((uint32_t)len);
		b[at] ^= (uint8_t)(1u << draw(8));
		return len;
	case 1: /* a byte of the headers that says something about others */
		at = draw((uint32_t)(len < 80 ? len : 80));
		b[at] = odd[draw(sizeof(odd))];
		return len;
	case 2: /* cut off */
		return 1 + draw((uint32_t)len);
	case 3: /* grown, by what was there before */
		at = draw(64);
		return len + at < PKT_MAX ? len + at : len;
	case 4: /* the length that the IP header says */
		at = draw(2) ? 16 : 18;
		if (at + 2 <= len) {
			b[at] = 0;
			b[at + 1] = (uint8_t)draw(128);
		}
		return len;
	default: /* somebody else's bytes in another place */
		at = draw((uint32_t)len);
		memmove(b + at, b + draw((uint32_t)(len - at)), (len - at) / 2);
		return len;
	}
}

/* Is this the address of A, as the frame has it? Only a sender that lies is told from one. */
static bool says_a(const uint8_t *b, size_t len)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 0x0a };
	static const uint8_t a4[4] = { 10, 0, 0, 2 };
	static const uint8_t a6[16] = { 0xfd, [15] = 2 };

	if (len < 14 || memcmp(b + 6, mac, 6) != 0)
		return false;
	if (b[12] == 8 && b[13] == 0)
		return len >= 34 && memcmp(b + 26, a4, 4) == 0;
	if (b[12] == 0x86 && b[13] == 0xdd)
		return len >= 54 && memcmp(b + 22, a6, 16) == 0;
	return false;
}

/* Is it for A, and from somebody else? What a pod sends to itself is no matter of policy. */
static bool is_for_a(const uint8_t *b, size_t len)
{
	static const uint8_t a4[4] = { 10, 0, 0, 2 };
	static const uint8_t a6[16] = { 0xfd, [15] = 2 };

	if (len >= 34 && b[12] == 8 && b[13] == 0)
		return memcmp(b + 30, a4, 4) == 0 && memcmp(b + 26, a4, 4) != 0;
	if (len >= 54 && b[12] == 0x86 && b[13] == 0xdd)
		return memcmp(b + 38, a6, 16) == 0 && memcmp(b + 22, a6, 16) != 0;
	return false;
}

static bool is_to_itself(const uint8_t *b)
{
	return b[12] == 8 ? memcmp(b + 26, b + 30, 4) == 0 : memcmp(b + 22, b + 38, 16) == 0;
}

/* Is the packet a matter of A's policy, which allows nothing? */
static bool is_forbidden(enum hook hook, const uint8_t *b, size_t len)
{
	return hook == FROM_A ? says_a(b, len) && !is_to_itself(b) : is_for_a(b, len);
}

static bool is_verdict(enum hook hook, int v)
{
	if (hook == AT_XDP)
		return v == XDP_PASS || v == XDP_DROP;
	if (hook == FROM_NET || hook == TO_NET)
		return v == TC_ACT_UNSPEC || v == TC_ACT_SHOT || v == TC_ACT_REDIRECT;
	return v == TC_ACT_OK || v == TC_ACT_SHOT || v == TC_ACT_REDIRECT;
}

static bool is_pass(enum fl_reason reason)
{
	return reason == FL_R_FORWARDED || reason == FL_R_REDIRECTED || reason == FL_R_NOT_IP;
}

/* What must be so whatever the packet was; the name of what is not, or NULL. */
static const char *wrong(enum hook hook, const uint8_t *b, size_t len, const struct fate *f)
{
	bool at_pod = hook == FROM_A || hook == TO_A;

	if (!is_verdict(hook, f->verdict))
		return "no verdict of this hook";
	if (f->counted > 1 || (at_pod && f->counted != 1))
		return "not counted once";
	if (f->counted == 0)
		return f->verdict == TC_ACT_SHOT && hook != AT_XDP ? "dropped and not counted"
								   : NULL;
	if (at_pod && is_pass(f->reason) != (f->verdict != TC_ACT_SHOT))
		return "counted as what it is not";
	if (hook == FROM_A && (f->reason == FL_R_FORWARDED || f->reason == FL_R_REDIRECTED) &&
	    !says_a(b, len))
		return "passed, and it is not the pod's own";
	return NULL;
}

static void show(const uint8_t *b, size_t len)
{
	print_message("#");
	for (size_t i = 0; i < len; i++)
		print_message(" %02x", b[i]);
	print_message("\n");
}

static const enum hook hooks[] = { FROM_A, FROM_A, TO_A, TO_A, FROM_NET, TO_NET, AT_XDP };

/*
 * Runs one packet; false when the kernel takes no such test packet.
 * may_pass: false where no policy lets anything new pass.
 */
static bool run_one(uint64_t number, enum hook hook, uint8_t *b, size_t len, bool may_pass)
{
	struct fate f = world_run_bytes(hook, b, len);
	const char *what;

	if (f.len == 0)
		return false;
	what = wrong(hook, b, len, &f);
	if (!what && !may_pass && is_forbidden(hook, b, len) &&
	    (f.reason == FL_R_FORWARDED || f.reason == FL_R_REDIRECTED))
		what = "passed, and nobody has allowed it";
	if (what) {
		show(b, len);
		fail_msg("packet %llu at hook %d: %s: verdict %d, reason %d, counted %u",
			 (unsigned long long)number, (int)hook, what, f.verdict, (int)f.reason,
			 f.counted);
	}
	return true;
}

/* n packets, of which few kinds of connections come about; how many the kernel took. */
static uint64_t run_many(uint64_t n, bool may_pass)
{
	static uint8_t b[PKT_MAX];
	uint64_t taken = 0;

	for (uint64_t i = 0; i < n; i++) {
		enum hook hook = hooks[draw(sizeof(hooks) / sizeof(hooks[0]))];
		struct pkt p, about;
		size_t len;

		draw_packet(&p, &about);
		len = pkt_build(&p, b);
		for (uint32_t k = draw(4); k > 0; k--)
			len = damage(b, len);
		taken += run_one(i, hook, b, len, may_pass);
		if (i % 512 == 0 || !may_pass)
			world_forget();
	}
	world_forget();
	return taken;
}

static void whatever_comes_has_one_fate(void **state)
{
	uint64_t n = number_of("FL_MUTATIONS", 100000) / 2, taken;

	(void)state;
	world_slot(SLOT_A, 80, FL_SLOT_INGRESS);
	world_rule(80, FL_INGRESS, FL_ID_ANY, 90);
	world_port(90, IPPROTO_TCP, 80, 16);
	taken = run_many(n, true);
	print_message("# points: %llu packets\n", (unsigned long long)taken);
	assert_true(taken > n / 2);
}

/*
 * A is isolated both ways and nobody is allowed. Its node and Services, which would be, have
 * nothing special here.
 */
static void what_nobody_has_allowed_never_passes(void **state)
{
	uint64_t n = number_of("FL_MUTATIONS", 100000) / 2, taken;

	(void)state;
	world_slot(SLOT_A, 81, FL_SLOT_INGRESS | FL_SLOT_EGRESS);
	world_no_specials();
	taken = run_many(n, false);
	print_message("# points: %llu packets\n", (unsigned long long)taken);
	assert_true(taken > n / 2);
}

/* The connections, few as they are: as the programs have left them. */
enum { FLOWS_MAX = 16 };

struct flows {
	size_t n;
	struct fl_flow_key keys[FLOWS_MAX];
	struct fl_flow values[FLOWS_MAX];
};

static void read_flows(struct flows *out)
{
	struct fl_flow_key *last = NULL;
	int fd = world_map("fl_flows");

	memset(out, 0, sizeof(*out));
	for (; bpf_map_get_next_key(fd, last, &out->keys[out->n]) == 0; out->n++) {
		last = &out->keys[out->n];
		assert_int_equal(bpf_map_lookup_elem(fd, last, &out->values[out->n]), 0);
		assert_true(out->n + 1 < FLOWS_MAX);
	}
}

/* Puts them back, none for the short way. */
static void write_long_flows(const struct flows *flows)
{
	struct fl_flow_key key;

	/* Fragments stay as they are known. */
	while (bpf_map_get_next_key(world_map("fl_flows"), NULL, &key) == 0)
		assert_int_equal(bpf_map_delete_elem(world_map("fl_flows"), &key), 0);
	for (size_t i = 0; i < flows->n; i++) {
		struct fl_flow f = flows->values[i];

		f.judged &= (__u8)~FL_JUDGED_SHORT;
		assert_int_equal(
			bpf_map_update_elem(world_map("fl_flows"), &flows->keys[i], &f, BPF_ANY),
			0);
	}
	world_next_turn();
}

/* Are they the same, but for the way that their packets may take and the moment? */
static bool same_flows(const struct flows *a, const struct flows *b)
{
	size_t found = 0;

	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++) {
			struct fl_flow f = b->values[k];

			f.judged = a->values[i].judged;
			f.seen = a->values[i].seen;
			found += memcmp(&a->keys[i], &b->keys[k], sizeof(a->keys[i])) == 0 &&
				 memcmp(&a->values[i], &f, sizeof(f)) == 0;
		}
	return a->n == b->n && found == a->n;
}

/* The hook that a packet of this pair of ends is met at. */
static enum hook hook_of(const struct pkt *p)
{
	bool from_a = strcmp(p->src, A4) == 0 || strcmp(p->src, A6) == 0;

	return from_a						      ? FROM_A
	       : strncmp(p->src, "10.2.", 5) == 0 || p->src[3] == '2' ? FROM_NET
								      : TO_A;
}

/* A plain packet of the connection, as often as it takes that the next one follows at once. */
static void run_busy(enum hook hook, const struct pkt *first)
{
	struct pkt next = *first;

	next.tcp = PKT_ACK;
	for (int i = 0; i < 3; i++)
		(void)world_run(hook, &next);
}

/*
 * Opens the packet's connection, and sends the packet both ways; the short one of every second
 * right behind others. True when there was a short one.
 */
static bool run_both(uint64_t number, enum hook hook, const struct pkt *first, const uint8_t *b,
		     size_t len)
{
	struct flows before, by_short, by_long;
	struct fate f, g;
	bool is_short = false;

	world_forget();
	(void)world_run(hook, first);
	if (number % 2)
		run_busy(hook, first);
	read_flows(&before);
	f = world_run_bytes(hook, b, len);
	read_flows(&by_short);
	write_long_flows(&before);
	g = world_run_bytes(hook, b, len);
	read_flows(&by_long);
	if (f.verdict != g.verdict || f.reason != g.reason || f.counted != g.counted ||
	    f.dir != g.dir || f.mark != g.mark || f.len != g.len ||
	    memcmp(f.out, g.out, f.len) != 0 || !same_flows(&by_short, &by_long)) {
		show(b, len);
		fail_msg("packet %llu at hook %d: verdict %d, reason %d; by the long way %d, %d",
			 (unsigned long long)number, (int)hook, f.verdict, (int)f.reason, g.verdict,
			 (int)g.reason);
	}
	for (size_t i = 0; i < before.n; i++)
		is_short |= (before.values[i].judged & FL_JUDGED_SHORT) && f.len > 0;
	return is_short;
}

static void what_goes_the_short_way_is_done_by_it_as_by_the_long_one(void **state)
{
	uint64_t n = number_of("FL_MUTATIONS", 100000) / 10, of_short = 0;
	struct fl_device device = { 0 };
	__u32 net0 = if_nametoindex("net0");

	(void)state;
	assert_int_equal(bpf_map_update_elem(world_map("fl_devices"), &net0, &device, BPF_ANY), 0);
	for (uint64_t i = 0; i < n; i++) {
		struct pkt p, first, about;
		static uint8_t b[PKT_MAX];
		size_t len;

		do
			draw_packet(&p, &about);
		while (p.about || p.arp);
		p.proto = draw(2) ? IPPROTO_TCP : IPPROTO_UDP;
		if (draw(2) && (strcmp(p.dst, B4) == 0 || strcmp(p.dst, B6) == 0))
			memcpy(p.dst_mac, (uint8_t[])MAC_B, sizeof(p.dst_mac));
		first = p;
		first.tcp = PKT_SYN;
		len = pkt_build(&p, b);
		for (uint32_t k = draw(3); k > 0; k--)
			len = damage(b, len);
		of_short += run_both(i, hook_of(&p), &first, b, len);
	}
	world_forget();
	print_message("# points: %llu packets\n", (unsigned long long)of_short);
	assert_true(of_short > n / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_comes_has_one_fate),
		cmocka_unit_test(what_goes_the_short_way_is_done_by_it_as_by_the_long_one),
		cmocka_unit_test(what_nobody_has_allowed_never_passes),
	};

	seed = number_of("FL_SEED", 20261122);
	return cmocka_run_group_tests_name("mutations", tests, world_begin, world_end);
}
