// SPDX-License-Identifier: Apache-2.0
/* Opening, reading what there is, and the order of things. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <time.h>

#include "agent/datapath/dump.h"
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
	e->watches = -1;
	e->o = *o;
	e->root = strdup(o->root);
	e->node = strdup(o->node);
	if (!e->root || !e->node)
		return fl_fail_errno(err, ENOMEM, "enforce policies");
	e->o.root = e->root;
	e->o.node = e->node;
	e->slot_used[0] = true;
	r = fl_nl_open(FL_NL_ROUTE, &e->nl, err) ?:
	    enf_watch_open(e, err) ?: dp_open(o->folder, o->max_flows, &e->dp, err) ?:
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
		enf_bad_done(*e);
		enf_pods_done(*e);
		pol_world_free(&(*e)->world);
		dp_close(&(*e)->dp);
		fl_nl_close(&(*e)->nl);
		fl_nl_close(&(*e)->nft);
		enf_watch_close(*e);
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
	s.unreadable = e->n_bad;
	s.tunnels = e->n_tunnels;
	s.specials = e->specials_full ? dp_capacity(e->dp, DP_T_SPECIALS) : e->n_specials;
	s.endpoints = s.outside = s.addresses = 0;
	for (size_t i = 0; i < e->n_atts; i++) {
		const struct enf_att *a = e->atts[i];

		s.endpoints += a->is_live;
		s.addresses += a->is_live ? a->live.n_ips : 0;
		s.outside += enf_att_belongs(a) && (!a->is_live || a->place != ENF_INSIDE);
	}
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
	double begin = seconds(), compiled_s = 0;
	int r;

	if (e->lost)
		return fl_fail(err, EAGAIN, "policies are being read anew");
	r = enf_pods_refresh(e, err);
	do {
		fl_auto_pol_diff struct pol_diff diff = { 0 };
		double from = seconds();

		r = r ?: pol_world_commit(e->world, &diff, err);
		compiled_s += seconds() - from;
		r = r ?: enf_apply(e, &diff, err);
	} while (r == 0 && pol_world_stats(e->world).admits);
	e->stats.last_compile_s = compiled_s;
	e->unsettled = r < 0;
	e->lost = r < 0;
	e->in_force |= r == 0;
	if (r == 0)
		e->stats.last_commit_s = seconds() - begin;
	return r;
}

void enf_lose(struct enf *e)
{
	e->lost = true;
}

bool enf_is_lost(const struct enf *e)
{
	return e->lost;
}

void enf_unsettle(struct enf *e)
{
	e->unsettled = true;
}

bool enf_is_settled(const struct enf *e)
{
	return !e->lost && !e->unsettled;
}

int enf_renew(struct enf *e, struct fl_err *err)
{
	const struct pol_options options = { .node = e->o.node };
	struct pol_world *world = NULL;
	int r = pol_world_new(&options, &world, err);

	if (r < 0)
		return r;
	pol_world_free(&e->world);
	e->world = world;
	fl_free_p(&e->kernel_slot);
	e->n_slots = 0;
	memset(e->slot_used, 0, sizeof(e->slot_used));
	e->slot_used[0] = true;
	for (size_t i = 0; i < e->n_pods; i++) {
		e->pods[i]->in_world = e->pods[i]->told = false;
		e->pods[i]->is_stale = true;
	}
	e->in_force = e->taken_over = e->lost = false;
	r = enf_slots_inherit(e, err);
	e->lost = r < 0;
	return r;
}

int enf_commit(struct enf *e, struct fl_err *err)
{
	return e->in_force ? compile(e, err) ?: enf_atts_open(e, err) : 0;
}

static int apply_all(struct enf *e, struct fl_err *err)
{
	struct fl_err one;
	int first = 0;

	/* What the datapath has been told is better than what is not known. */
	if (e->lost)
		return 0;
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

static int attach(struct enf *e, struct fl_err *err)
{
	bool changed;
	int r = dp_attach(e->dp, e->nl, &changed, err);

	e->attached = r == 0;
	return r;
}

/*
 * Where another layout's programs stand, ours take their place when everything has been filled.
 * Likewise where pods stand in blocks for which there are no maps, as after a time without
 * enforcement: what they say to each other is not cut until then. Who comes meanwhile is told to
 * try again later, since the datapath's own link is not there.
 */
static int attach_early(struct enf *e, struct fl_err *err)
{
	int r = 0;

	if (dp_has_former(e->dp))
		return 0;
	if (!e->began && dp_is_fresh(e->dp))
		r = enf_any_inside(e, &e->waits, err);
	return r < 0 || e->waits ? r : attach(e, err);
}

static int attach_late(struct enf *e, struct fl_err *err)
{
	struct fl_err later;
	int r;

	if (!(dp_has_former(e->dp) || e->waits) || e->lost)
		return 0;
	/* On interfaces to other nodes, too: enf_beyond() says what is wrong there. */
	FL_IGNORE(enf_deny(e, &later));
	r = attach(e, err);
	e->waits &= r < 0;
	return r;
}

int enf_reconcile(struct enf *e, struct fl_err *err)
{
	struct fl_err first = { 0 }, one;
	/*
	 * The mark before the records: a plugin that has not seen it has made its record and its
	 * interface before we look for them.
	 */
	int (*const steps[])(struct enf *, struct fl_err *) = {
		enf_specials,  enf_read_records, enf_atts_sweep, enf_note_clashes,
		enf_look,      enf_note_late,	 compile,	 apply_all,
		enf_atts_open, attach_late,	 enf_join,
	};
	int r = attach_early(e, &first) ?:
		dp_allow_unknown(e->dp, e->o.unknown_allow, &first) ?:
		dp_set_vtep_port(e->dp, e->o.vtep_port, &first) ?: leave_mark(e, &first);

	for (size_t i = 0; i < FL_ARRAY_LEN(steps); i++) {
		int step = steps[i](e, &one);

		if (step < 0 && r == 0) {
			r = step;
			first = one;
		}
	}
	e->began = true;
	enf_atts_announce(e);
	enf_beyond(e);
	enf_stack(e);
	if (r == 0 && !e->taken_over) {
		r = enf_prune(e, &first);
		e->taken_over = r == 0;
	}
	if (r < 0)
		*err = first;
	return r;
}

/* The attachment as it is in this moment; taken in. */
static int take_now(struct enf *e, const struct fl_key *key, struct enf_att **out,
		    struct fl_err *err)
{
	fl_auto_endpoint struct fl_endpoint rec = { 0 };
	struct fl_link link = { 0 }, bridge = { 0 };
	struct enf_link k;
	int r = fl_endpoint_read(e->o.root, key, &rec, err);

	if (r < 0)
		return r;
	r = fl_link_get(e->nl, rec.host_ifname, &link, err);
	if (r == -ENODEV)
		return fl_fail(err, ENOENT, "there is no interface '%s'", rec.host_ifname);
	if (r < 0)
		return r;
	k = enf_link_of(&link);
	if (link.master)
		r = fl_link_get_index(e->nl, link.master, &bridge, err);
	if (r < 0 && r != -ENODEV)
		return r;
	if (fl_streq(bridge.kind, "bridge"))
		memcpy(k.router_mac, bridge.mac, FL_MAC_LEN);
	r = enf_atts_give_way(e, &rec, err) ?: enf_att_take(e, &rec, &k, err);
	*out = enf_att_find(e, rec.host_ifname);
	return r;
}

int enf_attach(struct enf *e, const struct fl_key *key, struct fl_err *err)
{
	struct enf_att *a = NULL;
	const char *why;
	uint32_t identity;
	int r;

	if (!e->in_force)
		return fl_fail(err, EAGAIN, "the agent has not read all policies yet");
	r = take_now(e, key, &a, err);
	if (r == 0 && enf_att_clashes(e, a))
		r = enf_note_clashes(e, err);
	r = r ?: enf_att_look(e, a, err) ?:
	    compile(e, err) ?: enf_att_apply(e, a, err) ?: enf_atts_open(e, err) ?:
	    enf_att_join(e, a, err);
	if (r < 0)
		return r;
	a->is_unheard = false;
	why = enf_standing(e, a->rec.host_ifname, &identity);
	return why ? fl_fail(err, EAGAIN, "no policy is in force for pod '%s/%s': %s", a->pod->ns,
			     a->pod->name, why)
		   : 0;
}
