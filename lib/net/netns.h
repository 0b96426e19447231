// SPDX-License-Identifier: Apache-2.0
/*
 * Short visits to another network namespace: enter, open what must be opened there, come
 * home. The process never works in a foreign namespace; if it cannot come home, it aborts.
 */
#pragma once

#include "net/nl.h"

/* What is done on a visit: open sockets and files, nothing that waits. */
typedef int fl_netns_visit(void *arg, struct fl_err *err);

/*
 * Calls visit(arg) inside the namespace and returns what it returns. home: the caller's own
 * namespace where that is open already, which saves two calls; else 0 or -1.
 */
fl_must int fl_netns_run(int netns_fd, int home, fl_netns_visit *visit, void *arg,
			 struct fl_err *err);

/* fl_nl_open() for a routing socket inside the namespace. */
fl_must int fl_netns_open_nl(int netns_fd, int home, struct fl_nl **out, struct fl_err *err);

/*
 * Makes /proc/sys/net/NAME of the current namespace hold value, writing only when it does not:
 * name uses '/' between its parts. -ENOENT: this kernel has no such setting.
 */
fl_must int fl_sysctl_set(const char *name, const char *value, struct fl_err *err);

/* Whether the namespace of nl forwards IPv6; for IPv4 see struct fl_link. */
fl_must int fl_ipv6_forwarding_get(struct fl_nl *nl, bool *on, struct fl_err *err);
