// SPDX-License-Identifier: Apache-2.0
/* Opening, reading what there is, and the order of things. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <time.h>

#include "agent/enforce/inside.h"
#include "base/file.h"
#include "net/link.h"

int enf_open(const struct enf_options *o, struct enf **out, struct fl_err *err)
{
	const struct pol_options options = { .node = o->node };
	fl_auto_enf struct enf *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return fl_fail_errno(err, ENOMEM, "enforce policies");
	e->o = *o;
	e->root = strdup(o->root);
	e->node = strdup(o->node);
	if (!e->root || !e->node)
		return fl_fail_errno(err, ENOMEM, "enforce policies");
	e->o.root = e->root;
	e->o.node = e->node;
	e->slot_used[0] = true;
	r = fl_nl_open(FL_NL_ROUTE, &e->nl, err) ?: dp_open(o->folder, &e->dp, err) ?:
	    pol_world_new(&options, &e->world, err) ?: enf_slots_inherit(e, err);
	if (r < 0)
		return r;
	*out = FL_TAKE(e);
	return 0;
}

void enf_close(struct enf **e)
{
	if (*e) {
		enf_atts_done(*e);
		enf_pods_done(*e);
		pol_world_free(&(*e)->world);
		dp_close(&(*e)->dp);
		fl_nl_close(&(*e)->nl);
		fl_free_p(&(*e)->kernel_slot);
		enf_beyond_done(*e);
		fl_free_p(&(*e)->root);
		fl_free_p(&(*e)->node);
	}
	fl_free_p(e);
}

struct pol_world *enf_world(struct enf *e)
{
	return e->world;
}

struct dp *enf_datapath(struct enf *e)
{
	return e->dp;
}

struct enf_stats enf_stats(const struct enf *e)
{
	struct enf_stats s = e->stats;

	s.pods = e->n_pods;
	s.endpoints = 0;
	for (size_t i = 0; i < e->n_atts; i++)
		s.endpoints += e->atts[i]->is_live;
	return s;
}

static double seconds(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Until the first reconcile the world is not complete, and nothing of it may be put in force. */
static int compile(struct enf *e, struct fl_err *err)
{
	fl_auto_pol_diff struct pol_diff diff = { 0 };
	double begin = seconds();
	int r = enf_pods_refresh(e, err) ?: pol_world_commit(e->world, &diff, err);

	r = r ?: enf_apply(e, &diff, err);
	if (r == 0)
		e->stats.last_commit_s = seconds() - begin;
	return r;
}

int enf_commit(struct enf *e, struct fl_err *err)
{
	return e->taken_over ? compile(e, err) : 0;
}

/* The links of the host by name. */
struct links {
	struct enf *e;
	struct link {
		char name[FL_IFNAME_SIZE];
		uint32_t index, master;
		bool is_bridge;
		uint8_t mac[FL_MAC_LEN];
	} * v;
	size_t n, room;
	int failed; /* of the records */
	struct fl_err first;
};

static void links_done(struct links *l)
{
	fl_free_p(&l->v);
}

static int each_link(const struct fl_link *link, void *arg, struct fl_err *err)
{
	struct links *l = arg;
	struct link *k;

	if (l->n == l->room) {
		struct link *grown = reallocarray(l->v, l->room + 256, sizeof(*grown));

		if (!grown)
			return fl_fail_errno(err, ENOMEM, "list links");
		l->v = grown;
		l->room += 256;
	}
	k = &l->v[l->n++];
	*k = (struct link){ .index = link->index,
			    .master = link->master,
			    .is_bridge = fl_streq(link->kind, "bridge") };
	memcpy(k->name, link->name, sizeof(k->name));
	memcpy(k->mac, link->mac, FL_MAC_LEN);
	return 0;
}

/* What a pod takes for its router: the bridge that its interface is in, else the host's end. */
static const uint8_t *router_mac(const struct links *l, const struct link *of)
{
	for (size_t i = 0; of->master && i < l->n; i++)
		if (l->v[i].is_bridge && l->v[i].index == of->master)
			return l->v[i].mac;
	return of->mac;
}

static int compare_links(const void *a, const void *b)
{
	return strcmp(((const struct link *)a)->name, ((const struct link *)b)->name);
}

static int each_record(const struct fl_endpoint *rec, void *arg, struct fl_err *err)
{
	struct links *l = arg;
	struct link key = { 0 };
	const struct link *k;
	struct fl_err one;
	int r;

	memcpy(key.name, rec->host_ifname, sizeof(key.name));
	k = l->n ? bsearch(&key, l->v, l->n, sizeof(key), compare_links) : NULL;
	r = enf_att_take(l->e, rec, k ? k->index : 0, k ? router_mac(l, k) : key.mac, &one);
	(void)err;
	if (r < 0 && l->failed == 0) {
		l->failed = r;
		l->first = one;
	}
	return 0;
}

/* What attachments there are. */
static int read_records(struct enf *e, struct fl_err *err)
{
	fl_auto(links_done) struct links l = { .e = e };
	int r = fl_link_list(e->nl, 0, each_link, &l, err);

	if (r < 0)
		return r;
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), compare_links);
	for (size_t i = 0; i < e->n_atts; i++)
		e->atts[i]->seen = false;
	r = fl_endpoint_list(e->o.root, NULL, each_record, &l, err);
	if (r < 0)
		return r;
	if (l.failed)
		*err = l.first;
	return l.failed;
}

static int apply_all(struct enf *e, struct fl_err *err)
{
	struct fl_err one;
	int first = 0;

	for (size_t i = 0; i < e->n_atts; i++) {
		int r = enf_att_apply(e, e->atts[i], &one);

		if (r < 0 && first == 0) {
			first = r;
			*err = one;
		}
	}
	return first;
}

/* Plugins look for it: from now on pods join the blocks. */
static int leave_mark(const struct enf *e, struct fl_err *err)
{
	char path[PATH_MAX];
	int r = fl_format(path, sizeof(path), err, "%s/" FL_BLOCKS_MARK, e->o.root)
			?: fl_create_file(AT_FDCWD, path, "", 0, 0644, err);

	return r == -EEXIST ? 0 : r;
}

int enf_reconcile(struct enf *e, struct fl_err *err)
{
	struct fl_err first = { 0 }, one;
	bool changed;
	int (*const steps[])(struct enf *, struct fl_err *) = {
		enf_specials, read_records, enf_atts_sweep, compile, apply_all,
	};
	int r = dp_attach(e->dp, e->nl, &changed, &first)
			?: dp_allow_unknown(e->dp, e->o.unknown_allow, &first);

	for (size_t i = 0; i < FL_ARRAY_LEN(steps); i++) {
		int step = steps[i](e, &one);

		if (step < 0 && r == 0) {
			r = step;
			first = one;
		}
	}
	if (r == 0 && !e->taken_over) {
		r = enf_prune(e, &first) ?: leave_mark(e, &first);
		e->taken_over = r == 0;
	}
	if (r < 0)
		*err = first;
	return r;
}

int enf_attach(struct enf *e, const struct fl_key *key, struct fl_err *err)
{
	fl_auto_endpoint struct fl_endpoint rec = { 0 };
	struct fl_link link = { 0 }, bridge = { 0 };
	const uint8_t *mac;
	int r;

	if (!e->taken_over)
		return fl_fail(err, EAGAIN, "the agent has not read all policies yet");
	r = fl_endpoint_read(e->o.root, key, &rec, err);
	if (r < 0)
		return r;
	r = fl_link_get(e->nl, rec.host_ifname, &link, err);
	if (r < 0)
		return r == -ENODEV
			       ? fl_fail(err, ENOENT, "there is no interface '%s'", rec.host_ifname)
			       : r;
	if (link.master)
		r = fl_link_get_index(e->nl, link.master, &bridge, err);
	if (r < 0 && r != -ENODEV)
		return r;
	mac = fl_streq(bridge.kind, "bridge") ? bridge.mac : link.mac;
	r = enf_att_take(e, &rec, link.index, mac, err) ?: compile(e, err);
	for (size_t i = 0; r == 0 && i < e->n_atts; i++) {
		struct enf_att *a = e->atts[i];

		if (!fl_streq(a->rec.host_ifname, rec.host_ifname))
			continue;
		r = enf_att_apply(e, a, err);
		if (r == 0 && !a->is_live)
			r = fl_fail(err, EAGAIN, "pod '%s/%s' has no policy set", a->pod->ns,
				    a->pod->name);
	}
	return r;
}
