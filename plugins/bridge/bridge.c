// SPDX-License-Identifier: Apache-2.0
/* The plugin's table, and the verbs that are short: DEL, GC and STATUS. */
#include "plugins/bridge/bridge.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "attach/attach.h"
#include "attach/guard.h"
#include "attach/leave.h"
#include "base/log.h"
#include "base/sha512.h"
#include "cni/delegate.h"
#include "net/link.h"
#include "net/netns.h"
#include "net/nft_jump.h"
#include "plugins/bridge/conf.h"

/*
 * The reference plugin masquerades by a chain of iptables for each attachment, "CNI-" and 24
 * hexadecimal digits of a hash, to which POSTROUTING jumps. Where iptables is nf_tables beneath, as
 * it is on Debian, that chain can be removed without executing a program. What cannot be removed
 * (iptables-legacy, or rules of others lead there) is no reason to keep the pod, but worth a word.
 */
static void del_foreign_chains(const struct fl_cni_req *req)
{
	static const enum fl_nft_family families[] = { FL_NFT_IP, FL_NFT_IP6 };
	fl_auto_nl struct fl_nl *nl = NULL;
	uint8_t digest[FL_SHA512_LEN];
	struct fl_err err;
	char chain[32];
	int n;

	if (!fl_json_true(fl_json_get(req->conf.v, "ipMasq")) ||
	    fl_nl_open(FL_NL_NETFILTER, &nl, &err) < 0)
		return;
	fl_sha512((const char *[]){ req->name, req->container_id }, 2, digest);
	n = snprintf(chain, sizeof(chain), "CNI-");
	for (size_t i = 0; i < 12; i++)
		n += snprintf(chain + n, sizeof(chain) - (size_t)n, "%02x", digest[i]);
	for (size_t i = 0; i < FL_ARRAY_LEN(families); i++)
		if (fl_nft_chain_remove(nl, &(struct fl_nft_table){ families[i], "nat" },
					"POSTROUTING", chain, &err) < 0)
			fl_warn("chain '%s' of iptables stays: %s", chain, err.text);
}

/* True when the other end of the link is one that the result has on the host. */
static bool is_end_of(struct fl_nl *host, const struct fl_link *link,
		      const struct fl_cni_result *prev)
{
	struct fl_link other;
	struct fl_err ignored;

	for (size_t i = 0; i < prev->n_ifaces; i++) {
		const struct fl_cni_iface *iface = &prev->ifaces[i];

		if (fl_empty(iface->sandbox) && !fl_empty(iface->name) &&
		    fl_link_get(host, iface->name, &other, &ignored) == 0 &&
		    fl_streq(other.kind, "veth") && other.index == link->peer)
			return true;
	}
	return false;
}

/*
 * DEL of an attachment that the reference plugin made, as when the binaries were exchanged on
 * a live host: deletes the interface in the pod if it is the one that prevResult describes, by
 * name, MAC address and the name of its other end. Anything else is left alone: a MAC address alone
 * may be that of a new container with the old one's IP address.
 */
static int del_foreign(const struct fl_cni_req *req, struct fl_nl *host, struct fl_err *err)
{
	fl_auto_cni_result struct fl_cni_result prev = { 0 };
	fl_auto_nl struct fl_nl *pod = NULL;
	struct fl_link link = { 0 };
	struct fl_err ignored;
	char mac[FL_MAC_STR];
	int r, i;

	del_foreign_chains(req);
	if (req->netns_fd < 0 || !req->prev || fl_cni_prev_result(req, &prev, &ignored) < 0)
		return 0;
	i = fl_attach_find_container(req, &prev);
	if (i < 0 || fl_empty(prev.ifaces[i].mac))
		return 0;
	r = fl_netns_open_nl(req->netns_fd, req->home_fd, &pod, err);
	if (r == 0)
		r = fl_link_get(pod, req->ifname, &link, err);
	if (r < 0)
		return r == -ENODEV ? 0 : r;
	fl_mac_format(link.mac, mac);
	if (!fl_streq(link.kind, "veth") || strcasecmp(mac, prev.ifaces[i].mac) != 0 ||
	    !is_end_of(host, &link, &prev))
		return 0;
	return fl_link_del(pod, req->ifname, err);
}

static int br_del(const struct fl_cni_req *req, struct fl_err *err)
{
	const struct fl_leave leave = { .req = req, .elements = true, .del_foreign = del_foreign };

	return fl_leave_del(&leave, err);
}

static int br_gc(const struct fl_cni_req *req, struct fl_err *err)
{
	return fl_leave_gc(&(struct fl_leave){ .req = req, .elements = true }, err);
}

static int br_status(const struct fl_cni_req *req, struct fl_err *err)
{
	fl_auto_cni_args struct fl_cni_args args = { 0 };
	struct br_conf conf;
	int r = br_conf_read(&req->conf, &args, &conf, err);

	if (r == 0)
		r = fl_guard_check_agent(req, &conf.pod, err);
	if (r == 0 && conf.pod.ipam)
		r = fl_cni_delegate_call(req, FL_CNI_STATUS, conf.pod.ipam, err)
			    ?: fl_guard_check_room(req, &conf.pod, err);
	return r;
}

const struct fl_cni_plugin br_plugin = {
	.name = "bridge",
	.add = br_add,
	.del = br_del,
	.check = br_check,
	.gc = br_gc,
	.status = br_status,
};
