// SPDX-License-Identifier: Apache-2.0
/* Whose rules stand in the way of forwarded packets. */
#pragma once

#include "net/nl.h"

/* A base chain, of whatever made it: "nft" or "iptables" in its nf_tables form. Texts are borrowed.
 */
struct fl_nft_foreign {
	const char *family, *table, *chain; /* "ip", "filter", "FORWARD" */
};

/*
 * Calls each() for every base chain at the hook forward whose policy is to drop, or that has a rule
 * which drops or rejects whatever comes to it; of the latter at most 32 chains are looked at. nl: a
 * netfilter socket. -EOPNOTSUPP or the like: the kernel has no nf_tables.
 */
fl_must int fl_nft_forward_drops(struct fl_nl *nl,
				 void (*each)(const struct fl_nft_foreign *chain, void *arg),
				 void *arg, struct fl_err *err);
