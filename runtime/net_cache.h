// SPDX-License-Identifier: Apache-2.0
/*
 * libcni's result cache: one file <dir>/<network>-<container id>-<interface> for each
 * attachment (a name of at most 250 bytes), written by ADD, read by CHECK, DEL and GC, removed by
 * DEL. Files are replaced atomically, so readers need no lock. Any runtime that uses libcni may
 * share the folder.
 */
#pragma once

#include "runtime/net_rt.h"

/* Writes the attachment's entry, making the folder when missing. */
fl_must int berth_cache_write(const char *dir, const struct berth_list *list,
			      const struct berth_rt *rt, const struct fl_json *result,
			      struct fl_err *err);

/* Reads the entry's file. -ENOENT: none. -EINVAL: not JSON. */
fl_must int berth_cache_read(const char *dir, const char *network, const struct berth_rt *rt,
			     struct fl_json **entry, struct fl_err *err);

/* Removes the entry; that there is none is fine. */
fl_must int berth_cache_remove(const char *dir, const char *network, const struct berth_rt *rt,
			       struct fl_err *err);

/* All sound entries of one network, as an array; files that are none are passed over. */
fl_must int berth_cache_list(const char *dir, const char *network, struct fl_json **entries,
			     struct fl_err *err);
