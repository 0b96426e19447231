// SPDX-License-Identifier: Apache-2.0
/* XDP: the one eBPF program that sees a link's packets before the kernel's networking does. */
#pragma once

#include "net/nl.h"

/* Run by the link's driver, or by the kernel in its place. */
enum fl_xdp_mode { FL_XDP_NONE, FL_XDP_NATIVE, FL_XDP_GENERIC };

/* What a link has. */
struct fl_xdp {
	enum fl_xdp_mode mode;
	uint32_t prog_id; /* of the kernel's; 0: no program */
};

/* No program, where there is no such link. Of programs in both modes, the native one. */
fl_must int fl_xdp_get(struct fl_nl *nl, uint32_t link, struct fl_xdp *out, struct fl_err *err);

/*
 * Makes the program the link's, in place of this one in the same mode: no packet passes between the
 * two. prog_fd -1 takes it off; no such link counts as done then. instead_of -1: in place of none.
 * -EEXIST and -EBUSY: it has another; -EOPNOTSUPP: the driver takes none.
 */
void fl_xdp_put(struct fl_batch *b, uint32_t link, int prog_fd, int instead_of,
		enum fl_xdp_mode mode);
