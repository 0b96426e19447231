// SPDX-License-Identifier: Apache-2.0
/*
 * The verbs of host-local. ADD holds the store's lock throughout, so that its addresses of
 * several sets are taken together or not at all; all state is on this stack, since the
 * bridge plugin calls these functions in its own process.
 */
#include "plugins/ipam/ipam.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "plugins/ipam/alloc.h"
#include "plugins/ipam/resolv.h"
#include "state/endpoint.h"

static struct ipam_where where_of(const struct fl_cni_req *req, const char *data_dir)
{
	return (struct ipam_where){
		.root = req->root ? req->root : "",
		.data_dir = data_dir,
		.network = req->name,
	};
}

/* What the disk refuses is an I/O error, unless a deeper place knew better. */
static int class_io(struct fl_err *err, int r)
{
	static const int io[] = { ENOSPC, EIO,	  EROFS,  EDQUOT, ENOTDIR,
				  EISDIR, ENOENT, EACCES, EPERM,  ELOOP };

	if (r == -ETIMEDOUT)
		return fl_class(err, r, FL_CNI_TRY_LATER);
	for (size_t i = 0; i < FL_ARRAY_LEN(io); i++)
		if (r == -io[i])
			return fl_class(err, r, FL_CNI_IO);
	if (r == -ENAMETOOLONG)
		return fl_class(err, fl_wrap(err, r, "config 'ipam.dataDir'"), FL_CNI_CONFIG);
	return r;
}

static int read_dns(const char *path, struct fl_json **tree, struct fl_cni_dns *dns,
		    struct fl_err *err)
{
	fl_auto_free char *text = NULL;
	struct fl_cur c;
	size_t len;
	int r;

	r = fl_read_file(AT_FDCWD, path, IPAM_RESOLV_MAX, &text, &len, err);
	if (r == 0)
		r = ipam_resolv_parse(text, tree, err);
	if (r < 0)
		return fl_class(err, fl_wrap(err, r, "config 'ipam.resolvConf'"), FL_CNI_CONFIG);
	c = fl_cur_root(*tree, "resolv.conf");
	return fl_cni_dns_read(&c, dns, err);
}

/* The addresses, one of each set, into the result. */
static int add_ips(const struct ipam_conf *conf, const struct ipam_taken *t,
		   struct fl_cni_result *res, struct fl_err *err)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct ipam_set *set = &conf->sets[i];
		const struct ipam_range *range = &set->ranges[ipam_set_find(set, &t->ips[i])];
		struct fl_cni_ip *ip = NULL;
		int r;

		r = fl_cni_result_add_ip(res, &ip, err);
		if (r < 0)
			return r;
		ip->address = (struct fl_prefix){ t->ips[i], range->subnet.len };
		ip->has_gateway = true;
		ip->gateway = range->gateway;
	}
	return 0;
}

static int ipam_add(const struct fl_cni_req *req, struct fl_json **result, struct fl_err *err)
{
	fl_auto_ipam_conf struct ipam_conf conf = { 0 };
	fl_auto_json struct fl_json *dns = NULL;
	fl_auto_ipam_store struct ipam_store store = IPAM_STORE_CLOSED;
	fl_auto_ipam_taken struct ipam_taken taken = {
		.store = &store,
		.id = req->container_id,
		.ifname = req->ifname,
	};
	struct ipam_where where;
	int r;

	r = ipam_conf_read(&req->conf, req->version, req->args, &conf, err);
	if (r < 0)
		return r;
	if (!fl_empty(conf.resolv_conf)) {
		r = read_dns(conf.resolv_conf, &dns, &conf.extra.dns, err);
		if (r < 0)
			return r;
	}
	where = where_of(req, conf.data_dir);
	r = ipam_store_open(&store, &where, true, &req->deadline, err);
	if (r < 0)
		return class_io(err, r);
	r = ipam_alloc_all(&conf, &taken, err);
	if (r < 0)
		return class_io(err, r);
	r = add_ips(&conf, &taken, &conf.extra, err);
	if (r < 0)
		return r;
	r = fl_cni_result_write(&conf.extra, req->answer, result, err);
	if (r < 0)
		return r;
	ipam_taken_keep(&taken);
	return 0;
}

/* Opens the store for a verb that has nothing to do without one: 1 open, 0 there is none. */
static int open_existing(const struct fl_cni_req *req, struct ipam_where *where,
			 struct ipam_store *store, struct fl_err *err)
{
	const char *data_dir = NULL;
	int r;

	r = ipam_conf_data_dir(&req->conf, &data_dir, err);
	if (r < 0)
		return r;
	*where = where_of(req, data_dir);
	r = ipam_store_open(store, where, false, &req->deadline, err);
	if (r == -ENOENT || r == -ENOTDIR || r == -ENAMETOOLONG)
		return 0; /* where nothing can be, nothing has been leased */
	return r < 0 ? class_io(err, r) : 1;
}

static int ipam_del(const struct fl_cni_req *req, struct fl_err *err)
{
	fl_auto_ipam_store struct ipam_store store = IPAM_STORE_CLOSED;
	struct ipam_where where;
	int r;

	r = open_existing(req, &where, &store, err);
	if (r <= 0)
		return r;
	return class_io(err, ipam_store_release(&store, req->container_id, req->ifname, err));
}

/* What the files say is leased to the attachment: "'10.1.0.2', 'fd00::2'" or "none". */
static void list_leased(const struct fl_cni_req *req, const struct ipam_store *store, char *out,
			size_t size)
{
	size_t used = (size_t)snprintf(out, size, "none");
	const char *comma = "";
	char text[FL_IP_STR];
	struct fl_ip have;
	uint64_t pos = 0;

	while (ipam_store_leased(store, req->container_id, req->ifname, &pos, &have)) {
		if (!ipam_store_holds(store, req->container_id, req->ifname, &have))
			continue;
		if (!*comma)
			used = 0;
		if (used + FL_IP_STR + 4 >= size)
			return;
		used += (size_t)snprintf(out + used, size - used, "%s'%s'", comma,
					 fl_ip_format(&have, text));
		comma = ", ";
	}
}

/* Each address of the result that our ranges hold must be leased to this attachment. */
static int compare(const struct fl_cni_req *req, const struct ipam_conf *conf,
		   const struct ipam_store *store, struct fl_err *err)
{
	fl_auto_cni_result struct fl_cni_result prev = { 0 };
	char text[FL_IP_STR], found[200];
	int r;

	r = fl_cni_prev_result(req, &prev, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < prev.n_ips; i++) {
		const struct fl_ip *ip = &prev.ips[i].address.ip;
		bool ours = false;

		for (size_t s = 0; s < conf->n_sets; s++)
			ours |= ipam_set_find(&conf->sets[s], ip) >= 0;
		if (!ours || ipam_store_holds(store, req->container_id, req->ifname, ip))
			continue;
		list_leased(req, store, found, sizeof(found));
		r = fl_fail(err, ENOENT,
			    "lease of container '%s' interface '%s' in '%s': expected '%s', found "
			    "%s",
			    req->container_id, req->ifname, store->path, fl_ip_format(ip, text),
			    found);
		return fl_class(err, r, FL_CNI_DRIFT);
	}
	return 0;
}

static int ipam_check(const struct fl_cni_req *req, struct fl_err *err)
{
	fl_auto_ipam_conf struct ipam_conf conf = { 0 };
	fl_auto_ipam_store struct ipam_store store = IPAM_STORE_CLOSED;
	struct ipam_where where;
	int r;

	r = ipam_conf_read(&req->conf, req->version, req->args, &conf, err);
	if (r < 0)
		return r;
	where = where_of(req, conf.data_dir);
	r = ipam_store_open(&store, &where, false, &req->deadline, err);
	if (r == -ENOENT) {
		r = fl_fail(err, ENOENT,
			    "lease of container '%s' interface '%s': expected one, found no store "
			    "of network '%s'",
			    req->container_id, req->ifname, req->name);
		return fl_class(err, r, FL_CNI_DRIFT);
	}
	if (r < 0)
		return class_io(err, r);
	return compare(req, &conf, &store, err);
}

/* The keys that may stay: of each valid attachment its own, and its id's in the old form. */
struct valid_keys {
	const struct fl_cni_req *req;
	struct fl_hash *keys; /* sorted */
	size_t n;
};

static int cmp_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct fl_hash));
}

static bool is_valid(const struct fl_hash *key, void *arg)
{
	const struct valid_keys *valid = arg;

	return valid->n > 0 && bsearch(key, valid->keys, valid->n, sizeof(*key), cmp_keys);
}

/*
 * An attachment of our other plugins whose ADD goes on, or which GC could not take down, still uses
 * its address.
 */
static bool is_held(const char *id, const char *ifname, void *arg)
{
	const struct fl_cni_req *req = ((const struct valid_keys *)arg)->req;

	return fl_endpoint_holds(req->root, &(struct fl_key){ req->name, id, ifname });
}

static int ipam_gc(const struct fl_cni_req *req, struct fl_err *err)
{
	fl_auto_ipam_store struct ipam_store store = IPAM_STORE_CLOSED;
	fl_auto_free struct fl_hash *keys = NULL;
	struct valid_keys valid = { .req = req };
	struct ipam_where where;
	size_t n = fl_json_len(req->valid);
	int r;

	keys = calloc(n + 1, 2 * sizeof(*keys));
	if (!keys)
		return fl_fail_errno(err, ENOMEM, "keep %zu valid attachments", n);
	for (size_t i = 0; i < n; i++) {
		const struct fl_json *a = fl_json_at(req->valid, i);
		const char *id = fl_json_str(fl_json_get(a, "containerID"));
		const char *ifname = fl_json_str(fl_json_get(a, "ifname"));

		keys[valid.n++] = ipam_store_key(id ? id : "", ifname ? ifname : "");
		keys[valid.n++] = ipam_store_key(id ? id : "", NULL);
	}
	qsort(keys, valid.n, sizeof(*keys), cmp_keys);
	valid.keys = keys;
	r = open_existing(req, &where, &store, err);
	if (r <= 0)
		return r;
	return class_io(
		err,
		ipam_store_sweep(&store, &(struct ipam_keeper){ is_valid, is_held, &valid }, err));
}

/* Each attachment brings its ranges; then there is nothing to be full. */
static bool has_ranges_to_come(const struct fl_cni_req *req)
{
	const struct fl_json *ipam = fl_json_get(req->conf.v, "ipam");

	return !fl_json_get(ipam, "subnet") && fl_json_len(fl_json_get(ipam, "ranges")) == 0 &&
	       fl_cni_awaits(req, "ipRanges");
}

static int ipam_status(const struct fl_cni_req *req, struct fl_err *err)
{
	fl_auto_ipam_conf struct ipam_conf conf = { 0 };
	fl_auto_ipam_index struct ipam_index ix = { 0 };
	struct ipam_where where;
	char ranges[160];
	int r;

	if (has_ranges_to_come(req))
		return 0;
	r = ipam_conf_read(&req->conf, req->version, NULL, &conf, err);
	if (r < 0)
		return r;
	where = where_of(req, conf.data_dir);
	r = ipam_store_peek(&where, &ix, err);
	if (r == -ENOENT)
		return 0; /* nothing has been given out */
	if (r < 0)
		return fl_class(err, r, FL_CNI_UNAVAILABLE);
	for (size_t i = 0; i < conf.n_sets; i++) {
		if (ipam_alloc_has_free(&ix, &conf.sets[i]))
			continue;
		r = fl_fail(err, ENOSPC, "network '%s': no address is free in range set %zu, '%s'",
			    req->name, i, ipam_set_format(&conf.sets[i], ranges, sizeof(ranges)));
		return fl_class(err, r, FL_CNI_UNAVAILABLE);
	}
	return 0;
}

const struct fl_cni_plugin ipam_plugin = {
	.name = "host-local",
	.any_netns = true,
	.add = ipam_add,
	.del = ipam_del,
	.check = ipam_check,
	.gc = ipam_gc,
	.status = ipam_status,
};
