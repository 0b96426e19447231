// SPDX-License-Identifier: Apache-2.0
/*
 * The bridge plugin's configuration: JSON in, one plain struct out, contradictions refused.
 * Pure: no kernel, no files. Strings are borrowed from the request. The keys are documented
 * in README.md.
 */
#pragma once

#include "base/text.h"
#include "cni/args.h"
#include "cni/plugin.h"

#define BR_VLAN_MAX 4094

enum br_agent { BR_AGENT_AUTO, BR_AGENT_NONE, BR_AGENT_REQUIRED };

struct br_conf {
	const char *bridge; /* device name */
	const char *ipam;   /* type; NULL: layer 2 only */
	bool is_gateway, is_default_gateway, force_address;
	bool ip_masq, hairpin, promisc, mac_spoof_check, dad;
	bool no_container_interface, isolated;
	uint32_t mtu;  /* bytes; 0: the kernel's default */
	uint16_t vlan; /* 0: none */
	bool preserve_default_vlan, has_trunk;
	uint64_t trunk[(BR_VLAN_MAX + 64) / 64]; /* a bit for each tagged VLAN */
	bool has_mac;
	uint8_t mac[FL_MAC_LEN]; /* of the pod's interface */
	bool has_dns;
	struct fl_cni_dns dns;
	enum br_agent agent;
	const struct fl_json *labels; /* args.cni.labels, NULL: none */
};

/*
 * Reads and validates. args: the parsed CNI_ARGS. -EINVAL, with code FL_CNI_CONFIG or
 * FL_CNI_ENV, names the key, the value and what was expected.
 */
fl_must int br_conf_read(const struct fl_cur *c, const struct fl_cni_args *args,
			 struct br_conf *out, struct fl_err *err);

/* True when the VLAN is in the trunk. */
bool br_conf_in_trunk(const struct br_conf *conf, unsigned int vlan);
