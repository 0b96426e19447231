// SPDX-License-Identifier: Apache-2.0
/* The manifests folder's files. */
#include "agent/source/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

void src_folder_done(struct src_folder *f)
{
	for (size_t i = 0; i < f->n; i++)
		src_file_done(&f->files[i]);
	while (f->n_kinds > 0)
		fl_free_p(&f->kinds[--f->n_kinds]);
	src_index_done(&f->index);
	src_kept_close(&f->kept);
	fl_free_p(&f->files);
	fl_free_p(&f->path);
	src_complaints_done(&f->trouble);
	*f = (struct src_folder){ .kept = SRC_KEPT_NONE };
}

bool src_is_manifest(const char *name)
{
	static const char *const endings[] = { ".yaml", ".yml", ".json" };
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; name[0] != '.' && i < FL_ARRAY_LEN(endings); i++) {
		if (fl_streq(dot, endings[i]))
			return true;
	}
	return false;
}

static void unknown_kind(const char *where, const char *version, const char *kind, void *arg)
{
	struct src_folder *f = arg;
	char both[256];

	(void)snprintf(both, sizeof(both), "%s %s", version, kind);
	for (size_t i = 0; i < f->n_kinds; i++) {
		if (fl_streq(f->kinds[i], both))
			return;
	}
	if (f->n_kinds == SRC_KINDS_MAX)
		return;
	f->kinds[f->n_kinds] = strdup(both);
	f->n_kinds += f->kinds[f->n_kinds] != NULL;
	fl_warn("%s: objects of kind '%.64s' in '%.64s' are not used", where, kind, version);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct src_file *)a)->name, ((const struct src_file *)b)->name);
}

/* Where the file of this name is among the first n, or would be. */
static size_t place_of(const struct src_folder *f, size_t n, const char *name)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(f->files[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool has_file(const struct src_folder *f, size_t n, const char *name)
{
	size_t place = place_of(f, n, name);

	return place < n && strcmp(f->files[place].name, name) == 0;
}

/* Adds a file that has not been read yet, at its place. */
static int add_file(struct src_folder *f, size_t place, const char *name, struct fl_err *err)
{
	size_t cap = f->n < f->cap ? f->cap : 2 * f->cap + 16;
	fl_auto_free char *copy = strdup(name);
	struct src_file *files;

	if (!copy)
		return fl_fail_errno(err, ENOMEM, "read '%s'", f->path);
	files = f->n < f->cap ? f->files : realloc(f->files, cap * sizeof(*files));
	if (!files)
		return fl_fail_errno(err, ENOMEM, "read '%s'", f->path);
	f->files = files;
	f->cap = cap;
	memmove(&files[place + 1], &files[place], (f->n - place) * sizeof(*files));
	files[place] = (struct src_file){ .name = FL_TAKE(copy) };
	f->n++;
	return 0;
}

static bool is_known(const char *name, const void *arg)
{
	const struct src_folder *f = arg;

	return has_file(f, f->n, name);
}

static void forget_file(struct src_folder *f, struct src_file *file)
{
	src_index_leave(&f->index, &file->objects);
	src_file_done(file);
}

static void remove_file(struct src_folder *f, size_t place)
{
	forget_file(f, &f->files[place]);
	f->n--;
	memmove(&f->files[place], &f->files[place + 1], (f->n - place) * sizeof(*f->files));
}

/* Puts the folder's own complaint, or none, in place of the one before. */
static void set_trouble(struct src_folder *f, const char *text, bool *changed)
{
	struct src_complaints before = f->trouble;

	f->trouble = (struct src_complaints){ 0 };
	if (text)
		src_complaints_add(f->path, text, &f->trouble);
	*changed |= !src_complaints_equal(&before, &f->trouble);
	src_complaints_done(&before);
}

/* Adds the files that are not known yet, and sorts all. */
static int list_files(struct src_folder *f, DIR *d, bool *too_many, struct fl_err *err)
{
	struct dirent *e;
	size_t known = f->n, total = 0;
	int r = 0;

	while (r == 0 && (errno = 0, e = readdir(d))) {
		if (!src_is_manifest(e->d_name))
			continue;
		*too_many = ++total > SRC_FILES_MAX;
		if (*too_many)
			break;
		if (!has_file(f, known, e->d_name))
			r = add_file(f, f->n, e->d_name, err);
	}
	if (r == 0 && !e && errno)
		r = fl_fail_errno(err, errno, "list the folder");
	if (f->n > known)
		qsort(f->files, f->n, sizeof(*f->files), by_name);
	return r;
}

static struct src_reader reader_of(struct src_folder *f, DIR *d, bool always)
{
	return (struct src_reader){ dirfd(d),  always,	  unknown_kind, f,
				    &f->stats, &f->index, &f->kept };
}

/* Looks at every file that is known. */
static int refresh_all(struct src_folder *f, const struct src_reader *rd, bool *changed,
		       struct fl_err *err)
{
	size_t kept = 0;
	int r = 0;

	f->has_links = false;
	for (size_t i = 0; i < f->n; i++) {
		struct src_file file = f->files[i];
		/* A folder that changes while it is listed may show a name twice. */
		bool gone = kept > 0 && strcmp(f->files[kept - 1].name, file.name) == 0;
		int one = gone || r < 0 ? 0 : src_file_refresh(&file, rd, changed, err);

		if (one == -ENOENT || gone) {
			*changed |= file.objects.n_nodes > 0 || file.broken;
			if (one == -ENOENT)
				src_kept_drop(&f->kept, file.name);
			forget_file(f, &file);
			continue;
		}
		r = r < 0 ? r : one;
		f->has_links |= file.is_link;
		f->files[kept++] = file;
	}
	f->n = kept;
	return r;
}

int src_folder_scan(struct src_folder *f, bool always, bool *changed, struct fl_err *err)
{
	fl_auto_dir DIR *d = opendir(f->path);
	struct src_reader rd;
	bool too_many = false;
	int r;

	if (!d && fl_is_want(-errno))
		return fl_fail_errno(err, errno, "open the folder");
	if (!d && errno == ENOENT) {
		set_trouble(f, "no such folder: waiting for it", changed);
		return 0;
	}
	if (!d) {
		(void)fl_fail_errno(err, errno, "open the folder");
		set_trouble(f, err->text, changed);
		return 0;
	}
	r = list_files(f, d, &too_many, err);
	set_trouble(f, too_many ? "more than 16384 files: those beyond are not read" : NULL,
		    changed);
	if (r < 0)
		return r;
	rd = reader_of(f, d, always);
	r = refresh_all(f, &rd, changed, err);
	if (r == 0 && !f->listed)
		src_kept_sweep(&f->kept, is_known, f);
	f->listed |= r == 0;
	return r;
}

int src_folder_look(struct src_folder *f, const char *name, bool *changed, struct fl_err *err)
{
	fl_auto_dir DIR *d = opendir(f->path);
	size_t place = place_of(f, f->n, name);
	struct src_reader rd;
	int r = 0;

	if (!d || (!has_file(f, f->n, name) && f->n >= SRC_FILES_MAX))
		return src_folder_scan(f, false, changed, err);
	if (!has_file(f, f->n, name))
		r = add_file(f, place, name, err);
	if (r < 0)
		return r;
	rd = reader_of(f, d, false);
	r = src_file_refresh(&f->files[place], &rd, changed, err);
	if (r == -ENOENT) {
		*changed |= f->files[place].objects.n_nodes > 0 || f->files[place].broken;
		src_kept_drop(&f->kept, name);
		remove_file(f, place);
		return 0;
	}
	f->has_links |= f->files[place].is_link;
	return r;
}

int src_folder_nodes(const struct src_folder *f, struct agent_node **out, size_t *n,
		     struct fl_err *err)
{
	struct agent_cluster all = { 0 };
	size_t total = 0;
	int r = 0;

	for (size_t i = 0; i < f->n; i++)
		total += f->files[i].objects.n_nodes;
	all.nodes = calloc(total + 1, sizeof(*all.nodes));
	if (!all.nodes)
		return fl_fail_errno(err, ENOMEM, "copy %zu nodes", total);
	for (size_t i = 0; i < f->n; i++) {
		const struct src_objects *o = &f->files[i].objects;

		for (size_t k = 0; r == 0 && k < o->n_nodes; k++) {
			r = agent_node_copy(&o->nodes[k], &all.nodes[all.n], err);
			all.n += r == 0;
		}
	}
	if (r < 0) {
		agent_cluster_done(&all);
		return r;
	}
	*out = all.nodes;
	*n = all.n;
	return 0;
}

void src_folder_problems(const struct src_folder *f, agent_complain *each, void *arg)
{
	src_complaints_each(&f->trouble, f->path, each, arg);
	for (size_t i = 0; i < f->n; i++)
		src_complaints_each(&f->files[i].objects.complaints, f->files[i].name, each, arg);
	src_complaints_each(&f->index.clashes, f->path, each, arg);
}

struct src_stats src_folder_stats(const struct src_folder *f)
{
	struct src_stats stats = f->stats;

	stats.files = f->n;
	for (size_t i = 0; i < f->n; i++)
		stats.broken_files += f->files[i].broken;
	stats.namespaces = f->index.n[POL_KIND_NAMESPACE];
	stats.pods = f->index.n[POL_KIND_POD];
	stats.policies = f->index.n[POL_KIND_POLICY];
	return stats;
}
