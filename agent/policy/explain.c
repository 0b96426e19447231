// SPDX-License-Identifier: Apache-2.0
/*
 * What would become of a connection: looked up in the compiled entries as the datapath does it.
 * The entry names the rule, and the rule itself is then asked which of its peers and ports it was.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "agent/policy/inside.h"
#include "bpf/abi.h"

/* One end as the datapath sees it. */
struct view {
	const struct pod *pod;	   /* NULL: none that policies are concerned with */
	bool is_here;		   /* it has a set of this world */
	const struct pod *host;	   /* a pod of the host's network, by its name */
	const struct fl_ip *ip;	   /* NULL: not known */
	const struct place *block; /* the longest that covers the address, or NULL */
	bool is_own_node;
};

struct question {
	struct view from, to;
	uint8_t proto;
	uint16_t port;
};

static const struct pod *pod_of_ip(const struct pol_world *w, const struct fl_ip *ip)
{
	struct fl_prefix whole = { *ip, (uint8_t)fl_ip_bits(ip) };
	const struct place *pl = place_find(w, &whole);

	return pl ? place_owner(pl) : NULL;
}

static int look(const struct pol_world *w, const struct pol_end *end, struct view *v,
		struct fl_err *err)
{
	const struct pod *pod = NULL;

	*v = (struct view){ .ip = end->has_ip ? &end->ip : NULL, .is_own_node = end->is_own_node };
	if (end->name) {
		pod = pod_find(w, end->ns, end->name);
		if (!pod)
			return fl_fail(err, ENOENT, "no pod '%s/%s'", end->ns, end->name);
		if (pod->p.host_network)
			v->host = pod;
	} else if (v->ip) {
		pod = pod_of_ip(w, v->ip);
	}
	if (pod && pod->ident)
		v->pod = pod;
	v->is_here = v->pod && v->pod->ident->local > 0;
	if (v->ip) {
		struct fl_prefix whole = { *v->ip, (uint8_t)fl_ip_bits(v->ip) };

		v->block = place_cover(w, &whole);
	}
	return 0;
}

static bool is_node_ip(const struct pod *pod, const struct fl_ip *ip)
{
	for (size_t i = 0; ip && i < pod->p.n_node_ips; i++)
		if (fl_ip_cmp(&pod->p.node_ips[i], ip) == 0)
			return true;
	return false;
}

/* Is the other end the pod's own node, or something that talks with its address? */
static bool is_own_node(const struct pod *pod, const struct view *other)
{
	if (other->pod)
		return false;
	if (other->host && other->host->p.node && pod->p.node &&
	    !strcmp(other->host->p.node, pod->p.node))
		return true;
	return (other->is_own_node && pod->is_local) || is_node_ip(pod, other->ip);
}

/* The rule by which the version allows one of the things that the other end is; 0: it does not. */
static uint32_t ask(const struct set *s, enum pol_direction dir, uint32_t who,
		    const struct question *q)
{
	const struct entry *e = entries_find(&s->part[dir], who);

	return e ? pol_ports_find(&e->ports->ports, q->proto, q->port) : 0;
}

/* In the datapath's order. */
static uint32_t ask_all(const struct set *s, enum pol_direction dir, const struct view *other,
			const struct question *q)
{
	uint32_t origin = ask(s, dir, FL_ID_ANY, q);

	if (!origin && other->pod)
		origin = ask(s, dir, other->pod->ident->number, q);
	if (!origin && other->pod)
		origin = ask(s, dir, other->pod->ns->number, q);
	if (!origin && other->block)
		origin = ask(s, dir, other->block->number, q);
	if (!origin && other->pod)
		origin = ask(s, dir, FL_ID_PODS, q);
	return origin;
}

/* Which of the rule's ports allows the question's; -1: the rule names none. target: whose names. */
static int find_port(const struct pol_rule *r, const struct ident *target, const struct question *q)
{
	for (size_t i = 0; i < r->n_ports; i++) {
		const struct pol_port *p = &r->ports[i];

		if (p->proto != q->proto)
			continue;
		if (!p->name[0] && p->first <= q->port && q->port <= p->last)
			return (int)i;
		for (size_t k = 0; target && p->name[0] && k < target->n_ports; k++)
			if (target->ports[k].proto == p->proto &&
			    target->ports[k].port == q->port &&
			    !strcmp(target->ports[k].name, p->name))
				return (int)i;
	}
	return -1;
}

static void name_rule(const struct pol_world *w, uint32_t origin, enum pol_direction dir,
		      const struct question *q, struct pol_verdict *out)
{
	const struct view *other = dir == POL_INGRESS ? &q->from : &q->to;
	const struct pod *target = q->to.pod;
	const struct rule *rule;
	const struct policy *p;
	size_t i = 0;

	p = origin_find(w, origin, &i);
	rule = &p->body->part[dir].rules[i];
	out->why = POL_WHY_RULE;
	out->ns = p->ns_name;
	out->name = p->name;
	out->rule = (int)i;
	out->peer = rule_peer(rule, p->ns, other->pod ? other->pod->ident : NULL, other->ip);
	out->port = find_port(rule->r, target ? target->ident : NULL, q);
}

static void note_isolator(const struct policy *p, enum pol_direction dir, struct pol_verdict *out)
{
	if (!p->body->p.part[dir].isolates || out->n_policies++)
		return;
	out->ns = p->ns_name;
	out->name = p->name;
}

/* Does the rule itself allow it? The number of the rule, or 0. */
static uint32_t ask_rule(const struct policy *p, const struct rule *rule, const struct view *other,
			 const struct question *q)
{
	const struct ident *id = other->pod ? other->pod->ident : NULL;

	if (rule_peer(rule, p->ns, id, other->ip) == -2)
		return 0;
	if (rule->r->n_ports && find_port(rule->r, q->to.pod ? q->to.pod->ident : NULL, q) < 0)
		return 0;
	return rule->origin;
}

/* A pod of another node has no set here: its policies are asked one by one. */
static uint32_t ask_policies(const struct ident *id, enum pol_direction dir,
			     const struct view *other, const struct question *q,
			     struct pol_verdict *out)
{
	uint32_t origin = 0;

	for (size_t i = 0; i < id->ns->policies.n; i++) {
		const struct policy *p = id->ns->policies.v[i];
		const struct pol_part *part = p->body ? &p->body->p.part[dir] : NULL;

		if (!part || !part->isolates || !sel_matches(&p->body->subject, &id->set))
			continue;
		note_isolator(p, dir, out);
		for (size_t k = 0; !origin && !p->refused && k < part->n; k++)
			origin = ask_rule(p, &p->body->part[dir].rules[k], other, q);
	}
	return origin;
}

static struct pol_verdict judge(const struct pol_world *w, const struct question *q,
				enum pol_direction dir)
{
	const struct view *own = dir == POL_INGRESS ? &q->to : &q->from;
	const struct view *other = dir == POL_INGRESS ? &q->from : &q->to;
	struct pol_verdict v = { .allowed = true, .rule = -1, .peer = -1, .port = -1 };
	const struct set *s = own->pod ? own->pod->ident->policies : NULL;
	uint32_t origin = 0;

	if (!own->pod) {
		v.why = POL_WHY_NO_POD;
	} else if (own->pod == other->pod) {
		v.why = POL_WHY_SELF;
	} else if (dir == POL_INGRESS && is_own_node(own->pod, other)) {
		v.why = POL_WHY_NODE;
	} else {
		for (size_t i = 0; s && i < s->n; i++)
			note_isolator(s->policies[i], dir, &v);
		if (!own->is_here)
			origin = ask_policies(own->pod->ident, dir, other, q, &v);
		else if (v.n_policies)
			origin = ask_all(s, dir, other, q);
		v.why = v.n_policies ? POL_WHY_DENIED : POL_WHY_NOT_ISOLATED;
		v.allowed = origin || !v.n_policies;
		if (origin)
			name_rule(w, origin, dir, q, &v);
	}
	return v;
}

int pol_explain(const struct pol_world *w, const struct pol_end *from, const struct pol_end *to,
		uint8_t proto, uint16_t port, struct pol_answer *out, struct fl_err *err)
{
	struct question q = { .proto = proto, .port = port };
	struct pol_answer a = { 0 };
	int r;

	r = look(w, from, &q.from, err) ?: look(w, to, &q.to, err);
	if (r < 0)
		return r;
	for (int dir = POL_INGRESS; dir <= POL_EGRESS; dir++)
		a.part[dir] = judge(w, &q, dir);
	a.allowed = a.part[POL_EGRESS].allowed && a.part[POL_INGRESS].allowed;
	*out = a;
	return 0;
}
