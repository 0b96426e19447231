// SPDX-License-Identifier: Apache-2.0
/* A result's JSON of any version into the one struct. Pure. */
#include "cni/result.h"

#include <errno.h>

#include "base/text.h"
#include "cni/code.h"

/* An optional address; "" counts as absent, as Go's decoder takes it. 1 read, 0 absent. */
static int read_ip(const struct fl_cur *c, const char *key, struct fl_ip *out, struct fl_err *err)
{
	if (fl_streq(fl_json_str(fl_json_get(c->v, key)), ""))
		return 0;
	return fl_cur_ip(c, key, FL_OPTIONAL, out, err);
}

int fl_cni_route_read(const struct fl_cur *c, struct fl_cni_route *out, struct fl_err *err)
{
	struct fl_cni_route route = { 0 };
	const struct {
		const char *key;
		uint32_t max, *to;
		unsigned int flag;
		bool zero_counts; /* 0 is a value, not the absence of one */
	} numbers[] = {
		{ "mtu", UINT32_MAX, &route.mtu, FL_CNI_ROUTE_MTU, false },
		{ "advmss", UINT32_MAX, &route.advmss, FL_CNI_ROUTE_ADVMSS, false },
		{ "priority", UINT32_MAX, &route.priority, FL_CNI_ROUTE_PRIORITY, false },
		{ "table", UINT32_MAX, &route.table, FL_CNI_ROUTE_TABLE, true },
		{ "scope", UINT8_MAX, &route.scope, FL_CNI_ROUTE_SCOPE, true },
	};
	int r;

	r = fl_cur_as_obj(c, err);
	if (r < 0)
		return r;
	r = fl_cur_prefix(c, "dst", FL_REQUIRED, &route.dst, err);
	if (r < 0)
		return r;
	route.dst = fl_prefix_network(&route.dst);
	r = read_ip(c, "gw", &route.gw, err);
	if (r < 0)
		return r;
	if (r > 0)
		route.has |= FL_CNI_ROUTE_GW;
	for (size_t i = 0; i < FL_ARRAY_LEN(numbers); i++) {
		r = fl_cur_u32(c, numbers[i].key, 0, numbers[i].max, numbers[i].to, err);
		if (r < 0)
			return r;
		if (r > 0 && (numbers[i].zero_counts || *numbers[i].to))
			route.has |= numbers[i].flag;
	}
	*out = route;
	return 0;
}

static int must_be_text(const struct fl_cur *at, void *arg, struct fl_err *err)
{
	const char *ignored = NULL;

	(void)arg;
	return fl_cur_as_str(at, &ignored, err);
}

/* A list of strings, borrowed. */
static int read_strings(const struct fl_cur *c, const char *key, const struct fl_json **out,
			struct fl_err *err)
{
	int r = fl_cur_each(c, key, must_be_text, NULL, err);

	if (r > 0)
		*out = fl_json_get(c->v, key);
	return r < 0 ? r : 0;
}

int fl_cni_dns_read(const struct fl_cur *c, struct fl_cni_dns *out, struct fl_err *err)
{
	struct fl_cni_dns dns = { 0 };
	int r;

	r = read_strings(c, "nameservers", &dns.nameservers, err);
	if (r < 0)
		return r;
	r = fl_cur_str(c, "domain", FL_OPTIONAL, &dns.domain, err);
	if (r < 0)
		return r;
	r = read_strings(c, "search", &dns.search, err);
	if (r < 0)
		return r;
	r = read_strings(c, "options", &dns.options, err);
	if (r < 0)
		return r;
	*out = dns;
	return 0;
}

static int read_iface(const struct fl_cur *c, void *res, struct fl_err *err)
{
	struct fl_cni_iface iface = { 0 }, *slot;
	const struct {
		const char *key;
		const char **to;
	} texts[] = {
		{ "name", &iface.name },       { "mac", &iface.mac },
		{ "sandbox", &iface.sandbox }, { "socketPath", &iface.socket_path },
		{ "pciID", &iface.pci_id },
	};
	int r;

	r = fl_cur_as_obj(c, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < FL_ARRAY_LEN(texts); i++) {
		r = fl_cur_str(c, texts[i].key, i == 0 ? FL_REQUIRED : FL_OPTIONAL, texts[i].to,
			       err);
		if (r < 0)
			return r;
		if (i > 0 && fl_empty(*texts[i].to))
			*texts[i].to = NULL;
	}
	r = fl_cur_u32(c, "mtu", 0, UINT32_MAX, &iface.mtu, err);
	if (r < 0)
		return r;
	r = fl_cni_result_add_iface(res, &slot, err);
	if (r < 0)
		return r;
	*slot = iface;
	return 0;
}

/* key is "address", or "ip" in the oldest form. */
static int read_address(const struct fl_cur *c, const char *key, struct fl_cni_result *res,
			struct fl_err *err)
{
	struct fl_cni_ip ip = { .interface = -1 }, *slot;
	const int64_t any[2] = { INT64_MIN, INT64_MAX };
	int64_t index = -1;
	int r;

	r = fl_cur_as_obj(c, err);
	if (r < 0)
		return r;
	r = fl_cur_prefix(c, key, FL_REQUIRED, &ip.address, err);
	if (r < 0)
		return r;
	r = read_ip(c, "gateway", &ip.gateway, err);
	if (r < 0)
		return r;
	ip.has_gateway = r > 0;
	r = fl_cur_int(c, "interface", FL_OPTIONAL, any, &index, err);
	if (r < 0)
		return r;
	if (index >= 0 && (uint64_t)index < res->n_ifaces)
		ip.interface = (int)index;
	r = fl_cni_result_add_ip(res, &slot, err);
	if (r < 0)
		return r;
	*slot = ip;
	return 0;
}

static int read_modern_ip(const struct fl_cur *c, void *res, struct fl_err *err)
{
	return read_address(c, "address", res, err);
}

static int read_route(const struct fl_cur *c, void *res, struct fl_err *err)
{
	struct fl_cni_route route = { 0 }, *slot;
	int r;

	r = fl_cni_route_read(c, &route, err);
	if (r < 0)
		return r;
	r = fl_cni_result_add_route(res, &slot, err);
	if (r < 0)
		return r;
	*slot = route;
	return 0;
}

static int read_list(const struct fl_cur *c, const char *key, fl_cur_visit *read,
		     struct fl_cni_result *res, struct fl_err *err)
{
	int r = fl_cur_each(c, key, read, res, err);

	return r < 0 ? r : 0;
}

/* "ip4" or "ip6" of a result before 0.3.0: {"ip", "gateway", "routes"}. */
static int read_family(const struct fl_cur *c, const char *key, struct fl_cni_result *res,
		       struct fl_err *err)
{
	struct fl_cur family = { 0 };
	int r;

	r = fl_cur_obj(c, key, FL_OPTIONAL, &family, err);
	if (r <= 0)
		return r;
	r = read_address(&family, "ip", res, err);
	if (r < 0)
		return r;
	return read_list(&family, "routes", read_route, res, err);
}

static int read_body(const struct fl_cur *c, enum fl_cni_version version, struct fl_cni_result *res,
		     struct fl_err *err)
{
	int r;

	if (version < FL_CNI_V0_3_0) {
		r = read_family(c, "ip4", res, err);
		return r < 0 ? r : read_family(c, "ip6", res, err);
	}
	r = read_list(c, "interfaces", read_iface, res, err);
	if (r < 0)
		return r;
	r = read_list(c, "ips", read_modern_ip, res, err);
	if (r < 0)
		return r;
	return read_list(c, "routes", read_route, res, err);
}

static int read_result(const struct fl_cur *c, enum fl_cni_version version,
		       struct fl_cni_result *res, struct fl_err *err)
{
	struct fl_cur dns = { 0 };
	const char *text = NULL;
	int r;

	r = fl_cur_as_obj(c, err);
	if (r < 0)
		return r;
	r = fl_cur_str(c, "cniVersion", FL_OPTIONAL, &text, err);
	if (r < 0)
		return r;
	if (!fl_empty(text)) {
		struct fl_cur at = fl_cur_member(c, "cniVersion");

		r = fl_cni_version_parse(text, &version, err);
		if (r < 0)
			return fl_cur_wrap(&at, err, r);
	}
	r = read_body(c, version, res, err);
	if (r < 0)
		return r;
	r = fl_cur_obj(c, "dns", FL_OPTIONAL, &dns, err);
	return r <= 0 ? r : fl_cni_dns_read(&dns, &res->dns, err);
}

int fl_cni_result_read(const struct fl_cur *c, enum fl_cni_version version,
		       struct fl_cni_result *out, struct fl_err *err)
{
	fl_auto_cni_result struct fl_cni_result res = { 0 };
	int r;

	r = read_result(c, version, &res, err);
	if (r < 0)
		return fl_class(err, r, r == -EINVAL ? FL_CNI_DECODE : FL_CNI_INTERNAL);
	*out = res;
	res = (struct fl_cni_result){ 0 };
	return 0;
}
