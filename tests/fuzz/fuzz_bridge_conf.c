// SPDX-License-Identifier: Apache-2.0
/* The bridge plugin's configuration; after a NUL, the text of CNI_ARGS. */
#include "fuzz.h"

#include "cni/name.h"
#include "plugins/bridge/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_cni_args struct fl_cni_args args = { 0 };
	fl_auto_free char *text = fuzz_text(data, size);
	fl_auto_json struct fl_json *v = NULL;
	struct br_conf conf = { 0 };
	struct fl_err err = { 0 };
	size_t len = strlen(text);
	struct fl_cur root;

	if (len < size && fl_cni_args_parse(text + len + 1, &args, &err) < 0)
		return 0;
	if (fl_json_parse(text, len, &v, &err) < 0)
		return 0;
	root = fl_cur_root(v, "config");
	if (br_conf_read(&root, &args, &conf, &err) < 0) {
		MUST(err.code != 0 && err.text[0]);
		return 0;
	}
	MUST(strlen(conf.bridge) <= FL_CNI_IFNAME_MAX);
	MUST(conf.vlan <= BR_VLAN_MAX && !br_conf_in_trunk(&conf, 0));
	MUST(!(conf.hairpin && conf.promisc));
	return 0;
}
