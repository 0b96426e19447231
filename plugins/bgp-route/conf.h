// SPDX-License-Identifier: Apache-2.0
/*
 * The bgp-route plugin's configuration: that of routed networks, without an overlay's keys. Pure:
 * no kernel, no files. The keys are documented in README.md.
 */
#pragma once

#include "attach/routed_conf.h"

/*
 * Reads and validates; *out is the caller's to end. args: the parsed CNI_ARGS. -EINVAL with code
 * FL_CNI_CONFIG or FL_CNI_ENV.
 */
fl_must int bgp_conf_read(const struct fl_cur *c, const struct fl_cni_args *args,
			  struct fl_routed_conf *out, struct fl_err *err);
