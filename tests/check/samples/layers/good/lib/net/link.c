// SPDX-License-Identifier: Apache-2.0
/* Includes its own layer and the one below. */
#include "net/link.h"

#include <linux/rtnetlink.h>
#include <netlink/attr.h>

#include "base/err.h"
#include "own.h"
