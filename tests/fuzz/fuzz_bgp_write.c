// SPDX-License-Identifier: Apache-2.0
/*
 * BIRD's configuration from hostile names and passwords. The input is cut at zero bytes: a node's
 * name, the mesh's password, a peer's name and password, one whose length is the cluster ID, and
 * then bytes that make addresses, blocks and options. Whatever they are, the text's structure is
 * what was planned: quotes pair up in each line, braces pair up outside quotes, and there are as
 * many sessions as the plan has.
 */
#include "fuzz.h"

#include "agent/bgp/plan.h"

#define TEXTS	     5
#define SESSIONS_MAX 8

struct input {
	const char *text[TEXTS];
	const uint8_t *at, *end;
};

static uint8_t next(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static struct fl_ip next_ip(struct input *in)
{
	struct fl_ip ip;

	for (size_t i = 0; i < sizeof(ip.b); i++)
		ip.b[i] = next(in);
	if (next(in) & 1)
		memcpy(ip.b, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
	return ip;
}

static struct fl_prefix next_prefix(struct input *in)
{
	struct fl_prefix p = { .ip = next_ip(in) };

	p.len = next(in) % (fl_ip_bits(&p.ip) + 1);
	return fl_prefix_network(&p);
}

/* As agent/model makes them: one address a family at most. */
static void make_node(struct input *in, struct agent_node *node)
{
	node->net.name = node->name;
	node->where = node->name;
	node->net.ips[node->net.n_ips++] = next_ip(in);
	node->net.ips[1] = next_ip(in);
	node->net.n_ips += fl_ip_is4(&node->net.ips[0]) != fl_ip_is4(&node->net.ips[1]);
	node->net.n_cidrs = next(in) % 4;
	for (size_t i = 0; i < node->net.n_cidrs; i++)
		node->net.cidrs[i] = next_prefix(in);
	node->as = next(in);
}

static void check(const char *text, size_t sessions)
{
	size_t depth = 0, found = 0;
	bool quoted = false;

	for (const char *c = text; *c; c++) {
		MUST(*c != '\n' || !quoted);
		if (*c == '"')
			quoted = !quoted;
		if (quoted)
			continue;
		if ((c == text || c[-1] == '\n') && !strncmp(c, "protocol bgp '", 14)) {
			MUST(depth == 0);
			found++;
		}
		depth += *c == '{';
		MUST(*c != '}' || depth > 0);
		depth -= *c == '}';
	}
	MUST(!quoted && depth == 0 && found == sessions);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_free char *copy = fuzz_text(data, size), *text = NULL;
	struct agent_node nodes[2] = { { .name = (char[]){ "self" } } };
	struct agent_cluster cluster = { nodes, 2 };
	struct agent_bgp_peer peers[2] = { { 0 } };
	struct agent_config conf = { .bgp = { .as = 1, .mesh = true, .port = 179 } };
	bgp_auto_plan struct bgp_plan plan = { 0 };
	struct bgp_input bgp = { &conf, &nodes[0], &cluster, false };
	struct fl_prefix allow[2];
	struct fl_err err = { 0 };
	struct input in = { .at = data, .end = data + size };

	for (size_t i = 0; i < TEXTS; i++) {
		in.text[i] = copy + (in.at - data);
		in.at += strlen(in.text[i]) + (in.at + strlen(in.text[i]) < in.end);
	}
	nodes[1].name = (char *)in.text[0];
	make_node(&in, &nodes[0]);
	make_node(&in, &nodes[1]);
	conf.bgp.mesh_password = in.text[1];
	conf.bgp.cluster_id = (uint32_t)strlen(in.text[4]);
	conf.bgp.peers = peers;
	conf.bgp.n_peers = 2;
	for (size_t i = 0; i < 2; i++) {
		uint8_t bits = next(&in);

		allow[i] = next_prefix(&in);
		peers[i] = (struct agent_bgp_peer){ .name = in.text[2],
						    .password = in.text[3],
						    .address = next_ip(&in),
						    .port = 179,
						    .as = next(&in),
						    .bfd = bits & 1,
						    .route_reflector_client = bits & 2,
						    .next_hop_self = bits & 4,
						    .ttl_security = next(&in),
						    .hold_time_s = next(&in),
						    .allow = allow,
						    .n_allow = i };
	}
	bgp.drained = next(&in) & 1;
	if (bgp_write_config(&bgp, "/run/x", NULL, NULL, &text, &err) < 0) {
		MUST(!text && err.text[0]);
		return 0;
	}
	MUST(bgp_plan_make(&bgp, NULL, NULL, &plan, &err) == 0 && plan.n <= SESSIONS_MAX);
	check(text, plan.n);
	return 0;
}
