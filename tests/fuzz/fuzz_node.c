// SPDX-License-Identifier: Apache-2.0
/* node.json: what was read is written and read again as the same. */
#include "fuzz.h"

#include "state/node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_json struct fl_json *first = NULL, *second = NULL;
	struct fl_node node = { 0 }, again = { 0 };
	struct fl_json *v = NULL;
	struct fl_err err = { 0 };

	if (fl_json_parse((const char *)data, size, &v, &err) < 0)
		return 0;
	if (fl_node_from_json(v, &node, &err) < 0) {
		MUST(err.text[0]);
		fl_json_free(&v);
		return 0;
	}
	MUST(node.n_ips <= FL_NODE_IPS_MAX && node.n_cidrs <= FL_NODE_CIDRS_MAX);
	MUST(node.name && node.mode && node.mtu >= 68);
	MUST(!node.vxlan_device || (strlen(node.vxlan_device) <= 15 && node.vni && node.port));
	MUST(fl_node_to_json(&node, &first, &err) == 0);
	v = fl_json_copy(first);
	MUST(v && fl_node_from_json(v, &again, &err) == 0);
	MUST(fl_node_to_json(&again, &second, &err) == 0 && fl_json_equal(first, second));
	fl_node_done(&again);
	fl_node_done(&node);
	return 0;
}
