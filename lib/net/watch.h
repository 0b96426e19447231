// SPDX-License-Identifier: Apache-2.0
/* Listening to what happens to links, so that nobody has to poll. */
#pragma once

#include "net/nl.h"

struct fl_watch; /* a subscription */

/* Subscribes to changes of links in the caller's namespace; *out is the caller's. */
fl_must int fl_watch_links(struct fl_watch **out, struct fl_err *err);

/* Ends the subscription. */
void fl_watch_close(struct fl_watch **w);
#define fl_auto_watch fl_auto(fl_watch_close)

/*
 * Returns 0 when something may have happened since the last call; what, the caller looks up.
 * -ETIMEDOUT after timeout_ms.
 */
fl_must int fl_watch_wait(struct fl_watch *w, int timeout_ms, struct fl_err *err);
