// SPDX-License-Identifier: Apache-2.0
/*
 * What every plugin that makes interfaces reads from its configuration, whatever else it has:
 * the IPAM plugin, MTU, DNS, the agent, and what the runtime wishes for. Pure. Strings are
 * borrowed from the request. Each plugin's README.md documents its keys.
 */
#pragma once

#include "base/text.h"
#include "cni/args.h"
#include "cni/result.h"

enum { FL_MTU_MIN = 68, FL_MTU_MAX = 65535 }; /* RFC 791: every host must take 68 bytes */

enum fl_agent { FL_AGENT_AUTO, FL_AGENT_NONE, FL_AGENT_REQUIRED };

struct fl_attach_conf {
	const char *ipam; /* type; NULL: layer 2 only */
	uint32_t mtu;	  /* bytes; 0: the default */
	bool dad;	  /* duplicate address detection in the pod */
	bool has_mac;
	uint8_t mac[FL_MAC_LEN]; /* of the pod's interface */
	bool has_dns;
	struct fl_cni_dns dns;
	enum fl_agent agent;
	const struct fl_json *labels; /* args.cni.labels, NULL: none */
};

/*
 * Reads "mtu", "enabledad", "ipam.type", "dns", "agent", "args", "runtimeConfig" and the MAC of
 * args, the parsed CNI_ARGS. -EINVAL, with code FL_CNI_CONFIG or FL_CNI_ENV, names the key, the
 * value and what was expected.
 */
fl_must int fl_attach_conf_read(const struct fl_cur *c, const struct fl_cni_args *args,
				struct fl_attach_conf *out, struct fl_err *err);

/* The member that is an interface's MAC address, if any: 1 read, 0 absent or "", -EINVAL. */
fl_must int fl_attach_conf_mac(const struct fl_cur *obj, const char *key, uint8_t out[FL_MAC_LEN],
			       struct fl_err *err);
