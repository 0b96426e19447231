// SPDX-License-Identifier: Apache-2.0
/*
 * What is wrong, from all parts of the agent: for the API, and for the log, where a problem is
 * told when it comes and when it goes, not each time that it is met.
 */
#pragma once

#include "json/json.h"

struct agent_trouble {
	char **lines; /* "where: text", owned, sorted */
	size_t n;
};

/* Frees the lines and empties the list. */
void agent_trouble_done(struct agent_trouble *t);
#define agent_auto_trouble fl_auto(agent_trouble_done)

/* Adds one; has the form of agent_complain, arg is a struct agent_trouble. Lack of memory: not. */
void agent_trouble_add(const char *where, const char *text, void *arg);

/* Logs what is new against the last time, and what has gone; *last becomes now, now empty. */
void agent_trouble_tell(struct agent_trouble *last, struct agent_trouble *now);

/* The array of {"where","text"} of the API; arg of agent_trouble_json_add. */
struct agent_trouble_json {
	struct fl_json *array; /* borrowed */
	int r;		       /* 0 or -ENOMEM */
};

/* Appends one; has the form of agent_complain, arg is a struct agent_trouble_json. */
void agent_trouble_json_add(const char *where, const char *text, void *arg);
