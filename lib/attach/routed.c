// SPDX-License-Identifier: Apache-2.0
/* What the verbs of routed networks begin with, and those that are short. */
#include "attach/routed.h"

#include <errno.h>
#include <string.h>

#include "attach/attach.h"
#include "attach/guard.h"
#include "attach/leave.h"
#include "cni/delegate.h"
#include "net/link.h"
#include "net/route.h"

void fl_routed_done(struct fl_routed *r)
{
	fl_routed_conf_done(&r->conf);
	fl_node_done(&r->node);
	fl_json_free(&r->ipam_doc);
	fl_free_p(&r->ipam_text);
}

struct fl_ip fl_routed_gateway(bool v4)
{
	static const struct fl_ip gateway4 = { { [10] = 0xff, 0xff, 169, 254, 1, 1 } };
	static const struct fl_ip gateway6 = { { 0xfe, 0x80, [15] = 1 } };

	return v4 ? gateway4 : gateway6;
}

int fl_routed_add_home(struct fl_routed *r, const struct fl_prefix *block, struct fl_err *err)
{
	char text[FL_PREFIX_STR];
	size_t n = 0;

	for (size_t i = 0; i < r->n_home; i++)
		if (fl_prefix_overlaps(&r->home[i], block) && r->home[i].len <= block->len)
			return 0;
	for (size_t i = 0; i < r->n_home; i++)
		if (!fl_prefix_overlaps(&r->home[i], block))
			r->home[n++] = r->home[i];
	if (n == FL_ROUTED_HOME_MAX)
		return fl_fail(err, E2BIG, "block '%s' is one more than %d of this node",
			       fl_prefix_format(block, text), FL_ROUTED_HOME_MAX);
	r->home[n++] = *block;
	r->n_home = n;
	return 0;
}

/* ipam.ranges of a copy of the configuration become the blocks: a set for each. */
static int put_ranges(struct fl_json *doc, const struct fl_node *node)
{
	struct fl_json *sets = fl_json_array();
	char text[FL_PREFIX_STR];
	int r = 0;

	for (size_t i = 0; i < node->n_cidrs; i++) {
		struct fl_json *range = fl_json_object(), *set = fl_json_array();

		r = r ?: fl_json_set_str(range, "subnet", fl_prefix_format(&node->cidrs[i], text));
		/* Each is consumed whatever happens. */
		r = fl_json_append(set, range) ?: r;
		r = fl_json_append(sets, set) ?: r;
	}
	return fl_json_set(fl_json_get(doc, "ipam"), "ranges", sets) ?: r;
}

/* What the IPAM plugin gets: a configuration that names the node's blocks. */
static int fill_in_blocks(struct fl_routed *r, struct fl_err *err)
{
	int e;

	r->ipam_doc = fl_json_copy(r->req->conf.v);
	e = r->ipam_doc ? put_ranges(r->ipam_doc, &r->node) : -ENOMEM;
	if (e < 0)
		return fl_fail_errno(err, -e, "write the blocks of node.json into 'ipam.ranges'");
	return fl_cni_delegate_conf(r->req, r->ipam_doc, &r->ipam_req, &r->ipam_text, err);
}

static int not_ready(const struct fl_routed *r, int e, struct fl_err *err)
{
	return fl_class(err, e,
			r->req->verb == FL_CNI_STATUS ? FL_CNI_UNAVAILABLE : FL_CNI_TRY_LATER);
}

static int read_node(struct fl_routed *r, struct fl_err *err)
{
	int e = fl_node_read(r->req->root, &r->node, err);

	r->has_node = e == 0;
	if (r->conf.has_peers && !r->conf.blocks_of_node)
		return 0; /* all is said without it */
	if (e == -ENOENT)
		e = fl_fail(err, ENOENT,
			    "config '%s' is missing, and no agent has left '%s/run/fairlead/"
			    "node.json'",
			    r->conf.has_peers ? "ipam.ranges" : "peers", r->req->root);
	if (e == 0 && r->conf.blocks_of_node && r->node.n_cidrs == 0)
		e = fl_fail(err, ENOENT,
			    "node.json of '%s' names no pod blocks, and config "
			    "'ipam.ranges' is missing",
			    r->node.name);
	return e < 0 ? not_ready(r, e, err) : 0;
}

int fl_routed_begin(struct fl_routed *r, struct fl_err *err)
{
	const struct fl_routed_conf *conf = &r->conf;
	bool of_node = conf->blocks_of_node || !conf->has_peers;
	int e = read_node(r, err);

	if (e < 0)
		return e;
	r->ipam_req = *r->req;
	if (conf->blocks_of_node)
		e = fill_in_blocks(r, err);
	r->n_home = of_node ? r->node.n_cidrs : conf->n_home;
	memcpy(r->home, of_node ? r->node.cidrs : conf->home, r->n_home * sizeof(*r->home));
	if (e == 0 && conf->has_peers && conf->blocks_of_node)
		e = fl_routed_conf_check_home(conf, r->home, r->n_home, err);
	r->mtu = conf->pod.mtu ? conf->pod.mtu : conf->has_peers ? 0 : r->node.mtu;
	return e;
}

int fl_routed_status(struct fl_routed *r, struct fl_err *err)
{
	int e = fl_guard_check_agent(r->req, &r->conf.pod, err);

	if (fl_cni_awaits(r->req, "ipRanges"))
		r->conf.blocks_of_node = false;
	if (e == 0)
		e = fl_routed_begin(r, err);
	if (e == 0)
		e = fl_cni_delegate_call(&r->ipam_req, FL_CNI_STATUS, r->conf.pod.ipam, err)
			    ?: fl_guard_check_room(r->req, &r->conf.pod, err);
	return e;
}

/*
 * For DEL and GC, which work without: host-local of ours needs no ranges to release addresses,
 * but another's may.
 */
static void begin_leaving(struct fl_routed *r)
{
	const struct fl_json *ipam = fl_json_get(r->req->conf.v, "ipam");
	struct fl_err ignored;

	r->ipam_req = *r->req;
	if (!fl_streq(fl_json_str(fl_json_get(ipam, "type")), "host-local") ||
	    fl_json_get(ipam, "subnet") || fl_json_len(fl_json_get(ipam, "ranges")) > 0)
		return;
	if (fl_node_read(r->req->root, &r->node, &ignored) < 0 || fill_in_blocks(r, &ignored) < 0)
		r->ipam_req = *r->req;
}

int fl_routed_del(const struct fl_cni_req *req, struct fl_err *err)
{
	fl_auto_routed struct fl_routed r = { .req = req };

	begin_leaving(&r);
	return fl_leave_del(&(struct fl_leave){ .req = req, .ipam_req = &r.ipam_req }, err);
}

/* Routes to pods, and what else must be known of the host to judge them. */
struct strays {
	struct fl_route *routes;
	struct fl_link *links;
	bool *spoken_for; /* of routes */
	bool *recorded;	  /* of links */
	size_t n_routes, n_links;
};

static void strays_done(struct strays *s)
{
	fl_free_p(&s->routes);
	fl_free_p(&s->links);
	fl_free_p(&s->spoken_for);
	fl_free_p(&s->recorded);
}

static int each_pod_route(const struct fl_route *route, void *arg, struct fl_err *err)
{
	struct strays *s = arg;
	struct fl_route *more = reallocarray(s->routes, s->n_routes + 1, sizeof(*more));

	if (!more)
		return fl_fail_errno(err, ENOMEM, "keep %zu routes", s->n_routes + 1);
	s->routes = more;
	s->routes[s->n_routes++] = *route;
	return 0;
}

static int each_veth(const struct fl_link *link, void *arg, struct fl_err *err)
{
	struct strays *s = arg;
	struct fl_link *more;

	if (!fl_streq(link->kind, "veth"))
		return 0;
	more = reallocarray(s->links, s->n_links + 1, sizeof(*more));
	if (!more)
		return fl_fail_errno(err, ENOMEM, "keep %zu links", s->n_links + 1);
	s->links = more;
	s->links[s->n_links++] = *link;
	return 0;
}

static const struct fl_link *find_veth(const struct strays *s, uint32_t index, const char *name)
{
	for (size_t i = 0; i < s->n_links; i++)
		if (name ? fl_streq(s->links[i].name, name) : s->links[i].index == index)
			return &s->links[i];
	return NULL;
}

/* A pod's record speaks for the routes to its addresses through its interface. */
static int each_endpoint(const struct fl_endpoint *ep, void *arg, struct fl_err *err)
{
	struct strays *s = arg;
	const struct fl_link *link = find_veth(s, 0, ep->host_ifname);

	(void)err;
	if (link)
		s->recorded[link - s->links] = true;
	for (size_t i = 0; link && i < s->n_routes; i++)
		for (size_t k = 0; s->routes[i].link == link->index && k < ep->n_ips; k++)
			s->spoken_for[i] |= fl_ip_cmp(&ep->ips[k].ip, &s->routes[i].dst.ip) == 0;
	return 0;
}

/* A pod whose record is lost keeps its routes: DEL of it, or GC of its network, ends the link. */
static bool is_stray(const struct strays *s, size_t i)
{
	const struct fl_link *link = find_veth(s, s->routes[i].link, NULL);

	if (!link || s->spoken_for[i] || s->recorded[link - s->links])
		return !s->spoken_for[i];
	return strncmp(link->alias, FL_ALIAS, strlen(FL_ALIAS)) != 0;
}

/*
 * Routes to pods that lead through nobody's veth, or to an address that its pod does not have.
 * They are read first: whatever they belong to has its link and its record by then.
 */
static int sweep_routes(const struct fl_cni_req *req, struct fl_nl *host, struct fl_err *err)
{
	fl_auto(strays_done) struct strays s = { 0 };
	fl_auto_batch struct fl_batch *b = NULL;
	int r;

	r = fl_route_list_by(host, FL_ROUTE_BY_POD, each_pod_route, &s, err);
	if (r < 0 || s.n_routes == 0)
		return r;
	r = fl_link_list(host, 0, each_veth, &s, err);
	if (r < 0)
		return r;
	s.spoken_for = calloc(s.n_routes, sizeof(*s.spoken_for));
	s.recorded = calloc(s.n_links + 1, sizeof(*s.recorded));
	if (!s.spoken_for || !s.recorded)
		return fl_fail_errno(err, ENOMEM, "judge %zu routes", s.n_routes);
	r = fl_endpoint_list(req->root, NULL, each_endpoint, &s, err) ?: fl_batch_new(&b, err);
	for (size_t i = 0; r == 0 && i < s.n_routes; i++) {
		if (!is_stray(&s, i))
			continue;
		fl_route_put_del(b, &s.routes[i]);
		r = fl_batch_send(host, b, err);
	}
	return r;
}

int fl_routed_gc(const struct fl_cni_req *req, struct fl_err *err)
{
	fl_auto_routed struct fl_routed r = { .req = req };

	begin_leaving(&r);
	return fl_leave_gc(
		&(struct fl_leave){ .req = req, .ipam_req = &r.ipam_req, .sweep = sweep_routes },
		err);
}
