// SPDX-License-Identifier: Apache-2.0
/* What the agent's metrics say of policies in force and of the pods' packets. */
#pragma once

#include "agent/api/metrics.h"
#include "agent/enforce/enforce.h"

/* Adds them; what the kernel does not tell is left out. */
void policy_figures(struct enf *e, struct api_metrics *m);
