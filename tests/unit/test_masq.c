// SPDX-License-Identifier: Apache-2.0
/*
 * Masquerade in the kernel's nf_tables. Needs root: each test has a network namespace of its
 * own, which goes away with it. What is there is read back with the nft tool.
 */
#include "nftest.h"

#include <errno.h>

#include "attach/masq.h"

static struct fl_prefix prefix(const char *text)
{
	struct fl_prefix p = { 0 };

	CHECK_OK(fl_prefix_parse(text, &p, &err), &err);
	return p;
}

static struct fl_ip ip(const char *text)
{
	struct fl_ip i = { 0 };

	CHECK_OK(fl_ip_parse(text, &i, &err), &err);
	return i;
}

static bool add(const char *network, const char *a, const char *b)
{
	struct fl_prefix p[2] = { prefix(a), b ? prefix(b) : prefix(a) };
	bool fresh = false;

	CHECK_OK(fl_masq_add(nl, network, p, b ? 2 : 1, &fresh, &err), &err);
	return fresh;
}

static int check(const char *network, const char *a)
{
	struct fl_prefix p = prefix(a);

	return fl_masq_check(nl, network, &p, 1, &err);
}

static void add_makes_table_rule_and_element_as_nft_would_write_them(void **state)
{
	static const char want[] = "table inet fairlead-pods {\n"
				   "\tset pods4 {\n"
				   "\t\ttype ipv4_addr\n"
				   "\t\telements = { 10.88.0.2 }\n"
				   "\t}\n\n"
				   "\tset pods6 {\n"
				   "\t\ttype ipv6_addr\n"
				   "\t\telements = { fd00:88::2 }\n"
				   "\t}\n\n"
				   "\tchain postrouting {\n"
				   "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
				   "\t\tip saddr 10.88.0.0/16 ip daddr != 10.88.0.0/16 "
				   "ip daddr != 224.0.0.0/4 ip saddr @pods4 masquerade "
				   "comment \"leaving 10.88.0.0/16\"\n"
				   "\t\tip6 saddr fd00:88::/64 ip6 daddr != fd00:88::/64 "
				   "ip6 daddr != ff00::/8 ip6 saddr @pods6 masquerade "
				   "comment \"leaving fd00:88::/64\"\n"
				   "\t}\n}\n";
	(void)state;
	CHECK(add("pods", "10.88.0.2/16", "fd00:88::2/64"));
	must("nft list ruleset");
	assert_string_equal(out, want);
}

static void add_again_changes_nothing_and_is_not_fresh(void **state)
{
	static char before[sizeof(out)];

	(void)state;
	CHECK(add("pods", "10.88.0.2/16", "fd00:88::2/64"));
	must("nft list ruleset");
	memcpy(before, out, sizeof(out));
	for (int i = 0; i < 3; i++)
		CHECK(!add("pods", "10.88.0.2/16", "fd00:88::2/64"));
	must("nft list ruleset");
	assert_string_equal(out, before);
}

static void odd_prefix_lengths_are_found_again(void **state)
{
	static const char *const v4[] = { "10.0.0.1/0",	 "10.0.0.1/1",	"10.9.9.9/8", "10.9.9.9/20",
					  "10.9.9.9/31", "10.9.9.9/32", "10.9.9.9/9" };
	static const char *const v6[] = { "fd00::1/0",	"fd00::1/1",   "fd00::1/61",
					  "fd00::1/64", "fd00::1/127", "fd00::1/128" };

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < FL_ARRAY_LEN(v4); i++)
			CHECK(add("odd", v4[i], NULL) == (round == 0 && i == 0));
		for (size_t i = 0; i < FL_ARRAY_LEN(v6); i++)
			CHECK(!add("odd", v6[i], NULL));
	}
	assert_int_equal(listed("masquerade"), FL_ARRAY_LEN(v4) + FL_ARRAY_LEN(v6));
}

static void rules_saved_and_loaded_by_nft_are_still_known(void **state)
{
	char file[] = "/tmp/test_masq.XXXXXX", command[128];
	int fd = mkstemp(file);

	(void)state;
	CHECK(fd >= 0);
	CHECK(add("pods", "10.88.0.2/16", "fd00:88::2/64"));
	CHECK(!add("pods", "10.88.48.2/20", "fd00:89::2/61"));
	(void)snprintf(command, sizeof(command),
		       "nft list ruleset >%s && nft flush ruleset && nft -f %s 2>&1; rm -f %s",
		       file, file, file);
	must(command);
	close(fd);
	CHECK(!add("pods", "10.88.0.2/16", "fd00:88::2/64"));
	CHECK(!add("pods", "10.88.48.2/20", "fd00:89::2/61"));
	assert_int_equal(listed("masquerade"), 4);
	CHECK_OK(check("pods", "10.88.48.2/20"), &err);
}

static void add_heals_what_an_administrator_removed(void **state)
{
	static const struct {
		const char *what;
		bool fresh;
	} t[] = {
		{ "nft flush ruleset", true },
		{ "nft flush table inet fairlead-pods", false },
		{ "nft flush chain inet fairlead-pods postrouting", false },
		{ "nft delete table inet fairlead-pods", true },
		{ "nft flush chain inet fairlead-pods postrouting;"
		  "nft delete chain inet fairlead-pods postrouting",
		  false },
		{ "nft flush chain inet fairlead-pods postrouting;"
		  "nft delete set inet fairlead-pods pods4",
		  true },
		{ "nft flush set inet fairlead-pods pods4", false },
		{ "nft delete element inet fairlead-pods pods6 '{ fd00:88::2 }'", false },
		{ "nft delete rule inet fairlead-pods postrouting handle "
		  "$(nft -a list ruleset | sed -n 's/.*leaving 10.*handle //p')",
		  false },
		{ "nft replace rule inet fairlead-pods postrouting handle "
		  "$(nft -a list ruleset | sed -n 's/.*leaving 10.*handle //p') accept && "
		  "nft delete rule inet fairlead-pods postrouting handle "
		  "$(nft -a list ruleset | sed -n 's/.*accept # handle //p')",
		  false },
	};

	(void)state;
	CHECK(add("pods", "10.88.0.2/16", "fd00:88::2/64"));
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		must(t[i].what);
		CHECK(check("pods", "10.88.0.2/16") == -ENOENT ||
		      check("pods", "fd00:88::2/64") == -ENOENT);
		if (add("pods", "10.88.0.2/16", "fd00:88::2/64") != t[i].fresh)
			fail_msg("after '%s': fresh is not %d", t[i].what, t[i].fresh);
		CHECK_OK(check("pods", "10.88.0.2/16"), &err);
		CHECK_OK(check("pods", "fd00:88::2/64"), &err);
		if (listed("masquerade") != 2)
			fail_msg("after '%s': %s", t[i].what, out);
	}
}

static void altered_rule_is_not_taken_for_ours(void **state)
{
	(void)state;
	CHECK(add("pods", "10.88.0.2/16", NULL));
	must("nft replace rule inet fairlead-pods postrouting handle "
	     "$(nft -a list ruleset | sed -n 's/.*leaving 10.*handle //p') "
	     "ip saddr 10.88.0.0/16 ip daddr != 10.88.0.0/16 ip daddr != 224.0.0.0/4 "
	     "ip saddr != @pods4 masquerade");
	CHECK_FAILS(check("pods", "10.88.0.2/16"), ENOENT, &err, "rule 'leaving 10.88.0.0/16'");
	CHECK(!add("pods", "10.88.0.2/16", NULL));
	CHECK_OK(check("pods", "10.88.0.2/16"), &err);
}

static void foreign_objects_are_left_alone(void **state)
{
	(void)state;
	must("nft add table ip nat && nft add table inet fairlead-pods && "
	     "nft add set inet fairlead-pods mine '{ type inet_service; elements = { 80 }; }' && "
	     "nft add chain inet fairlead-pods postrouting "
	     "'{ type nat hook postrouting priority 90; }' && "
	     "nft add rule inet fairlead-pods postrouting tcp dport @mine counter accept");
	CHECK(add("pods", "10.88.0.2/16", NULL));
	CHECK_OK(check("pods", "10.88.0.2/16"), &err);
	assert_int_equal(listed("tcp dport @mine counter"), 1);
	assert_int_equal(listed("elements = { 80 }"), 1);
	assert_int_equal(listed("table ip nat"), 1);
	assert_int_equal(listed("masquerade"), 1);
}

static void set_of_another_type_is_refused_and_nothing_made(void **state)
{
	struct fl_prefix p = prefix("10.88.0.2/16");
	bool fresh = false;

	(void)state;
	must("nft add table inet fairlead-pods && "
	     "nft add set inet fairlead-pods pods4 '{ type inet_service; }'");
	CHECK_FAILS(fl_masq_add(nl, "pods", &p, 1, &fresh, &err), EEXIST, &err,
		    "masquerade: table 'inet fairlead-pods': look for set 'pods4': "
		    "expected keys of type 7 and 4 bytes, found a set with keys of type 13 and "
		    "2 bytes");
	assert_int_equal(listed("pods6"), 0);
	assert_int_equal(listed("chain"), 0);
}

static void interval_set_is_refused(void **state)
{
	struct fl_prefix p = prefix("10.88.0.2/16");
	bool fresh = false;

	(void)state;
	must("nft add table inet fairlead-pods && "
	     "nft add set inet fairlead-pods pods4 '{ type ipv4_addr; flags interval; }'");
	CHECK_FAILS(fl_masq_add(nl, "pods", &p, 1, &fresh, &err), EEXIST, &err, "flags 0x4");
}

static void chain_of_another_kind_is_refused(void **state)
{
	struct fl_prefix p = prefix("10.88.0.2/16");
	bool fresh = false;

	(void)state;
	must("nft add table inet fairlead-pods && nft add chain inet fairlead-pods postrouting");
	CHECK_FAILS(fl_masq_add(nl, "pods", &p, 1, &fresh, &err), EEXIST, &err,
		    "look for chain 'postrouting': expected a nat chain at hook postrouting");
	assert_int_equal(listed("pods4"), 0);
}

static void del_removes_only_the_addresses_given(void **state)
{
	struct fl_ip gone[] = { ip("10.88.0.2"), ip("fd00:88::2"), ip("10.88.0.77") };

	(void)state;
	CHECK(add("pods", "10.88.0.2/16", "fd00:88::2/64"));
	CHECK(!add("pods", "10.88.0.3/16", "fd00:88::3/64"));
	for (int i = 0; i < 2; i++) {
		CHECK_OK(fl_masq_del(nl, "pods", gone, 3, &err), &err);
		assert_int_equal(listed("elements = { 10.88.0.3 }"), 1);
		assert_int_equal(listed("elements = { fd00:88::3 }"), 1);
	}
	assert_int_equal(listed("masquerade"), 2);
}

static void del_of_nothing_is_done(void **state)
{
	struct fl_ip gone[] = { ip("10.88.0.2"), ip("fd00:88::2") };

	(void)state;
	CHECK_OK(fl_masq_del(nl, "pods", gone, 2, &err), &err);
	CHECK_OK(fl_masq_del(nl, "pods", gone, 0, &err), &err);
	must("nft list ruleset");
	assert_string_equal(out, "");
	/* One of the two sets is missing. */
	CHECK(add("pods", "10.88.0.2/16", "fd00:88::2/64"));
	must("nft flush chain inet fairlead-pods postrouting;"
	     "nft delete set inet fairlead-pods pods4");
	CHECK_OK(fl_masq_del(nl, "pods", gone, 2, &err), &err);
	assert_int_equal(listed("elements"), 0);
}

static void check_names_object_expected_and_found(void **state)
{
	(void)state;
	CHECK_FAILS(check("pods", "10.88.0.2/16"), ENOENT, &err,
		    "masquerade: table 'inet fairlead-pods': expected present, found absent");
	CHECK(add("pods", "10.88.0.2/16", NULL));
	CHECK_OK(check("pods", "10.88.0.2/16"), &err);
	CHECK_FAILS(check("pods", "10.88.0.3/16"), ENOENT, &err,
		    "masquerade: table 'inet fairlead-pods': set 'pods4': element '10.88.0.3': "
		    "expected present, found absent");
	CHECK_FAILS(check("pods", "fd00::3/64"), ENOENT, &err,
		    "rule 'leaving fd00::/64': expected present, found absent");
	must("nft add table inet fairlead-pods '{ flags dormant; }'");
	CHECK_FAILS(check("pods", "10.88.0.2/16"), ENOENT, &err, "switched off (dormant)");
	must("nft add table inet fairlead-pods; nft flush chain inet fairlead-pods postrouting;"
	     "nft delete chain inet fairlead-pods postrouting");
	CHECK_FAILS(check("pods", "10.88.0.2/16"), ENOENT, &err,
		    "chain 'postrouting': expected present, found absent");
	must("nft delete table inet fairlead-pods; nft add table inet fairlead-pods");
	CHECK_FAILS(check("pods", "10.88.0.2/16"), ENOENT, &err,
		    "chain 'postrouting': expected present, found absent");
}

static void networks_do_not_touch_each_other(void **state)
{
	struct fl_ip gone = ip("10.88.0.2");
	char longest[201];

	(void)state;
	memset(longest, 'n', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	CHECK(add("a", "10.88.0.2/16", NULL));
	CHECK(add("a.b_c-d", "10.88.0.2/16", NULL));
	CHECK(add(longest, "10.88.0.2/16", NULL));
	CHECK_OK(fl_masq_del(nl, "a", &gone, 1, &err), &err);
	CHECK(check("a", "10.88.0.2/16") == -ENOENT);
	CHECK_OK(check("a.b_c-d", "10.88.0.2/16"), &err);
	CHECK_OK(check(longest, "10.88.0.2/16"), &err);
	assert_int_equal(listed("masquerade"), 3);
}

static bool keep_even(const struct fl_ip *i, void *arg)
{
	*(int *)arg += 1;
	return i->b[15] % 2 == 0;
}

static void sweep_removes_what_is_not_kept(void **state)
{
	struct fl_prefix p[6] = { prefix("10.88.0.2/16"),  prefix("10.88.0.3/16"),
				  prefix("10.88.0.4/16"),  prefix("fd00:88::2/64"),
				  prefix("fd00:88::3/64"), prefix("fd00:88::5/64") };
	bool fresh = false;
	int asked = 0;

	(void)state;
	CHECK_OK(fl_masq_sweep(nl, "pods", keep_even, &asked, &err), &err);
	assert_int_equal(asked, 0);
	CHECK_OK(fl_masq_add(nl, "pods", p, 6, &fresh, &err), &err);
	CHECK(add("other", "10.99.0.3/16", NULL));
	CHECK_OK(fl_masq_sweep(nl, "pods", keep_even, &asked, &err), &err);
	assert_int_equal(asked, 6);
	CHECK_OK(check("pods", "10.88.0.2/16"), &err);
	CHECK_OK(check("pods", "10.88.0.4/16"), &err);
	CHECK_OK(check("pods", "fd00:88::2/64"), &err);
	CHECK(check("pods", "10.88.0.3/16") == -ENOENT);
	CHECK(check("pods", "fd00:88::3/64") == -ENOENT);
	CHECK(check("pods", "fd00:88::5/64") == -ENOENT);
	CHECK_OK(check("other", "10.99.0.3/16"), &err);
}

static bool keep_none(const struct fl_ip *i, void *arg)
{
	(void)i;
	*(int *)arg += 1;
	return false;
}

static void the_most_addresses_in_one_call_are_added_and_swept(void **state)
{
	static struct fl_prefix p[FL_MASQ_MAX_ADDRS + 1];
	struct fl_prefix first = prefix("fd00:88::/64"), last;
	bool fresh = false;
	int asked = 0;

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(p); i++)
		p[i] = (struct fl_prefix){ fl_ip_add(&first.ip, i + 1), 64 };
	CHECK_FAILS(fl_masq_add(nl, "pods", p, FL_ARRAY_LEN(p), &fresh, &err), E2BIG, &err,
		    "masquerade: 4097 addresses at once: at most 4096");
	CHECK_OK(fl_masq_add(nl, "pods", p, FL_MASQ_MAX_ADDRS, &fresh, &err), &err);
	CHECK(fresh);
	last = p[FL_MASQ_MAX_ADDRS - 1];
	CHECK_OK(fl_masq_check(nl, "pods", &last, 1, &err), &err);
	assert_int_equal(listed("masquerade"), 1);
	CHECK_OK(fl_masq_sweep(nl, "pods", keep_none, &asked, &err), &err);
	assert_int_equal(asked, FL_MASQ_MAX_ADDRS);
	assert_int_equal(listed("elements"), 0);
}

static void the_most_subnets_in_one_call_are_added(void **state)
{
	struct fl_prefix p[FL_MASQ_MAX_SUBNETS + 1];
	bool fresh = false;
	char text[32];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(p); i++) {
		(void)snprintf(text, sizeof(text), "10.%zu.0.2/16", i);
		p[i] = prefix(text);
	}
	CHECK_FAILS(fl_masq_add(nl, "pods", p, FL_ARRAY_LEN(p), &fresh, &err), E2BIG, &err,
		    "more than 16 subnets");
	CHECK_OK(fl_masq_add(nl, "pods", p, FL_MASQ_MAX_SUBNETS, &fresh, &err), &err);
	assert_int_equal(listed("masquerade"), FL_MASQ_MAX_SUBNETS);
}

/* Starts n processes that add their own address at the same moment; all must succeed. */
static void add_at_once(int n)
{
	int gate[2], status, bad = 0;
	pid_t pids[64], pid;
	char c;

	CHECK(n <= 64 && pipe(gate) == 0);
	for (int i = 0; i < n; i++) {
		pid = fork();
		CHECK(pid >= 0);
		if (pid == 0) {
			struct fl_prefix p[2] = { prefix("10.88.0.2/16"), prefix("fd00:88::2/64") };
			fl_auto_nl struct fl_nl *own = NULL;
			bool fresh = false;

			close(gate[1]);
			p[0].ip = fl_ip_add(&p[0].ip, (uint64_t)i);
			p[1].ip = fl_ip_add(&p[1].ip, (uint64_t)i);
			(void)!read(gate[0], &c, 1);
			if (fl_nl_open(FL_NL_NETFILTER, &own, &err) < 0 ||
			    fl_masq_add(own, "pods", p, 2, &fresh, &err) < 0) {
				fprintf(stderr, "%s\n", err.text);
				_exit(1);
			}
			_exit(0);
		}
		pids[i] = pid;
	}
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < n; i++)
		bad += waitpid(pids[i], &status, 0) != pids[i] || status != 0;
	assert_int_equal(bad, 0);
}

static void parallel_first_adds_make_each_rule_once(void **state)
{
	(void)state;
	for (int round = 0; round < 5; round++) {
		struct fl_prefix p = prefix("10.88.0.2/16");

		must("nft flush ruleset");
		add_at_once(64);
		assert_int_equal(listed("masquerade"), 2);
		for (int i = 0; i < 64; i++) {
			CHECK_OK(fl_masq_check(nl, "pods", &p, 1, &err), &err);
			p.ip = fl_ip_add(&p.ip, 1);
		}
	}
}

static void a_bystander_that_commits_all_the_time_makes_no_duplicates(void **state)
{
	pid_t pid = fork();

	(void)state;
	CHECK(pid >= 0);
	if (pid == 0) {
		fl_auto_nl struct fl_nl *own = NULL;
		struct fl_prefix p = prefix("10.99.0.2/16");
		bool fresh = false;

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		CHECK_OK(fl_nl_open(FL_NL_NETFILTER, &own, &err), &err);
		while (fl_masq_add(own, "bystander", &p, 1, &fresh, &err) == 0)
			;
		_exit(1);
	}
	for (int round = 0; round < 10; round++) {
		must("nft delete table inet fairlead-pods 2>&1; true");
		add_at_once(8);
		must("nft list table inet fairlead-pods");
		assert_non_null(strstr(out, "leaving 10.88.0.0/16"));
		assert_null(strstr(strstr(out, "leaving 10.88.0.0/16") + 1, "leaving 10.88"));
	}
	end(pid);
}

/* The world has no route to the pods: it answers only to what was masqueraded. */
static void pods_reach_the_world_only_when_masqueraded(void **state)
{
	/* Until one answer comes; a new link's routes and neighbours may take a moment. */
	static const char to4[] = "nsenter -t $POD -n ping -c 1 -i 0.2 -w 5 192.0.2.2 2>&1";
	static const char to6[] = "nsenter -t $POD -n ping -c 1 -i 0.2 -w 5 2001:db8::2 2>&1";
	static const char no4[] = "nsenter -t $POD -n ping -c 1 -i 0.2 -w 1 192.0.2.2 2>&1";
	static const char no6[] = "nsenter -t $POD -n ping -c 1 -i 0.2 -w 1 2001:db8::2 2>&1";
	struct fl_ip gone[] = { ip("10.88.0.2"), ip("fd00:88::2") };
	pid_t pod = other_netns("POD"), world = other_netns("WORLD");

	(void)state;
	must("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 && "
	     "ip link add veth1 type veth peer name eth0 netns $POD && "
	     "ip addr add 10.88.0.1/16 dev veth1 && "
	     "ip addr add fd00:88::1/64 dev veth1 nodad && ip link set veth1 up && "
	     "nsenter -t $POD -n sh -ec 'ip addr add 10.88.0.2/16 dev eth0; "
	     "ip addr add fd00:88::2/64 dev eth0 nodad; ip link set eth0 up; "
	     "ip route add default via 10.88.0.1; ip route add default via fd00:88::1' && "
	     "ip link add up0 type veth peer name eth0 netns $WORLD && "
	     "ip addr add 192.0.2.1/24 dev up0 && "
	     "ip addr add 2001:db8::1/64 dev up0 nodad && ip link set up0 up && "
	     "nsenter -t $WORLD -n sh -ec 'ip addr add 192.0.2.2/24 dev eth0; "
	     "ip addr add 2001:db8::2/64 dev eth0 nodad; ip link set eth0 up'");
	CHECK(add("pods", "10.88.0.3/16", "fd00:88::3/64"));
	CHECK(sh(no4) != 0 && sh(no6) != 0);
	CHECK(!add("pods", "10.88.0.2/16", "fd00:88::2/64"));
	must(to4);
	must(to6);
	CHECK_OK(fl_masq_del(nl, "pods", gone, 2, &err), &err);
	CHECK(sh(no4) != 0 && sh(no6) != 0);
	end(pod);
	end(world);
}

/* A host on the pods' own subnet sees the pod's address, since nothing is translated there. */
static void traffic_within_the_subnet_keeps_its_address(void **state)
{
	pid_t pod = other_netns("POD"), peer = other_netns("PEER");

	(void)state;
	/* Routed, so that it passes the chain: a /32 for each pod, as without a bridge. */
	must("sysctl -qw net.ipv4.ip_forward=1 && ip link set lo up && "
	     "for p in $POD:2 $PEER:3; do n=${p#*:}; "
	     "ip link add veth$n type veth peer name eth0 netns ${p%:*} && "
	     "ip addr add 10.88.0.1/32 dev veth$n && ip link set veth$n up && "
	     "ip route add 10.88.0.$n dev veth$n && "
	     "nsenter -t ${p%:*} -n sh -ec \"ip addr add 10.88.0.$n/32 dev eth0; "
	     "ip link set eth0 up; ip route add 10.88.0.1 dev eth0; "
	     "ip route add default via 10.88.0.1\" || exit 1; done");
	CHECK(add("pods", "10.88.0.2/16", "10.88.0.3/16"));
	must("nsenter -t $PEER -n nft 'add table ip t; add chain ip t in { type filter hook input "
	     "priority 0; }; add rule ip t in ip saddr 10.88.0.2 counter'");
	must("nsenter -t $POD -n ping -c 1 -i 0.2 -w 5 10.88.0.3 2>&1");
	must("nsenter -t $PEER -n nft list table ip t");
	assert_null(strstr(out, "packets 0 "));
	end(pod);
	end(peer);
}

static void iptables_works_beside_our_table(void **state)
{
	(void)state;
	CHECK(add("pods", "10.88.0.2/16", "fd00:88::2/64"));
	must("iptables-nft -t nat -A POSTROUTING -s 10.1.0.0/16 -j MASQUERADE 2>&1");
	must("iptables-nft-save 2>&1");
	assert_null(strstr(out, "incompatible"));
	must("iptables-nft -t nat -F && ip6tables-nft -t nat -L -n && ip6tables-nft-save");
	assert_null(strstr(out, "incompatible"));
	CHECK_OK(check("pods", "10.88.0.2/16"), &err);
	assert_int_equal(listed("leaving"), 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(add_makes_table_rule_and_element_as_nft_would_write_them),
		T(add_again_changes_nothing_and_is_not_fresh),
		T(odd_prefix_lengths_are_found_again),
		T(rules_saved_and_loaded_by_nft_are_still_known),
		T(add_heals_what_an_administrator_removed),
		T(altered_rule_is_not_taken_for_ours),
		T(foreign_objects_are_left_alone),
		T(set_of_another_type_is_refused_and_nothing_made),
		T(interval_set_is_refused),
		T(chain_of_another_kind_is_refused),
		T(del_removes_only_the_addresses_given),
		T(del_of_nothing_is_done),
		T(check_names_object_expected_and_found),
		T(networks_do_not_touch_each_other),
		T(sweep_removes_what_is_not_kept),
		T(the_most_addresses_in_one_call_are_added_and_swept),
		T(the_most_subnets_in_one_call_are_added),
		T(parallel_first_adds_make_each_rule_once),
		T(a_bystander_that_commits_all_the_time_makes_no_duplicates),
		T(pods_reach_the_world_only_when_masqueraded),
		T(traffic_within_the_subnet_keeps_its_address),
		T(iptables_works_beside_our_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
