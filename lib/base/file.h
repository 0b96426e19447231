// SPDX-License-Identifier: Apache-2.0
/*
 * Whole files: read with a limit, written so that a reader sees the old content or the new,
 * never half of it. Where the file system knows O_TMPFILE, a kill leaves no temporary name
 * behind a creation, and at most ".NAME.tmp" behind a replacement, which the next one removes;
 * elsewhere ".tmp.PID". Nothing is fsynced: what is written here is worth nothing
 * after a crash of the machine.
 */
#pragma once

#include "base/err.h"

#include <dirent.h>
#include <sys/types.h>

/*
 * Reads fd to its end into *out, NUL-terminated, *len without the NUL; the caller frees.
 * -EFBIG: more than max bytes.
 */
fl_must int fl_read_fd(int fd, size_t max, char **out, size_t *len, struct fl_err *err);

/* As fl_read_fd() for the file at path below dirfd (or AT_FDCWD). -ENOENT: no such file. */
fl_must int fl_read_file(int dirfd, const char *path, size_t max, char **out, size_t *len,
			 struct fl_err *err);

/*
 * Reads a short file such as those of /proc into out, cut at size - 1, trailing newlines
 * removed. No allocation.
 */
fl_must int fl_read_small(int dirfd, const char *path, char *out, size_t size, struct fl_err *err);

/* Writes all of data, going on after short writes and EINTR. */
fl_must int fl_write_all(int fd, const void *data, size_t len, struct fl_err *err);

/*
 * Creates name (which may be a path) below dirfd with this content, atomically: -EEXIST when the
 * name exists, and then nothing has changed. -ENOENT: its folder does not exist.
 */
fl_must int fl_create_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
			   struct fl_err *err);

/*
 * Creates or replaces name in dirfd, atomically. -ENAMETOOLONG: no room for the five bytes that
 * a temporary name has more.
 */
fl_must int fl_replace_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
			    struct fl_err *err);

/* Makes the directory and its missing parents, each with mode. */
fl_must int fl_make_dirs(const char *path, mode_t mode, struct fl_err *err);

/* Makes the directory and its missing parents (each with mode) and opens it; *fd is the caller's.
 */
fl_must int fl_open_dir(const char *path, mode_t mode, int *fd, struct fl_err *err);

/*
 * The entries of the folder that dirfd is open on, from the first one, without moving dirfd's own
 * position; the caller closes. NULL: errno says why.
 */
DIR *fl_dir_entries(int dirfd);

/* Closes *d unless it is NULL, and sets it to NULL. */
void fl_closedir_p(DIR **d);
#define fl_auto_dir fl_auto(fl_closedir_p)

/* Writes a value to an existing file (a sysctl): no creation, no truncation. */
fl_must int fl_write_value(const char *path, const char *value, struct fl_err *err);

/* Whether an error says nothing of the file: there was no memory, or no descriptor. */
bool fl_is_want(int r);

/* Opens /dev/null as those of standard input, output and error that are closed: a lock or a socket
 * would else get the number, and be read or written. */
void fl_stdio_fill(void);
