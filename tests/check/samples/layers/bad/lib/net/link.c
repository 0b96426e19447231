// SPDX-License-Identifier: Apache-2.0
/* Includes beside, above and below what it may. */
#include "net/link.h"

#include <jansson.h> /* BREACH */

#include "../base/err.h"	   /* BREACH */
#include "cni/plugin.h"		   /* BREACH */
#include "json/json.h"		   /* BREACH */
#include "plugins/bridge/bridge.h" /* BREACH */
