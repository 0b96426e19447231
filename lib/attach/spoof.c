// SPDX-License-Identifier: Apache-2.0
/* Pinned MAC addresses: which sets and rule a network has, and a port's elements. */
#include "attach/spoof.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attach/ruleset.h"

#define PORT_SIZE  16 /* an interface's name with its NUL, and its width as a key */
#define STALE_MAX  64 /* addresses of one port that are removed at a time */
#define WALK_TRIES 5

static const struct fl_nft_chain chain = { "prerouting", FL_NFT_BRIDGE_FIRST };

static const struct fl_nft_set sets[] = { { "ports", FL_NFT_IFNAME },
					  { "macs", FL_NFT_IFNAME_MAC } };

static const struct fl_nft_set *const ports = &sets[0], *const macs = &sets[1];

static const struct fl_nft_rule rule = {
	3,
	{ { FL_NFT_PORT_IN_SET, .set = "ports" },
	  { FL_NFT_PORT_MAC_NOT_IN, .set = "macs" },
	  { FL_NFT_DROP } },
	"frames of a pinned port from another address",
};

/* A port's elements: what is to be there, and what is to go first. */
struct pin {
	struct fl_ruleset rs;
	struct fl_nft_elem port, mac;
	bool was_pinned; /* the port's element is there, or may be */
	struct fl_nft_elem stale[STALE_MAX];
	size_t n_stale;
	bool more; /* than fit */
};

static int wrap(struct fl_err *err, int r)
{
	return r < 0 ? fl_wrap(err, r, "pin MAC address") : 0;
}

static struct fl_nft_elem mac_elem(const struct fl_nft_elem *port, const uint8_t mac[FL_MAC_LEN])
{
	struct fl_nft_elem e = { 0 };

	memcpy(e.key, port->key, PORT_SIZE);
	memcpy(e.key + PORT_SIZE, mac, FL_MAC_LEN);
	return e;
}

static int make_pin(struct pin *p, const char *network, const char *port, struct fl_err *err)
{
	size_t len = strlen(port);
	int r = fl_ruleset_name(&p->rs, FL_NFT_BRIDGE, network, err);

	if (r < 0)
		return r;
	if (len == 0 || len >= PORT_SIZE)
		return fl_fail(err, EINVAL, "port '%s': expected a name of 1 to %d bytes", port,
			       PORT_SIZE - 1);
	p->rs.sets = sets;
	p->rs.n_sets = FL_ARRAY_LEN(sets);
	p->rs.chain = &chain;
	p->rs.rules = &rule;
	p->rs.n_rules = 1;
	memcpy(p->port.key, port, len);
	return 0;
}

static void set_mac(struct pin *p, const uint8_t mac[FL_MAC_LEN])
{
	_Static_assert(sizeof(p->port.comment) >= FL_MAC_STR, "a comment holds a MAC address");

	fl_mac_format(mac, p->port.comment);
	p->mac = mac_elem(&p->port, mac);
}

static int collect(const struct fl_nft_elem *elem, void *arg, struct fl_err *err)
{
	struct pin *p = arg;

	(void)err;
	if (memcmp(elem->key, p->port.key, PORT_SIZE) != 0)
		return 0;
	if (p->n_stale == STALE_MAX) {
		p->more = true;
		return 0;
	}
	p->stale[p->n_stale] = *elem;
	p->stale[p->n_stale++].comment[0] = '\0';
	return 0;
}

/*
 * Reads the whole set, which is for when the port's element does not say what belongs to it.
 * Where others attach all the time no walk is undisturbed; several are good enough.
 */
static int walk(struct fl_nl *nl, struct pin *p, struct fl_err *err)
{
	int r = 1;

	for (int i = 0; r == 1 && i < WALK_TRIES; i++) {
		p->n_stale = 0;
		p->more = false;
		r = fl_nft_elems_each(nl, &p->rs.table, macs, collect, p, err);
	}
	return r == -ENOENT || r == 1 ? 0 : r;
}

static int drop(struct fl_nl *nl, const struct pin *p, struct fl_err *err)
{
	struct fl_ruleset_elems gone[] = { { &p->port, p->was_pinned }, { p->stale, p->n_stale } };

	return fl_ruleset_drop(nl, &p->rs, gone, err);
}

/* thorough: also when the port is not pinned, which a caller may do without. */
static int look(struct fl_nl *nl, struct pin *p, bool thorough, struct fl_err *err)
{
	struct fl_nft_elem known = p->port;
	uint8_t mac[FL_MAC_LEN];
	struct fl_err ignored;
	int r = fl_nft_elem_get(nl, &p->rs.table, ports, &known, err);

	if (r < 0 && r != -ENOENT) {
		/* A set of another type says no more than "invalid": say that. */
		int why = fl_nft_set_verify(nl, &p->rs.table, ports, &ignored);

		if (why != -EEXIST)
			return fl_ruleset_explain(nl, r, err);
		*err = ignored;
		return why;
	}
	p->was_pinned = r == 0;
	p->n_stale = 0;
	p->more = false;
	if (r == -ENOENT && !thorough)
		return 0;
	if (r == -ENOENT || fl_mac_parse(known.comment, mac, &ignored) < 0)
		return walk(nl, p, err);
	p->stale[0] = mac_elem(&p->port, mac);
	p->n_stale = 1;
	return 0;
}

/* Finds what the port is pinned to, and removes what would not fit. */
static int find_stale(struct fl_nl *nl, struct pin *p, bool thorough, struct fl_err *err)
{
	int r = look(nl, p, thorough, err);

	while (r == 0 && p->more) {
		r = drop(nl, p, err);
		if (r == 0)
			r = look(nl, p, thorough, err);
	}
	return r;
}

static void put_pin(struct fl_batch *b, const struct fl_ruleset *rs, const void *arg)
{
	const struct pin *p = arg;

	/* An element's comment stays as it was first made: so it is made anew. */
	if (p->was_pinned)
		fl_nft_elems_drop_put(b, &rs->table, ports, &p->port, 1);
	fl_nft_elems_drop_put(b, &rs->table, macs, p->stale, p->n_stale);
	fl_nft_elems_put(b, &rs->table, ports, &p->port, 1);
	fl_nft_elems_put(b, &rs->table, macs, &p->mac, 1);
}

int fl_spoof_add(struct fl_nl *nl, const char *network, const char *port,
		 const uint8_t mac[FL_MAC_LEN], bool *fresh, struct fl_err *err)
{
	struct pin p = { 0 };
	int r = make_pin(&p, network, port, err);

	if (r < 0)
		return wrap(err, r);
	r = find_stale(nl, &p, false, err);
	if (r < 0)
		return wrap(err, fl_ruleset_wrap(err, r, &p.rs));
	set_mac(&p, mac);
	return wrap(err, fl_ruleset_apply(nl, &p.rs, put_pin, &p, fresh, err));
}

int fl_spoof_del(struct fl_nl *nl, const char *network, const char *port, struct fl_err *err)
{
	struct pin p = { 0 };
	int r = make_pin(&p, network, port, err);

	if (r < 0)
		return wrap(err, r);
	r = find_stale(nl, &p, true, err);
	/* A set that is not ours holds nothing of ours, nor does a kernel without sets. */
	if (r == -EEXIST || r == -EOPNOTSUPP)
		return 0;
	return wrap(err, r < 0 ? fl_ruleset_wrap(err, r, &p.rs) : drop(nl, &p, err));
}

int fl_spoof_check(struct fl_nl *nl, const char *network, const char *port,
		   const uint8_t mac[FL_MAC_LEN], struct fl_err *err)
{
	char text[FL_MAC_STR], pair[PORT_SIZE + FL_MAC_STR + 4];
	struct pin p = { 0 };
	int r = make_pin(&p, network, port, err);

	if (r < 0)
		return wrap(err, r);
	set_mac(&p, mac);
	fl_mac_format(mac, text);
	(void)snprintf(pair, sizeof(pair), "%s . %s", port, text);
	r = fl_ruleset_check(nl, &p.rs, err);
	if (r == 0)
		r = fl_ruleset_check_elem(nl, &p.rs, ports, &p.port, port, err);
	if (r == 0)
		r = fl_ruleset_check_elem(nl, &p.rs, macs, &p.mac, pair, err);
	return wrap(err, r);
}

struct keeping {
	bool (*keep)(const char *port, void *arg);
	void *arg;
};

/* A key begins with the port's name, in both sets. */
static bool keeps(const uint8_t *key, void *arg)
{
	char port[PORT_SIZE + 1] = "";
	const struct keeping *k = arg;

	memcpy(port, key, PORT_SIZE);
	return k->keep(port, k->arg);
}

int fl_spoof_sweep(struct fl_nl *nl, const char *network, bool (*keep)(const char *port, void *arg),
		   void *arg, struct fl_err *err)
{
	struct keeping k = { keep, arg };
	struct fl_ruleset rs = { 0 };
	int r = fl_ruleset_name(&rs, FL_NFT_BRIDGE, network, err);

	rs.sets = sets;
	rs.n_sets = FL_ARRAY_LEN(sets);
	for (size_t i = 0; r == 0 && i < FL_ARRAY_LEN(sets); i++)
		r = fl_ruleset_sweep(nl, &rs, i, keeps, &k, err);
	return wrap(err, r);
}
