// SPDX-License-Identifier: Apache-2.0
/*
 * Two real pods, routed by hand, in network and mount namespaces of the test's own, with a bpf file
 * system of its own: a at 10.0.0.2 behind ha, b at 10.0.0.3 behind hb, the node at 10.0.0.1. Needs
 * root and eBPF.
 */
#pragma once

#include "test.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <bpf/bpf.h>

#include "agent/datapath/datapath.h"
#include "net/link.h"

/* Not each file needs all of it. */
#define TEST_MAYBE __attribute__((unused))

#define PINS "/run/bpf/fairlead"

static struct fl_nl *nl;
static struct fl_err err;

TEST_MAYBE static int sh(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_MAYBE static void must(const char *command)
{
	if (sh(command) != 0)
		fail_msg("'%s' failed", command);
}

/* The map of this name, which the datapath has pinned. */
TEST_MAYBE static int pinned(const char *map)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), PINS "/v%d/%s", FL_ABI_VERSION, map);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	return fd;
}

TEST_MAYBE static struct fl_in address(const char *text)
{
	struct fl_in in = { 0 };

	in.b[10] = in.b[11] = 0xff;
	assert_int_equal(inet_pton(AF_INET, text, in.b + 12), 1);
	return in;
}

/* A routed pod, by hand: "pod NAME ADDRESS LAST_OCTET_OF_MAC ['index N']". */
#define POD                                                                                  \
	"set -e\n"                                                                           \
	"pod() {\n"                                                                          \
	"  ip netns add $1\n"                                                                \
	"  ip link add h$1 $4 address 02:00:00:00:01:$3 type veth peer name eth0 address "   \
	"02:00:00:00:00:$3 netns $1\n"                                                       \
	"  ip link set h$1 addrgenmode none up\n"                                            \
	"  ip -n $1 link set eth0 addrgenmode none up\n"                                     \
	"  ip -n $1 addr add $2/32 dev eth0\n"                                               \
	"  ip -n $1 route add 169.254.1.1 dev eth0\n"                                        \
	"  ip -n $1 route add default via 169.254.1.1\n"                                     \
	"  ip -n $1 neigh add 169.254.1.1 lladdr 02:00:00:00:01:$3 dev eth0 nud permanent\n" \
	"  ip route add $2 dev h$1\n"                                                        \
	"  ip neigh add $2 lladdr 02:00:00:00:00:$3 dev h$1 nud permanent\n"                 \
	"}\n"

static const char world[] = POD "mount -t tmpfs run /run\n"
				"mkdir -p /run/netns /run/bpf\n"
				"mount -t bpf bpf /run/bpf\n"
				"ip link set lo up\n"
				"sysctl -qw net.ipv4.ip_forward=1\n"
				"ip addr add 10.0.0.1/32 dev lo\n"
				"pod a 10.0.0.2 0a\n"
				"pod b 10.0.0.3 0b\n";

/* Makes the link join the datapath's blocks. */
TEST_MAYBE static void join(const char *link)
{
	static const struct fl_blocks blocks = { FL_BLOCKS_INGRESS, FL_BLOCKS_EGRESS };
	fl_auto_batch struct fl_batch *batch = NULL;

	CHECK_OK(fl_batch_new(&batch, &err), &err);
	fl_tc_put_blocks(batch, if_nametoindex(link), &blocks);
	CHECK_OK(fl_batch_send(nl, batch, &err), &err);
}

/* Makes the world and opens nl. */
static int pods_begin(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || sh(world) != 0)
		return -1;
	return fl_nl_open(FL_NL_ROUTE, &nl, &err);
}

#define PING	"ip netns exec a ping -q -c 3 -i 0.05 -W 1 10.0.0.3 >/dev/null"
#define NO_PING "ip netns exec a ping -q -c 1 -W 0.3 10.0.0.3 >/dev/null"
