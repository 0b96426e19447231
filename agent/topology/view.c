// SPDX-License-Identifier: Apache-2.0
/* What the kernel says of this node: its interface, its networks, whether it forwards. */
#include "agent/topology/topo.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/text.h"
#include "net/netns.h"

#define LOOPBACK 1 /* index of lo in every namespace */

void topo_view_done(struct topo_view *v)
{
	fl_free_p(&v->addrs);
	*v = (struct topo_view){ 0 };
}

static int each_addr(const struct fl_addr *addr, void *arg, struct fl_err *err)
{
	struct topo_view *v = arg;
	struct fl_addr *grown = v->addrs;

	/* Room for twice as many whenever the number is a power of two. */
	if ((v->n_addrs & (v->n_addrs - 1)) == 0)
		grown = reallocarray(v->addrs, v->n_addrs ? v->n_addrs * 2 : 1, sizeof(*grown));
	if (!grown)
		return fl_fail_errno(err, ENOMEM, "list addresses");
	v->addrs = grown;
	v->addrs[v->n_addrs++] = *addr;
	return 0;
}

/* The interface of this index; by its name, which may change under our hands: then again. */
static int get_link(struct fl_nl *nl, uint32_t index, struct fl_link *out, struct fl_err *err)
{
	char name[IF_NAMESIZE];
	int r = -ENODEV;

	for (int tries = 0; tries < 3; tries++) {
		if (!if_indextoname(index, name))
			return fl_fail_errno(err, ENODEV, "find interface %u", index);
		r = fl_link_get(nl, name, out, err);
		if (r != -ENODEV && (r < 0 || out->index == index))
			return r;
	}
	return fl_fail(err, ENODEV, "find interface %u: its name keeps changing", index);
}

int topo_view_read(struct fl_nl *nl, const struct fl_ip *ip, struct topo_view *out,
		   struct fl_err *err)
{
	fl_auto_view struct topo_view v = { 0 };
	const struct fl_addr *own = NULL;
	char text[FL_IP_STR];
	int r;

	r = fl_addr_list(nl, 0, 0, each_addr, &v, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < v.n_addrs; i++)
		if (fl_ip_cmp(&v.addrs[i].addr.ip, ip) == 0 && (!own || own->link == LOOPBACK))
			own = &v.addrs[i];
	if (!own)
		return fl_fail(err, ENODEV, "no interface has the node's address %s",
			       fl_ip_format(ip, text));
	r = get_link(nl, own->link, &v.underlay, err);
	if (r < 0)
		return r;
	*out = v;
	v = (struct topo_view){ 0 };
	return 0;
}

bool topo_view_on_link(const struct topo_view *v, const struct fl_ip *ip, uint32_t *link)
{
	bool found = false;

	for (size_t i = 0; i < v->n_addrs; i++) {
		const struct fl_addr *a = &v->addrs[i];

		if (a->link == LOOPBACK || !fl_prefix_contains(&a->addr, ip) ||
		    a->addr.len == fl_ip_bits(ip))
			continue;
		if (!found || a->link == v->underlay.index)
			*link = a->link;
		found = true;
	}
	return found;
}

static bool has_family(const struct fl_peer *self, int family)
{
	for (size_t i = 0; i < self->n_cidrs; i++)
		if (fl_ip_family(&self->cidrs[i].ip) == family)
			return true;
	return false;
}

/* A host that forwards ignores router advertisements unless accept_ra is 2. */
static int keep_advertised(const char *underlay, struct fl_err *err)
{
	char path[80], name[64], was[8] = "";
	int r;

	r = fl_format(name, sizeof(name), err, "ipv6/conf/%s/accept_ra", underlay) ?:
	    fl_format(path, sizeof(path), err, "/proc/sys/net/%s", name) ?:
	    fl_read_small(AT_FDCWD, path, was, sizeof(was), err);
	if (r < 0 || !fl_streq(was, "1"))
		return r == -ENOENT ? 0 : r;
	return fl_sysctl_set(name, "2", err);
}

int topo_forward(struct fl_nl *nl, const struct fl_peer *self, const char *underlay,
		 struct fl_err *err)
{
	bool on = false;
	int r = 0;

	if (has_family(self, AF_INET))
		r = fl_sysctl_set("ipv4/ip_forward", "1", err);
	if (r < 0 || !has_family(self, AF_INET6))
		return r;
	r = fl_ipv6_forwarding_get(nl, &on, err);
	if (r < 0 || on)
		return r;
	return keep_advertised(underlay, err)
		       ?: fl_sysctl_set("ipv6/conf/all/forwarding", "1", err);
}
