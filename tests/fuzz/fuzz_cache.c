// SPDX-License-Identifier: Apache-2.0
/* Entries of libcni's result cache, which any runtime on the machine may have written. */
#include "fuzz.h"

#include "cni/result.h"
#include "runtime/net_rt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_json struct fl_json *entry = NULL;
	const struct fl_json *result = NULL;
	const char *network = NULL;
	struct berth_rt rt = { 0 };
	struct fl_err err = { 0 };

	if (fl_json_parse((const char *)data, size, &entry, &err) < 0)
		return 0;
	if (berth_cache_attachment(entry, &network, &rt, &err) == 0)
		MUST(network && rt.id && rt.ifname);
	if (berth_cache_result(entry, &result, &err) == 0) {
		fl_auto_cni_result struct fl_cni_result res = { 0 };
		struct fl_cur c = fl_cur_root(result, "cached result");

		MUST(result);
		if (fl_cni_result_read(&c, FL_CNI_NEWEST, &res, &err) == 0)
			MUST(res.n_ips == 0 || res.ips);
	}
	return 0;
}
