// SPDX-License-Identifier: Apache-2.0
/* agent/flowlog.c: events with the names of a small world, asked for in all ways. */
#include "agent/flowlog.h"

#include <errno.h>
#include <stdio.h>

#include "named_world.h"

static struct flowlog *l;

#define CLI                                                                                  \
	"{'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': 'cli', 'namespace': 'y'}," \
	" 'status': {'podIP': '10.0.0.3'}},"
#define SHUT                                                                                    \
	",{'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy', 'metadata': {'name':" \
	" 'q', 'namespace': 'y'}, 'spec': {'podSelector': {}, 'policyTypes': ['Egress']}}"
#define RULES "{'from': [{'ipBlock': {'cidr': '192.0.2.0/24'}}]}, {'ports': [{'port': 80}]}"

static const char objects[] = OBJECTS(WEB CLI POLICY(RULES) SHUT);

static int begin(void **state)
{
	(void)state;
	CHECK_OK(flowlog_new(&l, &err), &err);
	world_begin(objects);
	return 0;
}

static int end(void **state)
{
	(void)state;
	flowlog_free(&l);
	pol_world_free(&w);
	return 0;
}

static struct fl_event event(const char *src, const char *dst, uint16_t dport,
			     enum fl_reason reason)
{
	return (struct fl_event){ .src = in(src),
				  .dst = in(dst),
				  .sport_be = htons(1024),
				  .dport_be = htons(dport),
				  .proto = IPPROTO_TCP,
				  .dir = FL_EGRESS,
				  .ifindex = 7,
				  .length = 60,
				  .reason = (__u8)reason };
}

static void add(const char *src, const char *dst, uint16_t dport, enum fl_reason reason)
{
	struct fl_event e = event(src, dst, dport, reason);

	flowlog_add(l, w, &e, NULL);
}

/* The answer; the caller frees. */
static struct fl_json *ask(const struct flowlog_query *q)
{
	struct fl_json *doc = NULL;
	size_t n = 0;

	CHECK_OK(flowlog_json(l, w, q, &doc, &n, &err), &err);
	assert_int_equal(n, fl_json_len(fl_json_get(doc, "flows")));
	return doc;
}

static const struct flowlog_query last = { .max = FLOWLOG_PAGE_MAX };

/* What the last event says at this key, or at one of an end's; "" when it does not. */
static const char *said(const struct fl_json *doc, const char *end_key, const char *key)
{
	const struct fl_json *flows = fl_json_get(doc, "flows");
	const struct fl_json *at = fl_json_at(flows, fl_json_len(flows) - 1);

	at = end_key ? fl_json_get(at, end_key) : at;
	return fl_json_str(fl_json_get(at, key)) ?: "";
}

static int64_t number(const struct fl_json *doc, const char *key)
{
	return fl_json_int(fl_json_get(doc, key));
}

static void an_allowed_packet_names_both_ends_and_the_rule(void **state)
{
	fl_auto_pol_diff struct pol_diff all = { 0 };
	fl_auto_json struct fl_json *doc = NULL;
	struct fl_event e = event("198.51.100.7", "10.0.0.2", 80, FL_R_FORWARDED);
	const struct fl_json *to;

	(void)state;
	/* Of some entry of the compiler's, the rule that lets port 80 in. */
	CHECK_OK(pol_world_snapshot(w, &all, &err), &err);
	for (size_t i = 0; i < all.n; i++)
		if (all.ops[i].e.map == POL_MAP_PORTS && all.ops[i].e.port.port == 80)
			e.origin = all.ops[i].e.port.origin;
	CHECK(e.origin);
	e.dir = FL_INGRESS;
	flowlog_add(l, w, &e, NULL);
	doc = ask(&last);
	assert_string_equal(said(doc, NULL, "verdict"), "forwarded");
	assert_string_equal(said(doc, NULL, "reason"), "forwarded");
	assert_string_equal(said(doc, NULL, "policy"), "x/p");
	assert_string_equal(said(doc, NULL, "rule"), "ingress[1]");
	assert_string_equal(said(doc, NULL, "direction"), "ingress");
	assert_string_equal(said(doc, NULL, "protocol"), "tcp");
	assert_string_equal(said(doc, "from", "ip"), "198.51.100.7");
	assert_string_equal(said(doc, "from", "pod"), "");
	assert_string_equal(said(doc, "to", "pod"), "x/web");
	to = fl_json_get(fl_json_at(fl_json_get(doc, "flows"), 0), "to");
	assert_string_equal(fl_json_str(fl_json_get(fl_json_get(to, "labels"), "app")), "web");
	assert_int_equal(number(to, "port"), 80);
	CHECK(strlen(said(doc, NULL, "time")) == strlen("2026-01-01T00:00:00.000000Z"));
}

static const char *isolated_by(const struct fl_json *doc)
{
	const struct fl_json *flows = fl_json_get(doc, "flows");
	const struct fl_json *list = fl_json_get(fl_json_at(flows, fl_json_len(flows) - 1),
						 "isolatedBy");

	CHECK(list && fl_json_len(list) <= 1);
	return fl_json_str(fl_json_at(list, 0)) ?: "";
}

static void a_denied_packet_names_who_isolates_whichever_end_it_is(void **state)
{
	static const struct {
		const char *src, *dst;
		uint16_t dport;
		enum fl_reason reason;
		const char *want;
	} t[] = {
		{ "198.51.100.7", "10.0.0.2", 81, FL_R_POLICY_INGRESS, "x/p" },
		{ "10.0.0.3", "198.51.100.7", 81, FL_R_POLICY_EGRESS, "y/q" },
		{ "10.0.0.3", "10.0.0.2", 80, FL_R_POLICY_EGRESS, "y/q" },
		/* A reply: the one that was asked is isolated. */
		{ "10.0.0.2", "198.51.100.7", 1024, FL_R_POLICY_INGRESS, "x/p" },
		{ "198.51.100.7", "10.0.0.3", 1024, FL_R_POLICY_EGRESS, "y/q" },
		/* What has been allowed or lifted since. */
		{ "198.51.100.7", "198.51.100.8", 81, FL_R_POLICY_INGRESS, "" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_json struct fl_json *doc = NULL;

		add(t[i].src, t[i].dst, t[i].dport, t[i].reason);
		doc = ask(&last);
		assert_string_equal(said(doc, NULL, "verdict"), "dropped");
		assert_string_equal(isolated_by(doc), t[i].want);
	}
}

static void who_is_behind_the_interface_goes_before_what_the_address_says(void **state)
{
	struct fl_event e = event("10.0.0.2", "10.0.0.3", 80, FL_R_SPOOFED_IP);
	const struct pol_who pod = { "z", "liar", 99 };
	fl_auto_json struct fl_json *doc = NULL;

	(void)state;
	flowlog_add(l, w, &e, &pod);
	doc = ask(&last);
	assert_string_equal(said(doc, "from", "pod"), "z/liar");
	assert_string_equal(said(doc, "from", "ip"), "10.0.0.2");
	assert_string_equal(said(doc, "to", "pod"), "y/cli");
	assert_string_equal(said(doc, NULL, "reason"), "spoofed_ip");
	CHECK(!fl_json_has(fl_json_at(fl_json_get(doc, "flows"), 0), "isolatedBy"));
}

static void a_packet_that_could_not_be_read_has_no_addresses(void **state)
{
	struct fl_event e = { .reason = FL_R_TRUNCATED, .length = 20 };
	fl_auto_json struct fl_json *doc = NULL;

	(void)state;
	flowlog_add(l, w, &e, NULL);
	doc = ask(&last);
	assert_string_equal(said(doc, NULL, "reason"), "truncated");
	assert_string_equal(said(doc, "from", "ip"), "");
	assert_string_equal(said(doc, NULL, "protocol"), "");
}

static void who_goes_on_from_where_it_was_misses_nothing_and_sees_nothing_twice(void **state)
{
	struct flowlog_query q = { .max = 7, .has_after = true };
	uint16_t want = 1;

	(void)state;
	for (int i = 1; i <= 40; i++)
		add("10.0.0.3", "10.0.0.2", (uint16_t)i,
		    i % 2 ? FL_R_FORWARDED : FL_R_POLICY_INGRESS);
	for (int pages = 0; pages < 6; pages++) {
		fl_auto_json struct fl_json *doc = ask(&q);
		const struct fl_json *flows = fl_json_get(doc, "flows");

		for (size_t i = 0; i < fl_json_len(flows); i++)
			assert_int_equal(number(fl_json_get(fl_json_at(flows, i), "to"), "port"),
					 want++);
		assert_int_equal(number(doc, "lost"), 0);
		q.after = (uint64_t)number(doc, "next");
	}
	assert_int_equal(want, 41);
}

static void filters_choose_and_the_last_ones_come_without_a_place(void **state)
{
	struct flowlog_query drops = { .max = 3, .drops = true };
	struct flowlog_query cli = { .max = 100, .pod = "y/cli" };
	struct flowlog_query none = { .max = 100, .pod = "y/cl" };
	fl_auto_json struct fl_json *a = NULL, *b = NULL, *c = NULL;

	(void)state;
	for (int i = 1; i <= 10; i++)
		add(i % 2 ? "10.0.0.3" : "192.0.2.1", "10.0.0.2", (uint16_t)i,
		    i <= 5 ? FL_R_POLICY_INGRESS : FL_R_FORWARDED);
	a = ask(&drops);
	assert_int_equal(fl_json_len(fl_json_get(a, "flows")), 3);
	assert_int_equal(number(fl_json_get(fl_json_at(fl_json_get(a, "flows"), 0), "to"), "port"),
			 3);
	b = ask(&cli);
	assert_int_equal(fl_json_len(fl_json_get(b, "flows")), 5);
	c = ask(&none);
	assert_int_equal(fl_json_len(fl_json_get(c, "flows")), 0);
	/* Where nothing was found, it goes on from the end all the same. */
	assert_int_equal(number(c, "next"), number(b, "next"));
}

static void what_is_overwritten_is_counted_as_lost(void **state)
{
	struct flowlog_query q = { .max = 1, .has_after = true };
	fl_auto_json struct fl_json *doc = NULL, *first = NULL, *again = NULL;

	(void)state;
	add("10.0.0.3", "10.0.0.2", 1, FL_R_FORWARDED);
	first = ask(&q);
	q.after = (uint64_t)number(first, "next");
	for (int i = 0; i < FLOWLOG_MAX + 5; i++)
		add("10.0.0.3", "10.0.0.2", 2, FL_R_FORWARDED);
	doc = ask(&q);
	assert_int_equal(number(doc, "lost"), 5);
	assert_int_equal(number(doc, "next"), (int64_t)q.after + 6);
	q.after = (uint64_t)number(doc, "next");
	again = ask(&q);
	assert_int_equal(number(again, "lost"), 0);
	assert_int_equal(number(again, "next"), (int64_t)q.after + 1);
}

static void a_flood_has_the_names_of_its_first_packet_until_they_may_have_changed(void **state)
{
	fl_auto_json struct fl_json *before = NULL, *other = NULL, *after = NULL;

	(void)state;
	for (int i = 0; i < 20; i++)
		add("198.51.100.7", "10.0.0.2", 81, FL_R_POLICY_INGRESS);
	before = ask(&last);
	assert_string_equal(isolated_by(before), "x/p");
	assert_string_equal(said(before, "to", "pod"), "x/web");
	/* Another one in between has its own. */
	add("10.0.0.3", "198.51.100.7", 81, FL_R_POLICY_EGRESS);
	add("198.51.100.7", "10.0.0.2", 81, FL_R_POLICY_INGRESS);
	other = ask(&(struct flowlog_query){ .max = 2 });
	assert_string_equal(isolated_by(other), "x/p");
	assert_string_equal(
		fl_json_str(fl_json_at(
			fl_json_get(fl_json_at(fl_json_get(other, "flows"), 0), "isolatedBy"), 0)),
		"y/q");
	CHECK_OK(pol_world_del_policy(w, "x", "p", &err), &err);
	world_commit(w, NULL);
	flowlog_begin(l);
	add("198.51.100.7", "10.0.0.2", 81, FL_R_POLICY_INGRESS);
	after = ask(&last);
	assert_string_equal(isolated_by(after), "");
	assert_string_equal(said(after, "to", "pod"), "x/web");
}

static void numbers_of_an_earlier_agent_lead_to_the_beginning(void **state)
{
	struct flowlog_query q = { .max = 10, .has_after = true, .after = 5 };
	struct flowlog *later = NULL;
	fl_auto_json struct fl_json *doc = NULL, *after = NULL, *future = NULL;

	(void)state;
	add("10.0.0.3", "10.0.0.2", 1, FL_R_FORWARDED);
	doc = ask(&q);
	assert_int_equal(fl_json_len(fl_json_get(doc, "flows")), 1);
	assert_int_equal(number(doc, "lost"), 0);
	/* A later agent's are higher. */
	CHECK_OK(flowlog_new(&later, &err), &err);
	flowlog_free(&l);
	l = later;
	q.after = (uint64_t)number(doc, "next");
	after = ask(&q);
	CHECK(number(after, "next") > number(doc, "next"));
	q.after = UINT64_MAX;
	future = ask(&q);
	assert_int_equal(number(future, "next"), number(after, "next"));
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FRESH(an_allowed_packet_names_both_ends_and_the_rule),
		FRESH(a_denied_packet_names_who_isolates_whichever_end_it_is),
		FRESH(who_is_behind_the_interface_goes_before_what_the_address_says),
		FRESH(a_packet_that_could_not_be_read_has_no_addresses),
		FRESH(who_goes_on_from_where_it_was_misses_nothing_and_sees_nothing_twice),
		FRESH(filters_choose_and_the_last_ones_come_without_a_place),
		FRESH(what_is_overwritten_is_counted_as_lost),
		FRESH(a_flood_has_the_names_of_its_first_packet_until_they_may_have_changed),
		FRESH(numbers_of_an_earlier_agent_lead_to_the_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
