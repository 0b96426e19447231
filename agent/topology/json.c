// SPDX-License-Identifier: Apache-2.0
/* The API's documents about peers and routes. */
#include "agent/topology/topo.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "base/text.h"
#include "peers/vtep.h"
#include "json/json.h"

static int set_ips(struct fl_json *o, const struct fl_peer *p)
{
	struct fl_json *ips = fl_json_array(), *cidrs = fl_json_array();
	char text[FL_PREFIX_STR];
	int r = ips && cidrs ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < p->n_ips; i++)
		r = fl_json_append(ips, fl_json_new_str(fl_ip_format(&p->ips[i], text)));
	for (size_t i = 0; r == 0 && i < p->n_cidrs; i++)
		r = fl_json_append(cidrs, fl_json_new_str(fl_prefix_format(&p->cidrs[i], text)));
	/* Both are consumed, whatever happened. */
	return fl_json_set(o, "ips", ips) ?: fl_json_set(o, "podCIDRs", cidrs) ?: r;
}

static bool is_direct(const struct topo *t, const struct fl_peer *p)
{
	uint32_t link;

	if (t->conf->mode != AGENT_DIRECT)
		return t->conf->mode == AGENT_HOST_GW;
	for (size_t i = 0; i < p->n_ips; i++)
		if (topo_view_on_link(&t->view, &p->ips[i], &link))
			return true;
	return false;
}

static const char *way_of(const struct topo *t, const struct fl_peer *p)
{
	if (t->conf->mode == AGENT_NONE)
		return "none";
	if (t->conf->mode == AGENT_BGP)
		return "bgp";
	return is_direct(t, p) ? "direct" : "overlay";
}

static int set_mac(struct fl_json *o, const struct fl_peer *p)
{
	uint8_t mac[FL_MAC_LEN];
	char text[FL_MAC_STR];

	fl_vtep_mac(&p->ips[0], mac);
	fl_mac_format(p->has_mac ? p->mac : mac, text);
	return fl_json_set_str(o, "vtepMAC", text);
}

static struct fl_json *peer_json(const struct topo *t, const struct fl_peer *p)
{
	fl_auto_json struct fl_json *o = fl_json_object();
	const char *why = topo_problems_of(&t->problems, p->name), *way = way_of(t, p);
	int r;

	if (!o)
		return NULL;
	r = fl_json_set_str(o, "name", p->name) ?: set_ips(o, p) ?: fl_json_set_str(o, "way", way);
	if (r == 0 && fl_streq(way, "overlay"))
		r = set_mac(o, p);
	if (r == 0)
		r = fl_json_set_str(o, "state", why ? "problem" : "ok");
	if (r == 0 && why)
		r = fl_json_set_str(o, "text", why);
	return r == 0 ? FL_TAKE(o) : NULL;
}

int topo_peers_json(const struct topo *t, struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *all = fl_json_array();
	int r = all ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < t->set.n; i++)
		r = fl_json_append(all, peer_json(t, &t->set.peers[i]));
	if (r < 0)
		return fl_fail_errno(err, ENOMEM, "list peers");
	*out = FL_TAKE(all);
	return 0;
}

/* A block and whose it is; a list of them is sorted by block. */
struct owner {
	struct fl_prefix block;
	const char *name;
};

static int prefix_cmp(const struct fl_prefix *a, const struct fl_prefix *b)
{
	return fl_ip_cmp(&a->ip, &b->ip) ?: (int)a->len - (int)b->len;
}

static int owner_cmp(const void *a, const void *b)
{
	return prefix_cmp(&((const struct owner *)a)->block, &((const struct owner *)b)->block);
}

static int route_cmp(const void *a, const void *b)
{
	return prefix_cmp(&((const struct fl_route *)a)->dst, &((const struct fl_route *)b)->dst);
}

struct owners {
	struct owner *items; /* owned */
	size_t n;
};

static void add_owner(struct owners *o, const struct fl_peer *p)
{
	for (size_t i = 0; i < p->n_cidrs; i++)
		o->items[o->n++] = (struct owner){ p->cidrs[i], p->name };
}

static int find_owners(const struct topo *t, struct owners *out, struct fl_err *err)
{
	size_t n = t->set.self.n_cidrs;

	for (size_t i = 0; i < t->set.n; i++)
		n += t->set.peers[i].n_cidrs;
	out->items = calloc(n + 1, sizeof(*out->items));
	if (!out->items)
		return fl_fail_errno(err, ENOMEM, "list routes");
	add_owner(out, &t->set.self);
	for (size_t i = 0; i < t->set.n; i++)
		add_owner(out, &t->set.peers[i]);
	qsort(out->items, out->n, sizeof(*out->items), owner_cmp);
	return 0;
}

static bool same_way(const struct fl_route *a, const struct fl_route *b)
{
	return a->type == b->type && a->link == b->link && a->has_gw == b->has_gw &&
	       (!a->has_gw || fl_ip_cmp(&a->gw, &b->gw) == 0) && a->mtu == b->mtu;
}

/* What routes are compared and named with. */
struct against {
	struct owners owners;
	struct fl_route *have; /* sorted by destination */
	size_t n_have;
	uint32_t link; /* whose name is known: all are through one or two */
	char name[IF_NAMESIZE];
};

static const char *state_of(const struct against *a, const struct fl_route *want)
{
	const struct fl_route *is = bsearch(want, a->have, a->n_have, sizeof(*a->have), route_cmp);

	return !is ? "missing" : same_way(is, want) ? "ok" : "differs";
}

static struct fl_json *route_json(struct against *a, const struct fl_route *want)
{
	fl_auto_json struct fl_json *o = fl_json_object();
	struct owner key = { .block = want->dst }, *owner;
	char text[FL_PREFIX_STR];
	int r;

	if (!o)
		return NULL;
	if (want->link != a->link && !if_indextoname(want->link, a->name))
		a->name[0] = '\0';
	a->link = want->link;
	owner = bsearch(&key, a->owners.items, a->owners.n, sizeof(key), owner_cmp);
	r = fl_json_set_str(o, "dst", fl_prefix_format(&want->dst, text));
	if (r == 0 && want->has_gw)
		r = fl_json_set_str(o, "via", fl_ip_format(&want->gw, text));
	if (r == 0 && want->link)
		r = fl_json_set_str(o, "interface", a->name);
	r = r
		    ?: fl_json_set_str(o, "type",
				       want->type == FL_ROUTE_BLACKHOLE ? "blackhole" : "unicast");
	if (r == 0 && owner)
		r = fl_json_set_str(o, "peer", owner->name);
	r = r ?: fl_json_set_str(o, "state", state_of(a, want));
	return r == 0 ? FL_TAKE(o) : NULL;
}

static int list_routes(const struct fl_route *want, size_t n, struct against *a,
		       struct fl_json **out)
{
	fl_auto_json struct fl_json *all = fl_json_array();
	int r = all ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = fl_json_append(all, route_json(a, &want[i]));
	if (r == 0)
		*out = FL_TAKE(all);
	return r;
}

int topo_routes_json(const struct topo *t, struct fl_json **out, struct fl_err *err)
{
	struct topo_part part = { t->set.peers, t->set.n, &t->set.self };
	fl_auto_peers_plan struct fl_peers_plan *want = NULL, *have = NULL;
	fl_auto_free struct fl_route *sorted = NULL;
	fl_auto_free struct owner *owners = NULL;
	const struct fl_route *routes;
	struct against a = { 0 };
	size_t n;
	int r;

	r = topo_plan(t, &part, &want, err) ?:
	    fl_peers_read(t->nl, FL_ROUTE_BY_AGENT, t->vtep.index, &have, err) ?:
	    find_owners(t, &a.owners, err);
	owners = a.owners.items;
	if (r < 0)
		return r;
	routes = fl_peers_plan_routes(have, &a.n_have);
	sorted = calloc(a.n_have + 1, sizeof(*sorted));
	if (!sorted)
		return fl_fail_errno(err, ENOMEM, "list routes");
	if (a.n_have)
		memcpy(sorted, routes, a.n_have * sizeof(*sorted));
	qsort(sorted, a.n_have, sizeof(*sorted), route_cmp);
	a.have = sorted;
	routes = fl_peers_plan_routes(want, &n);
	if (list_routes(routes, n, &a, out) < 0)
		return fl_fail_errno(err, ENOMEM, "list routes");
	return 0;
}
