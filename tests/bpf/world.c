// SPDX-License-Identifier: Apache-2.0
/* The world of the programs' tests. */
#include "world.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/pkt_cls.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/datapath.skel.h"

static struct datapath_bpf *skel;
static __u32 if_a, if_b, if_net;

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

void world_prefix(const char *text, unsigned int bits, __u32 block)
{
	struct fl_prefix_key key = prefix(text, bits);
	struct fl_prefix_info info = { .block = block };

	put(skel->maps.fl_prefixes, &key, &info);
}

static void put_pod(__u32 ifindex, __u8 last, const char *ip4, const char *ip6, __u32 identity,
		    __u32 slot)
{
	struct fl_endpoint_info ep = { .ifindex = ifindex,
				       .identity = identity,
				       .ns = ID_NS,
				       .slot = slot,
				       .mac = { 2, 0, 0, 0, 0, last },
				       .host_mac = { 2, 0, 0, 0, 0, 0xfe },
				       .ip4 = address(ip4),
				       .ip6 = address(ip6) };
	struct fl_address_info info = { .identity = identity, .ns = ID_NS };

	put(skel->maps.fl_endpoints, &ifindex, &ep);
	for (int i = 0; i < 2; i++) {
		info.key.addr = i ? ep.ip6 : ep.ip4;
		put(skel->maps.fl_locals, &info.key, &ifindex);
		put(skel->maps.fl_addresses, &info.key, &info);
	}
}

/* Packets counted so far, by reason and direction. Nobody counts but the packets that are run. */
static uint64_t counted[FL_R_COUNT * FL_DIRS];

static void read_counts(uint64_t counts[FL_R_COUNT * FL_DIRS])
{
	int cpus = libbpf_num_possible_cpus(), fd = bpf_map__fd(skel->maps.fl_counts);
	struct fl_count values[256];

	assert_in_range(cpus, 1, 256);
	for (__u32 i = 0; i < FL_R_COUNT * FL_DIRS; i++) {
		assert_int_equal(bpf_map_lookup_elem(fd, &i, values), 0);
		counts[i] = 0;
		for (int c = 0; c < cpus; c++)
			counts[i] += values[c].packets;
	}
}

static const char links[] = "set -e\n"
			    "ip link add hA type veth peer name cA\n"
			    "ip link add hB type veth peer name cB\n"
			    "ip link add net0 address 02:00:00:00:00:fe type veth peer name far\n"
			    "for l in lo hA hB net0 far; do ip link set $l up; done\n"
			    "echo 1 >/proc/sys/net/ipv4/ip_forward\n"
			    "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding\n"
			    "ip addr add 192.0.2.1/24 dev net0\n"
			    "ip addr add fd00:2::1/64 dev net0 nodad\n"
			    "ip route add 10.2.0.0/16 via 192.0.2.2\n"
			    "ip route add fd02::/64 via fd00:2::2\n";

static int make_links(void)
{
	if (unshare(CLONE_NEWNET) < 0 || system(links) != 0)
		return -1;
	if_a = if_nametoindex("hA");
	if_b = if_nametoindex("hB");
	if_net = if_nametoindex("net0");
	return if_a && if_b && if_net ? 0 : -1;
}

/* The link to the other node, its pods' blocks, and who is denied. */
static void put_net(void)
{
	struct fl_device device = { .flags = FL_DEVICE_DENIES };
	struct fl_prefix_key denied4 = prefix("203.0.113.0", 24);
	struct fl_prefix_key denied6 = prefix("2001:db8:dead::", 48);
	__u8 one = 1;

	put(skel->maps.fl_devices, &if_net, &device);
	put_special("10.2.0.0", 16, FL_SPECIAL_PEER);
	put_special("fd02::", 64, FL_SPECIAL_PEER);
	world_prefix("10.2.0.0", 16, ID_PEER);
	world_prefix("fd02::", 64, ID_PEER);
	put(skel->maps.fl_denied, &denied4, &one);
	put(skel->maps.fl_denied, &denied6, &one);
}

static int begin(__u32 max_flows)
{
	if (make_links() < 0)
		return -1;
	skel = datapath_bpf__open();
	if (!skel || bpf_map__set_max_entries(skel->maps.fl_flows, max_flows) != 0 ||
	    datapath_bpf__load(skel) != 0)
		return -1;
	put_pod(if_a, 0x0a, A4, A6, ID_A, SLOT_A);
	put_pod(if_b, 0x0b, B4, B6, ID_B, SLOT_B);
	put_special(NODE4, 32, FL_SPECIAL_NODE);
	put_special(NODE6, 128, FL_SPECIAL_NODE);
	world_prefix("10.1.0.0", 16, ID_REMOTE);
	world_prefix("fd01::", 64, ID_REMOTE);
	put_special("10.96.0.0", 12, FL_SPECIAL_SERVICE);
	put_net();
	read_counts(counted);
	return 0;
}

int world_begin(void **state)
{
	(void)state;
	/* As many as the tests need, so that "full" is within reach. */
	return begin(1024);
}

int world_begin_full(void **state)
{
	(void)state;
	return begin(FL_MAX_FLOWS);
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

/* Of the port sets, as in struct fl_rule. */
static __u32 lengths[128];

void world_rule(__u32 version, enum fl_dir dir, __u32 who, __u32 ports)
{
	struct fl_rule_key key = { .version = version, .who = who, .dir = dir };
	struct fl_rule rule = { .ports = ports,
				.lengths = ports == FL_RULE_ALL ? 0 : lengths[ports] };

	put(skel->maps.fl_rules, &key, &rule);
}

/* Tells the rules of the port set which lengths it has by now. */
static void tell_rules(__u32 ports)
{
	struct fl_rule_key key, *last = NULL;
	int fd = bpf_map__fd(skel->maps.fl_rules);
	struct fl_rule rule;

	for (; bpf_map_get_next_key(fd, last, &key) == 0; last = &key) {
		assert_int_equal(bpf_map_lookup_elem(fd, &key, &rule), 0);
		if (rule.ports == ports && rule.lengths != lengths[ports])
			world_rule(key.version, key.dir, key.who, ports);
	}
}

void world_port(__u32 ports, __u8 proto, __u16 port, unsigned int bits)
{
	struct fl_port_key key = {
		.ports = ports, .port = port, .proto = proto, .bits = (__u8)bits
	};
	struct fl_port_info info = { 0 };

	put(skel->maps.fl_ports, &key, &info);
	if (!(lengths[ports] & 1u << bits)) {
		lengths[ports] |= 1u << bits;
		tell_rules(ports);
	}
}

static struct fl_state read_state(void)
{
	struct fl_state state = { 0 };
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(skel->maps.fl_state), &zero, &state), 0);
	return state;
}

void world_next_generation(void)
{
	struct fl_state state = read_state();
	__u32 zero = 0;

	state.generation++;
	put(skel->maps.fl_state, &zero, &state);
}

__u32 world_turn(void)
{
	return read_state().turn;
}

void world_next_turn(void)
{
	struct fl_state state = read_state();
	__u32 zero = 0;

	state.turn++;
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
	world_next_generation();
}

void world_no_specials(void)
{
	empty(skel->maps.fl_specials);
	world_next_generation();
}

size_t world_flows(void)
{
	struct fl_flow_key key, *last = NULL;
	size_t n = 0;

	for (; bpf_map_get_next_key(bpf_map__fd(skel->maps.fl_flows), last, &key) == 0; last = &key)
		n++;
	return n;
}

uint64_t world_verdicts(enum fl_verdict verdict, enum fl_dir dir)
{
	__u32 index = verdict * FL_DIRS + dir;
	uint64_t values[256], sum = 0;

	assert_in_range(libbpf_num_possible_cpus(), 1, 256);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(skel->maps.fl_verdicts), &index, values),
			 0);
	for (int c = 0; c < libbpf_num_possible_cpus(); c++)
		sum += values[c];
	return sum;
}

static const struct bpf_program *program_at(enum hook hook)
{
	switch (hook) {
	case FROM_A:
	case FROM_B:
		return skel->progs.fl_from_pod;
	case TO_A:
	case TO_B:
		return skel->progs.fl_to_pod;
	case FROM_NET:
		return skel->progs.fl_from_net;
	case TO_NET:
		return skel->progs.fl_to_net;
	case IN_STACK:
		return skel->progs.fl_in_stack;
	case AT_XDP:
		return skel->progs.fl_xdp;
	}
	return NULL;
}

static int program_fd(enum hook hook)
{
	return bpf_program__fd(program_at(hook));
}

static __u32 if_of(enum hook hook)
{
	if (hook >= FROM_NET)
		return if_net;
	return hook == FROM_A || hook == TO_A ? if_a : if_b;
}

static struct fate run(enum hook hook, const uint8_t *bytes, size_t len, struct __sk_buff ctx)
{
	uint64_t after[FL_R_COUNT * FL_DIRS];
	struct __sk_buff left = { 0 };
	struct fate f = { .reason = FL_R_COUNT };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = bytes, .data_size_in = (__u32)len,
		    .data_out = f.out, .data_size_out = sizeof(f.out));

	ctx.ifindex = if_of(hook);
	if (hook != AT_XDP) {
		o.ctx_in = &ctx;
		o.ctx_size_in = sizeof(ctx);
		o.ctx_out = &left;
		o.ctx_size_out = sizeof(left);
	}
	if (bpf_prog_test_run_opts(program_fd(hook), &o) != 0)
		return f;
	read_counts(after);
	for (int i = 0; i < FL_R_COUNT * FL_DIRS; i++) {
		if (counted[i] == after[i])
			continue;
		f.counted += (unsigned int)(after[i] - counted[i]);
		counted[i] = after[i];
		f.reason = (enum fl_reason)(i / FL_DIRS);
		f.dir = (enum fl_dir)(i % FL_DIRS);
	}
	if (f.counted != 1)
		f.reason = FL_R_COUNT;
	f.verdict = (int)o.retval;
	f.mark = left.mark;
	f.len = o.data_size_out;
	return f;
}

struct fate world_run_bytes(enum hook hook, const uint8_t *bytes, size_t len)
{
	return run(hook, bytes, len, (struct __sk_buff){ 0 });
}

struct fate world_run_as(enum hook hook, const struct pkt *p, const struct __sk_buff *skb)
{
	uint8_t bytes[PKT_MAX];

	return run(hook, bytes, pkt_build(p, bytes), *skb);
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

	int r = bpf_prog_test_run_opts(program_fd(hook), &o);

	read_counts(counted);
	return r == 0 ? (double)o.duration : -1;
}

/* The only connection there is. */
static struct fl_flow_key flow_key(void)
{
	struct fl_flow_key key;

	assert_int_equal(bpf_map_get_next_key(bpf_map__fd(skel->maps.fl_flows), NULL, &key), 0);
	return key;
}

struct fl_flow world_flow(void)
{
	struct fl_flow_key key = flow_key();
	struct fl_flow f;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(skel->maps.fl_flows), &key, &f), 0);
	return f;
}

void world_set_flow(const struct fl_flow *f)
{
	struct fl_flow_key key = flow_key();

	put(skel->maps.fl_flows, &key, f);
	world_next_turn();
}

__u32 world_jiffies(void)
{
	uint8_t bytes[14] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = bytes, .data_size_in = sizeof(bytes));

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.fl_clock), &o), 0);
	return o.retval;
}

void world_passes(const char *what, enum hook hook, const struct pkt *p)
{
	struct fate f = world_run(hook, p);

	if (f.verdict != TC_ACT_UNSPEC || f.counted)
		fail_msg("%s: verdict %d, reason %d", what, f.verdict, (int)f.reason);
}

void world_check_rows(const struct world_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		world_forget();
		CHECK_FATE(rows[i].what, world_run(rows[i].hook, &rows[i].p), rows[i].want);
	}
}
