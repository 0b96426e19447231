// SPDX-License-Identifier: Apache-2.0
/* By which interfaces packets leave for other nodes and for the world. */
#include "agent/topology/topo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/route.h"

#define LOOPBACK 1 /* index of lo in every namespace */

struct search {
	const struct topo *t;
	struct topo_device *v; /* owned */
	size_t n;
};

static void search_done(struct search *s)
{
	fl_free_p(&s->v);
}

static int add(struct search *s, uint32_t link, struct fl_err *err)
{
	struct topo_device *grown;

	if (link <= LOOPBACK)
		return 0;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].link == link)
			return 0;
	grown = reallocarray(s->v, s->n + 1, sizeof(*grown));
	if (!grown)
		return fl_fail_errno(err, ENOMEM, "list the interfaces to other nodes");
	s->v = grown;
	s->v[s->n++] = (struct topo_device){ .link = link, .overlay = link == s->t->vtep.index };
	return 0;
}

/*
 * What leads to a next hop leads out of the node; pods, and the networks that an interface is on,
 * have none. (A next hop of the other family is not told of here, but such a route's scope is.)
 */
static int each_route(const struct fl_route *r, void *arg, struct fl_err *err)
{
	bool leads_on = r->has_gw || (fl_ip_is4(&r->dst.ip) && r->scope == FL_ROUTE_SCOPE_GLOBAL);

	return r->type == FL_ROUTE_UNICAST && leads_on ? add(arg, r->link, err) : 0;
}

/* Only what carries Ethernet frames; one that goes meanwhile is not there. */
static int describe(const struct topo *t, struct topo_device *d, bool *keep, struct fl_err *err)
{
	struct fl_link link;
	int r = fl_link_get_index(t->nl, d->link, &link, err);

	*keep = r == 0 && link.ether;
	if (*keep)
		memcpy(d->name, link.name, sizeof(d->name));
	return r == -ENODEV ? 0 : r;
}

int topo_devices(const struct topo *t, struct topo_device **out, size_t *n, struct fl_err *err)
{
	fl_auto(search_done) struct search s = { .t = t };
	size_t kept = 0;
	int r = add(&s, t->vtep.index, err) ?: add(&s, t->view.underlay.index, err) ?:
		fl_route_list_by(t->nl, 0, each_route, &s, err);

	for (size_t i = 0; r == 0 && i < s.n; i++) {
		bool keep;

		r = describe(t, &s.v[i], &keep, err);
		if (keep)
			s.v[kept++] = s.v[i];
	}
	if (r < 0)
		return r;
	*out = FL_TAKE(s.v);
	*n = kept;
	return 0;
}
