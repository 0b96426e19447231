// SPDX-License-Identifier: Apache-2.0
/*
 * agent/bgp/write.c and write_session.c: the configuration's text, and that BIRD reads each one of
 * them. Needs the program bird.
 */
#include "bgp_world.h"

static void a_session_of_the_mesh_is_written_as_ever(void **state)
{
	fl_auto_free char *text = NULL, *session = NULL;

	(void)state;
	w.conf.bgp.communities = (struct agent_community[]){
		{ .part = { 64512, 100 }, .n = 2 }, { .part = { 4200000000, 1, 2 }, .n = 3 }
	};
	w.conf.bgp.n_communities = 2;
	text = written();
	session = protocol(text, "protocol bgp 'mesh4:n2'");
	assert_string_equal(session, "protocol bgp 'mesh4:n2' {\n"
				     "\tdescription \"n2\";\n"
				     "\tlocal 192.0.2.11 port 179 as 64512;\n"
				     "\tneighbor 192.0.2.12 port 179 as 64512;\n"
				     "\tmultihop;\n"
				     "\tgraceful restart on;\n"
				     "\tlong lived graceful restart off;\n"
				     "\tconnect delay time 1;\n"
				     "\tconnect retry time 5;\n"
				     "\tstartup hold time 20;\n"
				     "\terror wait time 1, 30;\n"
				     "\tipv4 {\n"
				     "\t\tigp table igp4;\n"
				     "\t\timport where net ~ [ 10.244.2.0/24 ];\n"
				     "\t\texport filter {\n"
				     "\t\t\tif source = RTS_STATIC then {\n"
				     "\t\t\t\tbgp_community.add((64512,100));\n"
				     "\t\t\t\tbgp_large_community.add((4200000000,1,2));\n"
				     "\t\t\t\taccept;\n"
				     "\t\t\t}\n"
				     "\t\t\treject;\n"
				     "\t\t};\n"
				     "\t};\n"
				     "}\n");
	shows(text, "router id 192.0.2.11;\n");
	shows(text, "protocol static blocks4 {\n\tipv4;\n\troute 10.244.1.0/24 blackhole;\n}\n");
	shows(text, "protocol static blocks6 {\n\tipv6;\n\troute fd00:244:1::/64 blackhole;\n}\n");
	shows(text, "protocol bgp 'mesh6:n2'");
	shows(text, "protocol bgp 'mesh4:n3'");
	lacks(text, "'mesh4:n1'");
	lacks(text, "protocol bfd");
	assert_string_equal(w.complaints, "");
}

static void the_text_does_not_depend_on_where_nodes_came_from(void **state)
{
	fl_auto_free char *one = written(), *two = NULL;

	(void)state;
	w.nodes[1].where = (char[]){ "elsewhere.json:9" };
	two = written();
	assert_string_equal(one, two);
}

static void a_node_of_another_as_is_a_neighbour_of_another_as(void **state)
{
	fl_auto_free char *text = NULL, *session = NULL;

	(void)state;
	w.nodes[0].as = 4200000001;
	w.nodes[1].as = 4200000002;
	text = written();
	session = protocol(text, "protocol bgp 'mesh4:n2'");
	shows(session, "local 192.0.2.11 port 179 as 4200000001;\n");
	shows(session, "neighbor 192.0.2.12 port 179 as 4200000002;\n\tmultihop;\n");
}

static void options_of_the_mesh_are_those_of_each_of_its_sessions(void **state)
{
	fl_auto_free char *text = NULL, *session = NULL;

	(void)state;
	w.conf.bgp.mesh_bfd = true;
	w.conf.bgp.mesh_graceful_restart = false;
	w.conf.bgp.mesh_password = "it's; a {secret} \\ #";
	w.conf.bgp.port = 1179;
	text = written();
	session = protocol(text, "protocol bgp 'mesh6:n3'");
	shows(session, "\tpassword \"it's; a {secret} \\ #\";\n");
	shows(session, "\tbfd on;\n");
	shows(session, "\tgraceful restart off;\n");
	shows(session, "neighbor fd00::13 port 1179 as 64512;\n");
	shows(text, "protocol bfd {\n");
}

/* Two that connect at the same moment may close what the other has taken for established. */
static void the_two_ends_of_a_session_do_not_connect_at_the_same_moment(void **state)
{
	fl_auto_free char *text = NULL, *session = NULL;

	(void)state;
	(void)world_peer("192.0.2.1");
	(void)world_peer("192.0.2.99");
	w.in.self = &w.nodes[1];
	text = written();
	session = protocol(text, "protocol bgp 'mesh4:n1'");
	shows(session, "\tconnect delay time 3;\n");
	fl_free_p(&session);
	session = protocol(text, "protocol bgp 'mesh6:n3'");
	shows(session, "\tconnect delay time 1;\n");
	/* A router that is not ours comes after a second, as a rule. */
	fl_free_p(&session);
	session = protocol(text, "protocol bgp 'peer:192.0.2.1'");
	shows(session, "\tconnect delay time 5;\n");
	fl_free_p(&session);
	session = protocol(text, "protocol bgp 'peer:192.0.2.99'");
	shows(session, "\tconnect delay time 3;\n");
}

static void a_drained_node_announces_nothing_and_still_listens(void **state)
{
	fl_auto_free char *text = NULL;

	(void)state;
	w.in.drained = true;
	text = written();
	lacks(text, "RTS_STATIC");
	shows(text, "\t\timport where net ~ [ 10.244.2.0/24 ];\n\t\texport none;\n");
	shows(text, "route 10.244.1.0/24 blackhole;\n");
}

static void nodes_without_ipv4_carry_ipv4_blocks_over_ipv6(void **state)
{
	fl_auto_free char *text = NULL, *session = NULL;

	(void)state;
	w.nodes[1].net.ips[0] = w.nodes[1].net.ips[1];
	w.nodes[1].net.n_ips = 1;
	text = written();
	lacks(text, "'mesh4:n2'");
	session = protocol(text, "protocol bgp 'mesh6:n2'");
	shows(session, "\tipv4 {\n\t\tigp table igp4;\n\t\tigp table igp6;\n"
		       "\t\textended next hop on;\n\t\timport where net ~ [ 10.244.2.0/24 ];\n");
	fl_free_p(&session);
	session = protocol(text, "protocol bgp 'mesh6:n3'");
	lacks(session, "ipv4 {");
}

static void a_node_without_ipv4_has_a_router_id_all_the_same(void **state)
{
	fl_auto_free char *text = NULL, *again = NULL;

	(void)state;
	w.nodes[0].net.ips[0] = w.nodes[0].net.ips[1];
	w.nodes[0].net.n_ips = 1;
	text = written();
	shows(text, "router id ");
	lacks(text, "router id 0.0.0.0;");
	lacks(text, "router id 192.0.2.11;");
	again = written();
	assert_string_equal(text, again);
}

static void nodes_that_share_no_family_are_complained_about(void **state)
{
	fl_auto_free char *text = NULL;

	(void)state;
	w.nodes[0].net.n_ips = 1;
	w.nodes[2].net.ips[0] = w.nodes[2].net.ips[1];
	w.nodes[2].net.n_ips = 1;
	text = written();
	lacks(text, ":n3'");
	assert_string_equal(w.complaints, "n3.yaml:1: node 'n3' and this node have no addresses of "
					  "the same family\n");
}

static void a_named_peer_is_given_what_it_may_announce(void **state)
{
	fl_auto_free char *text = NULL, *session = NULL;
	struct agent_bgp_peer *peer = world_peer("192.0.2.1");
	const struct fl_prefix allow[] = { world_prefix("0.0.0.0/0"), world_prefix("10.96.1.1/12"),
					   world_prefix("fd00:96::/108") };

	(void)state;
	w.conf.bgp.mesh = false;
	peer->name = "tor";
	peer->allow = allow;
	peer->n_allow = 3;
	peer->import_limit = 100;
	peer->hold_time_s = 9;
	text = written();
	session = protocol(text, "protocol bgp 'peer:192.0.2.1'");
	shows(session, "\tdescription \"tor\";\n");
	shows(session, "neighbor 192.0.2.1 port 179 as 64600;\n\tdirect;\n");
	shows(session, "\thold time 9;\n");
	shows(session, "\tstartup hold time 9;\n");
	shows(session, "\t\timport filter {\n"
		       "\t\t\tif net ~ never4 then reject;\n"
		       "\t\t\tif net ~ own4 then reject;\n"
		       "\t\t\tif net ~ inside4 then reject;\n"
		       "\t\t\tif net ~ nodes4 then { accept; }\n"
		       "\t\t\tif net ~ [ 0.0.0.0/0,\n\t\t10.96.0.0/12+ ] then accept;\n"
		       "\t\t\treject;\n"
		       "\t\t};\n"
		       "\t\timport limit 100 action block;\n");
	shows(session, "\tipv6 {\n\t\tigp table igp6;\n\t\tnext hop address fd00::11;\n");
	shows(session, "if net ~ [ fd00:96::/108+ ] then accept;\n");
	shows(text, "define own4 = [ 10.244.1.0/24+ ];\n");
	shows(text, "define nodes4 = [ 10.244.2.0/24,\n\t\t10.244.3.0/24 ];\n");
	shows(text, "define inside4 = [ 10.244.2.0/24{25,32},\n\t\t10.244.3.0/24{25,32} ];\n");
	lacks(text, "protocol bgp 'mesh");
	lacks(session, "RTS_BGP");
}

static void named_sessions_carry_both_families_only_where_one_has_no_peer(void **state)
{
	fl_auto_free char *one = NULL, *two = NULL, *session = NULL;

	(void)state;
	world_peer("fd00::1");
	one = written();
	session = protocol(one, "protocol bgp 'peer:fd00::1'");
	shows(session, "\tipv6 {\n");
	shows(session, "\tipv4 {\n\t\tigp table igp4;\n\t\tigp table igp6;\n"
		       "\t\textended next hop on;\n\t\tnext hop address 192.0.2.11;\n");
	world_peer("192.0.2.1");
	two = written();
	fl_free_p(&session);
	session = protocol(two, "protocol bgp 'peer:fd00::1'");
	lacks(session, "ipv4");
	fl_free_p(&session);
	session = protocol(two, "protocol bgp 'peer:192.0.2.1'");
	lacks(session, "ipv6");
}

static void a_node_that_is_also_a_named_peer_is_no_part_of_the_mesh(void **state)
{
	fl_auto_free char *text = NULL;

	(void)state;
	world_peer("192.0.2.12");
	text = written();
	lacks(text, "'mesh4:n2'");
	shows(text, "'mesh6:n2'");
	shows(text, "'peer:192.0.2.12'");
	/* Blocks from a named peer stand behind those that the mesh has of the node itself. */
	shows(text, "if net ~ nodes4 then { preference = 90; accept; }\n");
}

static void this_node_among_the_named_peers_is_passed_over(void **state)
{
	fl_auto_free char *text = NULL;

	(void)state;
	world_peer("192.0.2.11")->route_reflector_client = true;
	world_peer("192.0.2.1");
	text = written();
	lacks(text, "peer:192.0.2.11'");
	shows(text, "peer:192.0.2.1'");
	lacks(text, "RTS_BGP then accept");
	assert_string_equal(w.complaints, "");
}

static void cluster_cidrs_bound_what_is_believed(void **state)
{
	const struct fl_prefix cluster[] = { world_prefix("10.244.0.0/22"),
					     world_prefix("fd00:244::/32") };
	fl_auto_free char *text = NULL, *session = NULL;

	(void)state;
	w.conf.bgp.cluster_cidrs = (struct fl_prefix *)cluster;
	w.conf.bgp.n_cluster_cidrs = 2;
	w.nodes[2].net.cidrs[0] = world_prefix("10.244.4.0/24");
	world_peer("192.0.2.1");
	text = written();
	shows(text, "define nodes4 = [ 10.244.2.0/24 ];\n");
	shows(text, "define cluster4 = [ 10.244.0.0/22+ ];\n");
	session = protocol(text, "protocol bgp 'mesh4:n3'");
	shows(session, "\t\timport none;\n");
	fl_free_p(&session);
	session = protocol(text, "protocol bgp 'peer:192.0.2.1'");
	shows(session, "if net ~ cluster4 then accept;\n");
}

static void a_route_reflector_hands_on_what_it_learned(void **state)
{
	fl_auto_free char *text = NULL, *session = NULL;
	struct agent_bgp_peer *client = world_peer("192.0.2.12");

	(void)state;
	client->as = 0;
	client->route_reflector_client = client->next_hop_self = true;
	world_peer("192.0.2.1");
	w.conf.bgp.cluster_id = 0x01020304;
	text = written();
	session = protocol(text, "protocol bgp 'peer:192.0.2.12'");
	shows(session, "\trr client;\n\trr cluster id 1.2.3.4;\n");
	shows(session, "\t\tnext hop self on;\n");
	shows(session, "if source = RTS_BGP then accept;\n");
	shows(session, "\tmultihop;\n");
	fl_free_p(&session);
	session = protocol(text, "protocol bgp 'mesh4:n3'");
	shows(session, "if source = RTS_BGP then accept;\n");
	fl_free_p(&session);
	session = protocol(text, "protocol bgp 'peer:192.0.2.1'");
	lacks(session, "RTS_BGP");
}

static void a_client_of_another_as_is_handed_routes_without_reflection(void **state)
{
	fl_auto_free char *text = NULL, *session = NULL;

	(void)state;
	world_peer("192.0.2.12")->route_reflector_client = true;
	text = written();
	session = protocol(text, "protocol bgp 'peer:192.0.2.12'");
	lacks(session, "rr client");
	shows(session, "if source = RTS_BGP then accept;\n");
}

static void a_peer_on_a_link_of_ours_is_one_hop_away(void **state)
{
	const struct fl_prefix links[] = { world_prefix("192.0.2.11/28"),
					   world_prefix("fd00::11/64") };
	static const struct {
		const char *address, *want;
		uint32_t as, ttl;
	} t[] = {
		{ "192.0.2.1", "\tdirect;\n\tgraceful", 64600, 0 },
		{ "192.0.2.1", "\tdirect;\n\tgraceful", 64512, 0 },
		{ "192.0.2.1", "\tigp table igp4;\n\t\tgateway recursive;\n", 64512, 0 },
		{ "192.0.2.16", "\tmultihop;\n\tgraceful", 64600, 0 },
		{ "192.0.2.16", "\tmultihop;\n\tgraceful", 64512, 0 },
		{ "192.0.2.16", "\tdirect;\n\tttl security on;\n", 64600, 1 },
		{ "192.0.2.1", "\tmultihop 3;\n\tttl security on;\n", 64600, 3 },
		{ "fd00::1", "\tdirect;\n\tgraceful", 0, 0 },
		{ "fd01::1", "\tmultihop;\n\tgraceful", 0, 0 },
	};

	(void)state;
	w.in.links = links;
	w.in.n_links = 2;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_free char *text = NULL, *session = NULL;
		struct agent_bgp_peer *peer = world_peer(t[i].address);
		char name[64];

		peer->as = t[i].as;
		peer->ttl_security = t[i].ttl;
		text = written();
		(void)snprintf(name, sizeof(name), "protocol bgp 'peer:%s'", t[i].address);
		session = protocol(text, name);
		shows(session, t[i].want);
		w.conf.bgp.n_peers = 0;
	}
}

static void ttl_security_says_how_far_the_peer_is(void **state)
{
	static const struct {
		uint32_t hops, as;
		const char *want;
	} t[] = {
		{ 0, 64600, "as 64600;\n\tdirect;\n\tgraceful" },
		{ 0, 0, "as 64512;\n\tmultihop;\n\tgraceful" },
		{ 1, 64600, "as 64600;\n\tdirect;\n\tttl security on;\n" },
		{ 1, 0, "as 64512;\n\tdirect;\n\tttl security on;\n" },
		{ 2, 64600, "as 64600;\n\tmultihop 2;\n\tttl security on;\n" },
		{ 255, 0, "as 64512;\n\tmultihop 255;\n\tttl security on;\n" },
	};
	struct agent_bgp_peer *peer = world_peer("192.0.2.1");

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_free char *text = NULL;

		peer->ttl_security = t[i].hops;
		peer->as = t[i].as;
		text = written();
		shows(text, t[i].want);
	}
}

#define T(name) cmocka_unit_test_setup(name, world_setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_session_of_the_mesh_is_written_as_ever),
		T(the_text_does_not_depend_on_where_nodes_came_from),
		T(a_node_of_another_as_is_a_neighbour_of_another_as),
		T(options_of_the_mesh_are_those_of_each_of_its_sessions),
		T(the_two_ends_of_a_session_do_not_connect_at_the_same_moment),
		T(a_drained_node_announces_nothing_and_still_listens),
		T(nodes_without_ipv4_carry_ipv4_blocks_over_ipv6),
		T(a_node_without_ipv4_has_a_router_id_all_the_same),
		T(nodes_that_share_no_family_are_complained_about),
		T(a_named_peer_is_given_what_it_may_announce),
		T(named_sessions_carry_both_families_only_where_one_has_no_peer),
		T(a_node_that_is_also_a_named_peer_is_no_part_of_the_mesh),
		T(this_node_among_the_named_peers_is_passed_over),
		T(cluster_cidrs_bound_what_is_believed),
		T(a_route_reflector_hands_on_what_it_learned),
		T(a_client_of_another_as_is_handed_routes_without_reflection),
		T(a_peer_on_a_link_of_ours_is_one_hop_away),
		T(ttl_security_says_how_far_the_peer_is),
	};

	return cmocka_run_group_tests(tests, world_make_dir, world_remove_dir);
}
