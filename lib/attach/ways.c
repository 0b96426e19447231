// SPDX-License-Identifier: Apache-2.0
/* A network's part of the node: recorded first, then put, then recorded as it is. */
#include "attach/ways.h"

#include <errno.h>
#include <stdio.h>

#include "attach/ways_plan.h"
#include "net/link.h"
#include "state/endpoint.h"
#include "state/network.h"

/* Everything that is worked with while the folder is locked. */
struct work {
	struct fl_routed *r;
	struct fl_ways *w;
	struct fl_networks nets;
	struct fl_network record;   /* ours, as it was */
	struct fl_blocks own, want; /* destinations that are ours, and those that shall be */
	bool masquerade;	    /* there may be a table */
};

static void work_done(struct work *k)
{
	fl_blocks_done(&k->own);
	fl_blocks_done(&k->want);
	fl_network_done(&k->record);
	fl_networks_done(&k->nets);
}

static int read_own(struct work *k, struct fl_err *err)
{
	int e = fl_network_read(&k->nets, k->r->req->name, &k->record, err);

	/* One that cannot be read is as good as none: what it spoke of stays until a boot. */
	k->w->made = e == -ENOENT || e == -EINVAL;
	if (e < 0)
		return k->w->made ? 0 : e;
	k->masquerade = k->record.masquerade;
	for (size_t i = 0; e == 0 && i < k->record.n_blocks; i++)
		e = fl_routed_add_home(k->r, &k->record.blocks[i], err);
	for (size_t i = 0; e == 0 && i < k->record.n_routes; i++)
		e = fl_blocks_add(&k->own, &k->record.routes[i], err);
	return e;
}

static int count_one(const struct fl_endpoint *ep, void *arg, struct fl_err *err)
{
	const struct fl_cni_req *req = arg;

	(void)err;
	return !req || !fl_streq(ep->key.container_id, req->container_id) ||
			       !fl_streq(ep->key.ifname, req->ifname)
		       ? 1
		       : 0;
}

/* 1 when the network has pods, those of the request apart; 0 or an error. */
static int has_pods(const struct fl_routed *r, const char *network, bool apart, struct fl_err *err)
{
	void *arg = apart ? (void *)(uintptr_t)r->req : NULL;

	return fl_endpoint_list(r->req->root, network, count_one, arg, err);
}

static int refuse(const struct fl_network *other, const char *what, struct fl_err *err)
{
	return fl_class(err,
			fl_fail(err, EEXIST, "%s belongs to network '%s', which has pods here",
				what, other->name),
			FL_CNI_CONFIG);
}

/*
 * Another network that has what we want is in the way as long as it has pods; then its record is
 * a memory of a configuration that is gone, and what it speaks of becomes ours.
 */
static int each_other(const struct fl_network *other, void *arg, struct fl_err *err)
{
	char what[96] = "", text[FL_PREFIX_STR];
	struct work *k = arg;
	int e;

	if (fl_streq(other->name, k->r->req->name))
		return 0;
	if (other->device && fl_streq(other->device, k->r->kind->device))
		(void)snprintf(what, sizeof(what), "device '%s'", other->device);
	for (size_t i = 0; !what[0] && i < other->n_routes; i++)
		if (fl_blocks_have(&k->want, &other->routes[i]))
			(void)snprintf(what, sizeof(what), "block '%s'",
				       fl_prefix_format(&other->routes[i], text));
	if (!what[0])
		return 0;
	e = has_pods(k->r, other->name, false, err);
	if (e != 0)
		return e < 0 ? e : refuse(other, what, err);
	for (size_t i = 0; e == 0 && i < other->n_routes; i++)
		e = fl_blocks_add(&k->own, &other->routes[i], err);
	return e ?: fl_network_remove(&k->nets, other->name, err);
}

static int refuse_agents_device(const struct fl_routed *r, struct fl_err *err)
{
	if (!r->has_node || !r->node.vxlan_device || !r->kind->device ||
	    !fl_streq(r->node.vxlan_device, r->kind->device))
		return 0;
	return fl_class(err,
			fl_fail(err, EEXIST,
				"config 'device': '%s' is the agent's, which node.json speaks of; "
				"without 'peers' the network is the agent's too",
				r->kind->device),
			FL_CNI_CONFIG);
}

/* Blocks that no configuration names: those of addresses that another IPAM plugin gave. */
static void keep_blocks(const struct work *k, struct fl_network *net)
{
	const struct fl_routed *r = k->r;
	const struct fl_prefix *named = r->conf.blocks_of_node ? r->node.cidrs : r->conf.home;
	size_t n = r->conf.blocks_of_node ? r->node.n_cidrs : r->conf.n_home;

	net->n_blocks = 0;
	for (size_t i = 0; i < r->n_home; i++) {
		bool known = false;

		for (size_t j = 0; j < n; j++)
			known |= fl_blocks_cmp(&named[j], &r->home[i]) == 0;
		if (!known && net->n_blocks < FL_NETWORK_BLOCKS_MAX)
			net->blocks[net->n_blocks++] = r->home[i];
	}
}

/* Writes down the destinations that are ours from now on. */
static int write_record(struct work *k, const struct fl_blocks *routes, bool masquerade,
			struct fl_err *err)
{
	struct fl_network net = {
		.name = k->r->req->name,
		.device = k->r->kind->device,
		.masquerade = masquerade,
		.routes = routes->list,
		.n_routes = routes->n,
	};

	keep_blocks(k, &net);
	return fl_network_write(&k->nets, &net, err);
}

/* own becomes what was ours and what shall be, each once. */
static int unite(struct work *k, struct fl_err *err)
{
	size_t n = 0;
	int e = 0;

	for (size_t i = 0; e == 0 && i < k->want.n; i++)
		e = fl_blocks_add(&k->own, &k->want.list[i], err);
	if (e < 0 || k->own.n == 0)
		return e;
	qsort(k->own.list, k->own.n, sizeof(*k->own.list), fl_blocks_cmp);
	for (size_t i = 0; i < k->own.n; i++)
		if (n == 0 || fl_blocks_cmp(&k->own.list[n - 1], &k->own.list[i]) != 0)
			k->own.list[n++] = k->own.list[i];
	k->own.n = n;
	return 0;
}

static bool is_own(const struct fl_route *route, void *arg)
{
	return fl_blocks_have(arg, &route->dst);
}

static int apply(struct work *k, const struct fl_peers_plan *want, struct fl_err *err)
{
	fl_auto_peers_plan struct fl_peers_plan *have = NULL;
	struct fl_peers_count count;
	int e;

	e = fl_peers_read(k->r->host, FL_ROUTE_BY_PEERS, k->r->in.vtep, &have, err);
	if (e < 0)
		return e;
	fl_peers_plan_keep(have, is_own, &k->own);
	return fl_peers_apply(k->r->host, have, want, &count, err);
}

static int masquerade(struct work *k, struct fl_err *err)
{
	fl_auto_blocks struct fl_blocks all = { 0 };
	fl_auto_nl struct fl_nl *nft = NULL;
	char table[FL_WAYS_TABLE_SIZE];
	struct fl_outside o;
	bool changed;
	int e;

	if (!k->r->conf.ip_masq && !k->masquerade)
		return 0;
	e = fl_ways_outside(k->r, table, &all, &o, err) ?: fl_nl_open(FL_NL_NETFILTER, &nft, err);
	if (e < 0)
		return e;
	return k->r->conf.ip_masq ? fl_outside_apply(nft, &o, &changed, err)
				  : fl_outside_remove(nft, table, err);
}

/* The device, if there is one; whether it is this ADD that makes it matters only for a new one. */
static int ensure_device(struct work *k, struct fl_err *err)
{
	struct fl_err ignored;
	struct fl_link link;

	if (!k->r->kind->ensure)
		return 0;
	k->w->made_device = k->w->made &&
			    fl_link_get(k->r->host, k->r->kind->device, &link, &ignored) == -ENODEV;
	return k->r->kind->ensure(k->r, err);
}

static int locked(struct work *k, struct fl_err *err)
{
	fl_auto_peers_plan struct fl_peers_plan *want = NULL;
	struct fl_routed *r = k->r;
	int e;

	e = read_own(k, err) ?:
	    fl_routed_conf_check_home(&r->conf, r->home, r->n_home, err) ?:
	    refuse_agents_device(r, err) ?: fl_ways_blocks(r, true, &k->want, err) ?:
	    fl_network_list(&k->nets, each_other, k, err) ?: unite(k, err);
	if (e < 0)
		return e;
	e = write_record(k, &k->own, r->conf.ip_masq || k->masquerade, err) ?:
	    ensure_device(k, err) ?: fl_ways_plan(r, &want, err) ?: apply(k, want, err) ?:
	    masquerade(k, err);
	return e ?: write_record(k, &k->want, r->conf.ip_masq, err);
}

int fl_ways_ensure(struct fl_routed *r, struct fl_ways *w, struct fl_err *err)
{
	fl_auto(work_done) struct work k = { .r = r, .w = w, .nets = FL_NETWORKS_CLOSED };
	int e;

	e = r->kind->survey(r, err);
	if (e == 0)
		e = fl_networks_lock(r->req->root, &r->req->deadline, &k.nets, err);
	return e < 0 ? e : locked(&k, err);
}

static int remove_all(struct work *k, struct fl_err *err)
{
	fl_auto_nl struct fl_nl *nft = NULL;
	char table[FL_WAYS_TABLE_SIZE];
	struct fl_ways w;
	int e;

	k->w = &w;
	e = read_own(k, err) ?: unite(k, err) ?: apply(k, NULL, err);
	if (e == 0 && k->masquerade)
		e = fl_ways_table(k->r, table, err) ?: fl_nl_open(FL_NL_NETFILTER, &nft, err) ?:
		    fl_outside_remove(nft, table, err);
	return e ?: fl_network_remove(&k->nets, k->r->req->name, err);
}

void fl_ways_undo(struct fl_routed *r, const struct fl_ways *w)
{
	fl_auto(work_done) struct work k = { .r = r, .nets = FL_NETWORKS_CLOSED };
	const struct fl_deadline soon = fl_deadline_in(FL_CNI_UNDO_MS);
	struct fl_err ignored;

	if (!w->made || fl_networks_lock(r->req->root, &soon, &k.nets, &ignored) < 0 ||
	    has_pods(r, r->req->name, true, &ignored) != 0)
		return;
	FL_IGNORE(remove_all(&k, &ignored));
	if (w->made_device)
		FL_IGNORE(fl_link_del(r->host, r->kind->device, &ignored));
}
