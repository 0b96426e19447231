// SPDX-License-Identifier: Apache-2.0
/* What a session that runs keeps when the configuration is another one. Pure. */
#pragma once

#include "base/err.h"

/*
 * Writes the wanted configuration to *out, but the sessions whose options differ from those in
 * force in nothing but the times of connecting have these: BIRD would end and begin them again for
 * the new ones. in_force NULL: as wanted. *out is the caller's.
 */
fl_must int bgp_keep_times(const char *want, const char *in_force, char **out, struct fl_err *err);
