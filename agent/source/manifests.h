// SPDX-License-Identifier: Apache-2.0
/*
 * The manifests folder: every *.yaml, *.yml and *.json in it, read again whenever something in it
 * changes (inotify). Of a file that cannot be read, and of an object in it that is wrong, the last
 * good version stays in force, and the complaint stands until it is mended; a folder that does not
 * exist yet is waited for, and one that is gone has taken nothing with it. Files are replaced
 * atomically by whoever writes them, or they are not valid yet.
 */
#pragma once

#include <uv.h>

#include "agent/model/node.h"

struct src_manifests;

/*
 * Nodes or complaints have changed: the nodes of all files together, borrowed until the next call.
 * Must not close the source.
 */
typedef void src_changed(const struct agent_cluster *nodes, void *arg);

/*
 * Begins to watch the folder. The first changed() comes from the loop's first turn, when all files
 * are read, even if there is none. *out is the caller's; path is copied.
 */
fl_must int src_manifests_open(uv_loop_t *loop, const char *path, src_changed *changed, void *arg,
			       struct src_manifests **out, struct fl_err *err);

/* Ends the watch; its handles are closed on the loop's next turn. */
void src_manifests_close(struct src_manifests **m);

/* Reads everything again now, and calls changed() before it returns. */
void src_manifests_reload(struct src_manifests *m);

/* Calls each() for every complaint that stands: where is "FILE:LINE" or the folder. */
void src_manifests_problems(const struct src_manifests *m, agent_complain *each, void *arg);

/* Counts for metrics. */
struct src_stats {
	uint64_t reads, failed_reads, bytes, objects, ignored_objects;
	size_t files, broken_files;
};

/* What the counts are now. */
struct src_stats src_manifests_stats(const struct src_manifests *m);
