// SPDX-License-Identifier: Apache-2.0
/* Reading and atomic writing of whole files. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"

#define CHUNK	  16384
#define MAX_TRIES 64 /* of a replacement among other writers */

int fl_read_fd(int fd, size_t max, char **out, size_t *len, struct fl_err *err)
{
	fl_auto_free char *buf = NULL;
	size_t used = 0, size = 0;

	for (;;) {
		ssize_t n;

		if (size - used < 2) {
			char *bigger = realloc(buf, size + CHUNK + size / 2);

			if (!bigger)
				return fl_fail_errno(err, ENOMEM, "read %zu bytes", size);
			buf = bigger;
			size += CHUNK + size / 2;
		}
		n = read(fd, buf + used, size - used - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fl_fail_errno(err, errno, "read");
		if (n == 0)
			break;
		used += (size_t)n;
		if (used > max)
			return fl_fail(err, EFBIG, "more than %zu bytes", max);
	}
	buf[used] = '\0';
	*len = used;
	*out = FL_TAKE(buf);
	return 0;
}

int fl_read_file(int dirfd, const char *path, size_t max, char **out, size_t *len,
		 struct fl_err *err)
{
	fl_auto_close int fd = -1;
	int r;

	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fl_fail_errno(err, errno, "open '%s'", path);
	r = fl_read_fd(fd, max, out, len, err);
	return r < 0 ? fl_wrap(err, r, "'%s'", path) : 0;
}

int fl_read_small(int dirfd, const char *path, char *out, size_t size, struct fl_err *err)
{
	fl_auto_close int fd = -1;
	ssize_t n;

	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fl_fail_errno(err, errno, "open '%s'", path);
	n = read(fd, out, size - 1);
	if (n < 0)
		return fl_fail_errno(err, errno, "read '%s'", path);
	while (n > 0 && out[n - 1] == '\n')
		n--;
	out[n] = '\0';
	return 0;
}

int fl_write_all(int fd, const void *data, size_t len, struct fl_err *err)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fl_fail_errno(err, errno, "write");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The folder of a name, "." when it has none. */
static int folder_of(const char *name, char out[PATH_MAX], struct fl_err *err)
{
	const char *slash = strrchr(name, '/');
	int n = slash ? (int)(slash - name) : 1;

	return fl_format(out, PATH_MAX, err, "%.*s%s", n, slash ? name : ".", n ? "" : "/");
}

/* A file in the folder that has no name yet, and the content. -EOPNOTSUPP: not on this file system.
 */
static int open_nameless(int dirfd, const char *folder, const void *data, size_t len, mode_t mode,
			 int *fd, struct fl_err *err)
{
	fl_auto_close int tmp = -1;
	int r;

	tmp = openat(dirfd, folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
	if (tmp < 0 && (errno == EISDIR || errno == EOPNOTSUPP))
		return fl_fail_errno(err, EOPNOTSUPP, "open a nameless file");
	if (tmp < 0)
		return fl_fail_errno(err, errno, "open a nameless file");
	r = fl_write_all(tmp, data, len, err);
	if (r < 0)
		return r;
	*fd = FL_TAKE_FD(tmp);
	return 0;
}

/* A file in the folder under a temporary name, which is written to tmp_name. */
static int open_named(int dirfd, const char *folder, char tmp_name[PATH_MAX], const void *data,
		      size_t len, mode_t mode, struct fl_err *err)
{
	fl_auto_close int fd = -1;
	int r;

	r = fl_format(tmp_name, PATH_MAX, err, "%s/.tmp.%d", folder, getpid());
	if (r < 0)
		return r;
	fd = openat(dirfd, tmp_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return fl_fail_errno(err, errno, "create '%s'", tmp_name);
	r = fl_write_all(fd, data, len, err);
	if (r < 0)
		(void)unlinkat(dirfd, tmp_name, 0);
	return r;
}

/* Gives the nameless file fd a name in dirfd: directly, or by /proc, which is slower. */
static int link_fd(int fd, int dirfd, const char *name)
{
	char self[32];

	if (linkat(fd, "", dirfd, name, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOENT) /* what a caller without the privilege gets */
		return -errno;
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, self, dirfd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int fl_create_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
		   struct fl_err *err)
{
	char folder[PATH_MAX], tmp_name[PATH_MAX];
	fl_auto_close int fd = -1;
	int r;

	r = folder_of(name, folder, err);
	if (r < 0)
		return r;
	r = open_nameless(dirfd, folder, data, len, mode, &fd, err);
	if (r == 0) {
		r = link_fd(fd, dirfd, name);
	} else if (r == -EOPNOTSUPP) {
		r = open_named(dirfd, folder, tmp_name, data, len, mode, err);
		if (r < 0)
			return fl_wrap(err, r, "'%s'", name);
		r = linkat(dirfd, tmp_name, dirfd, name, 0) < 0 ? -errno : 0;
		(void)unlinkat(dirfd, tmp_name, 0);
	} else {
		return fl_wrap(err, r, "'%s'", name);
	}
	return r < 0 ? fl_fail_errno(err, -r, "create '%s'", name) : 0;
}

/*
 * Exchanges name for the nameless file fd. The temporary name is always the same one, so what a
 * kill leaves of it is gone with the next call. -ENOENT: another writer has taken our temporary
 * name away, and a file that has lost its last name cannot get another.
 */
static int exchange(int fd, int dirfd, const char *tmp_name, const char *name)
{
	int r = link_fd(fd, dirfd, tmp_name);

	if (r == -EEXIST) {
		(void)unlinkat(dirfd, tmp_name, 0);
		r = link_fd(fd, dirfd, tmp_name);
	}
	if (r < 0)
		return r == -EEXIST ? -ENOENT : r;
	return renameat(dirfd, tmp_name, dirfd, name) < 0 ? -errno : 0;
}

static int replace_by_nameless(int dirfd, const char *name, const void *data, size_t len,
			       mode_t mode, struct fl_err *err)
{
	char tmp_name[NAME_MAX + 1];
	int r;

	r = fl_format(tmp_name, sizeof(tmp_name), err, ".%s.tmp", name);
	for (int tries = 0; r >= 0 && tries < MAX_TRIES; tries++) {
		fl_auto_close int fd = -1;

		r = open_nameless(dirfd, ".", data, len, mode, &fd, err);
		if (r < 0)
			return r;
		r = link_fd(fd, dirfd, name);
		if (r != -EEXIST)
			return r < 0 ? fl_fail_errno(err, -r, "create") : 0;
		r = exchange(fd, dirfd, tmp_name, name);
		if (r != -ENOENT)
			return r < 0 ? fl_fail_errno(err, -r, "replace") : 0;
		r = 0;
	}
	return r < 0 ? r : fl_fail(err, EBUSY, "too many writers at once");
}

static int replace_by_named(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
			    struct fl_err *err)
{
	char tmp_name[PATH_MAX];
	int r;

	r = open_named(dirfd, ".", tmp_name, data, len, mode, err);
	if (r < 0)
		return r;
	if (renameat(dirfd, tmp_name, dirfd, name) == 0)
		return 0;
	r = fl_fail_errno(err, errno, "replace");
	(void)unlinkat(dirfd, tmp_name, 0);
	return r;
}

int fl_replace_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
		    struct fl_err *err)
{
	int r = replace_by_nameless(dirfd, name, data, len, mode, err);

	if (r == -EOPNOTSUPP)
		r = replace_by_named(dirfd, name, data, len, mode, err);
	return r < 0 ? fl_wrap(err, r, "'%s'", name) : 0;
}

int fl_make_dirs(const char *path, mode_t mode, struct fl_err *err)
{
	char part[PATH_MAX];
	int r;

	r = fl_copy(part, sizeof(part), path, err);
	if (r < 0)
		return r;
	for (char *p = part + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return fl_fail_errno(err, errno, "make directory '%s'", part);
		*p = c;
		if (c == '\0')
			return 0;
	}
}

int fl_open_dir(const char *path, mode_t mode, int *fd, struct fl_err *err)
{
	int r;

	for (int tries = 0;; tries++) {
		int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (dir >= 0) {
			*fd = dir;
			return 0;
		}
		if (errno != ENOENT || tries > 0 || fl_empty(path))
			return fl_fail_errno(err, errno, "open directory '%s'", path);
		r = fl_make_dirs(path, mode, err);
		if (r < 0)
			return r;
	}
}

DIR *fl_dir_entries(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int sys = errno;

	if (!d)
		fl_close_p(&fd);
	errno = sys;
	return d;
}

void fl_closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
	*d = NULL;
}

int fl_write_value(const char *path, const char *value, struct fl_err *err)
{
	fl_auto_close int fd = -1;
	int r;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return fl_fail_errno(err, errno, "open '%s'", path);
	r = fl_write_all(fd, value, strlen(value), err);
	return r < 0 ? fl_wrap(err, r, "'%s' to '%s'", value, path) : 0;
}

bool fl_is_want(int r)
{
	return r == -ENOMEM || r == -EMFILE || r == -ENFILE;
}

void fl_stdio_fill(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	fl_close_p(&fd);
}
