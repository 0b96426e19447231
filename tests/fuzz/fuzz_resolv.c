// SPDX-License-Identifier: Apache-2.0
/* resolv.conf. What is accepted prints as JSON, and every list in it has an element. */
#include "fuzz.h"

#include "plugins/ipam/resolv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_free char *text = fuzz_text(data, size), *printed = NULL;
	fl_auto_json struct fl_json *dns = NULL;
	struct fl_json *value = NULL;
	struct fl_err err = { 0 };

	if (ipam_resolv_parse(text, &dns, &err) < 0) {
		MUST(err.text[0]);
		return 0;
	}
	MUST(fl_json_print(dns, 0, &printed, &err) == 0);
	for (const char *k = fl_json_next(dns, NULL, &value); k; k = fl_json_next(dns, k, &value))
		MUST(fl_json_type(value) == FL_JSON_STRING || fl_json_len(value) > 0);
	return 0;
}
