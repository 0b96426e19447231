// SPDX-License-Identifier: Apache-2.0
/* The bgp-route plugin's configuration. */
#include "fuzz.h"

#include "plugins/bgp-route/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fl_cni_args none;
	fl_auto_routed_conf struct fl_routed_conf conf = { 0 };
	fl_auto_json struct fl_json *v = NULL;
	struct fl_err err = { 0 };
	struct fl_cur root;

	if (fl_json_parse((const char *)data, size, &v, &err) < 0)
		return 0;
	root = fl_cur_root(v, "config");
	if (bgp_conf_read(&root, &none, &conf, &err) < 0) {
		MUST(err.code != 0 && err.text[0]);
		return 0;
	}
	MUST(conf.pod.ipam && conf.n_home <= FL_ROUTED_HOME_MAX);
	MUST(fl_routed_conf_check_home(&conf, conf.home, conf.n_home, &err) == 0);
	for (size_t i = 0; i < conf.n_peers; i++)
		MUST(conf.peers[i].n_ips > 0 && conf.peers[i].n_cidrs > 0 &&
		     !conf.peers[i].has_mac);
	return 0;
}
