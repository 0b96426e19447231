// SPDX-License-Identifier: Apache-2.0
/* The file that says what is full. */
#include "state/full.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#define FOLDER "run/fairlead"
#define NAME   "full"

int fl_full_write(const char *root, const char *text, struct fl_err *err)
{
	fl_auto_close int dir = -1;
	char path[PATH_MAX];
	int r = fl_format(path, sizeof(path), err, "%s/" FOLDER, root);

	r = r ?: fl_open_dir(path, 0755, &dir, err);
	if (r < 0)
		return r;
	if (*text)
		return fl_replace_file(dir, NAME, text, strnlen(text, FL_FULL_SIZE - 1), 0644, err);
	if (unlinkat(dir, NAME, 0) < 0 && errno != ENOENT)
		return fl_fail_errno(err, errno, "remove '%s/" NAME "'", path);
	return 0;
}

int fl_full_read(const char *root, char out[FL_FULL_SIZE], struct fl_err *err)
{
	char path[PATH_MAX];
	int r = fl_format(path, sizeof(path), err, "%s/" FOLDER "/" NAME, root);

	r = r ?: fl_read_small(AT_FDCWD, path, out, FL_FULL_SIZE, err);
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}
