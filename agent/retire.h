// SPDX-License-Identifier: Apache-2.0
/* The end of enforcement: an agent that enforces no policies comes after one that did. */
#pragma once

#include "base/err.h"

/*
 * Takes away what agents before this one have left of the datapath: it must not stay half alive.
 * maps: the folder of its pinned maps; root: in front of all paths. Pods join no more from the
 * beginning on. What fails or is interrupted half way is taken up again by the next call; without
 * a datapath nothing is done.
 */
fl_must int policy_retire(const char *maps, const char *root, struct fl_err *err);
