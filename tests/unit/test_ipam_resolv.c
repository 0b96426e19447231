// SPDX-License-Identifier: Apache-2.0
/* resolv.conf into a dns object. Pure. */
#include "test.h"

#include <string.h>

#include "base/text.h"
#include "plugins/ipam/resolv.h"

static void lines_become_members_as_the_reference_reads_them(void **state)
{
	static const struct {
		const char *text, *want;
	} t[] = {
		{ "", "{}" },
		{ "# nothing\n;\n\n   \nnameserver\nsortlist 1.2.3.4\n", "{}" },
		{ "nameserver 10.0.0.1\nnameserver 10.0.0.2 junk\n",
		  "{\"nameservers\":[\"10.0.0.1\",\"10.0.0.2\"]}" },
		{ "\tdomain a.example\ndomain b.example\r\n", "{\"domain\":\"b.example\"}" },
		{ "search a b\nsearch c\noptions ndots:5 rotate",
		  "{\"search\":[\"a\",\"b\",\"c\"],\"options\":[\"ndots:5\",\"rotate\"]}" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_json struct fl_json *dns = NULL, *want = NULL;
		struct fl_err err = { 0 };

		CHECK_OK(ipam_resolv_parse(t[i].text, &dns, &err), &err);
		CHECK_OK(fl_json_parse(t[i].want, strlen(t[i].want), &want, &err), &err);
		if (!fl_json_equal(dns, want))
			fail_msg("case %zu", i);
	}
}

static void bytes_that_are_no_text_still_give_a_result_that_prints(void **state)
{
	fl_auto_json struct fl_json *dns = NULL, *again = NULL;
	fl_auto_free char *text = NULL;
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(ipam_resolv_parse("search \xff\xfe a\nnameserver 10.0.0.1", &dns, &err), &err);
	CHECK_OK(fl_json_print(dns, 0, &text, &err), &err);
	CHECK_OK(fl_json_parse(text, strlen(text), &again, &err), &err);
	assert_int_equal(fl_json_len(fl_json_get(again, "search")), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_become_members_as_the_reference_reads_them),
		cmocka_unit_test(bytes_that_are_no_text_still_give_a_result_that_prints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
