// SPDX-License-Identifier: Apache-2.0
/* Readers of agent.yaml's values, one for each kind; the table in keys.c says which key has which.
 */
#pragma once

#include "agent/config/keys.h"

/*
 * The text at the cursor; an empty one is as good as none, and then *out stays. Control characters
 * are in no name and no path that is meant, and would go on into logs and other programs' files.
 */
fl_must int agent_text_at(const struct fl_cur *at, const char **out, struct fl_err *err);

/* Texts: any; a host's name, a path from /, a device, a password, "address:port", a peer's name. */
agent_read agent_read_text, agent_read_node_name, agent_read_path, agent_read_device,
	agent_read_password, agent_read_listen, agent_read_peer_name;

/* Booleans, and numbers of the key's range: of 32 bits, of 16, of 32 or 0. */
agent_read agent_read_bool, agent_read_u32, agent_read_u16, agent_read_u32_or_0;

/* Addresses and lists; a list has at most the key's maximum of elements. */
agent_read agent_read_peer_address, agent_read_cluster_id, agent_read_prefixes,
	agent_read_cluster_cidrs, agent_read_communities, agent_read_peers;

/* One word of several. */
agent_read agent_read_mode, agent_read_source, agent_read_underlay, agent_read_unknown_endpoint,
	agent_read_xdp, agent_read_log_level, agent_read_log_format;

/* What a later version has: refused. */
agent_read agent_read_later;
