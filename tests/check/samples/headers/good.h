// SPDX-License-Identifier: Apache-2.0
/* Explains everything. */
#pragma once

#include <stddef.h>

struct box {
	int (*call)(size_t n);
};

/* One comment for a group. */
int box_open(const char *name, size_t n,
	     struct box *out);
void box_close(struct box *b);
#define auto_box __attribute__((cleanup(box_close)))

/*
 * A longer one.
 */
static inline size_t box_size(const struct box *b)
{
	return sizeof(*b);
}
