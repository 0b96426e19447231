// SPDX-License-Identifier: Apache-2.0
/* What is wrong with a source's objects, for as long as it is: a list of places and texts. */
#pragma once

#include "agent/model/node.h"

/* More than these of one file or folder are only counted. */
#define SRC_COMPLAINTS_MAX 64

struct src_complaint {
	char *where, *text; /* owned */
};

struct src_complaints {
	struct src_complaint *list; /* owned */
	size_t n, more;
};

/* Frees the texts and empties the list. */
void src_complaints_done(struct src_complaints *c);

/* Adds one; has the form of agent_complain, arg is a struct src_complaints. Lack of memory: counted
 * only. */
void src_complaints_add(const char *where, const char *text, void *arg);

/* Calls each() for all, and once for those that were only counted; where is of these. */
void src_complaints_each(const struct src_complaints *c, const char *where, agent_complain *each,
			 void *arg);

/* True when both hold the same. */
bool src_complaints_equal(const struct src_complaints *a, const struct src_complaints *b);
