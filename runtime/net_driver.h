// SPDX-License-Identifier: Apache-2.0
/*
 * The verbs on a whole list, in libcni's order and with its cache. Several ADDs and DELs of one
 * network may run at the same time; GC runs alone (a lock for each network, kept below
 * lock_dir). Attachments of one container are the caller's to do one after the other.
 */
#pragma once

#include "runtime/net_rt.h"

struct berth_driver {
	const char *cni_path;  /* folders of plugins, separated by ':' */
	const char *cache_dir; /* libcni's "results" folder */
	const char *lock_dir;  /* made when missing */
	int keep_fd;	       /* inherited by plugins, or 0: see net_exec.h */
	int timeout_ms;	       /* for each plugin; 0: BERTH_PLUGIN_MS */
};

/* -ENOENT when one of the list's plugins is in no folder of cni_path. */
fl_must int berth_driver_find(const struct berth_driver *d, const struct berth_list *list,
			      struct fl_err *err);

/*
 * Calls every plugin in order, each with its predecessor's result, and caches the last one's,
 * which is *result, the caller's. When one fails, the list is called with DEL, unless the
 * attachment was in the cache before: then it is another ADD's, and stays. Unlike libcni, it calls
 * no plugin at all when one is missing.
 */
fl_must int berth_driver_add(const struct berth_driver *d, const struct berth_list *list,
			     const struct berth_rt *rt, struct fl_json **result,
			     struct fl_err *err);

/* Calls every plugin in order with the cached result, without which it is -ENOENT. */
fl_must int berth_driver_check(const struct berth_driver *d, const struct berth_list *list,
			       const struct berth_rt *rt, struct fl_err *err);

/*
 * Calls every plugin in reverse order, with the cached result if there is a sound one, and
 * forgets the cache entry. May be repeated.
 */
fl_must int berth_driver_del(const struct berth_driver *d, const struct berth_list *list,
			     const struct berth_rt *rt, struct fl_err *err);

/*
 * Removes what is not in valid, an array of {"containerID", "ifname"}: DEL for each such
 * attachment in the cache, then GC for each plugin. Goes on after errors and joins them.
 */
fl_must int berth_driver_gc(const struct berth_driver *d, const struct berth_list *list,
			    const struct fl_json *valid, struct fl_err *err);

/* Asks every plugin in order; the first that cannot serve ends it. Before 1.1.0: nothing. */
fl_must int berth_driver_status(const struct berth_driver *d, const struct berth_list *list,
				struct fl_err *err);
