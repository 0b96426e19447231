// SPDX-License-Identifier: Apache-2.0
/* The VTEP, who else wants its VNI or port, and the MTUs from the underlay up to the pods. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/doctor.h"
#include "peers/vtep.h"
#include "state/endpoint.h"

#define TABLE_MAX (16u << 20) /* bytes of /proc/net/udp */

static bool is_vxlan(const struct fl_link *link)
{
	return fl_streq(link->kind, "vxlan");
}

/* Another VXLAN device that has the port, with our VNI if vni. */
static const struct fl_link *find_rival(const struct doc *d, bool vni)
{
	for (size_t i = 0; i < d->n_links; i++) {
		const struct fl_link *l = &d->links[i];

		if (l != d->vtep && is_vxlan(l) && l->vxlan.port == d->port &&
		    (!vni || l->vxlan.vni == d->vni || l->external))
			return l;
	}
	return NULL;
}

/* Whether a line of /proc/net/udp, "SLOT: ADDRESS:PORT ...", is about the port. */
static bool is_bound(const char *line, uint16_t port)
{
	const char *colon = strchr(line, ':');
	char want[8];

	colon = colon ? strchr(colon + 1, ':') : NULL;
	(void)snprintf(want, sizeof(want), "%04X ", port);
	return colon && strncmp(colon + 1, want, strlen(want)) == 0;
}

static bool is_port_bound(const char *table, uint16_t port)
{
	fl_auto_free char *text = NULL;
	struct fl_err none;
	size_t len;

	if (fl_read_file(AT_FDCWD, table, TABLE_MAX, &text, &len, &none) < 0)
		return false;
	for (char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (is_bound(line, port))
			return true;
	}
	return false;
}

/* No other VTEP is in the way. A program's socket is, where the kernel has none of the port. */
static void say_port(struct doc *d, bool is_free)
{
	if (is_free &&
	    (is_port_bound("/proc/net/udp", d->port) || is_port_bound("/proc/net/udp6", d->port)))
		doc_say(d, DOC_FAIL, "vtep.clash",
			"ss -ulpn shows the program that has it; or choose another vxlan.port in "
			"the configuration of all nodes",
			"UDP port %u is bound by a program", d->port);
	else
		doc_say(d, DOC_OK, "vtep.clash", NULL, "nobody else has VNI %u or UDP port %u",
			d->vni, d->port);
}

static void say_missing(struct doc *d)
{
	const struct fl_link *rival = find_rival(d, true), *same = NULL;

	for (size_t i = 0; i < d->n_links; i++)
		if (fl_streq(d->links[i].name, d->vtep_name))
			same = &d->links[i];
	if (same && !is_vxlan(same))
		doc_say(d, DOC_FAIL, "vtep.there", "rename that device, or ours by vxlan.device",
			"'%s' is a device of kind '%s', not VXLAN", d->vtep_name, same->kind);
	else
		doc_say(d, DOC_FAIL, "vtep.there", "see the agent's problems, and the checks below",
			"there is no device '%s'", d->vtep_name);
	if (rival)
		doc_say(d, DOC_FAIL, "vtep.clash",
			"remove that device (another network plugin's?), or choose another "
			"vxlan.vni or vxlan.port in the configuration of all nodes",
			"'%s' has VNI %u on UDP port %u%s", rival->name, rival->vxlan.vni, d->port,
			rival->external ? " for every VNI (external)" : "");
	else
		say_port(d, !find_rival(d, false));
}

void doc_overlay(struct doc *d)
{
	const struct fl_link *v = d->vtep, *rival;

	if (!d->nl)
		return;
	if (!d->wants_vtep)
		return doc_say(d, DOC_SKIP, "vtep.there", NULL, "no overlay is configured here");
	if (!v || !is_vxlan(v))
		return say_missing(d);
	if (v->vxlan.vni != d->vni || v->vxlan.port != d->port)
		doc_say(d, DOC_FAIL, "vtep.there", "restart the agent, which makes it anew",
			"'%s' has VNI %u on port %u, expected %u on %u", v->name, v->vxlan.vni,
			v->vxlan.port, d->vni, d->port);
	else if (!v->up)
		doc_say(d, DOC_FAIL, "vtep.there",
			"ip link set up; if that is refused, something else has its UDP port",
			"'%s' is down", v->name);
	else if (v->learning)
		doc_say(d, DOC_WARN, "vtep.there", "remove it: it is made anew",
			"'%s' learns addresses from what it receives", v->name);
	else
		doc_say(d, DOC_OK, "vtep.there", NULL, "'%s', VNI %u, UDP port %u", v->name,
			v->vxlan.vni, v->vxlan.port);
	rival = find_rival(d, true);
	if (rival)
		doc_say(d, DOC_FAIL, "vtep.clash",
			"remove that device, or choose another vxlan.vni",
			"'%s' has the same VNI and UDP port", rival->name);
	else
		say_port(d, !v->up);
}

static void check_vtep_mtu(struct doc *d)
{
	uint32_t most = fl_vtep_mtu(d->underlay->mtu, &d->vtep->vxlan.local);

	if (d->vtep->mtu > most)
		doc_say(d, DOC_FAIL, "mtu.vtep",
			"lower vxlan.mtu in agent.yaml, or leave it out: it follows the underlay",
			"'%s' has %u bytes; over '%s' with %u at most %u fit", d->vtep->name,
			d->vtep->mtu, d->underlay->name, d->underlay->mtu, most);
	else
		doc_say(d, DOC_OK, "mtu.vtep", NULL, "%u bytes over '%s' with %u", d->vtep->mtu,
			d->underlay->name, d->underlay->mtu);
}

struct pods {
	const struct doc *d;
	uint32_t most;
	size_t n, above;
	char example[FL_IFNAME_SIZE];
};

static int count_pod(const struct fl_endpoint *ep, void *arg, struct fl_err *err)
{
	struct pods *p = arg;

	(void)err;
	for (size_t i = 0; i < p->d->n_links; i++) {
		const struct fl_link *l = &p->d->links[i];

		if (!fl_streq(l->name, ep->host_ifname) || l->master)
			continue; /* a bridge's pods are a matter of their bridge */
		p->n++;
		if (l->mtu > p->most) {
			p->above++;
			memcpy(p->example, l->name, sizeof(p->example));
		}
	}
	return 0;
}

static void check_pods_mtu(struct doc *d)
{
	struct pods p = { .d = d, .most = d->vtep ? d->vtep->mtu : d->underlay->mtu };
	struct fl_err err;

	if (d->has_node && d->node.mtu > p.most)
		doc_say(d, DOC_FAIL, "mtu.node", "lower mtu in agent.yaml, or leave it out",
			"new pods get %u bytes, and '%s' takes %u", d->node.mtu,
			d->vtep ? d->vtep->name : d->underlay->name, p.most);
	else if (d->has_node)
		doc_say(d, DOC_OK, "mtu.node", NULL, "new pods get %u bytes of %u", d->node.mtu,
			p.most);
	if (fl_endpoint_list(d->cli->root, NULL, count_pod, &p, &err) < 0)
		doc_say(d, DOC_SKIP, "mtu.pods", NULL, "%s", err.text);
	else if (p.above)
		doc_say(d, DOC_WARN, "mtu.pods",
			"restart these pods: they were made when the MTU was greater",
			"%zu of %zu pods have more than %u bytes, '%s' is one", p.above, p.n,
			p.most, p.example);
	else
		doc_say(d, DOC_OK, "mtu.pods", NULL, "none of %zu pods has more than %u bytes", p.n,
			p.most);
}

void doc_mtus(struct doc *d)
{
	if (!d->underlay)
		return doc_say(d, DOC_SKIP, "mtu", NULL,
			       "no interface has this node's address, or it is not known");
	if (d->vtep)
		check_vtep_mtu(d);
	check_pods_mtu(d);
}
