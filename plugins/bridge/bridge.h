// SPDX-License-Identifier: Apache-2.0
/*
 * The bridge plugin: pods on a Linux bridge. ADD and CHECK stand in a file each; they share the
 * configuration (conf.h) and the device (device.h).
 */
#pragma once

#include "cni/plugin.h"

extern const struct fl_cni_plugin br_plugin;

/* These verbs, as struct fl_cni_plugin has them. */
int br_add(const struct fl_cni_req *req, struct fl_json **result, struct fl_err *err);
int br_check(const struct fl_cni_req *req, struct fl_err *err);
