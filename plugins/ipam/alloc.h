// SPDX-License-Identifier: Apache-2.0
/* Choosing addresses: one of each set, all or none. */
#pragma once

#include "plugins/ipam/conf.h"
#include "plugins/ipam/store.h"

/* The addresses that one ADD holds so far; released again unless kept. */
struct ipam_taken {
	struct ipam_store *store;
	const char *id, *ifname;
	struct fl_ip *ips; /* n of them, one a set, in the sets' order */
	size_t n;
};

/* Releases what has been taken, quietly, and frees the list. */
void ipam_taken_undo(struct ipam_taken *t);
#define fl_auto_ipam_taken fl_auto(ipam_taken_undo)

/* Keeps what has been taken, and frees the list. */
void ipam_taken_keep(struct ipam_taken *t);

/*
 * Leases one address of each set to t's (id, ifname): a requested one where the set holds it,
 * else the next free one. On failure what was taken stays in t, to be undone.
 * Codes: FL_CNI_NO_ADDRESS (full, not free, in no set), FL_CNI_CONFIG (the gateway).
 */
fl_must int ipam_alloc_all(const struct ipam_conf *conf, struct ipam_taken *t, struct fl_err *err);

/* True when the set has an address that can be given out. */
bool ipam_alloc_has_free(const struct ipam_index *ix, const struct ipam_set *set);
