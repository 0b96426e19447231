// SPDX-License-Identifier: Apache-2.0
/* lib/base/ip.c. Needs nothing. */
#include "base/ip.h"

#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static struct fl_ip ip(const char *text)
{
	struct fl_err err = { 0 };
	struct fl_ip out = { 0 };

	CHECK_OK(fl_ip_parse(text, &out, &err), &err);
	return out;
}

static struct fl_prefix prefix(const char *text)
{
	struct fl_err err = { 0 };
	struct fl_prefix out = { 0 };

	CHECK_OK(fl_prefix_parse(text, &out, &err), &err);
	return out;
}

static void check_ip(const struct fl_ip *got, const char *want)
{
	char text[FL_IP_STR];

	assert_string_equal(fl_ip_format(got, text), want);
}

static void addresses_are_printed_in_their_canonical_form(void **state)
{
	/* RFC 5952 section 4, and the mapped form as an IPv4 address. */
	static const char *const t[][2] = {
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "1::", "1::" },
		{ "2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
		{ "2001:DB8::ABCD", "2001:db8::abcd" },
		{ "0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7" },
		{ "0:0:2:3:4:5:6:7", "::2:3:4:5:6:7" },
		{ "1:2:3:4:5:6:0:0", "1:2:3:4:5:6::" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "::ffff:10.1.2.3", "10.1.2.3" },
		{ "::10.1.2.3", "::a01:203" },
		{ "64:ff9b::192.0.2.1", "64:ff9b::c000:201" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct fl_ip got = ip(t[i][0]);

		check_ip(&got, t[i][1]);
	}
}

static void other_texts_are_no_address(void **state)
{
	static const char *const bad[] = {
		"",	    "1.2.3",	"1.2.3.4.5", "1.2.3.256",
		"01.2.3.4", " 1.2.3.4", "1.2.3.4 ",  "1.2.3.4/8",
		"::1%lo",   "1:2:3",	":::",	     "1::2::3",
		"g::",	    "12345::",	"0x1.2.3.4", "1:2:3:4:5:6:7:8:9"
	};
	struct fl_err err = { 0 };
	struct fl_ip out = ip("192.0.2.9");

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(bad); i++) {
		CHECK_FAILS(fl_ip_parse(bad[i], &out, &err), EINVAL, &err, "is not an IP address");
		check_ip(&out, "192.0.2.9");
	}
}

static void prefixes_keep_their_host_bits(void **state)
{
	static const char *const t[] = { "10.1.2.3/24", "0.0.0.0/0", "10.0.0.1/32",
					 "fd00::1/64",	"::/0",	     "fd00::1/128" };
	char text[FL_PREFIX_STR];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct fl_prefix p = prefix(t[i]);

		assert_string_equal(fl_prefix_format(&p, text), t[i]);
	}
}

static void other_texts_are_no_prefix(void **state)
{
	static const char *const bad[] = { "",
					   "/",
					   "/24",
					   "10.0.0.0",
					   "10.0.0.0/",
					   "10.0.0.0/33",
					   "10.0.0.0/-1",
					   "10.0.0.0/8/8",
					   "10.0.0.0/255.0.0.0",
					   "fd00::/129",
					   "fd00::/4294967296",
					   "10.0.0/8",
					   "::ffff:10.0.0.0/24",
					   "::ffff:10.0.0.0/104",
					   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/1" };
	struct fl_prefix out = prefix("192.0.2.9/31");
	struct fl_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(bad); i++) {
		CHECK_FAILS(fl_prefix_parse(bad[i], &out, &err), EINVAL, &err, "is not a prefix");
		CHECK(out.len == 31);
		check_ip(&out.ip, "192.0.2.9");
	}
}

static void loose_prefixes_may_lack_their_length(void **state)
{
	struct fl_prefix p = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(fl_prefix_parse_loose("10.1.2.3", &p, &err), &err);
	CHECK(p.len == 32);
	CHECK_OK(fl_prefix_parse_loose("fd00::5", &p, &err), &err);
	CHECK(p.len == 128);
	CHECK_OK(fl_prefix_parse_loose("10.1.2.3/8", &p, &err), &err);
	CHECK(p.len == 8);
	CHECK_FAILS(fl_prefix_parse_loose("10.1.2.3/", &p, &err), EINVAL, &err,
		    "'10.1.2.3/' is not an address or prefix");
}

static void families_are_told_apart(void **state)
{
	struct fl_ip four = ip("10.0.0.1"), six = ip("fd00::1");
	size_t len;

	(void)state;
	CHECK(fl_ip_is4(&four) && fl_ip_family(&four) == AF_INET && fl_ip_bits(&four) == 32);
	CHECK(!fl_ip_is4(&six) && fl_ip_family(&six) == AF_INET6 && fl_ip_bits(&six) == 128);
	CHECK(memcmp(fl_ip_raw(&four, &len), "\x0a\0\0\x01", 4) == 0 && len == 4);
	CHECK(fl_ip_raw(&six, &len) == six.b && len == 16);
	four = fl_ip_from_raw(AF_INET, "\x0a\x01\x02\x03");
	check_ip(&four, "10.1.2.3");
	six = fl_ip_from_raw(AF_INET6, six.b);
	check_ip(&six, "fd00::1");
}

static void addresses_compare_and_count_as_numbers(void **state)
{
	struct fl_ip a = ip("10.0.0.255"), b, zero = ip("::"),
		     last = ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");

	(void)state;
	b = fl_ip_add(&a, 1);
	check_ip(&b, "10.0.1.0");
	CHECK(fl_ip_cmp(&a, &b) < 0 && fl_ip_cmp(&b, &a) > 0 && fl_ip_cmp(&a, &a) == 0);
	b = fl_ip_sub(&b, 257);
	check_ip(&b, "9.255.255.255");
	b = ip("fd00::ffff:ffff:ffff:ffff");
	b = fl_ip_add(&b, 1);
	check_ip(&b, "fd00:0:0:1::");
	b = fl_ip_add(&last, 1);
	check_ip(&b, "::");
	b = fl_ip_sub(&zero, 1);
	check_ip(&b, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void networks_have_a_first_and_a_last_address(void **state)
{
	static const char *const t[][3] = {
		{ "10.1.2.3/24", "10.1.2.0/24", "10.1.2.255" },
		{ "10.1.2.3/0", "0.0.0.0/0", "255.255.255.255" },
		{ "10.1.2.3/32", "10.1.2.3/32", "10.1.2.3" },
		{ "10.1.2.3/31", "10.1.2.2/31", "10.1.2.3" },
		{ "fd00::1234/64", "fd00::/64", "fd00::ffff:ffff:ffff:ffff" },
		{ "fd00::1234/127", "fd00::1234/127", "fd00::1235" },
		{ "fd00::1/0", "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};
	char text[FL_PREFIX_STR];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct fl_prefix p = prefix(t[i][0]), net = fl_prefix_network(&p);
		struct fl_ip last = fl_prefix_last(&p);

		assert_string_equal(fl_prefix_format(&net, text), t[i][1]);
		check_ip(&last, t[i][2]);
	}
}

static void a_prefix_contains_its_own_family_only(void **state)
{
	struct fl_prefix all4 = prefix("0.0.0.0/0"), all6 = prefix("::/0"),
			 net = prefix("10.1.0.0/16");
	struct fl_ip four = ip("10.1.255.255"), next = ip("10.2.0.0"), six = ip("fd00::1");

	(void)state;
	CHECK(fl_prefix_contains(&all4, &four) && !fl_prefix_contains(&all4, &six));
	CHECK(fl_prefix_contains(&all6, &six) && !fl_prefix_contains(&all6, &four));
	CHECK(fl_prefix_contains(&net, &four) && !fl_prefix_contains(&net, &next));
}

static void prefixes_overlap_when_one_lies_in_the_other(void **state)
{
	struct fl_prefix wide = prefix("10.0.0.0/8"), narrow = prefix("10.1.0.0/16"),
			 other = prefix("11.0.0.0/8"), six = prefix("::/0");

	(void)state;
	CHECK(fl_prefix_overlaps(&wide, &narrow) && fl_prefix_overlaps(&narrow, &wide));
	CHECK(!fl_prefix_overlaps(&wide, &other) && !fl_prefix_overlaps(&wide, &six));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_printed_in_their_canonical_form),
		cmocka_unit_test(other_texts_are_no_address),
		cmocka_unit_test(prefixes_keep_their_host_bits),
		cmocka_unit_test(other_texts_are_no_prefix),
		cmocka_unit_test(loose_prefixes_may_lack_their_length),
		cmocka_unit_test(families_are_told_apart),
		cmocka_unit_test(addresses_compare_and_count_as_numbers),
		cmocka_unit_test(networks_have_a_first_and_a_last_address),
		cmocka_unit_test(a_prefix_contains_its_own_family_only),
		cmocka_unit_test(prefixes_overlap_when_one_lies_in_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
