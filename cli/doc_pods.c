// SPDX-License-Identifier: Apache-2.0
/*
 * The pods that are attached here, by their records: whether the host's end of each is there and
 * leads to it, and whether its addresses are of this node's blocks.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/text.h"
#include "cli/doctor.h"
#include "net/addr.h"
#include "net/route.h"
#include "state/endpoint.h"

/* One thing that may be wrong with pods: with how many, and what with the first of them. */
struct fault {
	size_t n;
	char first[300];
};

struct pods {
	struct doc *d;
	size_t n;
	struct fault gone, cut, renamed, outside;
};

static void fl_printf(2, 3) note(struct fault *f, const char *what, ...)
{
	va_list args;

	if (f->n++)
		return;
	va_start(args, what);
	(void)vsnprintf(f->first, sizeof(f->first), what, args);
	va_end(args);
}

static int note_gateway(const struct fl_addr *addr, void *arg, struct fl_err *err)
{
	struct doc *d = arg;

	(void)err;
	if (fl_ip_is4(&addr->addr.ip))
		d->has4 = true;
	else if (addr->addr.ip.b[0] != 0xfe) /* no link-local one */
		d->has6 = true;
	return 0;
}

/* A pod on a bridge. A bridge that has addresses is its pods' gateway, so the host forwards. */
static int look_at_port(struct pods *p, const struct fl_link *port, struct fl_err *err)
{
	struct fl_link bridge = { 0 };
	int r = -ENODEV;

	if (port->master)
		r = fl_link_get_index(p->d->nl, port->master, &bridge, err);
	if (r == -ENODEV) {
		note(&p->cut, "'%s' is on no bridge", port->name);
		return 0;
	}
	if (r < 0)
		return r;
	if (!bridge.up)
		note(&p->cut, "'%s' is up, but its bridge '%s' is down", port->name, bridge.name);
	return fl_addr_list(p->d->nl, bridge.index, 0, note_gateway, p->d, err);
}

static bool in_blocks(const struct doc *d, const struct fl_ip *ip)
{
	bool found = !d->has_node;

	for (size_t i = 0; i < d->node.n_cidrs; i++)
		found |= fl_prefix_contains(&d->node.cidrs[i], ip);
	return found;
}

/* Whether the host's way to the address is the pod's link: 1, 0, or what kept it from being known.
 */
static int leads_there(struct pods *p, const struct fl_ip *ip, const struct fl_link *link,
		       struct fl_err *err)
{
	struct fl_route way = { 0 };
	int r = fl_route_lookup(p->d->nl, ip, &way, err);

	return r < 0 && r != -ENETUNREACH ? r : r == 0 && way.link == link->index;
}

/* A routed pod: the host's way to each of its addresses, and the blocks that hold them. */
static int look_at_routes(struct pods *p, const struct fl_endpoint *ep, const struct fl_link *link,
			  struct fl_err *err)
{
	bool cut = false, outside = false;

	for (size_t i = 0; i < ep->n_ips; i++) {
		const struct fl_ip *ip = &ep->ips[i].ip;
		char text[FL_IP_STR];
		int r = cut ? 1 : leads_there(p, ip, link, err);

		if (r < 0)
			return r;
		(void)fl_ip_format(ip, text);
		*(fl_ip_is4(ip) ? &p->d->has4 : &p->d->has6) = true;
		if (!outside && !in_blocks(p->d, ip))
			note(&p->outside, "%s of '%s'", text, link->name);
		outside |= !in_blocks(p->d, ip);
		if (r == 0)
			note(&p->cut, "the host has no route to %s by '%s'", text, link->name);
		cut |= r == 0;
	}
	return 0;
}

/* The host's end, also where somebody has given it another name. -ENODEV: it is gone. */
static int find_link(struct pods *p, const struct fl_endpoint *ep, struct fl_link *out,
		     struct fl_err *err)
{
	char alias[FL_ALIAS_SIZE];
	int r = fl_link_get(p->d->nl, ep->host_ifname, out, err);

	if (r != -ENODEV)
		return r;
	fl_key_alias(&ep->key, alias);
	r = fl_link_get_alias(p->d->nl, alias, out, err);
	if (r == 0)
		note(&p->renamed, "'%s' is '%s' now", ep->host_ifname, out->name);
	return r;
}

static int look_at_pod(const struct fl_endpoint *ep, void *arg, struct fl_err *err)
{
	struct pods *p = arg;
	struct fl_link link;
	int r;

	r = find_link(p, ep, &link, err);
	if (r < 0 && r != -ENODEV)
		return r;
	p->n++;
	if (r < 0)
		note(&p->gone, "'%s' of container '%.64s', network '%.64s'", ep->host_ifname,
		     ep->key.container_id, ep->key.network);
	else if (!link.up)
		note(&p->cut, "'%s' is down", link.name);
	else if (fl_streq(ep->mode, "bridge"))
		return look_at_port(p, &link, err);
	else
		return look_at_routes(p, ep, &link, err);
	return 0;
}

void doc_pods(struct doc *d)
{
	struct pods p = { .d = d };
	struct fl_err err;

	if (!d->nl)
		return;
	if (fl_endpoint_list(d->cli->root, NULL, look_at_pod, &p, &err) < 0)
		return doc_say(d, DOC_SKIP, "pods", NULL, "%s", err.text);
	if (p.cut.n)
		doc_say(d, DOC_FAIL, "pods.connected",
			"set up what is down; an agent puts back a route that is lost; restart the "
			"pod whose bridge is lost, or whose node has no agent",
			"%zu of %zu pods are cut off: %s", p.cut.n, p.n, p.cut.first);
	if (p.gone.n)
		doc_say(d, DOC_WARN, "pods.connected",
			"if it stays so: the runtime's DEL or GC, or berth net gc, gives back "
			"what is left of them",
			"%zu of %zu records are of interfaces that are not there: %s", p.gone.n,
			p.n, p.gone.first);
	if (p.renamed.n)
		doc_say(d, DOC_WARN, "pods.connected",
			"give them their names back, which CHECK, rules and routes go by; find who "
			"renames interfaces: a rule of udev may",
			"the interfaces of %zu of %zu pods have been renamed: %s", p.renamed.n, p.n,
			p.renamed.first);
	if (!p.cut.n && !p.gone.n && !p.renamed.n)
		doc_say(d, DOC_OK, "pods.connected", NULL, "the host's ends of %zu pods are up",
			p.n);
	if (p.outside.n)
		doc_say(d, DOC_WARN, "pods.blocks",
			"restart these pods, or give the node its old block back: other nodes "
			"send nothing for them here",
			"%zu of %zu pods have addresses outside of the node's blocks: %s",
			p.outside.n, p.n, p.outside.first);
}
