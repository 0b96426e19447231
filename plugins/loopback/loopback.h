// SPDX-License-Identifier: Apache-2.0
/* loopback: brings up "lo" in the pod. */
#pragma once

#include "cni/plugin.h"

extern const struct fl_cni_plugin lo_plugin;
