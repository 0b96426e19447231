// SPDX-License-Identifier: Apache-2.0
/*
 * Making it so. A FULL reconcile reads what the kernel has; one after a CHANGE trusts what was
 * applied last and looks at those nodes only that differ, or becomes a FULL one where that is
 * not enough. What one object lacks is noted and does not keep the others from being done; what
 * cannot be known (the node's own address, its VTEP) leaves everything as it is.
 */
#include "agent/topology/topo.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/text.h"
#include "peers/outside.h"
#include "state/node.h"

#define NO_LINK UINT32_MAX /* an index that no link has */

/* One reconcile: its first error, and what it did. */
struct run {
	struct topo *t;
	struct fl_err first;
	bool steady; /* nothing was to be done, as far as we knew */
	size_t put, removed, mended;
};

static double now_s(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Notes what r says of where, a peer or something else. Returns whether all is well. */
static bool note(struct run *run, int r, bool of_peer, const char *where, const struct fl_err *why)
{
	if (r >= 0)
		return true;
	topo_problems_add(&run->t->problems, of_peer, where, why->text);
	if (!run->first.sys) {
		run->first = *why;
		(void)fl_wrap(&run->first, r, "%s", where);
	}
	return false;
}

static void complain(const struct fl_peer *peer, const struct fl_err *why, void *arg)
{
	(void)note(arg, -(why->sys ? why->sys : EINVAL), true, peer->name, why);
}

static int outside(struct topo *t, const struct topo_set *set, bool *changed, struct fl_err *err)
{
	struct fl_outside o = { .table = TOPO_TABLE,
				.home = set->self.cidrs,
				.n_home = set->self.n_cidrs };
	fl_auto_free struct fl_prefix *all = NULL;
	int r = 0;

	if (!t->nft)
		r = fl_nl_open(FL_NL_NETFILTER, &t->nft, err);
	if (r < 0)
		return r;
	if (!t->conf->masquerade) {
		r = fl_outside_remove(t->nft, TOPO_TABLE, err);
		/* Without nf_tables there is nothing to remove. */
		return r == -EOPNOTSUPP ? 0 : r;
	}
	r = topo_set_blocks(set, t->conf->bgp.cluster_cidrs, t->conf->bgp.n_cluster_cidrs, &all,
			    &o.n_cluster, err);
	o.cluster = all;
	return r ?: fl_outside_apply(t->nft, &o, changed, err);
}

/* Masquerade comes before the routes: a flow that was once translated stays so. */
static void apply_outside(struct run *run, const struct topo_set *set)
{
	bool changed = false;
	struct fl_err err;

	(void)note(run, outside(run->t, set, &changed, &err), false, "masquerade", &err);
	run->mended += changed;
}

static bool apply(struct run *run, const struct fl_peers_plan *have,
		  const struct fl_peers_plan *want)
{
	struct fl_peers_count count = { 0 };
	struct fl_err err;
	int r = fl_peers_apply(run->t->nl, have, want, &count, &err);

	run->put += count.put;
	run->removed += count.removed;
	return note(run, r, false, "routes", &err);
}

static void count_plan(struct topo *t, const struct fl_peers_plan *want)
{
	t->stats.peers = t->set.n;
	(void)fl_peers_plan_routes(want, &t->stats.routes);
	(void)fl_peers_plan_neighs(want, &t->stats.neighbours);
	(void)fl_peers_plan_fdb(want, &t->stats.fdb);
}

/* Routes, neighbours and forwarding entries, against the kernel. */
static bool apply_all(struct run *run)
{
	struct topo *t = run->t;
	struct topo_part part = { t->set.peers, t->set.n, &t->set.self, complain, run };
	fl_auto_peers_plan struct fl_peers_plan *want = NULL, *have = NULL;
	struct fl_err err;
	int r;

	r = topo_plan(t, &part, &want, &err)
		    ?: fl_peers_read(t->nl, FL_ROUTE_BY_AGENT, t->vtep.index, &have, &err);
	if (!note(run, r, false, "routes", &err))
		return false;
	count_plan(t, want);
	return apply(run, have, want);
}

static int write_node(const struct topo *t, struct fl_err *err)
{
	const struct fl_peer *self = &t->set.self;
	struct fl_node node = {
		.name = t->node_name,
		.mode = agent_mode_text(t->conf->mode),
		.mtu = t->local.pod_mtu,
		.n_ips = self->n_ips,
		.n_cidrs = self->n_cidrs,
		.vxlan_device = topo_has_overlay(t) ? t->conf->vxlan.device : NULL,
		.vni = t->conf->vxlan.vni,
		.port = t->conf->vxlan.port,
	};

	memcpy(node.ips, self->ips, self->n_ips * sizeof(node.ips[0]));
	memcpy(node.cidrs, self->cidrs, self->n_cidrs * sizeof(node.cidrs[0]));
	return fl_node_write(t->root, &node, err);
}

static void set_local(struct topo *t)
{
	bool loopback = t->view.underlay.index == 1;

	t->local.ip = *topo_local_ip(t, &t->set.self);
	t->local.underlay_mtu = t->view.underlay.mtu;
	t->local.pod_mtu = topo_pod_mtu(t, &t->view);
	memcpy(t->local.underlay, t->view.underlay.name, sizeof(t->local.underlay));
	/* An address on lo says nothing of the links by which packets leave. */
	if (loopback && !t->conf->mtu && !topo_has_overlay(t))
		t->local.pod_mtu = 1500;
}

/* Who we are and where: without this nothing is touched. */
static bool look(struct run *run, struct topo_set *set, struct topo_view *view)
{
	struct topo *t = run->t;
	const struct fl_ip *ip = topo_local_ip(t, &set->self);
	struct fl_err err;

	if (!ip)
		return note(run,
			    fl_fail(&err, EADDRNOTAVAIL, "has no %s address for the VTEP",
				    t->conf->vxlan.underlay == AF_INET6 ? "IPv6" : "IPv4"),
			    false, t->node_name, &err);
	return note(run, topo_view_read(t->nl, ip, view, &err), false, t->node_name, &err);
}

/* True when routes can be computed: there is a VTEP, or none is wanted, or one can do without. */
static bool apply_vtep(struct run *run)
{
	struct topo *t = run->t;
	bool changed = false;
	struct fl_link link;
	struct fl_err err;
	int r;

	if (!topo_has_overlay(t)) {
		t->vtep = (struct fl_link){ 0 };
		fl_watch_only_of(t->watch, NO_LINK);
		return true;
	}
	r = topo_vtep_apply(t, &t->set.self, &t->view, &changed, &err);
	run->mended += changed;
	if (note(run, r, false, t->conf->vxlan.device, &err)) {
		fl_watch_only_of(t->watch, t->vtep.index);
		return true;
	}
	if (t->conf->mode == AGENT_VXLAN ||
	    fl_link_get(t->nl, t->conf->vxlan.device, &link, &err) != -ENODEV)
		return false;
	t->vtep = (struct fl_link){ 0 };
	return true;
}

/* Nothing has changed since the last time that would have something be done. */
static bool is_steady(const struct topo *t, const struct topo_set *set,
		      const struct topo_view *view)
{
	fl_auto_delta struct topo_delta d = { 0 };
	struct fl_err err;

	return t->clean && t->swept && topo_peer_equal(&t->set.self, &set->self) &&
	       view->underlay.index == t->view.underlay.index &&
	       view->underlay.mtu == t->view.underlay.mtu &&
	       topo_delta_make(&t->set, set, &d, &err) == 0 && d.n_gone + d.n_come == 0;
}

/* What all later steps work on becomes what t knows. */
static bool begin(struct run *run, const struct agent_cluster *nodes)
{
	fl_auto_set struct topo_set set = { 0 };
	fl_auto_view struct topo_view view = { 0 };
	struct topo *t = run->t;
	struct fl_err err;
	int r;

	topo_problems_clear(&t->problems);
	r = topo_set_make(nodes, t->node_name, &set, &err);
	if (!note(run, r, false, t->node_name, &err) || !look(run, &set, &view))
		return false;
	run->steady = is_steady(t, &set, &view);
	topo_set_done(&t->set);
	topo_view_done(&t->view);
	t->set = set;
	t->view = view;
	set = (struct topo_set){ 0 };
	view = (struct topo_view){ 0 };
	return true;
}

static void full(struct run *run, const struct agent_cluster *nodes)
{
	fl_auto_stale struct topo_stale stale = { 0 };
	struct topo *t = run->t;
	struct fl_err err;
	bool ways;

	t->local.applied = false;
	if (!begin(run, nodes)) {
		t->clean = false;
		return;
	}
	(void)note(run, topo_forward(t->nl, &t->set.self, t->view.underlay.name, &err), false,
		   "forwarding", &err);
	if (!t->swept)
		(void)note(run,
			   topo_stale_find(t, &stale, &err)
				   ?: topo_stale_remove(t, &stale, false, &err),
			   false, "earlier VTEP", &err);
	ways = apply_vtep(run);
	apply_outside(run, &t->set);
	if (ways) {
		set_local(t);
		(void)apply_all(run);
		/* Last, so that no route loses its device before it has another. */
		if (!t->swept)
			t->swept = note(run, topo_stale_remove(t, &stale, true, &err), false,
					"earlier VTEP", &err);
		t->local.applied = note(run, write_node(t, &err), false, "node.json", &err);
	}
	t->clean = !topo_problems_general(&t->problems);
}

static void forget_peers(struct topo *t, const struct fl_peer *peers, size_t n)
{
	for (size_t i = 0; t->problems.n && i < n; i++)
		topo_problems_forget(&t->problems, peers[i].name);
}

/* Moves the counts of objects by the difference of two plans. */
static void recount(struct topo *t, const struct fl_peers_plan *was, const struct fl_peers_plan *is)
{
	size_t a, b;

	t->stats.peers = t->set.n;
	(void)fl_peers_plan_routes(was, &a);
	(void)fl_peers_plan_routes(is, &b);
	t->stats.routes += b - a;
	(void)fl_peers_plan_neighs(was, &a);
	(void)fl_peers_plan_neighs(is, &b);
	t->stats.neighbours += b - a;
	(void)fl_peers_plan_fdb(was, &a);
	(void)fl_peers_plan_fdb(is, &b);
	t->stats.fdb += b - a;
}

static bool apply_delta(struct run *run, const struct topo_delta *d)
{
	struct topo_part was = { d->gone, d->n_gone },
			 will = { d->come, d->n_come, NULL, complain, run };
	fl_auto_peers_plan struct fl_peers_plan *have = NULL, *want = NULL;
	struct fl_err err;
	int r;

	r = topo_plan(run->t, &was, &have, &err) ?: topo_plan(run->t, &will, &want, &err);
	if (!note(run, r, false, "routes", &err))
		return false;
	recount(run->t, have, want);
	return apply(run, have, want);
}

/* False when only a FULL one will do. */
static bool change(struct run *run, const struct agent_cluster *nodes)
{
	fl_auto_delta struct topo_delta d = { 0 };
	fl_auto_set struct topo_set set = { 0 }, old = { 0 };
	struct topo *t = run->t;
	struct fl_err err;

	if (!t->clean || topo_set_make(nodes, t->node_name, &set, &err) < 0 ||
	    !topo_peer_equal(&t->set.self, &set.self) ||
	    topo_delta_make(&t->set, &set, &d, &err) < 0)
		return false;
	old = t->set;
	t->set = set;
	set = (struct topo_set){ 0 };
	forget_peers(t, d.gone, d.n_gone);
	forget_peers(t, d.come, d.n_come);
	if (d.blocks)
		apply_outside(run, &t->set);
	t->clean = apply_delta(run, &d) && !topo_problems_general(&t->problems);
	return true;
}

int topo_reconcile(struct topo *t, const struct agent_cluster *nodes, enum topo_effort effort,
		   struct fl_err *err)
{
	struct run run = { .t = t };
	double began = now_s();

	if (effort == TOPO_CHANGE && change(&run, nodes)) {
		t->stats.last_change_s = now_s() - began;
	} else {
		full(&run, nodes);
		t->stats.last_s = now_s() - began;
	}
	t->stats.reconciles++;
	t->stats.failed_reconciles += run.first.sys != 0;
	t->stats.objects_put += run.put;
	t->stats.objects_removed += run.removed;
	if (run.steady)
		t->stats.drift += run.put + run.removed + run.mended;
	if (run.first.sys)
		*err = run.first;
	return -run.first.sys;
}
