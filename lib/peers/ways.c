// SPDX-License-Identifier: Apache-2.0
/*
 * Computes plans. Each peer is looked at once, for which ways there are to it; then each of its
 * blocks takes one. Where two peers want the same object, it is the first one's, and the other
 * is left out: half a way would send its packets to the wrong node.
 */
#include <errno.h>
#include <sys/socket.h>

#include "peers/plan.h"
#include "peers/vtep.h"

/*
 * What IPv6 gives a route that asks for no metric, said aloud so that it is read back the same; and
 * a blackhole of either family gives way to a bridge that has the whole block on its link.
 */
#define PRIORITY 1024

/* The ways to a peer; arrays are for IPv4 and IPv6. */
struct way {
	const struct fl_ip *node[2]; /* its address, or NULL */
	uint32_t link[2];	     /* that this is on; 0: none of ours */
	bool said;		     /* something was said of the peer */
	bool out;		     /* all its blocks are left out */
	bool used;		     /* a block of it goes through the overlay */
	uint8_t mac[FL_MAC_LEN];     /* of its VTEP */
};

/* A route that a peer wants. */
struct wish {
	size_t peer; /* index; HOME: this node itself */
	struct fl_route route;
};

#define HOME ((size_t)-1)

struct make {
	const struct fl_peers_input *in;
	int outer; /* index of the underlay's family */
	fl_peers_complain *complain;
	void *arg;
	struct way *ways;
	size_t *order; /* peers, sorted in some way */
	struct wish *wishes;
	size_t n;
};

static int idx(const struct fl_ip *ip)
{
	return fl_ip_is4(ip) ? 0 : 1;
}

static const char *family_name(int i)
{
	return i == 0 ? "IPv4" : "IPv6";
}

/* Complains about a peer, the first time that there is something to say. */
static void object(struct make *m, size_t peer, const struct fl_err *why)
{
	if (!m->ways[peer].said && m->complain)
		m->complain(&m->in->peers[peer], why, m->arg);
	m->ways[peer].said = true;
}

static void look_at(struct make *m, size_t i)
{
	const struct fl_peer *p = &m->in->peers[i];
	struct way *w = &m->ways[i];
	struct fl_err why;

	if (p->n_ips == 0) {
		(void)fl_fail(&why, EINVAL, "it has no address");
		object(m, i, &why);
		w->out = true;
		return;
	}
	for (size_t k = 0; k < p->n_ips; k++) {
		int f = idx(&p->ips[k]);

		w->node[f] = &p->ips[k];
		if ((m->in->way == FL_PEERS_DIRECT || m->in->way == FL_PEERS_EITHER) &&
		    !m->in->on_link(w->node[f], &w->link[f], m->in->arg))
			w->link[f] = 0;
	}
	if (p->has_mac)
		memcpy(w->mac, p->mac, FL_MAC_LEN);
	else
		fl_vtep_mac(&p->ips[0], w->mac);
}

/*
 * The link-local address that IPv6 would derive from the MAC address. As the gateway of an IPv6
 * route it takes part in no other route; the kernel refuses an on-link gateway that another route,
 * such as one to a larger block or the one to be replaced, leads to elsewhere.
 */
static struct fl_ip link_local(const uint8_t mac[FL_MAC_LEN])
{
	return (struct fl_ip){ { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff,
				 0xfe, mac[3], mac[4], mac[5] } };
}

static struct fl_route route_to(const struct make *m, const struct fl_prefix *block)
{
	return (struct fl_route){
		.dst = *block,
		.table = FL_ROUTE_TABLE_MAIN,
		.priority = fl_ip_is4(&block->ip) ? 0 : PRIORITY,
		.scope = FL_ROUTE_SCOPE_GLOBAL,
		.protocol = m->in->protocol,
	};
}

static bool takes_direct(const struct make *m, const struct way *w, int f)
{
	return m->in->way == FL_PEERS_DIRECT || (m->in->way == FL_PEERS_EITHER && w->link[f]);
}

/* Why the block cannot be reached; 0 when it can. */
static int check_way(const struct make *m, const struct way *w, const struct fl_prefix *block,
		     struct fl_err *why)
{
	int f = idx(&block->ip);
	char text[FL_PREFIX_STR];

	if (takes_direct(m, w, f)) {
		if (!w->node[f])
			return fl_fail(why, EADDRNOTAVAIL,
				       "it has no %s address, by which to reach its block '%s'",
				       family_name(f), fl_prefix_format(block, text));
		if (!w->link[f])
			return fl_fail(why, ENETUNREACH,
				       "its address '%s' is on no link of this node",
				       fl_ip_format(w->node[f], text));
		return 0;
	}
	if (!m->in->vtep)
		return fl_fail(why, ENODEV,
			       "there is no VXLAN device, by which to reach its block '%s'",
			       fl_prefix_format(block, text));
	if (!w->node[m->outer])
		return fl_fail(why, EADDRNOTAVAIL, "it has no %s address, as the VXLAN device has",
			       family_name(m->outer));
	return 0;
}

static void wish_block(struct make *m, size_t i, const struct fl_prefix *block)
{
	struct way *w = &m->ways[i];
	struct fl_route r = route_to(m, block);
	int f = idx(&block->ip);
	struct fl_err why;

	if (w->out)
		return;
	if (check_way(m, w, block, &why) < 0) {
		object(m, i, &why);
		return;
	}
	r.has_gw = true;
	r.mtu = m->in->route_mtu;
	if (takes_direct(m, w, f)) {
		r.gw = *w->node[f];
		r.link = w->link[f];
	} else {
		r.gw = f == 0 ? block->ip : link_local(w->mac);
		r.link = m->in->vtep;
		r.onlink = true;
	}
	m->wishes[m->n++] = (struct wish){ i, .route = r };
}

static void wish_routes(struct make *m)
{
	m->n = 0;
	for (size_t i = 0; i < m->in->n_home; i++) {
		struct fl_route r = route_to(m, &m->in->home[i]);

		r.type = FL_ROUTE_BLACKHOLE;
		r.priority = PRIORITY;
		m->wishes[m->n++] = (struct wish){ HOME, .route = r };
	}
	for (size_t i = 0; m->in->way != FL_PEERS_NONE && i < m->in->n_peers; i++)
		for (size_t k = 0; k < m->in->peers[i].n_cidrs; k++)
			wish_block(m, i, &m->in->peers[i].cidrs[k]);
}

static int cmp_places(const struct fl_route *a, const struct fl_route *b)
{
	return fl_ip_cmp(&a->dst.ip, &b->dst.ip)
		       ?: (a->dst.len > b->dst.len) - (a->dst.len < b->dst.len);
}

/* By destination, then by who wants it: the node itself, then the peers in their order. */
static int cmp_wishes(const void *pa, const void *pb)
{
	const struct wish *a = pa, *b = pb;

	return cmp_places(&a->route, &b->route)
		       ?: (a->peer + 1 > b->peer + 1) -
				  (a->peer + 1 < b->peer + 1); /* HOME + 1 is 0 */
}

/* Both cannot be: one destination, or one gateway with two MAC addresses. */
static bool clash(const struct wish *a, const struct wish *b)
{
	return cmp_places(&a->route, &b->route) == 0 ||
	       (a->peer != b->peer && a->route.onlink && b->route.onlink &&
		fl_ip_is4(&a->route.gw) && fl_ip_cmp(&a->route.gw, &b->route.gw) == 0);
}

/* Sorts the wishes and keeps one of those that clash. */
static void settle(struct make *m)
{
	char text[FL_PREFIX_STR];
	struct fl_err why;
	size_t kept = 0;

	if (m->n > 1)
		qsort(m->wishes, m->n, sizeof(*m->wishes), cmp_wishes);
	for (size_t i = 0; i < m->n; i++) {
		const struct wish *last = kept ? &m->wishes[kept - 1] : NULL, *w = &m->wishes[i];

		if (!last || !clash(last, w)) {
			m->wishes[kept++] = *w;
			continue;
		}
		if (last->peer == w->peer)
			continue;
		(void)fl_prefix_format(&w->route.dst, text);
		if (last->peer == HOME)
			(void)fl_fail(&why, EEXIST, "its block '%s' is this node's", text);
		else
			(void)fl_fail(&why, EEXIST, "its block '%s' %s of peer '%s'", text,
				      last->route.dst.len == w->route.dst.len ? "is"
									      : "begins as one",
				      m->in->peers[last->peer].name);
		object(m, w->peer, &why);
	}
	m->n = kept;
}

/* By MAC address, then in the peers' order. */
static int cmp_macs(const void *pa, const void *pb, void *arg)
{
	size_t a = *(const size_t *)pa, b = *(const size_t *)pb;
	const struct way *ways = arg;

	return memcmp(ways[a].mac, ways[b].mac, FL_MAC_LEN) ?: (a > b) - (a < b);
}

/* A MAC address leads to one node: of peers that have the same, only the first is reached. */
static void settle_macs(struct make *m)
{
	struct fl_err why;
	char text[FL_MAC_STR];
	size_t n = 0;

	for (size_t i = 0; i < m->in->n_peers; i++)
		if (!m->ways[i].out && m->ways[i].node[m->outer])
			m->order[n++] = i;
	if (n > 1)
		qsort_r(m->order, n, sizeof(*m->order), cmp_macs, m->ways);
	for (size_t i = 1; i < n; i++) {
		struct way *w = &m->ways[m->order[i]];

		if (memcmp(m->ways[m->order[i - 1]].mac, w->mac, FL_MAC_LEN) != 0)
			continue;
		fl_mac_format(w->mac, text);
		(void)fl_fail(&why, EEXIST,
			      "its VTEP has the MAC address '%s', as has that of peer '%s'", text,
			      m->in->peers[m->order[i - 1]].name);
		object(m, m->order[i], &why);
		w->out = true;
	}
}

/* The settled routes, and what those through the overlay need. */
static int fill(struct make *m, struct fl_peers_plan *p, struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->n; i++) {
		const struct wish *w = &m->wishes[i];
		struct fl_neigh gw = { .link = m->in->vtep, .ip = w->route.gw };

		r = peers_plan_add(p, PEERS_ROUTE, &w->route, err);
		if (r == 0 && w->route.onlink) {
			m->ways[w->peer].used = true;
			memcpy(gw.mac, m->ways[w->peer].mac, FL_MAC_LEN);
			r = peers_plan_add(p, PEERS_NEIGH, &gw, err);
		}
	}
	for (size_t i = 0; r == 0 && i < m->in->n_peers; i++) {
		struct fl_fdb f = { .link = m->in->vtep };

		if (!m->ways[i].used)
			continue;
		f.remote = *m->ways[i].node[m->outer];
		memcpy(f.mac, m->ways[i].mac, FL_MAC_LEN);
		r = peers_plan_add(p, PEERS_FDB, &f, err);
	}
	peers_plan_sort(p, PEERS_NEIGH);
	peers_plan_sort(p, PEERS_FDB);
	return r;
}

static int check_limits(const struct fl_peers_input *in, struct fl_err *err)
{
	if (in->n_peers > FL_PEERS_MAX)
		return fl_fail(err, E2BIG, "%zu peers: at most %d are possible", in->n_peers,
			       FL_PEERS_MAX);
	for (size_t i = 0; i < in->n_peers; i++)
		if (in->peers[i].n_cidrs > FL_PEER_CIDRS_MAX ||
		    in->peers[i].n_ips > FL_PEER_IPS_MAX)
			return fl_fail(err, E2BIG,
				       "peer '%s': at most %d blocks and %d addresses are possible",
				       in->peers[i].name, FL_PEER_CIDRS_MAX, FL_PEER_IPS_MAX);
	return 0;
}

int fl_peers_plan(const struct fl_peers_input *in, fl_peers_complain *complain, void *arg,
		  struct fl_peers_plan **out, struct fl_err *err)
{
	fl_auto_peers_plan struct fl_peers_plan *p = NULL;
	fl_auto_free struct way *ways = calloc(in->n_peers + 1, sizeof(*ways));
	fl_auto_free size_t *order = calloc(in->n_peers + 1, sizeof(*order));
	fl_auto_free struct wish *wishes = NULL;
	struct make m = { .in = in,
			  .outer = in->underlay_family == AF_INET6,
			  .complain = complain,
			  .arg = arg,
			  .ways = ways,
			  .order = order };
	size_t blocks = in->n_home;
	int r;

	r = check_limits(in, err) ?: peers_plan_new(&p, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < in->n_peers; i++)
		blocks += in->peers[i].n_cidrs;
	m.wishes = wishes = calloc(blocks + 1, sizeof(*wishes));
	if (!ways || !order || !wishes)
		return fl_fail_errno(err, ENOMEM, "plan the ways to %zu peers", in->n_peers);
	for (size_t i = 0; in->way != FL_PEERS_NONE && i < in->n_peers; i++)
		look_at(&m, i);
	if (in->vtep && (in->way == FL_PEERS_OVERLAY || in->way == FL_PEERS_EITHER))
		settle_macs(&m);
	wish_routes(&m);
	settle(&m);
	r = fill(&m, p, err);
	if (r == 0)
		*out = FL_TAKE(p);
	return r;
}
