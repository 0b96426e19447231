// SPDX-License-Identifier: Apache-2.0
/*
 * The keys of agent.yaml: one table, by which the text is read, unknown keys are found, and
 * agent/README.md's own table is tested.
 */
#pragma once

#include "agent/config/config.h"

/* A configuration that is being read. */
struct agent_reading {
	const struct fl_yaml *doc;
	unsigned int line; /* what the error is about; 0: not said yet */
};

struct agent_key;

/* Reads what stands at the cursor into base (agent_config, or agent_bgp_peer for the keys of a
 * peer), at the key's offset. 0 or -EINVAL. */
typedef int agent_read(struct agent_reading *rd, const struct agent_key *key,
		       const struct fl_cur *at, void *base, struct fl_err *err);

struct agent_key {
	const char *path; /* "bgp.peers[].address" */
	agent_read *read;
	size_t at, count_at; /* offsets of the value and, for lists, of its length */
	uint32_t min, max;
	const char *type, *def; /* as the README says them */
};

/* The table. */
const struct agent_key *agent_keys(size_t *n);

/* Reads an object whose keys have this prefix in the table: "", "bgp." or "bgp.peers[].". */
fl_must int agent_keys_read(struct agent_reading *rd, const char *prefix, const struct fl_cur *c,
			    void *base, struct fl_err *err);

/* Notes the line of this place for an error, unless a deeper place was noted. Returns r. */
int agent_noted(struct agent_reading *rd, const struct fl_cur *at, int r);
