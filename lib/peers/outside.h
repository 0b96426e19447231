// SPDX-License-Identifier: Apache-2.0
/*
 * Masquerade of what pods send to the outside of the cluster: everything from this node's blocks
 * to no block of the cluster. Two rules, whatever the number of nodes and pods.
 *
 *   table inet TABLE
 *     set home4, home6, cluster4, cluster6 (intervals)
 *     chain postrouting (srcnat)
 *	 ip saddr @home4 ip daddr != @cluster4 ip daddr != 224.0.0.0/4 masquerade
 *	 ip6 saddr @home6 ip6 daddr != @cluster6 ip6 daddr != ff00::/8 masquerade
 *
 * The sets hold intervals of addresses: blocks that touch or lie in each other become one.
 */
#pragma once

#include "base/ip.h"
#include "net/nl.h"

#define FL_OUTSIDE_MAX 16384 /* intervals of one family */

/* What is at home here, and what is of the cluster, of which home is a part. */
struct fl_outside {
	const char *table;
	const struct fl_prefix *home, *cluster;
	size_t n_home, n_cluster;
};

/*
 * Makes the table hold exactly these blocks, in one transaction; nothing is sent when it does
 * already. nl: a netfilter socket. *changed, when something was done. -EOPNOTSUPP: the kernel has
 * no nf_tables. -E2BIG: more intervals than FL_OUTSIDE_MAX.
 */
fl_must int fl_outside_apply(struct fl_nl *nl, const struct fl_outside *o, bool *changed,
			     struct fl_err *err);

/* 0 when in force for these blocks; -ENOENT with object, expected and found otherwise. */
fl_must int fl_outside_check(struct fl_nl *nl, const struct fl_outside *o, struct fl_err *err);

/* Removes the table; one that is not there counts as removed. */
fl_must int fl_outside_remove(struct fl_nl *nl, const char *table, struct fl_err *err);
