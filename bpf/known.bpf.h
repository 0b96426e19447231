// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The way to another node that an earlier packet of the connection has found, kept in its entry. It
 * is taken again only as long as the kernel's tables are the same as they were before they were
 * asked, which the kernel's own number of their state tells, and for a fraction of a second, which
 * is for what that does not tell: what is known of paths' MTUs, and which of several ways a packet
 * takes. The neighbour is none of it: whoever sends the packet asks for that.
 *
 * Two words, each read and written at once, so that no reader finds parts of two ways: what is in
 * the first belongs together, and says to which second one it belongs. Two that are written under
 * one state of the tables may be mixed; both lengths were right then.
 */
#pragma once

#include "bpf/flow.bpf.h"
#include "bpf/kernel.bpf.h"

/* True when the entry's way is that of tables in this state; it is in *k then. */
static __always_inline bool fl_known_get(const struct fl_flow *f, __u32 state, __u32 now,
					 struct fl_known *k)
{
	k->proof = *(const volatile __u64 *)&f->known.proof;
	k->way = *(const volatile __u64 *)&f->known.way;
	return k->state == state && k->state_low == (__u16)state &&
	       k->period == (__u16)(now >> FL_KNOWN_SHIFT);
}

/*
 * Keeps a way in the entry that l is of. An entry that has become another connection's meanwhile
 * does not keep it.
 */
static __always_inline void fl_known_put(struct fl_flow *f, const struct fl_lookup *l,
					 struct fl_known *k)
{
	k->state_low = (__u16)k->state;
	k->period = (__u16)(l->now >> FL_KNOWN_SHIFT);
	*(volatile __u64 *)&f->known.way = k->way;
	*(volatile __u64 *)&f->known.proof = k->proof;
	if (bpf_map_lookup_elem(&fl_flows, &l->key) != f)
		*(volatile __u64 *)&f->known.proof = 0;
}
