// SPDX-License-Identifier: Apache-2.0
/*
 * Every map of the datapath at its edge: the last entry that fits, the next one refused with the
 * map's name and size and nothing left of it, changes of what is there still taken, and room again
 * when something goes. Then as many connections as may be tracked, and the agent with one pod too
 * many. Needs root and eBPF.
 */
#include "pods.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "agent/enforce/enforce.h"
#include "world.h"

static struct dp *dp;

static int begin(void **state)
{
	(void)state;
	return pods_begin() < 0 ? -1 : dp_open(PINS, 0, &dp, &err);
}

static int end(void **state)
{
	(void)state;
	dp_close(&dp);
	fl_nl_close(&nl);
	return 0;
}

/* The i-th of many addresses. */
static struct fl_in nth(__u32 i)
{
	struct fl_in in = { 0 };

	in.b[0] = 0xfd;
	in.w_be[3] = htonl(i);
	return in;
}

static struct dp_endpoint endpoint(__u32 i, size_t n_ips)
{
	struct dp_endpoint ep = { .ifindex = 1000 + i,
				  .info.identity = FL_ID_FIRST,
				  .n_ips = n_ips };

	for (size_t k = 0; k < n_ips; k++)
		ep.ips[k] = nth((__u32)(i * 8 + k));
	return ep;
}

static bool has_local(int locals, const struct fl_in *ip)
{
	struct fl_address_key key = { .addr = *ip };
	__u32 owner;

	return bpf_map_lookup_elem(locals, &key, &owner) == 0;
}

static int set(__u32 i, size_t n_ips)
{
	struct dp_endpoint ep = endpoint(i, n_ips);
	bool shut;

	return dp_set_endpoint(dp, &ep, NULL, &shut, &err);
}

static void one_endpoint_too_many_is_refused_and_leaves_nothing(void **state)
{
	int locals = pinned("fl_locals"), endpoints = pinned("fl_endpoints");
	struct dp_endpoint more = endpoint(FL_MAX_ENDPOINTS, 2), first = endpoint(0, 1);
	struct fl_endpoint_info info;

	(void)state;
	for (__u32 i = 0; i < FL_MAX_ENDPOINTS; i++)
		CHECK_OK(set(i, 1), &err);
	CHECK_FAILS(set(FL_MAX_ENDPOINTS, 2), E2BIG, &err,
		    "the datapath's map of endpoints is full: it holds 4096");
	CHECK(bpf_map_lookup_elem(endpoints, &more.ifindex, &info) < 0);
	CHECK(!has_local(locals, &more.ips[0]) && !has_local(locals, &more.ips[1]));
	CHECK_OK(set(FL_MAX_ENDPOINTS - 1, 2), &err);
	CHECK_OK(dp_remove_endpoint(dp, &first, &err), &err);
	CHECK_OK(set(FL_MAX_ENDPOINTS, 2), &err);
	CHECK_OK(dp_remove_endpoint(dp, &more, &err), &err);
	close(locals);
	close(endpoints);
}

static void a_pod_whose_addresses_do_not_fit_has_none_and_is_shut(void **state)
{
	int locals = pinned("fl_locals"), endpoints = pinned("fl_endpoints");
	struct dp_endpoint more = endpoint(5000, 3);
	struct fl_endpoint_info info;
	__u32 other = 7, n = 0;
	struct fl_address_key key;

	(void)state;
	/* Room for two of its three. */
	for (struct fl_address_key *last = NULL; bpf_map_get_next_key(locals, last, &key) == 0;
	     last = &key)
		n++;
	for (__u32 i = 0; n < FL_MAX_LOCALS - 2; i++, n++) {
		key = (struct fl_address_key){ .zone = 9, .addr = nth(i) };
		CHECK(bpf_map_update_elem(locals, &key, &other, BPF_NOEXIST) == 0);
	}
	CHECK_FAILS(set(5000, 3), E2BIG, &err,
		    "the datapath's map of pods' addresses is full: it holds 16384");
	for (size_t i = 0; i < more.n_ips; i++)
		CHECK(!has_local(locals, &more.ips[i]));
	CHECK(bpf_map_lookup_elem(endpoints, &more.ifindex, &info) < 0 ||
	      (info.flags & FL_ENDPOINT_SHUT));
	CHECK_OK(set(5000, 2), &err);
	close(locals);
	close(endpoints);
}

/* --- maps that policy fills --- */

static int put_prefix(__u32 i)
{
	struct fl_prefix_key key = { .prefixlen = 32 + 128, .addr = nth(i) };
	struct fl_prefix_info info = { .block = FL_ID_FIRST };

	return dp_set_prefix(dp, &key, &info, &err);
}

static int drop_prefix(__u32 i)
{
	struct fl_prefix_key key = { .prefixlen = 32 + 128, .addr = nth(i) };

	return dp_remove_prefix(dp, &key, &err);
}

static int put_address(__u32 i)
{
	struct fl_address_info info = { .key = { .addr = nth(i) }, .block = FL_ID_FIRST };

	return dp_set_address(dp, &info, &err);
}

static int drop_address(__u32 i)
{
	struct fl_address_key key = { .addr = nth(i) };

	return dp_remove_address(dp, &key, &err);
}

static int put_special(__u32 i)
{
	struct fl_prefix_key key = { .prefixlen = 32 + 128, .addr = nth(i) };

	return dp_set_special(dp, &key, FL_SPECIAL_NODE, &err);
}

static int drop_special(__u32 i)
{
	struct fl_prefix_key key = { .prefixlen = 32 + 128, .addr = nth(i) };

	return dp_remove_special(dp, &key, &err);
}

static int put_denied(__u32 i)
{
	struct fl_prefix_key key = { .prefixlen = 32 + 128, .addr = nth(i) };

	return dp_set_denied(dp, &key, &err);
}

static int put_rule(__u32 i)
{
	struct fl_rule_key key = { .version = i, .who = FL_ID_ANY };
	struct fl_rule rule = { .ports = FL_RULE_ALL };

	return dp_set_rule(dp, &key, &rule, &err);
}

static int drop_rule(__u32 i)
{
	struct fl_rule_key key = { .version = i, .who = FL_ID_ANY };

	return dp_remove_rule(dp, &key, &err);
}

static int put_port(__u32 i)
{
	struct fl_port_key key = { .ports = i, .proto = IPPROTO_TCP, .bits = FL_PORT_BITS };
	struct fl_port_info info = { 0 };

	return dp_set_port(dp, &key, &info, &err);
}

static int drop_port(__u32 i)
{
	struct fl_port_key key = { .ports = i, .proto = IPPROTO_TCP, .bits = FL_PORT_BITS };

	return dp_remove_port(dp, &key, &err);
}

static int put_slot(__u32 i)
{
	struct fl_slot slot = { .version = i };

	return dp_set_slot(dp, i, &slot, &err);
}

static const struct {
	const char *what;
	__u32 max;
	int (*put)(__u32 i);
	int (*drop)(__u32 i); /* NULL: what is in stays */
} maps[] = {
	{ "addresses", FL_MAX_ADDRESSES, put_address, drop_address },
	{ "prefixes", FL_MAX_PREFIXES, put_prefix, drop_prefix },
	{ "special addresses", FL_MAX_SPECIALS, put_special, drop_special },
	{ "denied blocks", FL_MAX_DENIED, put_denied, NULL },
	{ "rules", FL_MAX_RULES, put_rule, drop_rule },
	{ "ports", FL_MAX_PORTS, put_port, drop_port },
	{ "policy sets", FL_MAX_SLOTS, put_slot, NULL },
};

static void every_map_of_policy_takes_what_it_says_and_refuses_the_next(void **state)
{
	(void)state;
	for (size_t m = 0; m < FL_ARRAY_LEN(maps); m++) {
		char want[96];

		for (__u32 i = 0; i < maps[m].max; i++)
			if (maps[m].put(i) < 0)
				fail_msg("%s %u: %s", maps[m].what, i, err.text);
		(void)snprintf(want, sizeof(want), "map of %s is full: it holds %u", maps[m].what,
			       maps[m].max);
		CHECK_FAILS(maps[m].put(maps[m].max), E2BIG, &err, want);
		/* What is there may change. */
		CHECK_OK(maps[m].put(1), &err);
		if (!maps[m].drop)
			continue;
		CHECK_OK(maps[m].drop(2), &err);
		CHECK_OK(maps[m].put(maps[m].max), &err);
	}
}

/* --- the agent --- */

static void the_agent_names_the_pod_that_is_one_too_many(void **state)
{
	struct enf_options o = { .root = "", .folder = PINS, .node = "n1" };
	struct fl_endpoint ep = { .key = { "pods", "ca", "eth0" },
				  .mode = "bgp-route",
				  .n_ips = 1 };
	struct fl_endpoint_info info = { .identity = FL_ID_FIRST };
	fl_auto_enf struct enf *enf = NULL;
	fl_auto_close int fd = -1;
	int map, n = 0;

	(void)state;
	must("mkdir -p /run/fairlead");
	CHECK_OK(dp_retire(PINS, nl, &err), &err);
	CHECK_OK(enf_open(&o, &enf, &err), &err);
	CHECK_OK(enf_reconcile(enf, &err), &err);
	memcpy(ep.host_ifname, "ha", 3);
	memcpy(ep.mac, (__u8[]){ 2, 0, 0, 0, 0, 0x0a }, 6);
	CHECK_OK(fl_prefix_parse_loose("10.0.0.2", &ep.ips[0], &err), &err);
	CHECK_OK(fl_endpoint_claim("", &ep.key, &fd, &err), &err);
	CHECK_OK(fl_endpoint_fill(fd, &ep, &err), &err);
	map = pinned("fl_endpoints");
	for (__u32 i = 0; n < FL_MAX_ENDPOINTS; i++, n++) {
		info.ifindex = 1000 + i;
		CHECK(bpf_map_update_elem(map, &info.ifindex, &info, BPF_NOEXIST) == 0);
	}
	CHECK_FAILS(enf_attach(enf, &ep.key, &err), E2BIG, &err,
		    "endpoint 'ha': the datapath's map of endpoints is full: it holds 4096");
	CHECK(enf_stats(enf).endpoints == 0);
	/* When another one goes, there is room. */
	CHECK(bpf_map_delete_elem(map, &info.ifindex) == 0);
	CHECK_OK(enf_attach(enf, &ep.key, &err), &err);
	CHECK(enf_stats(enf).endpoints == 1);
	close(map);
}

/* --- connections --- */

#define CHUNK 8192

static void as_many_connections_as_fit_and_no_more(void **state)
{
	static struct fl_flow_key keys[CHUNK];
	static struct fl_flow flows[CHUNK];
	struct pkt p = { .src = A4, .dst = WORLD4, .sport = 1, .dport = 53 };
	int fd = world_map("fl_flows");
	__u32 n = 1, count;

	(void)state;
	CHECK_FATE("the first", world_run(FROM_A, &p), FL_R_FORWARDED);
	while (n < FL_MAX_FLOWS - 1) {
		for (count = 0; count < CHUNK && n < FL_MAX_FLOWS - 1; count++, n++) {
			keys[count] = (struct fl_flow_key){ .addr[1] = nth(n), .proto = 6 };
			flows[count] = (struct fl_flow){ 0 };
		}
		CHECK(bpf_map_update_batch(fd, keys, flows, &count, NULL) == 0);
	}
	p.sport = 2;
	CHECK_FATE("the last that fits", world_run(FROM_A, &p), FL_R_FORWARDED);
	assert_int_equal(world_flows(), FL_MAX_FLOWS);
	p.sport = 3;
	CHECK_FATE("one more", world_run(FROM_A, &p), FL_R_FLOWS_FULL);
	p.sport = 1;
	CHECK_FATE("one that is known", world_run(FROM_A, &p), FL_R_FORWARDED);
	assert_int_equal(bpf_map_delete_elem(fd, &keys[0]), 0);
	p.sport = 3;
	CHECK_FATE("one more, with room", world_run(FROM_A, &p), FL_R_FORWARDED);
}

int main(void)
{
	const struct CMUnitTest limits[] = {
		cmocka_unit_test(one_endpoint_too_many_is_refused_and_leaves_nothing),
		cmocka_unit_test(a_pod_whose_addresses_do_not_fit_has_none_and_is_shut),
		cmocka_unit_test(every_map_of_policy_takes_what_it_says_and_refuses_the_next),
		cmocka_unit_test(the_agent_names_the_pod_that_is_one_too_many),
	};
	const struct CMUnitTest flows[] = {
		cmocka_unit_test(as_many_connections_as_fit_and_no_more),
	};
	int failed = cmocka_run_group_tests_name("full maps", limits, begin, end);

	return failed +
	       cmocka_run_group_tests_name("all connections", flows, world_begin_full, world_end);
}
