// SPDX-License-Identifier: Apache-2.0
/* How a store is opened and its index made ready: store.c's other half. Under the lock. */
#pragma once

#include "plugins/ipam/store.h"

/* Opens directory and lock file, without locking. -ENOENT: no directory and not create. */
fl_must int ipam_load_open(struct ipam_store *s, const struct ipam_where *where, bool create,
			   struct fl_err *err);

/* Maps the index if it is fresh, else makes it anew from the files, healing them. */
fl_must int ipam_load_index(struct ipam_store *s, struct fl_err *err);

/* Makes the index anew whatever the old one claims. */
fl_must int ipam_load_again(struct ipam_store *s, struct fl_err *err);

/* Tries to put an index that is in the heap into its file; without it we go on in the heap. */
void ipam_load_save(struct ipam_store *s);
