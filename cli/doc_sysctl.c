// SPDX-License-Identifier: Apache-2.0
/* Settings below /proc/sys/net that pods' packets depend on. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/doctor.h"

#define BLOCKED_AT 1 /* rp_filter: strict */

/* The value, or -1 where there is no such setting. */
static int64_t read_sysctl(const char *name)
{
	char path[128], text[32];
	struct fl_err none;
	uint32_t n = 0;

	if (fl_format(path, sizeof(path), &none, "/proc/sys/net/%s", name) < 0 ||
	    fl_read_small(AT_FDCWD, path, text, sizeof(text), &none) < 0 ||
	    fl_parse_u32(text, 0, UINT32_MAX, &n, &none) < 0)
		return -1;
	return n;
}

static void check_forwarding(struct doc *d, const char *name, const char *path, bool needed,
			     const char *advice)
{
	int64_t on = read_sysctl(path);

	if (on == 1)
		doc_say(d, DOC_OK, name, NULL, "is 1");
	else if (on < 0)
		doc_say(d, needed ? DOC_FAIL : DOC_SKIP, name, needed ? advice : NULL,
			"the kernel has no such setting");
	else
		doc_say(d, needed ? DOC_FAIL : DOC_SKIP, name, needed ? advice : NULL, "is %d%s",
			(int)on,
			needed ? ": nothing is forwarded between pods and network"
			       : ", and no pod or block of that family is known");
}

/* What counts for a device is the greater one of "all" and its own. */
static void check_rp_filter(struct doc *d, const struct fl_link *link)
{
	char name[64], path[64];
	int64_t all = read_sysctl("ipv4/conf/all/rp_filter"), own;
	struct fl_err none;

	if (!link ||
	    fl_format(path, sizeof(path), &none, "ipv4/conf/%s/rp_filter", link->name) < 0 ||
	    fl_format(name, sizeof(name), &none, "sysctl.rp_filter.%s", link->name) < 0)
		return;
	own = read_sysctl(path);
	if ((all > own ? all : own) == BLOCKED_AT)
		doc_say(d, DOC_WARN, name,
			"set it to 2 (loose), and look who sets it: the greater one of "
			"net.ipv4.conf.all.rp_filter and the device's counts",
			"strict (all %d, device %d): what comes from an address whose way back is "
			"another device is dropped, as from another node's own address to a pod",
			(int)all, (int)own);
	else
		doc_say(d, DOC_OK, name, NULL, "not strict (all %d, device %d)", (int)all,
			(int)own);
}

static void check_bridge_call(struct doc *d)
{
	int64_t on = read_sysctl("bridge/bridge-nf-call-iptables");

	if (on < 0)
		doc_say(d, DOC_OK, "sysctl.bridge-nf-call", NULL, "br_netfilter is not loaded");
	else
		doc_say(d, DOC_OK, "sysctl.bridge-nf-call", NULL,
			"bridge-nf-call-iptables is %d; routed pods are on no bridge", (int)on);
}

/*
 * Permanent neighbours, as a VTEP has them, are exempt from the limits (Linux 5.0). What counts are
 * the nodes themselves, where they are on a link of ours.
 */
static void check_neighbours(struct doc *d, int family)
{
	const char *name = family == AF_INET ? "sysctl.gc_thresh.ipv4" : "sysctl.gc_thresh.ipv6";
	int64_t limit = read_sysctl(family == AF_INET ? "ipv4/neigh/default/gc_thresh3"
						      : "ipv6/neigh/default/gc_thresh3");
	size_t n = 0;

	for (size_t i = 0; i < d->n_peers; i++)
		for (size_t a = 0; a < d->peers[i].n_ips; a++)
			n += fl_ip_family(&d->peers[i].ips[a]) == family;
	if (!n)
		return;
	if (limit < 0)
		doc_say(d, DOC_SKIP, name, NULL,
			"only the machine's first network namespace shows it");
	else if ((int64_t)n >= limit)
		doc_say(d, DOC_WARN, name,
			"raise net.ipv4.neigh.default.gc_thresh3 (or ipv6) above the number of "
			"nodes, and gc_thresh2 with it",
			"%zu peers, and at most %d neighbours that are not permanent", n,
			(int)limit);
	else
		doc_say(d, DOC_OK, name, NULL, "%d, for %zu peers", (int)limit, n);
}

void doc_sysctls(struct doc *d)
{
	check_forwarding(d, "sysctl.ip_forward", "ipv4/ip_forward", d->has4,
			 "sysctl -w net.ipv4.ip_forward=1, and a file in /etc/sysctl.d");
	check_forwarding(d, "sysctl.ipv6.forwarding", "ipv6/conf/all/forwarding", d->has6,
			 "sysctl -w net.ipv6.conf.all.forwarding=1, and a file in /etc/sysctl.d");
	check_rp_filter(d, d->underlay);
	check_rp_filter(d, d->vtep);
	check_bridge_call(d);
	check_neighbours(d, AF_INET);
	check_neighbours(d, AF_INET6);
}
