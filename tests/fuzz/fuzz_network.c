// SPDX-License-Identifier: Apache-2.0
/* Records of networks: what was read is written and read again as the same. */
#include "fuzz.h"

#include "state/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_json struct fl_json *first = NULL, *second = NULL;
	struct fl_network net = { 0 }, again = { 0 };
	struct fl_json *v = NULL;
	struct fl_err err = { 0 };

	if (fl_json_parse((const char *)data, size, &v, &err) < 0)
		return 0;
	if (fl_network_from_json(v, &net, &err) < 0) {
		MUST(err.text[0]);
		fl_json_free(&v);
		return 0;
	}
	MUST(net.name && net.n_blocks <= FL_NETWORK_BLOCKS_MAX);
	MUST(fl_network_to_json(&net, &first, &err) == 0);
	v = fl_json_copy(first);
	MUST(v && fl_network_from_json(v, &again, &err) == 0);
	MUST(fl_network_to_json(&again, &second, &err) == 0 && fl_json_equal(first, second));
	fl_network_done(&again);
	fl_network_done(&net);
	return 0;
}
