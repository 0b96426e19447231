// SPDX-License-Identifier: Apache-2.0
/*
 * DEL and GC. What the firewall holds goes while the interface is down but there: the kernel
 * needs a grace period to free it, which the last close of a netfilter socket waits for, and
 * deleting the interface takes as long; begun before it, the one hides behind the other.
 */
#include "attach/leave.h"

#include <errno.h>

#include "attach/masq.h"
#include "attach/spoof.h"
#include "base/file.h"
#include "cni/delegate.h"
#include "net/link.h"
#include "state/endpoint.h"

/*
 * Removes the firewall state of an endpoint: its masquerade elements and its pinned port. nl is
 * opened if it is NULL and there is something to remove; the caller closes it.
 */
static int remove_firewall(const struct fl_endpoint *ep, struct fl_nl **nl, struct fl_err *err)
{
	struct fl_ip ips[FL_ENDPOINT_IPS_MAX];
	int r = 0;

	if (!ep->masquerade && !ep->macspoofchk)
		return 0;
	for (size_t i = 0; i < ep->n_ips; i++)
		ips[i] = ep->ips[i].ip;
	if (!*nl)
		r = fl_nl_open(FL_NL_NETFILTER, nl, err);
	if (r == -EPROTONOSUPPORT) /* a kernel without netfilter holds nothing */
		return 0;
	if (r == 0 && ep->masquerade)
		r = fl_masq_del(*nl, ep->key.network, ips, ep->n_ips, err);
	if (r == 0 && ep->macspoofchk)
		r = fl_spoof_del(*nl, ep->key.network, ep->host_ifname, err);
	return r;
}

/* The addresses and ports that records speak for, read when first asked for. */
struct keepers {
	const struct fl_cni_req *req;
	const struct fl_key *leaving; /* whose record speaks for nothing; NULL: none */
	bool read, failed;
	struct fl_ip *ips;
	char (*ports)[FL_HOST_IFNAME];
	size_t n_ips, n_ports;
};

static void keepers_done(struct keepers *k)
{
	fl_free_p(&k->ips);
	fl_free_p(&k->ports);
}

static bool is_leaving(const struct keepers *k, const struct fl_key *key)
{
	return k->leaving && fl_streq(k->leaving->container_id, key->container_id) &&
	       fl_streq(k->leaving->ifname, key->ifname);
}

static int each_keeper(const struct fl_endpoint *ep, void *arg, struct fl_err *err)
{
	struct keepers *k = arg;
	char(*ports)[FL_HOST_IFNAME];
	struct fl_ip *ips;

	if (is_leaving(k, &ep->key))
		return 0;
	ips = reallocarray(k->ips, k->n_ips + ep->n_ips + 1, sizeof(*ips));
	if (!ips)
		return fl_fail_errno(err, ENOMEM, "list addresses");
	k->ips = ips;
	for (size_t i = 0; ep->masquerade && i < ep->n_ips; i++)
		k->ips[k->n_ips++] = ep->ips[i].ip;
	ports = reallocarray(k->ports, k->n_ports + 1, sizeof(*ports));
	if (!ports)
		return fl_fail_errno(err, ENOMEM, "list ports");
	k->ports = ports;
	if (ep->macspoofchk)
		memcpy(k->ports[k->n_ports++], ep->host_ifname, FL_HOST_IFNAME);
	return 0;
}

/*
 * Asked after the elements were read: an ADD of another runtime that goes on meanwhile writes
 * its record before its element, so whatever was read has its record by now.
 */
static void read_keepers(struct keepers *k)
{
	struct fl_err ignored;

	if (k->read)
		return;
	k->read = true;
	k->failed = fl_endpoint_list(k->req->root, k->req->name, each_keeper, k, &ignored) < 0;
}

static bool keep_address(const struct fl_ip *ip, void *arg)
{
	struct keepers *k = arg;

	read_keepers(k);
	for (size_t i = 0; i < k->n_ips; i++)
		if (fl_ip_cmp(&k->ips[i], ip) == 0)
			return true;
	return k->failed;
}

/*
 * What is known of the attachment when its record is lost: what the runtime remembers. An address
 * of it may be another's by now, when this is not the first DEL.
 */
static void recall(const struct fl_leave *l, const struct fl_key *key, struct fl_endpoint *ep)
{
	const struct fl_cni_req *req = l->req;
	fl_auto(keepers_done) struct keepers others = { .req = req, .leaving = key };
	fl_auto_cni_result struct fl_cni_result prev = { 0 };
	const struct fl_json *conf = req->conf.v;
	struct fl_err ignored;

	ep->key = *key;
	fl_key_host_ifname(key, ep->host_ifname);
	if (!l->elements)
		return;
	ep->macspoofchk = fl_json_true(fl_json_get(conf, "macspoofchk"));
	if (!req->prev || fl_cni_prev_result(req, &prev, &ignored) < 0)
		return;
	ep->masquerade = fl_json_true(fl_json_get(conf, "ipMasq"));
	for (size_t i = 0; i < prev.n_ips && ep->n_ips < FL_ENDPOINT_IPS_MAX; i++)
		if (!keep_address(&prev.ips[i].address.ip, &others))
			ep->ips[ep->n_ips++] = prev.ips[i].address;
}

/*
 * What is recorded of the attachment, or what else is known of it where no record can be read. Who
 * lacks memory or descriptors does not know that: the next DEL may have them.
 */
static int read_record(const struct fl_leave *l, const struct fl_key *key, struct fl_endpoint *ep,
		       bool *known, struct fl_err *err)
{
	int r = fl_endpoint_read(l->req->root, key, ep, err);

	*known = r == 0;
	if (fl_is_want(r))
		return r;
	if (!*known)
		recall(l, key, ep);
	return 0;
}

/* The name that the attachment's host interface has, if there is one: somebody may rename it. */
static int find_name(struct fl_nl *host, const struct fl_key *key, char out[FL_IFNAME_SIZE],
		     struct fl_err *err)
{
	struct fl_link renamed = { 0 };
	char alias[FL_ALIAS_SIZE];
	int r;

	fl_key_host_ifname(key, out);
	if (fl_nl_has_link(host, out))
		return 0;
	fl_key_alias(key, alias);
	r = fl_link_get_alias(host, alias, &renamed, err);
	if (r == 0 && fl_streq(renamed.kind, "veth"))
		memcpy(out, renamed.name, sizeof(renamed.name));
	return r == -ENODEV ? 0 : r;
}

/* No packet leaves any more; an interface that is not there is as silent. */
static int silence(struct fl_nl *host, const char *name, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	fl_link_put_set(b, &(struct fl_link_set){ .name = name, .up = FL_OFF });
	r = fl_batch_send(host, b, err);
	return r == -ENODEV ? 0 : r;
}

/*
 * Whoever puts back what the firewall has lost keeps away from an attachment that leaves: from here
 * on until *lock is closed, at the end of all. -ENOENT: the record that was read has gone, and with
 * it all that it spoke of, which may be another's by now.
 */
static int leave_firewall(const struct fl_cni_req *req, const struct fl_endpoint *ep, int *lock,
			  struct fl_err *err)
{
	int r = 0;

	if (ep->masquerade || ep->macspoofchk)
		r = fl_endpoint_lock(req->root, &ep->key, &req->deadline, lock, err);
	if (r == -ETIMEDOUT)
		return fl_class(err, r, FL_CNI_TRY_LATER);
	return r;
}

/* Reads the record, and holds it where it has a part of the firewall; known: it is there. */
static int hold_record(const struct fl_leave *l, const struct fl_key *key, struct fl_endpoint *ep,
		       bool *known, int *lock, struct fl_err *err)
{
	int r = read_record(l, key, ep, known, err);

	if (r < 0 || !*known)
		return r;
	r = leave_firewall(l->req, ep, lock, err);
	if (r != -ENOENT)
		return r;
	*known = false;
	fl_endpoint_done(ep);
	recall(l, key, ep);
	return 0;
}

/* The interface and its part of the firewall; nft stays open, since closing it may wait. */
static int detach(struct fl_nl *host, const char *name, const struct fl_endpoint *ep,
		  struct fl_nl **nft, struct fl_err *err)
{
	struct fl_err ignored;
	int r;

	if (!ep->masquerade && !ep->macspoofchk)
		return fl_link_del_condemned(host, name, err);
	r = silence(host, name, err);
	if (r < 0)
		return r;
	r = remove_firewall(ep, nft, err);
	if (r == 0)
		return fl_link_del(host, name, err);
	/* Lease and record stay for the next DEL, but nothing is gained by keeping the link. */
	FL_IGNORE(fl_link_del(host, name, &ignored));
	return r;
}

/* The type is taken even from a configuration whose other parts are no longer valid. */
static int tell_ipam(const struct fl_leave *l, enum fl_cni_verb verb, struct fl_err *err)
{
	const struct fl_cni_req *req = l->ipam_req ? l->ipam_req : l->req;
	const char *type = fl_json_str(fl_json_get(fl_json_get(req->conf.v, "ipam"), "type"));

	return fl_empty(type) ? 0 : fl_cni_delegate_call(req, verb, type, err);
}

/*
 * As early as can be: another DEL may take the link with its own (decision 20). One with a part of
 * the firewall goes alone. Where the link cannot be condemned it is deleted by itself.
 */
static void condemn(const struct fl_leave *l, struct fl_nl *host, const char *name)
{
	const struct fl_json *conf = l->req->conf.v;
	struct fl_err ignored;

	if (l->elements && (fl_json_true(fl_json_get(conf, "ipMasq")) ||
			    fl_json_true(fl_json_get(conf, "macspoofchk"))))
		return;
	FL_IGNORE(fl_link_condemn(host, name, &ignored));
}

/*
 * A runtime calls for one container one plugin at a time, but an ADD may outlive the runtime that
 * called it. What it makes after we have taken away what there was would be nobody's.
 */
static int wait_for_add(const struct fl_cni_req *req, const struct fl_key *key, struct fl_err *err)
{
	int r = req->undo ? 0 : fl_endpoint_wait(req->root, key, &req->deadline, err);

	return r == -ETIMEDOUT ? fl_class(err, r, FL_CNI_TRY_LATER) : r;
}

int fl_leave_del(const struct fl_leave *l, struct fl_err *err)
{
	const struct fl_cni_req *req = l->req;
	const struct fl_key key = { req->name, req->container_id, req->ifname };
	fl_auto_endpoint struct fl_endpoint ep = { 0 };
	fl_auto_nl struct fl_nl *opened = NULL, *nft = NULL;
	fl_auto_close int lock = -1;
	char name[FL_IFNAME_SIZE];
	bool known = false;
	int r;

	r = wait_for_add(req, &key, err);
	if (r == 0 && !req->home)
		r = fl_nl_open(FL_NL_ROUTE, &opened, err);
	if (r == 0)
		r = find_name(req->home ?: opened, &key, name, err);
	if (r == 0)
		condemn(l, req->home ?: opened, name);
	if (r == 0)
		r = hold_record(l, &key, &ep, &known, &lock, err);
	if (r == 0)
		r = detach(req->home ?: opened, name, &ep, &nft, err);
	if (r == 0 && !known && l->del_foreign)
		r = l->del_foreign(req, req->home ?: opened, err);
	if (r == 0)
		r = tell_ipam(l, FL_CNI_DEL, err);
	if (r == 0)
		r = fl_endpoint_remove(req->root, &key, err);
	return r < 0 && r != -ETIMEDOUT ? fl_class(err, r, FL_CNI_NETLINK) : r;
}

struct gc {
	const struct fl_cni_req *req;
	struct fl_nl *host, *nft;
	struct fl_err first; /* the first failure; others go on */
	int failed;
	bool unrecorded; /* a valid attachment has lost its record */
	bool adding;	 /* an ADD of one that is not valid still runs */
};

static void gc_done(struct gc *g)
{
	fl_nl_close(&g->host);
	fl_nl_close(&g->nft);
}

static void note(struct gc *g, int r, const struct fl_err *err)
{
	if (r < 0 && g->failed++ == 0)
		g->first = *err;
}

static int each_record(const struct fl_endpoint *ep, void *arg, struct fl_err *err)
{
	fl_auto_close int lock = -1;
	struct gc *g = arg;
	int r;

	if (fl_cni_is_valid_attachment(g->req, ep->key.container_id, ep->key.ifname))
		return 0;
	r = wait_for_add(g->req, &ep->key, err);
	g->adding |= r == -ETIMEDOUT;
	if (r == 0)
		r = leave_firewall(g->req, ep, &lock, err);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = detach(g->host, ep->host_ifname, ep, &g->nft, err);
	if (r == 0)
		r = fl_endpoint_remove(g->req->root, &ep->key, err);
	note(g, r, err);
	return 0;
}

/* Host interfaces of valid attachments have the names that the valid keys hash to. */
static bool is_valid_name(struct gc *g, const char *host_ifname)
{
	for (size_t i = 0; i < fl_json_len(g->req->valid); i++) {
		const struct fl_json *v = fl_json_at(g->req->valid, i);
		struct fl_key key = { g->req->name, fl_json_str(fl_json_get(v, "containerID")),
				      fl_json_str(fl_json_get(v, "ifname")) };
		fl_auto_endpoint struct fl_endpoint ep = { 0 };
		char name[FL_HOST_IFNAME];
		struct fl_err ignored;

		fl_key_host_ifname(&key, name);
		if (!fl_streq(name, host_ifname))
			continue;
		g->unrecorded |= fl_endpoint_read(g->req->root, &key, &ep, &ignored) < 0;
		return true;
	}
	return false;
}

static bool is_of_network(const struct fl_link *link, const char *network)
{
	size_t prefix = strlen(FL_ALIAS), n = strlen(network);

	return fl_streq(link->kind, "veth") && strncmp(link->alias, FL_ALIAS, prefix) == 0 &&
	       strncmp(link->alias + prefix, network, n) == 0 && link->alias[prefix + n] == '/';
}

/* The name that the host interface was given: its own, unless somebody has renamed it. False: where
 * its alias was cut, too, nobody knows.
 */
static bool given_name(const struct fl_link *link, char out[FL_IFNAME_SIZE])
{
	memcpy(out, link->name, sizeof(link->name));
	return fl_is_host_ifname(link->name) || fl_alias_host_ifname(link->alias, out);
}

/*
 * Links whose record is lost, or that have another name now, carry their network in their alias.
 * Those that have a record came after the look at the records, or could not be removed then.
 */
static int each_link(const struct fl_link *link, void *arg, struct fl_err *err)
{
	struct gc *g = arg;
	char given[FL_IFNAME_SIZE];

	if (is_of_network(link, g->req->name) && given_name(link, given) &&
	    !is_valid_name(g, given) && !fl_endpoint_holds_link(g->req->root, given))
		note(g, fl_link_del(g->host, link->name, err), err);
	return 0;
}

static bool keep_port(const char *port, void *arg)
{
	struct keepers *k = arg;

	read_keepers(k);
	for (size_t i = 0; i < k->n_ports; i++)
		if (fl_streq(k->ports[i], port))
			return true;
	return k->failed;
}

/*
 * Elements of the firewall that no record speaks for. Where a valid attachment has lost its
 * record nobody knows which are its own: then all stay.
 */
static void sweep_firewall(struct gc *g, struct fl_err *err)
{
	fl_auto(keepers_done) struct keepers keepers = { .req = g->req };
	int r = 0;

	if (g->unrecorded)
		return;
	if (!g->nft)
		r = fl_nl_open(FL_NL_NETFILTER, &g->nft, err);
	if (r < 0) {
		if (r != -EPROTONOSUPPORT) /* without netfilter there is nothing */
			note(g, r, err);
		return;
	}
	note(g, fl_masq_sweep(g->nft, g->req->name, keep_address, &keepers, err), err);
	/* Anew: what was added since has its record too. */
	keepers.read = false;
	keepers.n_ips = keepers.n_ports = 0;
	note(g, fl_spoof_sweep(g->nft, g->req->name, keep_port, &keepers, err), err);
}

int fl_leave_gc(const struct fl_leave *l, struct fl_err *err)
{
	const struct fl_cni_req *req = l->req;
	fl_auto(gc_done) struct gc g = { .req = req };
	int r = fl_nl_open(FL_NL_ROUTE, &g.host, err);

	if (r < 0)
		return fl_class(err, r, FL_CNI_NETLINK);
	note(&g, fl_endpoint_list(req->root, req->name, each_record, &g, err), err);
	if (!g.adding)
		note(&g, fl_link_list(g.host, 0, each_link, &g, err), err);
	if (l->elements)
		sweep_firewall(&g, err);
	if (l->sweep)
		note(&g, l->sweep(req, g.host, err), err);
	/* The address of an ADD that runs is in use; the runtime, which is told so, calls again. */
	if (!g.adding)
		note(&g, tell_ipam(l, FL_CNI_GC, err), err);
	if (g.failed == 0)
		return 0;
	*err = g.first;
	if (g.failed > 1)
		return fl_class(err, fl_wrap(err, -err->sys, "%d failures, the first", g.failed),
				FL_CNI_NETLINK);
	return fl_class(err, -err->sys, FL_CNI_NETLINK);
}
