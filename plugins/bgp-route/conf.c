// SPDX-License-Identifier: Apache-2.0
/* Reading the bgp-route plugin's configuration. */
#include "plugins/bgp-route/conf.h"

#include "cni/code.h"

/* Keys of vxlan that somebody may have left when changing the type: they would do nothing. */
static int refuse_overlay(const struct fl_cur *c, struct fl_err *err)
{
	static const char *const keys[] = { "vni", "port", "device", "local" };

	for (size_t i = 0; i < FL_ARRAY_LEN(keys); i++) {
		struct fl_cur at = fl_cur_member(c, keys[i]);

		if (at.v)
			return fl_cur_fail(&at, err,
					   "is a key of 'vxlan': there is no overlay here");
	}
	return 0;
}

int bgp_conf_read(const struct fl_cur *c, const struct fl_cni_args *args,
		  struct fl_routed_conf *out, struct fl_err *err)
{
	int r = refuse_overlay(c, err);

	return r < 0 ? fl_class(err, r, FL_CNI_CONFIG)
		     : fl_routed_conf_read(c, args, false, out, err);
}
