// SPDX-License-Identifier: Apache-2.0
/*
 * BIRD's configuration, second half: the sessions, with what each may announce to us and what we
 * announce to it.
 *
 *   from a node of the mesh	its own blocks and nothing else
 *   from a named peer		blocks of other nodes; what "allow" names. Never our own blocks, nor
 *				what lies inside the block of a node, nor a default route that
 *				"allow" does not name
 *   to everybody		this node's blocks, whole
 *   to route reflector clients, and from a reflector to its own AS: also what was learned
 */
#include "agent/bgp/write.h"

#include <stdio.h>

bool bgp_session_bfd(const struct bgp_input *in, const struct bgp_session *s)
{
	return s->peer ? s->peer->bfd : in->conf->bgp.mesh_bfd;
}

/* "net ~ [ ... ]" of what the peer may announce beside pods' blocks. */
static void write_allow(struct bgp_writer *w, const struct agent_bgp_peer *peer, int family)
{
	struct bgp_set set;

	bgp_set_open(&set, w->t, "\t\t\tif net ~ [ ");
	for (size_t i = 0; i < peer->n_allow; i++) {
		/* All routes are inside the default route: naming it means it, and no others. */
		if (fl_ip_family(&peer->allow[i].ip) == family)
			bgp_set_add(&set, &peer->allow[i], peer->allow[i].len ? "+" : "");
	}
	if (bgp_set_close(&set))
		bgp_say(w->t, " then accept;\n");
}

static void import_named(struct bgp_writer *w, const struct bgp_session *s, int family)
{
	bool four = family == AF_INET;
	char d = bgp_digit(family);

	bgp_say(w->t, "\t\timport filter {\n\t\t\tif net ~ never%c then reject;\n", d);
	if (w->has[!four].own)
		bgp_say(w->t, "\t\t\tif net ~ own%c then reject;\n", d);
	if (w->has[!four].inside)
		bgp_say(w->t, "\t\t\tif net ~ inside%c then reject;\n", d);
	/* Behind the mesh, where there is one: the node itself knows its blocks best. */
	if (w->has[!four].nodes)
		bgp_say(w->t, "\t\t\tif net ~ nodes%c then { %saccept; }\n", d,
			w->in->conf->bgp.mesh ? "preference = 90; " : "");
	if (w->has[!four].cluster)
		bgp_say(w->t, "\t\t\tif net ~ cluster%c then accept;\n", d);
	write_allow(w, s->peer, family);
	bgp_say(w->t, "\t\t\treject;\n\t\t};\n");
	if (s->peer->import_limit)
		bgp_say(w->t, "\t\timport limit %u action block;\n", s->peer->import_limit);
}

static void import_mesh(struct bgp_writer *w, const struct bgp_session *s, int family)
{
	const struct fl_peer *node = &s->node->net;
	struct bgp_set set;

	bgp_set_open(&set, w->t, "\t\timport where net ~ [ ");
	for (size_t i = 0; i < node->n_cidrs; i++) {
		if (fl_ip_family(&node->cidrs[i].ip) == family &&
		    bgp_in_cluster(&w->in->conf->bgp, &node->cidrs[i]))
			bgp_set_add(&set, &node->cidrs[i], "");
	}
	bgp_say(w->t, "%s", bgp_set_close(&set) ? ";\n" : "\t\timport none;\n");
}

static void write_communities(struct bgp_writer *w)
{
	const struct agent_bgp *conf = &w->in->conf->bgp;

	for (size_t i = 0; i < conf->n_communities; i++) {
		const uint32_t *part = conf->communities[i].part;

		if (conf->communities[i].n == 2)
			bgp_say(w->t, "\t\t\t\tbgp_community.add((%u,%u));\n", part[0], part[1]);
		else
			bgp_say(w->t, "\t\t\t\tbgp_large_community.add((%u,%u,%u));\n", part[0],
				part[1], part[2]);
	}
}

static void write_export(struct bgp_writer *w, const struct bgp_session *s)
{
	bool is_client = s->peer && s->peer->route_reflector_client;

	if (w->in->drained) {
		bgp_say(w->t, "\t\texport none;\n");
		return;
	}
	bgp_say(w->t, "\t\texport filter {\n\t\t\tif source = RTS_STATIC then {\n");
	write_communities(w);
	bgp_say(w->t, "\t\t\t\taccept;\n\t\t\t}\n");
	if (is_client || (w->plan->reflects && s->as == w->plan->as))
		bgp_say(w->t, "\t\t\tif source = RTS_BGP then accept;\n");
	bgp_say(w->t, "\t\t\treject;\n\t\t};\n");
}

/* A family's part of a session. next_hop: to be announced, NULL: the session's own address. */
static void write_channel(struct bgp_writer *w, const struct bgp_session *s, int family,
			  const struct fl_ip *next_hop)
{
	int own_family = fl_ip_family(&s->remote);
	char ip[FL_IP_STR];

	bgp_say(w->t, "\tipv%c {\n\t\tigp table igp%c;\n", bgp_digit(family), bgp_digit(family));
	if (family == AF_INET && own_family == AF_INET6)
		bgp_say(w->t, "\t\tigp table igp6;\n\t\textended next hop on;\n");
	/* A reflector on our link tells of nodes that are not. */
	if (s->hops == 1 && s->as == w->plan->as)
		bgp_say(w->t, "\t\tgateway recursive;\n");
	if (next_hop)
		bgp_say(w->t, "\t\tnext hop address %s;\n", fl_ip_format(next_hop, ip));
	if (s->peer && s->peer->next_hop_self)
		bgp_say(w->t, "\t\tnext hop self on;\n");
	if (s->peer)
		import_named(w, s, family);
	else
		import_mesh(w, s, family);
	write_export(w, s);
	bgp_say(w->t, "\t};\n");
}

static void write_distance(struct bgp_writer *w, const struct bgp_session *s)
{
	if (s->hops == 1)
		bgp_say(w->t, "\tdirect;\n");
	else if (s->hops)
		bgp_say(w->t, "\tmultihop %u;\n", s->hops);
	else
		bgp_say(w->t, "\tmultihop;\n");
	if (s->peer && s->peer->ttl_security)
		bgp_say(w->t, "\tttl security on;\n");
}

/* How long a peer may be silent before its OPEN: never longer than it may be after it. */
static uint32_t startup_hold_s(const struct bgp_session *s)
{
	uint32_t hold = s->peer ? s->peer->hold_time_s : 0;

	return hold && hold < BGP_STARTUP_HOLD_S ? hold : BGP_STARTUP_HOLD_S;
}

/*
 * How long BIRD, once it can, waits for the peer to connect before it does. Both ends lose a
 * session at the same moment; where they connect at the same moment, too, one may take for
 * established what the other closes as the worse of two connections. BIRD, then, forgets that it
 * was restarted, and a peer that has kept its routes for it drops them. So the end with the lower
 * address is two seconds ahead, and with a named peer both leave the first two to other programs:
 * FRR connects after one.
 */
static int connect_delay_s(const struct bgp_session *s)
{
	int first = s->peer ? BGP_CONNECT_NAMED_S : BGP_CONNECT_MESH_S;

	return fl_ip_cmp(&s->local, &s->remote) < 0 ? first : first + BGP_CONNECT_APART_S;
}

static void write_options(struct bgp_writer *w, const struct bgp_session *s)
{
	const struct agent_bgp *conf = &w->in->conf->bgp;
	bool restart = s->peer ? s->peer->graceful_restart : conf->mesh_graceful_restart;
	uint32_t id = conf->cluster_id;

	write_distance(w, s);
	if (s->password)
		bgp_say(w->t, "\tpassword \"%s\";\n", s->password);
	if (bgp_session_bfd(w->in, s))
		bgp_say(w->t, "\tbfd on;\n");
	bgp_say(w->t, "\tgraceful restart %s;\n\tlong lived graceful restart off;\n",
		restart ? "on" : "off");
	if (s->peer && s->peer->hold_time_s)
		bgp_say(w->t, "\thold time %u;\n", s->peer->hold_time_s);
	/*
	 * A peer that comes back is met within seconds, one that refuses us is not hammered. One
	 * that died, or that TTL security shut out, between TCP's handshake and its OPEN is given
	 * up soon: until then BIRD, by itself 240 s, turns away each new connection from it.
	 */
	bgp_say(w->t,
		"\tconnect delay time %d;\n\tconnect retry time 5;\n"
		"\tstartup hold time %u;\n\terror wait time 1, 30;\n",
		connect_delay_s(s), startup_hold_s(s));
	if (s->peer && s->peer->route_reflector_client && s->as == w->plan->as) {
		bgp_say(w->t, "\trr client;\n");
		if (id)
			bgp_say(w->t, "\trr cluster id %u.%u.%u.%u;\n", id >> 24, id >> 16 & 255,
				id >> 8 & 255, id & 255);
	}
}

static bool has_named(const struct bgp_plan *plan, int family)
{
	for (size_t i = 0; i < plan->n; i++) {
		if (plan->sessions[i].peer && fl_ip_family(&plan->sessions[i].remote) == family)
			return true;
	}
	return false;
}

static bool has_ip(const struct agent_node *node, int family)
{
	for (size_t i = 0; i < node->net.n_ips; i++) {
		if (fl_ip_family(&node->net.ips[i]) == family)
			return true;
	}
	return false;
}

/*
 * A session carries its own family, and the other one too where no session does: in the mesh IPv4
 * over IPv6 between nodes that have no other way; of named peers, what this node has a next hop
 * for, if no named peer is of that family. IPv4 can have a next hop of IPv6, not the reverse.
 */
static void write_channels(struct bgp_writer *w, const struct bgp_session *s)
{
	const struct fl_ip *own4 = bgp_own_ip(w->in, AF_INET), *own6 = bgp_own_ip(w->in, AF_INET6);
	int family = fl_ip_family(&s->remote), other = family == AF_INET ? AF_INET6 : AF_INET;
	bool both;

	write_channel(w, s, family, NULL);
	if (s->peer)
		both = !has_named(w->plan, other) && (other == AF_INET || own6);
	else
		both = other == AF_INET && !(own4 && has_ip(s->node, AF_INET));
	if (both)
		write_channel(w, s, other, !s->peer ? NULL : other == AF_INET ? own4 : own6);
}

void bgp_write_session(struct bgp_writer *w, const struct bgp_session *s)
{
	char local[FL_IP_STR], remote[FL_IP_STR];

	bgp_say(w->t, "protocol bgp '%s' {\n", s->symbol);
	if (bgp_can_say(s->name))
		bgp_say(w->t, "\tdescription \"%s\";\n", s->name);
	bgp_say(w->t, "\tlocal %s port %u as %u;\n\tneighbor %s port %u as %u;\n",
		fl_ip_format(&s->local, local), w->in->conf->bgp.port, w->plan->as,
		fl_ip_format(&s->remote, remote), s->port, s->as);
	write_options(w, s);
	write_channels(w, s);
	bgp_say(w->t, "}\n\n");
}
