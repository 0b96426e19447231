// SPDX-License-Identifier: Apache-2.0
/* Numbers in words. */
#include "agent/policy/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/policy/inside.h"
#include "bpf/abi.h"

static const struct pod *pod_of(const struct pol_world *w, const struct fl_ip *ip)
{
	struct fl_prefix whole = { *ip, (uint8_t)fl_ip_bits(ip) };
	const struct place *pl = place_find(w, &whole);

	return pl ? place_owner(pl) : NULL;
}

bool pol_name_pod(const struct pol_world *w, const struct fl_ip *ip, struct pol_who *out)
{
	const struct pod *pod = pod_of(w, ip);

	if (!pod)
		return false;
	*out = (struct pol_who){ pod->p.ns, pod->p.name, pod->ident ? pod->ident->number : 0 };
	return true;
}

bool pol_name_rule(const struct pol_world *w, uint32_t origin, struct pol_rule_name *out)
{
	size_t rule = 0;
	const struct policy *p = origin ? origin_find(w, origin, &rule) : NULL;

	if (!p)
		return false;
	*out = (struct pol_rule_name){ p->ns_name, p->name, origin_direction(origin),
				       (unsigned int)rule };
	return true;
}

size_t pol_name_isolating(const struct pol_world *w, const struct fl_ip *ip, enum pol_direction dir,
			  struct pol_policy_name *out, size_t max)
{
	const struct pod *pod = pod_of(w, ip);
	const struct set *s = pod && pod->ident ? pod->ident->policies : NULL;
	size_t n = 0;

	for (size_t i = 0; s && i < s->n && n < max; i++) {
		const struct policy *p = s->policies[i];

		if (p->body && p->body->p.part[dir].isolates)
			out[n++] = (struct pol_policy_name){ p->ns_name, p->name };
	}
	return n;
}

/* Pods of one identity have the same labels. */
static const struct pol_labels *labels_of(const struct ident *id)
{
	return id->pods.n ? &((const struct pod *)id->pods.v[0])->p.labels : NULL;
}

static void write_ident(const struct ident *id, char out[POL_WHO_SIZE])
{
	const struct pol_labels *l = labels_of(id);
	int n = snprintf(out, POL_WHO_SIZE, "pods of '%s' %s", id->ns->name,
			 l && l->n ? "with " : "without labels");

	for (size_t i = 0; l && i < l->n && n < POL_WHO_SIZE; i++)
		n += snprintf(out + n, POL_WHO_SIZE - (size_t)n, "%s%s=%s", i ? "," : "",
			      l->v[i].key, l->v[i].value);
}

const char *pol_name_who(const struct pol_world *w, uint32_t number, char out[POL_WHO_SIZE])
{
	const void *who = number_find(w, NUMBER_WHO, number);
	char text[FL_PREFIX_STR];

	if (number == FL_ID_ANY)
		(void)snprintf(out, POL_WHO_SIZE, "everybody");
	else if (number == FL_ID_PODS)
		(void)snprintf(out, POL_WHO_SIZE, "every pod");
	else if (!who)
		(void)snprintf(out, POL_WHO_SIZE, "number %u", number);
	else if (who_kind(who) == WHO_NS)
		(void)snprintf(out, POL_WHO_SIZE, "namespace '%s'", ((const struct ns *)who)->name);
	else if (who_kind(who) == WHO_IDENT)
		write_ident(who, out);
	else
		(void)snprintf(out, POL_WHO_SIZE, "block %s",
			       fl_prefix_format(&((const struct place *)who)->prefix, text));
	return out;
}

static struct fl_json *labels_json(const struct ident *id)
{
	fl_auto_json struct fl_json *obj = fl_json_object();
	const struct pol_labels *l = id ? labels_of(id) : NULL;

	for (size_t i = 0; obj && l && i < l->n; i++)
		if (fl_json_set_str(obj, l->v[i].key, l->v[i].value) < 0)
			return NULL;
	return FL_TAKE(obj);
}

int pol_identity_labels(const struct pol_world *w, uint32_t identity, struct fl_json **out,
			struct fl_err *err)
{
	const void *who = number_find(w, NUMBER_WHO, identity);

	*out = labels_json(who && who_kind(who) == WHO_IDENT ? who : NULL);
	return *out ? 0 : fl_fail_errno(err, ENOMEM, "list labels");
}

static struct fl_json *ports_json(const struct ident *id)
{
	fl_auto_json struct fl_json *list = fl_json_array();
	char proto[8];

	for (size_t i = 0; list && i < id->n_ports; i++) {
		const struct pol_named_port *p = &id->ports[i];
		struct fl_json *obj = fl_json_object();

		if (fl_json_append(list, obj) < 0 || fl_json_set_str(obj, "name", p->name) < 0 ||
		    fl_json_set_int(obj, "port", p->port) < 0 ||
		    fl_json_set_str(obj, "protocol", pol_proto_text(p->proto, proto)) < 0)
			return NULL;
	}
	return FL_TAKE(list);
}

static struct fl_json *policies_json(const struct ident *id)
{
	fl_auto_json struct fl_json *list = fl_json_array();
	const struct set *s = id->policies;
	char text[330];

	for (size_t i = 0; list && s && i < s->n; i++) {
		(void)snprintf(text, sizeof(text), "%s/%s", s->policies[i]->ns_name,
			       s->policies[i]->name);
		if (fl_json_append(list, fl_json_new_str(text)) < 0)
			return NULL;
	}
	return FL_TAKE(list);
}

static int add_row(const struct ident *id, struct fl_json *list, struct fl_err *err)
{
	fl_auto_json struct fl_json *row = fl_json_object();

	if (!row || fl_json_set_int(row, "identity", id->number) < 0 ||
	    fl_json_set_str(row, "namespace", id->ns->name) < 0 ||
	    fl_json_set(row, "labels", labels_json(id)) < 0 ||
	    fl_json_set(row, "ports", ports_json(id)) < 0 ||
	    fl_json_set_int(row, "pods", (int64_t)id->pods.n) < 0 ||
	    fl_json_set_int(row, "localPods", (int64_t)id->local) < 0 ||
	    fl_json_set(row, "policies", policies_json(id)) < 0 ||
	    fl_json_append(list, FL_TAKE(row)) < 0)
		return fl_fail_errno(err, ENOMEM, "list identities");
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct ident *p = *(const struct ident *const *)a;
	const struct ident *q = *(const struct ident *const *)b;
	int order = strcmp(p->ns->name, q->ns->name);

	return order ? order : p->number < q->number ? -1 : p->number > q->number;
}

int pol_identities(const struct pol_world *w, struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *list = fl_json_array();
	fl_auto(pol_vec_done) struct pol_vec all = { 0 };
	struct ident *id;
	size_t at = 0;
	int r = list ? 0 : fl_fail_errno(err, ENOMEM, "list identities");

	while (r == 0 && (id = pol_table_next(&w->idents, &at)))
		if (id->pods.n)
			r = pol_vec_add(&all, id, err);
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), compare);
	for (size_t i = 0; r == 0 && i < all.n; i++)
		r = add_row(all.v[i], list, err);
	if (r == 0)
		*out = FL_TAKE(list);
	return r;
}
