// SPDX-License-Identifier: Apache-2.0
/* Filling the maps. The agent is their only writer, but for connections and counters. */
#include <errno.h>
#include <linux/types.h>

#include <bpf/bpf.h>

#include "agent/datapath/dp.h"
#include "bpf/datapath.skel.h"

static __u32 room_of(int map_fd)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(map_fd, &info, &len) < 0 ? 0 : info.max_entries;
}

int dp_put(int map_fd, const void *key, const void *value, const char *what, struct fl_err *err)
{
	if (bpf_map_update_elem(map_fd, key, value, BPF_ANY) == 0)
		return 0;
	if (errno == E2BIG || errno == ENOSPC)
		return fl_fail(err, E2BIG, "the datapath's map of %s is full: it holds %u", what,
			       room_of(map_fd));
	return fl_fail_errno(err, errno, "write to the datapath's map of %s", what);
}

int dp_drop(int map_fd, const void *key, const char *what, struct fl_err *err)
{
	if (bpf_map_delete_elem(map_fd, key) == 0 || errno == ENOENT)
		return 0;
	return fl_fail_errno(err, errno, "remove from the datapath's map of %s", what);
}

/* The next key is found before this one goes: a walk that goes on from what is gone begins anew. */
int dp_walk(int fd, bool (*keep)(const void *key, void *arg), void *arg, const char *what,
	    struct fl_err *err)
{
	uint8_t keys[2][64];
	unsigned int at = 0;
	int r = 0, has = bpf_map_get_next_key(fd, NULL, keys[0]) == 0;

	while (r == 0 && has) {
		has = bpf_map_get_next_key(fd, keys[at], keys[!at]) == 0;
		if (!keep(keys[at], arg))
			r = dp_drop(fd, keys[at], what, err);
		at = !at;
	}
	return r;
}

int dp_prune(struct dp *d, enum dp_map map, bool (*keep)(const void *key, void *arg), void *arg,
	     struct fl_err *err)
{
	switch (map) {
	case DP_ADDRESSES:
		return dp_walk(DP_FD(d, fl_addresses), keep, arg, "addresses", err);
	case DP_PREFIXES:
		return dp_walk(DP_FD(d, fl_prefixes), keep, arg, "prefixes", err);
	case DP_SPECIALS:
		return dp_walk(DP_FD(d, fl_specials), keep, arg, "special addresses", err);
	case DP_DENIED:
		return dp_walk(DP_FD(d, fl_denied), keep, arg, "denied blocks", err);
	case DP_TUNNELS:
		return dp_walk(DP_FD(d, fl_tunnels), keep, arg, "ways through the overlay", err);
	case DP_RULES:
		return dp_walk(DP_FD(d, fl_rules), keep, arg, "rules", err);
	case DP_PORTS:
		return dp_walk(DP_FD(d, fl_ports), keep, arg, "ports", err);
	}
	return 0;
}

int dp_set_special(struct dp *d, const struct fl_prefix_key *key, __u32 flags, struct fl_err *err)
{
	struct fl_special special = { .flags = flags };

	return dp_put(DP_FD(d, fl_specials), key, &special, "special addresses", err);
}

int dp_remove_special(struct dp *d, const struct fl_prefix_key *key, struct fl_err *err)
{
	return dp_drop(DP_FD(d, fl_specials), key, "special addresses", err);
}

int dp_set_denied(struct dp *d, const struct fl_prefix_key *key, struct fl_err *err)
{
	__u32 one = 1;

	return dp_put(DP_FD(d, fl_denied), key, &one, "denied blocks", err);
}

int dp_set_tunnel(struct dp *d, const struct fl_tunnel_key *key, const struct fl_tunnel *tunnel,
		  struct fl_err *err)
{
	return dp_put(DP_FD(d, fl_tunnels), key, tunnel, "ways through the overlay", err);
}

int dp_remove_tunnel(struct dp *d, const struct fl_tunnel_key *key, struct fl_err *err)
{
	return dp_drop(DP_FD(d, fl_tunnels), key, "ways through the overlay", err);
}

int dp_keep_tunnels(struct dp *d, struct fl_err *err)
{
	struct fl_lease none = { 0 };
	__u32 zero = 0;

	return dp_put(DP_FD(d, fl_lease), &zero, &none, "leases", err);
}

/*
 * Who takes over finds most of it there; an entry's memory must not go to another one meanwhile, as
 * that of one which is written again does.
 */
static bool is_there(int map_fd, const void *key, const void *value, size_t size)
{
	uint8_t have[64];

	return bpf_map_lookup_elem(map_fd, key, have) == 0 && memcmp(have, value, size) == 0;
}

int dp_set_address(struct dp *d, const struct fl_address_info *info, struct fl_err *err)
{
	int fd = DP_FD(d, fl_addresses);

	return is_there(fd, &info->key, info, sizeof(*info))
		       ? 0
		       : dp_put(fd, &info->key, info, "addresses", err);
}

int dp_remove_address(struct dp *d, const struct fl_address_key *key, struct fl_err *err)
{
	return dp_drop(DP_FD(d, fl_addresses), key, "addresses", err);
}

int dp_set_prefix(struct dp *d, const struct fl_prefix_key *key, const struct fl_prefix_info *info,
		  struct fl_err *err)
{
	return dp_put(DP_FD(d, fl_prefixes), key, info, "prefixes", err);
}

int dp_remove_prefix(struct dp *d, const struct fl_prefix_key *key, struct fl_err *err)
{
	return dp_drop(DP_FD(d, fl_prefixes), key, "prefixes", err);
}

int dp_set_rule(struct dp *d, const struct fl_rule_key *key, const struct fl_rule *rule,
		struct fl_err *err)
{
	int fd = DP_FD(d, fl_rules);

	return is_there(fd, key, rule, sizeof(*rule)) ? 0 : dp_put(fd, key, rule, "rules", err);
}

int dp_remove_rule(struct dp *d, const struct fl_rule_key *key, struct fl_err *err)
{
	return dp_drop(DP_FD(d, fl_rules), key, "rules", err);
}

int dp_set_port(struct dp *d, const struct fl_port_key *key, const struct fl_port_info *info,
		struct fl_err *err)
{
	int fd = DP_FD(d, fl_ports);

	return is_there(fd, key, info, sizeof(*info)) ? 0 : dp_put(fd, key, info, "ports", err);
}

int dp_remove_port(struct dp *d, const struct fl_port_key *key, struct fl_err *err)
{
	return dp_drop(DP_FD(d, fl_ports), key, "ports", err);
}

int dp_set_slot(struct dp *d, __u32 slot, const struct fl_slot *value, struct fl_err *err)
{
	return dp_put(DP_FD(d, fl_slots), &slot, value, "policy sets", err);
}
