// SPDX-License-Identifier: Apache-2.0
/* What berth takes from its environment: read once by main, passed down. */
#pragma once

#include <limits.h>

#include "runtime/net_driver.h"

struct berth_env {
	char conf_dir[PATH_MAX];  /* NETCONFPATH, or <root>/etc/cni/net.d */
	char cache_dir[PATH_MAX]; /* <root>/var/lib/cni/results */
	char run_dir[PATH_MAX];	  /* <root>/run/berth: one folder for each container */
	char lock_dir[PATH_MAX];  /* <root>/run/berth/.locks: one file for each network */
	const char *cni_path;	  /* CNI_PATH, or /opt/cni/bin */
	bool cni_path_given;	  /* by CNI_PATH */
	const char *ifname;	  /* CNI_IFNAME, or eth0 */
	struct fl_json *args;	  /* CNI_ARGS as pairs, or NULL */
	struct fl_json *caps;	  /* CAP_ARGS, or NULL */
};

/* Frees what is held and empties the struct. */
void berth_env_done(struct berth_env *env);
#define berth_auto_env fl_auto(berth_env_done)

/* Reads the environment; <root> is FAIRLEAD_ROOT, "" by default. Borrows from environ. */
fl_must int berth_env_read(struct berth_env *out, struct fl_err *err);

/* The network driver of this environment; keep_fd as in net_driver.h. Borrows from env. */
struct berth_driver berth_env_driver(const struct berth_env *env, int keep_fd);
