// SPDX-License-Identifier: Apache-2.0
/*
 * Masquerade to the outside in the kernel's nf_tables. Needs root: each test has a network
 * namespace of its own. What is there is read back with the nft tool, which must also be able to
 * save and load it.
 */
#include "nftest.h"

#include <errno.h>

#include "net/nft.h"
#include "peers/outside.h"

#define TABLE "fairlead"

/* "a b c" as blocks; returns how many. */
static size_t blocks(const char *text, struct fl_prefix *out_blocks)
{
	char copy[1024], *save;
	size_t n = 0;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	for (char *t = strtok_r(copy, " ", &save); t; t = strtok_r(NULL, " ", &save))
		CHECK_OK(fl_prefix_parse(t, &out_blocks[n++], &err), &err);
	return n;
}

static bool apply(const char *home, const char *cluster)
{
	struct fl_prefix h[32], c[32];
	size_t nh = blocks(home, h), nc = blocks(cluster, c);
	bool changed = false;

	CHECK_OK(fl_outside_apply(nl, &(struct fl_outside){ TABLE, h, c, nh, nc }, &changed, &err),
		 &err);
	CHECK_OK(fl_outside_check(nl, &(struct fl_outside){ TABLE, h, c, nh, nc }, &err), &err);
	return changed;
}

static int check(const char *home, const char *cluster)
{
	struct fl_prefix h[32], c[32];
	size_t nh = blocks(home, h), nc = blocks(cluster, c);

	return fl_outside_check(nl, &(struct fl_outside){ TABLE, h, c, nh, nc }, &err);
}

static void table_reads_as_nft_would_write_it(void **state)
{
	static const char want[] =
		"table inet fairlead {\n"
		"\tset home4 {\n"
		"\t\ttype ipv4_addr\n"
		"\t\tflags interval\n"
		"\t\telements = { 10.244.1.0/24 }\n"
		"\t}\n\n"
		"\tset home6 {\n"
		"\t\ttype ipv6_addr\n"
		"\t\tflags interval\n"
		"\t\telements = { fd00:1::/64 }\n"
		"\t}\n\n"
		"\tset cluster4 {\n"
		"\t\ttype ipv4_addr\n"
		"\t\tflags interval\n"
		"\t\telements = { 10.244.1.0/24, 10.244.7.0/24 }\n"
		"\t}\n\n"
		"\tset cluster6 {\n"
		"\t\ttype ipv6_addr\n"
		"\t\tflags interval\n"
		"\t\telements = { fd00:1::/64,\n"
		"\t\t\t     fd00:7::/64 }\n"
		"\t}\n\n"
		"\tchain postrouting {\n"
		"\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
		"\t\tip saddr @home4 ip daddr != @cluster4 ip daddr != 224.0.0.0/4 masquerade "
		"comment \"pods to the outside\"\n"
		"\t\tip6 saddr @home6 ip6 daddr != @cluster6 ip6 daddr != ff00::/8 masquerade "
		"comment \"pods to the outside\"\n"
		"\t}\n}\n";

	(void)state;
	CHECK(apply("10.244.1.0/24 fd00:1::/64",
		    "10.244.1.0/24 10.244.7.0/24 fd00:1::/64 fd00:7::/64"));
	must("nft list ruleset");
	assert_string_equal(out, want);
}

static void applying_again_sends_nothing(void **state)
{
	(void)state;
	CHECK(apply("10.244.1.0/24", "10.244.1.0/24 10.244.7.0/24"));
	for (int i = 0; i < 3; i++)
		CHECK(!apply("10.244.1.0/24", "10.244.7.0/24 10.244.1.0/24"));
}

static void blocks_that_touch_nest_or_repeat_become_one(void **state)
{
	static const struct {
		const char *cluster, *shown;
	} t[] = {
		{ "10.244.0.0/24 10.244.1.0/24", "elements = { 10.244.0.0/23 }" },
		{ "10.244.1.0/24 10.244.2.0/24", "elements = { 10.244.1.0-10.244.2.255 }" },
		{ "10.244.0.0/16 10.244.7.0/24 10.244.0.0/16", "elements = { 10.244.0.0/16 }" },
		{ "255.255.255.0/24 255.255.254.0/24", "elements = { 255.255.254.0/23 }" },
		{ "10.244.1.0/32 10.244.1.1/32 10.244.1.3/32",
		  "elements = { 10.244.1.0/31, 10.244.1.3 }" },
		{ "0.0.0.0/0 10.0.0.0/8", "elements = { 0.0.0.0/0 }" },
		{ "0.0.0.0/1", "elements = { 0.0.0.0/1 }" },
		{ "::/0 fd00::/64", "elements = { ::/0 }" },
		{ "fd00::/64 fd00:0:0:1::/64", "elements = { fd00::/63 }" },
		{ "ffff::/16 fffe::/16", "elements = { fffe::/15 }" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		CHECK(apply("", t[i].cluster));
		if (listed(t[i].shown) != 1)
			fail_msg("'%s' is not shown as '%s': %s", t[i].cluster, t[i].shown, out);
		CHECK(!apply("", t[i].cluster));
	}
}

static void changes_go_in_both_directions_between_all_shapes(void **state)
{
	static const char *const shapes[] = {
		"",
		"10.244.0.0/24",
		"10.244.0.0/24 10.244.1.0/24",
		"10.244.0.0/24 10.244.2.0/24",
		"10.244.0.0/16",
		"10.244.255.0/24 10.245.0.0/24",
		"0.0.0.0/0",
		"0.0.0.0/8",
		"255.255.255.255/32",
		"10.244.0.128/25 fd00::/64",
		"10.0.0.0/8 192.0.2.0/24 198.51.100.0/24 fd00::/64 fd00:0:0:2::/64",
		"::/0",
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(shapes); i++)
		for (size_t j = 0; j < FL_ARRAY_LEN(shapes); j++) {
			(void)apply(shapes[i], shapes[i]);
			CHECK(apply(shapes[j], shapes[j]) == (i != j));
			CHECK_OK(check(shapes[j], shapes[j]), &err);
			if (i != j)
				CHECK_FAILS(check(shapes[i], shapes[i]), ENOENT, &err,
					    "intervals that differ");
		}
}

static void what_nft_saved_and_loaded_is_still_in_force(void **state)
{
	static const char *const cluster[] = {
		"10.244.1.0/24 10.244.7.0/24 10.244.8.0/24 fd00::/64", "0.0.0.0/0 fd00::/64",
		"255.255.255.0/24 ffff::/16"
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(cluster); i++) {
		(void)apply("10.244.1.0/24", cluster[i]);
		must("nft list ruleset > \"$TMPDIR/saved\" && nft flush ruleset && "
		     "nft -f \"$TMPDIR/saved\"");
		CHECK_OK(check("10.244.1.0/24", cluster[i]), &err);
		CHECK(!apply("10.244.1.0/24", cluster[i]));
		CHECK(apply("10.244.1.0/24", "10.244.1.0/24"));
	}
}

static void what_was_tampered_with_is_seen_and_mended(void **state)
{
	static const struct {
		const char *command, *said;
	} t[] = {
		{ "nft flush ruleset", "table 'inet fairlead': expected present, found absent" },
		{ "nft add table inet fairlead '{ flags dormant; }'", "switched off (dormant)" },
		{ "nft flush chain inet fairlead postrouting", "rule for IPv4: expected present" },
		{ "nft -a list chain inet fairlead postrouting | sed -n 's/.*ip6.*handle //p' | "
		  "xargs nft delete rule inet fairlead postrouting handle",
		  "rule for IPv6: expected present" },
		{ "nft add element inet fairlead cluster4 '{ 192.0.2.0/24 }'",
		  "found 1 intervals that differ" },
		{ "nft flush set inet fairlead home4", "found 1 intervals that differ" },
		{ "nft 'flush chain inet fairlead postrouting; delete set inet fairlead home6'",
		  "set 'home6': expected present, found absent" },
		{ "nft 'flush chain inet fairlead postrouting; delete set inet fairlead home6; "
		  "add set inet fairlead home6 { type ipv6_addr; }'",
		  "set 'home6': expected keys of type" },
		{ "nft 'delete table inet fairlead; add table inet fairlead; "
		  "add chain inet fairlead postrouting { type filter hook input priority 0; }'",
		  "set 'home4': expected present" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		(void)apply("10.244.1.0/24", "10.244.1.0/24 10.244.7.0/24");
		must(t[i].command);
		CHECK_FAILS(check("10.244.1.0/24", "10.244.1.0/24 10.244.7.0/24"), ENOENT, &err,
			    t[i].said);
		CHECK(apply("10.244.1.0/24", "10.244.1.0/24 10.244.7.0/24"));
	}
}

static void other_tables_are_left_alone(void **state)
{
	(void)state;
	must("nft 'add table inet fairlead-pods; add set inet fairlead-pods pods4 { type "
	     "ipv4_addr; }'");
	(void)apply("10.244.1.0/24", "10.244.1.0/24");
	must("nft flush table inet fairlead");
	(void)apply("10.244.1.0/24", "10.244.1.0/24");
	CHECK_OK(fl_outside_remove(nl, TABLE, &err), &err);
	assert_int_equal(listed("table inet fairlead {"), 0);
	assert_int_equal(listed("table inet fairlead-pods {"), 1);
	CHECK_OK(fl_outside_remove(nl, TABLE, &err), &err);
}

/* Every second /24 of 10.0.0.0/8, from a number on. */
static struct fl_prefix *scattered(size_t n, unsigned int from)
{
	struct fl_prefix *p = calloc(n, sizeof(*p));

	assert_non_null(p);
	for (size_t i = 0; i < n; i++) {
		p[i] = (struct fl_prefix){ { { [10] = 0xff, 0xff, 10 } }, 24 };
		p[i].ip = fl_ip_add(&p[i].ip, (from + i) * 512);
	}
	return p;
}

static void limit_holds_at_its_edge(void **state)
{
	fl_auto_free struct fl_prefix *p = scattered(FL_OUTSIDE_MAX + 1, 0);
	bool changed;

	(void)state;
	CHECK_OK(fl_outside_apply(nl, &(struct fl_outside){ TABLE, p, p, 1, FL_OUTSIDE_MAX },
				  &changed, &err),
		 &err);
	CHECK_OK(fl_outside_check(nl, &(struct fl_outside){ TABLE, p, p, 1, FL_OUTSIDE_MAX }, &err),
		 &err);
	CHECK_FAILS(fl_outside_apply(nl, &(struct fl_outside){ TABLE, p, p, 1, FL_OUTSIDE_MAX + 1 },
				     &changed, &err),
		    E2BIG, &err, "set 'cluster4': 16385 intervals: at most 16384");
	CHECK_OK(fl_outside_check(nl, &(struct fl_outside){ TABLE, p, p, 1, FL_OUTSIDE_MAX }, &err),
		 &err);
	/* As many go, as many come: the largest change there is. */
	CHECK_OK(fl_outside_apply(nl, &(struct fl_outside){ TABLE, p, p, 1, 1 }, &changed, &err),
		 &err);
	CHECK_OK(fl_outside_apply(nl, &(struct fl_outside){ TABLE, p, p, 1, FL_OUTSIDE_MAX },
				  &changed, &err),
		 &err);
	CHECK_OK(fl_outside_check(nl, &(struct fl_outside){ TABLE, p, p, 1, FL_OUTSIDE_MAX }, &err),
		 &err);
}

static void transaction_holds_256_messages_and_a_257th_is_an_error(void **state)
{
	struct fl_nft_table t = { FL_NFT_INET, "t" };

	(void)state;
	for (int n = 254; n <= 255; n++) {
		fl_auto_batch struct fl_batch *b = NULL;
		int r;

		CHECK_OK(fl_batch_new(&b, &err), &err);
		fl_nft_begin(b, 0);
		for (int i = 0; i < n; i++)
			fl_nft_table_put(b, &t);
		fl_nft_end(b);
		r = fl_batch_send(nl, b, &err);
		assert_int_equal(r, n == 254 ? 0 : -ENOMEM);
	}
}

static void traffic_to_the_outside_is_masqueraded_and_none_within(void **state)
{
	pid_t outside = other_netns("OUT");

	(void)state;
	/* Pod 10.244.1.2 here; 192.0.2.9 and, as of another node, 10.244.7.9 outside. */
	must("ip link add o0 type veth peer name o1 netns \"$OUT\" && ip link set lo up && "
	     "ip addr add 192.0.2.1/24 dev o0 && ip link set o0 up && "
	     "ip addr add 10.244.1.2/32 dev lo && ip route add 10.244.7.0/24 via 192.0.2.9 && "
	     "nsenter -t \"$OUT\" -n sh -c 'ip link set lo up && ip addr add 192.0.2.9/24 dev o1 "
	     "&& "
	     "ip addr add 10.244.7.9/32 dev lo && ip link set o1 up && "
	     "ip route add 10.244.1.0/24 via 192.0.2.1 && "
	     "nft \"table ip t { chain c { type filter hook input priority 0; "
	     "ip saddr 10.244.1.2 ip daddr 10.244.7.9 icmp type echo-request counter "
	     "comment \\\"plain\\\"; "
	     "ip saddr 192.0.2.1 ip daddr 192.0.2.9 icmp type echo-request counter "
	     "comment \\\"masqueraded\\\"; "
	     "}; }\"'");
	(void)apply("10.244.1.0/24", "10.244.1.0/24 10.244.7.0/24");
	must("ping -c 2 -i 0.2 -W 5 -I 10.244.1.2 192.0.2.9 && "
	     "ping -c 3 -i 0.2 -W 5 -I 10.244.1.2 10.244.7.9");
	must("nsenter -t \"$OUT\" -n nft list ruleset");
	CHECK(strstr(out, "counter packets 3 bytes 252 comment \"plain\""));
	CHECK(strstr(out, "counter packets 2 bytes 168 comment \"masqueraded\""));
	end(outside);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(table_reads_as_nft_would_write_it, setup, teardown),
		cmocka_unit_test_setup_teardown(applying_again_sends_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(blocks_that_touch_nest_or_repeat_become_one, setup,
						teardown),
		cmocka_unit_test_setup_teardown(changes_go_in_both_directions_between_all_shapes,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_nft_saved_and_loaded_is_still_in_force, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_was_tampered_with_is_seen_and_mended, setup,
						teardown),
		cmocka_unit_test_setup_teardown(other_tables_are_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(
			transaction_holds_256_messages_and_a_257th_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(limit_holds_at_its_edge, setup, teardown),
		cmocka_unit_test_setup_teardown(
			traffic_to_the_outside_is_masqueraded_and_none_within, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
