// SPDX-License-Identifier: Apache-2.0
/* Finding a network's configuration on disk, as libcni does. */
#pragma once

#include "runtime/net_conf.h"

#define BERTH_CONF_MAX (4u << 20) /* bytes of one configuration file */

/*
 * Finds the network: what holds a '/' or ends in .conflist, .conf or .json and is a file is
 * read directly, anything else is a name looked up in folder dir: all *.conflist in order of
 * their names, then all *.conf and *.json. As with libcni, a file on the way that cannot be
 * read ends the search. -ENOENT: no such network.
 */
fl_must int berth_list_load(const char *network, const char *dir, struct berth_list *out,
			    struct fl_err *err);
