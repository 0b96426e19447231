// SPDX-License-Identifier: Apache-2.0
/*
 * Compiled only when the plugins are linked with musl: the checked variants of a few functions
 * of the C library, which Debian's libjansson.a and libnl-3.a call because they were compiled
 * for glibc, and which musl lacks. The check itself, of a size known to the compiler against
 * the one given, stays: a violation ends the program. And open(), which in musl costs a second
 * system call for the sake of kernels without O_CLOEXEC.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int __snprintf_chk(char *out, size_t size, int flag, size_t room, const char *fmt, ...);
int __vsnprintf_chk(char *out, size_t size, int flag, size_t room, const char *fmt, va_list ap);
int __fprintf_chk(FILE *f, int flag, const char *fmt, ...);
int __vfprintf_chk(FILE *f, int flag, const char *fmt, va_list ap);
int __vasprintf_chk(char **out, int flag, const char *fmt, va_list ap);
char *__strncpy_chk(char *out, const char *in, size_t size, size_t room);

/* Formats that are not literals are what these functions are for. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static void check(size_t size, size_t room)
{
	if (size > room)
		abort();
}

int __vsnprintf_chk(char *out, size_t size, int flag, size_t room, const char *fmt, va_list ap)
{
	(void)flag;
	check(size, room);
	return vsnprintf(out, size, fmt, ap);
}

int __snprintf_chk(char *out, size_t size, int flag, size_t room, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = __vsnprintf_chk(out, size, flag, room, fmt, ap);
	va_end(ap);
	return r;
}

int __vfprintf_chk(FILE *f, int flag, const char *fmt, va_list ap)
{
	(void)flag;
	return vfprintf(f, fmt, ap);
}

int __fprintf_chk(FILE *f, int flag, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = __vfprintf_chk(f, flag, fmt, ap);
	va_end(ap);
	return r;
}

int __vasprintf_chk(char **out, int flag, const char *fmt, va_list ap)
{
	(void)flag;
	return vasprintf(out, fmt, ap);
}

char *__strncpy_chk(char *out, const char *in, size_t size, size_t room)
{
	check(size, room);
	return strncpy(out, in, size);
}

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return openat(AT_FDCWD, path, flags, mode);
}
