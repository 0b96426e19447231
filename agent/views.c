// SPDX-License-Identifier: Apache-2.0
/* The API's requests: docs/api.md has the documents. */
#include <errno.h>

#include "agent/agent.h"
#include "agent/views.h"
#include "base/text.h"
#include "state/endpoint.h"
#include "json/cur.h"

static struct fl_json *strings(size_t n, const char *(*text)(size_t i, const void *arg, char *buf),
			       const void *arg)
{
	fl_auto_json struct fl_json *all = fl_json_array();
	char buf[FL_PREFIX_STR];

	for (size_t i = 0; all && i < n; i++)
		if (fl_json_append(all, fl_json_new_str(text(i, arg, buf))) < 0)
			return NULL;
	return FL_TAKE(all);
}

static const char *node_ip(size_t i, const void *arg, char *buf)
{
	return fl_ip_format(&((const struct agent_node *)arg)->net.ips[i], buf);
}

static const char *node_cidr(size_t i, const void *arg, char *buf)
{
	return fl_prefix_format(&((const struct agent_node *)arg)->net.cidrs[i], buf);
}

static const char *endpoint_ip(size_t i, const void *arg, char *buf)
{
	return fl_prefix_format(&((const struct fl_endpoint *)arg)->ips[i], buf);
}

static int set_node(struct fl_json *o, const struct agent *a)
{
	const struct agent_node *self = a->nodes ? agent_cluster_find(a->nodes, a->node_name)
						 : NULL;

	return fl_json_set_str(o, "version", FL_VERSION) ?:
	       fl_json_set_str(o, "nodeName", a->node_name) ?:
	       fl_json_set(o, "nodeIPs", strings(self ? self->net.n_ips : 0, node_ip, self)) ?:
	       fl_json_set(o, "podCIDRs", strings(self ? self->net.n_cidrs : 0, node_cidr, self)) ?:
	       fl_json_set_str(o, "mode", agent_mode_text(a->conf->mode)) ?:
	       fl_json_set_bool(o, "ready", agent_ready(a)) ?:
	       fl_json_set_bool(o, "drained", a->drained) ?:
	       fl_json_set_int(o, "uptimeSeconds",
			       (int64_t)(uv_now(&a->loop) - a->started_ms) / 1000);
}

static int set_underlay(struct fl_json *o, const struct agent *a)
{
	static const struct fl_ip none;
	struct topo_local local = topo_local(a->topo);
	bool known = fl_ip_cmp(&local.ip, &none) != 0;
	struct fl_json *u = fl_json_object();
	char text[FL_IP_STR];
	int r = u ? 0 : -ENOMEM;

	r = r ?: fl_json_set_str(u, "interface", local.underlay) ?:
		 fl_json_set_str(u, "ip", known ? fl_ip_format(&local.ip, text) : "") ?:
		 fl_json_set_int(u, "mtu", local.underlay_mtu);
	return fl_json_set(o, "underlay", u) ?: r ?: fl_json_set_int(o, "podMTU", local.pod_mtu);
}

static int set_reconcile(struct fl_json *o, const struct topo_stats *s)
{
	struct fl_json *c = fl_json_object();
	int r = c ? 0 : -ENOMEM;

	r = r ?: fl_json_set_int(c, "count", (int64_t)s->reconciles) ?:
		 fl_json_set_int(c, "failed", (int64_t)s->failed_reconciles) ?:
		 fl_json_set_int(c, "drift", (int64_t)s->drift) ?:
		 fl_json_set(c, "lastSeconds", fl_json_new_real(s->last_s)) ?:
		 fl_json_set(c, "lastChangeSeconds", fl_json_new_real(s->last_change_s));
	return fl_json_set(o, "reconcile", c) ?: r;
}

static int set_problems(struct fl_json *o, const struct agent *a)
{
	struct agent_trouble_json j = { .array = fl_json_array() };

	j.r = j.array ? 0 : -ENOMEM;
	agent_problems(a, agent_trouble_json_add, &j);
	return fl_json_set(o, "problems", j.array) ?: j.r;
}

static int get_status(void *arg, const struct api_call *call, struct fl_json **out,
		      struct fl_err *err)
{
	const struct agent *a = arg;
	struct topo_stats s = topo_stats(a->topo);
	fl_auto_json struct fl_json *o = fl_json_object();
	int r = o ? 0 : -ENOMEM;

	(void)call;
	r = r ?: set_node(o, a) ?: set_underlay(o, a) ?:
	    fl_json_set_int(o, "nodes", a->nodes ? (int64_t)a->nodes->n : 0) ?:
	    fl_json_set_int(o, "peers", (int64_t)s.peers) ?: set_reconcile(o, &s) ?:
	    set_problems(o, a);
	if (r < 0)
		return fl_fail_errno(err, ENOMEM, "write the status");
	*out = FL_TAKE(o);
	return 0;
}

static int get_peers(void *arg, const struct api_call *call, struct fl_json **out,
		     struct fl_err *err)
{
	(void)call;
	return topo_peers_json(((struct agent *)arg)->topo, out, err);
}

static int get_routes(void *arg, const struct api_call *call, struct fl_json **out,
		      struct fl_err *err)
{
	(void)call;
	return topo_routes_json(((struct agent *)arg)->topo, out, err);
}

static int set_if(struct fl_json *o, const char *key, const char *text)
{
	return text ? fl_json_set_str(o, key, text) : 0;
}

/* A list of endpoints under construction. */
struct endpoints {
	const struct agent *a;
	struct fl_json *list; /* owned */
};

static void endpoints_done(struct endpoints *e)
{
	fl_json_free(&e->list);
}

static int set_enforced(struct fl_json *o, const struct agent *a, const char *host_ifname)
{
	uint32_t identity = 0;
	const char *why = guard_standing(a->guard, host_ifname, &identity);

	return fl_json_set_bool(o, "enforced", !why)
		       ?: why ? fl_json_set_str(o, "notEnforced", why)
			      : fl_json_set_int(o, "identity", identity);
}

static int each_endpoint(const struct fl_endpoint *ep, void *arg, struct fl_err *err)
{
	fl_auto_json struct fl_json *o = fl_json_object();
	struct endpoints *e = arg;
	char mac[FL_MAC_STR];
	int r = o ? 0 : -ENOMEM;

	fl_mac_format(ep->mac, mac);
	r = r ?: fl_json_set_str(o, "network", ep->key.network) ?:
		 fl_json_set_str(o, "containerID", ep->key.container_id) ?:
		 fl_json_set_str(o, "ifname", ep->key.ifname) ?:
		 fl_json_set_str(o, "hostInterface", ep->host_ifname) ?:
		 fl_json_set_str(o, "mac", mac) ?:
		 fl_json_set(o, "ips", strings(ep->n_ips, endpoint_ip, ep)) ?:
		 set_if(o, "mode", ep->mode) ?: set_if(o, "podNamespace", ep->pod_namespace) ?:
		 set_if(o, "podName", ep->pod_name) ?: set_enforced(o, e->a, ep->host_ifname) ?:
		 fl_json_append(e->list, FL_TAKE(o));
	return r < 0 ? fl_fail_errno(err, ENOMEM, "list endpoints") : 0;
}

static int get_endpoints(void *arg, const struct api_call *call, struct fl_json **out,
			 struct fl_err *err)
{
	fl_auto(endpoints_done) struct endpoints e = { arg, fl_json_array() };
	int r;

	(void)call;
	if (!e.list)
		return fl_fail_errno(err, ENOMEM, "list endpoints");
	guard_look(e.a->guard);
	r = fl_endpoint_list(e.a->root, NULL, each_endpoint, &e, err);
	if (r < 0)
		return r;
	*out = FL_TAKE(e.list);
	return 0;
}

/* A plugin's ADD: answered when policy is in force for the attachment. */
static int post_endpoint(void *arg, const struct api_call *call, struct fl_json **out,
			 struct fl_err *err)
{
	struct fl_cur c = fl_cur_root(call->body, "request");
	struct agent *a = arg;
	struct fl_key key;
	int r;

	*out = NULL;
	r = fl_cur_as_obj(&c, err);
	if (r == 0)
		r = fl_cur_str(&c, "network", FL_REQUIRED, &key.network, err);
	if (r >= 0)
		r = fl_cur_str(&c, "containerID", FL_REQUIRED, &key.container_id, err);
	if (r >= 0)
		r = fl_cur_str(&c, "ifname", FL_REQUIRED, &key.ifname, err);
	return r < 0 ? r : guard_attach(a->guard, &key, err);
}

static int get_bgp(void *arg, const struct api_call *call, struct fl_json **out, struct fl_err *err)
{
	struct agent *a = arg;

	(void)call;
	if (!a->bgp)
		return fl_fail(err, ENOENT, "mode is '%s', not 'bgp'",
			       agent_mode_text(a->conf->mode));
	return bgp_json(a->bgp, out, err);
}

static int post_drain(void *arg, const struct api_call *call, struct fl_json **out,
		      struct fl_err *err)
{
	(void)call;
	*out = NULL;
	return agent_drain(arg, true, err);
}

static int post_undrain(void *arg, const struct api_call *call, struct fl_json **out,
			struct fl_err *err)
{
	(void)call;
	*out = NULL;
	return agent_drain(arg, false, err);
}

static int post_reload(void *arg, const struct api_call *call, struct fl_json **out,
		       struct fl_err *err)
{
	(void)call;
	(void)err;
	*out = NULL;
	src_manifests_reload(((struct agent *)arg)->source);
	return 0;
}

const struct api_route agent_routes[] = {
	{ "GET", "/v1/status", get_status },
	{ "GET", "/v1/peers", get_peers },
	{ "GET", "/v1/routes", get_routes },
	{ "GET", "/v1/endpoints", get_endpoints },
	{ "POST", "/v1/endpoints", post_endpoint },
	{ "GET", "/v1/bgp", get_bgp },
	{ "POST", "/v1/node/drain", post_drain },
	{ "POST", "/v1/node/undrain", post_undrain },
	{ "POST", "/v1/reload", post_reload },
	{ "GET", "/v1/bpf/*", agent_get_bpf, agent_bpf_params },
	{ "GET", "/v1/flows", agent_get_flows, agent_flows_params },
	{ "GET", "/v1/identities", agent_get_identities },
	{ "GET", "/v1/policies", agent_get_policies },
	{ "GET", "/v1/policies/*/*", agent_get_policy },
	{ "POST", "/v1/policies/explain", agent_post_explain },
};
const size_t agent_n_routes = FL_ARRAY_LEN(agent_routes);
