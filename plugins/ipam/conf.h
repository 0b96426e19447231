// SPDX-License-Identifier: Apache-2.0
/*
 * host-local's configuration: JSON, CNI_ARGS, args.cni.ips and runtimeConfig become one plain
 * struct, checked; nothing after it looks at JSON. Pure. Errors carry FL_CNI_CONFIG (or
 * FL_CNI_ENV) and name the key's path and the value.
 */
#pragma once

#include "cni/result.h"
#include "plugins/ipam/range.h"

#define IPAM_RANGES_MAX 1024 /* ranges of all sets together, since each is compared with each */
#define IPAM_WANT_MAX	64   /* requested addresses */

struct ipam_conf {
	const char *data_dir;	 /* "" when not given */
	const char *resolv_conf; /* path; "" when not given */
	struct ipam_set *sets;	 /* one address is given out of each */
	size_t n_sets;
	struct fl_ip *want; /* requested addresses, each once */
	size_t n_want;
	struct fl_cni_result extra; /* routes, in the configuration's order */
};

/* Frees what is held and empties the struct. */
void ipam_conf_done(struct ipam_conf *conf);
#define fl_auto_ipam_conf fl_auto(ipam_conf_done)

/*
 * Reads all of it; root is the network configuration, args the text of CNI_ARGS or NULL.
 * Strings are borrowed from root's tree.
 */
fl_must int ipam_conf_read(const struct fl_cur *root, enum fl_cni_version version, const char *args,
			   struct ipam_conf *out, struct fl_err *err);

/*
 * Reads only "ipam.dataDir", for DEL and GC, which must release whatever else the
 * configuration says by now.
 */
fl_must int ipam_conf_data_dir(const struct fl_cur *root, const char **out, struct fl_err *err);
