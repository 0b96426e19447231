// SPDX-License-Identifier: Apache-2.0
/* resolv.conf(5) into the members of a result's "dns". Pure. */
#pragma once

#include "json/json.h"

#define IPAM_RESOLV_MAX (64u << 10) /* bytes of the file */

/*
 * A new object with those of nameservers, domain, search and options that the text has; the
 * last domain counts, the lists add up. Comments and words it does not know are skipped.
 */
fl_must int ipam_resolv_parse(const char *text, struct fl_json **out, struct fl_err *err);
