// SPDX-License-Identifier: Apache-2.0
/*
 * A small cluster for tests of BGP: nodes n1 (this one), n2 and n3, whose addresses are
 * 192.0.2.1N and fd00::1N and whose blocks are 10.244.N.0/24 and fd00:244:N::/64.
 */
#pragma once

#include "test.h"

#include <string.h>

#include "agent/bgp/bgp.h"

#define WORLD_NODES 3

/* Not each file needs all of it. */
#define TEST_MAYBE __attribute__((unused))

struct world {
	struct agent_node nodes[WORLD_NODES];
	struct agent_cluster cluster;
	struct agent_config conf;
	struct agent_bgp_peer peers[4];
	struct bgp_input in;
	char complaints[2048]; /* "where: text\n" each */
};

TEST_MAYBE static struct fl_ip world_ip(const char *text)
{
	struct fl_err why = { 0 };
	struct fl_ip ip = { 0 };

	CHECK_OK(fl_ip_parse(text, &ip, &why), &why);
	return ip;
}

TEST_MAYBE static struct fl_prefix world_prefix(const char *text)
{
	struct fl_err why = { 0 };
	struct fl_prefix p = { 0 };

	CHECK_OK(fl_prefix_parse(text, &p, &why), &why);
	return p;
}

TEST_MAYBE static void world_complain(const char *where, const char *text, void *arg)
{
	struct world *w = arg;
	size_t used = strlen(w->complaints);

	(void)snprintf(w->complaints + used, sizeof(w->complaints) - used, "%s: %s\n", where, text);
}

/* A mesh of three dual-stack nodes in one AS. */
TEST_MAYBE static void world_make(struct world *w)
{
	static char names[WORLD_NODES][4] = { "n1", "n2", "n3" };
	static char files[WORLD_NODES][16] = { "n1.yaml:1", "n2.yaml:1", "n3.yaml:1" };

	*w = (struct world){ 0 };
	for (int i = 0; i < WORLD_NODES; i++) {
		struct agent_node *node = &w->nodes[i];
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
	w->cluster = (struct agent_cluster){ .nodes = w->nodes, .n = WORLD_NODES };
	w->conf.mode = AGENT_BGP;
	w->conf.bgp = (struct agent_bgp){ .as = 64512,
					  .mesh = true,
					  .mesh_graceful_restart = true,
					  .port = 179,
					  .bird = "bird",
					  .peers = w->peers };
	w->in = (struct bgp_input){ .conf = &w->conf, .self = &w->nodes[0], .nodes = &w->cluster };
}

/* One more named peer, of another AS. */
TEST_MAYBE static struct agent_bgp_peer *world_peer(struct world *w, const char *address)
{
	struct agent_bgp_peer *peer = &w->peers[w->conf.bgp.n_peers++];

	*peer = (struct agent_bgp_peer){ .address = world_ip(address), .port = 179, .as = 64600 };
	return peer;
}
