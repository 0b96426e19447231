// SPDX-License-Identifier: Apache-2.0
/* Ranges and the order in which addresses are tried. Pure. */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "plugins/ipam/range.h"

static struct fl_ip ip(const char *text)
{
	struct fl_err err = { 0 };
	struct fl_ip out = { 0 };

	CHECK_OK(fl_ip_parse(text, &out, &err), &err);
	return out;
}

struct given {
	const char *subnet, *start, *end, *gateway;
};

static int make(const struct given *g, struct ipam_range *out, const char **key, struct fl_err *err)
{
	struct ipam_range_text text = { 0 };
	struct fl_ip start = { 0 }, end = { 0 }, gateway = { 0 };
	struct fl_prefix subnet = { 0 };

	CHECK_OK(fl_prefix_parse(g->subnet, &subnet, err), err);
	if (g->start) {
		start = ip(g->start);
		text.start = &start;
	}
	if (g->end) {
		end = ip(g->end);
		text.end = &end;
	}
	if (g->gateway) {
		gateway = ip(g->gateway);
		text.gateway = &gateway;
	}
	return ipam_range_make(&subnet, &text, out, key, err);
}

static void check_ip(const struct fl_ip *have, const char *want)
{
	char text[FL_IP_STR];

	assert_string_equal(fl_ip_format(have, text), want);
}

static void defaults_are_those_of_the_reference(void **state)
{
	static const struct {
		struct given in;
		const char *start, *end, *gateway;
	} t[] = {
		{ { "10.1.0.0/24" }, "10.1.0.1", "10.1.0.254", "10.1.0.1" },
		{ { "10.1.0.0/30" }, "10.1.0.1", "10.1.0.2", "10.1.0.1" },
		{ { "0.0.0.0/0" }, "0.0.0.1", "255.255.255.254", "0.0.0.1" },
		{ { "fd00::/64" }, "fd00::1", "fd00::ffff:ffff:ffff:ffff", "fd00::1" },
		{ { "fd00::4/126" }, "fd00::5", "fd00::7", "fd00::5" },
		{ { "10.1.0.0/24", "10.1.0.0", "10.1.0.255", "10.9.9.9" },
		  "10.1.0.0",
		  "10.1.0.255",
		  "10.9.9.9" },
		{ { "10.1.0.0/24", "10.1.0.7", "10.1.0.7" }, "10.1.0.7", "10.1.0.7", "10.1.0.1" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct ipam_range r = { 0 };
		struct fl_err err = { 0 };
		const char *key = NULL;

		CHECK_OK(make(&t[i].in, &r, &key, &err), &err);
		check_ip(&r.start, t[i].start);
		check_ip(&r.end, t[i].end);
		check_ip(&r.gateway, t[i].gateway);
	}
}

static void a_range_that_makes_no_sense_is_refused_by_its_key(void **state)
{
	static const struct {
		struct given in;
		const char *key, *part;
	} t[] = {
		{ { "10.1.0.0/31" }, "subnet", "'10.1.0.0/31' is too small" },
		{ { "10.1.0.0/32" }, "subnet", "at most /30" },
		{ { "fd00::/127" }, "subnet", "at most /126" },
		{ { "fd00::/128" }, "subnet", "too small" },
		{ { "10.1.0.1/24" }, "subnet", "host bits set, the network is '10.1.0.0/24'" },
		{ { "fd00::1/64" }, "subnet", "the network is 'fd00::/64'" },
		{ { "10.1.0.0/24", "10.1.1.1" }, "rangeStart", "'10.1.1.1' lies outside" },
		{ { "10.1.0.0/24", "fd00::1" }, "rangeStart", "'fd00::1' lies outside" },
		{ { "10.1.0.0/24", NULL, "10.0.255.255" }, "rangeEnd", "lies outside" },
		{ { "10.1.0.0/24", "10.1.0.9", "10.1.0.8" }, "rangeEnd", "before the range's" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct ipam_range r = { 0 };
		struct fl_err err = { 0 };
		const char *key = NULL;

		CHECK_FAILS(make(&t[i].in, &r, &key, &err), EINVAL, &err, t[i].part);
		assert_string_equal(key, t[i].key);
	}
}

static struct ipam_range range(const char *subnet, const char *start, const char *end)
{
	struct given g = { subnet, start, end, NULL };
	struct ipam_range r = { 0 };
	struct fl_err err = { 0 };
	const char *key = NULL;

	CHECK_OK(make(&g, &r, &key, &err), &err);
	return r;
}

static void ranges_overlap_when_they_share_an_address_not_a_subnet(void **state)
{
	struct ipam_range a = range("10.1.0.0/24", "10.1.0.10", "10.1.0.20");
	struct ipam_range touching = range("10.1.0.0/24", "10.1.0.20", "10.1.0.30");
	struct ipam_range beside = range("10.1.0.0/24", "10.1.0.21", "10.1.0.30");
	struct ipam_range around = range("10.1.0.0/16", NULL, NULL);
	struct ipam_range other = range("fd00::/64", NULL, NULL);

	(void)state;
	CHECK(ipam_range_overlaps(&a, &touching) && ipam_range_overlaps(&touching, &a));
	CHECK(!ipam_range_overlaps(&a, &beside) && !ipam_range_overlaps(&beside, &a));
	CHECK(ipam_range_overlaps(&a, &around) && ipam_range_overlaps(&around, &a));
	CHECK(!ipam_range_overlaps(&a, &other));
	CHECK(ipam_range_contains(&a, &a.start) && ipam_range_contains(&a, &a.end));
	CHECK(!ipam_range_contains(&a, &beside.start));
}

/* Writes what a walk gives, "from-to ...". */
static void walk_text(const struct ipam_set *set, const char *last, char *out, size_t size)
{
	struct fl_ip l = { 0 }, from, to;
	struct ipam_walk w;
	size_t used = 0;

	if (last)
		l = ip(last);
	out[0] = '\0';
	w = ipam_walk_begin(set, last ? &l : NULL);
	while (ipam_walk_next(&w, &from, &to)) {
		char a[FL_IP_STR], b[FL_IP_STR];

		used += (size_t)snprintf(out + used, size - used, "%s%s-%s", used ? " " : "",
					 fl_ip_format(&from, a), fl_ip_format(&to, b));
	}
}

static void a_walk_begins_after_the_last_address_and_ends_with_it(void **state)
{
	static const struct {
		const char *last, *want;
	} t[] = {
		{ NULL, "10.1.0.10-10.1.0.12 10.2.0.1-10.2.0.2" },
		{ "10.1.0.9", "10.1.0.10-10.1.0.12 10.2.0.1-10.2.0.2" },
		{ "10.1.0.10", "10.1.0.11-10.1.0.12 10.2.0.1-10.2.0.2 10.1.0.10-10.1.0.10" },
		{ "10.1.0.12", "10.2.0.1-10.2.0.2 10.1.0.10-10.1.0.12" },
		{ "10.2.0.1", "10.2.0.2-10.2.0.2 10.1.0.10-10.1.0.12 10.2.0.1-10.2.0.1" },
		{ "10.2.0.2", "10.1.0.10-10.1.0.12 10.2.0.1-10.2.0.2" },
		{ "fd00::1", "10.1.0.10-10.1.0.12 10.2.0.1-10.2.0.2" },
	};
	struct ipam_range r[] = { range("10.1.0.0/24", "10.1.0.10", "10.1.0.12"),
				  range("10.2.0.0/30", NULL, NULL) };
	struct ipam_set set = { r, 2 };
	char text[300];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		walk_text(&set, t[i].last, text, sizeof(text));
		assert_string_equal(text, t[i].want);
	}
}

static void a_set_knows_its_ranges_and_prints_them_within_the_room(void **state)
{
	struct ipam_set set = { 0 }, other = { 0 };
	struct ipam_range a = range("10.1.0.0/24", NULL, NULL),
			  b = range("10.2.0.0/30", NULL, NULL);
	struct fl_err err = { 0 };
	struct fl_ip in_b = ip("10.2.0.2"), out = ip("10.3.0.1");
	char text[64], small[8];

	(void)state;
	CHECK_OK(ipam_set_add(&set, &a, &err), &err);
	CHECK_OK(ipam_set_add(&set, &b, &err), &err);
	CHECK_OK(ipam_set_add(&other, &b, &err), &err);
	assert_int_equal(ipam_set_find(&set, &in_b), 1);
	assert_int_equal(ipam_set_find(&set, &out), -1);
	CHECK(ipam_set_overlaps(&set, &other));
	assert_string_equal(ipam_set_format(&set, text, sizeof(text)),
			    "10.1.0.1-10.1.0.254, 10.2.0.1-10.2.0.2");
	assert_string_equal(ipam_set_format(&set, small, sizeof(small)), "10.1.0.");
	ipam_set_done(&set);
	ipam_set_done(&other);
	CHECK(!ipam_set_overlaps(&set, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_reference),
		cmocka_unit_test(a_range_that_makes_no_sense_is_refused_by_its_key),
		cmocka_unit_test(ranges_overlap_when_they_share_an_address_not_a_subnet),
		cmocka_unit_test(a_walk_begins_after_the_last_address_and_ends_with_it),
		cmocka_unit_test(a_set_knows_its_ranges_and_prints_them_within_the_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
