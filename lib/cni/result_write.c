// SPDX-License-Identifier: Apache-2.0
/*
 * The one struct into a result's JSON of any version: only the keys which that version has,
 * nothing that is empty. Pure. The statics return 0 or -ENOMEM and make no error text.
 */
#include "cni/result.h"

#include <errno.h>

#include "base/text.h"
#include "cni/code.h"

static int set_text(struct fl_json *obj, const char *key, const char *text)
{
	return fl_empty(text) ? 0 : fl_json_set_str(obj, key, text);
}

static int set_ip(struct fl_json *obj, const char *key, const struct fl_ip *ip)
{
	char text[FL_IP_STR];

	return fl_json_set_str(obj, key, fl_ip_format(ip, text));
}

static int set_prefix(struct fl_json *obj, const char *key, const struct fl_prefix *p)
{
	char text[FL_PREFIX_STR];

	return fl_json_set_str(obj, key, fl_prefix_format(p, text));
}

/* Consumes list, and leaves the key out when it is empty. */
static int set_list(struct fl_json *obj, const char *key, struct fl_json **list)
{
	return fl_json_len(*list) == 0 ? 0 : fl_json_set(obj, key, FL_TAKE(*list));
}

static int write_iface(const struct fl_cni_iface *iface, enum fl_cni_version version,
		       struct fl_json *obj)
{
	int r;

	r = fl_json_set_str(obj, "name", iface->name) ?: set_text(obj, "mac", iface->mac);
	if (r == 0 && version >= FL_CNI_V1_1_0 && iface->mtu)
		r = fl_json_set_int(obj, "mtu", iface->mtu);
	r = r ?: set_text(obj, "sandbox", iface->sandbox);
	if (r < 0 || version < FL_CNI_V1_1_0)
		return r;
	return set_text(obj, "socketPath", iface->socket_path)
		       ?: set_text(obj, "pciID", iface->pci_id);
}

static int write_ip(const struct fl_cni_ip *ip, enum fl_cni_version version, struct fl_json *obj)
{
	int r = 0;

	if (version < FL_CNI_V1_0_0)
		r = fl_json_set_str(obj, "version", fl_ip_is4(&ip->address.ip) ? "4" : "6");
	if (r == 0 && ip->interface >= 0)
		r = fl_json_set_int(obj, "interface", ip->interface);
	r = r ?: set_prefix(obj, "address", &ip->address);
	return r < 0 || !ip->has_gateway ? r : set_ip(obj, "gateway", &ip->gateway);
}

static int write_route(const struct fl_cni_route *route, enum fl_cni_version version,
		       struct fl_json *obj)
{
	const struct {
		const char *key;
		uint32_t value;
		unsigned int flag;
		bool zero_counts;
	} numbers[] = {
		{ "mtu", route->mtu, FL_CNI_ROUTE_MTU, false },
		{ "advmss", route->advmss, FL_CNI_ROUTE_ADVMSS, false },
		{ "priority", route->priority, FL_CNI_ROUTE_PRIORITY, false },
		{ "table", route->table, FL_CNI_ROUTE_TABLE, true },
		{ "scope", route->scope, FL_CNI_ROUTE_SCOPE, true },
	};
	struct fl_prefix dst = fl_prefix_network(&route->dst);
	int r;

	r = set_prefix(obj, "dst", &dst);
	if (r == 0 && route->has & FL_CNI_ROUTE_GW)
		r = set_ip(obj, "gw", &route->gw);
	if (version < FL_CNI_V1_1_0)
		return r;
	for (size_t i = 0; r == 0 && i < FL_ARRAY_LEN(numbers); i++)
		if (route->has & numbers[i].flag && (numbers[i].zero_counts || numbers[i].value))
			r = fl_json_set_int(obj, numbers[i].key, numbers[i].value);
	return r;
}

/* Appends a new object and hands it out, borrowed; NULL when out of memory. */
static struct fl_json *append_object(struct fl_json *list)
{
	struct fl_json *obj = list ? fl_json_object() : NULL;

	return list && fl_json_append(list, obj) == 0 ? obj : NULL;
}

/* Routes of one family, or of both when family is AF_UNSPEC. */
static int write_routes(const struct fl_cni_result *res, enum fl_cni_version version, int family,
			struct fl_json *out)
{
	fl_auto_json struct fl_json *list = fl_json_array();
	int r = list ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < res->n_routes; i++) {
		struct fl_json *obj;

		if (family && fl_ip_family(&res->routes[i].dst.ip) != family)
			continue;
		obj = append_object(list);
		r = obj ? write_route(&res->routes[i], version, obj) : -ENOMEM;
	}
	return r ?: set_list(out, "routes", &list);
}

static int write_modern(const struct fl_cni_result *res, enum fl_cni_version version,
			struct fl_json *out)
{
	fl_auto_json struct fl_json *ifaces = fl_json_array();
	fl_auto_json struct fl_json *ips = fl_json_array();
	int r = ifaces && ips ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < res->n_ifaces; i++) {
		struct fl_json *obj = append_object(ifaces);

		r = obj ? write_iface(&res->ifaces[i], version, obj) : -ENOMEM;
	}
	for (size_t i = 0; r == 0 && i < res->n_ips; i++) {
		struct fl_json *obj = append_object(ips);

		r = obj ? write_ip(&res->ips[i], version, obj) : -ENOMEM;
	}
	r = r ?: set_list(out, "interfaces", &ifaces);
	r = r ?: set_list(out, "ips", &ips);
	return r ?: write_routes(res, version, 0, out);
}

/* The first address of each family, with the routes of that family. */
static int write_old(const struct fl_cni_result *res, enum fl_cni_version version,
		     struct fl_json *out)
{
	bool seen4 = false, seen6 = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < res->n_ips; i++) {
		const struct fl_cni_ip *ip = &res->ips[i];
		bool is4 = fl_ip_is4(&ip->address.ip);
		bool *seen = is4 ? &seen4 : &seen6;
		fl_auto_json struct fl_json *obj = NULL;

		if (*seen)
			continue;
		*seen = true;
		obj = fl_json_object();
		r = obj ? set_prefix(obj, "ip", &ip->address) : -ENOMEM;
		if (r == 0 && ip->has_gateway)
			r = set_ip(obj, "gateway", &ip->gateway);
		r = r ?: write_routes(res, version, fl_ip_family(&ip->address.ip), obj);
		r = r ?: fl_json_set(out, is4 ? "ip4" : "ip6", FL_TAKE(obj));
	}
	return r;
}

static int copy_list(struct fl_json *obj, const char *key, const struct fl_json *list)
{
	return fl_json_len(list) == 0 ? 0 : fl_json_set(obj, key, fl_json_copy(list));
}

static int write_dns(const struct fl_cni_dns *dns, struct fl_json *out)
{
	fl_auto_json struct fl_json *obj = fl_json_object();
	int r = obj ? 0 : -ENOMEM;

	r = r ?: copy_list(obj, "nameservers", dns->nameservers);
	r = r ?: set_text(obj, "domain", dns->domain);
	r = r ?: copy_list(obj, "search", dns->search);
	r = r ?: copy_list(obj, "options", dns->options);
	return r ?: set_list(out, "dns", &obj);
}

int fl_cni_result_write(const struct fl_cni_result *res, enum fl_cni_version version,
			struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *root = NULL;
	int r;

	if (version < FL_CNI_V0_3_0 && res->n_ips == 0)
		return fl_class(err,
				fl_fail(err, EINVAL, "a result of version %s needs an address",
					fl_cni_version_text(version)),
				FL_CNI_CONFIG);
	root = fl_json_object();
	r = root ? fl_json_set_str(root, "cniVersion", fl_cni_version_text(version)) : -ENOMEM;
	if (r == 0)
		r = version < FL_CNI_V0_3_0 ? write_old(res, version, root)
					    : write_modern(res, version, root);
	r = r ?: write_dns(&res->dns, root);
	if (r < 0)
		return fl_fail_errno(err, ENOMEM, "write a result");
	*out = FL_TAKE(root);
	return 0;
}
