// SPDX-License-Identifier: Apache-2.0
/* The vxlan plugin: routed pods, and other nodes through an overlay. */
#pragma once

#include "cni/plugin.h"

extern const struct fl_cni_plugin vx_plugin;
