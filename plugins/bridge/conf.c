// SPDX-License-Identifier: Apache-2.0
/* Reading the bridge plugin's configuration. */
#include "plugins/bridge/conf.h"

#include <errno.h>

#include "cni/name.h"

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

static int refuse_contradictions(const struct br_conf *conf, struct fl_err *err)
{
	if (conf->hairpin && conf->promisc)
		return fl_fail(err, EINVAL,
			       "config 'hairpinMode' and 'promiscMode' exclude each other");
	if (conf->no_container_interface && conf->pod.ipam)
		return fl_fail(err, EINVAL,
			       "config 'disableContainerInterface' goes without 'ipam', found '%s'",
			       conf->pod.ipam);
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
	r = fl_cni_check_new_ifname(conf->bridge, err);
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

int br_conf_read(const struct fl_cur *c, const struct fl_cni_args *args, struct br_conf *out,
		 struct fl_err *err)
{
	struct br_conf conf = { .bridge = "cni0", .preserve_default_vlan = true };
	int r;

	r = read_names(c, &conf, err);
	if (r == 0)
		r = read_switches(c, &conf, err);
	if (r == 0)
		r = read_vlans(c, &conf, err);
	if (r == 0)
		r = fl_attach_conf_read(c, args, &conf.pod, err);
	if (r == 0)
		r = refuse_contradictions(&conf, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_CONFIG);
	*out = conf;
	return 0;
}
