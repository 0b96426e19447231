// SPDX-License-Identifier: Apache-2.0
/*
 * What berth remembers of a container: the folder <run>/<id>, which exists from before anything
 * is made for the container until after all of it is gone, and its locks and files:
 *
 *   (the folder)  flock(2)ed by whoever changes the container; plugins inherit the lock
 *   state.json    the document below, replaced atomically
 *   netns         the network namespace, pinned by a bind mount
 *   rootfs/       where the root is mounted, in the container's namespace only
 *   log           stdout and stderr of a detached container
 *
 * state.json: version (1), id, created (seconds of the epoch), hostname, rootfs ("" the host's),
 * command, env (lists of texts), cniPath, pid and startTime of init (absent until there is
 * one), started (true once the command runs), cniArgs and capabilityArgs (as in the result
 * cache), and networks: a list of {name, ifname, config (the whole list), result (once ADD is
 * done)} in the order of their ADDs.
 */
#pragma once

#include "runtime/env.h"

struct berth_state {
	struct fl_json *doc; /* the document; all below is borrowed from it */
	const char *id, *cni_path;
	int64_t pid; /* 0: none yet */
	uint64_t start_time;
	bool started;
	const struct fl_json *networks, *env, *args, *caps;
};

/* Frees what is held and empties the struct. */
void berth_state_done(struct berth_state *s);
#define berth_auto_state fl_auto(berth_state_done)

/* Makes the folder of a new container and locks it; *dir is the caller's. -EEXIST: id in use. */
fl_must int berth_state_create(const struct berth_env *env, const char *id, int *dir,
			       struct fl_err *err);

/*
 * Opens the folder of a container. wait_ms: how long to wait for its lock, 0 for no lock.
 * -ENOENT: no such container. -ETIMEDOUT: the lock was not had.
 */
fl_must int berth_state_open(const struct berth_env *env, const char *id, int wait_ms, int *dir,
			     struct fl_err *err);

/* True while dir is the folder of the container with this id: not removed, nor made anew. */
bool berth_state_is_current(const struct berth_env *env, const char *id, int dir);

/* True while somebody holds the lock of the folder. */
bool berth_state_busy(int dir);

/* Reads state.json. -ENOENT: berth was killed before it was first written. */
fl_must int berth_state_load(int dir, struct berth_state *out, struct fl_err *err);

/* Reads a document; doc is consumed whatever happens. Pure. */
fl_must int berth_state_read(struct fl_json *doc, struct berth_state *out, struct fl_err *err);

/* Writes state.json. */
fl_must int berth_state_save(int dir, const struct fl_json *doc, struct fl_err *err);

/* Removes all files of the folder and the folder; that something is gone already is fine. */
fl_must int berth_state_remove(const struct berth_env *env, const char *id, int dir,
			       struct fl_err *err);

/* The path of the pinned network namespace. */
fl_must int berth_state_netns(const struct berth_env *env, const char *id, char out[PATH_MAX],
			      struct fl_err *err);

/* Calls each(arg, id) for every container, in order of the ids, until one is negative. */
fl_must int berth_state_each(const struct berth_env *env,
			     int (*each)(void *arg, const char *id, struct fl_err *err), void *arg,
			     struct fl_err *err);
