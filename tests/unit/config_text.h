// SPDX-License-Identifier: Apache-2.0
/* Texts of agent.yaml read, for the tests of agent/config. */
#pragma once

#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/config/config.h"

static inline struct agent_config read_text(const char *text)
{
	struct agent_config c = { 0 };
	struct fl_err err = { 0 };

	CHECK_OK(agent_config_read("agent.yaml", text, strlen(text), &c, &err), &err);
	return c;
}

static inline void check_refused(const char *text, const char *want)
{
	struct agent_config c = { .mtu = 7 };
	struct fl_err err = { 0 };

	CHECK_FAILS(agent_config_read("agent.yaml", text, strlen(text), &c, &err), EINVAL, &err,
		    want);
	CHECK(c.mtu == 7);
}

/* Reads a document in which only this key is set. */
static inline int read_one(const char *path, const char *value, struct agent_config *out,
			   struct fl_err *err)
{
	const char *dot = strchr(path, '.'), *last = strrchr(path, '.');
	char text[256];

	if (strncmp(path, "bgp.peers[].", 12) == 0)
		snprintf(text, sizeof(text), "bgp: {peers: [{address: 192.0.2.1, %s: %s}]}\n",
			 path + 12, value);
	else if (dot)
		snprintf(text, sizeof(text), "%.*s: {%s: %s}\n", (int)(dot - path), path, last + 1,
			 value);
	else
		snprintf(text, sizeof(text), "%s: %s\n", path, value);
	return agent_config_read("f", text, strlen(text), out, err);
}
