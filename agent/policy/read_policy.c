// SPDX-License-Identifier: Apache-2.0
/* Network policies, with the API server's validation and defaults. */
#include <errno.h>
#include <netinet/in.h>

#include "agent/policy/read.h"
#include "agent/policy/valid.h"
#include "base/text.h"

static int read_block(const struct fl_cur *block, struct pol_peer *out, struct fl_err *err)
{
	static const char *const keys[] = { "cidr", "except", NULL };
	struct fl_cur cidr = fl_cur_member(block, "cidr"), list = fl_cur_member(block, "except");
	int r = pol_refuse_unknown(block, keys, err);

	if (r < 0)
		return r;
	if (!cidr.v)
		return fl_cur_fail(&cidr, err, "missing, expected a prefix like 10.1.0.0/16");
	r = fl_cur_as_network(&cidr, &out->cidr, err)
		    ?: pol_read_list(block, "except", POL_PEERS_MAX, sizeof(*out->except),
				     &out->except, &out->n_except, err);
	for (size_t i = 0; r == 0 && i < out->n_except; i++) {
		struct fl_cur at = fl_cur_at(&list, i);

		r = fl_cur_as_network(&at, &out->except[i], err);
		if (r == 0 && (!fl_prefix_contains(&out->cidr, &out->except[i].ip) ||
			       out->except[i].len <= out->cidr.len))
			return fl_cur_fail(&at, err, "'%s' is not a part of cidr '%s'",
					   fl_json_str(at.v), fl_json_str(cidr.v));
	}
	return r;
}

static int read_peer(const struct fl_cur *c, struct pol_peer *out, struct fl_err *err)
{
	static const char *const keys[] = { "podSelector", "namespaceSelector", "ipBlock", NULL };
	struct fl_cur block = { 0 };
	int r;

	r = fl_cur_as_obj(c, err) ?: pol_refuse_unknown(c, keys, err)
				  ?: pol_read_selector(c, "podSelector", &out->pods, err)
				  ?: pol_read_selector(c, "namespaceSelector", &out->namespaces,
						       err);
	if (r < 0)
		return r;
	r = fl_cur_obj(c, "ipBlock", FL_OPTIONAL, &block, err);
	if (r < 0)
		return r;
	out->is_block = r > 0;
	if (out->is_block && (out->pods.present || out->namespaces.present))
		return fl_cur_fail(&block, err, "must stand alone, not beside a selector");
	if (out->is_block)
		return read_block(&block, out, err);
	if (!out->pods.present && !out->namespaces.present)
		return fl_cur_fail(c, err,
				   "is empty, expected podSelector, namespaceSelector or ipBlock");
	return 0;
}

/* endPort, which needs a number in port. */
static int read_end_port(const struct fl_cur *c, struct pol_port *out, struct fl_err *err)
{
	struct fl_cur at = fl_cur_member(c, "endPort");
	uint32_t end = 0;
	int r = fl_cur_u32(c, "endPort", 1, 65535, &end, err);

	if (r < 0 || !at.v)
		return r;
	if (out->name[0])
		return fl_cur_fail(&at, err, "needs a number in port, not the name '%s'",
				   out->name);
	if (!out->first)
		return fl_cur_fail(&at, err, "needs a number in port");
	if (end < out->first)
		return fl_cur_fail(&at, err, "%u is below port %u", end, out->first);
	out->last = (uint16_t)end;
	return 0;
}

static int read_port(const struct fl_cur *c, struct pol_port *out, struct fl_err *err)
{
	static const char *const keys[] = { "protocol", "port", "endPort", NULL };
	struct fl_cur proto_at = fl_cur_member(c, "protocol"), at = fl_cur_member(c, "port");
	const char *proto = "TCP", *name = NULL;
	uint32_t port = 0;
	int r = fl_cur_as_obj(c, err) ?: pol_refuse_unknown(c, keys, err);

	if (r < 0 || (r = fl_cur_str(c, "protocol", FL_OPTIONAL, &proto, err)) < 0)
		return r;
	out->proto = pol_proto_parse(proto);
	if (!out->proto)
		return fl_cur_fail(&proto_at, err, "'%.64s' is not TCP, UDP or SCTP", proto);
	if (fl_json_type(at.v) == FL_JSON_STRING) {
		name = fl_json_str(at.v);
		if (!pol_valid_port_name(name))
			return fl_cur_fail(&at, err,
					   "'%.64s' is neither a number nor a port's name", name);
		memcpy(out->name, name, strlen(name) + 1);
	} else {
		r = fl_cur_u32(c, "port", 1, 65535, &port, err);
		if (r < 0)
			return r;
	}
	out->first = (uint16_t)port;
	out->last = port ? (uint16_t)port : 65535;
	return read_end_port(c, out, err);
}

/* An element of ingress or egress; peers: the key of its peers. */
static int read_rule(const struct fl_cur *c, const char *peers, struct pol_rule *out,
		     struct fl_err *err)
{
	const char *const keys[] = { peers, "ports", NULL };
	struct fl_cur peer_list = fl_cur_member(c, peers), port_list = fl_cur_member(c, "ports");
	int r;

	r = fl_cur_as_obj(c, err) ?: pol_refuse_unknown(c, keys, err)
				  ?: pol_read_list(c, peers, POL_PEERS_MAX, sizeof(*out->peers),
						   &out->peers, &out->n_peers, err)
				  ?: pol_read_list(c, "ports", POL_PEERS_MAX, sizeof(*out->ports),
						   &out->ports, &out->n_ports, err);
	for (size_t i = 0; r == 0 && i < out->n_peers; i++) {
		struct fl_cur at = fl_cur_at(&peer_list, i);

		r = read_peer(&at, &out->peers[i], err);
	}
	for (size_t i = 0; r == 0 && i < out->n_ports; i++) {
		struct fl_cur at = fl_cur_at(&port_list, i);

		r = read_port(&at, &out->ports[i], err);
	}
	return r;
}

static int read_part(const struct fl_cur *spec, enum pol_direction dir, struct pol_part *out,
		     struct fl_err *err)
{
	const char *key = pol_direction_text(dir), *peers = dir == POL_INGRESS ? "from" : "to";
	struct fl_cur list = fl_cur_member(spec, key);
	int r = pol_read_list(spec, key, POL_RULES_MAX, sizeof(*out->rules), &out->rules, &out->n,
			      err);

	for (size_t i = 0; r == 0 && i < out->n; i++) {
		struct fl_cur at = fl_cur_at(&list, i);

		r = read_rule(&at, peers, &out->rules[i], err);
	}
	return r;
}

static int read_type(const struct fl_cur *at, void *arg, struct fl_err *err)
{
	struct pol_policy *p = arg;
	const char *text = NULL;
	int r = fl_cur_as_str(at, &text, err);

	if (r < 0)
		return r;
	if (!fl_streq(text, "Ingress") && !fl_streq(text, "Egress"))
		return fl_cur_fail(at, err, "'%.64s' is not Ingress or Egress", text);
	p->part[fl_streq(text, "Ingress") ? POL_INGRESS : POL_EGRESS].isolates = true;
	return 0;
}

/* Without policyTypes: Ingress always, Egress when there is an egress rule. */
static int read_types(const struct fl_cur *spec, struct pol_policy *p, struct fl_err *err)
{
	struct fl_cur list = fl_cur_member(spec, "policyTypes");
	int r = fl_cur_each(spec, "policyTypes", read_type, p, err);

	if (r < 0)
		return r;
	if (fl_json_len(list.v) > 2)
		return fl_cur_fail(&list, err, "has %zu elements, there are two types",
				   fl_json_len(list.v));
	if (fl_json_len(list.v) == 0) {
		p->part[POL_INGRESS].isolates = true;
		p->part[POL_EGRESS].isolates = p->part[POL_EGRESS].n > 0;
	}
	return 0;
}

int pol_read_policy(const struct fl_cur *object, struct pol_policy *out, struct fl_err *err)
{
	static const char *const keys[] = { "podSelector", "policyTypes", "ingress", "egress",
					    NULL };
	fl_auto_pol_policy struct pol_policy p = { 0 };
	fl_auto_pol_meta struct pol_meta m = { 0 };
	struct fl_cur spec = { 0 };
	int r = pol_read_meta(object, true, &m, err);

	if (r < 0)
		return r;
	p.ns = FL_TAKE(m.ns);
	p.name = FL_TAKE(m.name);
	p.generation = m.generation;
	spec = fl_cur_member(object, "spec");
	r = fl_cur_obj(object, "spec", FL_OPTIONAL, &spec, err);
	if (r < 0)
		return r;
	r = pol_refuse_unknown(&spec, keys, err)
		    ?: pol_read_selector(&spec, "podSelector", &p.pods, err)
		    ?: read_part(&spec, POL_INGRESS, &p.part[POL_INGRESS], err)
		    ?: read_part(&spec, POL_EGRESS, &p.part[POL_EGRESS], err)
		    ?: read_types(&spec, &p, err);
	if (r < 0)
		return r;
	p.pods.present = true;
	*out = p;
	p = (struct pol_policy){ 0 };
	return 0;
}
