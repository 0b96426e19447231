// SPDX-License-Identifier: Apache-2.0
/*
 * The file that holds a store's index between calls: <root>/run/fairlead/ipam/<hash>.idx,
 * named after the device and inode of the store's directory, so that every path to the same
 * store finds the same index. It is a cache: any failure here means "no index", and then the
 * store is read file by file. It is made under a temporary name and renamed, given its blocks
 * before it is mapped (a full disk must not become SIGBUS), and never shrunk in place.
 */
#pragma once

#include "plugins/ipam/index.h"

#include <sys/stat.h>

#define IPAM_CACHE_PATH 512

/* Where the index of this directory lies. -ENAMETOOLONG. */
fl_must int ipam_cache_path(const char *root, const struct stat *dir, char out[IPAM_CACHE_PATH],
			    struct fl_err *err);

/* Maps the index for writing. -ENOENT: there is none that belongs to this directory. */
fl_must int ipam_cache_map(const char *path, const struct stat *dir, struct ipam_index *out,
			   struct fl_err *err);

/*
 * Puts the heap index into the file and replaces *ix by the mapping. On failure *ix is as
 * before, and so is the file.
 */
fl_must int ipam_cache_save(const char *path, struct ipam_index *ix, struct fl_err *err);
