// SPDX-License-Identifier: Apache-2.0
/*
 * Files that strangers put into a store, read as leases: the input is the content of one.
 * A lease is trimmed within its bounds, and trimming twice changes nothing.
 */
#include "fuzz.h"

#include "plugins/ipam/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *content = (const char *)data;
	size_t len = size, again;
	bool is_blank = ipam_scan_trim(&content, &len), is_still;
	const char *inner = content;

	MUST(len <= size && content >= (const char *)data);
	MUST(content + len <= (const char *)data + size);
	again = len;
	is_still = ipam_scan_trim(&inner, &again);
	MUST(inner == content && again == len && is_still == is_blank);
	MUST(ipam_index_key(content, len).lo != 0);
	return 0;
}
