// SPDX-License-Identifier: Apache-2.0
/* A network's part of the node: recorded first, then put, then recorded as it is. */
#include "attach/ways.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attach/check.h"
#include "net/link.h"
#include "peers/outside.h"
#include "state/endpoint.h"
#include "state/network.h"

#define TABLE_SIZE 256

/* Never the name of a table of attach/masq.h, which has a '-' in this place. */
static int table_name(const struct fl_routed *r, char out[TABLE_SIZE], struct fl_err *err)
{
	return fl_format(out, TABLE_SIZE, err, "fairlead_%s", r->req->name);
}

static int cmp_prefixes(const void *pa, const void *pb)
{
	const struct fl_prefix *a = pa, *b = pb;
	int r = fl_ip_cmp(&a->ip, &b->ip);

	return r ? r : a->len - b->len;
}

/* A sorted set of prefixes: what routes are compared by. */
struct prefixes {
	struct fl_prefix *list;
	size_t n, room;
};

static void prefixes_done(struct prefixes *p)
{
	fl_free_p(&p->list);
}

static bool has_prefix(const struct prefixes *p, const struct fl_prefix *one)
{
	return p->n > 0 && bsearch(one, p->list, p->n, sizeof(*one), cmp_prefixes);
}

static int add_prefix(struct prefixes *p, const struct fl_prefix *one, struct fl_err *err)
{
	if (p->n == p->room) {
		size_t room = p->room ? 2 * p->room : 64;
		struct fl_prefix *more = reallocarray(p->list, room, sizeof(*more));

		if (!more)
			return fl_fail_errno(err, ENOMEM, "keep %zu blocks", room);
		p->list = more;
		p->room = room;
	}
	p->list[p->n++] = *one;
	return 0;
}

/* A block of one address is a pod's own, which has a route already. */
static bool is_routed(const struct fl_prefix *home)
{
	return home->len < fl_ip_bits(&home->ip);
}

/* This node's blocks and the peers', sorted; routed: only those that get a route. */
static int all_blocks(const struct fl_routed *r, bool routed, struct prefixes *out,
		      struct fl_err *err)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < r->n_home; i++)
		if (!routed || is_routed(&r->home[i]))
			e = add_prefix(out, &r->home[i], err);
	for (size_t p = 0; p < r->conf.n_peers; p++)
		for (size_t i = 0; e == 0 && i < r->conf.peers[p].n_cidrs; i++)
			e = add_prefix(out, &r->conf.peers[p].cidrs[i], err);
	if (e == 0 && out->n > 0)
		qsort(out->list, out->n, sizeof(*out->list), cmp_prefixes);
	return e;
}

/* The first peer that cannot be reached is an error: the configuration names it. */
struct complaint {
	struct fl_err first;
};

static void complain(const struct fl_peer *peer, const struct fl_err *why, void *arg)
{
	struct complaint *c = arg;

	if (c->first.sys)
		return;
	c->first = *why;
	(void)fl_wrap(&c->first, -why->sys, "peer '%s'", peer->name);
}

static int make_plan(struct fl_routed *r, struct fl_peers_plan **out, struct fl_err *err)
{
	fl_auto_peers_plan struct fl_peers_plan *plan = NULL;
	struct complaint c = { 0 };
	struct fl_prefix home[FL_ROUTED_HOME_MAX];
	int e;

	r->in.n_home = 0;
	for (size_t i = 0; i < r->n_home; i++)
		if (is_routed(&r->home[i]))
			home[r->in.n_home++] = r->home[i];
	r->in.home = home;
	r->in.way = r->kind->way;
	r->in.protocol = FL_ROUTE_BY_PEERS;
	r->in.n_peers = r->conf.n_peers;
	r->in.peers = r->conf.peers;
	e = fl_peers_plan(&r->in, complain, &c, &plan, err);
	r->in.home = NULL;
	if (e < 0)
		return e;
	if (c.first.sys) {
		*err = c.first;
		return fl_class(err, -err->sys, FL_CNI_CONFIG);
	}
	*out = FL_TAKE(plan);
	return 0;
}

/* Everything that is worked with while the folder is locked. */
struct work {
	struct fl_routed *r;
	struct fl_ways *w;
	struct fl_networks nets;
	struct fl_network record;  /* ours, as it was */
	struct prefixes own, want; /* destinations that are ours, and those that shall be */
	bool masquerade;	   /* there may be a table */
};

static void work_done(struct work *k)
{
	prefixes_done(&k->own);
	prefixes_done(&k->want);
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
		e = add_prefix(&k->own, &k->record.routes[i], err);
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
		if (has_prefix(&k->want, &other->routes[i]))
			(void)snprintf(what, sizeof(what), "block '%s'",
				       fl_prefix_format(&other->routes[i], text));
	if (!what[0])
		return 0;
	e = has_pods(k->r, other->name, false, err);
	if (e != 0)
		return e < 0 ? e : refuse(other, what, err);
	for (size_t i = 0; e == 0 && i < other->n_routes; i++)
		e = add_prefix(&k->own, &other->routes[i], err);
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
			known |= cmp_prefixes(&named[j], &r->home[i]) == 0;
		if (!known && net->n_blocks < FL_NETWORK_BLOCKS_MAX)
			net->blocks[net->n_blocks++] = r->home[i];
	}
}

/* Writes down the destinations that are ours from now on. */
static int write_record(struct work *k, const struct prefixes *routes, bool masquerade,
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
		e = add_prefix(&k->own, &k->want.list[i], err);
	if (e < 0 || k->own.n == 0)
		return e;
	qsort(k->own.list, k->own.n, sizeof(*k->own.list), cmp_prefixes);
	for (size_t i = 0; i < k->own.n; i++)
		if (n == 0 || cmp_prefixes(&k->own.list[n - 1], &k->own.list[i]) != 0)
			k->own.list[n++] = k->own.list[i];
	k->own.n = n;
	return 0;
}

static bool is_own(const struct fl_route *route, void *arg)
{
	return has_prefix(arg, &route->dst);
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

/* What the firewall's table is to hold; borrows from table and all. */
static int outside(const struct fl_routed *r, char table[TABLE_SIZE], struct prefixes *all,
		   struct fl_outside *out, struct fl_err *err)
{
	int e = table_name(r, table, err) ?: all_blocks(r, false, all, err);

	*out = (struct fl_outside){
		.table = table,
		.home = r->home,
		.n_home = r->n_home,
		.cluster = all->list,
		.n_cluster = all->n,
	};
	return e;
}

static int masquerade(struct work *k, struct fl_err *err)
{
	fl_auto(prefixes_done) struct prefixes all = { 0 };
	fl_auto_nl struct fl_nl *nft = NULL;
	char table[TABLE_SIZE];
	struct fl_outside o;
	bool changed;
	int e;

	if (!k->r->conf.ip_masq && !k->masquerade)
		return 0;
	e = outside(k->r, table, &all, &o, err) ?: fl_nl_open(FL_NL_NETFILTER, &nft, err);
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
	    refuse_agents_device(r, err) ?: all_blocks(r, true, &k->want, err) ?:
	    fl_network_list(&k->nets, each_other, k, err) ?: unite(k, err);
	if (e < 0)
		return e;
	e = write_record(k, &k->own, r->conf.ip_masq || k->masquerade, err) ?:
	    ensure_device(k, err) ?: make_plan(r, &want, err) ?: apply(k, want, err) ?:
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
	char table[TABLE_SIZE];
	struct fl_ways w;
	int e;

	k->w = &w;
	e = read_own(k, err) ?: unite(k, err) ?: apply(k, NULL, err);
	if (e == 0 && k->masquerade)
		e = table_name(k->r, table, err) ?: fl_nl_open(FL_NL_NETFILTER, &nft, err) ?:
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

static int missing_route(const struct fl_route *route, struct fl_err *err)
{
	char object[80], text[FL_PREFIX_STR];

	(void)snprintf(object, sizeof(object), "route %s", fl_prefix_format(&route->dst, text));
	return fl_drift(err, object,
			route->type == FL_ROUTE_BLACKHOLE ? "a blackhole" : "through its peer",
			"none");
}

static int missing_neigh(const struct fl_neigh *neigh, struct fl_err *err)
{
	char object[80], text[FL_IP_STR], mac[FL_MAC_STR];

	(void)snprintf(object, sizeof(object), "neighbour %s of the overlay",
		       fl_ip_format(&neigh->ip, text));
	fl_mac_format(neigh->mac, mac);
	return fl_drift(err, object, mac, "another or none");
}

static int missing_fdb(const struct fl_fdb *fdb, struct fl_err *err)
{
	char object[80], text[FL_IP_STR], mac[FL_MAC_STR];

	fl_mac_format(fdb->mac, mac);
	(void)snprintf(object, sizeof(object), "forwarding entry %s of the overlay", mac);
	return fl_drift(err, object, fl_ip_format(&fdb->remote, text), "another or none");
}

/* What lies beside is no drift: others may have routes, neighbours and entries there. */
static int compare(const struct fl_peers_plan *want, const struct fl_peers_plan *have,
		   struct fl_err *err)
{
	struct fl_peers_missing m;

	if (!fl_peers_plan_missing(want, have, &m))
		return 0;
	return m.route	 ? missing_route(m.route, err)
	       : m.neigh ? missing_neigh(m.neigh, err)
			 : missing_fdb(m.fdb, err);
}

static int check_masquerade(struct fl_routed *r, struct fl_err *err)
{
	fl_auto(prefixes_done) struct prefixes all = { 0 };
	fl_auto_nl struct fl_nl *nft = NULL;
	char table[TABLE_SIZE];
	struct fl_outside o;
	int e;

	if (!r->conf.ip_masq)
		return 0;
	e = outside(r, table, &all, &o, err) ?: fl_nl_open(FL_NL_NETFILTER, &nft, err) ?:
	    fl_outside_check(nft, &o, err);
	return e == -ENOENT ? fl_class(err, e, FL_CNI_DRIFT) : e;
}

static int read_blocks(struct fl_routed *r, struct fl_err *err)
{
	fl_auto_networks struct fl_networks nets = FL_NETWORKS_CLOSED;
	fl_auto_network struct fl_network record = { 0 };
	int e;

	e = fl_networks_open(r->req->root, &nets, err);
	if (e == 0)
		e = fl_network_read(&nets, r->req->name, &record, err);
	if (e == -ENOENT || e == -EINVAL)
		return fl_drift(err, "network record", "to exist", "none");
	for (size_t i = 0; e == 0 && i < record.n_blocks; i++)
		e = fl_routed_add_home(r, &record.blocks[i], err);
	return e;
}

int fl_ways_check(struct fl_routed *r, struct fl_err *err)
{
	fl_auto_peers_plan struct fl_peers_plan *want = NULL, *have = NULL;
	int e;

	e = r->kind->survey(r, err) ?: read_blocks(r, err);
	if (e == 0 && r->kind->check)
		e = r->kind->check(r, err);
	e = e ?: make_plan(r, &want, err) ?:
		 fl_peers_read(r->host, FL_ROUTE_BY_PEERS, r->in.vtep, &have, err) ?:
		 compare(want, have, err);
	return e ?: check_masquerade(r, err);
}
