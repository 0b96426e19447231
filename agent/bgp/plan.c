// SPDX-License-Identifier: Apache-2.0
/* Sessions from nodes and configuration. */
#include "agent/bgp/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "agent/bgp/text.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"

#define PASSWORD_MAX  80   /* bytes: the kernel's TCP_MD5SIG_MAXKEYLEN */
#define FILE_MAX      4096 /* bytes of a password file */
#define READABLE_NAME 48   /* characters of a node's name that may be in a symbol */

struct maker {
	const struct bgp_input *in;
	agent_complain *complain;
	void *arg;
	struct bgp_plan *plan;
};

void bgp_plan_done(struct bgp_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		fl_free_p(&p->sessions[i].name);
		fl_free_p(&p->sessions[i].password);
	}
	fl_free_p(&p->sessions);
	*p = (struct bgp_plan){ 0 };
}

static const struct fl_ip *ip_of(const struct fl_peer *node, int family)
{
	for (size_t i = 0; i < node->n_ips; i++) {
		if (fl_ip_family(&node->ips[i]) == family)
			return &node->ips[i];
	}
	return NULL;
}

const struct fl_ip *bgp_own_ip(const struct bgp_input *in, int family)
{
	return ip_of(&in->self->net, family);
}

static void complain(const struct maker *m, const char *where, const struct fl_err *why)
{
	if (m->complain)
		m->complain(where, why->text, m->arg);
}

/* "mesh4:n2"; a name that BIRD could not read stands there as its hash, after another colon. */
static void name_symbol(struct bgp_session *s)
{
	const char *kind = fl_ip_is4(&s->remote) ? "mesh4" : "mesh6";
	const char *name = s->node->name;
	char hash[26];

	if (*name && strlen(name) <= READABLE_NAME &&
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-")] == '\0') {
		(void)snprintf(s->symbol, sizeof(s->symbol), "%s:%s", kind, name);
		return;
	}
	fl_hash_name(fl_hash_texts(&name, 1), hash, sizeof(hash) - 1);
	(void)snprintf(s->symbol, sizeof(s->symbol), "%s::%s", kind, hash);
}

static int take_password(const char *text, size_t len, char **out, struct fl_err *err)
{
	if (len == 0 || len > PASSWORD_MAX)
		return fl_fail(err, EINVAL, "the password has %zu bytes, expected 1 to %d", len,
			       PASSWORD_MAX);
	if (strlen(text) != len || !bgp_can_say(text))
		return fl_fail(err, EINVAL,
			       "the password has a quote (\") or a control character, which BIRD's "
			       "configuration cannot express");
	*out = strdup(text);
	return *out ? 0 : fl_fail_errno(err, ENOMEM, "copy a password");
}

/* The password of the file, without the newline at its end. */
static int read_password(const char *root, const char *path, char **out, struct fl_err *err)
{
	fl_auto_free char *text = NULL;
	char full[PATH_MAX];
	size_t len = 0;
	int r;

	r = fl_format(full, sizeof(full), err, "%s%s", root ? root : "", path)
		    ?: fl_read_file(AT_FDCWD, full, FILE_MAX, &text, &len, err);
	if (r < 0)
		return r;
	while (len && strchr("\r\n", text[len - 1]))
		text[--len] = '\0';
	r = take_password(text, len, out, err);
	return r < 0 ? fl_wrap(err, r, "passwordFile '%s'", path) : 0;
}

/* Appends the session, which the plan takes over, password and all. */
static int add_session(const struct maker *m, struct bgp_session *s, struct fl_err *err)
{
	struct bgp_plan *p = m->plan;
	struct bgp_session *grown;
	char ip[FL_IP_STR];

	s->name = strdup(s->node	 ? s->node->name
			 : s->peer->name ? s->peer->name
					 : fl_ip_format(&s->remote, ip));
	grown = s->name ? realloc(p->sessions, (p->n + 1) * sizeof(*grown)) : NULL;
	if (!grown) {
		fl_free_p(&s->name);
		fl_free_p(&s->password);
		return fl_fail_errno(err, ENOMEM, "plan BGP sessions");
	}
	p->sessions = grown;
	p->sessions[p->n++] = *s;
	return 0;
}

static bool is_named(const struct agent_bgp *conf, const struct fl_ip *ip)
{
	for (size_t i = 0; i < conf->n_peers; i++) {
		if (fl_ip_cmp(&conf->peers[i].address, ip) == 0)
			return true;
	}
	return false;
}

/* The session with this node in this family, if there is to be one. */
static int add_mesh_session(const struct maker *m, const struct agent_node *node, int family,
			    struct fl_err *err)
{
	const struct agent_bgp *conf = &m->in->conf->bgp;
	const struct fl_ip *local = bgp_own_ip(m->in, family), *remote = ip_of(&node->net, family);
	struct bgp_session s = { .port = conf->port, .node = node };
	int r = 0;

	if (!local || !remote || is_named(conf, remote))
		return 0;
	s.local = *local;
	s.remote = *remote;
	s.as = node->as ? node->as : conf->as;
	name_symbol(&s);
	if (!fl_empty(conf->mesh_password))
		r = take_password(conf->mesh_password, strlen(conf->mesh_password), &s.password,
				  err);
	return r ?: add_session(m, &s, err);
}

static int add_mesh(const struct maker *m, struct fl_err *err)
{
	const struct agent_cluster *nodes = m->in->nodes;
	struct fl_err why = { 0 };
	int r;

	for (size_t i = 0; i < nodes->n; i++) {
		const struct agent_node *node = &nodes->nodes[i];
		const struct fl_peer *net = &node->net;

		if (fl_streq(node->name, m->in->self->name))
			continue;
		if (++m->plan->mesh_nodes > BGP_MESH_MAX)
			return fl_fail(err, E2BIG,
				       "a full mesh of more than %d other nodes is refused: use "
				       "route reflectors (bgp.mesh: false, bgp.peers)",
				       BGP_MESH_MAX);
		if ((!ip_of(net, AF_INET) || !bgp_own_ip(m->in, AF_INET)) &&
		    (!ip_of(net, AF_INET6) || !bgp_own_ip(m->in, AF_INET6))) {
			fl_fail(&why, EINVAL,
				"node '%s' and this node have no addresses of the same family",
				node->name);
			complain(m, node->where, &why);
		}
		r = add_mesh_session(m, node, AF_INET, err)
			    ?: add_mesh_session(m, node, AF_INET6, err);
		if (r < 0)
			return fl_wrap(err, r, "bgp.mesh");
	}
	return 0;
}

/*
 * How far the peer may be. "ttlSecurity" says it; else one hop when it is on a link of ours, which
 * makes BIRD use what both ends agree on there: TTL 1 in another AS, and BFD of one hop.
 */
static uint32_t hops_to(const struct maker *m, const struct bgp_session *s)
{
	const struct bgp_input *in = m->in;

	if (s->peer->ttl_security)
		return s->peer->ttl_security;
	for (size_t i = 0; i < in->n_links; i++) {
		if (fl_prefix_contains(&in->links[i], &s->remote))
			return 1;
	}
	return in->n_links == 0 && s->as != m->plan->as;
}

static int add_peer(const struct maker *m, size_t i, struct fl_err *err)
{
	const struct agent_bgp *conf = &m->in->conf->bgp;
	const struct agent_bgp_peer *peer = &conf->peers[i];
	const struct fl_ip *local = bgp_own_ip(m->in, fl_ip_family(&peer->address));
	struct bgp_session s = { .remote = peer->address, .peer = peer, .port = peer->port };
	char ip[FL_IP_STR];
	int r = 0;

	if (!local)
		return fl_fail(err, EINVAL, "this node has no IPv%c address to reach '%s' from",
			       fl_ip_is4(&peer->address) ? '4' : '6',
			       fl_ip_format(&peer->address, ip));
	s.local = *local;
	s.as = peer->as ? peer->as : m->plan->as;
	s.hops = hops_to(m, &s);
	s.limited = peer->import_limit > 0;
	(void)snprintf(s.symbol, sizeof(s.symbol), "peer:%s", fl_ip_format(&s.remote, ip));
	if (!fl_empty(peer->password_file))
		r = read_password(m->in->root, peer->password_file, &s.password, err);
	else if (!fl_empty(peer->password))
		r = take_password(peer->password, strlen(peer->password), &s.password, err);
	return r ?: add_session(m, &s, err);
}

static bool is_own(const struct bgp_input *in, const struct fl_ip *ip)
{
	const struct fl_ip *own = bgp_own_ip(in, fl_ip_family(ip));

	return own && fl_ip_cmp(own, ip) == 0;
}

static int add_peers(const struct maker *m, struct fl_err *err)
{
	const struct agent_bgp *conf = &m->in->conf->bgp;

	for (size_t i = 0; i < conf->n_peers; i++) {
		char where[32];
		int r;

		/* So that all nodes can have one and the same file. */
		if (is_own(m->in, &conf->peers[i].address))
			continue;
		m->plan->reflects |= conf->peers[i].route_reflector_client;
		r = add_peer(m, i, err);
		if (r == -ENOMEM)
			return r;
		(void)snprintf(where, sizeof(where), "bgp.peers[%zu]", i);
		if (r < 0)
			complain(m, where, err);
	}
	return 0;
}

/* The node's IPv4 address; of a node that has none, a hash of what it has. */
static uint32_t router_id(const struct bgp_input *in)
{
	const struct fl_ip *ip = bgp_own_ip(in, AF_INET);
	char text[FL_IP_STR];
	const char *texts[] = { in->self->name, text };
	uint32_t id;

	if (ip)
		return (uint32_t)ip->b[12] << 24 | (uint32_t)ip->b[13] << 16 |
		       (uint32_t)ip->b[14] << 8 | ip->b[15];
	text[0] = '\0';
	if (in->self->net.n_ips)
		fl_ip_format(&in->self->net.ips[0], text);
	id = (uint32_t)fl_hash_texts(texts, 2).lo;
	return id ? id : 1;
}

int bgp_plan_make(const struct bgp_input *in, agent_complain *say, void *arg, struct bgp_plan *out,
		  struct fl_err *err)
{
	bgp_auto_plan struct bgp_plan p = { 0 };
	const struct maker m = { in, say, arg, &p };
	int r;

	p.as = in->self->as ? in->self->as : in->conf->bgp.as;
	p.router_id = router_id(in);
	r = in->conf->bgp.mesh ? add_mesh(&m, err) : 0;
	r = r ?: add_peers(&m, err);
	if (r < 0)
		return r;
	*out = p;
	p = (struct bgp_plan){ 0 };
	return 0;
}
