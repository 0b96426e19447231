// SPDX-License-Identifier: Apache-2.0
/* Waiting for the host's end of a pair to pass packets. */
#include <errno.h>

#include "attach/pair.h"
#include "net/watch.h"

static bool passes(const struct fl_link *link)
{
	return link->up && link->carrier && (link->master == 0 || link->bridging);
}

int fl_pair_wait(struct fl_nl *host, const char *name, const struct fl_deadline *deadline,
		 struct fl_err *err)
{
	fl_auto_watch struct fl_watch *watch = NULL;
	struct fl_link link = { 0 };
	int r;

	r = fl_link_get(host, name, &link, err);
	/* Seldom: the kernel's own worker was not yet there. Listen first, then look again. */
	while (r == 0 && !passes(&link)) {
		if (!watch)
			r = fl_watch_links(&watch, err);
		else
			r = fl_watch_wait(watch, fl_deadline_left(deadline), err);
		if (r == 0)
			r = fl_link_get(host, name, &link, err);
	}
	return r < 0 ? fl_wrap(err, r, "wait for '%s' to pass packets", name) : 0;
}
