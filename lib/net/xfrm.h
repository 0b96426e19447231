// SPDX-License-Identifier: Apache-2.0
/* IPsec: whether anybody wants packets of this namespace treated by it. */
#pragma once

#include "net/nl.h"

/*
 * How many policies there are, of any direction. nl: a socket of FL_NL_XFRM. Needs CAP_NET_ADMIN.
 */
fl_must int fl_xfrm_policies(struct fl_nl *nl, uint32_t *n, struct fl_err *err);
