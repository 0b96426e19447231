// SPDX-License-Identifier: Apache-2.0
/*
 * agent/bgp/plan.c and write.c: the configuration's text, and that BIRD reads each one of them.
 * Needs the program bird.
 */
#include "bgp_world.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "inject.h"

static char dir[] = "/tmp/fairlead-bgp.XXXXXX";
static struct fl_err err;
static struct world w;

static int setup(void **state)
{
	(void)state;
	world_make(&w);
	return 0;
}

static void write_file(const char *name, const char *text, size_t len)
{
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK_OK(fl_replace_file(at, name, text, len, 0600, &err), &err);
	close(at);
}

/* BIRD's own judgement of a configuration. */
static void bird_reads(const char *text)
{
	char command[128], said[1024] = "";
	FILE *f;

	write_file("bird.conf", text, strlen(text));
	(void)snprintf(command, sizeof(command),
		       "PATH=$PATH:/usr/sbin bird -p -c %s/bird.conf 2>&1", dir);
	f = popen(command, "r");
	assert_non_null(f);
	said[fread(said, 1, sizeof(said) - 1, f)] = '\0';
	if (pclose(f) != 0)
		fail_msg("bird: %s%s", said, text);
}

/* The configuration of the world; BIRD has read it. */
static char *written(void)
{
	char *text = NULL;

	w.complaints[0] = '\0';
	CHECK_OK(bgp_write_config(&w.in, dir, world_complain, &w, &text, &err), &err);
	bird_reads(text);
	return text;
}

static void shows(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("lacks '%s': %s", part, text);
}

static void lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("has '%s': %s", part, text);
}

/* The text of one protocol of a configuration; the caller frees. */
static char *protocol(const char *text, const char *name)
{
	const char *begin = strstr(text, name), *end = begin ? strstr(begin, "\n}\n") : NULL;

	if (!end)
		fail_msg("no protocol %s: %s", name, text);
	return strndup(begin, (size_t)(end - begin) + 3);
}

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
				     "\tconnect delay time 1;\n"
				     "\tconnect retry time 5;\n"
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
	struct agent_bgp_peer *peer = world_peer(&w, "192.0.2.1");
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

static void a_node_that_is_also_a_named_peer_is_no_part_of_the_mesh(void **state)
{
	fl_auto_free char *text = NULL;

	(void)state;
	world_peer(&w, "192.0.2.12");
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
	world_peer(&w, "192.0.2.11")->route_reflector_client = true;
	world_peer(&w, "192.0.2.1");
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
	world_peer(&w, "192.0.2.1");
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
	struct agent_bgp_peer *client = world_peer(&w, "192.0.2.12");

	(void)state;
	client->as = 0;
	client->route_reflector_client = client->next_hop_self = true;
	world_peer(&w, "192.0.2.1");
	w.conf.bgp.cluster_id = "1.2.3.4";
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
	world_peer(&w, "192.0.2.12")->route_reflector_client = true;
	text = written();
	session = protocol(text, "protocol bgp 'peer:192.0.2.12'");
	lacks(session, "rr client");
	shows(session, "if source = RTS_BGP then accept;\n");
}

static void the_cluster_id_is_an_address_or_a_number(void **state)
{
	static const char *const bad[] = {
		"x", "0", "0.0.0.0", "4294967296", "1.2.3", "::1", "1 "
	};
	fl_auto_free char *text = NULL, *unset = NULL;
	struct agent_bgp_peer *client = world_peer(&w, "192.0.2.12");

	(void)state;
	client->as = 64512;
	client->route_reflector_client = true;
	w.conf.bgp.cluster_id = "4294967295";
	text = written();
	shows(text, "rr cluster id 255.255.255.255;\n");
	w.conf.bgp.cluster_id = "";
	unset = written();
	lacks(unset, "rr cluster id");
	for (size_t i = 0; i < FL_ARRAY_LEN(bad); i++) {
		w.conf.bgp.cluster_id = bad[i];
		CHECK_FAILS(bgp_write_config(&w.in, dir, NULL, NULL, &unset, &err), EINVAL, &err,
			    "bgp.clusterID");
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
	struct agent_bgp_peer *peer = world_peer(&w, "192.0.2.1");

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_free char *text = NULL;

		peer->ttl_security = t[i].hops;
		peer->as = t[i].as;
		text = written();
		shows(text, t[i].want);
	}
}

static void peers_that_cannot_be_had_are_left_out_and_named(void **state)
{
	static const struct {
		const char *address, *part;
	} t[] = {
		{ "fe80::1", "not link-local" },      { "ff02::1", "no address of a BGP peer" },
		{ "224.0.0.1", "'224.0.0.1'" },	      { "0.0.0.0", "no address of a BGP peer" },
		{ "255.255.255.255", "no address" },  { "127.0.0.1", "no address of a BGP peer" },
		{ "169.254.1.1", "not link-local" },  { "::1", "no address of a BGP peer" },
		{ "::", "no address of a BGP peer" },
	};
	struct agent_bgp_peer *bad, *good;

	(void)state;
	bad = world_peer(&w, "192.0.2.1");
	good = world_peer(&w, "192.0.2.2");
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_free char *text = NULL;

		bad->address = world_ip(t[i].address);
		text = written();
		shows(w.complaints, "bgp.peers[0]: ");
		shows(w.complaints, t[i].part);
		shows(text, "'peer:192.0.2.2'");
	}
	bad->address = good->address;
	fl_free_p(&(char *){ written() });
	shows(w.complaints, "bgp.peers[1]: '192.0.2.2' is the address of an earlier peer\n");
	w.nodes[0].net.n_ips = 1;
	bad->address = world_ip("fd00::1");
	fl_free_p(&(char *){ written() });
	shows(w.complaints, "bgp.peers[0]: this node has no IPv6 address to reach 'fd00::1' from");
}

static void the_edges_of_numbers_hold(void **state)
{
	static const struct {
		uint32_t hold, hops;
		bool good;
	} t[] = {
		{ 0, 0, true },	 { 3, 255, true },    { 65535, 1, true }, { 1, 0, false },
		{ 2, 0, false }, { 65536, 0, false }, { 0, 256, false },
	};
	struct agent_bgp_peer *peer = world_peer(&w, "192.0.2.1");

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_free char *text = NULL;

		peer->hold_time_s = t[i].hold;
		peer->ttl_security = t[i].hops;
		text = written();
		CHECK((strstr(text, "'peer:192.0.2.1'") != NULL) == t[i].good);
		CHECK((w.complaints[0] == '\0') == t[i].good);
	}
}

static void passwords_that_bird_cannot_say_are_refused(void **state)
{
	static const char long80[] = "0123456789012345678901234567890123456789"
				     "0123456789012345678901234567890123456789";
	static const char *const bad[] = { "a\"b",
					   "a\nb",
					   "tab\t",
					   "\x7f",
					   "\x01",
					   "0123456789012345678901234567890123456789"
					   "01234567890123456789012345678901234567890" };
	struct agent_bgp_peer *peer = world_peer(&w, "192.0.2.1");
	fl_auto_free char *text = NULL;

	(void)state;
	peer->password = long80;
	text = written();
	shows(text, long80);
	assert_string_equal(w.complaints, "");
	for (size_t i = 0; i < FL_ARRAY_LEN(bad); i++) {
		fl_auto_free char *without = NULL;

		peer->password = bad[i];
		without = written();
		shows(w.complaints, "bgp.peers[0]: the password has ");
		lacks(w.complaints, bad[i]);
		lacks(without, "peer:");
		w.conf.bgp.mesh_password = bad[i];
		CHECK_FAILS(bgp_write_config(&w.in, dir, NULL, NULL, &without, &err), EINVAL, &err,
			    "the password has ");
		w.conf.bgp.mesh_password = NULL;
	}
}

static void a_password_file_is_read_each_time(void **state)
{
	struct agent_bgp_peer *peer = world_peer(&w, "192.0.2.1");
	char path[64];
	static const struct {
		const char *text;
		size_t len;
		const char *shown, *complaint;
	} t[] = {
		{ "one\n", 4, "\tpassword \"one\";\n", NULL },
		{ "two", 3, "\tpassword \"two\";\n", NULL },
		{ "dos\r\n", 5, "\tpassword \"dos\";\n", NULL },
		{ "\n", 1, NULL, "the password has 0 bytes, expected 1 to 80" },
		{ "a\nb\n", 4, NULL, "control character" },
		{ "a\0b\n", 4, NULL, "control character" },
	};

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/password", dir);
	peer->password_file = path;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_free char *text = NULL;

		write_file("password", t[i].text, t[i].len);
		text = written();
		if (t[i].shown)
			shows(text, t[i].shown);
		else
			shows(w.complaints, t[i].complaint);
	}
	(void)unlink(path);
	fl_free_p(&(char *){ written() });
	shows(w.complaints, "bgp.peers[0]: ");
	shows(w.complaints, path);
}

static void strange_names_keep_the_text_whole(void **state)
{
	static char names[][300] = {
		"N2", "n2\"; } protocol x {", "n\n2", "n 2", "", "n2'", "\xff\xfe", "n2:x"
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(names) + 1; i++) {
		fl_auto_free char *text = NULL;
		static char longest[300];

		memset(longest, 'n', 253);
		w.nodes[1].name = i < FL_ARRAY_LEN(names) ? names[i] : longest;
		world_peer(&w, "192.0.2.1")->name = w.nodes[1].name;
		text = written();
		shows(text, "protocol bgp 'mesh4::");
		shows(text, "protocol bgp 'peer:192.0.2.1'");
		w.conf.bgp.n_peers = 0;
	}
}

static void folders_that_bird_cannot_say_are_refused(void **state)
{
	char *text = NULL;

	(void)state;
	CHECK_FAILS(bgp_write_config(&w.in, "/tmp/a\"b", NULL, NULL, &text, &err), EINVAL, &err,
		    "the folder '/tmp/a\"b' has a quote");
	assert_null(text);
}

/* A mesh with n other nodes; the arrays live as long as the test. */
static void make_large(size_t n, struct agent_node *nodes, char (*names)[16])
{
	nodes[0] = w.nodes[0];
	for (size_t i = 1; i <= n; i++) {
		nodes[i] = (struct agent_node){ .name = names[i], .where = names[i] };
		(void)snprintf(names[i], sizeof(names[i]), "x%04zu", i);
		nodes[i].net.n_ips = nodes[i].net.n_cidrs = 1;
		nodes[i].net.ips[0] = world_ip("198.18.0.0");
		nodes[i].net.ips[0] = fl_ip_add(&nodes[i].net.ips[0], i);
		nodes[i].net.cidrs[0] = world_prefix("10.0.0.0/24");
		nodes[i].net.cidrs[0].ip = fl_ip_add(&nodes[i].net.cidrs[0].ip, i << 8);
	}
	w.cluster = (struct agent_cluster){ .nodes = nodes, .n = n + 1 };
}

static void a_mesh_beyond_its_limit_is_refused_with_advice(void **state)
{
	fl_auto_free struct agent_node *nodes = calloc(5001, sizeof(*nodes));
	fl_auto_free char(*names)[16] = calloc(5001, sizeof(*names));
	fl_auto_free char *text = NULL, *many = NULL;

	(void)state;
	assert_true(nodes && names);
	make_large(BGP_MESH_MAX, nodes, names);
	text = written();
	shows(text, "protocol bgp 'mesh4:x1000'");
	make_large(BGP_MESH_MAX + 1, nodes, names);
	CHECK_FAILS(bgp_write_config(&w.in, dir, NULL, NULL, &many, &err), E2BIG, &err,
		    "use route reflectors");
	/* By route reflectors, 5,000 nodes are no matter. */
	make_large(5000, nodes, names);
	w.conf.bgp.mesh = false;
	world_peer(&w, "192.0.2.1");
	many = written();
	shows(many, "\t\t10.19.136.0/24 ];\n");
}

static int write_once(void *arg)
{
	fl_auto_free char *text = NULL;

	(void)arg;
	return bgp_write_config(&w.in, dir, NULL, NULL, &text, &err);
}

static void the_writer_survives_every_failed_allocation(void **state)
{
	(void)state;
	w.conf.bgp.mesh_password = "secret";
	world_peer(&w, "192.0.2.1")->password = "other";
	CHECK_OK(inject_each(write_once, NULL), &err);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char path[64];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/bird.conf", dir);
	(void)unlink(path);
	return rmdir(dir);
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_session_of_the_mesh_is_written_as_ever),
		T(the_text_does_not_depend_on_where_nodes_came_from),
		T(a_node_of_another_as_is_a_neighbour_of_another_as),
		T(options_of_the_mesh_are_those_of_each_of_its_sessions),
		T(a_drained_node_announces_nothing_and_still_listens),
		T(nodes_without_ipv4_carry_ipv4_blocks_over_ipv6),
		T(a_node_without_ipv4_has_a_router_id_all_the_same),
		T(nodes_that_share_no_family_are_complained_about),
		T(a_named_peer_is_given_what_it_may_announce),
		T(a_node_that_is_also_a_named_peer_is_no_part_of_the_mesh),
		T(this_node_among_the_named_peers_is_passed_over),
		T(cluster_cidrs_bound_what_is_believed),
		T(a_route_reflector_hands_on_what_it_learned),
		T(a_client_of_another_as_is_handed_routes_without_reflection),
		T(the_cluster_id_is_an_address_or_a_number),
		T(ttl_security_says_how_far_the_peer_is),
		T(peers_that_cannot_be_had_are_left_out_and_named),
		T(the_edges_of_numbers_hold),
		T(passwords_that_bird_cannot_say_are_refused),
		T(a_password_file_is_read_each_time),
		T(strange_names_keep_the_text_whole),
		T(folders_that_bird_cannot_say_are_refused),
		T(a_mesh_beyond_its_limit_is_refused_with_advice),
		T(the_writer_survives_every_failed_allocation),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
