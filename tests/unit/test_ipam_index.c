// SPDX-License-Identifier: Apache-2.0
/* The index's two tables, against a plain model of them. Pure. */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "plugins/ipam/index.h"

static struct fl_ip ip(const char *text)
{
	struct fl_err err = { 0 };
	struct fl_ip out = { 0 };

	CHECK_OK(fl_ip_parse(text, &out, &err), &err);
	return out;
}

static void put(struct ipam_index *ix, const char *key, const struct fl_ip *a)
{
	struct fl_hash h = ipam_index_key(key, strlen(key));
	struct fl_err err = { 0 };
	int r;

	while ((r = ipam_index_insert(ix, &h, a)) == -ENOSPC)
		CHECK_OK(ipam_index_grow(ix, &err), &err);
	assert_int_equal(r, 0);
}

static size_t count(const struct ipam_index *ix, const char *key)
{
	struct fl_hash h = ipam_index_key(key, strlen(key));
	struct fl_ip a;
	uint32_t pos = 0;
	size_t n = 0;

	while (ipam_index_find(ix, &h, &pos, &a))
		n++;
	return n;
}

static void a_key_may_hold_several_addresses_and_loses_them_one_by_one(void **state)
{
	fl_auto_ipam_index struct ipam_index ix = { 0 };
	struct fl_ip a = ip("10.1.0.2"), b = ip("fd00::2"), c = ip("10.1.0.3");
	struct fl_hash h = ipam_index_key("c1", 2), other = ipam_index_key("c2", 2);
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(ipam_index_new(&ix, 0, &err), &err);
	put(&ix, "c1", &a);
	put(&ix, "c1", &b);
	put(&ix, "c2", &c);
	assert_int_equal(count(&ix, "c1"), 2);
	assert_int_equal(count(&ix, "c3"), 0);
	ipam_index_remove(&ix, &other, &a); /* not its own: only the bit goes */
	assert_int_equal(count(&ix, "c1"), 2);
	ipam_index_remove(&ix, &h, &a);
	assert_int_equal(count(&ix, "c1"), 1);
	CHECK(!ipam_index_is_used(&ix, &a) && ipam_index_is_used(&ix, &b));
	ipam_index_remove(&ix, &h, &b);
	ipam_index_remove(&ix, &h, &b);
	assert_int_equal(count(&ix, "c1"), 0);
	assert_int_equal(count(&ix, "c2"), 1);
}

static void an_address_without_a_key_is_only_taken(void **state)
{
	fl_auto_ipam_index struct ipam_index ix = { 0 };
	struct fl_ip a = ip("10.1.0.2"), got;
	struct fl_err err = { 0 };
	struct fl_hash key;
	uint32_t pos = 0;

	(void)state;
	CHECK_OK(ipam_index_new(&ix, 0, &err), &err);
	assert_int_equal(ipam_index_insert(&ix, NULL, &a), 0);
	CHECK(ipam_index_is_used(&ix, &a));
	CHECK(!ipam_index_each(&ix, &pos, &key, &got));
}

/* A few thousand random inserts and removals in a small space of addresses, and a plain array. */
static void random_changes_leave_the_index_equal_to_a_model(void **state)
{
	enum { SPACE = 2048, TURNS = 40000 };
	static bool model[SPACE];
	fl_auto_ipam_index struct ipam_index ix = { 0 };
	struct fl_ip base = ip("10.1.0.0");
	struct fl_err err = { 0 };
	uint64_t seed = 42;

	(void)state;
	memset(model, 0, sizeof(model));
	CHECK_OK(ipam_index_new(&ix, 0, &err), &err);
	for (int turn = 0; turn < TURNS; turn++) {
		uint32_t i = (uint32_t)((seed = seed * 6364136223846793005u + 1) >> 33) % SPACE;
		struct fl_ip a = fl_ip_add(&base, i * 3);
		char key[16];
		struct fl_hash h;

		(void)snprintf(key, sizeof(key), "c%u", i / 2);
		h = ipam_index_key(key, strlen(key));
		if (model[i])
			ipam_index_remove(&ix, &h, &a);
		else
			put(&ix, key, &a);
		model[i] = !model[i];
	}
	for (uint32_t i = 0; i < SPACE; i++) {
		struct fl_ip a = fl_ip_add(&base, i * 3);
		char key[16];

		(void)snprintf(key, sizeof(key), "c%u", i / 2);
		CHECK(ipam_index_is_used(&ix, &a) == model[i]);
		assert_int_equal(count(&ix, key), model[i & ~1u] + model[i | 1]);
	}
}

/* Takes n addresses from base on. */
static void fill(struct ipam_index *ix, const char *base, uint32_t n)
{
	struct fl_ip first = ip(base);

	for (uint32_t i = 0; i < n; i++) {
		struct fl_ip a = fl_ip_add(&first, i);
		char key[16];

		(void)snprintf(key, sizeof(key), "k%u", i);
		put(ix, key, &a);
	}
}

static void the_next_free_address_is_found_behind_20000_leases(void **state)
{
	fl_auto_ipam_index struct ipam_index ix = { 0 };
	struct fl_ip from = ip("10.1.0.2"), to = ip("10.1.255.254"), got, end;
	struct fl_err err = { 0 };
	char text[FL_IP_STR];

	(void)state;
	CHECK_OK(ipam_index_new(&ix, 0, &err), &err);
	fill(&ix, "10.1.0.2", 20000);
	CHECK(ipam_index_next_free(&ix, &from, &to, &got));
	assert_string_equal(fl_ip_format(&got, text), "10.1.78.34");
	end = fl_ip_sub(&got, 1);
	CHECK(!ipam_index_next_free(&ix, &from, &end, &got));
	CHECK(!ipam_index_next_free(&ix, &end, &end, &got));
	CHECK(ipam_index_next_free(&ix, &to, &to, &got));
	assert_memory_equal(&got, &to, sizeof(to));
}

static void free_addresses_are_exact_at_every_edge_of_a_block(void **state)
{
	fl_auto_ipam_index struct ipam_index ix = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(ipam_index_new(&ix, 0, &err), &err);
	fill(&ix, "10.1.0.0", 768);
	for (uint32_t i = 0; i < 768; i++) {
		struct fl_ip zero = ip("10.1.0.0"), hole = fl_ip_add(&zero, i), got;
		struct fl_ip last = ip("10.1.2.255"), after = fl_ip_add(&hole, 1);
		char key[16];
		struct fl_hash h;

		(void)snprintf(key, sizeof(key), "k%u", i);
		h = ipam_index_key(key, strlen(key));
		ipam_index_remove(&ix, &h, &hole);
		CHECK(ipam_index_next_free(&ix, &zero, &last, &got));
		assert_memory_equal(&got, &hole, sizeof(hole));
		CHECK(ipam_index_next_free(&ix, &hole, &hole, &got));
		CHECK(i == 767 || !ipam_index_next_free(&ix, &after, &last, &got));
		put(&ix, key, &hole);
		CHECK(!ipam_index_next_free(&ix, &zero, &last, &got));
	}
}

static void a_huge_ipv6_range_and_the_ends_of_both_spaces_are_searched(void **state)
{
	fl_auto_ipam_index struct ipam_index ix = { 0 };
	struct fl_ip from = ip("fd00::1"), to = ip("fd00::ffff:ffff:ffff:ffff"), got;
	struct fl_ip top = ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
		     top4 = ip("255.255.255.255");
	struct fl_err err = { 0 };
	char text[FL_IP_STR];

	(void)state;
	CHECK_OK(ipam_index_new(&ix, 0, &err), &err);
	fill(&ix, "fd00::1", 5000);
	CHECK(ipam_index_next_free(&ix, &from, &to, &got));
	assert_string_equal(fl_ip_format(&got, text), "fd00::1389");
	put(&ix, "t", &top);
	put(&ix, "t", &top4);
	CHECK(!ipam_index_next_free(&ix, &top, &top, &got));
	CHECK(!ipam_index_next_free(&ix, &top4, &top4, &got));
}

static void growing_keeps_everything(void **state)
{
	fl_auto_ipam_index struct ipam_index ix = { 0 };
	struct fl_err err = { 0 };
	struct fl_hash key;
	struct fl_ip got;
	uint32_t pos = 0;
	size_t n = 0;

	(void)state;
	CHECK_OK(ipam_index_new(&ix, 0, &err), &err);
	memcpy(ix.head->boot_id, "boot", 5);
	ix.head->dev = 7;
	ix.head->ino = 8;
	fill(&ix, "10.1.0.0", 3000);
	while (ipam_index_each(&ix, &pos, &key, &got))
		n++;
	assert_int_equal(n, 3000);
	assert_string_equal(ix.head->boot_id, "boot");
	CHECK(ix.head->dev == 7 && ix.head->ino == 8);
	CHECK(ipam_index_is_sound(ix.head, ix.head->size));
}

static void a_block_of_another_shape_is_not_sound(void **state)
{
	fl_auto_ipam_index struct ipam_index ix = { 0 };
	struct ipam_index_head h;
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(ipam_index_new(&ix, 0, &err), &err);
	CHECK(ipam_index_is_sound(ix.head, ix.head->size));
	CHECK(!ipam_index_is_sound(ix.head, ix.head->size - 1));
	CHECK(!ipam_index_is_sound(ix.head, 0));
	h = *ix.head;
	h.version++;
	CHECK(!ipam_index_is_sound(&h, h.size));
	h = *ix.head;
	h.key_cap = 100;
	CHECK(!ipam_index_is_sound(&h, h.size));
	h = *ix.head;
	h.block_n = h.block_cap;
	CHECK(!ipam_index_is_sound(&h, h.size));
	h = *ix.head;
	h.magic ^= 1;
	CHECK(!ipam_index_is_sound(&h, h.size));
}

/* Every slot taken and counts that lie: nothing may run for ever or out of the block. */
static void junk_in_the_tables_ends_every_search(void **state)
{
	fl_auto_ipam_index struct ipam_index ix = { 0 };
	struct fl_ip a = ip("10.1.0.2"), got;
	struct fl_hash h = ipam_index_key("x", 1);
	struct fl_err err = { 0 };
	uint32_t pos = 0;

	(void)state;
	CHECK_OK(ipam_index_new(&ix, 0, &err), &err);
	memset(ix.head + 1, 0xff, ix.head->size - sizeof(*ix.head));
	ix.head->key_n = ix.head->block_n = 0;
	CHECK(!ipam_index_find(&ix, &h, &pos, &got));
	CHECK(!ipam_index_is_used(&ix, &a));
	CHECK(ipam_index_next_free(&ix, &a, &a, &got));
	assert_int_equal(ipam_index_insert(&ix, &h, &a), -ENOSPC);
	ipam_index_remove(&ix, &h, &a);
	CHECK(ipam_index_grow(&ix, &err) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_may_hold_several_addresses_and_loses_them_one_by_one),
		cmocka_unit_test(an_address_without_a_key_is_only_taken),
		cmocka_unit_test(random_changes_leave_the_index_equal_to_a_model),
		cmocka_unit_test(the_next_free_address_is_found_behind_20000_leases),
		cmocka_unit_test(free_addresses_are_exact_at_every_edge_of_a_block),
		cmocka_unit_test(a_huge_ipv6_range_and_the_ends_of_both_spaces_are_searched),
		cmocka_unit_test(growing_keeps_everything),
		cmocka_unit_test(a_block_of_another_shape_is_not_sound),
		cmocka_unit_test(junk_in_the_tables_ends_every_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
