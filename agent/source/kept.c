// SPDX-License-Identifier: Apache-2.0
/* The copies are files of a folder of the agent's own, each replaced by rename. */
#include "agent/source/kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "yaml/yaml.h"

int src_kept_open(const char *path, struct src_kept *out, struct fl_err *err)
{
	return fl_open_dir(path, 0700, &out->dir, err);
}

void src_kept_close(struct src_kept *k)
{
	fl_close_p(&k->dir);
}

int src_kept_read(const struct src_kept *k, const char *name, char **text, size_t *len,
		  struct fl_err *err)
{
	return fl_read_file(k->dir, name, FL_YAML_FILE_MAX, text, len, err);
}

static bool says(const struct src_kept *k, const char *name, const char *text, size_t len)
{
	fl_auto_free char *have = NULL;
	struct fl_err ignored;
	size_t n = 0;

	return src_kept_read(k, name, &have, &n, &ignored) == 0 && n == len &&
	       memcmp(have, text, len) == 0;
}

void src_kept_write(const struct src_kept *k, const char *name, const char *text, size_t len)
{
	struct fl_err err;

	if (k->dir < 0 || says(k, name, text, len))
		return;
	if (fl_replace_file(k->dir, name, text, len, 0600, &err) < 0)
		fl_warn("manifest '%s' cannot be kept: %s", name, err.text);
}

void src_kept_drop(const struct src_kept *k, const char *name)
{
	if (k->dir >= 0 && unlinkat(k->dir, name, 0) < 0 && errno != ENOENT)
		fl_warn("remove what is kept of manifest '%s': %s", name, strerror(errno));
}

static void close_folder(DIR **d)
{
	if (*d)
		closedir(*d);
}

void src_kept_sweep(const struct src_kept *k, bool (*has)(const char *name, const void *arg),
		    const void *arg)
{
	int copy = k->dir < 0 ? -1 : openat(k->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fl_auto(close_folder) DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;

	if (!d)
		fl_close_p(&copy);
	while (d && (e = readdir(d)))
		if (e->d_type == DT_REG && !has(e->d_name, arg))
			src_kept_drop(k, e->d_name);
}
