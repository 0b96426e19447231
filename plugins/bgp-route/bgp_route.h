// SPDX-License-Identifier: Apache-2.0
/* The bgp-route plugin: routed pods, and other nodes by plain routes. */
#pragma once

#include "cni/plugin.h"

extern const struct fl_cni_plugin bgp_plugin;
