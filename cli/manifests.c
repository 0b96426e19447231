// SPDX-License-Identifier: Apache-2.0
/* The policies in some files, as the agent would have them in force. */
#include "cli/manifests.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "agent/policy/read.h"
#include "agent/policy/table.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "yaml/yaml.h"

#define UNUSED_MAX 32  /* kinds that are named */
#define WHERE_MAX  320 /* a file's path and a line */

/* An object that has been put. */
struct known {
	enum pol_kind kind;
	char *ns, *name, *where; /* owned */
};

/* A world that is being read from files, and the kinds of objects there that it has no use for. */
struct reading {
	struct pol_world *w;
	struct pol_table known; /* owned, and so are its struct known */
	char unused[UNUSED_MAX][160];
	size_t n_unused;

	/* The document that is being read; borrowed. */
	const char *path;
	const struct fl_yaml *y;
	size_t doc;
	bool no_memory;
};

static void known_free(struct known **k)
{
	if (*k) {
		fl_free_p(&(*k)->ns);
		fl_free_p(&(*k)->name);
		fl_free_p(&(*k)->where);
	}
	fl_free_p(k);
}

static void reading_done(struct reading *rd)
{
	struct known *k;
	size_t at = 0;

	while ((k = pol_table_next(&rd->known, &at)))
		known_free(&k);
	pol_table_done(&rd->known);
	pol_world_free(&rd->w);
}

static bool is_same(const void *item, const void *key)
{
	const struct known *a = item, *b = key;

	return a->kind == b->kind && fl_streq(a->ns, b->ns) && fl_streq(a->name, b->name);
}

/* The first of an object's places counts, as for an agent that starts. */
static bool is_first(struct reading *rd, enum pol_kind kind, const struct fl_json *object,
		     const char *where)
{
	const struct fl_json *meta = fl_json_get(object, "metadata");
	const char *name = fl_json_str(fl_json_get(meta, "name")) ?: "",
		   *ns = fl_json_str(fl_json_get(meta, "namespace")) ?: "default";
	fl_auto(known_free) struct known *k = calloc(1, sizeof(*k));
	const struct known *other;
	struct fl_err ignored;
	uint64_t hash;

	if (k)
		*k = (struct known){ kind, strdup(kind == POL_KIND_NAMESPACE ? "" : ns),
				     strdup(name), strdup(where) };
	rd->no_memory |= !k || !k->ns || !k->name || !k->where ||
			 pol_table_reserve(&rd->known, &ignored) < 0;
	if (rd->no_memory)
		return false;
	hash = pol_hash_text(pol_hash_text(kind, k->ns), k->name);
	other = pol_table_get(&rd->known, hash, is_same, k);
	if (other)
		fl_warn("%s: %s '%s%s%s': is already in %s, which counts", where,
			fl_json_str(fl_json_get(object, "kind")) ?: "object", k->ns,
			*k->ns ? "/" : "", k->name, other->where);
	else
		pol_table_add(&rd->known, hash, FL_TAKE(k));
	return !other;
}

/* Says of a kind that is not used that it is not, the first time. Nodes are the agent's. */
static void name_kind(struct reading *rd, const struct fl_json *object, const char *where)
{
	const char *version = fl_json_str(fl_json_get(object, "apiVersion")) ?: "";
	const char *kind = fl_json_str(fl_json_get(object, "kind")) ?: "";
	char both[160];

	(void)snprintf(both, sizeof(both), "kind '%.64s' in '%.64s'", kind, version);
	if (!*kind)
		return fl_warn("%s: an object without 'kind' is not used", where);
	if (fl_streq(both, "kind 'Node' in 'v1'"))
		return;
	for (size_t i = 0; i < rd->n_unused; i++)
		if (fl_streq(rd->unused[i], both))
			return;
	if (rd->n_unused == UNUSED_MAX)
		return;
	memcpy(rd->unused[rd->n_unused++], both, sizeof(both));
	fl_warn("%s: objects of %s are not used", where, both);
}

static bool take(enum pol_kind kind, const struct fl_cur *object, void *arg)
{
	struct reading *rd = arg;
	char where[WHERE_MAX];

	(void)snprintf(where, sizeof(where), "%.300s:%u", rd->path,
		       fl_yaml_line(rd->y, rd->doc, object));
	if (kind != POL_KIND_OTHER)
		return is_first(rd, kind, object->v, where);
	name_kind(rd, object->v, where);
	return false;
}

static int put_document(struct reading *rd, struct fl_err *err)
{
	unsigned int line = 0;
	const struct fl_json *doc = fl_yaml_doc(rd->y, rd->doc, &line);
	struct fl_cur root;
	char where[WHERE_MAX];
	int r;

	if (fl_streq(fl_json_str(fl_json_get(doc, "kind")), "NodeList"))
		return 0;
	(void)snprintf(where, sizeof(where), "%.300s:%u", rd->path, line);
	root = fl_cur_root(doc, where);
	r = pol_world_put_object(rd->w, &root, take, rd, err);
	if (r == 0 && rd->no_memory)
		r = fl_fail_errno(err, ENOMEM, "read '%s'", rd->path);
	return r;
}

static int put_file(struct reading *rd, const char *path, struct fl_err *err)
{
	fl_auto_yaml struct fl_yaml *y = NULL;
	fl_auto_free char *text = NULL;
	size_t len = 0;
	int r;

	r = fl_read_file(AT_FDCWD, path, FL_YAML_FILE_MAX, &text, &len, err)
		    ?: fl_yaml_parse(path, text, len, &y, err);
	rd->path = path;
	rd->y = y;
	for (rd->doc = 0; r == 0 && rd->doc < fl_yaml_docs(y); rd->doc++)
		r = put_document(rd, err);
	return r;
}

static int is_manifest(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return e->d_name[0] != '.' && dot &&
	       (fl_streq(dot, ".yaml") || fl_streq(dot, ".yml") || fl_streq(dot, ".json"));
}

struct names {
	struct dirent **v;
	int n;
};

static void names_done(struct names *l)
{
	for (int i = 0; i < l->n; i++)
		fl_free_p(&l->v[i]);
	fl_free_p(&l->v);
}

static int put_folder(struct reading *rd, const char *path, struct fl_err *err)
{
	fl_auto(names_done) struct names names = { 0 };
	char file[4096];
	int r = 0;

	names.n = scandir(path, &names.v, is_manifest, alphasort);
	if (names.n < 0)
		return fl_fail_errno(err, errno, "read '%s'", path);
	for (int i = 0; r == 0 && i < names.n; i++)
		r = fl_format(file, sizeof(file), err, "%s/%s", path, names.v[i]->d_name)
			    ?: put_file(rd, file, err);
	return r;
}

int cli_read_world(const struct cli *c, struct pol_world **out, struct fl_err *err)
{
	fl_auto(reading_done) struct reading rd = { 0 };
	fl_auto_pol_diff struct pol_diff diff = { 0 };
	const struct pol_options all = { 0 };
	struct stat st;
	int r;

	if (!c->n_files)
		return 0;
	r = pol_world_new(&all, &rd.w, err);
	for (size_t i = 0; r == 0 && i < c->n_files; i++) {
		if (stat(c->files[i], &st) < 0)
			return fl_fail_errno(err, errno, "read '%s'", c->files[i]);
		r = S_ISDIR(st.st_mode) ? put_folder(&rd, c->files[i], err)
					: put_file(&rd, c->files[i], err);
	}
	r = r ?: pol_world_commit(rd.w, &diff, err);
	if (r == 0)
		*out = FL_TAKE(rd.w);
	return r;
}
