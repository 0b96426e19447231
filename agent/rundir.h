// SPDX-License-Identifier: Apache-2.0
/*
 * The agent's own files below ROOT/run/fairlead: "agent.lock", locked while an agent runs and
 * holding its process id, and "drained", which is there while the node is drained.
 */
#pragma once

#include "base/err.h"

/* The folder, made if need be; *dir is the caller's. */
fl_must int agent_rundir_open(const char *root, int *dir, struct fl_err *err);

/* Makes this the only agent here, until *lock is closed. -EBUSY names the process that is. */
fl_must int agent_rundir_lock(int dir, int *lock, struct fl_err *err);

/* Whether the node is drained. */
fl_must int agent_drained_get(int dir, bool *drained, struct fl_err *err);

/* Remembers it. */
fl_must int agent_drained_set(int dir, bool drained, struct fl_err *err);
