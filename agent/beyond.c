// SPDX-License-Identifier: Apache-2.0
/* What lies beyond this node, from topology and the Node objects to the datapath. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "base/log.h"
#include "base/text.h"

struct lists {
	struct fl_prefix *blocks;
	struct dp_device *devices;
	struct topo_device *links;
	struct topo_tunnels found;
	struct enf_tunnel *tunnels;
	struct enf_beyond beyond;
};

static void lists_done(struct lists *l)
{
	fl_free_p(&l->blocks);
	fl_free_p(&l->devices);
	fl_free_p(&l->links);
	fl_free_p(&l->tunnels);
	topo_tunnels_done(&l->found);
}

static int list_blocks(const struct agent *a, struct lists *l, struct fl_err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < a->nodes->n; i++)
		n += a->nodes->nodes[i].net.n_cidrs;
	l->blocks = calloc(n + 1, sizeof(*l->blocks));
	if (!l->blocks)
		return fl_fail_errno(err, ENOMEM, "list other nodes' blocks");
	n = 0;
	for (size_t i = 0; i < a->nodes->n; i++) {
		const struct fl_peer *net = &a->nodes->nodes[i].net;

		if (fl_streq(net->name, a->node_name))
			continue;
		memcpy(l->blocks + n, net->cidrs, net->n_cidrs * sizeof(*net->cidrs));
		n += net->n_cidrs;
	}
	l->beyond.blocks = l->blocks;
	l->beyond.n_blocks = n;
	return 0;
}

/*
 * Whether the underlay's interfaces need the programs: where pods' packets cross them as they are,
 * or where something is to be dropped, or Services' backends may lie beyond. Beside an overlay they
 * would only cost.
 */
static bool needs_underlay(const struct agent_config *c)
{
	bool bare = c->mode == AGENT_HOST_GW || c->mode == AGENT_DIRECT || c->mode == AGENT_BGP;

	return bare || !c->masquerade || c->policy.n_denied || c->policy.n_services;
}

static int list_devices(const struct agent *a, struct lists *l, struct fl_err *err)
{
	size_t n = 0;
	int r = topo_devices(a->topo, &l->links, &n, err);

	if (r < 0)
		return r;
	l->devices = calloc(n + 1, sizeof(*l->devices));
	if (!l->devices)
		return fl_fail_errno(err, ENOMEM, "list the interfaces to other nodes");
	for (size_t i = 0; i < n; i++) {
		const struct topo_device *from = &l->links[i];
		struct dp_device *to = &l->devices[l->beyond.n_devices];

		if (!from->overlay && !needs_underlay(a->conf))
			continue;
		to->ifindex = from->link;
		to->tunnels = from->link == l->found.link;
		to->denies = !from->overlay && a->conf->policy.n_denied;
		memcpy(to->name, from->name, sizeof(to->name));
		l->beyond.n_devices++;
	}
	l->beyond.devices = l->devices;
	return 0;
}

static int list_tunnels(const struct agent *a, struct lists *l, struct fl_err *err)
{
	struct topo_tunnels *from = &l->found;
	int r = topo_tunnels(a->topo, from, err);

	if (r < 0)
		return r;
	l->tunnels = calloc(from->n + 1, sizeof(*l->tunnels));
	if (!l->tunnels)
		return fl_fail_errno(err, ENOMEM, "list the ways through the overlay");
	for (size_t i = 0; i < from->n; i++) {
		struct enf_tunnel *to = &l->tunnels[i];

		to->key.ifindex = from->link;
		memcpy(to->key.mac, from->to[i].mac, sizeof(to->key.mac));
		memcpy(&to->value.local_be, from->vxlan.local.b + 12, 4);
		memcpy(&to->value.remote_be, from->to[i].remote.b + 12, 4);
		to->value.vni_be = htobe32(from->vxlan.vni << 8);
		to->value.dport_be = htobe16(from->vxlan.port);
		to->value.sport_first = from->sport_first;
		to->value.sports = from->sports;
		to->value.ttl = from->ttl;
	}
	l->beyond.tunnels = l->tunnels;
	l->beyond.n_tunnels = from->n;
	return 0;
}

void agent_tell_beyond(struct agent *a)
{
	fl_auto(lists_done) struct lists l = { 0 };
	struct fl_err err;

	/* Without a Node object of our own everything stays as it is. */
	if (!a->guard || !a->nodes || !agent_cluster_find(a->nodes, a->node_name))
		return;
	if (list_blocks(a, &l, &err) < 0 || list_tunnels(a, &l, &err) < 0 ||
	    list_devices(a, &l, &err) < 0)
		fl_warn("%s, trying again", err.text);
	else
		guard_beyond(a->guard, &l.beyond);
}
