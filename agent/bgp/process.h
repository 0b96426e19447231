// SPDX-License-Identifier: Apache-2.0
/*
 * BIRD as a process: the program found, started in a session of its own so that it outlives the
 * agent, and its end noticed by a descriptor, whoever started it. BIRD runs as root: it puts
 * routes into the kernel and reads a configuration with passwords that nobody else may read.
 *
 *   ROOT/run/fairlead/bird/	0700
 *	bird.conf		the last accepted one; the first BIRD's from its beginning
 *	bird.conf.new		what it is asked to read, or has begun with, and not accepted yet
 *	bird.ctl		its control socket
 *	bird.pid		its process ID, for people
 *	bird.log, bird.log.1	what it says; cut at 256 KiB
 *	bird.err		what it said before it could write a log
 */
#pragma once

#include "base/deadline.h"
#include "base/ip.h"

#include <sys/types.h>

#define BGP_PATH 256 /* of the folder and of files in it */

struct bgp_dir {
	char path[BGP_PATH - 16]; /* "" : none */
	char ctl[BGP_PATH];
};

/* The names below root; -ENAMETOOLONG: a unix socket there would have too long a name. */
fl_must int bgp_dir_name(const char *root, struct bgp_dir *dir, struct fl_err *err);

/* Makes the folder, or makes sure that it is ours alone; *fd is the caller's. */
fl_must int bgp_dir_open(const struct bgp_dir *dir, int *fd, struct fl_err *err);

/*
 * Finds a program: a path as it is, a name in $PATH and where system programs are. -ENOENT says
 * which package has it.
 */
fl_must int bgp_program_find(const char *name, char out[BGP_PATH], struct fl_err *err);

/* A BIRD that runs, or did. */
struct bgp_process {
	pid_t pid;
	int fd; /* a pidfd: readable when the process has ended; owned */
	bool is_child;
};

#define BGP_PROCESS_NONE     \
	(struct bgp_process) \
	{                    \
		.fd = -1     \
	}

/* Lets go of it. */
void bgp_process_close(struct bgp_process *p);
#define bgp_auto_process fl_auto(bgp_process_close)

/*
 * Starts BIRD with the configuration file of this name in the folder. recover: what it finds in
 * the kernel stays until its peers have spoken.
 */
fl_must int bgp_process_start(const char *program, const struct bgp_dir *dir, const char *conf,
			      bool recover, struct bgp_process *out, struct fl_err *err);

/* Takes over a running one by its ID. */
fl_must int bgp_process_adopt(pid_t pid, struct bgp_process *out, struct fl_err *err);

/*
 * Finds the BIRD that runs in this folder without its control socket, or without it yet, by its
 * name, the program's or "bird", and its command line: two of them would be two hands on the same
 * routes. False: there is none.
 */
bool bgp_process_find(const char *program, const struct bgp_dir *dir, int dirfd,
		      struct bgp_process *out);

/*
 * Says in err how the process ended, with the last line of bird.err. Call when its descriptor is
 * readable; it is then gone for good.
 */
void bgp_process_end(struct bgp_process *p, int dirfd, struct fl_err *err);

/* Kills it, without waiting for its end. */
void bgp_process_kill(const struct bgp_process *p);

/* Waits for its end; after the deadline it is killed. */
void bgp_process_finish(struct bgp_process *p, const struct fl_deadline *d);

/* This node's addresses with the lengths of their links' prefixes; *out is the caller's. */
fl_must int bgp_links_read(struct fl_prefix **out, size_t *n, struct fl_err *err);
