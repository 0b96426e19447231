// SPDX-License-Identifier: Apache-2.0
/* Telling systemd (or whoever set $NOTIFY_SOCKET) how we are, as sd_notify(3) does. */
#pragma once

#include "base/err.h"

/*
 * Sends the state ("READY=1") to the socket, whose path may begin with '@' for an abstract name;
 * NULL or "": nobody listens, and nothing is done. -EINVAL: no such path can be.
 */
fl_must int agent_notify(const char *socket_path, const char *state, struct fl_err *err);
