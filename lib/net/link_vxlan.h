// SPDX-License-Identifier: Apache-2.0
/* For link_read.c only: the part of a link's message that only VXLAN devices have. */
#pragma once

#include "net/link.h"

struct nlattr;

/* Reads IFLA_INFO_DATA of a VXLAN device; what it lacks stays as it is. */
void fl_link_vxlan_read(const struct nlattr *data, struct fl_link *link);
