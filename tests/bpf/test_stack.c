// SPDX-License-Identifier: Apache-2.0
/*
 * The agent's rules in netfilter against others who change and flush: kept, where the kernel can do
 * that, else mended at once. Needs root and eBPF; see pods.h.
 */
#include "pods.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/datapath/dp.h"
#include "agent/enforce/inside.h"

/* One for each family and hook. */
enum { RULES = 6 };

static struct fl_prefix services[1];
static struct enf *enf;

static const struct enf_options options = {
	.root = "", .folder = PINS, .node = "n1", .n_services = 1, .services = services
};

/* The tables' text with the kernel's numbers, which are others when they have been made anew. */
static void list(char *out, size_t size)
{
	FILE *f = popen("nft -a list table ip fairlead-policy 2>&1 && "
			"nft -a list table ip6 fairlead-policy 2>&1",
			"r");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, size - 1, f);
	out[n] = '\0';
	(void)pclose(f);
}

/* How many of the rules there are. */
static int rules(void)
{
	char text[8192];
	int n = 0;

	list(text, sizeof(text));
	for (const char *p = text; (p = strstr(p, "policy of pods, to Services")); p++)
		n++;
	return n;
}

/* As at the agent's own times; what fails is a problem that stands. */
static void reconcile(void)
{
	CHECK_OK(enf_reconcile(enf, &err), &err);
	assert_string_equal(enf->stack_broken.sys ? enf->stack_broken.text : "", "");
	assert_int_equal(rules(), RULES);
}

/* Tables that are kept came with Linux 6.9. */
static bool can_keep(void)
{
	struct utsname u;
	char *end;
	unsigned long major;

	assert_int_equal(uname(&u), 0);
	major = strtoul(u.release, &end, 10);
	return major > 6 || (major == 6 && *end == '.' && strtoul(end + 1, NULL, 10) >= 9);
}

static int begin(void **state)
{
	(void)state;
	if (pods_begin() < 0 || sh("mkdir /run/fairlead") != 0 ||
	    fl_prefix_parse("10.96.0.0/16", &services[0], &err) < 0 ||
	    enf_open(&options, &enf, &err) < 0) {
		print_message("# %s\n", err.text);
		return -1;
	}
	return 0;
}

static int end(void **state)
{
	(void)state;
	enf_close(&enf);
	fl_nl_close(&nl);
	return 0;
}

static void what_others_flush_is_not_ours_where_the_kernel_keeps_it(void **state)
{
	char before[8192], after[8192];

	(void)state;
	reconcile();
	assert_int_equal(enf->dp->unkept, !can_keep());
	if (!can_keep())
		return;
	list(before, sizeof(before));
	must("nft add table ip other && nft flush ruleset && ! nft list table ip other "
	     "2>/dev/null");
	CHECK(sh("nft delete table ip fairlead-policy 2>/dev/null") != 0);
	CHECK(sh("nft flush chain ip6 fairlead-policy forward 2>/dev/null") != 0);
	list(after, sizeof(after));
	assert_string_equal(after, before);
	CHECK(!enf_watch_take(enf, true));
}

static void it_outlives_the_agent_and_the_next_one_puts_its_own_in_place(void **state)
{
	char before[8192], after[8192];

	(void)state;
	list(before, sizeof(before));
	enf_close(&enf);
	list(after, sizeof(after));
	assert_int_equal(rules(), RULES);
	CHECK_OK(enf_open(&options, &enf, &err), &err);
	reconcile();
	list(after, sizeof(after));
	CHECK(strcmp(after, before) != 0);
}

/* As on a kernel that knows nothing of that. */
static void what_is_not_kept_is_mended_as_soon_as_it_is_heard_of(void **state)
{
	static const char *const wreck[] = {
		"nft flush ruleset",
		"nft delete table ip6 fairlead-policy",
		"nft flush chain ip fairlead-policy input",
		"nft add table ip fairlead-policy '{ flags dormant; }'",
	};

	(void)state;
	CHECK_OK(dp_leave_stack(enf->nft, &err), &err);
	enf->dp->unkept = true;
	reconcile();
	(void)enf_watch_take(enf, false);
	for (size_t i = 0; i < FL_ARRAY_LEN(wreck); i++) {
		must(wreck[i]);
		CHECK(enf_watch_take(enf, true));
		assert_int_equal(rules(), RULES);
		CHECK(sh("nft list tables | grep -q dormant") != 0);
		CHECK(!enf_watch_take(enf, true));
	}
	/* In a pause it waits for its end. */
	must("nft flush ruleset");
	CHECK(enf_watch_take(enf, false));
	assert_int_equal(rules(), 0);
	reconcile();
}

static void both_kinds_are_taken_away_and_take_each_others_place(void **state)
{
	fl_auto_nl struct fl_nl *nft = NULL;

	(void)state;
	enf->dp->unkept = enf->dp->in_stack = false;
	reconcile();
	assert_int_equal(sh("nft flush ruleset") ?: rules(), can_keep() ? RULES : 0);
	enf_close(&enf);
	CHECK_OK(fl_nl_open(FL_NL_NETFILTER, &nft, &err), &err);
	CHECK_OK(dp_leave_stack(nft, &err), &err);
	must("! nft list tables | grep fairlead-policy");
	CHECK_OK(dp_leave_stack(nft, &err), &err);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_others_flush_is_not_ours_where_the_kernel_keeps_it),
		cmocka_unit_test(it_outlives_the_agent_and_the_next_one_puts_its_own_in_place),
		cmocka_unit_test(what_is_not_kept_is_mended_as_soon_as_it_is_heard_of),
		cmocka_unit_test(both_kinds_are_taken_away_and_take_each_others_place),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
