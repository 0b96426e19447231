// SPDX-License-Identifier: Apache-2.0
/*
 * For tests of the topology in the kernel: this node, n1, in the host's namespace of nettest.h,
 * its underlay h0 with 192.0.2.11/24 and fd00:2::11/64, its blocks 10.244.1.0/24 and
 * fd00:244:1::/64; a cluster to which nodes are added, and a run directory. Needs root and ip.
 */
#pragma once

#include "nettest.h"

#include <poll.h>
#include <sys/socket.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "agent/topology/topology.h"
#include "base/file.h"
#include "folder.h"

static struct agent_config conf;
static struct agent_cluster nodes;
static struct topo *topo;
static char root[FOLDER_MAX];

/* "192.0.2.12 fd00:2::12" */
static void read_ips(struct fl_peer *p, const char *text)
{
	fl_auto_free char *copy = strdup(text);
	char *rest = copy, *word;

	for (p->n_ips = 0; (word = strsep(&rest, " "));)
		CHECK_OK(fl_ip_parse(word, &p->ips[p->n_ips++], &err), &err);
}

static void read_cidrs(struct fl_peer *p, const char *text)
{
	fl_auto_free char *copy = strdup(text);
	char *rest = copy, *word;

	for (p->n_cidrs = 0; (word = strsep(&rest, " "));)
		CHECK_OK(fl_prefix_parse(word, &p->cidrs[p->n_cidrs++], &err), &err);
}

TEST_MAYBE static struct fl_peer *node_of(const char *name)
{
	for (size_t i = 0; i < nodes.n; i++)
		if (strcmp(nodes.nodes[i].name, name) == 0)
			return &nodes.nodes[i].net;
	fail_msg("no node '%s'", name);
	return NULL;
}

/* Adds a node, which must come after the others by name; texts are lists with blanks. */
TEST_MAYBE static struct fl_peer *add_node(const char *name, const char *ips, const char *cidrs)
{
	struct agent_node *node;

	nodes.nodes = reallocarray(nodes.nodes, nodes.n + 1, sizeof(*nodes.nodes));
	node = &nodes.nodes[nodes.n++];
	*node = (struct agent_node){ .name = strdup(name), .where = strdup("test:1") };
	node->net.name = node->name;
	read_ips(&node->net, ips);
	read_cidrs(&node->net, cidrs);
	return &node->net;
}

TEST_MAYBE static void drop_node(const char *name)
{
	for (size_t i = 0; i < nodes.n; i++)
		if (strcmp(nodes.nodes[i].name, name) == 0) {
			fl_free_p(&nodes.nodes[i].name);
			fl_free_p(&nodes.nodes[i].where);
			memmove(&nodes.nodes[i], &nodes.nodes[i + 1],
				(nodes.n - i - 1) * sizeof(*nodes.nodes));
			nodes.n--;
			return;
		}
	fail_msg("no node '%s'", name);
}

/* Starts the topology anew, as another process would. */
TEST_MAYBE static void restart(void)
{
	topo_close(&topo);
	CHECK_OK(topo_open(&conf, "n1", root, &topo, &err), &err);
}

TEST_MAYBE static void full(void)
{
	CHECK_OK(topo_reconcile(topo, &nodes, TOPO_FULL, &err), &err);
	CHECK(topo_local(topo).applied);
}

TEST_MAYBE static void change(void)
{
	CHECK_OK(topo_reconcile(topo, &nodes, TOPO_CHANGE, &err), &err);
	CHECK(topo_local(topo).applied);
}

/* A FULL one changes nothing. */
TEST_MAYBE static void settled(void)
{
	struct topo_stats was = topo_stats(topo), is;

	full();
	is = topo_stats(topo);
	assert_int_equal(is.objects_put - was.objects_put, 0);
	assert_int_equal(is.objects_removed - was.objects_removed, 0);
	assert_int_equal(is.drift - was.drift, 0);
}

static void each_problem(const char *where, const char *text, void *arg)
{
	char *all = arg;
	size_t used = strlen(all);

	(void)snprintf(all + used, 4096 - used, "%s: %s\n", where, text);
}

/* All problems that stand, a line each. */
TEST_MAYBE static const char *problems(void)
{
	static char all[4096];

	all[0] = '\0';
	topo_problems(topo, each_problem, all);
	return all;
}

/* The reconcile has problems, and one of them has the text. */
TEST_MAYBE static void complains(enum topo_effort effort, const char *part)
{
	CHECK(topo_reconcile(topo, &nodes, effort, &err) < 0);
	if (!strstr(problems(), part))
		fail_msg("no '%s' in: %s", part, problems());
}

/* Listens to what the kernel removes from now on. */
TEST_MAYBE static int listen_for_removals(void)
{
	struct sockaddr_nl at = { .nl_family = AF_NETLINK,
				  .nl_groups = RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_ROUTE |
					       RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_IFADDR |
					       RTMGRP_IPV6_IFADDR };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	return fd;
}

/* How many messages of this type (RTM_DELROUTE, ...) have come. */
TEST_MAYBE static int count_removals(int fd, uint16_t type)
{
	static char buf[65536] __attribute__((aligned(NLMSG_ALIGNTO)));
	ssize_t len;
	int n = 0;

	while ((len = recv(fd, buf, sizeof(buf), 0)) > 0) {
		size_t left = (size_t)len;

		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
			n += h->nlmsg_type == type;
	}
	return n;
}

/* Waits until the watch has nothing more to say: links announce themselves with a delay. */
TEST_MAYBE static void quieten(void)
{
	struct pollfd p = { .fd = topo_watch_fd(topo), .events = POLLIN };

	while (poll(&p, 1, 200) > 0)
		(void)topo_watch_take(topo);
}

/* What the run directory's node.json says. */
TEST_MAYBE static const char *node_json(void)
{
	static char path[128], text[1024];

	(void)snprintf(path, sizeof(path), "%s/run/fairlead/node.json", root);
	CHECK_OK(fl_read_small(AT_FDCWD, path, text, sizeof(text), &err), &err);
	return text;
}

static int world_setup(void **state)
{
	if (folder_make(root, "topo") < 0 || setup_link(state) < 0 ||
	    sh("ip link set lo up && ip addr add 192.0.2.11/24 dev h0 && "
	       "ip addr add fd00:2::11/64 dev h0 nodad") != 0)
		return -1;
	conf = (struct agent_config){ .mode = AGENT_VXLAN, .masquerade = true, .resync_s = 30 };
	conf.vxlan.vni = 1;
	conf.vxlan.port = 4789;
	conf.vxlan.device = "fairlead.1";
	(void)add_node("n1", "192.0.2.11 fd00:2::11", "10.244.1.0/24 fd00:244:1::/64");
	return topo_open(&conf, "n1", root, &topo, &err);
}

static int world_teardown(void **state)
{
	topo_close(&topo);
	while (nodes.n)
		drop_node(nodes.nodes[0].name);
	fl_free_p(&nodes.nodes);
	return teardown(state) ?: folder_remove(root);
}

#define T_WORLD(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
