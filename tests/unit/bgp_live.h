// SPDX-License-Identifier: Apache-2.0
/*
 * A real BIRD under the supervisor, for tests: a loop, and for each test a network namespace and a
 * root folder of its own. Needs root and the programs bird and ip.
 */
#pragma once

#include "bgp_world.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include "agent/bgp/supervise.h"

#define PATIENCE_MS 20000 /* a busy machine is no failure */

static char root[64];
static uv_loop_t loop;
static struct bgp *b;
static char said[8192]; /* of the last command, or the problems */

TEST_MAYBE static int sh(const char *command)
{
	FILE *f = popen(command, "r");
	size_t n;

	assert_non_null(f);
	n = fread(said, 1, sizeof(said) - 1, f);
	said[n] = '\0';
	return pclose(f);
}

TEST_MAYBE static int64_t now_ms(void)
{
	struct timespec t;

	CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Turns the loop until the condition holds. */
TEST_MAYBE static void until(bool (*holds)(void), const char *what)
{
	int64_t end = now_ms() + PATIENCE_MS;

	while (!holds()) {
		struct pollfd p = { .fd = uv_backend_fd(&loop), .events = POLLIN };

		if (now_ms() > end)
			fail_msg("not within %d ms: %s", PATIENCE_MS, what);
		FL_IGNORE(poll(&p, 1, 20));
		FL_IGNORE(uv_run(&loop, UV_RUN_NOWAIT));
	}
}
#define UNTIL(holds) until(holds, #holds)

TEST_MAYBE static void add_problem(const char *where, const char *text, void *arg)
{
	size_t used = strlen(said);

	(void)arg;
	(void)snprintf(said + used, sizeof(said) - used, "%s: %s\n", where, text);
}

/* What stands, in said. */
TEST_MAYBE static const char *problems(void)
{
	said[0] = '\0';
	bgp_problems(b, add_problem, NULL);
	return said;
}

TEST_MAYBE static bool is_running(void)
{
	return bgp_stats(b).running && b->asked == ASKED_NOTHING;
}

TEST_MAYBE static bool has_no_process(void)
{
	return b->process.fd < 0;
}

TEST_MAYBE static bool has_problem(void)
{
	return problems()[0] != '\0';
}

TEST_MAYBE static bool has_two_starts(void)
{
	return bgp_stats(b).starts == 2 && is_running();
}

TEST_MAYBE static bool has_one_configure(void)
{
	return bgp_stats(b).configures == 1;
}

TEST_MAYBE static bool has_two_configures(void)
{
	return bgp_stats(b).configures == 2;
}

TEST_MAYBE static bool has_rows(void)
{
	return b->rows.n == 4;
}

TEST_MAYBE static void opened(void)
{
	CHECK_OK(bgp_open(&loop, &w.conf, root, &b, &err), &err);
}

TEST_MAYBE static void applied(void)
{
	CHECK_OK(bgp_apply(b, &w.in, &err), &err);
}

/* As an agent that starts; the BIRD of the last one may be there. */
TEST_MAYBE static pid_t up(void)
{
	opened();
	applied();
	UNTIL(is_running);
	return b->process.pid;
}

/* As an agent that ends, BIRD going on. */
TEST_MAYBE static void down(void)
{
	bgp_close(&b, false);
	FL_IGNORE(uv_run(&loop, UV_RUN_DEFAULT));
}

TEST_MAYBE static bool lives(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

TEST_MAYBE static int setup(void **state)
{
	(void)snprintf(root, sizeof(root), "/tmp/fairlead-bgp-root.XXXXXX");
	if (world_setup(state) < 0 || unshare(CLONE_NEWNET) < 0 || !mkdtemp(root) ||
	    uv_loop_init(&loop) < 0)
		return -1;
	return sh("ip link set lo up && ip link add e0 type veth peer name e1 && ip link set e0 up "
		  "&& ip link set e1 up && "
		  "ip addr add 192.0.2.11/24 dev e0 && ip addr add fd00::11/64 dev e0 nodad");
}

TEST_MAYBE static int teardown(void **state)
{
	char command[128];
	pid_t pid;

	(void)state;
	pid = b ? b->process.pid : 0;
	down();
	if (pid > 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	FL_IGNORE(uv_loop_close(&loop));
	(void)snprintf(command, sizeof(command), "rm -rf %s", root);
	return sh(command);
}

#define S(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
