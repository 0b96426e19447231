// SPDX-License-Identifier: Apache-2.0
/* agent/bgp/reply.c, on what BIRD 2.0.12 has said. Needs nothing. */
#include "agent/bgp/reply.h"

#include <errno.h>
#include <string.h>

#include "inject.h"
#include "test.h"

static struct fl_err err;

static const char protocols[] =
	"2002-Name       Proto      Table      State  Since         Info\n"
	"1002-device1    Device     ---        up     1795324093    \n"
	"1006-\n"
	"1002-kernel4    Kernel     master4    up     1795324093    \n"
	"1006-  Channel ipv4\n"
	"     State:          UP\n"
	"     Routes:         7 imported, 2 exported, 0 preferred\n"
	" \n"
	"1002-mesh4:n2   BGP        ---        up     1795324094    Established   \n"
	"1006-  Description:    n2\n"
	"   BGP state:          Established\n"
	"     Neighbor address: 192.0.2.12\n"
	"     Neighbor AS:      64512\n"
	"     Hold timer:       207.310/240\n"
	"   Channel ipv4\n"
	"     State:          UP\n"
	"     Routes:         1 imported, 3 exported, 1 preferred\n"
	"     Route change stats:     received   rejected   filtered    ignored   accepted\n"
	"       Import updates:              1          0          0          0          1\n"
	"   Channel ipv6\n"
	"     Routes:         4294967290 imported, 4 exported, 1 preferred\n"
	"     Import limit:   10 [HIT]\n"
	"       Action:       block\n"
	" \n"
	"1002-peer:fd00::1 BGP        ---        start  1795324099    Active        Socket: "
	"Connection refused\n"
	"1006-  BGP state:          Active\n"
	"     Neighbor address: fd00::1%eth0\n"
	"     Connect delay:    0.500/5\n"
	"     Last error:       Socket: Connection refused\n"
	"   Channel ipv6\n"
	"     State:          DOWN\n"
	"     Import limit:   10\n"
	" \n"
	"1002-peer:off   BGP        ---        down   x             \n"
	"1006-  BGP state:          Down\n"
	" \n"
	"0000 \n";

static const char bfd[] = "1020-bfd1:\n"
			  " IP address   Interface  State      Since         Interval  Timeout\n"
			  " 192.0.2.12   ---        Up         1795324094      0.300    0.900\n"
			  " 192.0.2.99   eth0       Down       1795324094      0.300    0.900\n"
			  "0000 \n";

static void an_answer_is_whole_at_its_last_line(void **state)
{
	static const char text[] = "0002-Reading configuration\n 1234 x\n0003 Reconfigured\n0001";
	size_t whole = strlen(text) - 4;

	(void)state;
	for (size_t n = 0; n < whole; n++)
		CHECK(bgp_reply_length(text, n) == 0);
	for (size_t n = whole; n <= strlen(text); n++)
		CHECK(bgp_reply_length(text, n) == whole);
	CHECK(bgp_reply_length("0000 \n", 6) == 6);
	CHECK(bgp_reply_length("0000\n", 5) == 0);
	CHECK(bgp_reply_length("000x \n", 6) == 0);
}

static void a_refusal_is_an_error_in_birds_words(void **state)
{
	(void)state;
	CHECK_OK(bgp_reply_check("0002-Reading configuration\n0003 Reconfigured\n", &err), &err);
	CHECK_OK(bgp_reply_check("", &err), &err);
	CHECK_FAILS(
		bgp_reply_check("0002-Reading configuration\n8002 a.conf:3:1 syntax error\n", &err),
		EINVAL, &err, "bird says: a.conf:3:1 syntax error");
	CHECK_FAILS(bgp_reply_check("9001 syntax error\n", &err), EINVAL, &err, "syntax error");
}

static void sessions_are_read_with_both_their_families(void **state)
{
	bgp_auto_rows struct bgp_rows rows = { 0 };
	const struct bgp_row *row;

	(void)state;
	CHECK_OK(bgp_reply_protocols(protocols, &rows, &err), &err);
	CHECK(rows.n == 3);
	row = bgp_rows_find(&rows, "mesh4:n2");
	assert_non_null(row);
	assert_string_equal(row->state, "Established");
	assert_string_equal(row->last_error, "");
	CHECK(row->since == 1795324094);
	CHECK(row->imported == 4294967291 && row->exported == 7);
	CHECK(row->limit_hit && row->has_address && !row->bfd);
	row = bgp_rows_find(&rows, "peer:fd00::1");
	assert_non_null(row);
	assert_string_equal(row->state, "Active");
	assert_string_equal(row->last_error, "Socket: Connection refused");
	CHECK(!row->limit_hit && !row->has_address && row->imported == 0);
	row = bgp_rows_find(&rows, "peer:off");
	assert_non_null(row);
	assert_string_equal(row->state, "Down");
	CHECK(row->since == 0);
	assert_null(bgp_rows_find(&rows, "device1"));
}

static void bfd_is_added_by_address(void **state)
{
	bgp_auto_rows struct bgp_rows rows = { 0 };

	(void)state;
	CHECK_OK(bgp_reply_protocols(protocols, &rows, &err), &err);
	bgp_reply_bfd(bfd, &rows);
	CHECK(rows.rows[0].bfd && rows.rows[0].bfd_up);
	CHECK(!rows.rows[1].bfd && !rows.rows[2].bfd);
	bgp_reply_bfd(" 192.0.2.12 eth0 Down 1 2 3\n0000 \n", &rows);
	CHECK(rows.rows[0].bfd && !rows.rows[0].bfd_up);
	bgp_reply_bfd("9001 There is no BFD protocol running\n", &rows);
	CHECK(rows.rows[0].bfd);
}

static void the_version_is_in_the_greeting(void **state)
{
	char version[8];

	(void)state;
	bgp_reply_version("0001 BIRD 2.0.12 ready.\n", version, sizeof(version));
	assert_string_equal(version, "2.0.12");
	bgp_reply_version("0001 BIRD 2.0.12-long ready.\n", version, sizeof(version));
	assert_string_equal(version, "2.0.12-");
	bgp_reply_version("0001 FALCON 1\n", version, sizeof(version));
	assert_string_equal(version, "");
}

static void long_words_are_cut_and_odd_numbers_are_none(void **state)
{
	bgp_auto_rows struct bgp_rows rows = { 0 };
	char text[1024];

	(void)state;
	(void)snprintf(text, sizeof(text),
		       "1002-%0200d BGP --- up 99999999999999999999 x\n"
		       "1006-  BGP state: %0100d\n   Last error: %0300d\n"
		       "     Routes: 99999999999 imported, x exported, 3 exported\n0000 \n",
		       1, 2, 3);
	CHECK_OK(bgp_reply_protocols(text, &rows, &err), &err);
	CHECK(rows.n == 1 && rows.rows[0].since == 0);
	CHECK(strlen(rows.rows[0].symbol) == sizeof(rows.rows[0].symbol) - 1);
	CHECK(strlen(rows.rows[0].state) == sizeof(rows.rows[0].state) - 1);
	CHECK(strlen(rows.rows[0].last_error) == sizeof(rows.rows[0].last_error) - 1);
	CHECK(rows.rows[0].imported == 0 && rows.rows[0].exported == 0);
}

static int parse_once(void *arg)
{
	bgp_auto_rows struct bgp_rows rows = { 0 };

	(void)arg;
	return bgp_reply_protocols(protocols, &rows, &err);
}

static void the_parser_survives_every_failed_allocation(void **state)
{
	(void)state;
	CHECK_OK(inject_each(parse_once, NULL), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_whole_at_its_last_line),
		cmocka_unit_test(a_refusal_is_an_error_in_birds_words),
		cmocka_unit_test(sessions_are_read_with_both_their_families),
		cmocka_unit_test(bfd_is_added_by_address),
		cmocka_unit_test(the_version_is_in_the_greeting),
		cmocka_unit_test(long_words_are_cut_and_odd_numbers_are_none),
		cmocka_unit_test(the_parser_survives_every_failed_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
