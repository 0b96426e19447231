// SPDX-License-Identifier: Apache-2.0
/* Finding a network's configuration on disk, in libcni's order. */
#include "runtime/net_load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "cni/code.h"

struct names {
	char **v;
	size_t n, size;
};

static void names_done(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		fl_free_p(&names->v[i]);
	fl_free_p(&names->v);
	*names = (struct names){ 0 };
}

static bool has_ext(const char *name, const char *const *exts)
{
	const char *dot = strrchr(name, '.');

	for (; dot && *exts; exts++)
		if (strcmp(dot, *exts) == 0)
			return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int push(struct names *names, const char *name)
{
	if (names->n == names->size) {
		size_t size = names->size * 2 + 8;
		char **v = realloc(names->v, size * sizeof(*v));

		if (!v)
			return -ENOMEM;
		names->v = v;
		names->size = size;
	}
	names->v[names->n] = strdup(name);
	return names->v[names->n] ? (names->n++, 0) : -ENOMEM;
}

/* The files of folder dir with one of these endings, sorted. No folder: no files. */
static int list_files(const char *dir, const char *const *exts, struct names *out,
		      struct fl_err *err)
{
	fl_auto(names_done) struct names names = { 0 };
	fl_auto_dir DIR *d = opendir(dir);
	const struct dirent *e;
	struct stat st;

	if (!d && errno != ENOENT)
		return fl_fail_errno(err, errno, "open folder '%s'", dir);
	while (d && (errno = 0, e = readdir(d))) {
		if (!has_ext(e->d_name, exts))
			continue;
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISDIR(st.st_mode))
			continue;
		if (push(&names, e->d_name) < 0)
			return fl_fail_errno(err, ENOMEM, "list folder '%s'", dir);
	}
	if (d && errno)
		return fl_fail_errno(err, errno, "read folder '%s'", dir);
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	*out = names;
	names = (struct names){ 0 };
	return 0;
}

static int read_conf(const char *path, char **text, size_t *len, struct fl_err *err)
{
	return fl_class(err, fl_read_file(AT_FDCWD, path, BERTH_CONF_MAX, text, len, err),
			FL_CNI_CONFIG);
}

/* Appends dir/<network>/ *.conf, unless the list forbids it, and checks the whole. */
static int complete(struct berth_list *list, const char *dir, struct fl_err *err)
{
	static const char *const exts[] = { ".conf", NULL };
	fl_auto(names_done) struct names names = { 0 };
	char folder[PATH_MAX], path[PATH_MAX];
	int r;

	if (!list->only_inlined && strcmp(list->name, ".") != 0 && !strchr(list->name, '/')) {
		r = fl_format(folder, sizeof(folder), err, "%s/%s", dir, list->name);
		if (r < 0)
			return r;
		r = list_files(folder, exts, &names, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < names.n; i++) {
		fl_auto_free char *text = NULL;
		size_t len = 0;

		r = fl_format(path, sizeof(path), err, "%s/%s", folder, names.v[i]);
		if (r < 0)
			return r;
		r = read_conf(path, &text, &len, err);
		if (r < 0)
			return r;
		r = berth_list_append(list, text, len, err);
		if (r < 0)
			return fl_wrap(err, r, "'%s'", path);
	}
	return berth_list_check(list, err);
}

typedef int (*parse_fn)(const char *text, size_t len, struct berth_list *out, struct fl_err *err);

/* Reads dir/file. Wanted by name: 1 when the file is that network's, else 0. */
static int try_file(const char *dir, const char *file, const char *name, parse_fn parse,
		    struct berth_list *out, struct fl_err *err)
{
	berth_auto_list struct berth_list list = { 0 };
	fl_auto_free char *text = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int r;

	r = fl_format(path, sizeof(path), err, "%s/%s", dir, file);
	if (r < 0)
		return r;
	r = read_conf(path, &text, &len, err);
	if (r < 0)
		return r;
	r = parse(text, len, &list, err);
	if (r < 0)
		return fl_wrap(err, r, "'%s'", path);
	if (name && strcmp(list.name, name) != 0)
		return 0;
	if (parse == berth_list_parse)
		r = complete(&list, dir, err);
	else
		r = berth_list_check(&list, err);
	if (r < 0)
		return fl_wrap(err, r, "'%s'", path);
	*out = list;
	list = (struct berth_list){ 0 };
	return 1;
}

/* A network given as a file: a list is known by its ending or by its "plugins". */
static int load_file(const char *path, struct berth_list *out, struct fl_err *err)
{
	fl_auto_json struct fl_json *tree = NULL;
	fl_auto_free char *text = NULL;
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = 0;
	bool is_list;
	int r;

	r = fl_format(dir, sizeof(dir), err, "%.*s", slash ? (int)(slash - path) : 1,
		      slash ? path : ".");
	if (r < 0)
		return r;
	r = read_conf(path, &text, &len, err);
	if (r < 0)
		return r;
	r = fl_json_parse(text, len, &tree, err);
	if (r < 0)
		return fl_class(err, fl_wrap(err, r, "'%s'", path), FL_CNI_DECODE);
	is_list = has_ext(path, (const char *const[]){ ".conflist", NULL }) ||
		  fl_json_has(tree, "plugins");
	r = try_file(dir, slash ? slash + 1 : path, NULL,
		     is_list ? berth_list_parse : berth_list_parse_single, out, err);
	return r < 0 ? r : 0;
}

static bool is_file(const char *network)
{
	static const char *const exts[] = { ".conflist", ".conf", ".json", NULL };

	return strchr(network, '/') || (has_ext(network, exts) && access(network, F_OK) == 0);
}

int berth_list_load(const char *network, const char *dir, struct berth_list *out,
		    struct fl_err *err)
{
	static const char *const lists[] = { ".conflist", NULL };
	static const char *const singles[] = { ".conf", ".json", NULL };
	static const struct {
		const char *const *exts;
		parse_fn parse;
	} rounds[] = { { lists, berth_list_parse }, { singles, berth_list_parse_single } };
	size_t seen = 0;
	int r;

	if (is_file(network))
		return load_file(network, out, err);
	for (size_t k = 0; k < FL_ARRAY_LEN(rounds); k++) {
		fl_auto(names_done) struct names names = { 0 };

		r = list_files(dir, rounds[k].exts, &names, err);
		if (r < 0)
			return fl_class(err, r, FL_CNI_CONFIG);
		for (size_t i = 0; i < names.n; i++) {
			r = try_file(dir, names.v[i], network, rounds[k].parse, out, err);
			if (r != 0)
				return r < 0 ? r : 0;
		}
		seen += names.n;
	}
	if (seen == 0)
		r = fl_fail(err, ENOENT, "no network configurations in '%s'", dir);
	else
		r = fl_fail(err, ENOENT, "no network '%s' among the %zu files of '%s'", network,
			    seen, dir);
	return fl_class(err, r, FL_CNI_CONFIG);
}
