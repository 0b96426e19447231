// SPDX-License-Identifier: Apache-2.0
/*
 * The files of the manifests folder, each with what it holds, or last held when it could be read.
 * Only files that have changed are read again. Knows no events: those say when to look.
 */
#pragma once

#include "agent/source/file.h"

#define SRC_FILES_MAX 16384

/* Kinds that were warned of; more are passed over in silence. */
#define SRC_KINDS_MAX 64

struct src_folder {
	char *path;		/* owned */
	struct src_file *files; /* sorted by name; owned */
	size_t n, cap;
	bool listed;		       /* all of it has been looked at, once */
	bool has_links;		       /* some file is a link: whatever changes may change it */
	struct src_complaints trouble; /* with the folder itself */
	char *kinds[SRC_KINDS_MAX];    /* "VERSION KIND"; owned */
	size_t n_kinds;
	struct src_index index;
	struct src_kept kept;	/* copies of the files */
	struct src_stats stats; /* but for numbers of what is there now */
};

/* Frees what the folder holds. */
void src_folder_done(struct src_folder *f);

/* True when a file of this name is read: *.yaml, *.yml, *.json, not hidden. */
bool src_is_manifest(const char *name);

/*
 * Looks at all files; always: reads them again even when they seem the same. A folder that cannot
 * be opened leaves everything as it was, with a complaint. *changed, when nodes or complaints are
 * others than before. Only lack of memory or of descriptors, or that it cannot be listed to its
 * end, is an error.
 */
fl_must int src_folder_scan(struct src_folder *f, bool always, bool *changed, struct fl_err *err);

/* Looks at one file, of which somebody says that it has changed. */
fl_must int src_folder_look(struct src_folder *f, const char *name, bool *changed,
			    struct fl_err *err);

/* Copies of all files' nodes; the array and its nodes are the caller's. */
fl_must int src_folder_nodes(const struct src_folder *f, struct agent_node **out, size_t *n,
			     struct fl_err *err);

/* Calls each() for every complaint. */
void src_folder_problems(const struct src_folder *f, agent_complain *each, void *arg);

/* What the counts are now. */
struct src_stats src_folder_stats(const struct src_folder *f);
