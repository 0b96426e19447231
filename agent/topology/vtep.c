// SPDX-License-Identifier: Apache-2.0
/* This node's VTEP, and those that earlier configurations left. */
#include "agent/topology/topo.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"
#include "peers/vtep.h"
#include "state/node.h"

/* Marks a VTEP as the agent's, for an agent with another configuration. */
#define ALIAS "made by fairleadd"

#define IPV6_MTU_MIN 1280 /* RFC 8200, section 5 */

bool topo_has_overlay(const struct topo *t)
{
	return t->conf->mode == AGENT_VXLAN || t->conf->mode == AGENT_DIRECT;
}

const struct fl_ip *topo_local_ip(const struct topo *t, const struct fl_peer *self)
{
	int family = topo_has_overlay(t) ? t->conf->vxlan.underlay : AF_UNSPEC;

	for (size_t i = 0; i < self->n_ips; i++)
		if (family == AF_UNSPEC || fl_ip_family(&self->ips[i]) == family)
			return &self->ips[i];
	return NULL;
}

uint32_t topo_pod_mtu(const struct topo *t, const struct topo_view *view)
{
	if (t->conf->mtu)
		return t->conf->mtu;
	return topo_has_overlay(t) ? t->vtep.mtu : view->underlay.mtu;
}

void topo_stale_done(struct topo_stale *s)
{
	fl_free_p(&s->links);
	s->n = 0;
}

struct sweep {
	const char *wanted, *named; /* our device, or NULL; the one in node.json, or NULL */
	struct topo_stale found;
};

static int each_link(const struct fl_link *link, void *arg, struct fl_err *err)
{
	struct sweep *s = arg;
	struct fl_link *grown;

	if (!fl_streq(link->kind, "vxlan") || fl_streq(link->name, s->wanted) ||
	    (!fl_streq(link->alias, ALIAS) && !fl_streq(link->name, s->named)))
		return 0;
	grown = reallocarray(s->found.links, s->found.n + 1, sizeof(*grown));
	if (!grown)
		return fl_fail_errno(err, ENOMEM, "list links");
	s->found.links = grown;
	s->found.links[s->found.n++] = *link;
	return 0;
}

int topo_stale_find(struct topo *t, struct topo_stale *out, struct fl_err *err)
{
	struct sweep s = { .wanted = topo_has_overlay(t) ? t->conf->vxlan.device : NULL };
	fl_auto_stale struct topo_stale found = { 0 };
	fl_auto_node struct fl_node before = { 0 };
	int r;

	/* One that is missing or broken names no device; it is written anew. */
	if (fl_node_read(t->root, &before, err) == 0)
		s.named = before.vxlan_device;
	r = fl_link_list(t->nl, 0, each_link, &s, err);
	found = s.found;
	if (r < 0)
		return r;
	*out = found;
	found = (struct topo_stale){ 0 };
	return 0;
}

int topo_stale_remove(struct topo *t, const struct topo_stale *s, bool all, struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n; i++) {
		const struct fl_vxlan *v = &s->links[i].vxlan;

		if (all || (v->vni == t->conf->vxlan.vni && v->port == t->conf->vxlan.port))
			r = fl_link_del(t->nl, s->links[i].name, err);
	}
	return r;
}

static int set_alias(struct topo *t, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r;

	if (fl_streq(t->vtep.alias, ALIAS))
		return 0;
	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	fl_link_put_set(b, &(struct fl_link_set){ .name = t->vtep.name, .alias = ALIAS });
	return fl_batch_send(t->nl, b, err);
}

/* Whether what is left of the underlay's MTU is enough for the families of the blocks. */
static int check_room(const struct fl_peer *self, const struct topo_view *view, uint32_t mtu,
		      struct fl_err *err)
{
	bool six = false;

	for (size_t i = 0; i < self->n_cidrs; i++)
		six |= !fl_ip_is4(&self->cidrs[i].ip);
	if (mtu >= (six ? IPV6_MTU_MIN : 1))
		return 0;
	return fl_fail(err, EMSGSIZE,
		       "%u bytes of MTU are left of the %u of interface '%s': not enough for %s",
		       mtu, view->underlay.mtu, view->underlay.name,
		       six ? "IPv6 pods, which need 1280" : "an overlay");
}

int topo_vtep_apply(struct topo *t, const struct fl_peer *self, const struct topo_view *view,
		    bool *changed, struct fl_err *err)
{
	const struct fl_ip *local = topo_local_ip(t, self);
	struct fl_prefix own[FL_PEER_CIDRS_MAX];
	struct fl_vtep want = {
		.name = t->conf->vxlan.device,
		.vxlan = { t->conf->vxlan.vni, t->conf->vxlan.port, *local },
		.mtu = t->conf->vxlan.mtu,
		.n_addrs = self->n_cidrs,
		.addrs = own,
	};
	int r;

	for (size_t i = 0; i < self->n_cidrs; i++) {
		own[i] = self->cidrs[i];
		own[i].len = (uint8_t)fl_ip_bits(&own[i].ip);
	}
	if (self->has_mac)
		memcpy(want.mac, self->mac, FL_MAC_LEN);
	else
		fl_vtep_mac(&self->ips[0], want.mac);
	if (!want.mtu)
		want.mtu = fl_vtep_mtu(view->underlay.mtu, local);
	r = check_room(self, view, want.mtu, err);
	if (r < 0)
		return r;
	r = fl_vtep_ensure(t->nl, &want, &t->vtep, changed, err);
	if (r < 0)
		return r;
	return set_alias(t, err);
}
