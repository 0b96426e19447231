// SPDX-License-Identifier: Apache-2.0
/* Reading agent.yaml: defaults, the keys, what contradicts each other. */
#include "agent/config/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/config/keys.h"
#include "base/text.h"

#define DEVICE_STR 16

void agent_config_done(struct agent_config *c)
{
	for (size_t i = 0; i < c->bgp.n_peers; i++)
		fl_free_p(&c->bgp.peers[i].allow);
	fl_free_p(&c->bgp.peers);
	fl_free_p(&c->bgp.communities);
	fl_free_p(&c->bgp.cluster_cidrs);
	fl_free_p(&c->policy.services);
	fl_free_p(&c->policy.denied);
	fl_free_p(&c->file);
	fl_free_p(&c->own_device);
	fl_yaml_free(&c->doc);
	*c = (struct agent_config){ 0 };
}

static struct agent_config defaults(void)
{
	return (struct agent_config){
		.mode = AGENT_VXLAN,
		.manifests = "/etc/fairlead/manifests",
		.policy = { .enforce = true,
			    .maps = "/sys/fs/bpf/fairlead",
			    .max_flows = AGENT_MAX_FLOWS },
		.vxlan = { .vni = 1, .port = 4789, .underlay = AF_UNSPEC },
		.bgp = { .as = 64512,
			 .mesh = true,
			 .mesh_graceful_restart = true,
			 .port = 179,
			 .bird = "bird" },
		.masquerade = true,
		.metrics_listen = "127.0.0.1:9464",
		.log_level = "info",
		.resync_s = 30,
	};
}

/* A device's name has 15 bytes: a VNI of seven digits leaves no room for the long form. */
static int name_device(struct agent_config *c, struct fl_err *err)
{
	char name[DEVICE_STR];
	int n;

	if (c->vxlan.device)
		return 0;
	n = snprintf(name, sizeof(name), "fairlead.%u", c->vxlan.vni);
	if (n >= (int)sizeof(name))
		(void)snprintf(name, sizeof(name), "fl.%u", c->vxlan.vni);
	c->own_device = strdup(name);
	if (!c->own_device)
		return fl_fail_errno(err, ENOMEM, "read the configuration");
	c->vxlan.device = c->own_device;
	return 0;
}

static int check_peer(const struct agent_bgp *bgp, size_t i, const struct fl_cur *at,
		      struct fl_err *err)
{
	const struct agent_bgp_peer *p = &bgp->peers[i];

	if (p->password && p->password_file)
		return fl_cur_fail(at, err, "has both 'password' and 'passwordFile'");
	if (p->route_reflector_client && p->as && p->as != bgp->as)
		return fl_cur_fail(at, err,
				   "a route reflector's client is of its AS: 'as' is %u, ours %u",
				   p->as, bgp->as);
	for (size_t k = 0; k < i; k++) {
		const struct agent_bgp_peer *q = &bgp->peers[k];
		char text[FL_IP_STR];

		if (fl_ip_cmp(&p->address, &q->address) == 0)
			return fl_cur_fail(at, err, "has the address of 'bgp.peers[%zu]': '%s'", k,
					   fl_ip_format(&p->address, text));
		if (p->name && fl_streq(p->name, q->name))
			return fl_cur_fail(at, err, "has the name of 'bgp.peers[%zu]': '%s'", k,
					   p->name);
	}
	return 0;
}

/* What is denied is denied by the datapath. */
static int check_denied(const struct agent_config *c, const struct fl_cur *root, struct fl_err *err)
{
	struct fl_cur policy = fl_cur_member(root, "policy"),
		      denied = fl_cur_member(&policy, "denySources"),
		      xdp = fl_cur_member(&policy, "xdp");

	if (c->policy.n_denied && !c->policy.enforce)
		return fl_cur_fail(&denied, err,
				   "needs the datapath, and 'policy.enforce' is false");
	if (c->policy.xdp != AGENT_XDP_NONE && !c->policy.n_denied)
		return fl_cur_fail(&xdp, err, "'policy.denySources' names nothing to drop");
	return 0;
}

/* Contradictions; a place to complain about is made from the root. */
static int check_all(const struct agent_config *c, const struct fl_cur *root, struct fl_err *err)
{
	struct fl_cur mtu = fl_cur_member(root, "mtu"), bgp = fl_cur_member(root, "bgp"),
		      peers = fl_cur_member(&bgp, "peers");
	int r = 0;

	if ((c->mode == AGENT_VXLAN || c->mode == AGENT_DIRECT) && c->vxlan.mtu &&
	    c->mtu > c->vxlan.mtu)
		return fl_cur_fail(&mtu, err, "%u is above 'vxlan.mtu', which is %u", c->mtu,
				   c->vxlan.mtu);
	for (size_t i = 0; r == 0 && i < c->bgp.n_peers; i++) {
		struct fl_cur at = fl_cur_at(&peers, i);

		r = check_peer(&c->bgp, i, &at, err);
	}
	return r ?: check_denied(c, root, err);
}

static int read_document(struct agent_config *c, struct fl_err *err)
{
	struct fl_cur root;
	int r;

	if (fl_yaml_docs(c->doc) == 0)
		return 0;
	if (fl_yaml_docs(c->doc) > 1) {
		root = fl_cur_root(fl_yaml_doc(c->doc, 1, NULL), "config");
		return fl_cur_fail(&root, err, "a second document, expected one");
	}
	root = fl_cur_root(fl_yaml_doc(c->doc, 0, NULL), "config");
	r = fl_cur_as_obj(&root, err);
	r = r ?: agent_keys_read("", &root, c, err);
	return r ?: check_all(c, &root, err);
}

int agent_config_read(const char *file, const char *text, size_t len, struct agent_config *out,
		      struct fl_err *err)
{
	fl_auto_config struct agent_config c = defaults();
	int r;

	c.file = strdup(file);
	if (!c.file)
		return fl_fail_errno(err, ENOMEM, "read '%s'", file);
	r = fl_yaml_parse(file, text, len, &c.doc, err);
	if (r < 0)
		return r;
	r = read_document(&c, err) ?: name_device(&c, err);
	if (r < 0) {
		unsigned int line = fl_yaml_line_of(c.doc, err);

		return line ? fl_wrap(err, r, "%s:%u", file, line) : r;
	}
	*out = c;
	c = (struct agent_config){ 0 };
	return 0;
}
