// SPDX-License-Identifier: Apache-2.0
/*
 * Pinning bridge ports to their pod's MAC address: frames that enter the bridge from a
 * pinned port with another source address are dropped. One nf_tables table a network in the
 * bridge family, one rule whatever the number of ports.
 *
 *   table bridge fairlead-NETWORK
 *     set ports   interface names that are pinned; the element's comment is the MAC
 *     set macs    interface name . MAC address that may be a source
 *     chain prerouting (before all others): iifname @ports iifname . ether saddr != @macs drop
 *
 * Other rules and sets of that table are left alone. An object of one of these names that is
 * of another type makes an add fail with -EEXIST, and counts as drift in a check. Ports have 1 to
 * 15 bytes, else -EINVAL.
 */
#pragma once

#include "base/text.h"
#include "net/nl.h"

/*
 * Makes the table, rule and this port's elements be there, all or nothing; another MAC that
 * the port was pinned to is no longer allowed. nl: a netfilter socket.
 * *fresh becomes true when the table or a set had to be made, else false: the elements of other
 * ports are then missing, and the caller may add them with the same call.
 * -EOPNOTSUPP: the kernel has no nf_tables; del has nothing to do there.
 */
fl_must int fl_spoof_add(struct fl_nl *nl, const char *network, const char *port,
			 const uint8_t mac[FL_MAC_LEN], bool *fresh, struct fl_err *err);

/* Removes the port's elements, whatever its MAC; nothing there counts as removed. */
fl_must int fl_spoof_del(struct fl_nl *nl, const char *network, const char *port,
			 struct fl_err *err);

/* 0 when in force; -ENOENT with object, expected and found otherwise. */
fl_must int fl_spoof_check(struct fl_nl *nl, const char *network, const char *port,
			   const uint8_t mac[FL_MAC_LEN], struct fl_err *err);

/*
 * Removes the elements of every port for which keep() says false; names come without padding.
 * A missing table is fine.
 */
fl_must int fl_spoof_sweep(struct fl_nl *nl, const char *network,
			   bool (*keep)(const char *port, void *arg), void *arg,
			   struct fl_err *err);
