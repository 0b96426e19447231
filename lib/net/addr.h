// SPDX-License-Identifier: Apache-2.0
/* Addresses of links. "put" appends to a batch; "list" and "del" act at once. */
#pragma once

#include "base/ip.h"
#include "net/nl.h"

/*
 * Adds the address; IPv4 up to /30 gets its broadcast address. An IPv6 address is usable at
 * once, without duplicate address detection, unless dad. -EEXIST when the link has it.
 */
void fl_addr_put(struct fl_batch *b, uint32_t link, const struct fl_prefix *addr, bool dad);

/* An address as the kernel has it. */
struct fl_addr {
	uint32_t link;
	struct fl_prefix addr;
	bool tentative, dad_failed; /* IPv6 */
	bool dynamic;		    /* it has a lifetime */
};

/* Calls each() for every address of the link (0: of all links), of one family or (0) of both. */
fl_must int fl_addr_list(struct fl_nl *nl, uint32_t link, int family,
			 int (*each)(const struct fl_addr *addr, void *arg, struct fl_err *err),
			 void *arg, struct fl_err *err);

/* Removes the address; one that is not there counts as removed. */
fl_must int fl_addr_del(struct fl_nl *nl, uint32_t link, const struct fl_prefix *addr,
			struct fl_err *err);
