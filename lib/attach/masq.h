// SPDX-License-Identifier: Apache-2.0
/*
 * Masquerade of a network's pods towards everything outside their own subnet, with one
 * nf_tables table a network and a number of rules that does not grow with the pods: one
 * rule a subnet, one set a family that holds the pods' addresses.
 *
 *   table inet fairlead-NETWORK
 *     set pods4, pods6              addresses of pods
 *     chain postrouting (srcnat)    a rule for each subnet S:
 *       ip saddr S ip daddr != S ip daddr != 224.0.0.0/4 ip saddr @pods4 masquerade
 *
 * Other rules and sets of that table are left alone. An object of one of these names that is
 * of another type makes an add fail with -EEXIST, and counts as drift in a check.
 */
#pragma once

#include "base/ip.h"
#include "net/nl.h"

#define FL_MASQ_MAX_ADDRS   4096 /* in one call */
#define FL_MASQ_MAX_SUBNETS 16	 /* of both families, in one call */

/*
 * Makes the table, the rules for these addresses' subnets, and the addresses' elements be
 * there, all or nothing; what is there already stays, what somebody removed comes back. addrs:
 * a pod's addresses with their subnets' lengths. nl: a netfilter socket.
 * *fresh becomes true when the table or a set had to be made, else false: the elements of other
 * pods are then missing, and the caller may add them with the same call. -E2BIG: above one of
 * the limits. -EAGAIN: the rule set kept changing during 100 tries.
 * -EOPNOTSUPP: the kernel has no nf_tables; del and sweep have nothing to do there.
 */
fl_must int fl_masq_add(struct fl_nl *nl, const char *network, const struct fl_prefix *addrs,
			size_t n, bool *fresh, struct fl_err *err);

/* Removes the addresses' elements; those not there count as removed, so does a missing table. */
fl_must int fl_masq_del(struct fl_nl *nl, const char *network, const struct fl_ip *addrs, size_t n,
			struct fl_err *err);

/*
 * 0 when table, chain, rules and elements for these addresses are in force. Otherwise -ENOENT with
 * the object, what was expected and what was found in the text.
 */
fl_must int fl_masq_check(struct fl_nl *nl, const char *network, const struct fl_prefix *addrs,
			  size_t n, struct fl_err *err);

/* Removes every element for which keep() says false. A missing table is fine. */
fl_must int fl_masq_sweep(struct fl_nl *nl, const char *network,
			  bool (*keep)(const struct fl_ip *ip, void *arg), void *arg,
			  struct fl_err *err);
