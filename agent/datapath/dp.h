// SPDX-License-Identifier: Apache-2.0
/* What the files of agent/datapath share. */
#pragma once

#include "agent/datapath/datapath.h"

struct datapath_bpf;

struct dp {
	struct datapath_bpf *bpf; /* the skeleton; owned */
	__u32 hz;		  /* jiffies in a second */
	bool fresh;		  /* the map of connections is new */
};

/* Writes an entry; what names the map for people. */
fl_must int dp_put(int map_fd, const void *key, const void *value, const char *what,
		   struct fl_err *err);

/* Removes an entry; one that is not there counts as removed. */
fl_must int dp_drop(int map_fd, const void *key, const char *what, struct fl_err *err);

/* Removes the connections that keep() does not want. */
fl_must int dp_forget(struct dp *d, bool (*keep)(const struct fl_flow_key *key, const void *arg),
		      const void *arg, struct fl_err *err);

struct bpf_program;

/* The kernel's number of a loaded program. */
fl_must int dp_prog_id(const struct bpf_program *prog, __u32 *out, struct fl_err *err);

/*
 * Takes the programs off every interface that the map pinned there names, and forgets them; no such
 * map counts as done.
 */
fl_must int dp_retire_devices(const char *pin, struct fl_nl *nl, struct fl_err *err);
