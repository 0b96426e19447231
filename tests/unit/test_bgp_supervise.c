// SPDX-License-Identifier: Apache-2.0
/*
 * agent/bgp/supervise.c, stop.c, status.c: a real BIRD started, taken over, told, lost, found
 * hanging, and ended. Each test has a network namespace and a root folder of its own. Needs root
 * and the programs bird and ip.
 */
#include "bgp_live.h"

#include "few_files.h"

static void the_first_apply_starts_bird_in_a_folder_of_its_own(void **state)
{
	char path[128];
	struct stat st;
	pid_t pid = up();

	(void)state;
	CHECK(lives(pid) && getsid(pid) == pid);
	CHECK(bgp_stats(b).starts == 1 && bgp_stats(b).configures == 0);
	(void)snprintf(path, sizeof(path), "%s/run/fairlead/bird", root);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0700);
	(void)snprintf(path, sizeof(path), "%s/run/fairlead/bird/bird.conf", root);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
	assert_string_equal(problems(), "");
}

static void a_new_agent_takes_over_the_bird_of_the_last(void **state)
{
	pid_t pid = up();

	(void)state;
	down();
	CHECK(lives(pid));
	CHECK(up() == pid);
	CHECK(bgp_stats(b).starts == 0 && bgp_stats(b).configures == 0);
	w.in.drained = true;
	applied();
	UNTIL(has_one_configure);
	down();
	/* What was accepted is what the next agent finds. */
	CHECK(up() == pid);
	CHECK(bgp_stats(b).configures == 0);
}

static void a_new_agent_says_what_has_changed_meanwhile(void **state)
{
	pid_t pid = up();

	(void)state;
	down();
	w.in.drained = true;
	opened();
	applied();
	UNTIL(has_one_configure);
	CHECK(b->process.pid == pid && bgp_stats(b).starts == 0);
}

static void bird_is_configured_only_when_the_text_differs(void **state)
{
	(void)state;
	(void)up();
	for (int i = 0; i < 3; i++)
		applied();
	UNTIL(has_rows);
	CHECK(bgp_stats(b).configures == 0);
	w.in.drained = true;
	applied();
	applied();
	UNTIL(has_one_configure);
	w.in.drained = false;
	applied();
	w.in.drained = true;
	applied();
	w.in.drained = false;
	applied();
	UNTIL(has_two_configures);
	UNTIL(is_running);
	CHECK(bgp_stats(b).configures == 2);
}

static void a_bird_that_dies_is_started_anew(void **state)
{
	pid_t pid = up();

	(void)state;
	CHECK(kill(pid, SIGKILL) == 0);
	UNTIL(has_no_process);
	CHECK(!bgp_stats(b).running);
	shows(problems(), "bgp: bird was ended by signal 9");
	UNTIL(has_two_starts);
	CHECK(b->process.pid != pid);
	assert_string_equal(problems(), "");
}

static void a_bird_that_was_taken_over_and_dies_is_started_anew(void **state)
{
	pid_t pid = up();

	(void)state;
	down();
	CHECK(up() == pid);
	CHECK(kill(pid, SIGKILL) == 0);
	UNTIL(has_no_process);
	CHECK(waitpid(pid, NULL, 0) == pid);
	UNTIL(is_running);
	CHECK(b->process.pid != pid && bgp_stats(b).starts == 1);
}

static void what_bird_refuses_stands_as_a_problem_in_its_words(void **state)
{
	pid_t pid = up();

	(void)state;
	w.conf.bgp.port = 0;
	applied();
	UNTIL(has_problem);
	shows(problems(), "bgp: bird says: ");
	shows(problems(), "bird.conf.new:");
	/* It goes on with what it had, and is not asked again. */
	UNTIL(has_rows);
	CHECK(bgp_stats(b).configures == 0 && b->process.pid == pid);
	w.conf.bgp.port = 179;
	applied();
	assert_string_equal(problems(), "");
	w.in.drained = true;
	applied();
	UNTIL(has_one_configure);
	assert_string_equal(problems(), "");
}

static bool has_paused_long(void)
{
	return b->pause_ms >= 1600;
}

static void a_bird_that_cannot_start_is_tried_with_growing_pauses(void **state)
{
	(void)state;
	w.conf.bgp.port = 0;
	opened();
	applied();
	UNTIL(has_paused_long);
	shows(problems(), "bgp: bird ended with status 1: bird: ");
	shows(problems(), "bird.conf:");
	w.conf.bgp.port = 179;
	applied();
	UNTIL(is_running);
	assert_string_equal(problems(), "");
}

static void a_bird_without_its_socket_is_ended_and_started_anew(void **state)
{
	pid_t pid = up();
	char path[128];

	(void)state;
	down();
	CHECK(up() == pid);
	(void)snprintf(path, sizeof(path), "%s/run/fairlead/bird/bird.ctl", root);
	CHECK(unlink(path) == 0);
	/* As if BIRD had closed the connection. */
	CHECK(shutdown(b->ctl.fd, SHUT_RDWR) == 0);
	UNTIL(has_no_process);
	UNTIL(is_running);
	CHECK(waitpid(pid, NULL, 0) == pid);
}

static bool hangs(void)
{
	return strstr(problems(), "does not answer on its control socket") != NULL;
}

static void a_bird_that_hangs_holds_nobody_up(void **state)
{
	fl_auto_json struct fl_json *doc = NULL;
	pid_t pid = up();
	int64_t began;

	(void)state;
	CHECK(kill(pid, SIGSTOP) == 0);
	began = now_ms();
	CHECK_FAILS(bgp_json(b, &doc, &err), EAGAIN, &err, "does not answer within 100 ms");
	CHECK(now_ms() - began < 2000);
	began = now_ms();
	for (int i = 0; i < 1000; i++)
		CHECK_FAILS(bgp_json(b, &doc, &err), EAGAIN, &err, "does not answer");
	CHECK(now_ms() - began < 2000);
	UNTIL(hangs);
	CHECK(!bgp_stats(b).running);
	CHECK(kill(pid, SIGCONT) == 0);
	UNTIL(is_running);
	assert_string_equal(problems(), "");
	CHECK_OK(bgp_json(b, &doc, &err), &err);
}

static void the_document_names_every_session(void **state)
{
	fl_auto_json struct fl_json *doc = NULL, *down_doc = NULL;
	const struct fl_json *first;

	(void)state;
	(void)up();
	CHECK_OK(bgp_json(b, &doc, &err), &err);
	CHECK(fl_json_true(fl_json_get(doc, "running")));
	CHECK(!fl_json_true(fl_json_get(doc, "drained")));
	assert_string_equal(fl_json_str(fl_json_get(doc, "routerID")), "192.0.2.11");
	CHECK(fl_json_int(fl_json_get(doc, "as")) == 64512);
	CHECK(fl_json_str(fl_json_get(doc, "version"))[0] == '2');
	CHECK(fl_json_len(fl_json_get(doc, "sessions")) == 4);
	first = fl_json_at(fl_json_get(doc, "sessions"), 0);
	assert_string_equal(fl_json_str(fl_json_get(first, "name")), "n2");
	assert_string_equal(fl_json_str(fl_json_get(first, "address")), "192.0.2.12");
	assert_string_equal(fl_json_str(fl_json_get(first, "bfd")), "off");
	CHECK(strlen(fl_json_str(fl_json_get(first, "since"))) == 20);
	CHECK(fl_json_int(fl_json_get(first, "imported")) == 0);
	UNTIL(has_rows);
	CHECK(bgp_stats(b).sessions == 4 && bgp_stats(b).established == 0);
	CHECK(kill(b->process.pid, SIGKILL) == 0);
	UNTIL(has_no_process);
	CHECK_OK(bgp_json(b, &down_doc, &err), &err);
	CHECK(!fl_json_true(fl_json_get(down_doc, "running")));
	CHECK(fl_json_len(fl_json_get(down_doc, "sessions")) == 4);
}

static void a_stop_ends_bird_and_takes_its_routes_out_of_the_kernel(void **state)
{
	char path[128];
	pid_t pid = up();

	(void)state;
	CHECK(sh("ip route add 10.244.2.0/24 via 192.0.2.12 proto bird metric 32 && "
		 "ip route add 10.244.9.0/24 via 192.0.2.12 proto 172") == 0);
	bgp_close(&b, true);
	CHECK(!lives(pid));
	CHECK(sh("ip route") == 0);
	lacks(said, "bird");
	shows(said, "10.244.9.0/24");
	(void)snprintf(path, sizeof(path), "%s/run/fairlead/bird/bird.conf", root);
	CHECK(access(path, F_OK) < 0);
}

static void an_agent_in_another_mode_retires_what_was_left(void **state)
{
	pid_t pid;

	(void)state;
	CHECK_OK(bgp_retire(&w.conf, root, &err), &err);
	pid = up();
	down();
	CHECK(sh("ip route add 10.244.2.0/24 via 192.0.2.12 proto bird metric 32") == 0);
	CHECK_OK(bgp_retire(&w.conf, root, &err), &err);
	CHECK(!lives(pid));
	CHECK(sh("ip route show proto bird") == 0);
	assert_string_equal(said, "");
	CHECK_OK(bgp_retire(&w.conf, root, &err), &err);
}

static void a_folder_that_cannot_be_opened_may_have_a_bird(void **state)
{
	int r;

	(void)state;
	(void)up();
	down();
	allow_files(0);
	r = bgp_retire(&w.conf, root, &err);
	allow_files(RLIM_INFINITY);
	CHECK_FAILS(r, EMFILE, &err, "bird");
	CHECK_OK(bgp_retire(&w.conf, root, &err), &err);
}

static void a_dead_birds_routes_are_retired_as_well(void **state)
{
	pid_t pid = up();

	(void)state;
	down();
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	CHECK(sh("ip route add 10.244.2.0/24 via 192.0.2.12 proto bird metric 32 && "
		 "ip -6 route add fd00:244:2::/64 via fd00::12 proto bird metric 32") == 0);
	CHECK_OK(bgp_retire(&w.conf, root, &err), &err);
	CHECK(sh("ip route show proto bird; ip -6 route show proto bird") == 0);
	assert_string_equal(said, "");
}

static void a_mesh_too_large_is_a_problem_before_it_is_refused(void **state)
{
	fl_auto_free struct agent_node *nodes = calloc(BGP_MESH_MAX + 2, sizeof(*nodes));
	static const struct {
		size_t others;
		int result;
		const char *text;
	} t[] = { { BGP_MESH_GOOD, 0, NULL },
		  { BGP_MESH_GOOD + 1, 0, "bgp.mesh: a full mesh of 251 other nodes" },
		  { BGP_MESH_MAX, 0, "bgp.mesh: a full mesh of 1000 other nodes" },
		  { BGP_MESH_MAX + 1, -E2BIG, "bgp.mesh: a full mesh of 1000 other nodes" } };
	fl_auto_free char(*names)[8] = calloc(BGP_MESH_MAX + 2, sizeof(*names));

	(void)state;
	assert_true(nodes && names);
	nodes[0] = w.nodes[0];
	nodes[0].net.n_ips = 1;
	for (size_t i = 1; i < BGP_MESH_MAX + 2; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "x%04zu", i);
		nodes[i] = (struct agent_node){ .name = names[i], .where = names[i] };
		nodes[i].net.n_ips = 1;
		nodes[i].net.ips[0] = fl_ip_add(&w.nodes[0].net.ips[0], i << 8);
	}
	w.cluster.nodes = nodes;
	opened();
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		w.cluster.n = t[i].others + 1;
		CHECK(bgp_apply(b, &w.in, &err) == t[i].result);
		if (t[i].result)
			shows(err.text, "a full mesh of more than 1000 other nodes is refused");
		if (t[i].text)
			shows(problems(), t[i].text);
		else
			assert_string_equal(problems(), "");
	}
}

static void without_bird_the_error_names_the_package(void **state)
{
	static const char *const names[] = { "no-such-bird", "/no/such/bird", "/etc/passwd",
					     "/usr" };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(names); i++) {
		w.conf.bgp.bird = names[i];
		CHECK_FAILS(bgp_open(&loop, &w.conf, root, &b, &err), ENOENT, &err,
			    "Debian's package bird2");
		assert_null(b);
	}
}

static void a_root_too_deep_for_a_socket_is_refused(void **state)
{
	char deep[256];

	(void)state;
	memset(deep, 'd', sizeof(deep));
	deep[0] = '/';
	for (size_t len = 60; len < sizeof(deep); len++) {
		size_t whole = len + strlen("/run/fairlead/bird/bird.ctl");
		struct bgp_dir at;

		deep[len] = '\0';
		CHECK(bgp_dir_name(deep, &at, &err) == (whole < 108 ? 0 : -ENAMETOOLONG));
		deep[len] = 'd';
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		S(the_first_apply_starts_bird_in_a_folder_of_its_own),
		S(a_new_agent_takes_over_the_bird_of_the_last),
		S(a_new_agent_says_what_has_changed_meanwhile),
		S(bird_is_configured_only_when_the_text_differs),
		S(a_bird_that_dies_is_started_anew),
		S(a_bird_that_was_taken_over_and_dies_is_started_anew),
		S(what_bird_refuses_stands_as_a_problem_in_its_words),
		S(a_bird_that_cannot_start_is_tried_with_growing_pauses),
		S(a_bird_without_its_socket_is_ended_and_started_anew),
		S(a_bird_that_hangs_holds_nobody_up),
		S(the_document_names_every_session),
		S(a_stop_ends_bird_and_takes_its_routes_out_of_the_kernel),
		S(an_agent_in_another_mode_retires_what_was_left),
		S(a_folder_that_cannot_be_opened_may_have_a_bird),
		S(a_dead_birds_routes_are_retired_as_well),
		S(a_mesh_too_large_is_a_problem_before_it_is_refused),
		S(without_bird_the_error_names_the_package),
		S(a_root_too_deep_for_a_socket_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
