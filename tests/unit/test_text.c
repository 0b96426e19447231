// SPDX-License-Identifier: Apache-2.0
/* lib/base/text.c. Needs nothing. */
#include "base/text.h"

#include "test.h"

#include <errno.h>

static void streq_knows_null(void **state)
{
	(void)state;
	CHECK(fl_streq(NULL, NULL) && fl_streq("a", "a"));
	CHECK(!fl_streq(NULL, "") && !fl_streq("", NULL) && !fl_streq("a", "A"));
	CHECK(fl_empty(NULL) && fl_empty("") && !fl_empty(" "));
}

static void format_fits_to_the_last_byte_and_not_one_more(void **state)
{
	struct fl_err err = { 0 };
	char out[6] = "old";

	(void)state;
	CHECK_OK(fl_format(out, sizeof(out), &err, "%s-%d", "abc", 1), &err);
	assert_string_equal(out, "abc-1");
	CHECK_FAILS(fl_format(out, sizeof(out), &err, "%s-%d", "abc", 12), ENAMETOOLONG, &err,
		    "longer than 5 bytes");
	assert_string_equal(out, "");
}

static void copy_fits_to_the_last_byte_and_leaves_the_target_otherwise(void **state)
{
	struct fl_err err = { 0 };
	char out[6] = "old";

	(void)state;
	CHECK_FAILS(fl_copy(out, sizeof(out), "123456", &err), ENAMETOOLONG, &err, "'123456");
	assert_string_equal(out, "old");
	CHECK_OK(fl_copy(out, sizeof(out), "12345", &err), &err);
	assert_string_equal(out, "12345");
}

static void numbers_are_read_at_the_edges_of_their_range(void **state)
{
	struct fl_err err = { 0 };
	uint32_t n = 77;

	(void)state;
	CHECK_OK(fl_parse_u32("0", 0, UINT32_MAX, &n, &err), &err);
	CHECK(n == 0);
	CHECK_OK(fl_parse_u32("4294967295", 0, UINT32_MAX, &n, &err), &err);
	CHECK(n == UINT32_MAX);
	CHECK_OK(fl_parse_u32("0000004094", 1, 4094, &n, &err), &err);
	CHECK(n == 4094);
}

static void numbers_beyond_their_range_or_of_another_form_are_refused(void **state)
{
	static const char *const bad[] = {
		"",   "0",  "4095", "4294967296", "00000000001", "-1",	"+1",
		" 1", "1 ", "0x1",  "1a",	  "1.0",	 "1e1", "99999999999999999999"
	};
	struct fl_err err = { 0 };
	uint32_t n = 77;

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(bad); i++) {
		CHECK_FAILS(fl_parse_u32(bad[i], 1, 4094, &n, &err), EINVAL, &err,
			    "is not a number from 1 to 4094");
		CHECK(n == 77);
	}
}

static void mac_addresses_are_read_in_both_spellings(void **state)
{
	static const uint8_t want[FL_MAC_LEN] = { 0x02, 0xab, 0xcd, 0xef, 0x00, 0x1f };
	static const char *const good[] = { "02:ab:cd:ef:00:1f", "02-AB-CD-EF-00-1F" };
	struct fl_err err = { 0 };
	uint8_t mac[FL_MAC_LEN];
	char text[FL_MAC_STR];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(good); i++) {
		memset(mac, 0xff, sizeof(mac));
		CHECK_OK(fl_mac_parse(good[i], mac, &err), &err);
		assert_memory_equal(mac, want, sizeof(want));
		fl_mac_format(mac, text);
		assert_string_equal(text, good[0]);
	}
}

static void other_texts_are_no_mac_address(void **state)
{
	static const char *const bad[] = { "",
					   "02:ab:cd:ef:00",
					   "02:ab:cd:ef:00:1",
					   "02:ab:cd:ef:00:1f:",
					   "02:ab:cd:ef:00:1g",
					   "02:ab-cd:ef:00:1f",
					   "02.ab.cd.ef.00.1f",
					   "2:ab:cd:ef:00:1f0",
					   "02ab:cdef:001f:xx",
					   "02:ab:cd:ef:00:1f:aa:bb" };
	uint8_t mac[FL_MAC_LEN] = { 1, 2, 3, 4, 5, 6 };
	const uint8_t before[FL_MAC_LEN] = { 1, 2, 3, 4, 5, 6 };
	struct fl_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(bad); i++) {
		CHECK_FAILS(fl_mac_parse(bad[i], mac, &err), EINVAL, &err, "is not a MAC address");
		assert_memory_equal(mac, before, sizeof(mac));
	}
}

static void names_of_nodes_are_as_kubernetes_has_them(void **state)
{
	static const char *const good[] = { "n", "n1", "0", "node-1.example.org", "a.b-c.9" };
	static const char *const bad[] = { "",	   ".",	   "-n",   "n-",  "a..b", ".a",	      "a.",
					   "a.-b", "a-.b", "Node", "a_b", "a b",  "n\xc3\xa9" };
	char name[255];
	struct fl_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(good); i++)
		CHECK_OK(fl_check_subdomain(good[i], &err), &err);
	for (size_t i = 0; i < FL_ARRAY_LEN(bad); i++)
		CHECK_FAILS(fl_check_subdomain(bad[i], &err), EINVAL, &err, "is not a name of");
	memset(name, 'n', sizeof(name) - 1);
	name[254] = '\0';
	CHECK_FAILS(fl_check_subdomain(name, &err), EINVAL, &err, "at most 253");
	CHECK_OK(fl_check_subdomain(name + 1, &err), &err);
}

static void a_word_is_misspelt_by_few_letters_for_its_length(void **state)
{
	size_t least = FL_MISSPELT_MAX;

	(void)state;
	CHECK(!fl_is_misspelt("isGateway", "mtu", &least) && least == FL_MISSPELT_MAX);
	CHECK(fl_is_misspelt("isGatway", "isDefaultGateway", &least) == false);
	CHECK(fl_is_misspelt("ipMask", "ipMasq", &least) && least == 1);
	CHECK(!fl_is_misspelt("ipMask", "ipMasqs", &least));
	CHECK(fl_is_misspelt("IPMASQ", "ipMasq", &least) && least == 0);
	least = FL_MISSPELT_MAX;
	CHECK(!fl_is_misspelt("ab", "cd", &least) && !fl_is_misspelt("ips", "mtu", &least));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streq_knows_null),
		cmocka_unit_test(format_fits_to_the_last_byte_and_not_one_more),
		cmocka_unit_test(copy_fits_to_the_last_byte_and_leaves_the_target_otherwise),
		cmocka_unit_test(numbers_are_read_at_the_edges_of_their_range),
		cmocka_unit_test(numbers_beyond_their_range_or_of_another_form_are_refused),
		cmocka_unit_test(mac_addresses_are_read_in_both_spellings),
		cmocka_unit_test(other_texts_are_no_mac_address),
		cmocka_unit_test(names_of_nodes_are_as_kubernetes_has_them),
		cmocka_unit_test(a_word_is_misspelt_by_few_letters_for_its_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
