// SPDX-License-Identifier: Apache-2.0
/* node.json: what the agent tells the plugins. */
#include "state/node.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "base/file.h"
#include "base/text.h"
#include "json/cur.h"

#define NODE_VERSION 1
#define NODE_MAX     65536 /* bytes */
#define FOLDER	     "run/fairlead"
#define NAME	     "node.json"
#define DEVICE_MAX   15 /* bytes of an interface's name */

void fl_node_done(struct fl_node *node)
{
	fl_json_free(&node->tree);
	*node = (struct fl_node){ 0 };
}

static int visit_ip(const struct fl_cur *at, void *arg, struct fl_err *err)
{
	struct fl_node *node = arg;
	const char *text = NULL;
	int r;

	if (node->n_ips == FL_NODE_IPS_MAX)
		return fl_cur_fail(at, err, "more than %d addresses", FL_NODE_IPS_MAX);
	r = fl_cur_as_str(at, &text, err);
	if (r == 0) {
		r = fl_ip_parse(text, &node->ips[node->n_ips++], err);
		r = r < 0 ? fl_cur_wrap(at, err, r) : 0;
	}
	return r;
}

static int visit_cidr(const struct fl_cur *at, void *arg, struct fl_err *err)
{
	struct fl_node *node = arg;
	int r;

	if (node->n_cidrs == FL_NODE_CIDRS_MAX)
		return fl_cur_fail(at, err, "more than %d blocks", FL_NODE_CIDRS_MAX);
	r = fl_cur_as_block(at, &node->cidrs[node->n_cidrs], err);
	if (r == 0)
		node->n_cidrs++;
	return r;
}

static int read_vxlan(const struct fl_cur *c, struct fl_node *node, struct fl_err *err)
{
	static const int64_t vnis[2] = { 1, (1 << 24) - 1 }, ports[2] = { 1, 65535 };
	int64_t vni = 0, port = 0;
	struct fl_cur vxlan, at;
	int r = fl_cur_obj(c, "vxlan", FL_OPTIONAL, &vxlan, err);

	if (r <= 0)
		return r;
	r = fl_cur_str(&vxlan, "device", FL_REQUIRED, &node->vxlan_device, err);
	if (r < 0)
		return r;
	if (fl_empty(node->vxlan_device) || strlen(node->vxlan_device) > DEVICE_MAX) {
		at = fl_cur_member(&vxlan, "device");
		return fl_cur_fail(&at, err, "'%s' is no name of 1 to %d bytes", node->vxlan_device,
				   DEVICE_MAX);
	}
	r = fl_cur_int(&vxlan, "vni", FL_REQUIRED, vnis, &vni, err);
	if (r >= 0)
		r = fl_cur_int(&vxlan, "port", FL_REQUIRED, ports, &port, err);
	node->vni = (uint32_t)vni;
	node->port = (uint16_t)port;
	return r < 0 ? r : 0;
}

int fl_node_from_json(struct fl_json *tree, struct fl_node *out, struct fl_err *err)
{
	static const int64_t known[2] = { NODE_VERSION, NODE_VERSION }, mtus[2] = { 68, 65535 };
	struct fl_cur c = fl_cur_root(tree, NAME);
	struct fl_node node = { 0 };
	int64_t version = 0, mtu = 0;

	if (fl_cur_as_obj(&c, err) < 0 ||
	    fl_cur_int(&c, "version", FL_REQUIRED, known, &version, err) < 0 ||
	    fl_cur_str(&c, "nodeName", FL_REQUIRED, &node.name, err) < 0 ||
	    fl_cur_str(&c, "mode", FL_REQUIRED, &node.mode, err) < 0 ||
	    fl_cur_int(&c, "mtu", FL_REQUIRED, mtus, &mtu, err) < 0 ||
	    fl_cur_each(&c, "nodeIPs", visit_ip, &node, err) < 0 ||
	    fl_cur_each(&c, "podCIDRs", visit_cidr, &node, err) < 0 ||
	    read_vxlan(&c, &node, err) < 0)
		return -EINVAL;
	node.mtu = (uint32_t)mtu;
	node.tree = tree;
	*out = node;
	return 0;
}

static int set_lists(struct fl_json *obj, const struct fl_node *node)
{
	struct fl_json *ips = fl_json_array(), *cidrs = fl_json_array();
	char text[FL_PREFIX_STR];
	int r = 0;

	for (size_t i = 0; i < node->n_ips; i++)
		r = r ?: fl_json_append(ips, fl_json_new_str(fl_ip_format(&node->ips[i], text)));
	for (size_t i = 0; i < node->n_cidrs; i++)
		r = r
			    ?: fl_json_append(cidrs, fl_json_new_str(fl_prefix_format(
							     &node->cidrs[i], text)));
	/* Both are consumed whatever happens. */
	return (fl_json_set(obj, "nodeIPs", ips) | fl_json_set(obj, "podCIDRs", cidrs)) ? -ENOMEM
											: r;
}

static int set_vxlan(struct fl_json *obj, const struct fl_node *node)
{
	struct fl_json *vxlan;
	int r;

	if (!node->vxlan_device)
		return 0;
	vxlan = fl_json_object();
	r = fl_json_set_str(vxlan, "device", node->vxlan_device) ?:
	    fl_json_set_int(vxlan, "vni", node->vni) ?:
	    fl_json_set_int(vxlan, "port", node->port);
	return fl_json_set(obj, "vxlan", vxlan) ?: r;
}

int fl_node_to_json(const struct fl_node *node, struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *obj = fl_json_object();
	int r;

	r = fl_json_set_int(obj, "version", NODE_VERSION) ?:
	    fl_json_set_str(obj, "nodeName", node->name) ?:
	    set_lists(obj, node) ?:
	    fl_json_set_str(obj, "mode", node->mode) ?:
	    fl_json_set_int(obj, "mtu", node->mtu) ?:
	    set_vxlan(obj, node);
	if (r < 0)
		return fl_fail_errno(err, -r, "write " NAME);
	*out = FL_TAKE(obj);
	return 0;
}

int fl_node_read(const char *root, struct fl_node *out, struct fl_err *err)
{
	fl_auto_json struct fl_json *tree = NULL;
	char path[PATH_MAX];
	int r;

	r = fl_format(path, sizeof(path), err, "%s/" FOLDER "/" NAME, root)
		    ?: fl_json_read(AT_FDCWD, path, NODE_MAX, &tree, err);
	if (r < 0)
		return r;
	r = fl_node_from_json(tree, out, err);
	if (r < 0)
		return fl_wrap(err, r, "'%s'", path);
	(void)FL_TAKE(tree);
	return 0;
}

/* The folder is everybody's, whoever makes it first. */
int fl_node_write(const char *root, const struct fl_node *node, struct fl_err *err)
{
	fl_auto_free char *text = NULL, *have = NULL;
	fl_auto_json struct fl_json *obj = NULL;
	fl_auto_close int dir = -1;
	struct fl_err ignored;
	char path[PATH_MAX];
	size_t len;
	int r;

	r = fl_format(path, sizeof(path), err, "%s/" FOLDER, root);
	if (r == 0)
		r = fl_node_to_json(node, &obj, err);
	if (r == 0)
		r = fl_json_print(obj, 0, &text, err);
	if (r == 0)
		r = fl_open_dir(path, 0755, &dir, err);
	if (r < 0)
		return r;
	if (fl_read_file(dir, NAME, NODE_MAX, &have, &len, &ignored) == 0 && fl_streq(have, text))
		return 0;
	return fl_replace_file(dir, NAME, text, strlen(text), 0644, err);
}
