// SPDX-License-Identifier: Apache-2.0
/* Reading a Node object. */
#include "agent/model/node.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define AS_MAX 4294967294u

#define VTEP_MAC "fairlead.io/vtep-mac"
#define NODE_AS	 "fairlead.io/as"

void agent_node_done(struct agent_node *n)
{
	fl_free_p(&n->name);
	fl_free_p(&n->where);
	*n = (struct agent_node){ 0 };
}

int agent_node_copy(const struct agent_node *n, struct agent_node *out, struct fl_err *err)
{
	struct agent_node copy = *n;

	copy.name = strdup(n->name);
	copy.where = strdup(n->where);
	copy.net.name = copy.name;
	if (!copy.name || !copy.where) {
		agent_node_done(&copy);
		return fl_fail_errno(err, ENOMEM, "copy node '%s'", n->name);
	}
	*out = copy;
	return 0;
}

bool agent_node_equal(const struct agent_node *a, const struct agent_node *b)
{
	const struct fl_peer *p = &a->net, *q = &b->net;

	if (strcmp(a->name, b->name) != 0 || a->as != b->as || p->n_ips != q->n_ips ||
	    p->n_cidrs != q->n_cidrs || p->has_mac != q->has_mac ||
	    memcmp(p->mac, q->mac, FL_MAC_LEN) != 0)
		return false;
	for (size_t i = 0; i < p->n_ips; i++) {
		if (fl_ip_cmp(&p->ips[i], &q->ips[i]) != 0)
			return false;
	}
	for (size_t i = 0; i < p->n_cidrs; i++) {
		if (p->cidrs[i].len != q->cidrs[i].len ||
		    fl_ip_cmp(&p->cidrs[i].ip, &q->cidrs[i].ip) != 0)
			return false;
	}
	return true;
}

/* Addresses that no other machine has, or all have: *net is the first that overlaps. */
static bool is_special(const struct fl_prefix *p, const char **net)
{
	static const char *const special[] = { "0.0.0.0/8",   "127.0.0.0/8", "169.254.0.0/16",
					       "224.0.0.0/4", "::/127",	     "fe80::/10",
					       "ff00::/8" };

	for (size_t i = 0; i < FL_ARRAY_LEN(special); i++) {
		struct fl_prefix s;
		struct fl_err ignored;

		if (fl_prefix_parse(special[i], &s, &ignored) < 0 || !fl_prefix_overlaps(p, &s))
			continue;
		*net = special[i];
		return true;
	}
	return false;
}

static int read_address(const struct fl_cur *at, void *arg, struct fl_err *err)
{
	struct fl_peer *net = arg;
	struct fl_cur address = fl_cur_member(at, "address");
	const char *type = NULL, *of;
	struct fl_prefix whole;
	struct fl_ip ip = { 0 };
	int r = fl_cur_as_obj(at, err);

	if (r == 0)
		r = fl_cur_str(at, "type", FL_REQUIRED, &type, err);
	if (r < 0 || strcmp(type, "InternalIP") != 0)
		return r;
	r = fl_cur_ip(at, "address", FL_REQUIRED, &ip, err);
	if (r < 0)
		return r;
	whole = (struct fl_prefix){ ip, (uint8_t)fl_ip_bits(&ip) };
	if (is_special(&whole, &of))
		return fl_cur_fail(&address, err, "'%s' is no node's address: it lies in %s",
				   fl_json_str(address.v), of);
	for (size_t i = 0; i < net->n_ips; i++) {
		if (fl_ip_is4(&net->ips[i]) == fl_ip_is4(&ip))
			return 0;
	}
	net->ips[net->n_ips++] = ip;
	return 0;
}

static int read_addresses(const struct fl_cur *object, struct fl_peer *net, struct fl_err *err)
{
	struct fl_cur status = fl_cur_member(object, "status"),
		      addresses = fl_cur_member(&status, "addresses");
	int r = fl_cur_obj(object, "status", FL_OPTIONAL, &status, err);

	if (r > 0)
		r = fl_cur_each(&status, "addresses", read_address, net, err);
	if (r >= 0 && net->n_ips == 0)
		r = fl_cur_fail(&addresses, err, "no address of type InternalIP");
	return r < 0 ? r : 0;
}

static int check_block(const struct fl_cur *at, const struct fl_peer *net,
		       const struct fl_prefix *p, struct fl_err *err)
{
	char text[FL_PREFIX_STR], other[FL_PREFIX_STR];
	const char *of;

	(void)fl_prefix_format(p, text);
	if (is_special(p, &of))
		return fl_cur_fail(at, err, "'%s' is no block of pods: it overlaps %s", text, of);
	for (size_t i = 0; i < net->n_cidrs; i++) {
		if (fl_prefix_overlaps(p, &net->cidrs[i]))
			return fl_cur_fail(at, err, "'%s' overlaps '%s'", text,
					   fl_prefix_format(&net->cidrs[i], other));
	}
	for (size_t i = 0; i < net->n_ips; i++) {
		if (fl_prefix_contains(p, &net->ips[i]))
			return fl_cur_fail(at, err, "'%s' holds the node's own address '%s'", text,
					   fl_ip_format(&net->ips[i], other));
	}
	return 0;
}

static int add_block(const struct fl_cur *at, void *arg, struct fl_err *err)
{
	struct fl_peer *net = arg;
	int r;

	if (net->n_cidrs == FL_PEER_CIDRS_MAX)
		return fl_cur_fail(at, err, "more than %d blocks", FL_PEER_CIDRS_MAX);
	r = fl_cur_as_block(at, &net->cidrs[net->n_cidrs], err)
		    ?: check_block(at, net, &net->cidrs[net->n_cidrs], err);
	if (r == 0)
		net->n_cidrs++;
	return r;
}

/* Addresses were read before: a block holds none of them. */
static int read_blocks(const struct fl_cur *object, struct fl_peer *net, struct fl_err *err)
{
	struct fl_cur spec = fl_cur_member(object, "spec"),
		      several = fl_cur_member(&spec, "podCIDRs"),
		      one = fl_cur_member(&spec, "podCIDR");
	int r = fl_cur_obj(object, "spec", FL_OPTIONAL, &spec, err);

	if (r > 0)
		r = fl_cur_each(&spec, "podCIDRs", add_block, net, err);
	if (r >= 0 && net->n_cidrs == 0 && one.v)
		r = add_block(&one, net, err);
	if (r >= 0 && net->n_cidrs == 0)
		r = fl_cur_fail(&several, err, "missing, expected the blocks of the node's pods");
	return r < 0 ? r : 0;
}

static int read_mac(const struct fl_cur *at, const char *text, struct fl_peer *net,
		    struct fl_err *err)
{
	static const uint8_t none[FL_MAC_LEN];
	int r = fl_mac_parse(text, net->mac, err);

	if (r < 0)
		return fl_cur_wrap(at, err, r);
	if (net->mac[0] & 1 || memcmp(net->mac, none, FL_MAC_LEN) == 0)
		return fl_cur_fail(at, err, "'%s' is no single machine's address", text);
	net->has_mac = true;
	return 0;
}

static int read_annotations(const struct fl_cur *metadata, struct agent_node *n, struct fl_err *err)
{
	struct fl_cur annotations, at;
	const char *text = NULL;
	int r = fl_cur_obj(metadata, "annotations", FL_OPTIONAL, &annotations, err);

	if (r <= 0)
		return r;
	r = fl_cur_str(&annotations, VTEP_MAC, FL_OPTIONAL, &text, err);
	if (r > 0) {
		at = fl_cur_member(&annotations, VTEP_MAC);
		r = read_mac(&at, text, &n->net, err);
	}
	if (r >= 0)
		r = fl_cur_str(&annotations, NODE_AS, FL_OPTIONAL, &text, err);
	if (r > 0) {
		at = fl_cur_member(&annotations, NODE_AS);
		r = fl_parse_u32(text, 1, AS_MAX, &n->as, err);
		r = r < 0 ? fl_cur_wrap(&at, err, r) : 0;
	}
	return r;
}

static int read_name(const struct fl_cur *metadata, char **out, struct fl_err *err)
{
	struct fl_cur at = fl_cur_member(metadata, "name");
	const char *name = NULL;
	int r = fl_cur_str(metadata, "name", FL_REQUIRED, &name, err);

	if (r < 0)
		return r;
	r = fl_check_subdomain(name, err);
	if (r < 0)
		return fl_cur_wrap(&at, err, r);
	*out = strdup(name);
	return *out ? 0 : fl_fail_errno(err, ENOMEM, "read a node");
}

static int read_all(const struct fl_cur *object, struct agent_node *n, struct fl_err *err)
{
	struct fl_cur metadata;
	int r = fl_cur_obj(object, "metadata", FL_REQUIRED, &metadata, err);

	if (r < 0)
		return r;
	r = read_name(&metadata, &n->name, err);
	if (r < 0)
		return r;
	n->net.name = n->name;
	r = read_annotations(&metadata, n, err);
	r = r < 0 ? r : read_addresses(object, &n->net, err) ?: read_blocks(object, &n->net, err);
	return r < 0 ? fl_wrap(err, r, "node '%s'", n->name) : 0;
}

int agent_node_read(const struct fl_cur *object, const char *where, struct agent_node *out,
		    struct fl_err *err)
{
	fl_auto(agent_node_done) struct agent_node n = { .where = strdup(where) };
	int r;

	if (!n.where)
		return fl_fail_errno(err, ENOMEM, "read a node");
	r = read_all(object, &n, err);
	if (r < 0)
		return r;
	*out = n;
	n = (struct agent_node){ 0 };
	return 0;
}

static int print_annotations(const struct agent_node *n, struct fl_json *metadata)
{
	struct fl_json *all = fl_json_object();
	char mac[FL_MAC_STR], as[16];

	if (fl_json_set(metadata, "annotations", all) < 0)
		return -ENOMEM;
	fl_mac_format(n->net.mac, mac);
	(void)snprintf(as, sizeof(as), "%u", n->as);
	if (n->net.has_mac && fl_json_set_str(all, VTEP_MAC, mac) < 0)
		return -ENOMEM;
	return n->as ? fl_json_set_str(all, NODE_AS, as) : 0;
}

static int print_blocks(const struct fl_peer *net, struct fl_json *spec)
{
	struct fl_json *all = fl_json_array();
	char text[FL_PREFIX_STR];
	int r = fl_json_set(spec, "podCIDRs", all);

	for (size_t i = 0; r == 0 && i < net->n_cidrs; i++)
		r = fl_json_append(all, fl_json_new_str(fl_prefix_format(&net->cidrs[i], text)));
	return r;
}

static int print_addresses(const struct fl_peer *net, struct fl_json *status)
{
	struct fl_json *all = fl_json_array();
	char text[FL_IP_STR];
	int r = fl_json_set(status, "addresses", all);

	for (size_t i = 0; r == 0 && i < net->n_ips; i++) {
		struct fl_json *one = fl_json_object();

		r = fl_json_append(all, one) ?:
		    fl_json_set_str(one, "type", "InternalIP") ?:
		    fl_json_set_str(one, "address", fl_ip_format(&net->ips[i], text));
	}
	return r;
}

int agent_node_tree(const struct agent_node *n, struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *tree = fl_json_object();
	struct fl_json *metadata = fl_json_object(), *spec = fl_json_object(),
		       *status = fl_json_object();
	int r = fl_json_set(tree, "metadata", metadata), s = fl_json_set(tree, "spec", spec),
	    t = fl_json_set(tree, "status", status);

	if (r < 0 || s < 0 || t < 0 || fl_json_set_str(tree, "apiVersion", "v1") < 0 ||
	    fl_json_set_str(tree, "kind", "Node") < 0 ||
	    fl_json_set_str(metadata, "name", n->name) < 0 || print_annotations(n, metadata) < 0 ||
	    print_blocks(&n->net, spec) < 0 || print_addresses(&n->net, status) < 0)
		return fl_fail_errno(err, ENOMEM, "print node '%s'", n->name);
	*out = FL_TAKE(tree);
	return 0;
}
