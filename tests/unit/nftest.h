// SPDX-License-Identifier: Apache-2.0
/*
 * For tests of what is in the kernel's nf_tables: a network namespace for each test, which
 * goes away with it, others to send traffic from, and the ruleset read back with the nft tool.
 */
#pragma once

#include "test.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/nl.h"

static struct fl_nl *nl; /* a netfilter socket of the test's namespace */
static struct fl_err err;
static char out[1 << 20]; /* of the last command */

/* Runs a shell command in the namespace; its output is in out. Returns its wait status. */
static int sh(const char *command)
{
	FILE *f = popen(command, "r");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, sizeof(out) - 1, f);
	out[n] = '\0';
	return pclose(f);
}

static void must(const char *command)
{
	if (sh(command) != 0)
		fail_msg("'%s' failed: %s", command, out);
}

/* How often the text is in the ruleset as nft prints it. */
static int listed(const char *text)
{
	int n = 0;

	must("nft list ruleset 2>&1");
	for (const char *p = out; (p = strstr(p, text)); p += strlen(text))
		n++;
	return n;
}

/*
 * A process that sleeps in a network namespace of its own, whose number is put into the
 * environment variable var for commands; it dies with the test.
 */
static pid_t other_netns(const char *var)
{
	int gate[2];
	char text[16], c;
	pid_t pid;

	CHECK(pipe(gate) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) == 0 && write(gate[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(gate[1]);
	CHECK(read(gate[0], &c, 1) == 1);
	close(gate[0]);
	(void)snprintf(text, sizeof(text), "%d", pid);
	CHECK(setenv(var, text, 1) == 0);
	return pid;
}

static void end(pid_t pid)
{
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
}

static int setup(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	return fl_nl_open(FL_NL_NETFILTER, &nl, &err);
}

static int teardown(void **state)
{
	(void)state;
	fl_nl_close(&nl);
	return 0;
}
