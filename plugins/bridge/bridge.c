// SPDX-License-Identifier: Apache-2.0
/* The plugin's table, and the verbs that are short: DEL, GC and STATUS. */
#include "plugins/bridge/bridge.h"

#include <errno.h>
#include <strings.h>

#include "attach/attach.h"
#include "attach/guard.h"
#include "attach/leave.h"
#include "cni/delegate.h"
#include "net/link.h"
#include "net/netns.h"
#include "plugins/bridge/conf.h"

/*
 * DEL of an attachment that the reference plugin made, as when the binaries were exchanged on
 * a live host: deletes the interface in the pod if it is the one that prevResult describes, by
 * name and MAC address. Anything else is left alone.
 */
static int del_foreign(const struct fl_cni_req *req, struct fl_err *err)
{
	fl_auto_cni_result struct fl_cni_result prev = { 0 };
	fl_auto_nl struct fl_nl *pod = NULL;
	struct fl_link link = { 0 };
	struct fl_err ignored;
	char mac[FL_MAC_STR];
	int r, i;

	if (req->netns_fd < 0 || !req->prev || fl_cni_prev_result(req, &prev, &ignored) < 0)
		return 0;
	i = fl_attach_find_container(req, &prev);
	if (i < 0 || fl_empty(prev.ifaces[i].mac))
		return 0;
	r = fl_netns_open_nl(req->netns_fd, &pod, err);
	if (r == 0)
		r = fl_link_get(pod, req->ifname, &link, err);
	if (r < 0)
		return r == -ENODEV ? 0 : r;
	fl_mac_format(link.mac, mac);
	if (!fl_streq(link.kind, "veth") || strcasecmp(mac, prev.ifaces[i].mac) != 0)
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
