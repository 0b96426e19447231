// SPDX-License-Identifier: Apache-2.0
/* What the topology remembers of nodes, how two states differ, and its problems. Pure. */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "agent/topology/problems.h"
#include "agent/topology/set.h"

static struct fl_err err;

/* A cluster of nodes n00, n01, ... with one address and one block each. */
static struct agent_cluster cluster(size_t n)
{
	struct agent_cluster c = { calloc(n + 1, sizeof(*c.nodes)), n };
	char text[64];

	for (size_t i = 0; i < n; i++) {
		struct agent_node *node = &c.nodes[i];

		CHECK(asprintf(&node->name, "n%02zu", i) > 0);
		node->net.name = node->name;
		node->net.n_ips = node->net.n_cidrs = 1;
		(void)snprintf(text, sizeof(text), "192.0.2.%zu", i + 1);
		CHECK_OK(fl_ip_parse(text, &node->net.ips[0], &err), &err);
		(void)snprintf(text, sizeof(text), "10.244.%zu.0/24", i);
		CHECK_OK(fl_prefix_parse(text, &node->net.cidrs[0], &err), &err);
	}
	return c;
}

static void done(struct agent_cluster *c)
{
	for (size_t i = 0; i < c->n; i++)
		fl_free_p(&c->nodes[i].name);
	fl_free_p(&c->nodes);
}

#define auto_cluster fl_auto(done)

static struct topo_set set_of(const struct agent_cluster *c)
{
	struct topo_set s = { 0 };

	CHECK_OK(topo_set_make(c, "n01", &s, &err), &err);
	return s;
}

static void set_holds_copies_of_all_others_and_of_this_node(void **state)
{
	auto_cluster struct agent_cluster c = cluster(3);
	fl_auto_set struct topo_set s = set_of(&c);

	(void)state;
	done(&c);
	c.n = 0;
	assert_string_equal(s.self.name, "n01");
	assert_int_equal(s.n, 2);
	assert_string_equal(s.peers[0].name, "n00");
	assert_string_equal(s.peers[1].name, "n02");
}

static void set_without_this_node_is_enoent_and_names_it(void **state)
{
	auto_cluster struct agent_cluster c = cluster(3);
	struct topo_set s = { 0 };

	(void)state;
	CHECK_FAILS(topo_set_make(&c, "n07", &s, &err), ENOENT, &err, "'n07'");
	CHECK(!s.peers && !s.names);
	c.n = 0;
	CHECK_FAILS(topo_set_make(&c, "n01", &s, &err), ENOENT, &err, "'n01'");
	c.n = 3;
}

static struct topo_delta delta(const struct agent_cluster *a, const struct agent_cluster *b)
{
	fl_auto_set struct topo_set old = set_of(a), new = set_of(b);
	struct topo_delta d = { 0 };

	CHECK_OK(topo_delta_make(&old, &new, &d, &err), &err);
	return d;
}

static void equal_sets_have_no_difference(void **state)
{
	auto_cluster struct agent_cluster a = cluster(9), b = cluster(9);
	fl_auto_delta struct topo_delta d = delta(&a, &b);

	(void)state;
	assert_int_equal(d.n_gone + d.n_come, 0);
	CHECK(!d.blocks);
}

static void nodes_that_come_and_go_are_the_difference(void **state)
{
	auto_cluster struct agent_cluster a = cluster(4), b = cluster(6);
	fl_auto_delta struct topo_delta d = delta(&a, &b), e = delta(&b, &a);

	(void)state;
	assert_int_equal(d.n_gone, 0);
	assert_int_equal(d.n_come, 2);
	CHECK(d.blocks);
	assert_int_equal(d.come[0].cidrs[0].ip.b[14], 4);
	assert_int_equal(e.n_gone, 2);
	assert_int_equal(e.n_come, 0);
	CHECK(e.blocks);
}

static void changed_address_goes_and_comes_but_leaves_the_blocks(void **state)
{
	auto_cluster struct agent_cluster a = cluster(4), b = cluster(4);
	fl_auto_delta struct topo_delta d = { 0 };

	(void)state;
	b.nodes[3].net.ips[0].b[15] = 99;
	d = delta(&a, &b);
	assert_int_equal(d.n_gone, 1);
	assert_int_equal(d.n_come, 1);
	assert_int_equal(d.gone[0].ips[0].b[15], 4);
	assert_int_equal(d.come[0].ips[0].b[15], 99);
	CHECK(!d.blocks);
}

static void change_of_this_node_is_not_of_its_peers(void **state)
{
	auto_cluster struct agent_cluster a = cluster(4), b = cluster(4);
	fl_auto_delta struct topo_delta d = { 0 };

	(void)state;
	b.nodes[1].net.ips[0].b[15] = 99;
	d = delta(&a, &b);
	assert_int_equal(d.n_gone + d.n_come, 0);
}

/* Two foreign VTEPs may have one MAC: taking one's entry away must not take the other's. */
static void given_mac_makes_all_peers_the_difference(void **state)
{
	auto_cluster struct agent_cluster a = cluster(5), b = cluster(5);
	fl_auto_delta struct topo_delta d = { 0 };

	(void)state;
	b.nodes[3].net.has_mac = true;
	b.nodes[3].net.mac[5] = 7;
	d = delta(&a, &b);
	assert_int_equal(d.n_gone, 4);
	assert_int_equal(d.n_come, 4);
	CHECK(!d.blocks);
}

static void blocks_are_those_of_all_nodes_and_more(void **state)
{
	auto_cluster struct agent_cluster c = cluster(3);
	fl_auto_set struct topo_set s = set_of(&c);
	fl_auto_free struct fl_prefix *all = NULL;
	struct fl_prefix more = c.nodes[0].net.cidrs[0];
	size_t n = 0;

	(void)state;
	CHECK_OK(topo_set_blocks(&s, &more, 1, &all, &n, &err), &err);
	assert_int_equal(n, 4);
	assert_int_equal(all[0].ip.b[14], 0);
	assert_int_equal(all[1].ip.b[14], 2);
	assert_int_equal(all[2].ip.b[14], 1);
	assert_int_equal(all[3].ip.b[14], 0);
}

static void problems_of_a_peer_are_found_and_forgotten_by_its_name(void **state)
{
	fl_auto_problems struct topo_problems p = { 0 };

	(void)state;
	topo_problems_add(&p, true, "n2", "is away");
	topo_problems_add(&p, true, "n3", "is far");
	CHECK(!topo_problems_general(&p));
	topo_problems_add(&p, false, "n2", "is an interface");
	CHECK(topo_problems_general(&p));
	assert_string_equal(topo_problems_of(&p, "n2"), "is away");
	topo_problems_forget(&p, "n2");
	assert_null(topo_problems_of(&p, "n2"));
	assert_int_equal(p.n, 2);
	assert_string_equal(topo_problems_of(&p, "n3"), "is far");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_holds_copies_of_all_others_and_of_this_node),
		cmocka_unit_test(set_without_this_node_is_enoent_and_names_it),
		cmocka_unit_test(equal_sets_have_no_difference),
		cmocka_unit_test(nodes_that_come_and_go_are_the_difference),
		cmocka_unit_test(changed_address_goes_and_comes_but_leaves_the_blocks),
		cmocka_unit_test(change_of_this_node_is_not_of_its_peers),
		cmocka_unit_test(given_mac_makes_all_peers_the_difference),
		cmocka_unit_test(blocks_are_those_of_all_nodes_and_more),
		cmocka_unit_test(problems_of_a_peer_are_found_and_forgotten_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
