// SPDX-License-Identifier: Apache-2.0
/*
 * Executing a plugin: found in CNI_PATH, the request on its stdin, its stderr passed through,
 * its stdout read (at most FL_CNI_ANSWER_MAX bytes), and all of it killed (its process group) after
 * BERTH_PLUGIN_MS.
 */
#pragma once

#include "runtime/net_rt.h"

#define BERTH_PLUGIN_MS 30000 /* for one plugin and one verb */

struct berth_call {
	const char *cni_path;	   /* folders, separated by ':' */
	const char *verb;	   /* "ADD", ... */
	const char *type;	   /* the plugin's name */
	const struct berth_rt *rt; /* NULL for GC and STATUS: all empty */
	/*
	 * A descriptor above 2 that the plugin inherits, or 0: with a lock on it, nobody gets that
	 * lock before the plugin has ended, though this process be killed.
	 */
	int keep_fd;
	int timeout_ms;
};

/* The first folder of cni_path that has a regular file of this name. -ENOENT: none. */
fl_must int berth_plugin_find(const char *type, const char *cni_path, char *out, size_t size,
			      struct fl_err *err);

/*
 * Runs the plugin with req on stdin; *out is what it printed, NUL-terminated, the caller's.
 * When it fails: -EIO with its own "msg" and "details" in the text and its "code" as code.
 * -ETIMEDOUT: it was killed. A file that is just being written to is tried again each second, five
 * times.
 */
fl_must int berth_plugin_call(const struct berth_call *call, const struct fl_json *req, char **out,
			      struct fl_err *err);
