// SPDX-License-Identifier: Apache-2.0
/*
 * The manifests folder: every *.yaml, *.yml and *.json in it, read again whenever something in it
 * changes (inotify). Of a file that cannot be read, and of an object in it that is wrong, the last
 * good version stays in force, and the complaint stands until it is mended; a folder that does not
 * exist yet is waited for, and one that is gone has taken nothing with it. What cannot be read for
 * want of memory or descriptors is read a second later. Files are replaced atomically by whoever
 * writes them, or they are not valid yet.
 */
#pragma once

#include <uv.h>

#include "agent/model/node.h"
#include "agent/policy/read.h"

struct src_manifests;

/*
 * Nodes or complaints have changed: the nodes of all files together, borrowed until the next call.
 * Must not close the source.
 */
typedef void src_changed(const struct agent_cluster *nodes, void *arg);

/*
 * Who is told of namespaces, pods and policies. Only what is right is told, with what
 * agent/policy looks at; of two that are the same object the one that was in force first, else the
 * first by its file. Everything is borrowed for the call, which must not call the source.
 */
struct src_sink {
	/* It is new, or another than before; where is "FILE:LINE". */
	void (*put)(enum pol_kind kind, const struct fl_json *object, const char *where, void *arg);
	/* No file has it any more; ns is "" for a namespace. */
	void (*del)(enum pol_kind kind, const char *ns, const char *name, void *arg);
	/* That was all at this time; also of the first time that there is a folder, even if it was
	 * nothing. */
	void (*done)(void *arg);
	/* There was no memory for all of it: what was put and deleted is to be put in force no
	 * sooner than done() is called. */
	void (*lack)(void *arg);
	void *arg;
};

/*
 * Begins to watch the folder. The first changed() comes from the loop's first turn, when all files
 * are read, even if there is none; the sink (copied; NULL: none) is told before it. *out is the
 * caller's; path is copied.
 */
fl_must int src_manifests_open(uv_loop_t *loop, const char *path, src_changed *changed, void *arg,
			       const struct src_sink *sink, struct src_manifests **out,
			       struct fl_err *err);

/*
 * Has files that are right copied into this folder, made if need be: what an agent that starts, and
 * finds something wrong with a file, has in force. Before the loop's first turn; without it nothing
 * is known of such a file.
 */
fl_must int src_manifests_keep(struct src_manifests *m, const char *path, struct fl_err *err);

/* Ends the watch; its handles are closed on the loop's next turn. */
void src_manifests_close(struct src_manifests **m);

/* Reads everything again now, and calls changed() before it returns. */
void src_manifests_reload(struct src_manifests *m);

/*
 * Tells the sink of every object that is in force once more, and that this was all. Nothing before
 * it was told the first time. -ENOMEM: some has been told, and that was not all.
 */
fl_must int src_manifests_retell(struct src_manifests *m, struct fl_err *err);

/* Calls each() for every complaint that stands: where is "FILE:LINE" or the folder. */
void src_manifests_problems(const struct src_manifests *m, agent_complain *each, void *arg);

/* Counts for metrics. */
struct src_stats {
	uint64_t reads, failed_reads, bytes, objects, ignored_objects;
	size_t files, broken_files;
	size_t namespaces, pods, policies; /* in force */
};

/* What the counts are now. */
struct src_stats src_manifests_stats(const struct src_manifests *m);
