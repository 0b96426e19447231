// SPDX-License-Identifier: Apache-2.0
/* The policies of a world as documents. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/policy/ask.h"
#include "agent/policy/inside.h"
#include "agent/policy/show.h"
#include "base/text.h"

static int compare_names(const void *a, const void *b)
{
	const struct policy *p = *(const struct policy *const *)a;
	const struct policy *q = *(const struct policy *const *)b;
	int order = strcmp(p->ns_name, q->ns_name);

	return order ? order : strcmp(p->name, q->name);
}

static int sorted(const struct pol_world *w, struct pol_vec *out, struct fl_err *err)
{
	struct policy *p;
	size_t at = 0;
	int r = 0;

	while (r == 0 && (p = pol_table_next(&w->policies, &at)))
		if (p->body && !p->is_gone)
			r = pol_vec_add(out, p, err);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), compare_names);
	return r;
}

static bool selects(const struct policy *p, const struct ident *id)
{
	return sel_matches(&p->body->subject, &id->set);
}

static size_t count_pods(const struct policy *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->ns->idents.n; i++) {
		const struct ident *id = p->ns->idents.v[i];

		n += selects(p, id) ? id->pods.n : 0;
	}
	return n;
}

static struct fl_json *types_json(const struct policy *p)
{
	fl_auto_json struct fl_json *arr = fl_json_array();

	for (int dir = POL_INGRESS; arr && dir <= POL_EGRESS; dir++)
		if (p->body->p.part[dir].isolates &&
		    fl_json_append(arr,
				   fl_json_new_str(dir == POL_INGRESS ? "Ingress" : "Egress")) < 0)
			return NULL;
	return FL_TAKE(arr);
}

/* Says why, if it is refused. */
static int set_refused(const struct policy *p, struct fl_json *obj)
{
	char text[64];
	int r = fl_json_set_bool(obj, "refused", p->refused);

	if (r < 0 || !p->refused)
		return r;
	(void)snprintf(text, sizeof(text), "the datapath's map of %s is too small", p->full);
	return fl_json_set_str(obj, "reason", text);
}

static int add_row(const struct policy *p, struct fl_json *list, struct fl_err *err)
{
	fl_auto_json struct fl_json *row = fl_json_object();

	if (!row || fl_json_set_str(row, "namespace", p->ns_name) < 0 ||
	    fl_json_set_str(row, "name", p->name) < 0 ||
	    fl_json_set_int(row, "generation", p->body->p.generation) < 0 ||
	    fl_json_set(row, "types", types_json(p)) < 0 ||
	    fl_json_set_int(row, "pods", (int64_t)count_pods(p)) < 0 || set_refused(p, row) < 0 ||
	    fl_json_append(list, FL_TAKE(row)) < 0)
		return fl_fail_errno(err, ENOMEM, "list policies");
	return 0;
}

int pol_list(const struct pol_world *w, struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *list = fl_json_array();
	fl_auto(pol_vec_done) struct pol_vec all = { 0 };
	int r = list ? sorted(w, &all, err) : fl_fail_errno(err, ENOMEM, "list policies");

	for (size_t i = 0; r == 0 && i < all.n; i++)
		r = add_row(all.v[i], list, err);
	if (r == 0)
		*out = FL_TAKE(list);
	return r;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of the pods that the policy selects, sorted. */
static int pod_names(const struct policy *p, struct fl_json *list, struct fl_err *err)
{
	fl_auto(pol_vec_done) struct pol_vec names = { 0 };
	int r = 0;

	for (size_t i = 0; i < p->ns->idents.n; i++) {
		const struct ident *id = p->ns->idents.v[i];

		for (size_t k = 0; r == 0 && selects(p, id) && k < id->pods.n; k++)
			r = pol_vec_add(&names, ((struct pod *)id->pods.v[k])->p.name, err);
	}
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), compare_texts);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		if (fl_json_append(list, fl_json_new_str(names.v[i])) < 0)
			r = fl_fail_errno(err, ENOMEM, "show a policy");
	return r;
}

static int show_one(const struct policy *p, struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *obj = NULL, *status = fl_json_object();
	fl_auto_json struct fl_json *pods = fl_json_array();
	int r = !status || !pods ? fl_fail_errno(err, ENOMEM, "show a policy")
				 : pol_policy_json(&p->body->p, &obj, err);

	r = r ?: pod_names(p, pods, err);
	if (r < 0)
		return r;
	if (fl_json_set(status, "pods", FL_TAKE(pods)) < 0 || set_refused(p, status) < 0 ||
	    fl_json_set(obj, "status", FL_TAKE(status)) < 0)
		return fl_fail_errno(err, ENOMEM, "show a policy");
	*out = FL_TAKE(obj);
	return 0;
}

int pol_show(const struct pol_world *w, const char *ns, const char *name, struct fl_json **out,
	     struct fl_err *err)
{
	fl_auto_json struct fl_json *list = fl_json_object(), *items = fl_json_array();
	fl_auto(pol_vec_done) struct pol_vec all = { 0 };
	int r = list && items ? sorted(w, &all, err) : fl_fail_errno(err, ENOMEM, "show a policy");

	for (size_t i = 0; r == 0 && i < all.n; i++) {
		const struct policy *p = all.v[i];
		struct fl_json *one = NULL;

		if (name && (!fl_streq(p->name, name) || !fl_streq(p->ns_name, ns)))
			continue;
		r = show_one(p, &one, err);
		if (r == 0 && name) {
			*out = one;
			return 0;
		}
		if (r == 0 && fl_json_append(items, one) < 0)
			r = fl_fail_errno(err, ENOMEM, "show a policy");
	}
	if (r == 0 && name)
		r = fl_fail(err, ENOENT, "no policy '%s/%s'", ns, name);
	if (r < 0)
		return r;
	if (fl_json_set_str(list, "apiVersion", "v1") < 0 ||
	    fl_json_set_str(list, "kind", "List") < 0 ||
	    fl_json_set(list, "items", FL_TAKE(items)) < 0)
		return fl_fail_errno(err, ENOMEM, "show a policy");
	*out = FL_TAKE(list);
	return 0;
}
