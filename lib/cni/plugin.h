// SPDX-License-Identifier: Apache-2.0
/*
 * What all plugins share: reading and checking the request (environment, stdin), version and
 * verb rules, one JSON document on stdout whatever happens, exit status. A plugin is a table
 * of verbs; it gets a request that is already known to be sound.
 */
#pragma once

#include "base/deadline.h"
#include "cni/code.h"
#include "cni/result.h"
#include "cni/version.h"
#include "json/json.h"

#define FL_CNI_STDIN_MAX   (4u << 20) /* bytes of configuration */
#define FL_CNI_DEADLINE_MS 5000	      /* for one verb, all its waits together */
#define FL_CNI_UNDO_MS	   2000 /* for a DEL that undoes a failed ADD: a deadline of its own */

enum fl_cni_verb {
	FL_CNI_ADD,
	FL_CNI_DEL,
	FL_CNI_CHECK,
	FL_CNI_GC,
	FL_CNI_STATUS,
	FL_CNI_VERSION_VERB,
};

/* "ADD" and so on, as in CNI_COMMAND. */
const char *fl_cni_verb_text(enum fl_cni_verb verb);

struct fl_cni_plugin;

struct fl_cni_req {
	enum fl_cni_verb verb;
	enum fl_cni_version version; /* of the configuration */
	enum fl_cni_version answer;  /* of the result: the same, but for a call in-process */
	/* Borrowed from the environment; NULL where absent or empty. Not set for GC and STATUS. */
	const char *container_id, *ifname;
	const char *netns; /* may be set on DEL though the path is dead: see netns_fd */
	const char *args;  /* CNI_ARGS, unparsed */
	const char *path;  /* CNI_PATH */
	const char *root;  /* FAIRLEAD_ROOT, a prefix of our own default paths; "" by default */
	/*
	 * The pod's network namespace. ADD, CHECK: always a namespace that is not the caller's own,
	 * but -1 for a plugin with any_netns.
	 * DEL: -1 when CNI_NETNS is absent, dead, no namespace, or the caller's own; a path that
	 * cannot be opened for want of memory, files or the like is an error.
	 * With CNI_NETNS_OVERRIDE=1 or TRUE the caller's own is as good as any.
	 */
	int netns_fd;
	int home_fd;		/* the caller's own, where netns_fd is open; else -1 */
	struct fl_nl *home;	/* a routing socket in it, where netns_fd is open; else NULL */
	const char *stdin_text; /* the whole document, for delegates */
	size_t stdin_len;
	struct fl_cur conf;	    /* the document's root, an object; "config" in errors */
	const char *name;	    /* network name, checked; borrowed from conf */
	const struct fl_json *prev; /* conf's prevResult or NULL; CHECK: never NULL */
	/*
	 * GC: the array "cni.dev/valid-attachments" (null counts as empty); the skeleton has
	 * checked each element. Otherwise NULL.
	 */
	const struct fl_json *valid;
	struct fl_deadline deadline;
	bool undo; /* DEL of what this process has just added */
	/* The binary's own plugins, NULL-terminated, for delegates that resolve to our own file. */
	const struct fl_cni_plugin *const *builtins;
};

/* Every verb is there. */
struct fl_cni_plugin {
	const char *name;
	/* Never looks into the pod's namespace: CNI_NETNS may name anything, and is not opened. */
	bool any_netns;
	/* *result: the result's JSON in the version that req->answer says; all or nothing. */
	int (*add)(const struct fl_cni_req *req, struct fl_json **result, struct fl_err *err);
	int (*del)(const struct fl_cni_req *req, struct fl_err *err);
	int (*check)(const struct fl_cni_req *req, struct fl_err *err);
	int (*gc)(const struct fl_cni_req *req, struct fl_err *err);
	int (*status)(const struct fl_cni_req *req, struct fl_err *err);
};

/*
 * Serves the one request in the environment and on stdin; returns the exit status.
 * Without CNI_COMMAND: "about" and the versions on stderr, 0. An error that carries no code
 * gets FL_CNI_INTERNAL, or FL_CNI_TRY_LATER when it is -ETIMEDOUT. When the result of an ADD
 * cannot be written, the plugin's del is called and the ADD has failed.
 */
int fl_cni_main(const struct fl_cni_plugin *self, const struct fl_cni_plugin *const *builtins);

/* True when (id, ifname) is among the valid attachments of a GC request. */
bool fl_cni_is_valid_attachment(const struct fl_cni_req *req, const char *id, const char *ifname);

/*
 * True when the configuration has the capability, but the request not what the runtime makes of it:
 * that is for attachments, and STATUS has none.
 */
bool fl_cni_awaits(const struct fl_cni_req *req, const char *capability);

/*
 * Reads req->prev into *out. Absent: -EINVAL, code FL_CNI_CONFIG. The strings are borrowed
 * from the request.
 */
fl_must int fl_cni_prev_result(const struct fl_cni_req *req, struct fl_cni_result *out,
			       struct fl_err *err);
