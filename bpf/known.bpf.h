// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The way to another node that an earlier packet of the connection has found, kept in its entry. It
 * is taken again only as long as the kernel's tables are the same as they were before they were
 * asked, which the kernel's own number of their state tells, and for a fraction of a second, which
 * is for what that does not tell: what is known of paths' MTUs, and which of several ways a packet
 * takes. The neighbour is none of it: whoever sends the packet asks for that. Through the overlay
 * it is the way of the outer packet.
 *
 * Two words, each read and written at once, so that no reader finds parts of two ways: what is in
 * the first belongs together, and says to which second one it belongs. Two that are written under
 * one state of the tables may be mixed; both lengths were right then.
 */
#pragma once

#include "bpf/flow.bpf.h"
#include "bpf/kernel.bpf.h"

/* As in <sys/socket.h>, which is the C library's. */
enum { FL_AF_INET = 2, FL_AF_INET6 = 10 };

/*
 * The entry's way, if it is that of tables in this state. False: there is none, and *k is where one
 * may be put that is found now.
 */
static __always_inline bool fl_known_get(const struct fl_flow *f, __u32 state, __u32 now,
					 struct fl_known *k)
{
	k->proof = *(const volatile __u64 *)&f->known.proof;
	k->way = *(const volatile __u64 *)&f->known.way;
	if (k->mtu && k->state == state && k->state_low == (__u16)state &&
	    (__u16)(k->when | FL_KNOWN_OUTER) == fl_known_when(now, true))
		return true;
	*k = (struct fl_known){ .state = state, .state_low = (__u16)state };
	return false;
}

/* Writes down what a look-up has found, if a way can be that. */
static __always_inline void fl_known_set(struct fl_known *k, const struct bpf_fib_lookup *fib,
					 bool is_outer)
{
	if (fib->family != FL_AF_INET || fib->ifindex > 0xffff)
		return;
	k->hop_be = fib->ipv4_dst;
	k->ifindex = (__u16)fib->ifindex;
	k->mtu = fib->mtu_result;
	k->when = is_outer ? FL_KNOWN_OUTER : 0;
}

/*
 * Keeps a way in the entry that l is of. An entry that has become another connection's meanwhile
 * does not keep it.
 */
static __always_inline void fl_known_put(struct fl_flow *f, const struct fl_lookup *l,
					 struct fl_known *k)
{
	k->when = fl_known_when(l->now, k->when & FL_KNOWN_OUTER);
	*(volatile __u64 *)&f->known.way = k->way;
	*(volatile __u64 *)&f->known.proof = k->proof;
	if (bpf_map_lookup_elem(&fl_flows, &l->key) != f)
		*(volatile __u64 *)&f->known.proof = 0;
}
