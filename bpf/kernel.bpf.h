// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is read of the kernel's own structures. Where in them it lies, the running kernel says
 * itself (BTF); what it has not got is not read, and then nothing is known.
 */
#pragma once

#include <linux/bpf.h>

#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct netns_nexthop {
	unsigned int seq;
};

struct netns_ipv4 {
	struct {
		int counter;
	} rt_genid;
};

struct net {
	struct netns_nexthop nexthop;
	struct netns_ipv4 ipv4;
};

struct net_device {
	struct {
		struct net *net;
	} nd_net;
};

struct sk_buff {
	struct net_device *dev;
};

/* The kernel's name for what it does when it sees a call of bpf_cast_to_kern_ctx(). */
enum special_kfunc_type { KF_bpf_cast_to_kern_ctx };

#pragma clang attribute pop

/* The kernel's side of a program's context. From Linux 6.2 on. */
extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;

/*
 * Reads a number that is another one after every change of what the kernel says of routes of IPv4,
 * in the network namespace of the packet's device. False: this kernel does not tell.
 *
 * The kernel raises rt_genid after each change of routes, rules, addresses and devices, since by it
 * a socket knows that its own route has become old; but a member that is taken out of a group of
 * next hops raises the other one only. Both only grow, so their sum does, too.
 */
static __always_inline bool fl_kernel_routes4(struct __sk_buff *skb, __u32 *out)
{
	const volatile unsigned int *hops;
	const volatile int *routes;
	struct sk_buff *kernel;
	struct net *net;

	if (!bpf_core_enum_value_exists(enum special_kfunc_type, KF_bpf_cast_to_kern_ctx) ||
	    !bpf_core_field_exists(((struct net *)0)->ipv4.rt_genid.counter) ||
	    !bpf_core_field_exists(((struct net *)0)->nexthop.seq))
		return false;
	kernel = bpf_cast_to_kern_ctx(skb);
	net = kernel->dev->nd_net.net;
	routes = &net->ipv4.rt_genid.counter;
	hops = &net->nexthop.seq;
	*out = (__u32)*routes + *hops;
	return true;
}
