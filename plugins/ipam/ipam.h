// SPDX-License-Identifier: Apache-2.0
/* host-local: addresses out of ranges, remembered in files as the reference plugin does it. */
#pragma once

#include "cni/plugin.h"

extern const struct fl_cni_plugin ipam_plugin;
