// SPDX-License-Identifier: Apache-2.0
/*
 * What the plugins have put on the node for a network without an agent, beside its pods: so that
 * an ADD with another list of peers takes away what is no longer wanted, and nothing of another
 * network. One JSON file a network:
 *
 *   ROOT/run/fairlead/networks/NETWORK.json
 *     {"version":1, "network":"pods", "device":"fairlead.1", "masquerade":true,
 *      "blocks":["10.244.1.0/24"], "routes":["10.244.1.0/24", "10.244.2.0/24"]}
 *
 * Written by replacing; all writers hold the folder's lock. "blocks" are the node's own that the
 * configuration does not name. Routes are written down before they are put, so one that is not
 * in a record is not ours. /run is emptied by a boot, and so are the routes.
 */
#pragma once

#include "base/deadline.h"
#include "base/ip.h"
#include "json/json.h"

#define FL_NETWORK_BLOCKS_MAX 64

struct fl_network {
	const char *name;
	const char *device; /* of the overlay; NULL: none */
	bool masquerade;    /* it has a table in the firewall */
	size_t n_blocks;
	struct fl_prefix blocks[FL_NETWORK_BLOCKS_MAX];
	size_t n_routes;
	struct fl_prefix *routes; /* owned */
	struct fl_json *tree;	  /* what a network that was read borrows from; owned */
};

/* Frees what a network holds. */
void fl_network_done(struct fl_network *net);
#define fl_auto_network fl_auto(fl_network_done)

/* The folder, opened and locked. */
struct fl_networks {
	int dir, lock; /* -1: not open */
};

#define FL_NETWORKS_CLOSED \
	{                  \
		-1, -1     \
	}

/*
 * Opens the folder, which is made if need be, and locks it against other writers: until
 * fl_networks_done(). -ETIMEDOUT at the deadline.
 */
fl_must int fl_networks_lock(const char *root, const struct fl_deadline *deadline,
			     struct fl_networks *out, struct fl_err *err);

/* Opens the folder for reading only. -ENOENT: there is none. */
fl_must int fl_networks_open(const char *root, struct fl_networks *out, struct fl_err *err);

/* Unlocks and closes. */
void fl_networks_done(struct fl_networks *nets);
#define fl_auto_networks fl_auto(fl_networks_done)

/* Reads the record of a network. -ENOENT: none; -EINVAL: it is not readable as one. */
fl_must int fl_network_read(const struct fl_networks *nets, const char *name,
			    struct fl_network *out, struct fl_err *err);

/* Writes the record, unless it says so already. */
fl_must int fl_network_write(const struct fl_networks *nets, const struct fl_network *net,
			     struct fl_err *err);

/* Removes the record; none counts as removed. */
fl_must int fl_network_remove(const struct fl_networks *nets, const char *name, struct fl_err *err);

/*
 * Calls each() for every readable record, which each() may remove. Out of descriptors or memory,
 * or unable to read on, it ends with that error, since what it has not seen may be there.
 */
fl_must int fl_network_list(const struct fl_networks *nets,
			    int (*each)(const struct fl_network *net, void *arg,
					struct fl_err *err),
			    void *arg, struct fl_err *err);

/* From and to JSON; pure. What is read borrows from tree, which *out then owns. */
fl_must int fl_network_from_json(struct fl_json *tree, struct fl_network *out, struct fl_err *err);
fl_must int fl_network_to_json(const struct fl_network *net, struct fl_json **out,
			       struct fl_err *err);
