// SPDX-License-Identifier: Apache-2.0
/*
 * A text that grows. Its first failure sticks and everything after it does nothing, so that only
 * the end has to ask. And what BIRD can read between quotes.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>

struct bgp_text {
	char *s; /* owned; NULL: still empty */
	size_t len, size;
	bool failed; /* out of memory */
};

/* Frees it. */
void bgp_text_done(struct bgp_text *t);
#define bgp_auto_text fl_auto(bgp_text_done)

/* Appends. */
void bgp_say(struct bgp_text *t, const char *fmt, ...) fl_printf(2, 3);

/* The whole text, which becomes the caller's; -ENOMEM when anything of it is missing. */
fl_must int bgp_text_take(struct bgp_text *t, char **out, struct fl_err *err);

/*
 * True when BIRD can read this text between quotes: its strings know no escapes, end at a quote,
 * and do not go over a line's end. Control characters are refused with them.
 */
bool bgp_can_say(const char *text);
