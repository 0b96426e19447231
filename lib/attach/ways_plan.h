// SPDX-License-Identifier: Apache-2.0
/* What making the ways of a network and checking them have in common: for ways*.c only. */
#pragma once

#include "attach/ways.h"
#include "peers/outside.h"

#define FL_WAYS_TABLE_SIZE 256 /* of a table's name, with its NUL */

/* A set of blocks, which must be sorted to be searched. */
struct fl_blocks {
	struct fl_prefix *list;
	size_t n, room;
};

/* Frees what is held. */
void fl_blocks_done(struct fl_blocks *b);
#define fl_auto_blocks fl_auto(fl_blocks_done)

/* <0, 0, >0: the order of a sorted set. */
int fl_blocks_cmp(const void *a, const void *b);

/* Appends a block, which may spoil the order. */
fl_must int fl_blocks_add(struct fl_blocks *b, const struct fl_prefix *one, struct fl_err *err);

/* True when the sorted set has the block. */
bool fl_blocks_have(const struct fl_blocks *b, const struct fl_prefix *one);

/* This node's blocks and the peers', sorted; routed: only those that get a route. */
fl_must int fl_ways_blocks(const struct fl_routed *r, bool routed, struct fl_blocks *out,
			   struct fl_err *err);

/*
 * What the kernel should hold; *out is the caller's. A peer that cannot be reached is an error:
 * the configuration names it.
 */
fl_must int fl_ways_plan(struct fl_routed *r, struct fl_peers_plan **out, struct fl_err *err);

/* The name of the network's table in the firewall. */
fl_must int fl_ways_table(const struct fl_routed *r, char out[FL_WAYS_TABLE_SIZE],
			  struct fl_err *err);

/* What that table is to hold; borrows from table and all, and all is the caller's. */
fl_must int fl_ways_outside(const struct fl_routed *r, char table[FL_WAYS_TABLE_SIZE],
			    struct fl_blocks *all, struct fl_outside *out, struct fl_err *err);
