// SPDX-License-Identifier: Apache-2.0
/* Proof that an attachment works, so that nobody is fast by doing less. */
#pragma once

#include "base/err.h"

/*
 * Sends a datagram from the namespace pod to the world outside of the host, and looks at its
 * source there: the host's address when masq, otherwise the pod's. -EPROTO when it is neither,
 * -ETIMEDOUT when nothing arrives.
 */
fl_must int bench_prove(const char *pod, const char *outside, bool masq, struct fl_err *err);
