// SPDX-License-Identifier: Apache-2.0
/* What stands in the way of a complete topology, each under the name of what it is about. Pure. */
#pragma once

#include "base/err.h"

#include <stddef.h>

struct topo_problem {
	char *where, *text;
	bool of_peer; /* where is a peer's name */
};

struct topo_problems {
	struct topo_problem *items; /* owned */
	size_t n;
};

/* Frees the problems and empties the list. */
void topo_problems_clear(struct topo_problems *p);
#define fl_auto_problems fl_auto(topo_problems_clear)

/* Notes a problem; both texts are copied. Without memory for it, it goes unnoted. */
void topo_problems_add(struct topo_problems *p, bool of_peer, const char *where, const char *text);

/* Forgets what is said of this peer. */
void topo_problems_forget(struct topo_problems *p, const char *peer);

/* What is said of this peer, borrowed, or NULL. */
const char *topo_problems_of(const struct topo_problems *p, const char *peer);

/* True when something is said of anything but a peer. */
bool topo_problems_general(const struct topo_problems *p);
