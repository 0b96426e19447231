// SPDX-License-Identifier: Apache-2.0
/* The world of the programs' tests. */
#include "world.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/datapath.skel.h"

static struct datapath_bpf *skel;
static __u32 if_a, if_b;

static struct fl_in address(const char *text)
{
	struct fl_in in = { 0 };

	if (strchr(text, ':')) {
		assert_int_equal(inet_pton(AF_INET6, text, in.b), 1);
	} else {
		in.b[10] = in.b[11] = 0xff;
		assert_int_equal(inet_pton(AF_INET, text, in.b + 12), 1);
	}
	return in;
}

static void put(struct bpf_map *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY) != 0)
		fail_msg("map '%s' does not take an entry", bpf_map__name(map));
}

static struct fl_prefix_key prefix(const char *text, unsigned int bits)
{
	return (struct fl_prefix_key){ .prefixlen = 32 + (strchr(text, ':') ? bits : 96 + bits),
				       .addr = address(text) };
}

static void put_special(const char *text, unsigned int bits, __u32 flags)
{
	struct fl_prefix_key key = prefix(text, bits);
	struct fl_special special = { .flags = flags };

	put(skel->maps.fl_specials, &key, &special);
}

static void put_prefix(const char *text, unsigned int bits, __u32 block)
{
	struct fl_prefix_key key = prefix(text, bits);
	struct fl_prefix_info info = { .block = block };

	put(skel->maps.fl_prefixes, &key, &info);
}

static void put_pod(__u32 ifindex, __u8 last, const char *ip4, const char *ip6, __u32 identity,
		    __u32 slot)
{
	struct fl_endpoint_info ep = { .identity = identity,
				       .ns = ID_NS,
				       .slot = slot,
				       .mac = { 2, 0, 0, 0, 0, last },
				       .host_mac = { 2, 0, 0, 0, 0, 0xfe },
				       .ip4 = address(ip4),
				       .ip6 = address(ip6) };
	struct fl_local_key key = { .addr = ep.ip4 };

	put(skel->maps.fl_endpoints, &ifindex, &ep);
	put(skel->maps.fl_locals, &key, &ifindex);
	key.addr = ep.ip6;
	put(skel->maps.fl_locals, &key, &ifindex);
}

static int make_links(void)
{
	if (unshare(CLONE_NEWNET) < 0 || system("ip link add hA type veth peer name cA && ip link "
						"add hB type veth peer name cB && "
						"ip link set hA up && ip link set hB up") != 0)
		return -1;
	if_a = if_nametoindex("hA");
	if_b = if_nametoindex("hB");
	return if_a && if_b ? 0 : -1;
}

int world_begin(void **state)
{
	(void)state;
	if (make_links() < 0)
		return -1;
	skel = datapath_bpf__open();
	if (!skel)
		return -1;
	/* As many as the tests need, so that "full" is within reach. */
	if (bpf_map__set_max_entries(skel->maps.fl_flows, 1024) != 0 ||
	    datapath_bpf__load(skel) != 0)
		return -1;
	put_pod(if_a, 0x0a, A4, A6, ID_A, SLOT_A);
	put_pod(if_b, 0x0b, B4, B6, ID_B, SLOT_B);
	put_special(NODE4, 32, FL_SPECIAL_NODE);
	put_special(NODE6, 128, FL_SPECIAL_NODE);
	put_prefix("10.1.0.0", 16, ID_REMOTE);
	put_prefix("fd01::", 64, ID_REMOTE);
	put_special("10.96.0.0", 12, FL_SPECIAL_SERVICE);
	return 0;
}

int world_end(void **state)
{
	(void)state;
	datapath_bpf__destroy(skel);
	skel = NULL;
	return 0;
}

int world_map(const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(skel->obj, name);

	assert_true(fd >= 0);
	return fd;
}

void world_slot(__u32 slot, __u32 version, __u32 flags)
{
	struct fl_slot value = { .version = version, .flags = flags };

	put(skel->maps.fl_slots, &slot, &value);
}

void world_rule(__u32 version, enum fl_dir dir, __u32 who, __u32 ports)
{
	struct fl_rule_key key = { .version = version, .who = who, .dir = dir };
	struct fl_rule rule = { .ports = ports };

	put(skel->maps.fl_rules, &key, &rule);
}

void world_port(__u32 ports, __u8 proto, __u16 port, unsigned int bits)
{
	struct fl_port_key key = { .prefixlen = 40 + bits, .ports = ports, .proto = proto };
	struct fl_port_info info = { 0 };

	key.port_be[0] = (__u8)(port >> 8);
	key.port_be[1] = (__u8)port;
	put(skel->maps.fl_ports, &key, &info);
}

void world_next_generation(void)
{
	struct fl_state state = { 0 };
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(skel->maps.fl_state), &zero, &state), 0);
	state.generation++;
	put(skel->maps.fl_state, &zero, &state);
}

static void empty(struct bpf_map *map)
{
	uint8_t key[64];

	while (bpf_map_get_next_key(bpf_map__fd(map), NULL, key) == 0)
		assert_int_equal(bpf_map_delete_elem(bpf_map__fd(map), key), 0);
}

void world_forget(void)
{
	empty(skel->maps.fl_flows);
	empty(skel->maps.fl_fragments);
}

size_t world_flows(void)
{
	struct fl_flow_key key, *last = NULL;
	size_t n = 0;

	for (; bpf_map_get_next_key(bpf_map__fd(skel->maps.fl_flows), last, &key) == 0; last = &key)
		n++;
	return n;
}

/* Packets counted so far, by reason. */
static void read_counts(uint64_t counts[FL_R_COUNT])
{
	int cpus = libbpf_num_possible_cpus();
	struct fl_count values[256];

	assert_in_range(cpus, 1, 256);
	for (__u32 i = 0; i < FL_R_COUNT * FL_DIRS; i++) {
		int fd = bpf_map__fd(skel->maps.fl_counts);

		assert_int_equal(bpf_map_lookup_elem(fd, &i, values), 0);
		if (i % FL_DIRS == 0)
			counts[i / FL_DIRS] = 0;
		for (int c = 0; c < cpus; c++)
			counts[i / FL_DIRS] += values[c].packets;
	}
}

static int program_fd(enum hook hook)
{
	return bpf_program__fd(hook == FROM_A || hook == FROM_B ? skel->progs.fl_from_pod
								: skel->progs.fl_to_pod);
}

static __u32 if_of(enum hook hook)
{
	return hook == FROM_A || hook == TO_A ? if_a : if_b;
}

struct fate world_run_bytes(enum hook hook, const uint8_t *bytes, size_t len)
{
	uint64_t before[FL_R_COUNT], after[FL_R_COUNT];
	struct __sk_buff ctx = { .ifindex = if_of(hook) };
	struct fate f = { .reason = FL_R_COUNT };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = bytes, .data_size_in = (__u32)len,
		    .data_out = f.out, .data_size_out = sizeof(f.out), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx));
	int total = 0;

	read_counts(before);
	if (bpf_prog_test_run_opts(program_fd(hook), &o) != 0)
		return f;
	read_counts(after);
	for (int i = 0; i < FL_R_COUNT; i++)
		for (; before[i] < after[i]; before[i]++, total++)
			f.reason = (enum fl_reason)i;
	if (total != 1)
		f.reason = FL_R_COUNT;
	f.verdict = (int)o.retval;
	f.len = o.data_size_out;
	return f;
}

struct fate world_run(enum hook hook, const struct pkt *p)
{
	uint8_t bytes[PKT_MAX];

	return world_run_bytes(hook, bytes, pkt_build(p, bytes));
}

double world_time(enum hook hook, const struct pkt *p, unsigned int times)
{
	uint8_t bytes[PKT_MAX];
	struct __sk_buff ctx = { .ifindex = if_of(hook) };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = bytes,
		    .data_size_in = (__u32)pkt_build(p, bytes), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = (int)times);

	return bpf_prog_test_run_opts(program_fd(hook), &o) == 0 ? (double)o.duration : -1;
}
