// SPDX-License-Identifier: Apache-2.0
/*
 * Every reason is made to happen at every hook where it can; where it cannot, that is said, and
 * why. A reason that is added to the enum fails here until it has its place. And what policy has
 * said of new connections is counted. Needs root and eBPF.
 */
#include "world.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#define MAC_OTHER                   \
	{                           \
		2, 0, 0, 0, 0, 0x66 \
	}

enum at { FROM_POD, TO_POD, AT_FROM_NET, AT_TO_NET, AT_CARD, HOOKS };

static const char *const names[HOOKS] = { "fl_from_pod", "fl_to_pod", "fl_from_net", "fl_to_net",
					  "fl_xdp" };

/* Why a reason has no case at a hook. */
#define ONLY_FROM_PODS "only what a pod sends is held against what it is"
#define NOT_STRAIGHT   "what it lets pass goes on by the stack's way"
#define STACK_KNOWS    "is left to the stack, and judged at the pod"
#define NOT_DENIED     "denied sources are the business of the interfaces to other nodes"
#define ONLY_DENIES    "looks at the source and at nothing else"
#define GOES_ON_FREE   "what it lets pass is counted at the pod"

static const char *const never[HOOKS][FL_R_COUNT] = {
	[FROM_POD] = {
		[FL_R_DENIED_SOURCE] = NOT_DENIED,
	},
	[TO_POD] = {
		[FL_R_REDIRECTED] = NOT_STRAIGHT,
		[FL_R_SPOOFED_IP] = ONLY_FROM_PODS,
		[FL_R_DENIED_SOURCE] = NOT_DENIED,
	},
	[AT_FROM_NET] = {
		[FL_R_FORWARDED] = GOES_ON_FREE,
		[FL_R_NOT_IP] = STACK_KNOWS,
		[FL_R_SPOOFED_MAC] = ONLY_FROM_PODS,
		[FL_R_SPOOFED_IP] = ONLY_FROM_PODS,
		[FL_R_ETHERTYPE] = STACK_KNOWS,
		[FL_R_VLAN] = STACK_KNOWS,
		[FL_R_TRUNCATED] = STACK_KNOWS,
		[FL_R_MALFORMED] = STACK_KNOWS,
		[FL_R_EXTENSIONS] = STACK_KNOWS,
		[FL_R_FRAGMENT] = STACK_KNOWS,
		[FL_R_INVALID_STATE] = STACK_KNOWS,
	},
	[AT_TO_NET] = {
		[FL_R_FORWARDED] = GOES_ON_FREE,
		[FL_R_REDIRECTED] = GOES_ON_FREE,
		[FL_R_NOT_IP] = GOES_ON_FREE,
		[FL_R_SPOOFED_MAC] = ONLY_FROM_PODS,
		[FL_R_SPOOFED_IP] = ONLY_FROM_PODS,
		[FL_R_ETHERTYPE] = STACK_KNOWS,
		[FL_R_VLAN] = STACK_KNOWS,
		[FL_R_TRUNCATED] = STACK_KNOWS,
		[FL_R_MALFORMED] = STACK_KNOWS,
		[FL_R_EXTENSIONS] = STACK_KNOWS,
		[FL_R_FRAGMENT] = STACK_KNOWS,
		[FL_R_INVALID_STATE] = STACK_KNOWS,
		[FL_R_DENIED_SOURCE] = NOT_DENIED,
	},
	[AT_CARD] = {
		[FL_R_FORWARDED] = ONLY_DENIES,
		[FL_R_REDIRECTED] = ONLY_DENIES,
		[FL_R_NOT_IP] = ONLY_DENIES,
		[FL_R_POLICY_INGRESS] = ONLY_DENIES,
		[FL_R_POLICY_EGRESS] = ONLY_DENIES,
		[FL_R_CLOSED] = ONLY_DENIES,
		[FL_R_UNKNOWN_ENDPOINT] = ONLY_DENIES,
		[FL_R_SPOOFED_MAC] = ONLY_DENIES,
		[FL_R_SPOOFED_IP] = ONLY_DENIES,
		[FL_R_ETHERTYPE] = ONLY_DENIES,
		[FL_R_VLAN] = ONLY_DENIES,
		[FL_R_TRUNCATED] = ONLY_DENIES,
		[FL_R_MALFORMED] = ONLY_DENIES,
		[FL_R_EXTENSIONS] = ONLY_DENIES,
		[FL_R_FRAGMENT] = ONLY_DENIES,
		[FL_R_FLOWS_FULL] = ONLY_DENIES,
		[FL_R_INVALID_STATE] = ONLY_DENIES,
	},
};

/* --- what has to be so before the packet comes --- */

static void a_is_shut(void)
{
	world_slot(SLOT_A, 70, FL_SLOT_INGRESS | FL_SLOT_EGRESS);
}

static void b_is_shut(void)
{
	world_slot(SLOT_B, 71, FL_SLOT_EGRESS);
}

static void a_is_closed(void)
{
	world_slot(SLOT_A, 0, FL_SLOT_CLOSED);
}

/* A connection in the direction given, and then a policy that forbids it. */
static void forbid_known(enum hook opened_at, const struct pkt *p)
{
	struct fate f = world_run(opened_at, p);

	assert_true(f.verdict != TC_ACT_SHOT);
	a_is_shut();
	world_next_generation();
}

static void a_opened_then_shut(void)
{
	static const struct pkt p = { .src = A4, .dst = PEER4, .sport = 5, .dport = 53 };

	forbid_known(FROM_A, &p);
}

static void peer_opened_then_shut(void)
{
	static const struct pkt p = { .src = PEER4, .dst = A4, .sport = 53, .dport = 5 };

	forbid_known(FROM_NET, &p);
}

static void a_is_unknown(void)
{
	__u32 a = if_nametoindex("hA");

	assert_int_equal(bpf_map_delete_elem(world_map("fl_endpoints"), &a), 0);
}

/* Its entry is another's already, as it may be for the moment in which that is written. */
static void a_is_being_written(void)
{
	__u32 a = if_nametoindex("hA");
	int map = world_map("fl_endpoints");
	struct fl_endpoint_info ep;

	assert_int_equal(bpf_map_lookup_elem(map, &a, &ep), 0);
	ep.ifindex++;
	assert_int_equal(bpf_map_update_elem(map, &a, &ep, BPF_EXIST), 0);
}

static void a_is_on_its_way_in(void)
{
	__u32 a = if_nametoindex("hA");
	int map = world_map("fl_endpoints");
	struct fl_endpoint_info ep;

	assert_int_equal(bpf_map_lookup_elem(map, &a, &ep), 0);
	ep.flags = FL_ENDPOINT_SHUT;
	assert_int_equal(bpf_map_update_elem(map, &a, &ep, BPF_EXIST), 0);
}

static void flows_are_full(void)
{
	struct pkt p = { .src = B4, .dst = WORLD4, .dport = 9, .src_mac = MAC_B };

	for (p.sport = 1; p.sport <= 1024; p.sport++)
		CHECK_FATE("filling", world_run(FROM_B, &p), FL_R_FORWARDED);
}

static const struct pkt quoted4 = { .src = PEER4, .dst = A4, .sport = 1, .dport = 2 };
static const struct pkt quoted_own4 = { .src = A4, .dst = PEER4, .sport = 1, .dport = 2 };

/* --- the cases --- */

struct row {
	enum fl_reason want;
	enum at at;
	struct pkt p;
	void (*before)(void);
};

#define OUT    .src = A4, .dst = REMOTE4
#define OUT6   .src = A6, .dst = REMOTE6
#define IN     .src = REMOTE4, .dst = A4
#define IN6    .src = REMOTE6, .dst = A6
#define ARP    .arp = 1
#define ERR(p) .proto = IPPROTO_ICMP, .type = 3, .about = &(p)

static const struct row rows[] = {
	{ FL_R_FORWARDED, FROM_POD, { OUT, .dport = 53 } },
	{ FL_R_FORWARDED, TO_POD, { IN6, .dport = 53 } },
	{ FL_R_REDIRECTED, FROM_POD, { .src = A4, .dst = B4, .dport = 53 } },
	{ FL_R_REDIRECTED, FROM_POD, { .src = A6, .dst = PEER6, .dport = 53 } },
	{ FL_R_REDIRECTED, AT_FROM_NET, { .src = PEER4, .dst = A4, .dport = 53 } },
	{ FL_R_REDIRECTED, AT_FROM_NET, { .src = PEER6, .dst = A6, .dport = 53 } },
	{ FL_R_NOT_IP, FROM_POD, { .src = A4, .dst = B4, ARP } },
	{ FL_R_NOT_IP, TO_POD, { .src = B4, .dst = A4, ARP } },
	{ FL_R_POLICY_INGRESS, FROM_POD, { .src = B4, .dst = A4, .src_mac = MAC_B }, a_is_shut },
	{ FL_R_POLICY_INGRESS, TO_POD, { IN, .dport = 53 }, a_is_shut },
	{ FL_R_POLICY_INGRESS, AT_FROM_NET, { .src = PEER4, .dst = A4, .dport = 1 }, a_is_shut },
	{ FL_R_POLICY_INGRESS,
	  AT_TO_NET,
	  { .src = A4, .dst = PEER4, .sport = 5, .dport = 53 },
	  peer_opened_then_shut },
	{ FL_R_POLICY_EGRESS, FROM_POD, { OUT6, .dport = 53 }, a_is_shut },
	{ FL_R_POLICY_EGRESS, TO_POD, { .src = B4, .dst = A4, .dport = 53 }, b_is_shut },
	{ FL_R_POLICY_EGRESS,
	  AT_FROM_NET,
	  { .src = PEER4, .dst = A4, .sport = 53, .dport = 5 },
	  a_opened_then_shut },
	{ FL_R_POLICY_EGRESS, AT_TO_NET, { .src = A4, .dst = PEER4, .dport = 1 }, a_is_shut },
	{ FL_R_CLOSED, FROM_POD, { OUT, .dport = 53 }, a_is_closed },
	{ FL_R_CLOSED, TO_POD, { IN, .dport = 53 }, a_is_closed },
	{ FL_R_CLOSED, AT_FROM_NET, { .src = PEER4, .dst = A4, .dport = 53 }, a_is_closed },
	{ FL_R_CLOSED, AT_TO_NET, { .src = A4, .dst = PEER4, .dport = 53 }, a_is_closed },
	{ FL_R_UNKNOWN_ENDPOINT, FROM_POD, { OUT, .dport = 53 }, a_is_unknown },
	{ FL_R_UNKNOWN_ENDPOINT, TO_POD, { IN, .dport = 53 }, a_is_unknown },
	{ FL_R_UNKNOWN_ENDPOINT, FROM_POD, { OUT, .dport = 53 }, a_is_on_its_way_in },
	{ FL_R_UNKNOWN_ENDPOINT, TO_POD, { IN, .dport = 53 }, a_is_on_its_way_in },
	{ FL_R_UNKNOWN_ENDPOINT,
	  FROM_POD,
	  { .src = B4, .dst = A4, .src_mac = MAC_B },
	  a_is_being_written },
	{ FL_R_UNKNOWN_ENDPOINT,
	  AT_FROM_NET,
	  { .src = PEER4, .dst = A4, .dport = 53 },
	  a_is_being_written },
	{ FL_R_UNKNOWN_ENDPOINT,
	  AT_TO_NET,
	  { .src = A4, .dst = PEER4, .dport = 53 },
	  a_is_being_written },
	{ FL_R_SPOOFED_MAC, FROM_POD, { OUT, .src_mac = MAC_OTHER } },
	{ FL_R_SPOOFED_MAC, TO_POD, { .src = B4, .dst = A4, ARP, .odd = PKT_ARP_MAC } },
	{ FL_R_SPOOFED_IP, FROM_POD, { .src = WORLD4, .dst = REMOTE4 } },
	{ FL_R_ETHERTYPE, FROM_POD, { OUT, .odd = PKT_RARP } },
	{ FL_R_ETHERTYPE, TO_POD, { IN, .odd = PKT_RARP } },
	{ FL_R_VLAN, FROM_POD, { OUT, .vlan = 7 } },
	{ FL_R_VLAN, TO_POD, { IN, .vlan = 7 } },
	{ FL_R_TRUNCATED, FROM_POD, { OUT, .odd = PKT_LONG_LENGTH } },
	{ FL_R_TRUNCATED, TO_POD, { IN6, .odd = PKT_LONG_LENGTH } },
	{ FL_R_MALFORMED, FROM_POD, { OUT6, .odd = PKT_BAD_VERSION } },
	{ FL_R_MALFORMED, TO_POD, { IN, .odd = PKT_BAD_IHL } },
	{ FL_R_EXTENSIONS, FROM_POD, { OUT6, .ext = { 255, 60, 60, 60, 60, 60, 60 } } },
	{ FL_R_EXTENSIONS, TO_POD, { IN6, .ext = { 255, 60, 60, 60, 60, 60, 60 } } },
	{ FL_R_FRAGMENT, FROM_POD, { OUT, .id = 9, .offset = 4, .payload = 8 } },
	{ FL_R_FRAGMENT, TO_POD, { IN6, .id = 9, .offset = 4, .payload = 8 } },
	{ FL_R_FLOWS_FULL, FROM_POD, { OUT, .dport = 53 }, flows_are_full },
	{ FL_R_FLOWS_FULL, TO_POD, { IN, .dport = 53 }, flows_are_full },
	{ FL_R_FLOWS_FULL, AT_FROM_NET, { .src = PEER4, .dst = A4, .dport = 53 }, flows_are_full },
	{ FL_R_FLOWS_FULL, AT_TO_NET, { .src = A4, .dst = PEER4, .dport = 53 }, flows_are_full },
	{ FL_R_INVALID_STATE, FROM_POD, { OUT, ERR(quoted4) } },
	{ FL_R_INVALID_STATE, TO_POD, { IN, ERR(quoted_own4) } },
	{ FL_R_DENIED_SOURCE, AT_FROM_NET, { .src = DENIED4, .dst = A4, .dport = 53 } },
	{ FL_R_DENIED_SOURCE, AT_FROM_NET, { .src = DENIED6, .dst = WORLD6, .dport = 53 } },
	{ FL_R_DENIED_SOURCE, AT_CARD, { .src = DENIED4, .dst = A4, .dport = 53 } },
	{ FL_R_DENIED_SOURCE, AT_CARD, { .src = DENIED6, .dst = A6, .dport = 53 } },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static enum hook hook_of(const struct row *row)
{
	static const enum hook hooks[HOOKS] = { FROM_A, TO_A, FROM_NET, TO_NET, AT_XDP };

	return row->at == FROM_POD && strcmp(row->p.src, B4) == 0 ? FROM_B : hooks[row->at];
}

static bool passes(enum fl_reason reason)
{
	return reason == FL_R_FORWARDED || reason == FL_R_REDIRECTED || reason == FL_R_NOT_IP;
}

/* Nothing of the case before is left. */
static void renew(const struct fl_endpoint_info *a)
{
	__u32 index = if_nametoindex("hA");

	world_forget();
	world_slot(SLOT_A, 0, 0);
	world_slot(SLOT_B, 0, 0);
	assert_int_equal(bpf_map_update_elem(world_map("fl_endpoints"), &index, a, BPF_ANY), 0);
}

static void every_reason_happens_wherever_it_can(void **state)
{
	__u32 index = if_nametoindex("hA");
	struct fl_endpoint_info a;

	(void)state;
	assert_int_equal(bpf_map_lookup_elem(world_map("fl_endpoints"), &index, &a), 0);
	for (size_t i = 0; i < ROWS; i++) {
		const struct row *row = &rows[i];
		bool out = row->at == FROM_POD || row->at == AT_TO_NET;
		struct fate f;
		int want;

		renew(&a);
		if (row->before)
			row->before();
		f = world_run(hook_of(row), &row->p);
		want = row->at == AT_CARD	      ? XDP_DROP
		       : row->want == FL_R_REDIRECTED ? TC_ACT_REDIRECT
		       : passes(row->want)	      ? TC_ACT_OK
						      : TC_ACT_SHOT;
		if (f.reason != row->want || f.verdict != want)
			fail_msg("row %zu, %s: reason %d, verdict %d, expected %d and %d", i,
				 names[row->at], (int)f.reason, f.verdict, (int)row->want, want);
		assert_int_equal(f.dir, out ? FL_EGRESS : FL_INGRESS);
	}
	renew(&a);
}

static void every_reason_has_a_case_at_every_hook_or_is_said_to_have_none(void **state)
{
	(void)state;
	for (int at = 0; at < HOOKS; at++) {
		for (int reason = 0; reason < FL_R_COUNT; reason++) {
			size_t cases = 0;

			for (size_t i = 0; i < ROWS; i++)
				cases += rows[i].at == (enum at)at &&
					 rows[i].want == (enum fl_reason)reason;
			if (cases > 0 && never[at][reason])
				fail_msg("reason %d happens at %s, where it is said not to", reason,
					 names[at]);
			if (cases == 0 && !never[at][reason])
				fail_msg("reason %d has no case at %s", reason, names[at]);
		}
	}
}

/* What these hooks do not understand or do not know, they let pass, and count nothing. */
static void the_network_hooks_leave_everything_else_alone(void **state)
{
	static const struct pkt ps[] = {
		{ .src = WORLD4, .dst = "192.0.2.1", .dport = 53 },
		{ .src = PEER4, .dst = A4, ARP },
		{ .src = PEER4, .dst = A4, .vlan = 7 },
		{ .src = PEER4, .dst = A4, .odd = PKT_RARP },
		{ .src = PEER4, .dst = A4, .odd = PKT_LONG_LENGTH },
		{ .src = PEER6, .dst = A6, .odd = PKT_BAD_VERSION },
		{ .src = PEER6, .dst = A6, .ext = { 255, 60, 60, 60, 60, 60, 60 } },
		{ .src = PEER4, .dst = A4, .offset = 4, .id = 3, .payload = 8 },
		{ .src = PEER4, .dst = A4, ERR(quoted_own4) },
		{ .src = PEER4, .dst = A4, .dst_mac = MAC_OTHER },
		{ .src = WORLD4, .dst = A4, .dport = 53 },
		{ .src = A4, .dst = WORLD4, .dport = 53 },
	};

	(void)state;
	world_slot(SLOT_A, 0, 0);
	for (size_t i = 0; i < sizeof(ps) / sizeof(ps[0]); i++) {
		for (int hook = FROM_NET; hook <= AT_XDP; hook++) {
			struct fate f;
			int want = hook == AT_XDP ? (int)XDP_PASS : TC_ACT_UNSPEC;

			world_forget();
			f = world_run((enum hook)hook, &ps[i]);
			if (f.verdict != want || f.counted)
				fail_msg("packet %zu at hook %d: verdict %d, counted %u", i, hook,
					 f.verdict, f.counted);
		}
	}
}

/* New connections by verdict and direction. */
struct verdicts {
	uint64_t n[FL_V_COUNT][FL_DIRS];
};

static struct verdicts count_verdicts(void)
{
	struct verdicts all;

	for (int i = 0; i < FL_V_COUNT * FL_DIRS; i++)
		all.n[i / FL_DIRS][i % FL_DIRS] = world_verdicts((enum fl_verdict)(i / FL_DIRS),
								 (enum fl_dir)(i % FL_DIRS));
	return all;
}

/* So many have come since. */
static void check_verdicts(const struct verdicts *since, const struct verdicts *more)
{
	struct verdicts now = count_verdicts();

	for (int i = 0; i < FL_V_COUNT * FL_DIRS; i++)
		assert_int_equal(now.n[i / FL_DIRS][i % FL_DIRS],
				 since->n[i / FL_DIRS][i % FL_DIRS] +
					 more->n[i / FL_DIRS][i % FL_DIRS]);
}

static void a_new_connection_is_counted_by_its_verdict_and_a_known_one_is_not(void **state)
{
	static const struct pkt out = { .src = A4, .dst = REMOTE4, .sport = 9, .dport = 53 };
	static const struct pkt reply = { .src = REMOTE4, .dst = A4, .sport = 53, .dport = 9 };
	static const struct pkt in = { .src = REMOTE4, .dst = A4, .sport = 7, .dport = 80 };
	static const struct pkt world = { .src = WORLD6, .dst = A6, .dport = 80 };
	static const struct pkt pod = { .src = B4, .dst = A4, .dport = 9, .src_mac = MAC_B };
	static const struct pkt vlan = { .src = A4, .dst = REMOTE4, .vlan = 7 };
	static const struct pkt error = {
		.src = A4, .dst = REMOTE4, .proto = IPPROTO_ICMP, .type = 3, .about = &reply
	};

	struct verdicts before = count_verdicts();
	struct verdicts more = { .n[FL_V_ALLOWED] = { [FL_INGRESS] = 1, [FL_EGRESS] = 1 } };

	(void)state;
	world_forget();
	world_slot(SLOT_A, 70, FL_SLOT_INGRESS);
	world_rule(70, FL_INGRESS, ID_REMOTE, FL_RULE_ALL);
	for (int i = 0; i < 3; i++) {
		CHECK_FATE("out", world_run(FROM_A, &out), FL_R_FORWARDED);
		CHECK_FATE("reply", world_run(TO_A, &reply), FL_R_FORWARDED);
		CHECK_FATE("in", world_run(TO_A, &in), FL_R_FORWARDED);
	}
	check_verdicts(&before, &more);
	/* What is denied stays new. Between pods of the node both ends are one verdict. */
	for (int i = 0; i < 3; i++) {
		CHECK_FATE("world", world_run(TO_A, &world), FL_R_POLICY_INGRESS);
		CHECK_FATE("pod", world_run(FROM_B, &pod), FL_R_POLICY_INGRESS);
	}
	more.n[FL_V_DENIED][FL_INGRESS] = more.n[FL_V_DENIED][FL_EGRESS] = 3;
	check_verdicts(&before, &more);
	/* What never came before policy; and what is cut later has had its verdict. */
	CHECK_FATE("vlan", world_run(FROM_A, &vlan), FL_R_VLAN);
	CHECK_FATE("error", world_run(FROM_A, &error), FL_R_FORWARDED);
	world_slot(SLOT_A, 71, FL_SLOT_INGRESS | FL_SLOT_EGRESS);
	world_next_generation();
	CHECK_FATE("out", world_run(FROM_A, &out), FL_R_POLICY_EGRESS);
	check_verdicts(&before, &more);
}

/* Events that were not sent, on all processors. */
static uint64_t count_unsent(void)
{
	static struct fl_budget budgets[1024];
	uint64_t sum = 0;
	__u32 zero = 0;

	assert_in_range(libbpf_num_possible_cpus(), 1, sizeof(budgets) / sizeof(budgets[0]));
	assert_int_equal(bpf_map_lookup_elem(world_map("fl_budgets"), &zero, budgets), 0);
	for (int c = 0; c < libbpf_num_possible_cpus(); c++)
		sum += budgets[c].lost;
	return sum;
}

static void of_a_flood_few_events_are_sent_and_the_others_are_counted(void **state)
{
	static const struct pkt vlan = { .src = A4, .dst = REMOTE4, .vlan = 7 };
	enum { PACKETS = 20000, JIFFIES_S = 1000 /* there are no faster clocks */ };
	struct timespec a, b;
	uint64_t unsent = count_unsent();
	double jiffies;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_true(world_time(FROM_A, &vlan, PACKETS) >= 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	jiffies = 1 + JIFFIES_S * ((double)(b.tv_sec - a.tv_sec) +
				   (double)(b.tv_nsec - a.tv_nsec) / 1e9);
	unsent = count_unsent() - unsent;
	assert_true((double)(PACKETS - unsent) <= FL_EVENTS_BURST + FL_EVENTS_JIFFY * jiffies);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_happens_wherever_it_can),
		cmocka_unit_test(every_reason_has_a_case_at_every_hook_or_is_said_to_have_none),
		cmocka_unit_test(the_network_hooks_leave_everything_else_alone),
		cmocka_unit_test(a_new_connection_is_counted_by_its_verdict_and_a_known_one_is_not),
		cmocka_unit_test(of_a_flood_few_events_are_sent_and_the_others_are_counted),
	};

	return cmocka_run_group_tests_name("reasons", tests, world_begin, world_end);
}
