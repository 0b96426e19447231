// SPDX-License-Identifier: Apache-2.0
/*
 * The way to other nodes. Over the overlay, a closed UDP port that refuses proves that the other
 * kernel found the packet's checksum right. When it stays silent, though the same packet with a
 * checksum of our own making is refused, it is the device's checksum that is wrong.
 */
#include <errno.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/doctor.h"
#include "cli/probe.h"
#include "peers/vtep.h"

#define PEERS_MAX   64	/* that are probed; of more, every so many'th */
#define PROBES_EACH 12	/* two families: three on the underlay and four on the overlay at most */
#define WAVE	    512 /* probes at once: each has a socket */
#define WAIT_MS	    1000

/* What the probes of one address of a peer are in the list: indexes; -1: none. */
struct route_probes {
	const struct doc_peer *peer;
	const struct fl_ip *ip, *base; /* base NULL: no overlay */
	int small, whole, echo, udp, soft, tcp;
};

struct plan {
	struct cli_probe *probes;
	struct route_probes *routes;
	int n_probes, n_routes;
	uint32_t whole; /* bytes of an underlay packet that must pass; 0: not known */
};

static void plan_done(struct plan *p)
{
	fl_free_p(&p->probes);
	fl_free_p(&p->routes);
}

static int add(struct plan *p, enum cli_probe_kind kind, const struct fl_ip *to, uint32_t size)
{
	p->probes[p->n_probes] = (struct cli_probe){ .kind = kind, .to = *to, .size = size };
	return p->n_probes++;
}

static void add_route(struct plan *p, const struct doc_peer *peer, const struct fl_ip *ip,
		      const struct fl_ip *base)
{
	struct route_probes *r = &p->routes[p->n_routes++];

	*r = (struct route_probes){ peer, ip, base, -1, -1, -1, -1, -1, -1 };
	if (ip)
		r->small = add(p, PROBE_ECHO, ip, 0);
	else if (p->n_routes > 1 && r[-1].peer == peer)
		r->small = r[-1].small; /* one ping does for all blocks of the node */
	if (ip && p->whole)
		r->whole = add(p, PROBE_ECHO, ip, p->whole);
	if (!base)
		return;
	r->echo = add(p, PROBE_ECHO, base, 0);
	r->udp = add(p, PROBE_UDP, base, 0);
	r->soft = add(p, PROBE_UDP_SOFT, base, 0);
	r->tcp = add(p, PROBE_TCP, base, 0);
}

/* The underlay is probed on the VTEP's family, or the first one. */
static const struct fl_ip *underlay_ip(const struct doc *d, const struct doc_peer *peer)
{
	for (size_t i = 0; d->vtep && i < peer->n_ips; i++)
		if (fl_ip_family(&peer->ips[i]) == fl_ip_family(&d->vtep->vxlan.local))
			return &peer->ips[i];
	return peer->n_ips ? &peer->ips[0] : NULL;
}

static void add_peer(const struct doc *d, struct plan *p, const struct doc_peer *peer)
{
	const struct fl_ip *ip = underlay_ip(d, peer);
	size_t n = peer->overlay && d->vtep ? peer->n_bases : 0;

	for (size_t i = 0; i < n; i++)
		add_route(p, peer, i == 0 ? ip : NULL, &peer->bases[i]);
	if (!n)
		add_route(p, peer, ip, NULL);
}

/* What a full packet of a pod is on the underlay. */
static uint32_t whole_size(const struct doc *d)
{
	if (d->vtep)
		return d->vtep->mtu +
		       (fl_ip_is4(&d->vtep->vxlan.local) ? FL_VTEP_OVERHEAD4 : FL_VTEP_OVERHEAD6);
	return d->has_node ? d->node.mtu : 0;
}

static bool hit(const struct plan *p, int i)
{
	return i >= 0 && p->probes[i].answered;
}

static const char *why(const struct plan *p, int i)
{
	return i >= 0 && p->probes[i].sys ? strerror(p->probes[i].sys) : "no answer";
}

static void judge_overlay(struct doc *d, const struct plan *p, const struct route_probes *r)
{
	char at[FL_IP_STR], advice[160];

	(void)fl_ip_format(r->base, at);
	if (!hit(p, r->echo) && !hit(p, r->udp) && !hit(p, r->soft) && !hit(p, r->tcp)) {
		doc_say(d, DOC_FAIL, "overlay.reach",
			hit(p, r->small)
				? "let the VTEP's UDP port pass between the nodes, see that both "
				  "have the same VNI, port and Node objects, and the doctor on "
				  "the other one"
				: "mend the way to the node itself first",
			"'%s' does not answer at %s: %s", r->peer->name, at, why(p, r->echo));
	} else if (!hit(p, r->udp) && hit(p, r->soft)) {
		(void)snprintf(advice, sizeof(advice),
			       "ethtool -K %s tx-checksum-ip-generic off, on this node; or another "
			       "driver or firmware of the network card",
			       d->vtep->name);
		doc_say(d, DOC_FAIL, "overlay.checksum", advice,
			"UDP checksums to '%s' at %s are broken by offload: a packet with one made "
			"in software is accepted, one with the device's is not",
			r->peer->name, at);
	} else if (!hit(p, r->udp)) {
		doc_say(d, DOC_WARN, "overlay.udp",
			"if the other node's firewall does not drop UDP to closed ports, see "
			"ethtool -K DEVICE tx-checksum-ip-generic off on both",
			"'%s' answers at %s, but UDP to a closed port is not refused",
			r->peer->name, at);
	} else if (!hit(p, r->tcp)) {
		doc_say(d, DOC_WARN, "overlay.tcp",
			"if the other node's firewall does not drop TCP to closed ports, see "
			"ethtool -K DEVICE tx-checksum-ip-generic off on both",
			"'%s' answers at %s, but TCP to a closed port is not refused: %s",
			r->peer->name, at, why(p, r->tcp));
	}
}

/* What a node does not answer to pings alone is not known, when its VTEP does answer. */
static void judge_underlay(struct doc *d, const struct plan *p, const struct route_probes *r)
{
	bool overlay = hit(p, r->echo) || hit(p, r->udp) || hit(p, r->soft) || hit(p, r->tcp);
	char at[FL_IP_STR];

	if (!r->ip)
		return;
	(void)fl_ip_format(r->ip, at);
	if (!hit(p, r->small) && !hit(p, r->whole)) {
		doc_say(d, overlay ? DOC_SKIP : DOC_FAIL, "peers.reach",
			overlay ? NULL : "see whether the node is up, and the route to it",
			"'%s' does not answer a ping at %s: %s", r->peer->name, at,
			why(p, r->small));
	} else if (r->whole >= 0 && !hit(p, r->whole)) {
		doc_say(d, DOC_FAIL, "mtu.path",
			"lower vxlan.mtu (mtu in modes without overlay) in agent.yaml on all "
			"nodes, "
			"or mend the way",
			"packets of %u bytes do not reach '%s' at %s: %s", p->whole, r->peer->name,
			at, why(p, r->whole));
	}
}

/* One good word for all of a kind, when nothing bad was said. */
static void say_good(struct doc *d, const struct plan *p, size_t shown)
{
	size_t reach = 0, whole = 0, overlay = 0, routes = 0, n = (size_t)p->n_routes;

	for (int i = 0; i < p->n_routes; i++) {
		const struct route_probes *r = &p->routes[i];

		reach += !r->ip || hit(p, r->small);
		whole += r->whole < 0 || hit(p, r->whole);
		routes += r->base != NULL;
		overlay += r->base && hit(p, r->udp) && hit(p, r->tcp);
	}
	if (reach == n)
		doc_say(d, DOC_OK, "peers.reach", NULL, "%zu of %zu peers, from %s, answer pings",
			shown, d->n_peers, d->peers_from);
	if (p->whole && whole == n && reach == n)
		doc_say(d, DOC_OK, "mtu.path", NULL, "packets of %u bytes reach all of them",
			p->whole);
	if (routes && overlay == routes)
		doc_say(d, DOC_OK, "overlay.checksum", NULL,
			"UDP and TCP arrive whole through the overlay at all of them");
}

static int send_all(struct plan *p, struct fl_err *err)
{
	int r = 0;

	for (int i = 0; r == 0 && i < p->n_probes; i += WAVE)
		r = cli_probe(p->probes + i,
			      (size_t)(p->n_probes - i < WAVE ? p->n_probes - i : WAVE), WAIT_MS,
			      err);
	return r;
}

void doc_probes(struct doc *d)
{
	fl_auto(plan_done) struct plan p = { .whole = whole_size(d) };
	size_t step = (d->n_peers + PEERS_MAX - 1) / PEERS_MAX, shown = 0;
	struct fl_err err = { 0 };

	if (!d->n_peers)
		return doc_say(d, DOC_SKIP, "peers.reach", NULL, "no peers are known");
	p.probes = calloc(PEERS_MAX * PROBES_EACH, sizeof(*p.probes));
	p.routes = calloc(PEERS_MAX * FL_PEER_IPS_MAX, sizeof(*p.routes));
	d->no_memory |= !p.probes || !p.routes;
	if (!p.probes || !p.routes)
		return;
	for (size_t i = 0; i < d->n_peers; i += step, shown++)
		add_peer(d, &p, &d->peers[i]);
	if (send_all(&p, &err) < 0)
		return doc_say(d, DOC_SKIP, "peers.reach", NULL, "%s", err.text);
	for (int i = 0; i < p.n_routes; i++) {
		judge_underlay(d, &p, &p.routes[i]);
		if (p.routes[i].base)
			judge_overlay(d, &p, &p.routes[i]);
	}
	say_good(d, &p, shown);
}
