// SPDX-License-Identifier: Apache-2.0
/* Making, wrapping and classifying the error value. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fl_fail(struct fl_err *err, int sys, const char *fmt, ...)
{
	va_list ap;

	err->code = 0;
	err->sys = sys;
	err->in = NULL;
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -sys;
}

int fl_fail_errno(struct fl_err *err, int sys, const char *fmt, ...)
{
	size_t used;
	va_list ap;

	err->code = 0;
	err->sys = sys;
	err->in = NULL;
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	(void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(sys));
	return -sys;
}

int fl_wrap(struct fl_err *err, int r, const char *fmt, ...)
{
	char inner[sizeof(err->text)];
	size_t used;
	va_list ap;

	memcpy(inner, err->text, sizeof(inner));
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	(void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", inner);
	return r;
}

int fl_class(struct fl_err *err, int r, int code)
{
	if (err->code == 0)
		err->code = code;
	return r;
}
