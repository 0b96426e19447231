// SPDX-License-Identifier: Apache-2.0
/*
 * Masquerade of what pods send to the outside of the cluster: everything from this node's blocks
 * to no block of the cluster. Three rules, whatever the number of nodes and pods.
 *
 *   table inet TABLE
 *     set home4, home6, cluster4, cluster6 (intervals)
 *     chain postrouting (srcnat)
 *	 ip saddr @home4 ip daddr != @cluster4 ip daddr != 224.0.0.0/4 masquerade
 *	 ip6 saddr @home6 ip6 daddr != @cluster6 ip6 daddr != ff00::/8 masquerade
 */
#pragma once

#include "base/ip.h"
#include "net/nl.h"

/*
 * Makes the table hold exactly these blocks, in one transaction; nothing is sent when it does
 * already. home is part of cluster. nl: a netfilter socket. *changed, when something was done.
 * -EOPNOTSUPP: the kernel has no nf_tables.
 */
fl_must int fl_outside_apply(struct fl_nl *nl, const char *table, const struct fl_prefix *home,
			     size_t n_home, const struct fl_prefix *cluster, size_t n_cluster,
			     bool *changed, struct fl_err *err);

/* 0 when in force for these blocks; -ENOENT with object, expected and found otherwise. */
fl_must int fl_outside_check(struct fl_nl *nl, const char *table, const struct fl_prefix *home,
			     size_t n_home, const struct fl_prefix *cluster, size_t n_cluster,
			     struct fl_err *err);

/* Removes the table; one that is not there counts as removed. */
fl_must int fl_outside_remove(struct fl_nl *nl, const char *table, struct fl_err *err);
