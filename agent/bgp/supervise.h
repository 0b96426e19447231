// SPDX-License-Identifier: Apache-2.0
/* What the parts of the supervisor share: struct bgp, and the loop's handles. */
#pragma once

#include "agent/bgp/ctl.h"
#include "agent/bgp/plan.h"
#include "agent/bgp/process.h"
#include "agent/bgp/reply.h"
#include "json/json.h"

/* A descriptor watched by the loop. The descriptor itself stays the caller's. */
struct bgp_watch;
typedef void bgp_ready(void *arg);

/* Calls ready() whenever fd is readable. */
fl_must int bgp_watch_open(uv_loop_t *loop, int fd, bgp_ready *ready, void *arg,
			   struct bgp_watch **out, struct fl_err *err);

/* No more calls, from now on. */
void bgp_watch_close(struct bgp_watch **w);

/* A timer that fires once when set; setting it again moves it. */
struct bgp_timer;

/* Calls ready() when it fires. */
fl_must int bgp_timer_open(uv_loop_t *loop, bgp_ready *ready, void *arg, struct bgp_timer **out,
			   struct fl_err *err);

/* Fires in ms from now. */
void bgp_timer_set(struct bgp_timer *t, uint64_t ms);

/* No more calls, from now on. */
void bgp_timer_close(struct bgp_timer **t);

/* Problems that stand, each with its place. */
struct bgp_problems {
	struct bgp_problem {
		char *where, *text; /* owned */
	} * all;		    /* owned */
	size_t n;
};

/* Forgets all. */
void bgp_problems_done(struct bgp_problems *p);

/* Adds one; an agent_complain. Out of memory, it is lost. */
void bgp_problems_add(const char *where, const char *text, void *problems);

enum bgp_state {
	BGP_IDLE,   /* nothing was asked for yet */
	BGP_TRYING, /* until the control socket is there */
	BGP_UP,	    /* connected; it has greeted us if version is not empty */
	BGP_PAUSED, /* it died; until the pause is over */
};

/* The question that BIRD has not answered yet. */
enum bgp_question {
	ASKED_NOTHING,
	ASKED_GREETING,
	ASKED_CONFIGURE,
	ASKED_RELOAD,
	ASKED_PROTOCOLS,
	ASKED_BFD,
};

struct bgp {
	uv_loop_t *loop;		 /* borrowed */
	const struct agent_config *conf; /* borrowed */
	char *root;			 /* owned */
	struct bgp_dir dir;
	int dirfd;
	char program[BGP_PATH];

	enum bgp_state state;
	enum bgp_question asked;
	struct bgp_process process;
	struct bgp_ctl ctl;
	struct bgp_watch *process_watch, *ctl_watch;
	struct bgp_timer *timer;
	char version[32];
	bool recover; /* what is in the kernel is of a BIRD of ours */
	bool proven;  /* this BIRD has greeted, so it runs what it was started with */
	bool hangs;
	uint64_t pause_ms, up_at_ms, tries;
	unsigned int breaks; /* of the connection, since BIRD last said how its sessions are */

	char *want, *in_force, *offered, *refused; /* configurations; owned */
	bool on_trial; /* BIRD was started with what is offered, and has not greeted */
	bool in_doubt; /* it has been offered another than in_force, and its answer was not heard */
	struct bgp_plan plan; /* names, addresses and numbers; its borrowed pointers are NULL */
	size_t reloaded;      /* sessions of it that have been asked again for their routes */
	bool drained;
	struct bgp_rows rows, fresh; /* as BIRD last said; as it is saying */
	struct bgp_problems asking;  /* what cannot be had as asked */
	struct fl_err trouble;	     /* with BIRD's process or configuration; sys 0: none */
	struct fl_err broken;	     /* why the connection broke; stands as long as breaks */
	struct bgp_stats stats;
};

/*
 * Starts a BIRD, unless one of ours that has no socket, or not yet, is there: that is waited for.
 * ended: called with b when it has.
 */
fl_must int bgp_begin(struct bgp *b, bgp_ready *ended, struct fl_err *err);

/* Takes over the process behind the socket, unless we know it: only who is watched may be relied
 * upon. */
fl_must int bgp_adopt(struct bgp *b, pid_t pid, bgp_ready *ended, struct fl_err *err);

/* What was offered is in force, and the last good configuration; or it is not, and is forgotten. */
void bgp_accepted(struct bgp *b);
void bgp_refused(struct bgp *b);

/* Asks BIRD for its sessions, unless another question is open. */
void bgp_look(struct bgp *b);

/*
 * Ends the BIRD of this folder, running or not, and has it remove its routes from the kernel.
 * Waits for it, three seconds at most. program "": the default one.
 */
fl_must int bgp_end(const char *program, const struct bgp_dir *dir, int dirfd, struct fl_err *err);
