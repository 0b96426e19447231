// SPDX-License-Identifier: Apache-2.0
/*
 * A small cluster for tests of BGP: nodes n1 (this one), n2 and n3, whose addresses are
 * 192.0.2.1N and fd00::1N and whose blocks are 10.244.N.0/24 and fd00:244:N::/64.
 */
#pragma once

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/bgp/bgp.h"
#include "base/file.h"
#include "base/text.h"

#define WORLD_NODES 3

/* Not each file needs all of it. */
#define TEST_MAYBE __attribute__((unused))

static char dir[] = "/tmp/fairlead-bgp.XXXXXX";
static struct fl_err err;

struct world {
	struct agent_node nodes[WORLD_NODES];
	struct agent_cluster cluster;
	struct agent_config conf;
	struct agent_bgp_peer peers[4];
	struct bgp_input in;
	char complaints[2048]; /* "where: text\n" each */
};

static struct world w;

TEST_MAYBE static struct fl_ip world_ip(const char *text)
{
	struct fl_ip ip = { 0 };

	CHECK_OK(fl_ip_parse(text, &ip, &err), &err);
	return ip;
}

TEST_MAYBE static struct fl_prefix world_prefix(const char *text)
{
	struct fl_prefix p = { 0 };

	CHECK_OK(fl_prefix_parse(text, &p, &err), &err);
	return p;
}

TEST_MAYBE static void world_complain(const char *where, const char *text, void *arg)
{
	size_t used = strlen(w.complaints);

	(void)arg;
	(void)snprintf(w.complaints + used, sizeof(w.complaints) - used, "%s: %s\n", where, text);
}

/* A mesh of three dual-stack nodes in one AS. */
TEST_MAYBE static int world_setup(void **state)
{
	static char names[WORLD_NODES][4] = { "n1", "n2", "n3" };
	static char files[WORLD_NODES][16] = { "n1.yaml:1", "n2.yaml:1", "n3.yaml:1" };

	(void)state;
	w = (struct world){ 0 };
	for (int i = 0; i < WORLD_NODES; i++) {
		struct agent_node *node = &w.nodes[i];
		char text[64];

		node->name = names[i];
		node->net.name = names[i];
		node->where = files[i];
		node->net.n_ips = node->net.n_cidrs = 2;
		(void)snprintf(text, sizeof(text), "192.0.2.1%d", i + 1);
		node->net.ips[0] = world_ip(text);
		(void)snprintf(text, sizeof(text), "fd00::1%d", i + 1);
		node->net.ips[1] = world_ip(text);
		(void)snprintf(text, sizeof(text), "10.244.%d.0/24", i + 1);
		node->net.cidrs[0] = world_prefix(text);
		(void)snprintf(text, sizeof(text), "fd00:244:%d::/64", i + 1);
		node->net.cidrs[1] = world_prefix(text);
	}
	w.cluster = (struct agent_cluster){ .nodes = w.nodes, .n = WORLD_NODES };
	w.conf.mode = AGENT_BGP;
	w.conf.bgp = (struct agent_bgp){ .as = 64512,
					 .mesh = true,
					 .mesh_graceful_restart = true,
					 .port = 179,
					 .bird = "bird",
					 .peers = w.peers };
	w.in = (struct bgp_input){ .conf = &w.conf, .self = &w.nodes[0], .nodes = &w.cluster };
	return 0;
}

/* One more named peer, of another AS. */
TEST_MAYBE static struct agent_bgp_peer *world_peer(const char *address)
{
	struct agent_bgp_peer *peer = &w.peers[w.conf.bgp.n_peers++];

	*peer = (struct agent_bgp_peer){ .address = world_ip(address), .port = 179, .as = 64600 };
	return peer;
}

TEST_MAYBE static void write_file(const char *name, const char *text, size_t len)
{
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK_OK(fl_replace_file(at, name, text, len, 0600, &err), &err);
	close(at);
}

/* BIRD's own judgement of a configuration. */
TEST_MAYBE static void bird_reads(const char *text)
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
TEST_MAYBE static char *written(void)
{
	char *text = NULL;

	w.complaints[0] = '\0';
	CHECK_OK(bgp_write_config(&w.in, dir, world_complain, NULL, &text, &err), &err);
	bird_reads(text);
	return text;
}

TEST_MAYBE static void shows(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("lacks '%s': %s", part, text);
}

TEST_MAYBE static void lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("has '%s': %s", part, text);
}

/* The text of one protocol of a configuration; the caller frees. */
TEST_MAYBE static char *protocol(const char *text, const char *name)
{
	const char *begin = strstr(text, name), *end = begin ? strstr(begin, "\n}\n") : NULL;

	if (!end)
		fail_msg("no protocol %s: %s", name, text);
	return strndup(begin, (size_t)(end - begin) + 3);
}

TEST_MAYBE static int world_make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

TEST_MAYBE static int world_remove_dir(void **state)
{
	char path[64];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/bird.conf", dir);
	(void)unlink(path);
	return rmdir(dir);
}
