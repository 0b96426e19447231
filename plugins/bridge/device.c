// SPDX-License-Identifier: Apache-2.0
/* Ensuring the bridge device and its gateway addresses. */
#include "plugins/bridge/device.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "attach/pair.h"
#include "net/addr.h"
#include "net/netns.h"
#include "state/endpoint.h"

static int read_bridge(struct fl_nl *host, const char *name, struct fl_link *out,
		       struct fl_err *err)
{
	int r = fl_link_get(host, name, out, err);

	if (r < 0)
		return r;
	if (!fl_streq(out->kind, "bridge"))
		return fl_class(err,
				fl_fail(err, ENOTUNIQ, "config 'bridge': '%s' is %s%s, no bridge",
					name, out->kind[0] ? "a " : "a device", out->kind),
				FL_CNI_CONFIG);
	return 0;
}

/* Router advertisements must not give the host routes through its own pods. */
static int set_accept_ra(const char *name, uint8_t value, struct fl_err *err)
{
	char path[64], text[4];
	int r;

	(void)snprintf(path, sizeof(path), "ipv6/conf/%s/accept_ra", name);
	(void)snprintf(text, sizeof(text), "%u", value);
	r = fl_sysctl_set(path, text, err);
	return r == -ENOENT ? 0 : r;
}

static bool wants_vlans(const struct br_conf *conf)
{
	return conf->vlan || conf->has_trunk;
}

static int no_filtering(const struct br_conf *conf, int r, struct fl_err *err)
{
	return fl_wrap(err, r,
		       "config '%s': this kernel has no VLAN filtering "
		       "(CONFIG_BRIDGE_VLAN_FILTERING)",
		       conf->vlan ? "vlan" : "vlanTrunk");
}

static int create_bridge(struct br_device *d, const struct br_conf *conf, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	uint8_t mac[FL_MAC_LEN];
	int r;

	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	fl_random_mac(conf->bridge, mac);
	fl_link_put_bridge(b, conf->bridge, mac, conf->pod.mtu, wants_vlans(conf));
	r = fl_batch_send(d->host, b, err);
	/* Another ADD was faster: as good. Any other failure may have come after the deed. */
	d->made_bridge = r != -EEXIST;
	if (r < 0 && r != -EEXIST)
		return wants_vlans(conf) && r == -EOPNOTSUPP ? no_filtering(conf, r, err) : r;
	return 0;
}

/* Brings a bridge, made now or before, to what the configuration wants. */
static int adjust_bridge(struct br_device *d, const struct br_conf *conf, struct fl_err *err)
{
	bool vlans = wants_vlans(conf) && !d->link.vlan_filtering;
	bool promisc = conf->promisc && d->link.promiscuity == 0;
	fl_auto_batch struct fl_batch *b = NULL;
	int r = 0;

	if (d->link.accept_ra) {
		d->accepted_ra = d->link.accept_ra;
		r = set_accept_ra(conf->bridge, 0, err);
	}
	if (r < 0 || (d->link.up && !vlans && !promisc))
		return r;
	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	d->set_promisc = promisc;
	d->set_up = !d->link.up;
	fl_link_put_set(b, &(struct fl_link_set){
				   .index = d->link.index,
				   .up = FL_ON,
				   .promisc = promisc ? FL_ON : FL_KEEP,
				   .vlan_filtering = vlans ? FL_ON : FL_KEEP,
			   });
	r = fl_batch_send(d->host, b, err);
	if (r == -EOPNOTSUPP && vlans)
		return no_filtering(conf, r, err);
	return r;
}

int br_device_ensure(struct br_device *d, const struct br_conf *conf, struct fl_err *err)
{
	int r = read_bridge(d->host, conf->bridge, &d->link, err);

	d->name = conf->bridge;
	if (r == -ENODEV) {
		r = create_bridge(d, conf, err);
		if (r == 0)
			r = read_bridge(d->host, conf->bridge, &d->link, err);
	}
	if (r < 0)
		return r;
	return adjust_bridge(d, conf, err);
}

int br_device_gateway_name(const struct br_conf *conf, char out[FL_IFNAME_SIZE], struct fl_err *err)
{
	int r = fl_format(out, FL_IFNAME_SIZE, err, "%s.%u", conf->bridge, conf->vlan);

	return r < 0 ? fl_class(err, fl_wrap(err, r, "config 'bridge': name of the VLAN interface"),
				FL_CNI_CONFIG)
		     : 0;
}

/* The port by which the gateway of a VLAN hangs on the bridge. */
static void name_gateway_port(const char *bridge, const char *gateway, char out[FL_HOST_IFNAME])
{
	const struct fl_key key = { bridge, "vlan", gateway };

	fl_key_host_ifname(&key, out);
}

/* The gateway of a VLAN is the other end of a veth pair that hangs on the bridge. */
static int create_vlan_gateway(struct br_device *d, const char *name, const char *port_name,
			       struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	uint8_t mac[FL_MAC_LEN];
	int r;

	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	fl_random_mac(port_name, mac);
	fl_link_put_veth(b, &(struct fl_veth){ .name = port_name,
					       .peer = name,
					       .peer_netns = -1,
					       .mtu = d->link.mtu,
					       .master = d->link.index,
					       .mac = mac });
	r = fl_batch_send(d->host, b, err);
	/* Another ADD was faster: as good. */
	d->made_gateway = r != -EEXIST;
	return r == -EEXIST ? 0 : r;
}

/*
 * The gateway is set up last of all, so that one that is down may lack the rest: who has made it
 * may have been killed, or be about to do as much.
 */
static int raise_vlan_gateway(struct br_device *d, const struct br_conf *conf, const char *name,
			      const char *port_name, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	struct fl_link port;
	int r;

	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	d->raised_gateway = true;
	r = fl_link_get(d->host, port_name, &port, err);
	if (r == 0) {
		r = br_device_set_vlans(d, conf, port.index, err);
		fl_link_put_set(b, &(struct fl_link_set){
					   .name = port_name, .up = FL_ON, .ipv6_auto = FL_OFF });
	}
	if (r < 0 && r != -ENODEV) /* without a port it is of another's making */
		return r;
	fl_link_put_set(b, &(struct fl_link_set){ .name = name, .up = FL_ON });
	return fl_batch_send(d->host, b, err);
}

static int find_gateway(struct br_device *d, const struct br_conf *conf, struct fl_err *err)
{
	char name[FL_IFNAME_SIZE], port_name[FL_HOST_IFNAME];
	int r;

	if (!conf->vlan) {
		d->gateway = d->link;
		return 0;
	}
	r = br_device_gateway_name(conf, name, err);
	if (r < 0)
		return r;
	name_gateway_port(conf->bridge, name, port_name);
	r = fl_link_get(d->host, name, &d->gateway, err);
	if (r == 0 && d->gateway.up)
		return 0;
	(void)snprintf(d->gateway.name, sizeof(d->gateway.name), "%s", name);
	if (r == -ENODEV)
		r = create_vlan_gateway(d, name, port_name, err);
	if (r == 0)
		r = raise_vlan_gateway(d, conf, name, port_name, err);
	return r < 0 ? r : fl_link_get(d->host, name, &d->gateway, err);
}

struct gateways {
	struct br_device *d;
	const struct br_conf *conf;
	const struct fl_prefix *addrs;
	size_t n;
	uint64_t present; /* a bit for each of addrs */
};

static bool same_prefix(const struct fl_prefix *a, const struct fl_prefix *b)
{
	return a->len == b->len && fl_ip_cmp(&a->ip, &b->ip) == 0;
}

/* Looks at an address that the gateway has: one of ours, one in the way, or neither. */
static int each_present(const struct fl_addr *have, void *arg, struct fl_err *err)
{
	struct gateways *g = arg;
	char found[FL_PREFIX_STR], want[FL_PREFIX_STR];
	const struct fl_prefix *clash = NULL;

	for (size_t i = 0; i < g->n; i++) {
		if (same_prefix(&have->addr, &g->addrs[i])) {
			g->present |= UINT64_C(1) << i;
			return 0;
		}
		if (fl_ip_is4(&have->addr.ip) == fl_ip_is4(&g->addrs[i].ip) &&
		    (fl_ip_is4(&have->addr.ip) || fl_prefix_overlaps(&have->addr, &g->addrs[i])))
			clash = &g->addrs[i];
	}
	if (!clash)
		return 0;
	if (g->conf->force_address && g->d->n_removed < BR_GATEWAYS_MAX) {
		g->d->removed[g->d->n_removed++] = have->addr;
		return fl_addr_del(g->d->host, g->d->gateway.index, &have->addr, err);
	}
	return fl_class(err,
			fl_fail(err, EEXIST,
				"'%s' already has address %s, expected %s (config 'forceAddress' "
				"would replace it)",
				g->d->gateway.name, fl_prefix_format(&have->addr, found),
				fl_prefix_format(clash, want)),
			FL_CNI_CONFIG);
}

static int add_missing(struct gateways *g, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	static const uint8_t none[FL_MAC_LEN];
	uint8_t mac[FL_MAC_LEN];
	int r;

	r = fl_batch_new(&b, err);
	memcpy(mac, g->d->gateway.mac, FL_MAC_LEN);
	if (memcmp(mac, none, FL_MAC_LEN) == 0) /* it followed a port that has gone */
		fl_random_mac(g->conf->bridge, mac);
	for (size_t i = 0; r == 0 && i < g->n; i++) {
		if (g->present >> i & 1)
			continue;
		fl_addr_put(b, g->d->gateway.index, &g->addrs[i], false);
		r = fl_batch_send(g->d->host, b, err);
		if (r == -EEXIST) { /* another ADD was faster */
			r = 0;
			continue;
		}
		g->d->added[g->d->n_added++] = g->addrs[i];
		if (r < 0)
			return r;
		/* A bridge's own address must not follow its ports', which come and go. */
		fl_link_put_set(b,
				&(struct fl_link_set){ .index = g->d->gateway.index, .mac = mac });
		r = fl_batch_send(g->d->host, b, err);
	}
	return r;
}

static int look_at_family(struct gateways *g, int family, struct fl_err *err)
{
	bool wanted = false;

	for (size_t i = 0; i < g->n; i++)
		wanted |= fl_ip_family(&g->addrs[i].ip) == family;
	return wanted ? fl_addr_list(g->d->host, g->d->gateway.index, family, each_present, g, err)
		      : 0;
}

int br_device_set_gateways(struct br_device *d, const struct br_conf *conf,
			   const struct fl_prefix *addrs, size_t n, struct fl_err *err)
{
	struct gateways g = { .d = d, .conf = conf, .addrs = addrs, .n = n };
	int r;

	r = find_gateway(d, conf, err);
	if (r == 0)
		r = look_at_family(&g, AF_INET, err);
	if (r == 0)
		r = look_at_family(&g, AF_INET6, err);
	if (r == 0)
		r = add_missing(&g, err);
	return r < 0 ? fl_wrap(err, r, "gateway") : 0;
}

static bool is_wanted(const struct br_conf *conf, unsigned int vlan)
{
	return vlan == conf->vlan || br_conf_in_trunk(conf, vlan);
}

/* What a bridge gives to each new port, as a rule VLAN 1, goes again. */
static int remove_others(struct br_device *d, const struct br_conf *conf, uint32_t port,
			 struct fl_batch *b, struct fl_err *err)
{
	struct fl_port_vlans have;
	int r = fl_link_vlans(d->host, port, &have, err);

	for (unsigned int v = 1; r == 0 && v <= FL_VLAN_MAX; v++) {
		if (!(have.has[v / 64] >> v % 64 & 1) || is_wanted(conf, v))
			continue;
		fl_link_put_vlan_del(b, port, (uint16_t)v);
		r = fl_batch_send(d->host, b, err);
	}
	return r;
}

int br_device_set_vlans(struct br_device *d, const struct br_conf *conf, uint32_t port,
			struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	uint16_t range[2];
	int r;

	if (!wants_vlans(conf))
		return 0;
	r = fl_batch_new(&b, err);
	if (r == 0 && !conf->preserve_default_vlan)
		r = remove_others(d, conf, port, b, err);
	if (r < 0)
		return r;
	if (conf->vlan) {
		range[0] = range[1] = conf->vlan;
		fl_link_put_vlan(b, port, range, true);
	}
	for (unsigned int v = 1; v <= BR_VLAN_MAX; v++) {
		unsigned int last = v;

		if (!br_conf_in_trunk(conf, v))
			continue;
		while (last < BR_VLAN_MAX && br_conf_in_trunk(conf, last + 1))
			last++;
		range[0] = (uint16_t)v;
		range[1] = (uint16_t)last;
		fl_link_put_vlan(b, port, range, false);
		r = fl_batch_send(d->host, b, err);
		if (r < 0)
			return r;
		v = last;
	}
	return fl_batch_send(d->host, b, err);
}

struct sharers {
	const struct br_device *d;
	const struct fl_cni_req *req;
};

static int each_port(const struct fl_link *link, void *arg, struct fl_err *err)
{
	const struct br_device *d = ((struct sharers *)arg)->d;
	char own[FL_HOST_IFNAME];

	(void)err;
	name_gateway_port(d->name, d->gateway.name, own);
	return !d->made_gateway || !fl_streq(link->name, own);
}

/* Another pod of the network, or one of any network that has its interface yet to come. */
static int each_pod(const struct fl_endpoint *ep, void *arg, struct fl_err *err)
{
	const struct fl_cni_req *req = ((struct sharers *)arg)->req;
	bool same = fl_streq(ep->key.network, req->name);

	(void)err;
	if (same && fl_streq(ep->key.container_id, req->container_id) &&
	    fl_streq(ep->key.ifname, req->ifname))
		return 0;
	return same || !fl_nl_has_link(((struct sharers *)arg)->d->host, ep->host_ifname);
}

/* 1 when others may rely on what was added: who does has its record before it looks. */
static int is_shared(const struct br_device *d, const struct fl_cni_req *req)
{
	struct sharers s = { d, req };
	struct fl_err ignored;

	return fl_link_list(d->host, d->link.index, each_port, &s, &ignored)
		       ?: fl_endpoint_list(req->root, NULL, each_pod, &s, &ignored);
}

static void undo_changes(struct br_device *d)
{
	fl_auto_batch struct fl_batch *b = NULL;
	struct fl_err ignored;

	if (d->accepted_ra)
		FL_IGNORE(set_accept_ra(d->name, d->accepted_ra, &ignored));
	if (fl_batch_new(&b, &ignored) < 0)
		return;
	for (size_t i = 0; i < d->n_removed; i++) {
		fl_addr_put(b, d->gateway.index, &d->removed[i], false);
		FL_IGNORE(fl_batch_send(d->host, b, &ignored));
	}
	if (d->set_up || d->set_promisc)
		fl_link_put_set(b, &(struct fl_link_set){
					   .index = d->link.index,
					   .up = d->set_up ? FL_OFF : FL_KEEP,
					   .promisc = d->set_promisc ? FL_OFF : FL_KEEP,
				   });
	FL_IGNORE(fl_batch_send(d->host, b, &ignored));
}

static void undo_gateway(struct br_device *d)
{
	fl_auto_batch struct fl_batch *b = NULL;
	struct fl_err ignored;

	if (d->made_gateway) {
		FL_IGNORE(fl_link_del(d->host, d->gateway.name, &ignored));
		return;
	}
	for (size_t i = 0; i < d->n_added; i++)
		FL_IGNORE(fl_addr_del(d->host, d->gateway.index, &d->added[i], &ignored));
	if (!d->raised_gateway || fl_batch_new(&b, &ignored) < 0)
		return;
	fl_link_put_set(b, &(struct fl_link_set){ .name = d->gateway.name, .up = FL_OFF });
	FL_IGNORE(fl_batch_send(d->host, b, &ignored));
}

bool br_device_undo(struct br_device *d, const struct fl_cni_req *req)
{
	struct fl_err ignored;
	struct fl_link now;

	if (d->made_bridge && d->link.index == 0 &&
	    fl_link_get(d->host, d->name, &now, &ignored) == 0)
		d->link.index = now.index;
	if (d->link.index == 0 || is_shared(d, req) != 0)
		return false;
	undo_gateway(d);
	if (d->made_bridge)
		FL_IGNORE(fl_link_del(d->host, d->name, &ignored));
	else
		undo_changes(d);
	return is_shared(d, req) > 0;
}
