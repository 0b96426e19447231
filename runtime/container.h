// SPDX-License-Identifier: Apache-2.0
/*
 * A container's life: made with its networks, run, joined, ended. Whatever is made is written
 * down before (state.h), so that berth_container_delete() cleans up after a berth that was
 * killed at any moment.
 */
#pragma once

#include "runtime/state.h"

struct berth_run {
	const char *id, *hostname;
	const char *rootfs; /* an absolute path, or NULL for the host's root, read-only */
	char *const *argv;  /* the command, NULL-terminated */
	char *const *env;   /* its environment, NULL-terminated */
	bool detach;
	struct berth_list *nets; /* get eth0, eth1, ... in this order */
	size_t n_nets;
};

/*
 * Makes the container and starts the command. Detached: returns 0 when it runs. Else waits,
 * removes the container, and returns the command's exit status. On error all is undone; code 126
 * or 127: the command cannot be executed.
 */
fl_must int berth_container_run(const struct berth_env *env, const struct berth_run *run,
				struct fl_err *err);

/*
 * Ends what runs in the container whose folder dir is locked, detaches its networks in reverse
 * order and removes the folder. force: SIGKILL at once, and errors of the networks are
 * warnings. Without it, an error leaves the folder, and this may be called again.
 */
fl_must int berth_container_delete(const struct berth_env *env, const char *id, int dir, bool force,
				   struct fl_err *err);

/* Runs argv in the namespaces of a running container; returns its exit status. */
fl_must int berth_container_exec(const struct berth_state *s, char *const *argv, char *const *env,
				 struct fl_err *err);

/* A pidfd of the container's init. -ESRCH: it does not run. */
fl_must int berth_container_open(const struct berth_state *s, int *pidfd, struct fl_err *err);
