// SPDX-License-Identifier: Apache-2.0
/* From nodes, mode and view to a plan. Pure. */
#include "agent/topology/topo.h"

static enum fl_peers_way way_of(enum agent_mode mode)
{
	switch (mode) {
	case AGENT_VXLAN:
		return FL_PEERS_OVERLAY;
	case AGENT_HOST_GW:
		return FL_PEERS_DIRECT;
	case AGENT_DIRECT:
		return FL_PEERS_EITHER;
	case AGENT_BGP:
	case AGENT_NONE:
		break;
	}
	return FL_PEERS_NONE;
}

static bool on_link(const struct fl_ip *ip, uint32_t *link, void *arg)
{
	return topo_view_on_link(arg, ip, link);
}

static void no_complaint(const struct fl_peer *peer, const struct fl_err *why, void *arg)
{
	(void)peer;
	(void)why;
	(void)arg;
}

int topo_plan(const struct topo *t, const struct topo_part *part, struct fl_peers_plan **out,
	      struct fl_err *err)
{
	uint32_t link_mtu = t->conf->mode == AGENT_VXLAN ? t->vtep.mtu : t->view.underlay.mtu;
	uint32_t pod_mtu = topo_pod_mtu(t, &t->view);
	struct fl_peers_input in = {
		.way = way_of(t->conf->mode),
		.protocol = FL_ROUTE_BY_AGENT,
		.vtep = t->vtep.index,
		.underlay_family = fl_ip_family(&t->vtep.vxlan.local),
		/* What this host itself sends must fit the pods' interfaces, too. */
		.route_mtu = pod_mtu < link_mtu ? pod_mtu : 0,
		.n_home = part->home ? part->home->n_cidrs : 0,
		.home = part->home ? part->home->cidrs : NULL,
		.n_peers = part->n,
		.peers = part->peers,
		.on_link = on_link,
		.arg = (void *)(uintptr_t)&t->view,
	};

	return fl_peers_plan(&in, part->complain ?: no_complaint, part->arg, out, err);
}
