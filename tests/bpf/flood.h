// SPDX-License-Identifier: Apache-2.0
/*
 * Floods between the pods of pods.h, by tests/harness/flood.c and stream.c, and what came of them.
 * Each port has one sender, so that what was sent and what was received can be compared.
 */
#pragma once

#include "pods.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* What a port's packets came to. */
struct flood {
	unsigned int sent, received, twice,
		unseen; /* unseen: no room before the stack or at its end */
};

/* Where the harness programs are: beside this one. */
static const char *harness_folder(void)
{
	static char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	assert_true(n > 0);
	path[n] = '\0';
	return dirname(path);
}

/* Begins "flood WHAT" in the pod; its words are in /run/flood.NAME. */
TEST_MAYBE static void flood_start(const char *name, const char *pod, const char *what)
{
	char command[1024];

	(void)snprintf(command, sizeof(command),
		       ": >/run/flood.%s; ip netns exec %s %s/flood %s >/run/flood.%s </dev/null & "
		       "echo $! >/run/flood.%s.pid",
		       name, pod, harness_folder(), what, name, name);
	must(command);
	if (strncmp(what, "receive", 7) != 0)
		return;
	(void)snprintf(command, sizeof(command),
		       "for i in $(seq 500); do grep -q listening /run/flood.%s && exit 0; "
		       "sleep 0.01; done; exit 1",
		       name);
	must(command);
}

/* Ends it and waits until it has. */
TEST_MAYBE static void flood_stop(const char *name)
{
	char command[256];

	(void)snprintf(command, sizeof(command),
		       "kill $(cat /run/flood.%s.pid); for i in $(seq 1000); do "
		       "grep -q ' [sr]e[nc]' /run/flood.%s && exit 0; sleep 0.01; done; exit 1",
		       name, name);
	must(command);
}

/* A number from "PORT ... word N" in the words of sender or receiver. */
static unsigned int flood_number(const char *name, int port, const char *word)
{
	char command[256], line[64] = { 0 };
	FILE *out;

	(void)snprintf(command, sizeof(command),
		       "awk '$1 == %d { for (i = 2; i < NF; i++) if ($i == \"%s\") print $(i + 1) "
		       "}' /run/flood.%s",
		       port, word, name);
	out = popen(command, "r");
	assert_non_null(out);
	if (!fgets(line, sizeof(line), out))
		fail_msg("'%s' says nothing about '%s' of port %d", name, word, port);
	(void)pclose(out);
	return (unsigned int)strtoul(line, NULL, 10);
}

TEST_MAYBE static struct flood flood_of(const char *sender, const char *receiver, int port)
{
	return (struct flood){
		.sent = flood_number(sender, port, "sent"),
		.received = flood_number(receiver, port, "received"),
		.twice = flood_number(receiver, port, "twice"),
		.unseen = flood_number(receiver, port, "own") +
			  flood_number(receiver, port, "backlog"),
	};
}

/* Of what is allowed nothing is lost, and of what is forbidden nothing comes. */
TEST_MAYBE static void flood_check(const char *sender, const char *receiver, int port, bool allowed)
{
	struct flood f = flood_of(sender, receiver, port);

	print_message("# %s -> %s port %d: sent %u, received %u, twice %u, no room %u\n", sender,
		      receiver, port, f.sent, f.received, f.twice, f.unseen);
	assert_true(f.sent > 20);
	assert_int_equal(f.twice, 0);
	if (allowed)
		assert_in_range(f.received, f.sent - f.unseen, f.sent);
	else
		assert_int_equal(f.received, 0);
}

/* A TCP stream of known bytes to port 5001 of the pod at the address. */
TEST_MAYBE static void stream_start(const char *to, const char *from, const char *address)
{
	char command[1024];

	(void)snprintf(
		command, sizeof(command),
		"cd %s; ip netns exec %s ./stream serve 5001 >/run/stream.to 2>&1 </dev/null & "
		"for i in $(seq 500); do grep -q listening /run/stream.to && break; "
		"sleep 0.01; done; cd %s; ip netns exec %s ./stream send %s 5001 "
		">/run/stream.from 2>&1 </dev/null & echo $! >/run/stream.pid",
		harness_folder(), to, harness_folder(), from, address);
	must(command);
}

/* Ends it: every byte came as it was sent. */
TEST_MAYBE static void stream_stop(void)
{
	must("kill $(cat /run/stream.pid); for i in $(seq 3000); do "
	     "grep -qE '^(bytes|stream:)' /run/stream.from && break; sleep 0.01; done; "
	     "sed 's/^/# stream: /' /run/stream.from /run/stream.to | grep -v listening; "
	     "grep -q '^bytes' /run/stream.from && "
	     "! grep -q '^stream:' /run/stream.from /run/stream.to");
}
