// SPDX-License-Identifier: Apache-2.0
/*
 * Text: checked formatting into fixed buffers, numbers from text, and the few
 * predicates every layer needs. Nothing here allocates.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>
#include <string.h>

/* True when both are the same text; NULL equals only NULL. */
bool fl_streq(const char *a, const char *b);

/* True for NULL and for "". */
static inline bool fl_empty(const char *s)
{
	return !s || !*s;
}

/* Formats into out. -ENAMETOOLONG when the text does not fit; out is then "". */
fl_must int fl_format(char *out, size_t size, struct fl_err *err, const char *fmt, ...)
	fl_printf(4, 5);

/* Copies src into out. -ENAMETOOLONG when it does not fit; out is then unchanged. */
fl_must int fl_copy(char *out, size_t size, const char *src, struct fl_err *err);

/* A whole decimal number within [min, max]; no sign, no blanks. -EINVAL names the text. */
fl_must int fl_parse_u32(const char *text, uint32_t min, uint32_t max, uint32_t *out,
			 struct fl_err *err);

/*
 * A name as Kubernetes gives it to nodes (RFC 1123 subdomain): at most 253 bytes, labels
 * of lower-case letters, digits and, inside, '-', joined by '.'. -EINVAL names it.
 */
fl_must int fl_check_subdomain(const char *name, struct fl_err *err);

#define FL_MAC_LEN 6
#define FL_MAC_STR 18

/* Six hexadecimal octets separated by ':' or by '-'. -EINVAL names the text. */
fl_must int fl_mac_parse(const char *text, uint8_t out[FL_MAC_LEN], struct fl_err *err);

/* Lower case, separated by ':'. */
void fl_mac_format(const uint8_t mac[FL_MAC_LEN], char out[FL_MAC_STR]);

#define FL_MISSPELT_MAX 3 /* letters; so many and more are another word */

/*
 * True when the word may be the candidate misspelt, by fewer letters put in, left out or exchanged
 * than *least, which becomes their number. Case alone is nothing.
 */
bool fl_is_misspelt(const char *word, const char *candidate, size_t *least);
