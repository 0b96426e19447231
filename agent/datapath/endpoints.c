// SPDX-License-Identifier: Apache-2.0
/*
 * The pods of this node in the maps: which interface is whose, with which addresses. No address
 * leads to an endpoint that is not there, and no connection is inherited with one.
 */
#include <errno.h>
#include <linux/types.h>

#include <bpf/bpf.h>

#include "agent/datapath/dp.h"
#include "bpf/datapath.skel.h"

static bool has_ip(const struct dp_endpoint *ep, __u32 zone, const struct fl_in *ip)
{
	for (size_t i = 0; i < ep->n_ips; i++)
		if (ep->info.zone == zone && fl_in_equal(&ep->ips[i], ip))
			return true;
	return false;
}

int dp_get_endpoint(struct dp *d, __u32 ifindex, struct fl_endpoint_info *out, struct fl_err *err)
{
	if (bpf_map_lookup_elem(DP_FD(d, fl_endpoints), &ifindex, out) == 0)
		return 0;
	return fl_fail_errno(err, errno, "read from the datapath's map of endpoints");
}

__u32 dp_local_owner(struct dp *d, __u32 zone, const struct fl_in *ip)
{
	struct fl_address_key key = { .zone = zone, .addr = *ip };
	__u32 owner;

	return bpf_map_lookup_elem(DP_FD(d, fl_locals), &key, &owner) == 0 ? owner : 0;
}

static int drop_local(struct dp *d, __u32 zone, const struct fl_in *ip, struct fl_err *err)
{
	struct fl_address_key key = { .zone = zone, .addr = *ip };

	return dp_drop(DP_FD(d, fl_locals), &key, "pods' addresses", err);
}

static bool is_not_of(const struct fl_flow_key *key, const void *arg)
{
	const struct dp_endpoint *ep = arg;

	return !has_ip(ep, key->zone, &key->addr[0]) && !has_ip(ep, key->zone, &key->addr[1]);
}

/* Forgets the connections of its addresses, which it has no more, and what they were allowed. */
static int forget(struct dp *d, const struct dp_endpoint *ep, struct fl_err *err)
{
	return ep->n_ips ? dp_next_generation(d, err) ?: dp_forget(d, is_not_of, ep, err) : 0;
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
			r = dp_put(DP_FD(d, fl_locals), &key, &ep->ifindex, "pods' addresses", err);
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
	if (bpf_map_lookup_elem(DP_FD(d, fl_endpoints), &ep->ifindex, have) < 0 ||
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
		r = dp_put(DP_FD(d, fl_endpoints), &ep->ifindex, &info, "endpoints", err)
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

	return dp_put(DP_FD(d, fl_endpoints), &ep->ifindex, &info, "endpoints", err);
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
	r = dp_drop(DP_FD(d, fl_endpoints), &ep->ifindex, "endpoints", err)
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

	if (bpf_map_lookup_elem(DP_FD(s->d, fl_locals), key, &owner) == 0 &&
	    owner == s->ep.ifindex && s->ep.n_ips < DP_IPS_MAX) {
		s->ep.info.zone = key->zone;
		s->ep.ips[s->ep.n_ips++] = key->addr;
	}
	return true;
}

int dp_remove_stranger(struct dp *d, __u32 ifindex, struct fl_err *err)
{
	struct strangers s = { .d = d, .ep.ifindex = ifindex };
	int r = dp_walk(DP_FD(d, fl_locals), note_local, &s, "pods' addresses", err);

	return r < 0 ? r : dp_remove_endpoint(d, &s.ep, err);
}

int dp_endpoints(struct dp *d,
		 int (*each)(__u32 ifindex, const struct fl_endpoint_info *info, void *arg,
			     struct fl_err *err),
		 void *arg, struct fl_err *err)
{
	struct fl_endpoint_info info;
	__u32 key, next;
	int r = 0, fd = DP_FD(d, fl_endpoints);
	bool has = bpf_map_get_next_key(fd, NULL, &key) == 0;

	while (r == 0 && has) {
		has = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (bpf_map_lookup_elem(fd, &key, &info) == 0)
			r = each(key, &info, arg, err);
		key = next;
	}
	return r;
}
