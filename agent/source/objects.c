// SPDX-License-Identifier: Apache-2.0
/* Objects of a text. */
#include "agent/source/objects.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/policy/valid.h"
#include "base/text.h"
#include "yaml/yaml.h"

/* A text that is being read. */
struct reading {
	const struct src_input *in;
	const struct fl_yaml *y;
	size_t doc;
	struct src_objects out;
	size_t cap, objects_cap;
	bool in_doubt; /* something in it may be any of the objects that it held before */
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

static int add_copy_of_node(struct reading *rd, const struct agent_node *n, struct fl_err *err)
{
	fl_auto(agent_node_done) struct agent_node copy = { 0 };

	return agent_node_copy(n, &copy, err) ?: add_node(rd, &copy, err);
}

/* The form that a node which is wrong now had before, if it had one. */
static int keep_last(struct reading *rd, const struct fl_cur *object, struct fl_err *err)
{
	const char *name = fl_json_str(fl_json_get(fl_json_get(object->v, "metadata"), "name"));

	for (size_t i = 0; name && rd->in->last && i < rd->in->last->n_nodes; i++)
		if (strcmp(rd->in->last->nodes[i].name, name) == 0)
			return add_copy_of_node(rd, &rd->in->last->nodes[i], err);
	rd->in_doubt |= !name || !pol_valid_dns_subdomain(name);
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

static int add_copy_of_object(struct reading *rd, const struct src_object *o, struct fl_err *err)
{
	struct src_object *copy = NULL;

	return src_object_copy(o, &copy, err) ?: add_policy_object(rd, copy, err);
}

static bool are_names(const char *ns, const char *name)
{
	return name && ns && pol_valid_dns_subdomain(name) && (!*ns || pol_valid_dns_label(ns));
}

/* The object of these names, most likely where it is looked for first; or NULL. */
static const struct src_object *find_object(const struct src_objects *in, size_t first,
					    enum pol_kind kind, const char *ns, const char *name)
{
	for (size_t i = 0; i < in->n_objects; i++) {
		const struct src_object *o = in->objects[(first + i) % in->n_objects];

		if (o->kind == kind && fl_streq(o->name, name) && fl_streq(o->ns, ns))
			return o;
	}
	return NULL;
}

/* The form that an object which is wrong now had before, if it had one. */
static int keep_last_object(struct reading *rd, enum pol_kind kind, const struct fl_json *v,
			    struct fl_err *err)
{
	const struct src_object *o = NULL;
	const char *ns, *name;

	src_object_names(kind, v, &ns, &name);
	if (name && ns && rd->in->last)
		o = find_object(rd->in->last, rd->out.n_objects, kind, ns, name);
	if (o)
		return add_copy_of_object(rd, o, err);
	rd->in_doubt |= !are_names(ns, name);
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
		rd->in_doubt = true;
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

/* The version is of the same group, or of none, or may be the other one misspelt. */
static bool is_like(const char *version, const char *of)
{
	size_t group = strcspn(of, "/") + 1, least = FL_MISSPELT_MAX;

	return !strchr(version, '/') || strncmp(version, of, group) == 0 ||
	       fl_is_misspelt(version, of, &least);
}

/* Which of ours it is that is not written right, or NULL: it is somebody else's. */
static const struct type *meant(const struct type *type)
{
	const struct type *found = NULL;
	size_t least = FL_MISSPELT_MAX;

	for (size_t i = 0; i < FL_ARRAY_LEN(kinds); i++)
		if (is_like(type->version, kinds[i].type.version) &&
		    fl_is_misspelt(type->kind, kinds[i].type.kind, &least))
			found = &kinds[i].type;
	return found;
}

static void complain_of_type(struct reading *rd, const char *where, const struct type *type,
			     const struct type *ours)
{
	char text[400];

	(void)snprintf(text, sizeof(text),
		       "object: there is no kind '%.64s' in '%.64s', did you mean '%s' in '%s'",
		       type->kind, type->version, ours->kind, ours->version);
	src_complaints_add(where, text, &rd->out.complaints);
	rd->in_doubt = true;
}

static int read_object(struct reading *rd, const struct fl_cur *object, const struct type *given,
		       struct fl_err *err)
{
	const struct type *ours;
	struct type type;
	char where[WHERE_MAX];

	if (read_type(object, given, &type, err) < 0) {
		complain(rd, where_is(rd, object, where), err);
		rd->in_doubt = true;
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
	ours = meant(&type);
	if (ours) {
		complain_of_type(rd, where_is(rd, object, where), &type, ours);
		return 0;
	}
	rd->out.unknown++;
	rd->in->unknown(where_is(rd, object, where), type.version, type.kind, rd->in->arg);
	return 0;
}

static bool has_node(const struct src_objects *o, const char *name)
{
	for (size_t i = 0; i < o->n_nodes; i++)
		if (strcmp(o->nodes[i].name, name) == 0)
			return true;
	return false;
}

/* What is not in the text any more stays as long as that has anything which may be it. */
static int keep_missing(struct reading *rd, struct fl_err *err)
{
	const struct src_objects *last = rd->in->last;
	size_t before = rd->out.n_nodes + rd->out.n_objects, more;
	char text[160];
	int r = 0;

	if (!rd->in_doubt || !last)
		return 0;
	for (size_t i = 0; r == 0 && i < last->n_nodes; i++)
		if (!has_node(&rd->out, last->nodes[i].name))
			r = add_copy_of_node(rd, &last->nodes[i], err);
	for (size_t i = 0; r == 0 && i < last->n_objects; i++) {
		const struct src_object *o = last->objects[i];

		if (!find_object(&rd->out, i, o->kind, o->ns, o->name))
			r = add_copy_of_object(rd, o, err);
	}
	more = rd->out.n_nodes + rd->out.n_objects - before;
	if (r < 0 || more == 0)
		return r;
	(void)snprintf(
		text, sizeof(text),
		"objects that it had before and has not now stay in force until it is right: "
		"%zu",
		more);
	src_complaints_add(rd->in->name, text, &rd->out.complaints);
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
	r = r ?: keep_missing(&rd, err);
	if (r < 0) {
		src_objects_done(&rd.out);
		return r;
	}
	*out = rd.out;
	return 0;
}

static void print_item(FILE *f, size_t i, const char *text)
{
	(void)fprintf(f, "%s\n%s", i ? "," : "", text);
}

static int print_items(const struct src_objects *o, FILE *f, struct fl_err *err)
{
	for (size_t i = 0; i < o->n_nodes; i++) {
		fl_auto_json struct fl_json *tree = NULL;
		fl_auto_free char *text = NULL;
		int r = agent_node_tree(&o->nodes[i], &tree, err)
				?: fl_json_print(tree, 0, &text, err);

		if (r < 0)
			return r;
		print_item(f, i, text);
	}
	for (size_t i = 0; i < o->n_objects; i++)
		print_item(f, o->n_nodes + i, o->objects[i]->text);
	return 0;
}

int src_objects_print(const struct src_objects *o, char **out, size_t *len, struct fl_err *err)
{
	fl_auto_free char *text = NULL;
	FILE *f = open_memstream(&text, len);
	bool bad;
	int r;

	if (!f)
		return fl_fail_errno(err, ENOMEM, "print objects");
	(void)fprintf(f, "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [");
	r = print_items(o, f, err);
	(void)fprintf(f, "]}\n");
	bad = ferror(f) != 0;
	if ((fclose(f) != 0 || bad) && r == 0)
		r = fl_fail_errno(err, ENOMEM, "print objects");
	if (r == 0 && *len > FL_YAML_FILE_MAX)
		r = fl_fail(err, EFBIG, "its objects take %zu bytes, more than %u", *len,
			    FL_YAML_FILE_MAX);
	if (r == 0)
		*out = FL_TAKE(text);
	return r;
}
