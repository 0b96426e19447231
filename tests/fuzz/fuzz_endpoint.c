// SPDX-License-Identifier: Apache-2.0
/* Endpoint records: what was read is written and read again as the same. */
#include "fuzz.h"

#include "state/endpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_json struct fl_json *first = NULL, *second = NULL;
	struct fl_endpoint ep = { 0 }, again = { 0 };
	struct fl_json *v = NULL;
	struct fl_err err = { 0 };

	if (fl_json_parse((const char *)data, size, &v, &err) < 0)
		return 0;
	if (fl_endpoint_from_json(v, &ep, &err) < 0) {
		fl_json_free(&v);
		return 0;
	}
	MUST(ep.n_ips <= FL_ENDPOINT_IPS_MAX && ep.key.network && ep.key.container_id);
	MUST(fl_endpoint_to_json(&ep, &first, &err) == 0);
	v = fl_json_copy(first);
	MUST(v && fl_endpoint_from_json(v, &again, &err) == 0);
	MUST(fl_endpoint_to_json(&again, &second, &err) == 0 && fl_json_equal(first, second));
	fl_endpoint_done(&again);
	fl_endpoint_done(&ep);
	return 0;
}
