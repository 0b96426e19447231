// SPDX-License-Identifier: Apache-2.0
/* The plugin's table, STATUS, and what several verbs do to the firewall. */
#include "plugins/bridge/bridge.h"

#include <errno.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "attach/masq.h"
#include "attach/spoof.h"
#include "cni/delegate.h"
#include "net/link.h"
#include "net/netns.h"

int br_remove_firewall(const struct fl_endpoint *ep, struct fl_nl **nl, struct fl_err *err)
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

static int each_masquerade(const struct fl_endpoint *ep, void *arg, struct fl_err *err)
{
	bool fresh;

	if (!ep->masquerade)
		return 0;
	return fl_masq_add(arg, ep->key.network, ep->ips, ep->n_ips, &fresh, err);
}

static int each_pin(const struct fl_endpoint *ep, void *arg, struct fl_err *err)
{
	bool fresh;

	if (!ep->macspoofchk)
		return 0;
	return fl_spoof_add(arg, ep->key.network, ep->host_ifname, ep->mac, &fresh, err);
}

int br_restore_masquerade(const struct fl_cni_req *req, struct fl_nl *nl, struct fl_err *err)
{
	return fl_endpoint_list(req->root, req->name, each_masquerade, nl, err);
}

int br_restore_pins(const struct fl_cni_req *req, struct fl_nl *nl, struct fl_err *err)
{
	return fl_endpoint_list(req->root, req->name, each_pin, nl, err);
}

int br_check_agent(const struct fl_cni_req *req, const struct br_conf *conf, struct fl_err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	fl_auto_close int fd = -1;
	int r;

	if (conf->agent != BR_AGENT_REQUIRED)
		return 0;
	r = fl_format(addr.sun_path, sizeof(addr.sun_path), err, "%s/run/fairlead/agent.sock",
		      req->root);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fl_fail(err, EAGAIN,
			       "config 'agent': 'required', but this version has no policy to ask "
			       "'%s' for",
			       addr.sun_path);
	return fl_fail(err, EAGAIN, "config 'agent': 'required', but none answers at '%s'",
		       addr.sun_path);
}

int br_find_container(const struct fl_cni_req *req, const struct fl_cni_result *res)
{
	for (size_t i = 0; i < res->n_ifaces; i++)
		if (!fl_empty(res->ifaces[i].sandbox) && fl_streq(res->ifaces[i].name, req->ifname))
			return (int)i;
	return -1;
}

int br_del_foreign(const struct fl_cni_req *req, struct fl_err *err)
{
	fl_auto_cni_result struct fl_cni_result prev = { 0 };
	fl_auto_nl struct fl_nl *pod = NULL;
	struct fl_link link = { 0 };
	struct fl_err ignored;
	char mac[FL_MAC_STR];
	int r, i;

	if (req->netns_fd < 0 || !req->prev || fl_cni_prev_result(req, &prev, &ignored) < 0)
		return 0;
	i = br_find_container(req, &prev);
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

static int br_status(const struct fl_cni_req *req, struct fl_err *err)
{
	fl_auto_cni_args struct fl_cni_args args = { 0 };
	struct br_conf conf;
	int r = br_conf_read(&req->conf, &args, &conf, err);

	if (r < 0)
		return r;
	r = br_check_agent(req, &conf, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_UNAVAILABLE);
	return conf.ipam ? fl_cni_delegate_call(req, FL_CNI_STATUS, conf.ipam, err) : 0;
}

const struct fl_cni_plugin br_plugin = {
	.name = "bridge",
	.add = br_add,
	.del = br_del,
	.check = br_check,
	.gc = br_gc,
	.status = br_status,
};
