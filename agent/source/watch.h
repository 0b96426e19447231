// SPDX-License-Identifier: Apache-2.0
/*
 * Watches a folder by its path (inotify): the folder, and every folder and link on the way to it,
 * so that it may be created, replaced or switched over later. Says what to look at, not what
 * happened.
 */
#pragma once

#include <limits.h>

#include "base/err.h"

#define SRC_NEWS_MAX 64 /* names; more are all */

/* What to look at. */
struct src_news {
	bool all;   /* everything */
	bool other; /* something that is no manifest itself; a link may lead to it */
	size_t n;   /* manifests with these names */
	char (*names)[NAME_MAX + 1]; /* room for SRC_NEWS_MAX; the watch's */
};

struct src_watch;

/* Begins; a folder that is not there is waited for. *out is the caller's. */
fl_must int src_watch_open(const char *path, struct src_watch **out, struct fl_err *err);

/* Ends. */
void src_watch_close(struct src_watch **w);

/* The descriptor that is readable when there is something to take. */
int src_watch_fd(const struct src_watch *w);

/* Takes what has come into the news, which gather until they are cleared. */
void src_watch_take(struct src_watch *w);

/* The news; clearing them is the caller's. */
struct src_news *src_watch_news(struct src_watch *w);

/* Follows the path anew, as after a mount, which nobody tells of. */
void src_watch_follow(struct src_watch *w);

/* What keeps the folder from being watched, or NULL. */
const char *src_watch_trouble(const struct src_watch *w);
