// SPDX-License-Identifier: Apache-2.0
/* For lib/peers' own files only: intervals of addresses of one family. Pure. */
#pragma once

#include "base/ip.h"

#include <stddef.h>

/* Addresses from first to last. */
struct span {
	struct fl_ip first, last;
};

/* The intervals of a set, sorted. */
struct spans {
	struct span *at;
	size_t n, room;
};

/* Frees the intervals. */
void peers_spans_free(struct spans *s);
#define peers_auto_spans fl_auto(peers_spans_free)

/* Appends one; they are not sorted then. */
fl_must int peers_spans_add(struct spans *s, struct span span, struct fl_err *err);

/* Sorts them; those that overlap or touch become one. */
void peers_spans_merge(struct spans *s);

/* Appends to out those of a, sorted, that are not in b, sorted. */
fl_must int peers_spans_subtract(const struct spans *a, const struct spans *b, struct spans *out,
				 struct fl_err *err);

/* The family's last address. */
struct fl_ip peers_greatest(int family);

/* True for the last address of its family. */
bool peers_is_greatest(const struct fl_ip *ip);
