// SPDX-License-Identifier: Apache-2.0
/*
 * One netlink socket: open in a namespace, send a batch, dump.
 * A socket belongs for life to the namespace it was opened in, so a caller that works on two
 * namespaces holds two sockets and never calls setns() itself. The kernel answers requests
 * while they are sent, so nothing here waits. Errors carry the kernel's own sentence where it
 * gives one. What only lib/net's own files use is in msg.h.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct fl_nl;	 /* a socket */
struct fl_batch; /* messages that go out together */

enum fl_nl_proto { FL_NL_ROUTE, FL_NL_NETFILTER, FL_NL_XFRM };

/* Opens a socket in the caller's namespace. *out is the caller's. */
fl_must int fl_nl_open(enum fl_nl_proto proto, struct fl_nl **out, struct fl_err *err);

/* Opens the namespace that the socket belongs to, for who may (CAP_NET_ADMIN). -errno. */
fl_must int fl_nl_netns(const struct fl_nl *nl);

/* Closes the socket. */
void fl_nl_close(struct fl_nl **nl);
#define fl_auto_nl fl_auto(fl_nl_close)

/* Whether there is a link of this name, without waiting for who changes links; true if unknown. */
bool fl_nl_has_link(const struct fl_nl *nl, const char *name);

/* Messages of routing: if all of them are refused, their errors still find room. */
#define FL_BATCH_MAX 64

/* A new, empty batch. Verbs named fl_X_put() append to it and change nothing yet. */
fl_must int fl_batch_new(struct fl_batch **out, struct fl_err *err);

/* Frees the batch and its messages. */
void fl_batch_free(struct fl_batch **b);
#define fl_auto_batch fl_auto(fl_batch_free)

/*
 * Sends all messages in one call and reads the answers; the batch is empty afterwards.
 * Routing messages are carried out one by one: after an error, later ones may have been
 * carried out as well. Netfilter messages are one transaction: all or nothing. The error is
 * that of the first message that failed, and names what it was to do. An empty batch is done
 * at once.
 */
fl_must int fl_batch_send(struct fl_nl *nl, struct fl_batch *b, struct fl_err *err);

/* How many more messages the batch takes; who has many sends when it is 0. */
size_t fl_batch_room(const struct fl_batch *b);

/*
 * Says what it means that message index (from 0) of a batch was refused: 0 counts it as done; what
 * is negative is an error, and the batch's when it is the first. why: the kernel's.
 */
typedef int fl_batch_judge(size_t index, void *arg, struct fl_err *why);

/* As fl_batch_send() on a routing socket, with a say in what a refusal means. */
fl_must int fl_batch_send_judged(struct fl_nl *nl, struct fl_batch *b, fl_batch_judge *judge,
				 void *arg, struct fl_err *err);
