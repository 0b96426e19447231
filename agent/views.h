// SPDX-License-Identifier: Apache-2.0
/*
 * Handlers of the API's requests that have files of their own; arg is the struct agent.
 * docs/api.md has the documents.
 */
#pragma once

#include "agent/api/api.h"

/* What pods policies tell apart. */
api_handler agent_get_identities;

/* All policies in force; one of them, by namespace and name; and what they mean for a connection.
 */
api_handler agent_get_policies;
api_handler agent_get_policy;
api_handler agent_post_explain;

/* What became of packets, and the parameters that say which. */
api_handler agent_get_flows;
extern const char *const agent_flows_params[];

/* Entries of a map, by its name. */
api_handler agent_get_bpf;
extern const char *const agent_bpf_params[];
