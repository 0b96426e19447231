// SPDX-License-Identifier: Apache-2.0
/* CNI_ARGS. */
#include "fuzz.h"

#include "cni/args.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_cni_args struct fl_cni_args args = { 0 };
	fl_auto_free char *text = fuzz_text(data, size);
	struct fl_err err = { 0 };

	if (fl_cni_args_parse(text, &args, &err) < 0)
		return 0;
	MUST(!args.ip || !strchr(args.ip, ';'));
	MUST(!args.mac || !strchr(args.mac, '='));
	MUST(!args.pod_name || strlen(args.pod_name) < size);
	return 0;
}
