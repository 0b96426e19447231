// SPDX-License-Identifier: Apache-2.0
/* resolv.conf(5). */
#include "fuzz.h"

#include "plugins/ipam/resolv.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_free char *text = fuzz_text(data, size);
	fl_auto_json struct fl_json *dns = NULL;
	struct fl_err err = { 0 };

	MUST(ipam_resolv_parse(text, &dns, &err) == 0);
	MUST(fl_json_type(dns) == FL_JSON_OBJECT);
	return 0;
}
