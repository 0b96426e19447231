// SPDX-License-Identifier: Apache-2.0
/*
 * Building and reading netlink messages: for lib/net's own files only. Attributes go into the
 * message that fl_batch_add() hands out. A put that does not fit, or a lack of memory, is
 * remembered by the batch and reported when it is sent, so that building is a straight line.
 */
#pragma once

#include "net/nl.h"

#include <stddef.h>
#include <sys/socket.h>

#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

/* What stands before the attributes. */
struct fl_hdr {
	uint16_t type, flags; /* NLM_F_REQUEST is implied */
	const void *data;     /* the fixed header after struct nlmsghdr */
	size_t len;
	size_t room; /* bytes for the whole message; 0: FL_MSG_ROOM */
};

/* Enough for every message about one link, address or route; four fit a page. */
#define FL_MSG_ROOM 960

/*
 * Appends a message; what (printf) says what it is to do, for its error: "create veth 'x'".
 * Returns the message for attributes, borrowed until the batch is sent, or NULL when out of
 * memory or above 256 messages: the functions below take that.
 */
struct nl_msg *fl_batch_add(struct fl_batch *b, const struct fl_hdr *hdr, const char *what, ...)
	fl_printf(3, 4);

/* The kernel's answer -error to the message that was added last counts as done; two at most. */
void fl_batch_tolerate(struct fl_batch *b, int error);

/* Notes that a message could not be built; fl_batch_send() will say so. */
void fl_batch_break(struct fl_batch *b);

/* Attributes. A NULL message, and NULL data or text, are passed over. */
void fl_put(struct fl_batch *b, struct nl_msg *m, int type, const void *data, size_t len);
void fl_put_u8(struct fl_batch *b, struct nl_msg *m, int type, uint8_t v);
void fl_put_u32(struct fl_batch *b, struct nl_msg *m, int type, uint32_t v);
void fl_put_be32(struct fl_batch *b, struct nl_msg *m, int type, uint32_t v); /* host order in */
void fl_put_str(struct fl_batch *b, struct nl_msg *m, int type, const char *text);

/* Opens a nest of attributes; NULL when it could not be opened. */
struct nlattr *fl_nest(struct fl_batch *b, struct nl_msg *m, int type);

/* Closes the nest; NULL is passed over. */
void fl_nest_end(struct nl_msg *m, struct nlattr *nest);

/* The socket's address, which the kernel writes on news of what it did; 0: it has none yet. */
uint32_t fl_nl_port(const struct fl_nl *nl);

/*
 * Called for each message of an answer, and with NULL when an interrupted dump starts anew:
 * forget what was seen. A negative return becomes the result, and is the last call.
 */
typedef int fl_nl_each(const struct nlmsghdr *h, void *arg, struct fl_err *err);

/*
 * Sends the batch, whose last message is a question, and hands each answer to each(). Messages
 * before it are changes, as for fl_batch_send(); their errors come first. A dump (NLM_F_DUMP)
 * stands alone; one that was interrupted is tried again, five times in all, then -EAGAIN. The
 * batch is empty afterwards.
 */
fl_must int fl_nl_query(struct fl_nl *nl, struct fl_batch *b, fl_nl_each *each, void *arg,
			struct fl_err *err);

/*
 * As fl_nl_query() for a dump, but never tried again: 1 when it was interrupted, so that its
 * answers may be of several moments.
 */
fl_must int fl_nl_dump_once(struct fl_nl *nl, struct fl_batch *b, fl_nl_each *each, void *arg,
			    struct fl_err *err);

/* The payload as text with its NUL inside, or NULL. */
const char *fl_attr_str(const struct nlattr *a);

/* The payload as a number, or the fallback when it is absent or not of this width. */
uint32_t fl_attr_u32(const struct nlattr *a, uint32_t fallback);
uint8_t fl_attr_u8(const struct nlattr *a, uint8_t fallback);

/*
 * What a dump has collected: items of one size. Callers are called back only when the dump is
 * over, since they may want to use the socket, and an interrupted dump starts anew.
 */
struct fl_list {
	void *items;
	size_t n;
};

/* Appends a copy of the item. */
fl_must int fl_list_add(struct fl_list *l, const void *item, size_t size, struct fl_err *err);

/* Frees the items and empties the list. */
void fl_list_done(struct fl_list *l);
#define fl_auto_list fl_auto(fl_list_done)
