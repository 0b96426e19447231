// SPDX-License-Identifier: Apache-2.0
/* A folder of the test's own, below $TMPDIR or /tmp. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FOLDER_MAX 64 /* bytes of its path */

/* Makes one, with the test's name in its own. 0 or -1, as a set-up returns it. */
static inline int folder_make(char path[FOLDER_MAX], const char *name)
{
	int n = snprintf(path, FOLDER_MAX, "%s/fairlead-%s.XXXXXX", getenv("TMPDIR") ?: "/tmp",
			 name);

	return n < FOLDER_MAX && mkdtemp(path) ? 0 : -1;
}

static inline int folder_remove_one(const char *path, const struct stat *st, int type,
				    struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

/* Removes it with what is in it, but for what is mounted there. 0 or -1, for a teardown. */
static inline int folder_remove(const char *path)
{
	return nftw(path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
