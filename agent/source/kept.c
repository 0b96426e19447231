// SPDX-License-Identifier: Apache-2.0
/*
 * The copies are files of a folder of the agent's own, each replaced by rename, and on the disk
 * before that: what a power cut leaves of a copy would read as a file that says less, or nothing.
 */
#include "agent/source/kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "yaml/yaml.h"

#define NEW_NAME ".new" /* no manifest's: those begin with no point */

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

/* To the disk under another name, which nobody else uses. A sweep removes what a kill leaves. */
static int replace(const struct src_kept *k, const char *name, const char *text, size_t len,
		   struct fl_err *err)
{
	fl_auto_close int fd = -1;
	int r;

	fd = openat(k->dir, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return fl_fail_errno(err, errno, "create a copy");
	r = fl_write_all(fd, text, len, err);
	if (r == 0 && fsync(fd) < 0)
		r = fl_fail_errno(err, errno, "bring a copy to the disk");
	if (r == 0 && renameat(k->dir, NEW_NAME, k->dir, name) < 0)
		r = fl_fail_errno(err, errno, "replace a copy");
	if (r < 0)
		(void)unlinkat(k->dir, NEW_NAME, 0);
	return r;
}

void src_kept_write(const struct src_kept *k, const char *name, const char *text, size_t len)
{
	struct fl_err err;

	if (k->dir < 0 || says(k, name, text, len))
		return;
	if (replace(k, name, text, len, &err) < 0)
		fl_warn("manifest '%s' cannot be kept: %s", name, err.text);
}

void src_kept_drop(const struct src_kept *k, const char *name)
{
	if (k->dir >= 0 && unlinkat(k->dir, name, 0) < 0 && errno != ENOENT)
		fl_warn("remove what is kept of manifest '%s': %s", name, strerror(errno));
}

void src_kept_sweep(const struct src_kept *k, bool (*has)(const char *name, const void *arg),
		    const void *arg)
{
	fl_auto_dir DIR *d = k->dir < 0 ? NULL : fl_dir_entries(k->dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_type == DT_REG && !has(e->d_name, arg))
			src_kept_drop(k, e->d_name);
}
