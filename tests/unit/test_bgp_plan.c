// SPDX-License-Identifier: Apache-2.0
/*
 * agent/bgp/plan.c: which sessions there are, and what cannot be had. BIRD reads each
 * configuration that comes of it. Needs the program bird.
 */
#include "bgp_world.h"

#include "inject.h"

static void a_peer_of_a_family_that_this_node_has_not_is_left_out_and_named(void **state)
{
	fl_auto_free char *text = NULL;

	(void)state;
	world_peer("fd00::1");
	world_peer("192.0.2.2");
	w.nodes[0].net.n_ips = 1;
	text = written();
	assert_string_equal(
		w.complaints,
		"bgp.peers[0]: this node has no IPv6 address to reach 'fd00::1' from\n");
	lacks(text, "'peer:fd00::1'");
	shows(text, "'peer:192.0.2.2'");
}

static void bird_reads_what_the_configuration_may_say(void **state)
{
	static const struct {
		uint32_t hold, hops;
		const char *said;
	} t[] = {
		{ 3, 254, "\thold time 3;\n" },
		{ 65535, 1, "\thold time 65535;\n" },
	};
	struct agent_bgp_peer *peer = world_peer("192.0.2.1");

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_free char *text = NULL;

		peer->hold_time_s = t[i].hold;
		peer->ttl_security = t[i].hops;
		text = written();
		shows(text, t[i].said);
		assert_string_equal(w.complaints, "");
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
	struct agent_bgp_peer *peer = world_peer("192.0.2.1");
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
	struct agent_bgp_peer *peer = world_peer("192.0.2.1");
	fl_auto_free char *rooted = NULL;
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
	/* Below a root, as everything that is named in agent.yaml. */
	write_file("password", "four", 4);
	peer->password_file = "/password";
	w.in.root = dir;
	rooted = written();
	shows(rooted, "\tpassword \"four\";\n");
	w.in.root = NULL;
	peer->password_file = path;
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
		world_peer("192.0.2.1")->name = w.nodes[1].name;
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
	world_peer("192.0.2.1");
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
	world_peer("192.0.2.1")->password = "other";
	CHECK_OK(inject_each(write_once, NULL), &err);
}

#define T(name) cmocka_unit_test_setup(name, world_setup)

static size_t count(const char *text, char c)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == c;
	return n;
}

/*
 * What comes from elsewhere (names of Node objects and of peers, passwords) with each byte that
 * there is: it is between its quotes, as it is and on one line, or it is not there at all.
 */
static void no_name_and_no_password_says_anything_to_bird(void **state)
{
	char name[] = "a?", password[] = "b?c", peer[] = "d?e", whole[64];
	struct agent_bgp_peer *p = world_peer("192.0.2.1");
	size_t lines = 0, passwords = 0;

	(void)state;
	for (int c = 1; c < 256; c++) {
		fl_auto_free char *text = NULL;

		name[1] = password[1] = peer[1] = (char)c;
		w.nodes[1].name = name;
		p->password = password;
		p->name = peer;
		w.complaints[0] = '\0';
		CHECK_OK(bgp_write_config(&w.in, dir, world_complain, NULL, &text, &err), &err);
		if (c == '"' || c < 0x20 || c == 0x7f) {
			/* Nor is the session without its password. */
			shows(w.complaints, "bgp.peers[0]: ");
			lacks(text, "'peer:192.0.2.1'");
			CHECK(!memchr(text, c, strlen(text)) || c == '"' || c == '\n' || c == '\t');
			/* The log's files, a format of time, the two sessions with the third node.
			 */
			CHECK(count(text, '"') == 2 * (2 + 1 + 2));
			continue;
		}
		(void)snprintf(whole, sizeof(whole), "\tpassword \"b%cc\";\n", c);
		shows(text, whole);
		(void)snprintf(whole, sizeof(whole), "\tdescription \"d%ce\";\n", c);
		shows(text, whole);
		(void)snprintf(whole, sizeof(whole), "\tdescription \"a%c\";\n", c);
		shows(text, whole);
		CHECK(!lines || lines == count(text, '\n'));
		lines = count(text, '\n');
		passwords++;
		if (c % 16 == 0 || c == '\'' || c == '\\' || c == '#')
			bird_reads(text);
	}
	CHECK(passwords == 255 - 31 - 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_peer_of_a_family_that_this_node_has_not_is_left_out_and_named),
		T(bird_reads_what_the_configuration_may_say),
		T(passwords_that_bird_cannot_say_are_refused),
		T(a_password_file_is_read_each_time),
		T(strange_names_keep_the_text_whole),
		T(no_name_and_no_password_says_anything_to_bird),
		T(folders_that_bird_cannot_say_are_refused),
		T(a_mesh_beyond_its_limit_is_refused_with_advice),
		T(the_writer_survives_every_failed_allocation),
	};

	return cmocka_run_group_tests(tests, world_make_dir, world_remove_dir);
}
