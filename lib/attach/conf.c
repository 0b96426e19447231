// SPDX-License-Identifier: Apache-2.0
/* Reading what the plugins' configurations have in common. */
#include "attach/conf.h"

#include <errno.h>

#include "cni/code.h"
#include "cni/name.h"

static int take_mac(const char *text, uint8_t out[FL_MAC_LEN], struct fl_err *err)
{
	static const uint8_t none[FL_MAC_LEN];
	uint8_t mac[FL_MAC_LEN];
	int r = fl_mac_parse(text, mac, err);

	if (r < 0)
		return r;
	if (mac[0] & 1)
		return fl_fail(err, EINVAL, "'%s' is a multicast address", text);
	if (memcmp(mac, none, FL_MAC_LEN) == 0)
		return fl_fail(err, EINVAL, "'%s' is no interface's address", text);
	memcpy(out, mac, FL_MAC_LEN);
	return 0;
}

int fl_attach_conf_mac(const struct fl_cur *obj, const char *key, uint8_t out[FL_MAC_LEN],
		       struct fl_err *err)
{
	struct fl_cur at = fl_cur_member(obj, key);
	const char *text = NULL;
	int r;

	r = fl_cur_str(obj, key, FL_OPTIONAL, &text, err);
	if (r <= 0 || fl_empty(text))
		return r < 0 ? r : 0;
	r = take_mac(text, out, err);
	return r < 0 ? fl_cur_wrap(&at, err, r) : 1;
}

/* The member "mac", unless a place that rules over this one had it. */
static int read_mac(const struct fl_cur *obj, struct fl_attach_conf *conf, struct fl_err *err)
{
	int r;

	if (conf->has_mac)
		return 0;
	r = fl_attach_conf_mac(obj, "mac", conf->mac, err);
	conf->has_mac = r > 0;
	return r;
}

static int check_label(const struct fl_cur *at, void *arg, struct fl_err *err)
{
	const char *text;
	int r = fl_cur_as_obj(at, err);

	(void)arg;
	if (r == 0)
		r = fl_cur_str(at, "key", FL_REQUIRED, &text, err);
	if (r >= 0)
		r = fl_cur_str(at, "value", FL_REQUIRED, &text, err);
	return r;
}

static int read_labels(const struct fl_cur *cni, struct fl_attach_conf *conf, struct fl_err *err)
{
	int r = fl_cur_each(cni, "labels", check_label, NULL, err);

	if (r > 0)
		conf->labels = fl_json_get(cni->v, "labels");
	return r < 0 ? r : 0;
}

/* What the runtime asks for: runtimeConfig rules over args, and that over CNI_ARGS. */
static int read_wishes(const struct fl_cur *c, const struct fl_cni_args *args,
		       struct fl_attach_conf *conf, struct fl_err *err)
{
	struct fl_cur args_key, cni, runtime;
	int r;

	r = fl_cur_obj(c, "runtimeConfig", FL_OPTIONAL, &runtime, err);
	if (r > 0)
		r = read_mac(&runtime, conf, err);
	if (r >= 0)
		r = fl_cur_obj(c, "args", FL_OPTIONAL, &args_key, err);
	if (r > 0)
		r = fl_cur_obj(&args_key, "cni", FL_OPTIONAL, &cni, err);
	if (r > 0)
		r = read_labels(&cni, conf, err) ?: read_mac(&cni, conf, err);
	if (r < 0 || conf->has_mac || fl_empty(args->mac))
		return r;
	r = take_mac(args->mac, conf->mac, err);
	conf->has_mac = r == 0;
	return r < 0 ? fl_class(err, fl_wrap(err, r, "CNI_ARGS 'MAC'"), FL_CNI_ENV) : 0;
}

static int read_ipam(const struct fl_cur *c, struct fl_attach_conf *conf, struct fl_err *err)
{
	struct fl_cur ipam;
	int r = fl_cur_obj(c, "ipam", FL_OPTIONAL, &ipam, err);

	if (r <= 0)
		return r;
	r = fl_cur_str(&ipam, "type", FL_OPTIONAL, &conf->ipam, err);
	if (r < 0)
		return r;
	if (fl_empty(conf->ipam)) {
		conf->ipam = NULL;
		return 0;
	}
	r = fl_cni_check_type(conf->ipam, err);
	return r < 0 ? fl_wrap(err, r, "config 'ipam.type'") : 0;
}

static int read_agent(const struct fl_cur *c, struct fl_attach_conf *conf, struct fl_err *err)
{
	static const char *const names[] = {
		[FL_AGENT_AUTO] = "auto",
		[FL_AGENT_NONE] = "none",
		[FL_AGENT_REQUIRED] = "required",
	};
	struct fl_cur at = fl_cur_member(c, "agent");
	const char *text = names[FL_AGENT_AUTO];
	int r = fl_cur_str(c, "agent", FL_OPTIONAL, &text, err);

	for (size_t i = 0; r >= 0 && i < FL_ARRAY_LEN(names); i++) {
		if (!fl_streq(text, names[i]))
			continue;
		conf->agent = (enum fl_agent)i;
		return 0;
	}
	return r < 0 ? r : fl_cur_fail(&at, err, "'%s' is none of auto, none, required", text);
}

static int read_dns(const struct fl_cur *c, struct fl_attach_conf *conf, struct fl_err *err)
{
	struct fl_cur dns;
	int r = fl_cur_obj(c, "dns", FL_OPTIONAL, &dns, err);

	if (r <= 0)
		return r;
	r = fl_cni_dns_read(&dns, &conf->dns, err);
	conf->has_dns = conf->dns.nameservers || conf->dns.search || conf->dns.options ||
			!fl_empty(conf->dns.domain);
	return r;
}

static int read_mtu(const struct fl_cur *c, struct fl_attach_conf *conf, struct fl_err *err)
{
	struct fl_cur at = fl_cur_member(c, "mtu");
	int r = fl_cur_u32(c, "mtu", 0, FL_MTU_MAX, &conf->mtu, err);

	if (r > 0 && conf->mtu && conf->mtu < FL_MTU_MIN)
		return fl_cur_fail(&at, err, "%u is below %d", conf->mtu, FL_MTU_MIN);
	return r < 0 ? r : 0;
}

int fl_attach_conf_read(const struct fl_cur *c, const struct fl_cni_args *args,
			struct fl_attach_conf *out, struct fl_err *err)
{
	struct fl_attach_conf conf = { 0 };
	int r;

	r = read_mtu(c, &conf, err);
	if (r == 0)
		r = fl_cur_bool(c, "enabledad", FL_OPTIONAL, &conf.dad, err);
	if (r >= 0)
		r = read_wishes(c, args, &conf, err);
	if (r >= 0)
		r = read_dns(c, &conf, err);
	if (r >= 0)
		r = read_ipam(c, &conf, err);
	if (r >= 0)
		r = read_agent(c, &conf, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_CONFIG);
	*out = conf;
	return 0;
}
