// SPDX-License-Identifier: Apache-2.0
/* This node's addresses, as the C library lists them. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "agent/bgp/process.h"

static void links_free(struct ifaddrs **all)
{
	if (*all)
		freeifaddrs(*all);
	*all = NULL;
}

/* The address and the length of its mask; false when it is none of a link that leads anywhere. */
static bool read_one(const struct ifaddrs *a, struct fl_prefix *out)
{
	const void *ip, *mask;
	size_t len;

	if (!a->ifa_addr || !a->ifa_netmask || (a->ifa_flags & IFF_LOOPBACK))
		return false;
	if (a->ifa_addr->sa_family == AF_INET) {
		ip = &((const struct sockaddr_in *)a->ifa_addr)->sin_addr;
		mask = &((const struct sockaddr_in *)a->ifa_netmask)->sin_addr;
		len = 4;
	} else if (a->ifa_addr->sa_family == AF_INET6) {
		ip = &((const struct sockaddr_in6 *)a->ifa_addr)->sin6_addr;
		mask = &((const struct sockaddr_in6 *)a->ifa_netmask)->sin6_addr;
		len = 16;
	} else {
		return false;
	}
	out->ip = fl_ip_from_raw(a->ifa_addr->sa_family, ip);
	out->len = 0;
	for (size_t i = 0; i < len; i++)
		out->len += (uint8_t)__builtin_popcount(((const uint8_t *)mask)[i]);
	/* Its own address alone is no link to anybody. */
	return out->len < len * 8;
}

int bgp_links_read(struct fl_prefix **out, size_t *n, struct fl_err *err)
{
	__attribute__((cleanup(links_free))) struct ifaddrs *all = NULL;
	fl_auto_free struct fl_prefix *list = NULL;
	size_t count = 0;

	if (getifaddrs(&all) < 0)
		return fl_fail_errno(err, errno, "list this node's addresses");
	for (const struct ifaddrs *a = all; a; a = a->ifa_next)
		count++;
	list = calloc(count + 1, sizeof(*list));
	if (!list)
		return fl_fail_errno(err, ENOMEM, "list this node's addresses");
	count = 0;
	for (const struct ifaddrs *a = all; a; a = a->ifa_next)
		count += read_one(a, &list[count]);
	*out = FL_TAKE(list);
	*n = count;
	return 0;
}
