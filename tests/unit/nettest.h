// SPDX-License-Identifier: Apache-2.0
/*
 * For tests of what is in the kernel's network: two network namespaces for each test, a host's
 * and a pod's, which go away with it. Commands run in the host's; "$POD COMMAND" runs one in the
 * pod's. Needs root and the ip tool.
 */
#pragma once

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/ip.h"
#include "net/link.h"
#include "net/netns.h"
#include "net/nl.h"

/* Not each file needs all of it. */
#define TEST_MAYBE __attribute__((unused))

static struct fl_nl *nl, *pod_nl; /* routing sockets of the two */
static int pod = -1;		  /* the pod's namespace */
static struct fl_err err;
static char out[1 << 16]; /* of the last command */

/* Runs a shell command; its output is in out. Returns its wait status. */
TEST_MAYBE static int sh(const char *command)
{
	FILE *f = popen(command, "r");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, sizeof(out) - 1, f);
	out[n] = '\0';
	return pclose(f);
}

TEST_MAYBE static void must(const char *command)
{
	if (sh(command) != 0)
		fail_msg("'%s' failed: %s", command, out);
}

/* The command's output has the text, or has it not. */
TEST_MAYBE static void shows(const char *command, const char *text, bool wanted)
{
	must(command);
	if ((strstr(out, text) != NULL) != wanted)
		fail_msg("'%s' shows %s'%s': %s", command, wanted ? "no " : "", text, out);
}

static int new_netns(void)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd = -1;

	if (home >= 0 && unshare(CLONE_NEWNET) == 0)
		fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (setns(home, CLONE_NEWNET) < 0)
		abort();
	fl_close_p(&home);
	return fd;
}

/* The link, which must be there. */
TEST_MAYBE static struct fl_link link_of(struct fl_nl *where, const char *name)
{
	struct fl_link link = { 0 };

	CHECK_OK(fl_link_get(where, name, &link, &err), &err);
	return link;
}

TEST_MAYBE static bool has_link(struct fl_nl *where, const char *name)
{
	struct fl_link link;
	int r = fl_link_get(where, name, &link, &err);

	CHECK(r == 0 || r == -ENODEV);
	return r == 0;
}

TEST_MAYBE static struct fl_prefix prefix(const char *text)
{
	struct fl_prefix p = { 0 };

	CHECK_OK(fl_prefix_parse(text, &p, &err), &err);
	return p;
}

TEST_MAYBE static struct fl_batch *batch(void)
{
	struct fl_batch *b = NULL;

	CHECK_OK(fl_batch_new(&b, &err), &err);
	return b;
}

/* Sends the batch, which must work, and frees it. */
TEST_MAYBE static void send_batch(struct fl_nl *where, struct fl_batch *b)
{
	CHECK_OK(fl_batch_send(where, b, &err), &err);
	fl_batch_free(&b);
}

TEST_MAYBE static int64_t now_ms(void)
{
	struct timespec t;

	CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int setup(void **state)
{
	char enter[64];

	(void)state;
	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	pod = new_netns();
	(void)snprintf(enter, sizeof(enter), "nsenter --net=/proc/%d/fd/%d", getpid(), pod);
	if (pod < 0 || setenv("POD", enter, 1) < 0 || fl_netns_open_nl(pod, -1, &pod_nl, &err) < 0)
		return -1;
	return fl_nl_open(FL_NL_ROUTE, &nl, &err);
}

static int teardown(void **state)
{
	(void)state;
	fl_nl_close(&nl);
	fl_nl_close(&pod_nl);
	fl_close_p(&pod);
	return 0;
}

/* As setup(), and a link h0 of the host's that is up, as is its other end, h1. */
TEST_MAYBE static int setup_link(void **state)
{
	if (setup(state) < 0)
		return -1;
	return sh("ip link add h0 type veth peer name h1 && ip link set h0 addrgenmode none && "
		  "ip link set h1 addrgenmode none && ip link set h0 up && ip link set h1 up");
}

#define T(name)	     cmocka_unit_test_setup_teardown(name, setup, teardown)
#define T_LINK(name) cmocka_unit_test_setup_teardown(name, setup_link, teardown)
