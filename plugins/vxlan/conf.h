// SPDX-License-Identifier: Apache-2.0
/*
 * The vxlan plugin's configuration: JSON in, one plain struct out, contradictions refused. Pure:
 * no kernel, no files. Strings are borrowed from the request. The keys are documented in
 * README.md.
 */
#pragma once

#include "attach/routed_conf.h"
#include "net/link.h"

struct vx_conf {
	struct fl_routed_conf net; /* what routed networks have; owned */
	uint32_t vni;
	uint16_t port;
	char device[FL_IFNAME_SIZE];
	bool has_local;
	struct fl_ip local; /* this node's address */
};

/* Frees what is held and empties the struct. */
void vx_conf_done(struct vx_conf *conf);
#define vx_auto_conf fl_auto(vx_conf_done)

/* Reads and validates. args: the parsed CNI_ARGS. -EINVAL with code FL_CNI_CONFIG or FL_CNI_ENV. */
fl_must int vx_conf_read(const struct fl_cur *c, const struct fl_cni_args *args,
			 struct vx_conf *out, struct fl_err *err);
