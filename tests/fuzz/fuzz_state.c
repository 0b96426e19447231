// SPDX-License-Identifier: Apache-2.0
/* berth's own state files. */
#include "fuzz.h"

#include "runtime/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct berth_state s = { 0 };
	struct fl_json *v = NULL;
	struct fl_err err = { 0 };

	if (fl_json_parse((const char *)data, size, &v, &err) < 0)
		return 0;
	if (berth_state_read(v, &s, &err) == 0)
		MUST(s.id && s.pid >= 0);
	berth_state_done(&s);
	return 0;
}
