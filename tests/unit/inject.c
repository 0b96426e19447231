// SPDX-License-Identifier: Apache-2.0
/* Failures on cue: see inject.h. Linked with --wrap for each function below. */
#include "inject.h"

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
int __real_openat(int dirfd, const char *path, int flags, mode_t mode);
int __real_fstatat(int dirfd, const char *path, struct stat *out, int flags);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
int __real_fsync(int fd);
int __wrap_openat(int dirfd, const char *path, int flags, mode_t mode);
int __wrap_fstatat(int dirfd, const char *path, struct stat *out, int flags);
int __wrap_fsync(int fd);

static int countdown = -1; /* allocations until the one that fails; -1: none does */
static bool happened;
static bool no_tmpfile;
static int no_stat, no_sync; /* an errno; 0: it works */

static bool fails(void)
{
	if (countdown < 0 || countdown-- > 0)
		return false;
	happened = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

char *__wrap_strndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = __wrap_malloc(len + 1);

	if (copy) {
		memcpy(copy, s, len);
		copy[len] = '\0';
	}
	return copy;
}

char *__wrap_strdup(const char *s)
{
	return __wrap_strndup(s, strlen(s));
}

int __wrap_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	if (no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return __real_openat(dirfd, path, flags, mode);
}

int __wrap_fstatat(int dirfd, const char *path, struct stat *out, int flags)
{
	if (no_stat) {
		errno = no_stat;
		return -1;
	}
	return __real_fstatat(dirfd, path, out, flags);
}

int __wrap_fsync(int fd)
{
	if (no_sync) {
		errno = no_sync;
		return -1;
	}
	return __real_fsync(fd);
}

void inject_fail_nth(int n)
{
	happened = false;
	countdown = n;
}

bool inject_off(void)
{
	countdown = -1;
	return happened;
}

int inject_each(int (*step)(void *arg), void *arg)
{
	for (int n = 0;; n++) {
		int r;

		inject_fail_nth(n);
		r = step(arg);
		if (!inject_off()) {
			CHECK(n > 0);
			return r;
		}
		if (r != -ENOMEM && r != 0)
			fail_msg("allocation %d failed, returned %d", n, r);
	}
}

void inject_no_tmpfile(bool on)
{
	no_tmpfile = on;
}

void inject_no_stat(int number)
{
	no_stat = number;
}

void inject_no_sync(int number)
{
	no_sync = number;
}
