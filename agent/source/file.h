// SPDX-License-Identifier: Apache-2.0
/* One file of the manifests folder: read again when it has changed, kept when it cannot be read. */
#pragma once

#include <sys/stat.h>
#include <time.h>

#include "agent/source/index.h"
#include "agent/source/kept.h"
#include "agent/source/manifests.h"

/* By what a file is recognised as unchanged. */
struct src_print {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

struct src_file {
	char *name; /* owned */
	struct src_print print;
	bool settled; /* an equal print means an equal file */
	bool is_link, broken;
	bool known;		    /* the objects are what it has said, or its copy */
	struct src_objects objects; /* as last read; its complaints are about the file as it is */
};

/* How files are read. */
struct src_reader {
	int dir;     /* the folder */
	bool always; /* even when a file seems the same */
	src_unknown *unknown;
	void *arg;
	struct src_stats *stats; /* to be counted up */
	struct src_index *index; /* that the objects are in */
	const struct src_kept *kept;
};

/* Frees what the file holds; its objects have left the index. */
void src_file_done(struct src_file *file);

/*
 * Reads the file if it seems to have changed. What is wrong with it becomes a complaint, and its
 * objects stay, the first time as the copy has them that is kept. *changed becomes true when nodes
 * or complaints are others than before. -ENOENT: the file is gone; else only lack of memory is an
 * error.
 */
fl_must int src_file_refresh(struct src_file *file, const struct src_reader *rd, bool *changed,
			     struct fl_err *err);
