// SPDX-License-Identifier: Apache-2.0
/* agent/model/cluster.c: sets of nodes, and who stays when two contradict each other. */
#include "agent/model/node.h"

#include "inject.h"
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

struct said {
	int n;
	char where[64], text[512]; /* the last one */
};

static void note(const char *where, const char *text, void *arg)
{
	struct said *s = arg;

	s->n++;
	snprintf(s->where, sizeof(s->where), "%s", where);
	snprintf(s->text, sizeof(s->text), "%s", text);
}

/* One node: "name where ip cidr[,cidr]". */
static struct agent_node node(const char *name, const char *where, const char *ip, const char *cidr)
{
	struct agent_node n = { .name = strdup(name), .where = strdup(where) };
	struct fl_err err = { 0 };

	n.net.name = n.name;
	CHECK_OK(fl_ip_parse(ip, &n.net.ips[n.net.n_ips++], &err), &err);
	CHECK_OK(fl_prefix_parse(cidr, &n.net.cidrs[n.net.n_cidrs++], &err), &err);
	return n;
}

static struct agent_cluster make(const struct agent_node *list, size_t n,
				 const struct agent_cluster *last, struct said *said)
{
	struct agent_node *nodes = calloc(n + 1, sizeof(*nodes));
	struct agent_cluster c = { 0 };
	struct fl_err err = { 0 };

	*said = (struct said){ 0 };
	if (n)
		memcpy(nodes, list, n * sizeof(*nodes));
	CHECK_OK(agent_cluster_make(nodes, n, last, note, said, &c, &err), &err);
	return c;
}

static void nodes_are_sorted_and_found_by_name(void **state)
{
	const struct agent_node list[] = {
		node("n3", "c:1", "192.0.2.13", "10.3.0.0/16"),
		node("n1", "a:1", "192.0.2.11", "10.1.0.0/16"),
		node("n10", "d:1", "2001:db8::1", "fd00:10::/64"),
		node("n2", "b:1", "192.0.2.12", "10.2.0.0/16"),
	};
	struct said said;
	fl_auto_cluster struct agent_cluster c = make(list, 4, NULL, &said),
					     none = make(NULL, 0, NULL, &said);

	(void)state;
	CHECK(c.n == 4 && said.n == 0 && none.n == 0 && !agent_cluster_find(&none, "n1"));
	CHECK(fl_streq(c.nodes[0].name, "n1") && fl_streq(c.nodes[1].name, "n10"));
	CHECK(fl_streq(c.nodes[2].name, "n2") && fl_streq(c.nodes[3].name, "n3"));
	for (size_t i = 0; i < c.n; i++)
		CHECK(agent_cluster_find(&c, c.nodes[i].name) == &c.nodes[i]);
	CHECK(!agent_cluster_find(&c, "n") && !agent_cluster_find(&c, "n11"));
	CHECK(!agent_cluster_find(&c, "n9"));
}

static void of_two_that_clash_the_first_by_name_and_place_stays(void **state)
{
	static const struct {
		const char *a[4], *b[4]; /* a stays */
		const char *where, *text;
	} t[] = {
		{ { "n1", "a:1", "192.0.2.1", "10.1.0.0/24" },
		  { "n1", "b:1", "192.0.2.2", "10.2.0.0/24" },
		  "b:1",
		  "node 'n1': is already in a:1" },
		{ { "n1", "a:3", "192.0.2.1", "10.1.0.0/24" },
		  { "n1", "a:10", "192.0.2.1", "10.1.0.0/24" },
		  "a:10",
		  "node 'n1': is already in a:3" },
		{ { "n1", "b:1", "192.0.2.1", "10.1.0.0/24" },
		  { "n2", "a:1", "192.0.2.1", "10.2.0.0/24" },
		  "a:1",
		  "node 'n2': address '192.0.2.1' clashes with address '192.0.2.1' of node 'n1' "
		  "in b:1" },
		{ { "n1", "a:1", "192.0.2.1", "10.1.0.0/24" },
		  { "n2", "b:1", "192.0.2.2", "10.1.0.0/24" },
		  "b:1",
		  "node 'n2': block '10.1.0.0/24' clashes with block '10.1.0.0/24' of node 'n1'" },
		{ { "n1", "a:1", "192.0.2.1", "10.1.0.0/16" },
		  { "n2", "b:1", "192.0.2.2", "10.1.255.0/24" },
		  "b:1",
		  "block '10.1.255.0/24' clashes with block '10.1.0.0/16' of node 'n1' in a:1" },
		{ { "n1", "a:1", "192.0.2.1", "10.1.255.0/24" },
		  { "n2", "b:1", "192.0.2.2", "10.1.0.0/16" },
		  "b:1",
		  "block '10.1.0.0/16' clashes with block '10.1.255.0/24' of node 'n1' in a:1" },
		{ { "n1", "a:1", "192.0.2.1", "10.1.0.0/24" },
		  { "n2", "b:1", "192.0.2.2", "192.0.2.0/31" },
		  "b:1",
		  "block '192.0.2.0/31' clashes with address '192.0.2.1' of node 'n1' in a:1" },
		{ { "n1", "a:1", "2001:db8::1", "fd00::/48" },
		  { "n2", "b:1", "fd00:0:0:ffff::1", "fd01::/48" },
		  "b:1",
		  "address 'fd00:0:0:ffff::1' clashes with block 'fd00::/48' of node 'n1'" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		for (int order = 0; order < 2; order++) {
			struct agent_node list[2];
			struct said said;

			list[order] = node(t[i].a[0], t[i].a[1], t[i].a[2], t[i].a[3]);
			list[1 - order] = node(t[i].b[0], t[i].b[1], t[i].b[2], t[i].b[3]);
			fl_auto_cluster struct agent_cluster c = make(list, 2, NULL, &said);

			CHECK(c.n == 1 && said.n == 1);
			assert_string_equal(c.nodes[0].where, t[i].a[1]);
			assert_string_equal(said.where, t[i].where);
			if (strncmp(said.text, t[i].text, strlen(t[i].text)) != 0 &&
			    !strstr(said.text, t[i].text))
				fail_msg("'%s' lacks '%s'", said.text, t[i].text);
		}
	}
}

static void who_was_there_in_this_form_stays(void **state)
{
	struct agent_node list[3];
	struct said said;

	(void)state;
	list[0] = node("n2", "b:1", "192.0.2.2", "10.1.0.0/24");
	list[1] = node("n3", "c:1", "192.0.2.3", "10.3.0.0/24");
	fl_auto_cluster struct agent_cluster first = make(list, 2, NULL, &said);

	/* A newcomer of a lower name claims the block of n2. */
	list[0] = node("n1", "a:1", "192.0.2.1", "10.1.0.0/24");
	list[1] = node("n2", "b:1", "192.0.2.2", "10.1.0.0/24");
	list[2] = node("n3", "c:1", "192.0.2.3", "10.3.0.0/24");
	fl_auto_cluster struct agent_cluster second = make(list, 3, &first, &said);

	CHECK(said.n == 1 && fl_streq(said.where, "a:1"));
	CHECK(agent_cluster_equal(&first, &second));

	/* n2 takes another form and n3's block: n3 stays, and n1 has its block at last. */
	list[0] = node("n1", "a:1", "192.0.2.1", "10.1.0.0/24");
	list[1] = node("n2", "b:1", "192.0.2.2", "10.3.0.0/24");
	list[2] = node("n3", "c:1", "192.0.2.3", "10.3.0.0/24");
	fl_auto_cluster struct agent_cluster third = make(list, 3, &second, &said);

	CHECK(said.n == 1 && fl_streq(said.where, "b:1") && third.n == 2);
	CHECK(agent_cluster_find(&third, "n1") && agent_cluster_find(&third, "n3"));
	CHECK(!agent_cluster_equal(&second, &third));
}

static void who_is_left_out_claims_nothing(void **state)
{
	struct agent_node list[3];
	struct said said;

	(void)state;
	/* n2 clashes with n1; n3 clashes with n2 only. */
	list[0] = node("n1", "a:1", "192.0.2.1", "10.1.0.0/24");
	list[1] = node("n2", "b:1", "192.0.2.1", "10.0.0.0/8");
	list[2] = node("n3", "c:1", "192.0.2.3", "10.3.0.0/24");
	fl_auto_cluster struct agent_cluster c = make(list, 3, NULL, &said);

	CHECK(c.n == 2 && said.n == 1 && fl_streq(said.where, "b:1"));
	CHECK(agent_cluster_find(&c, "n1") && agent_cluster_find(&c, "n3"));
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 33;
}

static bool clash(const struct agent_node *a, const struct agent_node *b)
{
	const struct fl_peer *p = &a->net, *q = &b->net;

	return fl_streq(a->name, b->name) || fl_prefix_overlaps(&p->cidrs[0], &q->cidrs[0]) ||
	       fl_ip_cmp(&p->ips[0], &q->ips[0]) == 0 ||
	       fl_prefix_contains(&p->cidrs[0], &q->ips[0]) ||
	       fl_prefix_contains(&q->cidrs[0], &p->ips[0]);
}

/* Against the plain rule, one by one: small worlds in which much clashes, with a fixed seed. */
static void random_sets_are_as_the_rule_says(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 500; round++) {
		struct agent_node list[24];
		bool stays[24];
		size_t n = 1 + next_random(&seed) % 24, want = 0;
		struct said said;

		for (size_t i = 0; i < n; i++) {
			char name[8], where[8], ip[24], cidr[24];
			unsigned int len = 24 + (unsigned int)(next_random(&seed) % 9);
			unsigned int host = (unsigned int)(next_random(&seed) % 256) &
					    (0xffu << (32 - len));

			snprintf(name, sizeof(name), "n%c", (char)('a' + i));
			snprintf(where, sizeof(where), "f:%zu", i);
			snprintf(ip, sizeof(ip), "10.0.%d.%d", (int)(next_random(&seed) % 2),
				 (int)(next_random(&seed) % 256));
			snprintf(cidr, sizeof(cidr), "10.0.0.%u/%u", host, len);
			list[i] = node(name, where, ip, cidr);
			stays[i] = true;
			for (size_t k = 0; k < i; k++)
				stays[i] = stays[i] && !(stays[k] && clash(&list[i], &list[k]));
			want += stays[i];
		}
		fl_auto_cluster struct agent_cluster c = make(list, n, NULL, &said);

		CHECK(c.n == want && said.n == (int)(n - want));
		for (size_t i = 0; i < n; i++) {
			char name[8];

			snprintf(name, sizeof(name), "n%c", (char)('a' + i));
			CHECK((agent_cluster_find(&c, name) != NULL) == stays[i]);
		}
	}
}

static void a_set_is_made_to_its_limit_and_not_one_larger(void **state)
{
	size_t n = FL_PEERS_MAX + 1;
	struct agent_node *list = calloc(n, sizeof(*list));
	struct said said;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		char name[16], ip[24], cidr[24];

		snprintf(name, sizeof(name), "n%05zu", i);
		snprintf(ip, sizeof(ip), "192.0.%zu.%zu", i / 256, i % 256);
		snprintf(cidr, sizeof(cidr), "10.%zu.%zu.0/24", i / 256, i % 256);
		list[i] = node(name, "f:1", ip, cidr);
	}
	fl_auto_cluster struct agent_cluster c = make(list, n, NULL, &said);

	fl_free_p(&list);
	CHECK(c.n == FL_PEERS_MAX && said.n == 1);
	CHECK(fl_streq(said.text, "node 'n16384': more than 16384 nodes"));
}

static void ignore(const char *where, const char *text, void *arg)
{
	(void)where;
	(void)text;
	(void)arg;
}

static int make_two(void *arg)
{
	const struct agent_node *list = arg;
	struct agent_node *nodes = calloc(2, sizeof(*nodes));
	fl_auto_cluster struct agent_cluster c = { 0 };
	struct fl_err err = { 0 };

	if (!nodes)
		return -ENOMEM;
	for (int i = 0; i < 2; i++) {
		if (agent_node_copy(&list[i], &nodes[i], &err) < 0) {
			agent_node_done(&nodes[0]);
			fl_free_p(&nodes);
			return -ENOMEM;
		}
	}
	return agent_cluster_make(nodes, 2, NULL, ignore, NULL, &c, &err);
}

static void every_lack_of_memory_is_an_error_and_leaks_nothing(void **state)
{
	struct agent_node list[2] = { node("n1", "a:1", "192.0.2.1", "10.1.0.0/24"),
				      node("n2", "b:1", "192.0.2.1", "10.2.0.0/24") };

	(void)state;
	CHECK(inject_each(make_two, list) == 0);
	agent_node_done(&list[0]);
	agent_node_done(&list[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_are_sorted_and_found_by_name),
		cmocka_unit_test(of_two_that_clash_the_first_by_name_and_place_stays),
		cmocka_unit_test(who_was_there_in_this_form_stays),
		cmocka_unit_test(who_is_left_out_claims_nothing),
		cmocka_unit_test(random_sets_are_as_the_rule_says),
		cmocka_unit_test(a_set_is_made_to_its_limit_and_not_one_larger),
		cmocka_unit_test(every_lack_of_memory_is_an_error_and_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
