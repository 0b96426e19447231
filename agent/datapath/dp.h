// SPDX-License-Identifier: Apache-2.0
/* What the files of agent/datapath share. */
#pragma once

#include "agent/datapath/datapath.h"

/* The descriptor of one of our maps, by its name in the programs (bpf/datapath.skel.h). */
#define DP_FD(d, map) bpf_map__fd((d)->bpf->maps.map)

struct dp {
	struct datapath_bpf *bpf; /* the skeleton; owned */
	__u32 hz;		  /* jiffies in a second */
	bool fresh;		  /* the map of connections is new */
	char *folder;		  /* of all layouts; owned */
	char *own;		  /* and of this one; owned */
	bool in_stack;		  /* netfilter's rules have been made for our program */
	bool unkept;		  /* and whoever likes can remove them: the kernel is too old */
	struct dp_former *former; /* another layout's maps, until they are taken over; owned */
};

/*
 * former.c: maps of another layout, or of other sizes, which an agent before this one has pinned in
 * a folder beside ours. NULL when there are none.
 */
struct dp_former;
fl_must int dp_former_find(struct dp *d, struct fl_err *err);
void dp_former_close(struct dp_former **f);

/* True when their connections can be read. */
bool dp_former_carries(const struct dp_former *f);

/*
 * Before the programs are exchanged, when our maps are filled: counters go on from theirs, our
 * programs are shown their connections, and know what lies beyond the node as theirs do.
 */
fl_must int dp_former_lend(struct dp *d, struct fl_err *err);

/* After it: what connections are left there is copied, and the folders go. */
fl_must int dp_former_end(struct dp *d, struct fl_err *err);

/*
 * alike.c: whether the entries of a map of theirs can be read as those of ours: keys of the same
 * struct, and values of the same, or (is_open) of one that has more or fewer members at its end.
 */
bool dp_is_alike(int theirs, int ours, bool is_open);

/*
 * Lets every policy set of any folder of maps below this one pass everything, both ways: then it
 * does not matter which of the programs that judge by them is the first to go.
 */
fl_must int dp_isolate_none(const char *folder, struct fl_err *err);

/* Takes the programs off every interface that any folder of maps below this one names. */
fl_must int dp_leave_devices(const char *folder, struct fl_nl *nl, struct fl_err *err);

/* Removes every folder of maps below this one, but keep (NULL: none is kept). */
fl_must int dp_unpin(const char *folder, const char *keep, struct fl_err *err);

/* Writes an entry; what names the map for people. */
fl_must int dp_put(int map_fd, const void *key, const void *value, const char *what,
		   struct fl_err *err);

/* Removes an entry; one that is not there counts as removed. */
fl_must int dp_drop(int map_fd, const void *key, const char *what, struct fl_err *err);

/* Removes the entries of a hash or trie (keys of up to 64 bytes) whose key keep() does not want. */
fl_must int dp_walk(int map_fd, bool (*keep)(const void *key, void *arg), void *arg,
		    const char *what, struct fl_err *err);

/* Whether no interface drops denied sources, so that no packet's has to be looked up. */
fl_must int dp_listen(struct dp *d, bool to_all, struct fl_err *err);

/* Removes the connections that keep() does not want. */
fl_must int dp_forget(struct dp *d, bool (*keep)(const struct fl_flow_key *key, const void *arg),
		      const void *arg, struct fl_err *err);

struct bpf_program;
struct fl_batch;

/* The kernel's number of a loaded program. */
fl_must int dp_prog_id(const struct bpf_program *prog, __u32 *out, struct fl_err *err);

/*
 * Adds to the batch our programs in the place of another layout's on the interfaces to other nodes
 * that have been taken over; one where that cannot be is left to dp_set_devices(), and all goes by
 * the stack there. Sends what has no room.
 */
fl_must int dp_renew_devices(struct dp *d, struct fl_nl *nl, struct fl_batch *b,
			     struct fl_err *err);

/*
 * Takes the programs off every interface that the map pinned there names, and forgets them; no such
 * map counts as done.
 */
fl_must int dp_retire_devices(const char *pin, struct fl_nl *nl, struct fl_err *err);
