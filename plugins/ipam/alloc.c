// SPDX-License-Identifier: Apache-2.0
/*
 * Round robin as the reference plugin does it: from the address after the set's last one,
 * gateways passed over. The index names the next free address, so that this takes the same
 * time in a full pool as in an empty one.
 */
#include "plugins/ipam/alloc.h"

#include <errno.h>
#include <stdlib.h>

#include "cni/code.h"

void ipam_taken_undo(struct ipam_taken *t)
{
	struct fl_err ignored;

	while (t->n > 0) {
		t->n--;
		(void)!ipam_store_release_one(t->store, t->id, t->ifname, &t->ips[t->n], &ignored);
	}
	fl_free_p(&t->ips);
}

void ipam_taken_keep(struct ipam_taken *t)
{
	t->n = 0;
	ipam_taken_undo(t);
}

/* The first free address of the stretch that is not the range's gateway. */
static bool free_in(const struct ipam_index *ix, const struct ipam_range *r,
		    const struct fl_ip *from, const struct fl_ip *to, struct fl_ip *out)
{
	struct fl_ip next;

	if (!ipam_index_next_free(ix, from, to, out))
		return false;
	if (fl_ip_cmp(out, &r->gateway) != 0)
		return true;
	if (fl_ip_cmp(out, to) == 0)
		return false;
	next = fl_ip_add(out, 1);
	return ipam_index_next_free(ix, &next, to, out);
}

static bool next_free(const struct ipam_index *ix, const struct ipam_set *set,
		      const struct fl_ip *last, struct fl_ip *out)
{
	struct ipam_walk w = ipam_walk_begin(set, last);
	const struct ipam_range *r;
	struct fl_ip from, to;

	while ((r = ipam_walk_next(&w, &from, &to))) {
		if (free_in(ix, r, &from, &to, out))
			return true;
	}
	return false;
}

bool ipam_alloc_has_free(const struct ipam_index *ix, const struct ipam_set *set)
{
	struct fl_ip ignored;

	return next_free(ix, set, NULL, &ignored);
}

/* One attachment, one address of a set. */
static int check_holds_none(const struct ipam_taken *t, const struct ipam_set *set,
			    struct fl_err *err)
{
	char text[FL_IP_STR];
	struct fl_ip ip;
	uint64_t pos = 0;

	while (ipam_store_leased(t->store, t->id, t->ifname, &pos, &ip)) {
		if (ipam_set_find(set, &ip) >= 0)
			return fl_fail(err, EEXIST,
				       "'%s' has been allocated to container '%s' interface '%s' "
				       "already, duplicate allocation is not allowed",
				       fl_ip_format(&ip, text), t->id, t->ifname);
	}
	return 0;
}

static int take_wanted(const struct ipam_set *set, const struct fl_ip *want, struct ipam_taken *t,
		       struct fl_err *err)
{
	const struct ipam_range *range = &set->ranges[ipam_set_find(set, want)];
	char text[FL_IP_STR], ranges[160];
	int r;

	fl_ip_format(want, text);
	if (fl_ip_cmp(want, &range->gateway) == 0) {
		r = fl_fail(err, EINVAL, "requested address '%s' is the subnet's gateway", text);
		return fl_class(err, r, FL_CNI_CONFIG);
	}
	r = ipam_store_reserve(t->store, t->id, t->ifname, want, err);
	if (r != -EEXIST)
		return r;
	fl_fail(err, EEXIST, "requested address '%s' is not available in range set '%s'", text,
		ipam_set_format(set, ranges, sizeof(ranges)));
	return fl_class(err, r, FL_CNI_NO_ADDRESS);
}

static int take_next(const struct ipam_set *set, const struct ipam_last *last, struct ipam_taken *t,
		     struct fl_ip *out, struct fl_err *err)
{
	char ranges[160];
	int r;

	r = check_holds_none(t, set, err);
	if (r < 0)
		return r;
	while (next_free(&t->store->ix, set, last->is_known ? &last->ip : NULL, out)) {
		r = ipam_store_reserve(t->store, t->id, t->ifname, out, err);
		if (r != -EEXIST) /* taken without the lock: the index knows by now */
			return r;
	}
	r = fl_fail(err, ENOSPC, "no address is free in range set '%s'",
		    ipam_set_format(set, ranges, sizeof(ranges)));
	return fl_class(err, r, FL_CNI_NO_ADDRESS);
}

/* want: NULL for the next one. */
static int take_of_set(const struct ipam_set *set, size_t i, const struct fl_ip *want,
		       struct ipam_taken *t, struct fl_err *err)
{
	fl_auto_ipam_last struct ipam_last last = { .fd = -1 };
	struct fl_ip ip;
	int r;

	ipam_store_last(t->store, i, &last);
	if (want)
		ip = *want;
	r = want ? take_wanted(set, want, t, err) : take_next(set, &last, t, &ip, err);
	if (r < 0)
		return r;
	t->ips[t->n++] = ip;
	return ipam_store_set_last(t->store, i, &last, &ip, err);
}

/* Gives each set the first request that it holds; a request that is left over is an error. */
static int share_out(const struct ipam_conf *conf, const struct fl_ip **want, struct fl_err *err)
{
	for (size_t w = 0; w < conf->n_want; w++) {
		char text[FL_IP_STR], ranges[160];
		size_t i = 0;
		int r;

		while (i < conf->n_sets &&
		       (want[i] || ipam_set_find(&conf->sets[i], &conf->want[w]) < 0))
			i++;
		if (i < conf->n_sets) {
			want[i] = &conf->want[w];
			continue;
		}
		r = fl_fail(err, EINVAL,
			    "allocate all requested addresses: none of the range sets, the first "
			    "is '%s', has room for '%s'",
			    ipam_set_format(&conf->sets[0], ranges, sizeof(ranges)),
			    fl_ip_format(&conf->want[w], text));
		return fl_class(err, r, FL_CNI_NO_ADDRESS);
	}
	return 0;
}

int ipam_alloc_all(const struct ipam_conf *conf, struct ipam_taken *t, struct fl_err *err)
{
	fl_auto_free const struct fl_ip **want = calloc(conf->n_sets, sizeof(*want));
	int r;

	t->ips = calloc(conf->n_sets, sizeof(*t->ips));
	if (!want || !t->ips)
		return fl_fail_errno(err, ENOMEM, "keep %zu addresses", conf->n_sets);
	r = share_out(conf, want, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < conf->n_sets; i++) {
		r = take_of_set(&conf->sets[i], i, want[i], t, err);
		if (r < 0)
			return fl_wrap(err, r, "range set %zu", i);
	}
	return 0;
}
