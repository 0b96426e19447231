// SPDX-License-Identifier: Apache-2.0
/* Removing a chain that somebody else has made, with the rules that lead to it. */
#pragma once

#include "net/nft.h"

/*
 * Removes the rules of the chain "from" that jump to the chain, and the chain with what is in it,
 * in one transaction. One that is not there counts as removed, and so does its table. -EBUSY:
 * other rules jump to it, and nothing is changed.
 */
fl_must int fl_nft_chain_remove(struct fl_nl *nl, const struct fl_nft_table *t, const char *from,
				const char *chain, struct fl_err *err);
