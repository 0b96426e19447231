// SPDX-License-Identifier: Apache-2.0
/* Printing the error document without allocating. */
#include "cni/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "cni/code.h"

_Static_assert(FL_CNI_ERROR_MAX >= 6 * sizeof(((struct fl_err *)0)->text) + 512,
	       "the longest text fits when each of its bytes is escaped");

/* Appends text as the inside of a JSON string. */
static size_t put_escaped(char *out, const char *text)
{
	size_t n = 0, step;

	for (; *text; text += step) {
		step = fl_utf8_step(text);
		if (step == 0) {
			step = 1;
			n += (size_t)sprintf(out + n, "\\ufffd");
		} else if ((unsigned char)*text < 0x20 || *text == 0x7f) {
			n += (size_t)sprintf(out + n, "\\u%04x", *text);
		} else if (*text == '"' || *text == '\\') {
			n += (size_t)sprintf(out + n, "\\%c", *text);
		} else {
			memcpy(out + n, text, step);
			n += step;
		}
	}
	return n;
}

static size_t put_member(char *out, const char *key, const char *text)
{
	size_t n = (size_t)sprintf(out, ",\"%s\":\"", key);

	n += put_escaped(out + n, text);
	out[n++] = '"';
	return n;
}

static int code_of(const struct fl_err *err)
{
	if (err->code)
		return err->code;
	return err->sys == ETIMEDOUT ? FL_CNI_TRY_LATER : FL_CNI_INTERNAL;
}

size_t fl_cni_error_print(enum fl_cni_version version, const struct fl_err *err,
			  char out[FL_CNI_ERROR_MAX])
{
	int code = code_of(err);
	size_t n;

	n = (size_t)sprintf(out, "{\"cniVersion\":\"%s\",\"code\":%d", fl_cni_version_text(version),
			    code);
	if (code == FL_CNI_FIELD || code == FL_CNI_ENV) {
		n += put_member(out + n, "msg", err->text);
	} else {
		n += put_member(out + n, "msg", fl_cni_code_phrase(code));
		n += put_member(out + n, "details", err->text);
	}
	memcpy(out + n, "}\n", 3);
	return n + 2;
}
