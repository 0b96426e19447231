// SPDX-License-Identifier: Apache-2.0
/* Policies as NetworkPolicy objects. */
#include "agent/policy/show.h"

#include <errno.h>
#include <string.h>

#include "agent/policy/table.h"

/* Sets the member to what was made; 0 or -ENOMEM. */
static int set(struct fl_json *obj, const char *key, struct fl_json *value)
{
	return fl_json_set(obj, key, value);
}

static struct fl_json *texts(char *const *v, size_t n)
{
	fl_auto_json struct fl_json *arr = fl_json_array();

	for (size_t i = 0; arr && i < n; i++)
		if (fl_json_append(arr, fl_json_new_str(v[i])) < 0)
			return NULL;
	return FL_TAKE(arr);
}

static struct fl_json *requirement(const struct pol_requirement *q)
{
	fl_auto_json struct fl_json *obj = fl_json_object();

	if (!obj || fl_json_set_str(obj, "key", q->key) < 0 ||
	    fl_json_set_str(obj, "operator", pol_operator_text(q->op)) < 0 ||
	    (q->n_values && set(obj, "values", texts(q->values, q->n_values)) < 0))
		return NULL;
	return FL_TAKE(obj);
}

/* In with one value is what matchLabels says; each key only once. */
static bool is_label(const struct pol_selector *s, size_t i)
{
	if (s->v[i].op != POL_IN || s->v[i].n_values != 1)
		return false;
	for (size_t k = 0; k < i; k++)
		if (!strcmp(s->v[k].key, s->v[i].key))
			return false;
	return true;
}

static struct fl_json *selector(const struct pol_selector *s)
{
	fl_auto_json struct fl_json *obj = fl_json_object();
	fl_auto_json struct fl_json *labels = fl_json_object(), *expr = fl_json_array();

	for (size_t i = 0; obj && labels && expr && i < s->n; i++) {
		int r = is_label(s, i) ? fl_json_set_str(labels, s->v[i].key, s->v[i].values[0])
				       : fl_json_append(expr, requirement(&s->v[i]));

		if (r < 0)
			return NULL;
	}
	if (!obj || !labels || !expr)
		return NULL;
	if (fl_json_len(labels) && set(obj, "matchLabels", FL_TAKE(labels)) < 0)
		return NULL;
	if (fl_json_len(expr) && set(obj, "matchExpressions", FL_TAKE(expr)) < 0)
		return NULL;
	return FL_TAKE(obj);
}

static struct fl_json *block(const struct pol_peer *e)
{
	fl_auto_json struct fl_json *obj = fl_json_object(), *except = fl_json_array();
	char text[FL_PREFIX_STR];

	if (!obj || !except || fl_json_set_str(obj, "cidr", fl_prefix_format(&e->cidr, text)) < 0)
		return NULL;
	for (size_t i = 0; i < e->n_except; i++)
		if (fl_json_append(except, fl_json_new_str(fl_prefix_format(&e->except[i], text))) <
		    0)
			return NULL;
	if (e->n_except && set(obj, "except", FL_TAKE(except)) < 0)
		return NULL;
	return FL_TAKE(obj);
}

static struct fl_json *peer(const struct pol_peer *e)
{
	fl_auto_json struct fl_json *obj = fl_json_object();

	if (!obj || (e->is_block && set(obj, "ipBlock", block(e)) < 0) ||
	    (e->namespaces.present &&
	     set(obj, "namespaceSelector", selector(&e->namespaces)) < 0) ||
	    (e->pods.present && set(obj, "podSelector", selector(&e->pods)) < 0))
		return NULL;
	return FL_TAKE(obj);
}

static struct fl_json *port(const struct pol_port *p)
{
	fl_auto_json struct fl_json *obj = fl_json_object();
	char text[8];

	if (!obj || fl_json_set_str(obj, "protocol", pol_proto_text(p->proto, text)) < 0 ||
	    (p->name[0] && fl_json_set_str(obj, "port", p->name) < 0) ||
	    (p->first && fl_json_set_int(obj, "port", p->first) < 0) ||
	    (p->first && p->last != p->first && fl_json_set_int(obj, "endPort", p->last) < 0))
		return NULL;
	return FL_TAKE(obj);
}

static struct fl_json *rule(const struct pol_rule *r, enum pol_direction dir)
{
	fl_auto_json struct fl_json *obj = fl_json_object();
	fl_auto_json struct fl_json *peers = fl_json_array(), *ports = fl_json_array();

	if (!obj || !peers || !ports)
		return NULL;
	for (size_t i = 0; i < r->n_peers; i++)
		if (fl_json_append(peers, peer(&r->peers[i])) < 0)
			return NULL;
	for (size_t i = 0; i < r->n_ports; i++)
		if (fl_json_append(ports, port(&r->ports[i])) < 0)
			return NULL;
	if (r->n_peers && set(obj, dir == POL_INGRESS ? "from" : "to", FL_TAKE(peers)) < 0)
		return NULL;
	if (r->n_ports && set(obj, "ports", FL_TAKE(ports)) < 0)
		return NULL;
	return FL_TAKE(obj);
}

static struct fl_json *rules(const struct pol_part *part, enum pol_direction dir)
{
	fl_auto_json struct fl_json *arr = fl_json_array();

	for (size_t i = 0; arr && i < part->n; i++)
		if (fl_json_append(arr, rule(&part->rules[i], dir)) < 0)
			return NULL;
	return FL_TAKE(arr);
}

static struct fl_json *spec(const struct pol_policy *p)
{
	fl_auto_json struct fl_json *obj = fl_json_object(), *types = fl_json_array();

	if (!obj || !types || set(obj, "podSelector", selector(&p->pods)) < 0)
		return NULL;
	for (int dir = POL_INGRESS; dir <= POL_EGRESS; dir++) {
		if (!p->part[dir].isolates)
			continue;
		if (set(obj, pol_direction_text(dir), rules(&p->part[dir], dir)) < 0 ||
		    fl_json_append(types,
				   fl_json_new_str(dir == POL_INGRESS ? "Ingress" : "Egress")) < 0)
			return NULL;
	}
	if (set(obj, "policyTypes", FL_TAKE(types)) < 0)
		return NULL;
	return FL_TAKE(obj);
}

int pol_policy_json(const struct pol_policy *p, struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *obj = fl_json_object();
	struct fl_json *meta = fl_json_object();

	if (!obj || !meta || fl_json_set_str(meta, "name", p->name) < 0 ||
	    fl_json_set_str(meta, "namespace", p->ns) < 0 ||
	    (p->generation && fl_json_set_int(meta, "generation", p->generation) < 0)) {
		fl_json_free(&meta);
		return fl_fail_errno(err, ENOMEM, "show a policy");
	}
	if (fl_json_set_str(obj, "apiVersion", "networking.k8s.io/v1") < 0 ||
	    fl_json_set_str(obj, "kind", "NetworkPolicy") < 0) {
		fl_json_free(&meta);
		return fl_fail_errno(err, ENOMEM, "show a policy");
	}
	if (set(obj, "metadata", meta) < 0 || set(obj, "spec", spec(p)) < 0)
		return fl_fail_errno(err, ENOMEM, "show a policy");
	*out = FL_TAKE(obj);
	return 0;
}

int pol_policy_hash(const struct pol_policy *p, uint64_t *out, struct fl_err *err)
{
	fl_auto_json struct fl_json *v = spec(p);
	fl_auto_free char *text = NULL;
	int r;

	if (!v)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	r = fl_json_print(v, 0, &text, err);
	if (r < 0)
		return r;
	*out = pol_hash(text, strlen(text));
	return 0;
}
