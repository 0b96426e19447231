// SPDX-License-Identifier: Apache-2.0
/* Making and keeping the VTEP. */
#include "peers/vtep.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "net/addr.h"

void fl_vtep_mac(const struct fl_ip *node, uint8_t mac[FL_MAC_LEN])
{
	size_t len;
	const uint8_t *raw = fl_ip_raw(node, &len);
	struct fl_hash h;

	if (len == 4) { /* the address itself: no two of them collide */
		mac[0] = 0x02;
		mac[1] = 0xfa;
		memcpy(mac + 2, raw, 4);
		return;
	}
	h = fl_siphash((struct fl_hash){ 0 }, raw, len);
	for (int i = 0; i < FL_MAC_LEN; i++)
		mac[i] = (uint8_t)(h.lo >> (8 * i));
	mac[0] = (uint8_t)((mac[0] & 0xf8) | 0x06); /* never one of IPv4's */
}

uint32_t fl_vtep_mtu(uint32_t underlay_mtu, const struct fl_ip *local)
{
	bool is4 = fl_ip_is4(local);
	uint32_t overhead = is4 ? FL_VTEP_OVERHEAD4 : FL_VTEP_OVERHEAD6, least = is4 ? 68 : 1280;

	return underlay_mtu >= overhead + least ? underlay_mtu - overhead : 0;
}

static bool has_local(const struct fl_link *link)
{
	return fl_ip_cmp(&link->vxlan.local, &(struct fl_ip){ 0 }) != 0;
}

/* The family of a VXLAN device's underlay; without a local address the kernel takes IPv4. */
static int family_of(const struct fl_link *link)
{
	return has_local(link) ? fl_ip_family(&link->vxlan.local) : AF_INET;
}

/* The device that has what the VTEP should have. */
struct rival {
	const struct fl_vtep *want;
	bool same_vni; /* or only the port */
	struct fl_link found;
};

static int each_rival(const struct fl_link *link, void *arg, struct fl_err *err)
{
	struct rival *k = arg;
	const struct fl_vxlan *want = &k->want->vxlan;

	(void)err;
	if (!fl_streq(link->kind, "vxlan") || fl_streq(link->name, k->want->name) ||
	    link->vxlan.port != want->port)
		return 0;
	if (k->same_vni &&
	    (link->vxlan.vni != want->vni || family_of(link) != fl_ip_family(&want->local)))
		return 0;
	k->found = *link;
	return 0;
}

/* -EADDRINUSE when another VXLAN device has the VNI on this port. */
static int refuse_taken_vni(struct fl_nl *nl, const struct fl_vtep *want, struct fl_err *err)
{
	struct rival k = { .want = want, .same_vni = true };
	int r = fl_link_list(nl, 0, each_rival, &k, err);

	if (r < 0 || !k.found.index)
		return r;
	return fl_fail(err, EADDRINUSE,
		       "create VXLAN device '%s': VNI %u on UDP port %u belongs to device '%s'",
		       want->name, want->vxlan.vni, want->vxlan.port, k.found.name);
}

/* Says who has the UDP port. */
static int explain_taken_port(struct fl_nl *nl, const struct fl_vtep *want, struct fl_err *err)
{
	struct rival k = { .want = want };
	int r = fl_link_list(nl, 0, each_rival, &k, err);

	if (r < 0)
		return r;
	if (!k.found.index)
		return fl_fail(err, EADDRINUSE,
			       "set up VXLAN device '%s': UDP port %u is in use by another program",
			       want->name, want->vxlan.port);
	return fl_fail(err, EADDRINUSE,
		       "set up VXLAN device '%s': UDP port %u belongs to device '%s'%s", want->name,
		       want->vxlan.port, k.found.name,
		       k.found.external ? ", which is external" : "");
}

/* Sets it up and reads it. IPv6 makes no addresses of its own on it. */
static int set_up(struct fl_nl *nl, const struct fl_vtep *want, struct fl_batch *b,
		  struct fl_link *out, struct fl_err *err)
{
	int r;

	fl_link_put_set(b, &(struct fl_link_set){
				   .name = want->name,
				   .up = FL_ON,
				   .mac = want->mac,
				   .mtu = want->mtu,
				   .ipv6_auto = FL_OFF,
			   });
	r = fl_link_send_and_get(nl, b, want->name, out, err);
	return r == -EADDRINUSE ? explain_taken_port(nl, want, err) : r;
}

static int make(struct fl_nl *nl, const struct fl_vtep *want, bool remove_old, struct fl_link *out,
		struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	struct fl_err ignored;
	int r;

	r = fl_batch_new(&b, err) ?: refuse_taken_vni(nl, want, err);
	if (r == 0 && remove_old)
		r = fl_link_del(nl, want->name, err);
	if (r < 0)
		return r;
	fl_link_put_vxlan(b, want->name, &want->vxlan, want->mac, want->mtu);
	r = fl_batch_send(nl, b, err);
	if (r < 0)
		return r;
	r = set_up(nl, want, b, out, err);
	if (r < 0)
		FL_IGNORE(fl_link_del(nl, want->name, &ignored));
	return r;
}

/* What is there is a VXLAN device of the right VNI, port and family: the rest can be changed. */
static int mend(struct fl_nl *nl, const struct fl_vtep *want, struct fl_link *link, bool *changed,
		struct fl_err *err)
{
	bool local = link->learning || fl_ip_cmp(&link->vxlan.local, &want->vxlan.local) != 0;
	fl_auto_batch struct fl_batch *b = NULL;
	int r;

	if (!local && link->up && link->mtu == want->mtu &&
	    memcmp(link->mac, want->mac, FL_MAC_LEN) == 0)
		return 0;
	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	if (local)
		fl_link_put_vxlan_local(b, want->name, &want->vxlan);
	r = set_up(nl, want, b, link, err);
	if (r == 0)
		*changed = true;
	return r;
}

static int ensure_link(struct fl_nl *nl, const struct fl_vtep *want, struct fl_link *link,
		       bool *changed, struct fl_err *err)
{
	int r = fl_link_get(nl, want->name, link, err);
	bool there = r == 0;

	if (r < 0 && r != -ENODEV)
		return r;
	if (there && !fl_streq(link->kind, "vxlan"))
		return fl_fail(
			err, ENOTUNIQ,
			"create VXLAN device '%s': the name belongs to a device of type '%s'",
			want->name, fl_empty(link->kind) ? "physical" : link->kind);
	if (there && !link->external && link->vxlan.vni == want->vxlan.vni &&
	    link->vxlan.port == want->vxlan.port &&
	    family_of(link) == fl_ip_family(&want->vxlan.local))
		return mend(nl, want, link, changed, err);
	r = make(nl, want, there, link, err);
	if (r == 0)
		*changed = true;
	return r;
}

/* Addresses as they are, against those that should be. */
struct addrs {
	const struct fl_vtep *want;
	bool *there; /* one for each wanted one */
	struct fl_nl *nl;
	uint32_t link;
	bool changed;
};

static bool same_prefix(const struct fl_prefix *a, const struct fl_prefix *b)
{
	return a->len == b->len && fl_ip_cmp(&a->ip, &b->ip) == 0;
}

static int each_addr_known(const struct fl_addr *a, void *arg, struct fl_err *err)
{
	struct addrs *k = arg;

	(void)err;
	for (size_t i = 0; i < k->want->n_addrs; i++)
		k->there[i] |= same_prefix(&k->want->addrs[i], &a->addr);
	return 0;
}

static int each_addr_strange(const struct fl_addr *a, void *arg, struct fl_err *err)
{
	struct addrs *k = arg;

	for (size_t i = 0; i < k->want->n_addrs; i++)
		if (same_prefix(&k->want->addrs[i], &a->addr))
			return 0;
	k->changed = true;
	return fl_addr_del(k->nl, k->link, &a->addr, err);
}

static int put_missing(struct addrs *k, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r = fl_batch_new(&b, err);

	for (size_t i = 0; r == 0 && i < k->want->n_addrs; i++) {
		if (k->there[i])
			continue;
		k->changed = true;
		fl_addr_put(b, k->link, &k->want->addrs[i], false);
		if (fl_batch_room(b) == 0)
			r = fl_batch_send(k->nl, b, err);
	}
	return r ?: fl_batch_send(k->nl, b, err);
}

/* New ones first, so that there is always one for a socket to use. */
static int ensure_addrs(struct fl_nl *nl, const struct fl_vtep *want, uint32_t link, bool *changed,
			struct fl_err *err)
{
	fl_auto_free bool *there = calloc(want->n_addrs + 1, sizeof(*there));
	struct addrs k = { .want = want, .there = there, .nl = nl, .link = link };
	int r;

	if (!there)
		return fl_fail_errno(err, ENOMEM, "address VXLAN device '%s'", want->name);
	r = fl_addr_list(nl, link, 0, each_addr_known, &k, err) ?: put_missing(&k, err) ?:
	    fl_addr_list(nl, link, 0, each_addr_strange, &k, err);
	if (r < 0)
		return fl_wrap(err, r, "address VXLAN device '%s'", want->name);
	*changed |= k.changed;
	return 0;
}

int fl_vtep_ensure(struct fl_nl *nl, const struct fl_vtep *want, struct fl_link *out, bool *changed,
		   struct fl_err *err)
{
	struct fl_link link = { 0 };
	bool did = false;
	int r;

	r = ensure_link(nl, want, &link, &did, err)
		    ?: ensure_addrs(nl, want, link.index, &did, err);
	if (r < 0)
		return r;
	*out = link;
	*changed = did;
	return 0;
}
