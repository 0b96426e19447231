// SPDX-License-Identifier: Apache-2.0
/* The vxlan plugin's configuration. */
#include "fuzz.h"

#include "cni/name.h"
#include "plugins/vxlan/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fl_cni_args none;
	fl_auto_json struct fl_json *v = NULL;
	vx_auto_conf struct vx_conf conf = { 0 };
	struct fl_err err = { 0 };
	struct fl_cur root;

	if (fl_json_parse((const char *)data, size, &v, &err) < 0)
		return 0;
	root = fl_cur_root(v, "config");
	if (vx_conf_read(&root, &none, &conf, &err) < 0) {
		MUST(err.code != 0 && err.text[0]);
		return 0;
	}
	MUST(conf.vni >= 1 && conf.vni <= FL_VNI_MAX && conf.port >= 1);
	MUST(conf.device[0] && strlen(conf.device) <= FL_CNI_IFNAME_MAX);
	MUST(conf.net.pod.ipam && conf.net.n_home <= FL_ROUTED_HOME_MAX);
	MUST(conf.has_local || !conf.net.has_peers || conf.net.n_peers > 0);
	MUST(fl_routed_conf_check_home(&conf.net, conf.net.home, conf.net.n_home, &err) == 0);
	for (size_t i = 0; i < conf.net.n_peers; i++)
		MUST(conf.net.peers[i].n_ips > 0 && conf.net.peers[i].n_cidrs > 0 &&
		     conf.net.peers[i].name);
	return 0;
}
