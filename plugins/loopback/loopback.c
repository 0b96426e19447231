// SPDX-License-Identifier: Apache-2.0
/*
 * The pod's "lo", which the kernel makes and gives its addresses: ADD sets it up, DEL sets it
 * down. ADD also writes the attachment into the link's alias, so that the late DEL of an old
 * container leaves the "lo" of a new one in the same namespace alone. The kernel keeps
 * 127.0.0.1 on a link that goes down and adds it anew when it comes up: DEL removes it.
 */
#include "plugins/loopback/loopback.h"

#include <errno.h>
#include <stdio.h>

#include "base/hash.h"
#include "net/addr.h"
#include "net/link.h"
#include "net/netns.h"

#define LO	    "lo"
#define LO_MAC	    "00:00:00:00:00:00"
#define MAX_ADDRS   64 /* more are not reported */
#define ALIAS_HEAD  "fairlead/"
#define ALIAS_CHARS 25 /* of the hash */

/* 127.0.0.1/8 */
static const struct fl_prefix localhost = {
	.ip = { .b = { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 } },
	.len = 8,
};

/* "fairlead/NETWORK/HASH": at most 9 + 200 + 1 + 25 bytes, so it fits. */
static void make_alias(const struct fl_cni_req *req, char out[FL_IFALIAS_SIZE])
{
	const char *const key[] = { req->name, req->container_id, req->ifname };
	char hash[ALIAS_CHARS + 1];

	fl_hash_name(fl_hash_texts(key, FL_ARRAY_LEN(key)), hash, ALIAS_CHARS);
	(void)snprintf(out, FL_IFALIAS_SIZE, ALIAS_HEAD "%s/%s", req->name, hash);
}

static int set_lo(struct fl_nl *nl, enum fl_change up, const char *alias, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r;

	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	fl_link_put_set(b, &(struct fl_link_set){ .name = LO, .up = up, .alias = alias });
	return fl_batch_send(nl, b, err);
}

struct addrs {
	struct fl_prefix all[MAX_ADDRS];
	size_t n;
};

static int each_addr(const struct fl_addr *addr, void *arg, struct fl_err *err)
{
	struct addrs *addrs = arg;

	(void)err;
	if (addrs->n < MAX_ADDRS)
		addrs->all[addrs->n++] = addr->addr;
	return 0;
}

/* 127.0.0.0/8 and ::1: what else someone put on "lo" is not ours to report. */
static bool is_loopback(const struct fl_prefix *p)
{
	struct fl_ip one6 = { .b = { [15] = 1 } };

	return fl_prefix_contains(&localhost, &p->ip) || fl_ip_cmp(&p->ip, &one6) == 0;
}

static bool has(const struct addrs *addrs, const struct fl_prefix *want)
{
	for (size_t i = 0; i < addrs->n; i++)
		if (addrs->all[i].len == want->len && fl_ip_cmp(&addrs->all[i].ip, &want->ip) == 0)
			return true;
	return false;
}

/* Puts "lo" back as it was, while nl is set. */
struct undo {
	struct fl_nl *nl;
	const struct fl_link *before;
	const struct addrs *had;
};

static void undo_set(struct undo *u)
{
	struct fl_err ignored;

	if (!u->nl)
		return;
	(void)set_lo(u->nl, u->before->up ? FL_KEEP : FL_OFF, u->before->alias, &ignored);
	if (!u->before->up && !has(u->had, &localhost))
		(void)!fl_addr_del(u->nl, u->before->index, &localhost, &ignored);
}

/* What "lo" has: without IPv6 in the kernel, for one, there is no ::1. */
static int report(const struct fl_cni_req *req, struct fl_nl *nl, uint32_t index,
		  struct fl_json **result, struct fl_err *err)
{
	struct fl_cni_iface lo = { .name = LO, .mac = LO_MAC, .sandbox = req->netns };
	struct fl_cni_ip ips[MAX_ADDRS];
	struct fl_cni_result res = { .ifaces = &lo, .n_ifaces = 1, .ips = ips };
	struct addrs addrs = { .n = 0 };
	int r;

	r = fl_addr_list(nl, index, 0, each_addr, &addrs, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_NETLINK);
	for (size_t i = 0; i < addrs.n; i++)
		if (is_loopback(&addrs.all[i]))
			ips[res.n_ips++] = (struct fl_cni_ip){ .address = addrs.all[i] };
	return fl_cni_result_write(&res, req->version, result, err);
}

/*
 * The previous result as it came, with keys that we do not know; if it is of another version than
 * the configuration's, it is written anew.
 */
static int pass_on(const struct fl_cni_req *req, const struct fl_cni_result *prev,
		   struct fl_json **result, struct fl_err *err)
{
	const char *want = fl_cni_version_text(req->version);
	const char *text = fl_json_str(fl_json_get(req->prev, "cniVersion"));
	fl_auto_json struct fl_json *copy = NULL;

	if (!fl_empty(text) && !fl_streq(text, want))
		return fl_cni_result_write(prev, req->version, result, err);
	copy = fl_json_copy(req->prev);
	if (!copy || (fl_empty(text) && fl_json_set_str(copy, "cniVersion", want) < 0))
		return fl_fail_errno(err, ENOMEM, "copy the previous result");
	*result = FL_TAKE(copy);
	return 0;
}

static int lo_add(const struct fl_cni_req *req, struct fl_json **result, struct fl_err *err)
{
	fl_auto_cni_result struct fl_cni_result prev = { 0 };
	fl_auto_nl struct fl_nl *nl = NULL;
	struct fl_link before = { 0 };
	struct addrs had = { .n = 0 };
	fl_auto(undo_set) struct undo undo = { 0 };
	char alias[FL_IFALIAS_SIZE];
	int r;

	if (req->prev) {
		r = fl_cni_prev_result(req, &prev, err);
		if (r < 0)
			return r;
	}
	r = fl_netns_open_nl(req->netns_fd, req->home_fd, &nl, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_NETLINK);
	r = fl_link_get(nl, LO, &before, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_NETLINK);
	r = fl_addr_list(nl, before.index, 0, each_addr, &had, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_NETLINK);
	make_alias(req, alias);
	undo = (struct undo){ .nl = nl,
			      .before = &before,
			      .had = &had }; /* a lost answer may hide a change */
	r = set_lo(nl, FL_ON, alias, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_NETLINK);
	r = req->prev ? pass_on(req, &prev, result, err)
		      : report(req, nl, before.index, result, err);
	if (r < 0)
		return r;
	undo.nl = NULL;
	return 0;
}

static int lo_del(const struct fl_cni_req *req, struct fl_err *err)
{
	fl_auto_nl struct fl_nl *nl = NULL;
	char alias[FL_IFALIAS_SIZE];
	struct fl_link lo = { 0 };
	int r;

	if (req->netns_fd < 0)
		return 0;
	r = fl_netns_open_nl(req->netns_fd, req->home_fd, &nl, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_NETLINK);
	r = fl_link_get(nl, LO, &lo, err);
	if (r < 0)
		return r == -ENODEV ? 0 : fl_class(err, r, FL_CNI_NETLINK);
	make_alias(req, alias);
	/* An alias that is not of this suite, or none: set up by the reference plugin. */
	if (strncmp(lo.alias, ALIAS_HEAD, strlen(ALIAS_HEAD)) != 0) {
		r = lo.up ? set_lo(nl, FL_OFF, NULL, err) : 0;
	} else if (fl_streq(lo.alias, alias)) {
		r = fl_addr_del(nl, lo.index, &localhost, err);
		if (r == 0) /* the alias goes last: as long as it is there, a DEL goes on */
			r = set_lo(nl, FL_OFF, "", err);
	}
	return r < 0 ? fl_class(err, r, FL_CNI_NETLINK) : 0;
}

/* The addresses that the result gives to "lo"; a chain's result has none. */
static int check_addrs(const struct fl_cni_result *prev, const struct addrs *addrs,
		       struct fl_err *err)
{
	char text[FL_PREFIX_STR];

	for (size_t i = 0; i < prev->n_ips; i++) {
		const struct fl_cni_ip *ip = &prev->ips[i];

		if (ip->interface < 0 || !fl_streq(prev->ifaces[ip->interface].name, LO) ||
		    !prev->ifaces[ip->interface].sandbox)
			continue;
		if (!has(addrs, &ip->address))
			return fl_class(err,
					fl_fail(err, ESTALE,
						"link 'lo': expected address '%s', found none such",
						fl_prefix_format(&ip->address, text)),
					FL_CNI_DRIFT);
	}
	return 0;
}

static int lo_check(const struct fl_cni_req *req, struct fl_err *err)
{
	fl_auto_cni_result struct fl_cni_result prev = { 0 };
	fl_auto_nl struct fl_nl *nl = NULL;
	struct addrs addrs = { .n = 0 };
	struct fl_link lo = { 0 };
	int r;

	r = fl_cni_prev_result(req, &prev, err);
	if (r < 0)
		return r;
	r = fl_netns_open_nl(req->netns_fd, req->home_fd, &nl, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_NETLINK);
	r = fl_link_get(nl, LO, &lo, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_NETLINK);
	if (!lo.up)
		return fl_class(err, fl_fail(err, ENETDOWN, "link 'lo': expected up, found down"),
				FL_CNI_DRIFT);
	r = fl_addr_list(nl, lo.index, 0, each_addr, &addrs, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_NETLINK);
	return check_addrs(&prev, &addrs, err);
}

/* GC: the namespaces of stale attachments are gone. STATUS: every kernel has "lo". */
static int lo_nothing(const struct fl_cni_req *req, struct fl_err *err)
{
	(void)req;
	(void)err;
	return 0;
}

const struct fl_cni_plugin lo_plugin = {
	.name = "loopback",
	.add = lo_add,
	.del = lo_del,
	.check = lo_check,
	.gc = lo_nothing,
	.status = lo_nothing,
};
