// SPDX-License-Identifier: Apache-2.0
/*
 * agent/bgp/supervise.c, process.c, stop.c: what is lost between the agent and BIRD: the socket, an
 * answer, a connection, and both at once; and the disk that is full. Needs root and the programs
 * bird, ip and mount.
 */
#include "bgp_live.h"

#include <sys/mount.h>

static char command[512];

static int in_folder(const char *what)
{
	(void)snprintf(command, sizeof(command), "cd %s/run/fairlead/bird && %s", root, what);
	return sh(command);
}

static bool has_ended(void)
{
	return b->process.fd < 0 || bgp_stats(b).starts > 0;
}

/* By the path of its socket, as somebody clears a folder. */
static void lose_socket(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/run/fairlead/bird/bird.ctl", root);
	CHECK(unlink(path) == 0);
}

static void a_bird_without_its_socket_is_no_second_one_beside_the_next_agents(void **state)
{
	pid_t pid = up();

	(void)state;
	down();
	lose_socket();
	opened();
	applied();
	CHECK(b->process.pid == pid && bgp_stats(b).starts == 0);
	UNTIL(has_ended);
	UNTIL(is_running);
	CHECK(waitpid(pid, NULL, WNOHANG) == pid);
	CHECK(b->process.pid != pid && bgp_stats(b).starts == 1);
}

static void a_bird_without_its_socket_is_retired_as_well(void **state)
{
	pid_t pid = up();

	(void)state;
	down();
	lose_socket();
	CHECK_OK(bgp_retire(&w.conf, root, &err), &err);
	CHECK(waitpid(pid, NULL, WNOHANG) == pid);
}

/* A program in BIRD's stead; the string lives until the next one. */
static void by_script(const char *text)
{
	static char program[128];

	(void)snprintf(program, sizeof(program), "%s/run/fairlead/bird/bird.sh", root);
	(void)snprintf(command, sizeof(command),
		       "mkdir -p %s/run/fairlead/bird && cat >%s <<'END' && chmod +x %s\n"
		       "#!/bin/sh\nPATH=$PATH:/usr/sbin\n%s\nEND\n",
		       root, program, program, text);
	CHECK(sh(command) == 0);
	w.conf.bgp.bird = program;
}

static void a_bird_that_has_no_socket_yet_is_no_second_one_beside_the_next_agents(void **state)
{
	pid_t pid;

	(void)state;
	by_script("sleep 0.5; exec bird \"$@\"");
	opened();
	applied();
	pid = b->process.pid;
	CHECK(in_folder("test ! -e bird.ctl && test ! -e bird.pid") == 0);
	down();
	CHECK(up() == pid);
	CHECK(bgp_stats(b).starts == 0);
	CHECK(in_folder("cat bird.pid") == 0 && atoi(said) == pid);
}

/* As a machine on which both died. */
static void both_died(pid_t pid)
{
	down();
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
}

/* A process that was called as BIRD is, with this folder's socket; in_container: it sees another.
 */
static pid_t called_as_bird(bool in_container, const char *name)
{
	char path[128], program[160], look[300];
	pid_t pid;

	(void)snprintf(path, sizeof(path), "%s/run/fairlead/bird", root);
	(void)snprintf(program, sizeof(program), "%s/%s", root, name);
	(void)snprintf(command, sizeof(command), "%s/bird.ctl", path);
	CHECK(symlink("/bin/sh", program) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		if (in_container &&
		    (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		     mount("t", path, "tmpfs", 0, NULL)))
			_exit(1);
		execl(program, program, "-c", "sleep 60; :", command, NULL);
		_exit(1);
	}
	(void)snprintf(look, sizeof(look), "grep -qx %s /proc/%d/comm", name, pid);
	while (sh(look) != 0)
		CHECK(lives(pid));
	return pid;
}

static void who_only_looks_like_this_folders_bird_is_left_alone(void **state)
{
	const char *const names[] = { "bird", "cat" };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(names); i++) {
		pid_t other, ours;

		opened();
		/* In a container; and one that only looks at the socket. */
		other = called_as_bird(i == 0, names[i]);
		applied();
		CHECK(bgp_stats(b).starts == 1);
		UNTIL(is_running);
		ours = b->process.pid;
		CHECK(lives(other) && ours != other);
		CHECK(kill(other, SIGKILL) == 0 && waitpid(other, NULL, 0) == other);
		both_died(ours);
	}
	opened();
}

/* BIRD is asked to be drained, and nobody hears what it says to that. */
static void asked_in_vain(pid_t pid)
{
	CHECK(kill(pid, SIGSTOP) == 0);
	w.in.drained = true;
	applied();
	CHECK(b->asked == ASKED_CONFIGURE);
	w.in.drained = false;
}

static void what_an_agent_was_asking_when_it_ended_is_not_taken_for_refused(void **state)
{
	pid_t pid = up();

	(void)state;
	asked_in_vain(pid);
	down();
	CHECK(kill(pid, SIGCONT) == 0);
	CHECK(up() == pid);
	UNTIL(has_one_configure);
	/* And then all is said. */
	down();
	CHECK(up() == pid);
	CHECK(bgp_stats(b).configures == 0);
}

static void what_was_asked_on_a_connection_that_broke_is_not_taken_for_refused(void **state)
{
	pid_t pid = up();

	(void)state;
	asked_in_vain(pid);
	CHECK(shutdown(b->ctl.fd, SHUT_RDWR) == 0);
	applied();
	CHECK(kill(pid, SIGCONT) == 0);
	UNTIL(has_one_configure);
	CHECK(b->process.pid == pid && fl_streq(b->in_force, b->want));
}

/* The sessions run by times of an older agent's, which neither of the two texts changes. */
static void what_is_told_again_keeps_the_times_of_the_sessions_that_run(void **state)
{
	pid_t pid = up();

	(void)state;
	down();
	CHECK(in_folder("sed -i 's/connect delay time .*;/connect delay time 9;/' bird.conf "
			"&& cp bird.conf bird.conf.new") == 0);
	CHECK(up() == pid);
	UNTIL(has_one_configure);
	shows(b->in_force, "connect delay time 9;");
	CHECK(in_folder("grep -c 'connect delay time [^9]' bird.conf") != 0);
	shows(said, "0");
}

static void a_bird_that_refused_and_dies_comes_back_with_what_it_had(void **state)
{
	pid_t pid = up();

	(void)state;
	w.conf.bgp.port = 0;
	applied();
	UNTIL(has_problem);
	CHECK(kill(pid, SIGKILL) == 0);
	UNTIL(has_no_process);
	UNTIL(has_two_starts);
	UNTIL(has_problem);
	shows(problems(), "bgp: bird says: ");
	CHECK(b->process.pid != pid && bgp_stats(b).running);
}

static void a_full_disk_does_not_keep_bird_down(void **state)
{
	pid_t pid;

	(void)state;
	CHECK(unshare(CLONE_NEWNS) == 0 && mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	(void)snprintf(command, sizeof(command),
		       "mkdir %s/run && mount -t tmpfs -o size=256k f %s/run", root, root);
	CHECK(sh(command) == 0);
	pid = up();
	UNTIL(has_rows);
	FL_IGNORE(in_folder("cat /dev/zero 2>&1 >../full"));
	shows(said, "No space left");
	w.in.drained = true;
	applied();
	shows(problems(), "No space left on device");
	CHECK(kill(pid, SIGKILL) == 0);
	UNTIL(has_two_starts);
	UNTIL(has_problem);
	shows(problems(), "No space left on device");
	CHECK(bgp_stats(b).configures == 0);
	CHECK(in_folder("rm ../full") == 0);
	UNTIL(has_one_configure);
	assert_string_equal(problems(), "");
	CHECK(in_folder("cat bird.conf") == 0);
	shows(said, "export none");
	(void)kill(b->process.pid, SIGKILL);
	(void)snprintf(command, sizeof(command), "umount -l %s/run", root);
	CHECK(sh(command) == 0);
}

static bool has_been_refused(void)
{
	return strstr(problems(), "bgp: bird says: ") != NULL;
}

static void what_a_new_bird_refuses_does_not_take_the_last_good_configuration(void **state)
{
	pid_t pid = up();

	(void)state;
	CHECK(in_folder("cp bird.conf good") == 0);
	both_died(pid);
	w.conf.bgp.port = 0;
	opened();
	applied();
	UNTIL(has_problem);
	shows(problems(), "bgp: bird ended with status 1: bird: ");
	shows(problems(), "bird.conf.new:");
	/* The next one has what the last one had, and is asked what is wrong with the other. */
	UNTIL(has_two_starts);
	UNTIL(has_been_refused);
	CHECK(bgp_stats(b).running && bgp_stats(b).configures == 0);
	CHECK(in_folder("cmp bird.conf good && ! test -e bird.conf.new") == 0);
	w.conf.bgp.port = 179;
	w.in.drained = true;
	applied();
	UNTIL(has_one_configure);
	assert_string_equal(problems(), "");
	CHECK(in_folder("rm good && grep -q 'export none' bird.conf") == 0);
}

static void what_a_new_bird_greets_with_is_the_last_good_configuration(void **state)
{
	pid_t pid = up();

	(void)state;
	both_died(pid);
	w.in.drained = true;
	(void)up();
	CHECK(bgp_stats(b).starts == 1 && bgp_stats(b).configures == 0);
	CHECK(in_folder("grep -q 'export none' bird.conf && ! test -e bird.conf.new") == 0);
}

static void what_a_new_bird_began_with_is_told_again_when_no_agent_heard_it_greet(void **state)
{
	pid_t pid = up();

	(void)state;
	both_died(pid);
	w.in.drained = true;
	opened();
	applied();
	CHECK(bgp_stats(b).starts == 1 && b->on_trial);
	pid = b->process.pid;
	CHECK(in_folder("test -e bird.conf.new && ! grep -q 'export none' bird.conf") == 0);
	down();
	opened();
	applied();
	UNTIL(has_one_configure);
	CHECK(b->process.pid == pid && bgp_stats(b).starts == 0);
	CHECK(in_folder("grep -q 'export none' bird.conf && ! test -e bird.conf.new") == 0);
}

static bool has_three_starts(void)
{
	return bgp_stats(b).starts == 3 && is_running();
}

/* The first one that is started dies, whatever it reads. */
static void a_new_bird_that_dies_by_accident_and_a_last_one_gone_bad_take_turns(void **state)
{
	pid_t pid = up();

	(void)state;
	both_died(pid);
	CHECK(in_folder("echo nonsense >>bird.conf") == 0);
	by_script("cd \"$(dirname \"$0\")\" || exit\n"
		  "if test ! -e died; then : >died; exit 3; fi\nexec bird \"$@\"");
	opened();
	applied();
	UNTIL(has_three_starts);
	assert_string_equal(problems(), "");
	CHECK(in_folder("! grep nonsense bird.conf") == 0);
	CHECK(bgp_stats(b).configures == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		S(a_bird_without_its_socket_is_no_second_one_beside_the_next_agents),
		S(a_bird_without_its_socket_is_retired_as_well),
		S(a_bird_that_has_no_socket_yet_is_no_second_one_beside_the_next_agents),
		S(who_only_looks_like_this_folders_bird_is_left_alone),
		S(what_an_agent_was_asking_when_it_ended_is_not_taken_for_refused),
		S(what_was_asked_on_a_connection_that_broke_is_not_taken_for_refused),
		S(what_is_told_again_keeps_the_times_of_the_sessions_that_run),
		S(a_bird_that_refused_and_dies_comes_back_with_what_it_had),
		S(a_full_disk_does_not_keep_bird_down),
		S(what_a_new_bird_refuses_does_not_take_the_last_good_configuration),
		S(what_a_new_bird_greets_with_is_the_last_good_configuration),
		S(what_a_new_bird_began_with_is_told_again_when_no_agent_heard_it_greet),
		S(a_new_bird_that_dies_by_accident_and_a_last_one_gone_bad_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
