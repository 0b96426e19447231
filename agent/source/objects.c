// SPDX-License-Identifier: Apache-2.0
/* Objects of a text. */
#include "agent/source/objects.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "yaml/yaml.h"

/* A text that is being read. */
struct reading {
	const struct src_input *in;
	const struct fl_yaml *y;
	size_t doc;
	struct src_objects out;
	size_t cap, objects_cap;
};

/* What an object is. */
struct type {
	const char *version, *kind;
};

enum use { USE_NODE, USE_POLICY, USE_LIST };

static const struct {
	struct type type;
	enum use use;
	struct type items; /* of a list whose elements need not say what they are */
	enum pol_kind kind;
} kinds[] = {
	{ { "v1", "Node" }, USE_NODE },
	{ { "v1", "Namespace" }, USE_POLICY, .kind = POL_KIND_NAMESPACE },
	{ { "v1", "Pod" }, USE_POLICY, .kind = POL_KIND_POD },
	{ { "networking.k8s.io/v1", "NetworkPolicy" }, USE_POLICY, .kind = POL_KIND_POLICY },
	{ { "v1", "List" }, USE_LIST },
	{ { "v1", "NodeList" }, USE_LIST, { "v1", "Node" } },
	{ { "v1", "NamespaceList" }, USE_LIST, { "v1", "Namespace" } },
	{ { "v1", "PodList" }, USE_LIST, { "v1", "Pod" } },
	{ { "networking.k8s.io/v1", "NetworkPolicyList" },
	  USE_LIST,
	  { "networking.k8s.io/v1", "NetworkPolicy" } },
};

#define WHERE_MAX 300 /* a file's name and a line */

void src_objects_done(struct src_objects *o)
{
	for (size_t i = 0; i < o->n_nodes; i++)
		agent_node_done(&o->nodes[i]);
	fl_free_p(&o->nodes);
	for (size_t i = 0; i < o->n_objects; i++)
		src_object_free(&o->objects[i]);
	fl_free_p(&o->objects);
	src_complaints_done(&o->complaints);
	*o = (struct src_objects){ 0 };
}

/* "FILE:LINE" of a place in the document. */
static const char *where_is(const struct reading *rd, const struct fl_cur *at, char out[WHERE_MAX])
{
	(void)snprintf(out, WHERE_MAX, "%s:%u", rd->in->name, fl_yaml_line(rd->y, rd->doc, at));
	return out;
}

/*
 * Complains of what is wrong with the object, at the line of the very key where that is known: the
 * place in where is the object's.
 */
static void complain(struct reading *rd, const char where[WHERE_MAX], const struct fl_err *err)
{
	unsigned int line = fl_yaml_line_of(rd->y, err);
	char exact[WHERE_MAX];

	if (line)
		(void)snprintf(exact, sizeof(exact), "%s:%u", rd->in->name, line);
	src_complaints_add(line ? exact : where, err->text, &rd->out.complaints);
}

static int add_node(struct reading *rd, struct agent_node *n, struct fl_err *err)
{
	if (rd->out.n_nodes == rd->cap) {
		size_t cap = rd->cap ? 2 * rd->cap : 1;
		struct agent_node *nodes = realloc(rd->out.nodes, cap * sizeof(*nodes));

		if (!nodes)
			return fl_fail_errno(err, ENOMEM, "read '%s'", rd->in->name);
		rd->out.nodes = nodes;
		rd->cap = cap;
	}
	rd->out.nodes[rd->out.n_nodes++] = *n;
	*n = (struct agent_node){ 0 };
	return 0;
}

/* The form that a node which is wrong now had before, if it had one. */
static int keep_last(struct reading *rd, const struct fl_cur *object, struct fl_err *err)
{
	const char *name = fl_json_str(fl_json_get(fl_json_get(object->v, "metadata"), "name"));
	fl_auto(agent_node_done) struct agent_node copy = { 0 };
	int r;

	for (size_t i = 0; name && rd->in->last && i < rd->in->last->n_nodes; i++) {
		if (strcmp(rd->in->last->nodes[i].name, name) != 0)
			continue;
		r = agent_node_copy(&rd->in->last->nodes[i], &copy, err);
		return r ?: add_node(rd, &copy, err);
	}
	return 0;
}

static int read_node(struct reading *rd, const struct fl_cur *object, struct fl_err *err)
{
	fl_auto(agent_node_done) struct agent_node n = { 0 };
	struct fl_cur root = fl_cur_root(object->v, "object");
	char where[WHERE_MAX];
	int r = agent_node_read(&root, where_is(rd, object, where), &n, err);

	if (r == -ENOMEM)
		return r;
	if (r == 0)
		return add_node(rd, &n, err);
	complain(rd, where, err);
	return keep_last(rd, object, err);
}

/* Takes the object over whatever happens. */
static int add_policy_object(struct reading *rd, struct src_object *object, struct fl_err *err)
{
	fl_auto_src_object struct src_object *o = object;

	if (rd->out.n_objects == rd->objects_cap) {
		size_t cap = rd->objects_cap ? 2 * rd->objects_cap : 1;
		struct src_object **all = realloc(rd->out.objects, cap * sizeof(*all));

		if (!all)
			return fl_fail_errno(err, ENOMEM, "read '%s'", rd->in->name);
		rd->out.objects = all;
		rd->objects_cap = cap;
	}
	rd->out.objects[rd->out.n_objects++] = FL_TAKE(o);
	return 0;
}

/* The form that an object which is wrong now had before, if it had one. */
static int keep_last_object(struct reading *rd, enum pol_kind kind, const struct fl_json *v,
			    struct fl_err *err)
{
	size_t n = rd->in->last ? rd->in->last->n_objects : 0;
	struct src_object *copy = NULL;
	const char *ns, *name;

	src_object_names(kind, v, &ns, &name);
	for (size_t i = 0; name && ns && i < n; i++) {
		/* Most likely, it is where it was: many may be wrong at once. */
		const struct src_object *o = rd->in->last->objects[(rd->out.n_objects + i) % n];

		if (o->kind == kind && fl_streq(o->name, name) && fl_streq(o->ns, ns))
			return src_object_copy(o, &copy, err) ?: add_policy_object(rd, copy, err);
	}
	return 0;
}

static int read_policy_object(struct reading *rd, enum pol_kind kind, const struct fl_cur *object,
			      struct fl_err *err)
{
	struct src_object *o = NULL;
	char where[WHERE_MAX];
	int r = src_object_read(kind, object->v, where_is(rd, object, where), &o, err);

	if (r == -ENOMEM)
		return r;
	if (r == 0)
		return add_policy_object(rd, o, err);
	complain(rd, where, err);
	return keep_last_object(rd, kind, object->v, err);
}

static int read_object(struct reading *rd, const struct fl_cur *object, const struct type *given,
		       struct fl_err *err);

static int read_list(struct reading *rd, const struct fl_cur *list, const struct type *items,
		     struct fl_err *err)
{
	struct fl_cur root = fl_cur_root(list->v, "object"), array;
	char where[WHERE_MAX];
	int r = fl_cur_arr(&root, "items", FL_OPTIONAL, &array, err);

	if (r < 0) {
		complain(rd, where_is(rd, list, where), err);
		return 0;
	}
	/* Seen from the document's root, for the lines. */
	array = fl_cur_member(list, "items");
	r = 0;
	for (size_t i = 0; r == 0 && i < fl_json_len(array.v); i++) {
		struct fl_cur at = fl_cur_at(&array, i);

		r = read_object(rd, &at, items, err);
	}
	return r;
}

static int read_type(const struct fl_cur *object, const struct type *given, struct type *out,
		     struct fl_err *err)
{
	struct fl_cur root = fl_cur_root(object->v, "object");
	enum fl_need need = given->kind ? FL_OPTIONAL : FL_REQUIRED;
	int r = fl_cur_as_obj(&root, err);

	*out = *given;
	if (r == 0)
		r = fl_cur_str(&root, "apiVersion", need, &out->version, err);
	if (r >= 0)
		r = fl_cur_str(&root, "kind", need, &out->kind, err);
	return r < 0 ? r : 0;
}

static int read_object(struct reading *rd, const struct fl_cur *object, const struct type *given,
		       struct fl_err *err)
{
	struct type type;
	char where[WHERE_MAX];

	if (read_type(object, given, &type, err) < 0) {
		complain(rd, where_is(rd, object, where), err);
		return 0;
	}
	for (size_t i = 0; i < FL_ARRAY_LEN(kinds); i++) {
		if (!fl_streq(kinds[i].type.kind, type.kind) ||
		    !fl_streq(kinds[i].type.version, type.version))
			continue;
		if (kinds[i].use == USE_LIST)
			return read_list(rd, object, &kinds[i].items, err);
		rd->out.known++;
		return kinds[i].use == USE_NODE
			       ? read_node(rd, object, err)
			       : read_policy_object(rd, kinds[i].kind, object, err);
	}
	rd->out.unknown++;
	rd->in->unknown(where_is(rd, object, where), type.version, type.kind, rd->in->arg);
	return 0;
}

int src_objects_read(const struct src_input *in, struct src_objects *out, struct fl_err *err)
{
	static const struct type none;
	fl_auto_yaml struct fl_yaml *y = NULL;
	struct reading rd = { .in = in };
	int r = fl_yaml_parse(in->name, in->text, in->len, &y, err);

	rd.y = y;
	for (; r == 0 && rd.doc < fl_yaml_docs(y); rd.doc++) {
		struct fl_cur root = fl_cur_root(fl_yaml_doc(y, rd.doc, NULL), "object");

		r = read_object(&rd, &root, &none, err);
	}
	if (r < 0) {
		src_objects_done(&rd.out);
		return r;
	}
	*out = rd.out;
	return 0;
}
