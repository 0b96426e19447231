// SPDX-License-Identifier: Apache-2.0
/* Listening to what happens in the kernel's networking, so that nobody has to poll. */
#pragma once

#include "net/nl.h"

struct fl_watch; /* a subscription */

/* What to hear of; a set of them. */
enum {
	FL_WATCH_LINKS = 1 << 0,
	FL_WATCH_ADDRS = 1 << 1,
	FL_WATCH_ROUTES = 1 << 2,
	FL_WATCH_NEIGHS = 1 << 3,  /* forwarding entries too */
	FL_WATCH_NFT = 1 << 4,	   /* nf_tables' tables of one name: fl_watch_open_nft() */
	FL_WATCH_TC = 1 << 5,	   /* removal of a link's clsact qdisc, or of a filter */
	FL_WATCH_XFRM = 1 << 6,	   /* policies of IPsec: fl_watch_open_xfrm() */
	FL_WATCH_QUEUES = 1 << 7,  /* queueing disciplines and filters, come, changed or gone */
	FL_WATCH_PODWAYS = 1 << 8, /* removal of a route to a single pod (FL_ROUTE_BY_POD) */
};

/* Subscribes in the caller's namespace; *out is the caller's. */
fl_must int fl_watch_open(unsigned int what, struct fl_watch **out, struct fl_err *err);

/*
 * Subscribes to what is done to tables of this name, whatever their family; it is borrowed for
 * life. -EPROTONOSUPPORT: the kernel has no netfilter.
 */
fl_must int fl_watch_open_nft(const char *table, struct fl_watch **out, struct fl_err *err);

/* Subscribes to what is done to IPsec's policies. -EPROTONOSUPPORT: the kernel has no IPsec. */
fl_must int fl_watch_open_xfrm(struct fl_watch **out, struct fl_err *err);

/* Links for whose names passed_over() is true are no news from now on: pods', of which many come
 * and go. */
void fl_watch_pass_over(struct fl_watch *w, bool (*passed_over)(const char *ifname));

/*
 * Neighbours, forwarding entries and FL_WATCH_QUEUES are news only of this link from now on; 0: of
 * all.
 */
void fl_watch_only_of(struct fl_watch *w, uint32_t link);

/* Ends the subscription. */
void fl_watch_close(struct fl_watch **w);
#define fl_auto_watch fl_auto(fl_watch_close)

/*
 * Returns 0 when something may have happened since the last call; what, the caller looks up.
 * -ETIMEDOUT after timeout_ms.
 */
fl_must int fl_watch_wait(struct fl_watch *w, int timeout_ms, struct fl_err *err);

/* The descriptor, readable when something has happened; borrowed, for an event loop. */
int fl_watch_fd(const struct fl_watch *w);

/*
 * Takes what has come, without waiting. *what is the set of FL_WATCH_... of which something may
 * have changed by others than by's socket (NULL: by anybody): 0 when nothing; all when
 * messages were lost. Of FL_WATCH_ROUTES are neither those to single pods nor those of the local
 * table, which follow the addresses; neighbours that the kernel learns do not count. Of forwarding
 * entries, and partly of links and addresses, the kernel does not say who changed them: by's own
 * changes count too.
 */
fl_must int fl_watch_take(struct fl_watch *w, const struct fl_nl *by, unsigned int *what,
			  struct fl_err *err);
