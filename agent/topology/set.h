// SPDX-License-Identifier: Apache-2.0
/* The nodes of a cluster as topology remembers them: this one, and its peers. Pure. */
#pragma once

#include "agent/model/node.h"

struct topo_set {
	struct fl_peer self;   /* name NULL: unknown */
	struct fl_peer *peers; /* the others, sorted by name; owned, as are all names */
	size_t n;
	char *names;
};

/* Frees the set and empties it. */
void topo_set_done(struct topo_set *s);
#define fl_auto_set fl_auto(topo_set_done)

/* Copies what topology needs of the nodes. -ENOENT: none of them is called self. */
fl_must int topo_set_make(const struct agent_cluster *nodes, const char *self, struct topo_set *out,
			  struct fl_err *err);

/* True when both have the same addresses, MAC and blocks. */
bool topo_peer_equal(const struct fl_peer *a, const struct fl_peer *b);

/* How one set differs from another: peers in whole, as they were and as they will be. */
struct topo_delta {
	struct fl_peer *gone, *come; /* owned; names borrowed from the sets */
	size_t n_gone, n_come;
	bool blocks; /* some block came or went */
};

/* Frees the lists. */
void topo_delta_done(struct topo_delta *d);
#define fl_auto_delta fl_auto(topo_delta_done)

/*
 * Compares the peers of two sets. A MAC address that is given may be that of several peers, whose
 * entries then are not each peer's own: where one is among what differs, all peers count as such.
 */
fl_must int topo_delta_make(const struct topo_set *old, const struct topo_set *new,
			    struct topo_delta *out, struct fl_err *err);

/* All blocks of the set and the n more; *out is the caller's. */
fl_must int topo_set_blocks(const struct topo_set *s, const struct fl_prefix *more, size_t n_more,
			    struct fl_prefix **out, size_t *n, struct fl_err *err);
