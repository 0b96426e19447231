// SPDX-License-Identifier: Apache-2.0
/* What the doctor knows before it looks: the agent's word, node.json, links, peers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/client.h"
#include "cli/doctor.h"
#include "net/addr.h"
#include "peers/vtep.h"
#include "json/cur.h"

#define VTEP_PREFIX "fairlead." /* of the device's name, unless it is configured */

static void peer_done(struct doc_peer *p)
{
	fl_free_p(&p->name);
}

void doc_done(struct doc *d)
{
	for (size_t i = 0; i < d->n_peers; i++)
		peer_done(&d->peers[i]);
	fl_free_p(&d->peers);
	fl_free_p(&d->links);
	fl_node_done(&d->node);
	fl_nl_close(&d->nl);
	fl_json_free(&d->status);
	fl_json_free(&d->checks);
}

static void say_problems(struct doc *d)
{
	const struct fl_json *problems = fl_json_get(d->status, "problems");

	for (size_t i = 0; i < fl_json_len(problems); i++) {
		const struct fl_json *p = fl_json_at(problems, i);

		doc_say(d, DOC_FAIL, "agent.problems", "mend what it says; the agent tries again",
			"%s: %s", fl_json_str(fl_json_get(p, "where")) ?: "",
			fl_json_str(fl_json_get(p, "text")) ?: "");
	}
	if (!fl_json_len(problems))
		doc_say(d, DOC_OK, "agent.problems", NULL, "none stand");
}

/* In mode bgp: whether BIRD runs, and each session that is not up. */
static void say_sessions(struct doc *d)
{
	fl_auto_json struct fl_json *bgp = NULL;
	const struct fl_json *sessions;
	struct fl_err err = { 0 };
	size_t up = 0;

	if (!fl_streq(fl_json_str(fl_json_get(d->status, "mode")), "bgp"))
		return;
	if (cli_ask(d->cli, "GET", "/v1/bgp", &bgp, &err) < 0)
		return doc_say(d, DOC_FAIL, "bgp.sessions", "see the agent's problems", "%s",
			       err.text);
	sessions = fl_json_get(bgp, "sessions");
	for (size_t i = 0; i < fl_json_len(sessions); i++) {
		const struct fl_json *s = fl_json_at(sessions, i);
		const char *state = fl_json_str(fl_json_get(s, "state")) ?: "unknown";
		const char *last = fl_json_str(fl_json_get(s, "lastError")) ?: "no error yet";

		if (fl_streq(state, "Established"))
			up++;
		else
			doc_say(d, DOC_FAIL, "bgp.sessions",
				"see that TCP port 179 passes, and that AS, password and address "
				"are "
				"what the other side expects",
				"'%s' to %s is %s (%s)", fl_json_str(fl_json_get(s, "name")) ?: "",
				fl_json_str(fl_json_get(s, "address")) ?: "", state, last);
	}
	if (!fl_json_true(fl_json_get(bgp, "running")))
		doc_say(d, DOC_FAIL, "bgp.sessions", "see the agent's problems and its journal",
			"BIRD does not run");
	else if (up == fl_json_len(sessions))
		doc_say(d, DOC_OK, "bgp.sessions", NULL, "all %zu are established", up);
}

static void ask_agent(struct doc *d)
{
	fl_auto_json struct fl_json *peers = NULL;
	struct fl_err err = { 0 };
	const char *version;

	if (cli_ask(d->cli, "GET", "/v1/status", &d->status, &err) < 0) {
		if (d->has_node)
			doc_say(d, DOC_WARN, "agent.answers",
				"systemctl status fairleadd, and its journal", "%s", err.text);
		else
			doc_say(d, DOC_SKIP, "agent.answers", NULL, "%s", err.text);
		return;
	}
	if (fl_json_true(fl_json_get(d->status, "ready")))
		doc_say(d, DOC_OK, "agent.answers", NULL, "ready");
	else
		doc_say(d, DOC_FAIL, "agent.answers", "see the agent's problems and its journal",
			"it answers, but is not ready");
	version = fl_json_str(fl_json_get(d->status, "version"));
	if (fl_streq(version, FL_VERSION))
		doc_say(d, DOC_OK, "agent.version", NULL, FL_VERSION ", as this program");
	else
		doc_say(d, DOC_WARN, "agent.version", "restart the agent after an upgrade",
			"%s, this program is " FL_VERSION, version ? version : "unknown");
	say_problems(d);
	say_sessions(d);
	if (cli_ask(d->cli, "GET", "/v1/peers", &peers, &err) == 0)
		doc_peers_from_agent(d, peers);
}

static int add_link(const struct fl_link *link, void *arg, struct fl_err *err)
{
	struct doc *d = arg;
	struct fl_link *more = realloc(d->links, (d->n_links + 1) * sizeof(*more));

	if (!more)
		return fl_fail(err, ENOMEM, "list links: out of memory");
	d->links = more;
	d->links[d->n_links++] = *link;
	return 0;
}

static const struct fl_link *find_link(const struct doc *d, const char *name)
{
	for (size_t i = 0; i < d->n_links; i++)
		if (fl_streq(d->links[i].name, name))
			return &d->links[i];
	return NULL;
}

/*
 * The VTEP: the one in node.json, if there is such a file; else the first VXLAN device whose name
 * says it is ours.
 */
static void find_vtep(struct doc *d)
{
	if (d->has_node && d->node.vxlan_device) {
		d->wants_vtep = true;
		d->vni = d->node.vni;
		d->port = d->node.port;
		(void)snprintf(d->vtep_name, sizeof(d->vtep_name), "%s", d->node.vxlan_device);
		d->vtep = find_link(d, d->node.vxlan_device);
		if (d->vtep && !fl_streq(d->vtep->kind, "vxlan"))
			d->vtep = NULL; /* another's device of that name */
	}
	for (size_t i = 0; !d->has_node && !d->vtep && i < d->n_links; i++)
		if (fl_streq(d->links[i].kind, "vxlan") &&
		    strncmp(d->links[i].name, VTEP_PREFIX, strlen(VTEP_PREFIX)) == 0)
			d->vtep = &d->links[i];
	if (!d->vtep || d->wants_vtep)
		return;
	d->wants_vtep = true;
	d->vni = d->vtep->vxlan.vni;
	d->port = d->vtep->vxlan.port;
	(void)snprintf(d->vtep_name, sizeof(d->vtep_name), "%s", d->vtep->name);
}

struct search {
	const struct fl_ip *ip;
	uint32_t link; /* found; 0: not yet */
};

static int match_addr(const struct fl_addr *addr, void *arg, struct fl_err *err)
{
	struct search *s = arg;

	(void)err;
	if (fl_ip_cmp(&addr->addr.ip, s->ip) == 0)
		s->link = addr->link;
	return 0;
}

/* The link that has the node's address. */
static void find_underlay(struct doc *d)
{
	struct search s = { 0 };
	struct fl_err err;

	if (d->vtep)
		s.ip = &d->vtep->vxlan.local;
	else if (d->has_node && d->node.n_ips)
		s.ip = &d->node.ips[0];
	if (!s.ip || fl_addr_list(d->nl, 0, 0, match_addr, &s, &err) < 0)
		return;
	for (size_t i = 0; s.link && i < d->n_links; i++)
		if (d->links[i].index == s.link)
			d->underlay = &d->links[i];
}

static void read_links(struct doc *d)
{
	struct fl_err err = { 0 };

	if (fl_nl_open(FL_NL_ROUTE, &d->nl, &err) < 0 ||
	    fl_link_list(d->nl, 0, add_link, d, &err) < 0) {
		doc_say(d, DOC_FAIL, "kernel.links", "run as root, on the node itself", "%s",
			err.text);
		fl_nl_close(&d->nl);
		return;
	}
	find_vtep(d);
	find_underlay(d);
}

static void read_node(struct doc *d)
{
	struct fl_err err = { 0 };
	int r = fl_node_read(d->cli->root, &d->node, &err);

	d->has_node = r == 0;
	if (r < 0 && r != -ENOENT)
		doc_say(d, DOC_FAIL, "agent.node-file", "restart the agent: it writes it anew",
			"%s", err.text);
	for (size_t i = 0; r == 0 && i < d->node.n_cidrs; i++) {
		d->has4 |= fl_ip_is4(&d->node.cidrs[i].ip);
		d->has6 |= !fl_ip_is4(&d->node.cidrs[i].ip);
	}
}

void doc_facts(struct doc *d)
{
	read_node(d);
	read_links(d);
	ask_agent(d);
	if (!d->status)
		doc_conf_peers(d);
}

/* Room for one more peer, or NULL. */
static struct doc_peer *add_peer(struct doc *d, const char *name)
{
	struct doc_peer *more = realloc(d->peers, (d->n_peers + 1) * sizeof(*more));
	struct doc_peer *p;

	d->no_memory |= !more;
	if (!more)
		return NULL;
	d->peers = more;
	p = &d->peers[d->n_peers];
	*p = (struct doc_peer){ .name = strdup(name ? name : "") };
	d->no_memory |= !p->name;
	if (!p->name)
		return NULL;
	d->n_peers++;
	return p;
}

static void add_ip(struct doc_peer *p, const char *text)
{
	struct fl_err none;

	if (text && p->n_ips < FL_PEER_IPS_MAX && fl_ip_parse(text, &p->ips[p->n_ips], &none) == 0)
		p->n_ips++;
}

/* The first address of the first block of each family. */
static void add_block(struct doc *d, struct doc_peer *p, const char *text)
{
	struct fl_prefix block;
	struct fl_err none;

	if (!text || fl_prefix_parse(text, &block, &none) < 0)
		return;
	d->has4 |= fl_ip_is4(&block.ip);
	d->has6 |= !fl_ip_is4(&block.ip);
	for (size_t i = 0; i < p->n_bases; i++)
		if (fl_ip_family(&p->bases[i]) == fl_ip_family(&block.ip))
			return;
	if (p->n_bases < FL_PEER_IPS_MAX)
		p->bases[p->n_bases++] = fl_prefix_network(&block).ip;
}

static void read_peer(struct doc *d, const struct fl_json *v, const char *blocks_key, bool overlay)
{
	const struct fl_json *ips = fl_json_get(v, "ips"), *blocks = fl_json_get(v, blocks_key);
	struct doc_peer *p = add_peer(d, fl_json_str(fl_json_get(v, "name")));

	if (!p)
		return;
	p->overlay = overlay;
	add_ip(p, fl_json_str(fl_json_get(v, "ip")));
	for (size_t i = 0; i < fl_json_len(ips); i++)
		add_ip(p, fl_json_str(fl_json_at(ips, i)));
	for (size_t i = 0; i < fl_json_len(blocks); i++)
		add_block(d, p, fl_json_str(fl_json_at(blocks, i)));
	if (fl_empty(p->name) && p->n_ips) {
		char text[FL_IP_STR];

		fl_free_p(&p->name);
		p->name = strdup(fl_ip_format(&p->ips[0], text));
		d->no_memory |= !p->name;
	}
}

void doc_peers_from_agent(struct doc *d, const struct fl_json *peers)
{
	d->peers_from = "the agent";
	for (size_t i = 0; i < fl_json_len(peers); i++) {
		const struct fl_json *v = fl_json_at(peers, i);

		read_peer(d, v, "podCIDRs",
			  fl_streq(fl_json_str(fl_json_get(v, "way")), "overlay"));
	}
}

void doc_peers_from_conf(struct doc *d, const struct fl_json *conf)
{
	const struct fl_json *peers = fl_json_get(conf, "peers");
	const char *type = fl_json_str(fl_json_get(conf, "type"));

	if (!fl_streq(type, "vxlan") && !fl_streq(type, "bgp-route"))
		return;
	d->peers_from = "the configuration";
	for (size_t i = 0; i < fl_json_len(peers); i++)
		read_peer(d, fl_json_at(peers, i), "cidrs", fl_streq(type, "vxlan"));
}
