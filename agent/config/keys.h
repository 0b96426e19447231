// SPDX-License-Identifier: Apache-2.0
/*
 * The keys of agent.yaml: one table, by which the text is read, unknown keys are found, and
 * agent/README.md's own table is tested.
 */
#pragma once

#include "agent/config/config.h"

struct agent_key;

/* Reads what stands at the cursor into base (agent_config, or agent_bgp_peer for the keys of a
 * peer), at the key's offset. 0 or -EINVAL. */
typedef int agent_read(const struct agent_key *key, const struct fl_cur *at, void *base,
		       struct fl_err *err);

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
fl_must int agent_keys_read(const char *prefix, const struct fl_cur *c, void *base,
			    struct fl_err *err);
