// SPDX-License-Identifier: Apache-2.0
/* Filling the maps. The agent is their only writer, but for connections and counters. */
#include <errno.h>
#include <linux/types.h>

#include <bpf/bpf.h>

#include "agent/datapath/dp.h"
#include "base/text.h"
#include "bpf/datapath.skel.h"

#define FD(d, map) bpf_map__fd((d)->bpf->maps.map)

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

static bool has_ip(const struct dp_endpoint *ep, __u32 zone, const struct fl_in *ip)
{
	for (size_t i = 0; i < ep->n_ips; i++)
		if (ep->info.zone == zone && fl_in_equal(&ep->ips[i], ip))
			return true;
	return false;
}

int dp_get_endpoint(struct dp *d, __u32 ifindex, struct fl_endpoint_info *out, struct fl_err *err)
{
	if (bpf_map_lookup_elem(FD(d, fl_endpoints), &ifindex, out) == 0)
		return 0;
	return fl_fail_errno(err, errno, "read from the datapath's map of endpoints");
}

__u32 dp_local_owner(struct dp *d, __u32 zone, const struct fl_in *ip)
{
	struct fl_address_key key = { .zone = zone, .addr = *ip };
	__u32 owner;

	return bpf_map_lookup_elem(FD(d, fl_locals), &key, &owner) == 0 ? owner : 0;
}

static int drop_local(struct dp *d, __u32 zone, const struct fl_in *ip, struct fl_err *err)
{
	struct fl_address_key key = { .zone = zone, .addr = *ip };

	return dp_drop(FD(d, fl_locals), &key, "pods' addresses", err);
}

/*
 * Walks the keys of a hash or trie and removes those that are not wanted. The next key is found
 * before this one goes: a walk that goes on from what is gone begins anew.
 */
static int walk(int fd, bool (*keep)(const void *key, void *arg), void *arg, const char *what,
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

static bool is_not_of(const struct fl_flow_key *key, const void *arg)
{
	const struct dp_endpoint *ep = arg;

	return !has_ip(ep, key->zone, &key->addr[0]) && !has_ip(ep, key->zone, &key->addr[1]);
}

/* Forgets the connections of the first n addresses. */
static int forget(struct dp *d, const struct dp_endpoint *ep, struct fl_err *err)
{
	return ep->n_ips ? dp_forget(d, is_not_of, ep, err) : 0;
}

/* Its addresses, of which those that another endpoint has are forgotten first. */
static int take_addresses(struct dp *d, const struct dp_endpoint *ep, struct fl_err *err)
{
	fl_auto_free struct dp_endpoint *of = calloc(1, sizeof(*of));
	int r = 0;

	if (!of)
		return fl_fail_errno(err, ENOMEM, "describe an endpoint");
	of->info.zone = ep->info.zone;
	for (size_t i = 0; r == 0 && i < ep->n_ips; i++) {
		struct fl_address_key key = { .zone = ep->info.zone, .addr = ep->ips[i] };
		__u32 owner = dp_local_owner(d, key.zone, &key.addr);

		if (owner && owner != ep->ifindex)
			of->ips[of->n_ips++] = key.addr;
		if (owner != ep->ifindex)
			r = dp_put(FD(d, fl_locals), &key, &ep->ifindex, "pods' addresses", err);
	}
	return r ?: forget(d, of, err);
}

/* Gives them back, so that an endpoint that does not fit takes up no room. */
static void drop_addresses(struct dp *d, const struct dp_endpoint *ep)
{
	struct fl_err ignored;

	for (size_t i = 0; i < ep->n_ips; i++)
		if (dp_local_owner(d, ep->info.zone, &ep->ips[i]) == ep->ifindex)
			FL_IGNORE(drop_local(d, ep->info.zone, &ep->ips[i], &ignored));
}

/* Forgets those of the last addresses that are the endpoint's no more. */
static int leave_addresses(struct dp *d, const struct dp_endpoint *ep,
			   const struct dp_endpoint *last, struct fl_err *err)
{
	fl_auto_free struct dp_endpoint *gone = calloc(1, sizeof(*gone));
	int r = 0;

	if (!gone)
		return fl_fail_errno(err, ENOMEM, "describe an endpoint");
	gone->info.zone = last->info.zone;
	for (size_t i = 0; i < last->n_ips; i++)
		if (!has_ip(ep, last->info.zone, &last->ips[i]) &&
		    dp_local_owner(d, last->info.zone, &last->ips[i]) == ep->ifindex)
			gone->ips[gone->n_ips++] = last->ips[i];
	for (size_t i = 0; r == 0 && i < gone->n_ips; i++)
		r = drop_local(d, gone->info.zone, &gone->ips[i], err);
	return r ?: forget(d, gone, err);
}

/* Does the map know this very endpoint, open, with all its addresses? */
static bool is_known(struct dp *d, const struct dp_endpoint *ep, struct fl_endpoint_info *have)
{
	if (bpf_map_lookup_elem(FD(d, fl_endpoints), &ep->ifindex, have) < 0 ||
	    have->zone != ep->info.zone || (have->flags & FL_ENDPOINT_SHUT) ||
	    memcmp(have->mac, ep->info.mac, sizeof(have->mac)) != 0)
		return false;
	for (size_t i = 0; i < ep->n_ips; i++)
		if (dp_local_owner(d, ep->info.zone, &ep->ips[i]) != ep->ifindex)
			return false;
	return true;
}

static struct fl_endpoint_info info_of(const struct dp_endpoint *ep)
{
	struct fl_endpoint_info info = ep->info;

	info.ifindex = ep->ifindex;
	for (size_t i = ep->n_ips; i-- > 0;) {
		const struct fl_ip ip = dp_ip(&ep->ips[i]);

		*(fl_ip_is4(&ip) ? &info.ip4 : &info.ip6) = ep->ips[i];
	}
	return info;
}

int dp_set_endpoint(struct dp *d, const struct dp_endpoint *ep, const struct dp_endpoint *last,
		    bool *is_shut, struct fl_err *err)
{
	struct fl_endpoint_info info = info_of(ep), have = { 0 };
	bool known = is_known(d, ep, &have);
	int r = 0;

	info.flags |= known ? 0 : FL_ENDPOINT_SHUT;
	/*
	 * The endpoint first: an address that leads to an unknown one would count as the world's.
	 * Connections speak of it as they found it: until they are judged again.
	 */
	if (!known || memcmp(&have, &info, sizeof(info)) != 0)
		r = dp_put(FD(d, fl_endpoints), &ep->ifindex, &info, "endpoints", err)
			    ?: (have.ifindex ? dp_next_generation(d, err) : 0);
	if (r == 0 && !known)
		r = take_addresses(d, ep, err);
	if (r < 0 && !known)
		drop_addresses(d, ep);
	if (r == 0 && last)
		r = leave_addresses(d, ep, last, err);
	if (r == 0)
		*is_shut = !known;
	return r;
}

int dp_open_endpoint(struct dp *d, const struct dp_endpoint *ep, struct fl_err *err)
{
	struct fl_endpoint_info info = info_of(ep);

	return dp_put(FD(d, fl_endpoints), &ep->ifindex, &info, "endpoints", err);
}

int dp_remove_endpoint(struct dp *d, const struct dp_endpoint *ep, struct fl_err *err)
{
	fl_auto_free struct dp_endpoint *own = calloc(1, sizeof(*own));
	int r = 0;

	if (!own)
		return fl_fail_errno(err, ENOMEM, "describe an endpoint");
	/* An address may be another endpoint's by now. */
	own->info.zone = ep->info.zone;
	for (size_t i = 0; i < ep->n_ips; i++)
		if (dp_local_owner(d, ep->info.zone, &ep->ips[i]) == ep->ifindex)
			own->ips[own->n_ips++] = ep->ips[i];
	/*
	 * First the endpoint: nothing passes it while its addresses are nobody's. Its connections
	 * speak of it as they found it: until they are judged again.
	 */
	r = dp_drop(FD(d, fl_endpoints), &ep->ifindex, "endpoints", err)
		    ?: dp_next_generation(d, err);
	for (size_t i = 0; r == 0 && i < own->n_ips; i++)
		r = drop_local(d, own->info.zone, &own->ips[i], err);
	/* No connection is inherited with an address. */
	return r ?: forget(d, own, err);
}

struct strangers {
	struct dp *d;
	struct dp_endpoint ep;
};

static bool note_local(const void *k, void *arg)
{
	const struct fl_address_key *key = k;
	struct strangers *s = arg;
	__u32 owner;

	if (bpf_map_lookup_elem(FD(s->d, fl_locals), key, &owner) == 0 && owner == s->ep.ifindex &&
	    s->ep.n_ips < DP_IPS_MAX) {
		s->ep.info.zone = key->zone;
		s->ep.ips[s->ep.n_ips++] = key->addr;
	}
	return true;
}

int dp_remove_stranger(struct dp *d, __u32 ifindex, struct fl_err *err)
{
	struct strangers s = { .d = d, .ep.ifindex = ifindex };
	int r = walk(FD(d, fl_locals), note_local, &s, "pods' addresses", err);

	return r < 0 ? r : dp_remove_endpoint(d, &s.ep, err);
}

int dp_endpoints(struct dp *d,
		 int (*each)(__u32 ifindex, const struct fl_endpoint_info *info, void *arg,
			     struct fl_err *err),
		 void *arg, struct fl_err *err)
{
	struct fl_endpoint_info info;
	__u32 key, next;
	int r = 0, fd = FD(d, fl_endpoints);
	bool has = bpf_map_get_next_key(fd, NULL, &key) == 0;

	while (r == 0 && has) {
		has = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (bpf_map_lookup_elem(fd, &key, &info) == 0)
			r = each(key, &info, arg, err);
		key = next;
	}
	return r;
}

int dp_prune(struct dp *d, enum dp_map map, bool (*keep)(const void *key, void *arg), void *arg,
	     struct fl_err *err)
{
	switch (map) {
	case DP_ADDRESSES:
		return walk(FD(d, fl_addresses), keep, arg, "addresses", err);
	case DP_PREFIXES:
		return walk(FD(d, fl_prefixes), keep, arg, "prefixes", err);
	case DP_SPECIALS:
		return walk(FD(d, fl_specials), keep, arg, "special addresses", err);
	case DP_DENIED:
		return walk(FD(d, fl_denied), keep, arg, "denied blocks", err);
	case DP_TUNNELS:
		return walk(FD(d, fl_tunnels), keep, arg, "ways through the overlay", err);
	case DP_RULES:
		return walk(FD(d, fl_rules), keep, arg, "rules", err);
	case DP_PORTS:
		return walk(FD(d, fl_ports), keep, arg, "ports", err);
	}
	return 0;
}

int dp_set_special(struct dp *d, const struct fl_prefix_key *key, __u32 flags, struct fl_err *err)
{
	struct fl_special special = { .flags = flags };

	return dp_put(FD(d, fl_specials), key, &special, "special addresses", err);
}

int dp_remove_special(struct dp *d, const struct fl_prefix_key *key, struct fl_err *err)
{
	return dp_drop(FD(d, fl_specials), key, "special addresses", err);
}

int dp_set_denied(struct dp *d, const struct fl_prefix_key *key, struct fl_err *err)
{
	__u32 one = 1;

	return dp_put(FD(d, fl_denied), key, &one, "denied blocks", err);
}

int dp_set_tunnel(struct dp *d, const struct fl_tunnel_key *key, const struct fl_tunnel *tunnel,
		  struct fl_err *err)
{
	return dp_put(FD(d, fl_tunnels), key, tunnel, "ways through the overlay", err);
}

int dp_remove_tunnel(struct dp *d, const struct fl_tunnel_key *key, struct fl_err *err)
{
	return dp_drop(FD(d, fl_tunnels), key, "ways through the overlay", err);
}

int dp_keep_tunnels(struct dp *d, struct fl_err *err)
{
	struct fl_lease none = { 0 };
	__u32 zero = 0;

	return dp_put(FD(d, fl_lease), &zero, &none, "leases", err);
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
	int fd = FD(d, fl_addresses);

	return is_there(fd, &info->key, info, sizeof(*info))
		       ? 0
		       : dp_put(fd, &info->key, info, "addresses", err);
}

int dp_remove_address(struct dp *d, const struct fl_address_key *key, struct fl_err *err)
{
	return dp_drop(FD(d, fl_addresses), key, "addresses", err);
}

int dp_set_prefix(struct dp *d, const struct fl_prefix_key *key, const struct fl_prefix_info *info,
		  struct fl_err *err)
{
	return dp_put(FD(d, fl_prefixes), key, info, "prefixes", err);
}

int dp_remove_prefix(struct dp *d, const struct fl_prefix_key *key, struct fl_err *err)
{
	return dp_drop(FD(d, fl_prefixes), key, "prefixes", err);
}

int dp_set_rule(struct dp *d, const struct fl_rule_key *key, const struct fl_rule *rule,
		struct fl_err *err)
{
	int fd = FD(d, fl_rules);

	return is_there(fd, key, rule, sizeof(*rule)) ? 0 : dp_put(fd, key, rule, "rules", err);
}

int dp_remove_rule(struct dp *d, const struct fl_rule_key *key, struct fl_err *err)
{
	return dp_drop(FD(d, fl_rules), key, "rules", err);
}

int dp_set_port(struct dp *d, const struct fl_port_key *key, const struct fl_port_info *info,
		struct fl_err *err)
{
	int fd = FD(d, fl_ports);

	return is_there(fd, key, info, sizeof(*info)) ? 0 : dp_put(fd, key, info, "ports", err);
}

int dp_remove_port(struct dp *d, const struct fl_port_key *key, struct fl_err *err)
{
	return dp_drop(FD(d, fl_ports), key, "ports", err);
}

int dp_set_slot(struct dp *d, __u32 slot, const struct fl_slot *value, struct fl_err *err)
{
	return dp_put(FD(d, fl_slots), &slot, value, "policy sets", err);
}

static int read_state(struct dp *d, struct fl_state *state, struct fl_err *err)
{
	__u32 zero = 0;

	if (bpf_map_lookup_elem(FD(d, fl_state), &zero, state) < 0)
		return fl_fail_errno(err, errno, "read the datapath's state");
	return 0;
}

/* Always another generation: what the programs have written in between is overwritten. */
static int write_state(struct dp *d, struct fl_state *state, struct fl_err *err)
{
	__u32 zero = 0;

	if (++state->generation == FL_GENERATION_NONE)
		state->generation++;
	return dp_put(FD(d, fl_state), &zero, state, "switches", err);
}

int dp_next_generation(struct dp *d, struct fl_err *err)
{
	struct fl_state state;
	int r = read_state(d, &state, err);

	return r < 0 ? r : write_state(d, &state, err);
}

int dp_allow_unknown(struct dp *d, bool allow, struct fl_err *err)
{
	struct fl_state state;
	int r = read_state(d, &state, err);

	if (r < 0 || state.unknown_allow == allow)
		return r;
	state.unknown_allow = allow;
	return write_state(d, &state, err);
}

int dp_set_vtep_port(struct dp *d, __u16 port, struct fl_err *err)
{
	struct fl_state state;
	int r = read_state(d, &state, err);

	if (r < 0 || state.vtep_port == port)
		return r;
	state.vtep_port = port;
	return write_state(d, &state, err) ?: dp_next_generation(d, err);
}

int dp_listen(struct dp *d, bool to_all, struct fl_err *err)
{
	struct fl_state state;
	int r = read_state(d, &state, err);

	if (r < 0 || state.none_denied == to_all)
		return r;
	state.none_denied = to_all;
	return write_state(d, &state, err);
}

int dp_go_by_stack(struct dp *d, bool all, struct fl_err *err)
{
	struct fl_state state;
	int r = read_state(d, &state, err);

	if (r < 0 || state.by_stack == all)
		return r;
	state.by_stack = all;
	/* In this order: who is judged under the next generation finds it so. */
	return write_state(d, &state, err) ?: dp_next_generation(d, err);
}
