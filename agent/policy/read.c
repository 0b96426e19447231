// SPDX-License-Identifier: Apache-2.0
/* Metadata, labels and selectors: what all objects have. */
#include "agent/policy/read.h"

#include <errno.h>

#include "agent/policy/valid.h"
#include "base/text.h"

static const struct {
	const char *version, *kind, *list;
	enum pol_kind value;
} kinds[] = {
	{ "v1", "Namespace", "NamespaceList", POL_KIND_NAMESPACE },
	{ "v1", "Pod", "PodList", POL_KIND_POD },
	{ "networking.k8s.io/v1", "NetworkPolicy", "NetworkPolicyList", POL_KIND_POLICY },
};

enum pol_kind pol_kind_of(const struct fl_json *object)
{
	const char *version = fl_json_str(fl_json_get(object, "apiVersion"));
	const char *kind = fl_json_str(fl_json_get(object, "kind"));

	for (size_t i = 0; i < FL_ARRAY_LEN(kinds); i++)
		if (fl_streq(version, kinds[i].version) && fl_streq(kind, kinds[i].kind))
			return kinds[i].value;
	return POL_KIND_OTHER;
}

enum pol_kind pol_kind_in(const struct fl_json *list, const struct fl_json *item)
{
	const char *version = fl_json_str(fl_json_get(list, "apiVersion"));
	const char *kind = fl_json_str(fl_json_get(list, "kind"));

	if (fl_json_get(item, "kind"))
		return pol_kind_of(item);
	for (size_t i = 0; i < FL_ARRAY_LEN(kinds); i++)
		if (fl_streq(version, kinds[i].version) && fl_streq(kind, kinds[i].list))
			return kinds[i].value;
	return POL_KIND_OTHER;
}

void pol_meta_done(struct pol_meta *m)
{
	fl_free_p(&m->ns);
	fl_free_p(&m->name);
}

static int copy_text(const char *text, char **out, struct fl_err *err)
{
	char *copy = strdup(text);

	if (!copy)
		return fl_fail_errno(err, ENOMEM, "read an object");
	*out = copy;
	return 0;
}

int pol_read_meta(const struct fl_cur *object, bool namespaced, struct pol_meta *out,
		  struct fl_err *err)
{
	static const int64_t range[2] = { 0, INT64_MAX };
	const char *name = NULL, *ns = "default", *deleted = NULL;
	struct pol_meta m = { .created = "" };
	struct fl_cur meta = { 0 }, at;
	int r;

	r = fl_cur_as_obj(object, err) ?: fl_cur_obj(object, "metadata", FL_REQUIRED, &meta, err);
	if (r < 0)
		return r;
	if ((r = fl_cur_str(&meta, "name", FL_REQUIRED, &name, err)) < 0 ||
	    (r = fl_cur_str(&meta, "namespace", FL_OPTIONAL, &ns, err)) < 0 ||
	    (r = fl_cur_str(&meta, "creationTimestamp", FL_OPTIONAL, &m.created, err)) < 0 ||
	    (r = fl_cur_str(&meta, "deletionTimestamp", FL_OPTIONAL, &deleted, err)) < 0 ||
	    (r = fl_cur_int(&meta, "generation", FL_OPTIONAL, range, &m.generation, err)) < 0)
		return r;
	at = fl_cur_member(&meta, "name");
	if (namespaced ? !pol_valid_dns_subdomain(name) : !pol_valid_dns_label(name))
		return fl_cur_fail(&at, err,
				   "'%.64s' is not a name of lower case letters, digits and '-'",
				   name);
	at = fl_cur_member(&meta, "namespace");
	if (namespaced && !pol_valid_dns_label(ns))
		return fl_cur_fail(&at, err, "'%.64s' is not a namespace's name", ns);
	m.deleting = deleted != NULL;
	r = copy_text(name, &m.name, err) ?: copy_text(ns, &m.ns, err);
	if (r < 0) {
		pol_meta_done(&m);
		return r;
	}
	*out = m;
	return 0;
}

int pol_read_list(const struct fl_cur *c, const char *key, size_t max, size_t size, void *array,
		  size_t *n, struct fl_err *err)
{
	struct fl_cur list = { 0 };
	void *room = NULL;
	size_t len;
	int r = fl_cur_arr(c, key, FL_OPTIONAL, &list, err);

	if (r < 0)
		return r;
	len = r > 0 ? fl_json_len(list.v) : 0;
	if (len > max)
		return fl_cur_fail(&list, err, "has %zu elements, %zu at most are possible", len,
				   max);
	if (len) {
		room = calloc(len, size);
		if (!room)
			return fl_fail_errno(err, ENOMEM, "read an object");
	}
	memcpy(array, &room, sizeof(room));
	*n = len;
	return 0;
}

int pol_refuse_unknown(const struct fl_cur *c, const char *const *keys, struct fl_err *err)
{
	struct fl_json *value = NULL;
	const char *key = NULL;

	while ((key = fl_json_next(c->v, key, &value))) {
		const char *const *k = keys;

		while (*k && !fl_streq(*k, key))
			k++;
		if (!*k) {
			const struct fl_cur odd = fl_cur_member(c, key);
			int r = fl_fail(err, EINVAL, "unknown field '%.64s'", key);

			return fl_cur_wrap(c, err, fl_cur_mark(&odd, err, r));
		}
	}
	return 0;
}

static int compare_labels(const void *a, const void *b)
{
	return strcmp(((const struct pol_label *)a)->key, ((const struct pol_label *)b)->key);
}

/* One label at its place; the path names the key. */
static int read_label(const struct fl_cur *at, const char *key, struct pol_label *out,
		      struct fl_err *err)
{
	const char *value = NULL;
	int r = fl_cur_as_str(at, &value, err);

	if (r < 0)
		return r;
	if (!pol_valid_label_key(key))
		return fl_cur_fail(at, err, "'%.80s' is not a label's key", key);
	if (!pol_valid_label_value(value))
		return fl_cur_fail(at, err, "'%.80s' is not a label's value", value);
	return copy_text(key, &out->key, err) ?: copy_text(value, &out->value, err);
}

int pol_read_labels(const struct fl_cur *c, const char *key, struct pol_labels *out,
		    struct fl_err *err)
{
	fl_auto_pol_labels struct pol_labels l = { 0 };
	struct fl_json *value = NULL;
	struct fl_cur obj = { 0 };
	const char *k = NULL;
	int r = fl_cur_obj(c, key, FL_OPTIONAL, &obj, err);

	if (r < 0)
		return r;
	if (r > 0 && fl_json_len(obj.v) > POL_LABELS_MAX)
		return fl_cur_fail(&obj, err, "has %zu labels, %u at most are possible",
				   fl_json_len(obj.v), POL_LABELS_MAX);
	if (r > 0 && fl_json_len(obj.v)) {
		l.v = calloc(fl_json_len(obj.v), sizeof(*l.v));
		if (!l.v)
			return fl_fail_errno(err, ENOMEM, "read an object");
	}
	while (r > 0 && (k = fl_json_next(obj.v, k, &value))) {
		struct fl_cur at = { .v = value, .up = &obj, .key = k };
		int failed = read_label(&at, k, &l.v[l.n++], err);

		if (failed < 0)
			return failed;
	}
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), compare_labels);
	*out = l;
	l = (struct pol_labels){ 0 };
	return 0;
}

static int read_operator(const struct fl_cur *c, enum pol_operator *out, struct fl_err *err)
{
	struct fl_cur at = fl_cur_member(c, "operator");
	const char *text = NULL;
	int r = fl_cur_str(c, "operator", FL_REQUIRED, &text, err);

	if (r < 0)
		return r;
	for (int op = POL_IN; op <= POL_DOES_NOT_EXIST; op++) {
		if (fl_streq(text, pol_operator_text(op))) {
			*out = op;
			return 0;
		}
	}
	return fl_cur_fail(&at, err, "'%.64s' is not In, NotIn, Exists or DoesNotExist", text);
}

static int read_values(const struct fl_cur *c, struct pol_requirement *out, struct fl_err *err)
{
	struct fl_cur list = fl_cur_member(c, "values");
	bool wanted = out->op == POL_IN || out->op == POL_NOT_IN;
	size_t n = 0;
	int r = pol_read_list(c, "values", POL_LABELS_MAX, sizeof(*out->values), &out->values, &n,
			      err);

	if (r < 0)
		return r;
	if (wanted != (n > 0))
		return fl_cur_fail(&list, err, "must %s with the operator %s",
				   wanted ? "hold a value" : "be absent",
				   pol_operator_text(out->op));
	for (; out->n_values < n; out->n_values++) {
		struct fl_cur at = fl_cur_at(&list, out->n_values);
		const char *text = NULL;

		r = fl_cur_as_str(&at, &text, err);
		if (r < 0)
			return r;
		if (!pol_valid_label_value(text))
			return fl_cur_fail(&at, err, "'%.80s' is not a label's value", text);
		r = copy_text(text, &out->values[out->n_values], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_requirement(const struct fl_cur *c, struct pol_requirement *out, struct fl_err *err)
{
	static const char *const keys[] = { "key", "operator", "values", NULL };
	struct fl_cur at = fl_cur_member(c, "key");
	const char *key = NULL;
	int r = fl_cur_as_obj(c, err) ?: pol_refuse_unknown(c, keys, err);

	if (r < 0)
		return r;
	r = fl_cur_str(c, "key", FL_REQUIRED, &key, err);
	if (r < 0)
		return r;
	if (!pol_valid_label_key(key))
		return fl_cur_fail(&at, err, "'%.80s' is not a label's key", key);
	return copy_text(key, &out->key, err) ?: read_operator(c, &out->op, err)
					      ?: read_values(c, out, err);
}

/* matchLabels, as requirements; takes them out of the labels. */
static int take_labels(struct pol_labels *l, struct pol_selector *s, struct fl_err *err)
{
	for (size_t i = 0; i < l->n; i++) {
		struct pol_requirement *q = &s->v[s->n];

		q->values = calloc(1, sizeof(*q->values));
		if (!q->values)
			return fl_fail_errno(err, ENOMEM, "read an object");
		q->op = POL_IN;
		q->key = FL_TAKE(l->v[i].key);
		q->values[0] = FL_TAKE(l->v[i].value);
		q->n_values = 1;
		s->n++;
	}
	return 0;
}

int pol_read_selector(const struct fl_cur *c, const char *key, struct pol_selector *out,
		      struct fl_err *err)
{
	static const char *const keys[] = { "matchLabels", "matchExpressions", NULL };
	fl_auto_pol_selector struct pol_selector s = { 0 };
	fl_auto_pol_labels struct pol_labels l = { 0 };
	struct fl_cur obj = { 0 }, list;
	size_t n;
	int r = fl_cur_obj(c, key, FL_OPTIONAL, &obj, err);

	if (r < 0)
		return r;
	if (r == 0) {
		*out = s;
		return 0;
	}
	list = fl_cur_member(&obj, "matchExpressions");
	r = pol_refuse_unknown(&obj, keys, err) ?: pol_read_labels(&obj, "matchLabels", &l, err);
	if (r < 0)
		return r;
	r = fl_cur_arr(&obj, "matchExpressions", FL_OPTIONAL, &list, err);
	if (r < 0)
		return r;
	n = r > 0 ? fl_json_len(list.v) : 0;
	if (n > POL_LABELS_MAX)
		return fl_cur_fail(&list, err, "has %zu elements, %u at most are possible", n,
				   POL_LABELS_MAX);
	s.present = true;
	if (l.n + n) {
		s.v = calloc(l.n + n, sizeof(*s.v));
		if (!s.v)
			return fl_fail_errno(err, ENOMEM, "read an object");
	}
	r = take_labels(&l, &s, err);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		struct fl_cur at = fl_cur_at(&list, i);

		r = read_requirement(&at, &s.v[s.n++], err);
	}
	if (r < 0)
		return r;
	*out = s;
	s = (struct pol_selector){ 0 };
	return 0;
}
