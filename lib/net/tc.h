// SPDX-License-Identifier: Apache-2.0
/*
 * eBPF filters of tc: in blocks that many links share, and on single links. A link joins a pair of
 * blocks by its clsact qdisc, in one message and without a grace period of the kernel's; from then
 * on whatever it receives passes the first block's filter, and whatever it sends the second's. A
 * block comes into being with its first link and goes with its last.
 */
#pragma once

#include "net/nl.h"

struct fl_blocks {
	uint32_t ingress, egress; /* numbers, not 0; what the link receives, and sends */
};

/* A filter as it stands at our place in a block: priority 1, handle 1, every protocol. */
struct fl_filter {
	uint32_t prog_id; /* of the kernel's */
	char name[64];	  /* as given; cut */
};

/* A link that passes nothing, down: to keep blocks alive while nobody else uses them. */
void fl_tc_put_anchor(struct fl_batch *b, const char *name);

/* Makes the link join the blocks. -EEXIST: it has a clsact (or ingress) qdisc already. */
void fl_tc_put_blocks(struct fl_batch *b, uint32_t link, const struct fl_blocks *blocks);

/* The blocks that the link has joined; 0 for one that it has not. -ENOENT: it has no clsact qdisc.
 */
fl_must int fl_tc_get_blocks(struct fl_nl *nl, uint32_t link, struct fl_blocks *out,
			     struct fl_err *err);

/* Calls each() for every link that has a clsact or ingress qdisc, with the blocks as above. */
fl_must int fl_tc_list_blocks(struct fl_nl *nl,
			      int (*each)(uint32_t link, const struct fl_blocks *blocks, void *arg,
					  struct fl_err *err),
			      void *arg, struct fl_err *err);

/*
 * Makes the program the filter at our place, in place of the one that is there: no packet passes
 * between the two. The program says itself what becomes of a packet (direct action).
 */
void fl_tc_put_filter(struct fl_batch *b, uint32_t block, int prog_fd, const char *name);

/* Removes the filter at our place; none there, or no such block, counts as removed. */
void fl_tc_put_filter_del(struct fl_batch *b, uint32_t block);

/*
 * The filter at our place. *others: how many filters the block has elsewhere. -ENOENT: none at our
 * place, or no such block; *others is set then too.
 */
fl_must int fl_tc_get_filter(struct fl_nl *nl, uint32_t block, struct fl_filter *out,
			     unsigned int *others, struct fl_err *err);

/* One way of a single link: what it receives, or what it sends. */
struct fl_tc_side {
	uint32_t link;
	bool egress;
};

/*
 * Our place on a link, where others may have filters as well: every protocol, and early, since a
 * program of ours lets go on to theirs what it has nothing to do with.
 */
enum { FL_TC_PRIORITY = 7, FL_TC_HANDLE = 0xfa };

/*
 * Gives the link a clsact qdisc of its own. -EEXIST: it has one, or an ingress qdisc. One that is
 * up sends nothing for a moment, and loses what it was to send (dev_deactivate()).
 */
void fl_tc_put_clsact(struct fl_batch *b, uint32_t link);

/*
 * Whether it has a clsact qdisc of its own. -EEXIST: an ingress qdisc stands in its place, or its
 * filters are in blocks that it shares with other links.
 */
fl_must int fl_tc_get_clsact(struct fl_nl *nl, uint32_t link, bool *has, struct fl_err *err);

/* As fl_tc_put_filter(), for our place on one way of a link. */
void fl_tc_put_side_filter(struct fl_batch *b, const struct fl_tc_side *side, int prog_fd,
			   const char *name);

/* Removes the filter at our place; none there counts as removed. */
void fl_tc_put_side_filter_del(struct fl_batch *b, const struct fl_tc_side *side);

/* -ENOENT: none at our place, or no qdisc for it; *others is set then too. */
fl_must int fl_tc_get_side_filter(struct fl_nl *nl, const struct fl_tc_side *side,
				  struct fl_filter *out, unsigned int *others, struct fl_err *err);
