// SPDX-License-Identifier: Apache-2.0
/* Reading the vxlan plugin's configuration. */
#include "plugins/vxlan/conf.h"

#include <errno.h>

#include "cni/code.h"
#include "cni/name.h"
#include "peers/vtep.h"

void vx_conf_done(struct vx_conf *conf)
{
	fl_routed_conf_done(&conf->net);
}

static int read_device(const struct fl_cur *c, struct vx_conf *conf, struct fl_err *err)
{
	struct fl_cur at = fl_cur_member(c, "device");
	const char *text = NULL;
	int r = fl_cur_str(c, "device", FL_OPTIONAL, &text, err);

	if (r < 0)
		return r;
	if (fl_empty(text)) {
		r = fl_format(conf->device, sizeof(conf->device), err, "fairlead.%u", conf->vni);
		return r < 0 ? fl_cur_fail(&at, err,
					   "missing: the default 'fairlead.%u' has more than %d "
					   "bytes",
					   conf->vni, FL_CNI_IFNAME_MAX)
			     : 0;
	}
	r = fl_cni_check_new_ifname(text, err);
	if (r < 0) {
		err->code = 0; /* not the environment's fault */
		return fl_cur_wrap(&at, err, r);
	}
	return fl_copy(conf->device, sizeof(conf->device), text, err);
}

static int read_local(const struct fl_cur *c, struct vx_conf *conf, struct fl_err *err)
{
	struct fl_cur at = fl_cur_member(c, "local");
	int r = fl_cur_ip(c, "local", FL_OPTIONAL, &conf->local, err);

	if (r < 0)
		return r;
	conf->has_local = r > 0;
	if (conf->has_local)
		return fl_routed_conf_check_local(&conf->net, &conf->local, err);
	if (conf->net.has_peers && conf->net.n_peers == 0)
		return fl_cur_fail(&at, err, "missing, and there is no peer to find it by");
	return 0;
}

static int read_overlay(const struct fl_cur *c, struct vx_conf *conf, struct fl_err *err)
{
	uint32_t port = FL_VTEP_PORT;
	int r;

	r = fl_cur_u32(c, "vni", 1, FL_VNI_MAX, &conf->vni, err);
	if (r >= 0)
		r = fl_cur_u32(c, "port", 1, UINT16_MAX, &port, err);
	conf->port = (uint16_t)port;
	if (r >= 0)
		r = read_device(c, conf, err);
	return r < 0 ? r : read_local(c, conf, err);
}

int vx_conf_read(const struct fl_cur *c, const struct fl_cni_args *args, struct vx_conf *out,
		 struct fl_err *err)
{
	vx_auto_conf struct vx_conf conf = { .vni = 1 };
	int r;

	r = fl_routed_conf_read(c, args, true, &conf.net, err);
	if (r == 0)
		r = read_overlay(c, &conf, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_CONFIG);
	*out = conf;
	conf.net = (struct fl_routed_conf){ 0 };
	return 0;
}
