// SPDX-License-Identifier: Apache-2.0
/* What the nf_tables files of lib/net share: a message begun for a table. */
#pragma once

#include "net/msg.h"
#include "net/nft.h"

/*
 * Appends a message of NFT_MSG_type with the table's family and the flags; its attribute
 * name_attr, the first of every kind of message, holds the table's name. what: as for
 * fl_batch_add().
 */
struct nl_msg *fl_nft_msg(struct fl_batch *b, int type, uint16_t flags,
			  const struct fl_nft_table *t, const char *what);

/* NFNL_SUBSYS_NFTABLES and the type, as it stands in a message's header. */
uint16_t fl_nft_msg_type(int type);

/* The attributes of an answer, after its fixed header. */
fl_must int fl_nft_parse(const struct nlmsghdr *h, struct nlattr **tb, int max, struct fl_err *err);

/* Appends a comment as the nft tool keeps it in user data; "" is passed over. */
void fl_nft_comment_put(struct fl_batch *b, struct nl_msg *m, int attr, const char *text);
