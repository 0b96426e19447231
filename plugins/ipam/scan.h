// SPDX-License-Identifier: Apache-2.0
/*
 * Reading a store file by file: how an index is made, and where a store is healed.
 */
#pragma once

#include "plugins/ipam/boot.h"
#include "plugins/ipam/index.h"

struct ipam_scan {
	int dir; /* the store's directory, locked when may_heal */
	const char *network;
	const char *results;	      /* libcni's cache directory */
	const struct ipam_boot *boot; /* leases of earlier boots are removed; NULL: they stay */
	bool may_heal;		      /* remove torn files too */
	size_t removed;		      /* out: how many files were */
};

/*
 * Reads the beginning of a lease file into out, without a NUL. mtime_s, where not NULL, gets its
 * modification time, and what is no regular file is then -EINVAL. -errno of the failed call.
 */
fl_must int ipam_scan_read_lease(int dir, const char *name, char *out, size_t size, size_t *len,
				 int64_t *mtime_s);

/* Strips white space from both ends of the content; true when nothing but NULs is left. */
bool ipam_scan_trim(const char **content, size_t *len);

/* Makes an index in the heap from all lease files. */
fl_must int ipam_scan_all(struct ipam_scan *scan, struct ipam_index *out, struct fl_err *err);

/* Makes one from the names alone, which files addresses as taken and no keys. */
fl_must int ipam_scan_names(int dir, struct ipam_index *out, struct fl_err *err);
