// SPDX-License-Identifier: Apache-2.0
/* The host's way to a routed pod. */
#include "net/podway.h"

#include "net/neigh.h"
#include "net/route.h"

void fl_podway_put(struct fl_batch *b, uint32_t link, const struct fl_ip *ip,
		   const uint8_t mac[FL_MAC_LEN])
{
	struct fl_neigh pod = { .link = link, .ip = *ip };
	const struct fl_route route = {
		.dst = { .ip = *ip, .len = (uint8_t)fl_ip_bits(ip) },
		.link = link,
		.table = FL_ROUTE_TABLE_MAIN,
		.scope = FL_ROUTE_SCOPE_LINK,
		.protocol = FL_ROUTE_BY_POD,
	};

	memcpy(pod.mac, mac, FL_MAC_LEN);
	fl_neigh_put(b, &pod);
	fl_route_put_new(b, &route);
}
