// SPDX-License-Identifier: Apache-2.0
/* The objects' texts and their ends. */
#include "agent/policy/object.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

const char *pol_direction_text(enum pol_direction dir)
{
	return dir == POL_INGRESS ? "ingress" : "egress";
}

const char *pol_operator_text(enum pol_operator op)
{
	static const char *const text[] = {
		[POL_IN] = "In",
		[POL_NOT_IN] = "NotIn",
		[POL_EXISTS] = "Exists",
		[POL_DOES_NOT_EXIST] = "DoesNotExist",
	};

	return text[op];
}

static const struct {
	const char *text;
	uint8_t proto;
} protocols[] = {
	{ "TCP", IPPROTO_TCP },
	{ "UDP", IPPROTO_UDP },
	{ "SCTP", IPPROTO_SCTP },
};

const char *pol_proto_text(uint8_t proto, char out[8])
{
	for (size_t i = 0; i < FL_ARRAY_LEN(protocols); i++)
		if (protocols[i].proto == proto)
			return protocols[i].text;
	(void)snprintf(out, 8, "%u", proto);
	return out;
}

uint8_t pol_proto_parse(const char *text)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(protocols); i++)
		if (fl_streq(protocols[i].text, text))
			return protocols[i].proto;
	return 0;
}

const char *pol_labels_get(const struct pol_labels *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (fl_streq(l->v[i].key, key))
			return l->v[i].value;
	return NULL;
}

void pol_labels_done(struct pol_labels *l)
{
	for (size_t i = 0; i < l->n; i++) {
		fl_free_p(&l->v[i].key);
		fl_free_p(&l->v[i].value);
	}
	fl_free_p(&l->v);
	l->n = 0;
}

void pol_selector_done(struct pol_selector *s)
{
	for (size_t i = 0; i < s->n; i++) {
		for (size_t k = 0; k < s->v[i].n_values; k++)
			fl_free_p(&s->v[i].values[k]);
		fl_free_p(&s->v[i].values);
		fl_free_p(&s->v[i].key);
	}
	fl_free_p(&s->v);
	*s = (struct pol_selector){ 0 };
}

void pol_namespace_done(struct pol_namespace *n)
{
	fl_free_p(&n->name);
	pol_labels_done(&n->labels);
}

void pol_pod_done(struct pol_pod *p)
{
	fl_free_p(&p->ns);
	fl_free_p(&p->name);
	fl_free_p(&p->node);
	fl_free_p(&p->ips);
	fl_free_p(&p->node_ips);
	fl_free_p(&p->ports);
	pol_labels_done(&p->labels);
	*p = (struct pol_pod){ 0 };
}

static void rule_done(struct pol_rule *r)
{
	for (size_t i = 0; i < r->n_peers; i++) {
		pol_selector_done(&r->peers[i].pods);
		pol_selector_done(&r->peers[i].namespaces);
		fl_free_p(&r->peers[i].except);
	}
	fl_free_p(&r->peers);
	fl_free_p(&r->ports);
}

void pol_policy_done(struct pol_policy *p)
{
	for (int dir = POL_INGRESS; dir <= POL_EGRESS; dir++) {
		for (size_t i = 0; i < p->part[dir].n; i++)
			rule_done(&p->part[dir].rules[i]);
		fl_free_p(&p->part[dir].rules);
	}
	fl_free_p(&p->ns);
	fl_free_p(&p->name);
	pol_selector_done(&p->pods);
	*p = (struct pol_policy){ 0 };
}
