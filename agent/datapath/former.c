// SPDX-License-Identifier: Apache-2.0
/*
 * Taking over from an agent whose maps have another layout or other sizes. Its programs go on by
 * its maps until ours are filled and the programs are exchanged; what it has noted of connections
 * is carried over as far as it says the same: an entry whose key is the same struct, and whose
 * value is the same or has more or fewer members at its end. docs/decisions/0015 has the whole.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "agent/datapath/dp.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "bpf/datapath.skel.h"

#define PAGE 1024 /* connections in one call */

struct dp_former {
	struct dp_former *next; /* of an agent that was killed while it took over; owned */
	/* Descriptors; -1: none. */
	int flows, locals, counts, verdicts, budgets, devices, specials;
	size_t flow_size; /* of their value */
	bool in_force, carries, same_size;
};

/* The maps of the programs that stand in the blocks. */
struct in_force {
	__u32 ids[64], n;
};

void dp_former_close(struct dp_former **f)
{
	struct dp_former *next;

	for (; *f; *f = next) {
		next = (*f)->next;
		fl_close_p(&(*f)->flows);
		fl_close_p(&(*f)->locals);
		fl_close_p(&(*f)->counts);
		fl_close_p(&(*f)->verdicts);
		fl_close_p(&(*f)->budgets);
		fl_close_p(&(*f)->devices);
		fl_close_p(&(*f)->specials);
		fl_free_p(f);
	}
}

bool dp_former_carries(const struct dp_former *f)
{
	return f && f->carries;
}

/* Calls each() for every folder of maps below this one but keep. None there is done. */
static int each_folder(const char *folder, const char *keep,
		       int (*each)(const char *path, void *arg, struct fl_err *err), void *arg,
		       struct fl_err *err)
{
	fl_auto_dir DIR *d = opendir(folder);
	char path[PATH_MAX];
	struct dirent *e;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : fl_fail_errno(err, errno, "open '%s'", folder);
	while (r == 0 && (e = readdir(d))) {
		if (e->d_name[0] == '.' || e->d_type != DT_DIR)
			continue;
		r = fl_format(path, sizeof(path), err, "%s/%s", folder, e->d_name);
		if (r == 0 && !(keep && fl_streq(path, keep)))
			r = each(path, arg, err);
	}
	return r;
}

/* The maps go when nobody holds them any more. */
static int unpin(const char *path, void *arg, struct fl_err *err)
{
	fl_auto_dir DIR *d = opendir(path);
	struct dirent *e;

	(void)arg;
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && unlinkat(dirfd(d), e->d_name, 0) < 0)
			return fl_fail_errno(err, errno, "unpin '%s/%s'", path, e->d_name);
	if (rmdir(path) < 0 && errno != ENOENT)
		return fl_fail_errno(err, errno, "remove '%s'", path);
	return 0;
}

int dp_unpin(const char *folder, const char *keep, struct fl_err *err)
{
	return each_folder(folder, keep, unpin, NULL, err);
}

static int open_map(const char *folder, const char *name)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path)
		       ? bpf_obj_get(path)
		       : -1;
}

/* One that is of another layout, or is not there, is left alone. */
static int isolate_none(const char *path, void *arg, struct fl_err *err)
{
	fl_auto_close int fd = open_map(path, "fl_slots");
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	struct fl_slot slot;
	int r = 0;

	(void)arg;
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0 ||
	    info.type != BPF_MAP_TYPE_ARRAY || info.value_size != sizeof(slot))
		return 0;
	for (__u32 i = 0; r == 0 && i < info.max_entries; i++) {
		if (bpf_map_lookup_elem(fd, &i, &slot) < 0 || slot.flags == 0)
			continue;
		slot.flags = 0;
		r = dp_put(fd, &i, &slot, "policy sets", err);
	}
	return r;
}

int dp_isolate_none(const char *folder, struct fl_err *err)
{
	return each_folder(folder, NULL, isolate_none, NULL, err);
}

static int leave_devices(const char *path, void *arg, struct fl_err *err)
{
	char pin[PATH_MAX];

	return fl_format(pin, sizeof(pin), err, "%s/fl_devices", path)
		       ?: dp_retire_devices(pin, arg, err);
}

int dp_leave_devices(const char *folder, struct fl_nl *nl, struct fl_err *err)
{
	return each_folder(folder, NULL, leave_devices, nl, err);
}

static void ask_in_force(struct fl_nl *nl, struct in_force *out)
{
	struct bpf_prog_info info = { .map_ids = (__u64)(uintptr_t)out->ids,
				      .nr_map_ids = FL_ARRAY_LEN(out->ids) };
	struct fl_filter have = { 0 };
	unsigned int others = 0;
	fl_auto_close int fd = -1;
	__u32 len = sizeof(info);
	struct fl_err ignored;

	if (fl_tc_get_filter(nl, FL_BLOCKS_INGRESS, &have, &others, &ignored) < 0)
		return;
	fd = bpf_prog_get_fd_by_id(have.prog_id);
	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0)
		out->n = info.nr_map_ids < FL_ARRAY_LEN(out->ids) ? info.nr_map_ids
								  : FL_ARRAY_LEN(out->ids);
}

static bool is_in_force(const struct in_force *in, __u32 id)
{
	for (__u32 i = 0; i < in->n; i++)
		if (in->ids[i] == id)
			return true;
	return false;
}

/* What look() is given. */
struct search {
	struct dp *d;
	struct in_force in_force;
};

/* Puts it in front of those before, or behind the first. */
static void list(struct dp *d, struct dp_former *f)
{
	struct dp_former **at = &d->former;

	if (*at && !f->in_force && ((*at)->in_force || (*at)->carries || !f->carries))
		at = &(*at)->next;
	f->next = *at;
	*at = f;
}

/* Looks at one folder. Of several the first is the one whose programs are in force. */
static int look(const char *path, void *arg, struct fl_err *err)
{
	fl_auto(dp_former_close) struct dp_former *f = calloc(1, sizeof(*f));
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	struct search *s = arg;

	if (!f)
		return fl_fail_errno(err, ENOMEM, "look at '%s'", path);
	f->flows = open_map(path, "fl_flows");
	f->locals = open_map(path, "fl_locals");
	f->counts = open_map(path, "fl_counts");
	f->verdicts = open_map(path, "fl_verdicts");
	f->budgets = open_map(path, "fl_budgets");
	f->devices = open_map(path, "fl_devices");
	f->specials = open_map(path, "fl_specials");
	if (f->flows >= 0 && bpf_obj_get_info_by_fd(f->flows, &info, &len) == 0) {
		f->flow_size = info.value_size;
		f->in_force = is_in_force(&s->in_force, info.id);
	}
	f->carries = dp_is_alike(f->flows, DP_FD(s->d, fl_flows), true) &&
		     dp_is_alike(f->locals, DP_FD(s->d, fl_locals), false);
	f->same_size = f->flow_size == sizeof(struct fl_flow);
	list(s->d, FL_TAKE(f));
	return 0;
}

int dp_former_find(struct dp *d, struct fl_err *err)
{
	fl_auto_nl struct fl_nl *nl = NULL;
	struct search s = { .d = d };
	int r = fl_nl_open(FL_NL_ROUTE, &nl, err);

	if (r < 0)
		return r;
	ask_in_force(nl, &s.in_force);
	return each_folder(d->folder, d->own, look, &s, err);
}

/* The sums that the programs count go on where they are; what is counted until they are exchanged
 * is lost. */
static int carry_counts(int theirs, int ours, struct fl_err *err)
{
	struct bpf_map_info a = { 0 }, b = { 0 };
	__u32 len = sizeof(a), len_b = sizeof(b);
	int cpus = libbpf_num_possible_cpus();
	fl_auto_free void *values = NULL;

	if (theirs < 0 || cpus < 0 || !dp_is_alike(theirs, ours, false))
		return 0;
	if (bpf_obj_get_info_by_fd(theirs, &a, &len) < 0 ||
	    bpf_obj_get_info_by_fd(ours, &b, &len_b) < 0)
		return fl_fail_errno(err, errno, "look at the counters of before");
	values = calloc((size_t)cpus, (a.value_size + 7u) / 8 * 8);
	if (!values)
		return fl_fail_errno(err, ENOMEM, "take over counters");
	for (__u32 i = 0; i < a.max_entries && i < b.max_entries; i++)
		if (bpf_map_lookup_elem(theirs, &i, values) < 0 ||
		    bpf_map_update_elem(ours, &i, values, BPF_ANY) < 0)
			return fl_fail_errno(err, errno, "take over counters");
	return 0;
}

static __u32 owner(int locals, __u32 zone, const struct fl_in *addr)
{
	struct fl_address_key k = { .zone = zone, .addr = *addr };
	__u32 ifindex;

	return bpf_map_lookup_elem(locals, &k, &ifindex) == 0 ? ifindex : 0;
}

bool dp_former_knows(const struct dp *d, const struct dp_endpoint *ep)
{
	return dp_former_carries(d->former) && ep->n_ips > 0 &&
	       owner(d->former->locals, ep->info.zone, &ep->ips[0]) == ep->ifindex;
}

/* Both ends are whose they were: no connection is inherited with an address. */
static bool is_still(struct dp *d, const struct dp_former *f, const struct fl_flow_key *key)
{
	for (int side = 0; side < 2; side++)
		if (owner(f->locals, key->zone, &key->addr[side]) !=
		    owner(DP_FD(d, fl_locals), key->zone, &key->addr[side]))
			return false;
	return true;
}

/* What becomes of one of its connections; flow is ours. */
typedef int each_flow_fn(struct dp *d, const struct dp_former *f, const struct fl_flow_key *key,
			 const struct fl_flow *flow, struct fl_err *err);

/* Calls each() for all of its connections. */
static int each_flow(struct dp *d, const struct dp_former *f, each_flow_fn *each,
		     struct fl_err *err)
{
	fl_auto_free struct fl_flow_key *keys = calloc(PAGE, sizeof(*keys));
	fl_auto_free uint8_t *values = calloc(PAGE, f->flow_size);
	size_t size = f->flow_size;
	__u32 at = 0, n = PAGE;
	bool first = true;
	int r = 0, last = 0;

	if (!keys || !values)
		return fl_fail_errno(err, ENOMEM, "take over connections");
	while (r == 0 && last == 0) {
		n = PAGE;
		last = bpf_map_lookup_batch(f->flows, first ? NULL : &at, &at, keys, values, &n,
					    NULL);
		if (last < 0 && errno != ENOENT)
			return fl_fail_errno(err, errno, "take over connections");
		first = false;
		for (__u32 i = 0; r == 0 && i < n; i++) {
			struct fl_flow flow = { 0 };

			memcpy(&flow, values + i * size, size < sizeof(flow) ? size : sizeof(flow));
			flow.generation = FL_GENERATION_NONE;
			r = each(d, f, &keys[i], &flow, err);
		}
	}
	return r;
}

static int drop_stranger(struct dp *d, const struct dp_former *f, const struct fl_flow_key *key,
			 const struct fl_flow *flow, struct fl_err *err)
{
	(void)flow;
	return is_still(d, f, key) ? 0 : dp_drop(f->flows, key, "connections", err);
}

static int copy_flow(struct dp *d, const struct dp_former *f, const struct fl_flow_key *key,
		     const struct fl_flow *flow, struct fl_err *err)
{
	if (!is_still(d, f, key) ||
	    bpf_map_update_elem(DP_FD(d, fl_flows), key, flow, BPF_NOEXIST) == 0 || errno == EEXIST)
		return 0;
	if (errno != E2BIG)
		return fl_fail_errno(err, errno, "take over a connection");
	return fl_fail(err, E2BIG, "the datapath's map of connections is full");
}

/* Of a folder that is not in force: what the first one does not know better. */
static int copy_unknown(struct dp *d, const struct dp_former *f, const struct fl_flow_key *key,
			const struct fl_flow *flow, struct fl_err *err)
{
	fl_auto_free uint8_t *known = malloc(d->former->flow_size + 1);

	if (!known)
		return fl_fail_errno(err, ENOMEM, "take over connections");
	return d->former->carries && bpf_map_lookup_elem(d->former->flows, key, known) == 0
		       ? 0
		       : copy_flow(d, f, key, flow, err);
}

/* Copies the entries of a small map, where ours has none yet; what it has no room for stays out. */
static int carry_entries(int theirs, int ours, const char *what, struct fl_err *err)
{
	uint8_t keys[2][64], value[64];
	unsigned int at = 0;
	bool has;

	if (theirs < 0 || !dp_is_alike(theirs, ours, false))
		return 0;
	for (has = bpf_map_get_next_key(theirs, NULL, keys[0]) == 0; has; at = !at) {
		if (bpf_map_lookup_elem(theirs, keys[at], value) == 0 &&
		    bpf_map_update_elem(ours, keys[at], value, BPF_NOEXIST) < 0 &&
		    errno != EEXIST && errno != E2BIG && errno != ENOSPC)
			return fl_fail_errno(err, errno, "take over %s", what);
		has = bpf_map_get_next_key(theirs, keys[at], keys[!at]) == 0;
	}
	return 0;
}

/*
 * What lies beyond the node, as they have been told: on which interfaces their programs stand,
 * which ours replace, and other nodes' blocks. What of it is no more goes when the agent has been
 * told.
 */
static int carry_beyond(struct dp *d, struct fl_err *err)
{
	return carry_entries(d->former->devices, DP_FD(d, fl_devices), "interfaces", err)
		       ?: carry_entries(d->former->specials, DP_FD(d, fl_specials),
					"special addresses", err);
}

int dp_former_lend(struct dp *d, struct fl_err *err)
{
	const struct dp_former *f = d->former;
	__u32 zero = 0;
	int r;

	if (!f)
		return 0;
	r = carry_counts(f->counts, DP_FD(d, fl_counts), err)
		    ?: carry_counts(f->verdicts, DP_FD(d, fl_verdicts), err)
		    ?: carry_counts(f->budgets, DP_FD(d, fl_budgets), err) ?: carry_beyond(d, err);
	for (const struct dp_former *o = f->next; r == 0 && o; o = o->next)
		if (o->carries)
			r = each_flow(d, o, copy_unknown, err);
	if (r < 0 || !f->carries)
		return r;
	/* Their programs still enter new ones; a struct that is not ours can only be copied. */
	r = each_flow(d, f, drop_stranger, err);
	if (r == 0 && !f->same_size)
		r = each_flow(d, f, copy_flow, err);
	if (r == 0 && f->same_size &&
	    bpf_map_update_elem(DP_FD(d, fl_former), &zero, &f->flows, BPF_ANY) < 0)
		return fl_fail_errno(err, errno, "show the programs the connections of before");
	return r;
}

int dp_former_end(struct dp *d, struct fl_err *err)
{
	struct fl_err why = { 0 };
	__u32 zero = 0;
	int r = 0;

	if (!d->former)
		return 0;
	if (d->former->carries && each_flow(d, d->former, copy_flow, &why) < 0)
		fl_warn("%s, going on: connections of before are judged as new ones", why.text);
	if (d->former->carries && d->former->same_size &&
	    bpf_map_delete_elem(DP_FD(d, fl_former), &zero) < 0 && errno != ENOENT)
		return fl_fail_errno(err, errno, "take the connections of before away");
	r = dp_unpin(d->folder, d->own, err);
	if (r < 0)
		return r;
	fl_info("the datapath of another layout is taken over, %s",
		d->former->carries ? "with its connections" : "without its connections");
	dp_former_close(&d->former);
	d->fresh = false;
	return 0;
}
