// SPDX-License-Identifier: Apache-2.0
/* Reading the bridge plugin's configuration. */
#include "plugins/bridge/conf.h"

#include <errno.h>

#include "cni/name.h"

#define MTU_MIN 68 /* RFC 791: every host must take this */
#define MTU_MAX 65535

bool br_conf_in_trunk(const struct br_conf *conf, unsigned int vlan)
{
	return conf->trunk[vlan / 64] >> (vlan % 64) & 1;
}

/* One element of vlanTrunk: {"id": n} or {"minID": n, "maxID": n}, or both. */
static int read_trunk_range(const struct fl_cur *c, void *arg, struct fl_err *err)
{
	struct br_conf *conf = arg;
	uint32_t id = 0, min = 0, max = 0;
	int r, has_min, has_max;

	r = fl_cur_as_obj(c, err);
	if (r < 0)
		return r;
	r = fl_cur_u32(c, "id", 1, BR_VLAN_MAX, &id, err);
	if (r < 0)
		return r;
	has_min = fl_cur_u32(c, "minID", 1, BR_VLAN_MAX, &min, err);
	if (has_min < 0)
		return has_min;
	has_max = fl_cur_u32(c, "maxID", 1, BR_VLAN_MAX, &max, err);
	if (has_max < 0)
		return has_max;
	if (has_min != has_max)
		return fl_cur_fail(c, err, "has '%s' without '%s'", has_min ? "minID" : "maxID",
				   has_min ? "maxID" : "minID");
	if (!has_min && id == 0)
		return fl_cur_fail(c, err, "has neither 'id' nor 'minID' and 'maxID'");
	if (has_min && min > max)
		return fl_cur_fail(c, err, "minID %u is above maxID %u", min, max);
	if (id)
		conf->trunk[id / 64] |= UINT64_C(1) << (id % 64);
	for (uint32_t v = min; has_min && v <= max; v++)
		conf->trunk[v / 64] |= UINT64_C(1) << (v % 64);
	return 0;
}

static int read_vlans(const struct fl_cur *c, struct br_conf *conf, struct fl_err *err)
{
	uint32_t vlan = 0;
	int r;

	r = fl_cur_u32(c, "vlan", 0, BR_VLAN_MAX, &vlan, err);
	if (r < 0)
		return r;
	conf->vlan = (uint16_t)vlan;
	r = fl_cur_bool(c, "preserveDefaultVlan", FL_OPTIONAL, &conf->preserve_default_vlan, err);
	if (r < 0)
		return r;
	r = fl_cur_each(c, "vlanTrunk", read_trunk_range, conf, err);
	conf->has_trunk = r > 0 && fl_json_len(fl_json_get(c->v, "vlanTrunk")) > 0;
	return r < 0 ? r : 0;
}

static int read_switches(const struct fl_cur *c, struct br_conf *conf, struct fl_err *err)
{
	const struct {
		const char *key;
		bool *value;
	} switches[] = {
		{ "isGateway", &conf->is_gateway },
		{ "isDefaultGateway", &conf->is_default_gateway },
		{ "forceAddress", &conf->force_address },
		{ "ipMasq", &conf->ip_masq },
		{ "hairpinMode", &conf->hairpin },
		{ "promiscMode", &conf->promisc },
		{ "macspoofchk", &conf->mac_spoof_check },
		{ "enabledad", &conf->dad },
		{ "disableContainerInterface", &conf->no_container_interface },
		{ "portIsolation", &conf->isolated },
	};

	for (size_t i = 0; i < FL_ARRAY_LEN(switches); i++) {
		int r = fl_cur_bool(c, switches[i].key, FL_OPTIONAL, switches[i].value, err);

		if (r < 0)
			return r;
	}
	conf->is_gateway |= conf->is_default_gateway;
	return 0;
}

static int take_mac(const char *text, struct br_conf *conf, struct fl_err *err)
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
	memcpy(conf->mac, mac, FL_MAC_LEN);
	conf->has_mac = true;
	return 0;
}

/* The member "mac", unless a place that rules over this one had it; an empty text is none. */
static int read_mac(const struct fl_cur *obj, struct br_conf *conf, struct fl_err *err)
{
	struct fl_cur at = fl_cur_member(obj, "mac");
	const char *text = NULL;
	int r;

	if (conf->has_mac)
		return 0;
	r = fl_cur_str(obj, "mac", FL_OPTIONAL, &text, err);
	if (r <= 0 || fl_empty(text))
		return r;
	r = take_mac(text, conf, err);
	return r < 0 ? fl_cur_wrap(&at, err, r) : 0;
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

static int read_labels(const struct fl_cur *cni, struct br_conf *conf, struct fl_err *err)
{
	int r = fl_cur_each(cni, "labels", check_label, NULL, err);

	if (r > 0)
		conf->labels = fl_json_get(cni->v, "labels");
	return r < 0 ? r : 0;
}

/* What the runtime asks for: runtimeConfig rules over args, and that over CNI_ARGS. */
static int read_wishes(const struct fl_cur *c, const struct fl_cni_args *args, struct br_conf *conf,
		       struct fl_err *err)
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
	r = take_mac(args->mac, conf, err);
	return r < 0 ? fl_class(err, fl_wrap(err, r, "CNI_ARGS 'MAC'"), FL_CNI_ENV) : 0;
}

static int read_ipam(const struct fl_cur *c, struct br_conf *conf, struct fl_err *err)
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

static int read_agent(const struct fl_cur *c, struct br_conf *conf, struct fl_err *err)
{
	static const char *const names[] = {
		[BR_AGENT_AUTO] = "auto",
		[BR_AGENT_NONE] = "none",
		[BR_AGENT_REQUIRED] = "required",
	};
	struct fl_cur at = fl_cur_member(c, "agent");
	const char *text = names[BR_AGENT_AUTO];
	int r = fl_cur_str(c, "agent", FL_OPTIONAL, &text, err);

	for (size_t i = 0; r >= 0 && i < FL_ARRAY_LEN(names); i++) {
		if (!fl_streq(text, names[i]))
			continue;
		conf->agent = (enum br_agent)i;
		return 0;
	}
	return r < 0 ? r : fl_cur_fail(&at, err, "'%s' is none of auto, none, required", text);
}

static int read_dns(const struct fl_cur *c, struct br_conf *conf, struct fl_err *err)
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

static int refuse_contradictions(const struct br_conf *conf, struct fl_err *err)
{
	if (conf->hairpin && conf->promisc)
		return fl_fail(err, EINVAL,
			       "config 'hairpinMode' and 'promiscMode' exclude each other");
	if (conf->no_container_interface && conf->ipam)
		return fl_fail(err, EINVAL,
			       "config 'disableContainerInterface' goes without 'ipam', found '%s'",
			       conf->ipam);
	if (conf->vlan && br_conf_in_trunk(conf, conf->vlan))
		return fl_fail(err, EINVAL,
			       "config 'vlan': %u is untagged here and tagged in 'vlanTrunk'",
			       conf->vlan);
	return 0;
}

static int read_names(const struct fl_cur *c, struct br_conf *conf, struct fl_err *err)
{
	struct fl_cur at = fl_cur_member(c, "bridge");
	struct fl_cur backend = fl_cur_member(c, "ipMasqBackend");
	const char *text = "nftables";
	int r;

	r = fl_cur_str(c, "bridge", FL_OPTIONAL, &conf->bridge, err);
	if (r < 0)
		return r;
	if (fl_empty(conf->bridge))
		conf->bridge = "cni0";
	r = fl_cni_check_ifname(conf->bridge, err);
	if (r < 0) {
		err->code = 0; /* not the environment's fault */
		return fl_cur_wrap(&at, err, r);
	}
	/* Both values mean the same here: rules of nf_tables, made without any program. */
	r = fl_cur_str(c, "ipMasqBackend", FL_OPTIONAL, &text, err);
	if (r >= 0 && !fl_empty(text) && !fl_streq(text, "nftables") && !fl_streq(text, "iptables"))
		r = fl_cur_fail(&backend, err, "'%s' is neither 'iptables' nor 'nftables'", text);
	return r < 0 ? r : 0;
}

static int read_mtu(const struct fl_cur *c, struct br_conf *conf, struct fl_err *err)
{
	struct fl_cur at = fl_cur_member(c, "mtu");
	int r = fl_cur_u32(c, "mtu", 0, MTU_MAX, &conf->mtu, err);

	if (r > 0 && conf->mtu && conf->mtu < MTU_MIN)
		return fl_cur_fail(&at, err, "%u is below %d", conf->mtu, MTU_MIN);
	return r < 0 ? r : 0;
}

int br_conf_read(const struct fl_cur *c, const struct fl_cni_args *args, struct br_conf *out,
		 struct fl_err *err)
{
	struct br_conf conf = { .bridge = "cni0", .preserve_default_vlan = true };
	int r;

	r = read_names(c, &conf, err);
	if (r == 0)
		r = read_mtu(c, &conf, err);
	if (r == 0)
		r = read_switches(c, &conf, err);
	if (r == 0)
		r = read_vlans(c, &conf, err);
	if (r == 0)
		r = read_wishes(c, args, &conf, err);
	if (r >= 0)
		r = read_dns(c, &conf, err);
	if (r >= 0)
		r = read_ipam(c, &conf, err);
	if (r >= 0)
		r = read_agent(c, &conf, err);
	if (r >= 0)
		r = refuse_contradictions(&conf, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_CONFIG);
	*out = conf;
	return 0;
}
