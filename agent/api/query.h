// SPDX-License-Identifier: Apache-2.0
/*
 * What follows the '?' of a request: "after=12&drops=1". Names and values are percent-decoded
 * (RFC 3986; a '+' is a plus sign, not a blank). A name that nobody asked for, one that comes
 * twice, an escape that is none and a NUL are refused, and the error names them. Pure.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define API_QUERY_MAX  8    /* parameters of a request */
#define API_QUERY_SIZE 1024 /* bytes of all of them, as sent */

struct api_query {
	char text[API_QUERY_SIZE + 1]; /* what the rest points into */
	size_t n;
	struct {
		const char *name, *value; /* value "" where there is none */
	} v[API_QUERY_MAX];
};

/*
 * Reads what follows the '?'; NULL counts as "". known: the names that may come, with a NULL at the
 * end, or NULL for none. -EINVAL.
 */
fl_must int api_query_parse(const char *text, const char *const *known, struct api_query *out,
			    struct fl_err *err);

/* The value, borrowed of the query, or NULL when the parameter is absent. */
const char *api_query_get(const struct api_query *q, const char *name);

/* A whole number within [min, max]; absent, *out stays. -EINVAL. */
fl_must int api_query_u64(const struct api_query *q, const char *name, uint64_t min, uint64_t max,
			  uint64_t *out, struct fl_err *err);

/* "1" and "" (the name alone) are true, "0" is false; absent, *out stays. -EINVAL. */
fl_must int api_query_bool(const struct api_query *q, const char *name, bool *out,
			   struct fl_err *err);
