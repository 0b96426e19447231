// SPDX-License-Identifier: Apache-2.0
/* How the VTEP wraps up what it sends: from the device, the forwarding entries and the settings of
 * the node. */
#include "agent/topology/topo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define SETTINGS "/proc/sys/net/ipv4/"

void topo_tunnels_done(struct topo_tunnels *t)
{
	fl_free_p(&t->to);
	*t = (struct topo_tunnels){ 0 };
}

/* The numbers of a setting, of which there are so many. False: it does not say them. */
static bool read_numbers(const char *path, unsigned int *v, int n)
{
	char text[64];
	struct fl_err ignored;

	return fl_read_small(AT_FDCWD, path, text, sizeof(text), &ignored) == 0 &&
	       sscanf(text, n == 1 ? "%u" : "%u %u", v, v + 1) == n;
}

/* What the kernel takes for a device that has no setting of its own. */
static bool read_settings(struct topo_tunnels *out)
{
	unsigned int ttl[2] = { 0 }, ports[2] = { 0 };

	if (!read_numbers(SETTINGS "ip_default_ttl", ttl, 1) ||
	    !read_numbers(SETTINGS "ip_local_port_range", ports, 2) || ttl[0] < 1 || ttl[0] > 255 ||
	    ports[0] >= ports[1] || ports[1] > UINT16_MAX)
		return false;
	out->ttl = (uint8_t)ttl[0];
	out->sport_first = (uint16_t)ports[0];
	out->sports = (uint16_t)(ports[1] - ports[0]);
	return true;
}

/* True when struct topo_tunnels says all that the device does. */
static bool is_plain(const struct fl_link *vtep)
{
	return vtep->index && !vtep->odd && !vtep->queued && !vtep->external &&
	       fl_ip_is4(&vtep->vxlan.local);
}

int topo_tunnels(const struct topo *t, struct topo_tunnels *out, struct fl_err *err)
{
	struct topo_part part = { .peers = t->set.peers, .n = t->set.n };
	fl_auto_peers_plan struct fl_peers_plan *plan = NULL;
	struct topo_tunnels found = { .link = t->vtep.index, .vxlan = t->vtep.vxlan };
	const struct fl_fdb *fdb;
	int r;

	*out = (struct topo_tunnels){ 0 };
	if (!is_plain(&t->vtep) || !read_settings(&found))
		return 0;
	r = topo_plan(t, &part, &plan, err);
	if (r < 0)
		return r;
	fdb = fl_peers_plan_fdb(plan, &found.n);
	found.to = calloc(found.n + 1, sizeof(*found.to));
	if (!found.to)
		return fl_fail_errno(err, ENOMEM, "list the ways through the overlay");
	if (found.n)
		memcpy(found.to, fdb, found.n * sizeof(*fdb));
	*out = found;
	return 0;
}
