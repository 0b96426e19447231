// SPDX-License-Identifier: Apache-2.0
/* The text builder. */
#include "agent/bgp/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void bgp_text_done(struct bgp_text *t)
{
	fl_free_p(&t->s);
	*t = (struct bgp_text){ 0 };
}

/* Room for n more bytes and a NUL. */
static bool make_room(struct bgp_text *t, size_t n)
{
	size_t size = t->size ? t->size : 1024;
	char *s;

	while (size - t->len <= n)
		size *= 2;
	if (size == t->size)
		return true;
	s = realloc(t->s, size);
	if (!s)
		return false;
	t->s = s;
	t->size = size;
	return true;
}

void bgp_say(struct bgp_text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (t->failed || n < 0 || !make_room(t, (size_t)n)) {
		t->failed = true;
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(t->s + t->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	t->len += (size_t)n;
}

int bgp_text_take(struct bgp_text *t, char **out, struct fl_err *err)
{
	if (t->failed || !make_room(t, 0))
		return fl_fail_errno(err, ENOMEM, "write bird's configuration");
	t->s[t->len] = '\0';
	*out = FL_TAKE(t->s);
	bgp_text_done(t);
	return 0;
}

bool bgp_can_say(const char *text)
{
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == '"')
			return false;
	}
	return true;
}
