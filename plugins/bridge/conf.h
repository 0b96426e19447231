// SPDX-License-Identifier: Apache-2.0
/*
 * The bridge plugin's configuration: JSON in, one plain struct out, contradictions refused.
 * Pure: no kernel, no files. Strings are borrowed from the request. The keys are documented
 * in README.md.
 */
#pragma once

#include "attach/conf.h"
#include "cni/plugin.h"

#define BR_VLAN_MAX 4094

struct br_conf {
	struct fl_attach_conf pod; /* what all plugins have; no IPAM plugin: layer 2 only */
	const char *bridge;	   /* device name */
	bool is_gateway, is_default_gateway, force_address;
	bool ip_masq, hairpin, promisc, mac_spoof_check;
	bool no_container_interface, isolated;
	uint16_t vlan; /* 0: none */
	bool preserve_default_vlan, has_trunk;
	uint64_t trunk[(BR_VLAN_MAX + 64) / 64]; /* a bit for each tagged VLAN */
};

/*
 * Reads and validates. args: the parsed CNI_ARGS. -EINVAL, with code FL_CNI_CONFIG or
 * FL_CNI_ENV, names the key, the value and what was expected.
 */
fl_must int br_conf_read(const struct fl_cur *c, const struct fl_cni_args *args,
			 struct br_conf *out, struct fl_err *err);

/* True when the VLAN is in the trunk. */
bool br_conf_in_trunk(const struct br_conf *conf, unsigned int vlan);
