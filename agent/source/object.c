// SPDX-License-Identifier: Apache-2.0
/* Objects that policies are about, checked and cut down. */
#include "agent/source/object.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What is kept of an object: these members, or of an array's elements; NULL below: all. */
struct shape {
	const char *key;
	const struct shape *below;
	bool each;
};

static const struct shape namespace_meta[] = { { "name" }, { "labels" }, { 0 } };
static const struct shape policy_meta[] = { { "name" }, { "namespace" }, { "generation" }, { 0 } };
static const struct shape pod_meta[] = {
	{ "name" }, { "namespace" }, { "labels" }, { "creationTimestamp" }, { "deletionTimestamp" },
	{ 0 }
};
static const struct shape port[] = { { "name" }, { "containerPort" }, { "protocol" }, { 0 } };
static const struct shape container[] = {
	{ "name" }, { "restartPolicy" }, { "ports", port, true }, { 0 }
};
static const struct shape pod_spec[] = { { "nodeName" },
					 { "hostNetwork" },
					 { "containers", container, true },
					 { "initContainers", container, true },
					 { 0 } };
static const struct shape pod_status[] = { { "phase" },	 { "podIP" },	{ "podIPs" },
					   { "hostIP" }, { "hostIPs" }, { 0 } };
static const struct shape a_namespace[] = { { "metadata", namespace_meta }, { 0 } };
static const struct shape a_pod[] = {
	{ "metadata", pod_meta }, { "spec", pod_spec }, { "status", pod_status }, { 0 }
};
static const struct shape a_policy[] = { { "metadata", policy_meta }, { "spec" }, { 0 } };

static const struct {
	const char *version, *kind;
	const struct shape *shape;
} kinds[] = {
	[POL_KIND_NAMESPACE] = { "v1", "Namespace", a_namespace },
	[POL_KIND_POD] = { "v1", "Pod", a_pod },
	[POL_KIND_POLICY] = { "networking.k8s.io/v1", "NetworkPolicy", a_policy },
};

static int no_memory(struct fl_err *err)
{
	return fl_fail_errno(err, ENOMEM, "read an object");
}

void src_object_free(struct src_object **o)
{
	if (*o) {
		fl_free_p(&(*o)->ns);
		fl_free_p(&(*o)->name);
		fl_free_p(&(*o)->where);
		fl_free_p(&(*o)->text);
	}
	fl_free_p(o);
}

const char *src_kind_text(enum pol_kind kind)
{
	return kinds[kind].kind;
}

static struct fl_json *cut(const struct fl_json *v, const struct shape *shape);

/* The elements, each cut down; what is no array is kept as it is. */
static struct fl_json *cut_each(const struct fl_json *v, const struct shape *shape)
{
	fl_auto_json struct fl_json *out = NULL;

	if (fl_json_type(v) != FL_JSON_ARRAY)
		return fl_json_copy(v);
	out = fl_json_array();
	for (size_t i = 0; out && i < fl_json_len(v); i++) {
		if (fl_json_append(out, cut(fl_json_at(v, i), shape)) < 0)
			return NULL;
	}
	return FL_TAKE(out);
}

/* The object with these members alone; what is no object is kept as it is. NULL: no memory. */
static struct fl_json *cut(const struct fl_json *v, const struct shape *shape)
{
	fl_auto_json struct fl_json *out = NULL;

	if (!shape || fl_json_type(v) != FL_JSON_OBJECT)
		return fl_json_copy(v);
	out = fl_json_object();
	for (; out && shape->key; shape++) {
		const struct fl_json *member = fl_json_get(v, shape->key);
		struct fl_json *kept;

		if (!member)
			continue;
		kept = shape->each ? cut_each(member, shape->below) : cut(member, shape->below);
		if (fl_json_set(out, shape->key, kept) < 0)
			return NULL;
	}
	return FL_TAKE(out);
}

void src_object_names(enum pol_kind kind, const struct fl_json *v, const char **ns,
		      const char **name)
{
	const struct fl_json *meta = fl_json_get(v, "metadata");

	*name = fl_json_str(fl_json_get(meta, "name"));
	*ns = kind == POL_KIND_NAMESPACE ? "" : "default";
	if (kind != POL_KIND_NAMESPACE && fl_json_get(meta, "namespace"))
		*ns = fl_json_str(fl_json_get(meta, "namespace"));
}

/* As agent/policy sees it. */
static int check(enum pol_kind kind, const struct fl_cur *root, struct fl_err *err)
{
	fl_auto_pol_namespace struct pol_namespace ns = { 0 };
	fl_auto_pol_pod struct pol_pod pod = { 0 };
	fl_auto_pol_policy struct pol_policy policy = { 0 };

	if (kind == POL_KIND_NAMESPACE)
		return pol_read_namespace(root, &ns, err);
	return kind == POL_KIND_POD ? pol_read_pod(root, &pod, err)
				    : pol_read_policy(root, &policy, err);
}

/* Its text, of the cut down object. */
static int write_text(struct src_object *o, const struct fl_json *v, struct fl_err *err)
{
	fl_auto_json struct fl_json *kept = cut(v, kinds[o->kind].shape);

	if (!kept || fl_json_set_str(kept, "apiVersion", kinds[o->kind].version) < 0 ||
	    fl_json_set_str(kept, "kind", kinds[o->kind].kind) < 0)
		return no_memory(err);
	return fl_json_print(kept, 0, &o->text, err);
}

int src_object_tree(const struct src_object *o, struct fl_json **out, struct fl_err *err)
{
	return fl_json_parse(o->text, strlen(o->text), out, err);
}

bool src_object_equal(const struct src_object *a, const struct src_object *b)
{
	fl_auto_json struct fl_json *one = NULL, *other = NULL;
	struct fl_err ignored;

	if (strcmp(a->text, b->text) == 0)
		return true;
	/* The members may stand in another order. */
	return src_object_tree(a, &one, &ignored) == 0 &&
	       src_object_tree(b, &other, &ignored) == 0 && fl_json_equal(one, other);
}

int src_object_read(enum pol_kind kind, const struct fl_json *v, const char *where,
		    struct src_object **out, struct fl_err *err)
{
	fl_auto_src_object struct src_object *o = NULL;
	const char *ns, *name;
	char what[400];
	struct fl_cur root;
	int r;

	src_object_names(kind, v, &ns, &name);
	(void)snprintf(what, sizeof(what), "%s%s%.63s%s%.253s", kinds[kind].kind, name ? " " : "",
		       name && ns ? ns : "", name && ns && *ns ? "/" : "", name ?: "");
	root = fl_cur_root(v, what);
	r = check(kind, &root, err);
	if (r < 0)
		return r;
	o = calloc(1, sizeof(*o));
	if (!o)
		return no_memory(err);
	o->kind = kind;
	o->ns = strdup(ns);
	o->name = strdup(name);
	o->where = strdup(where);
	if (!o->ns || !o->name || !o->where)
		return no_memory(err);
	r = write_text(o, v, err);
	if (r == 0)
		*out = FL_TAKE(o);
	return r;
}

int src_object_copy(const struct src_object *o, struct src_object **out, struct fl_err *err)
{
	fl_auto_src_object struct src_object *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return no_memory(err);
	copy->kind = o->kind;
	copy->ns = strdup(o->ns);
	copy->name = strdup(o->name);
	copy->where = strdup(o->where);
	copy->text = strdup(o->text);
	if (!copy->ns || !copy->name || !copy->where || !copy->text)
		return no_memory(err);
	*out = FL_TAKE(copy);
	return 0;
}
