// SPDX-License-Identifier: Apache-2.0
/*
 * host-local's index file: junk in it may make it say anything, but never read or write outside
 * the block or go round for ever.
 */
#include "fuzz.h"

#include "plugins/ipam/index.h"

static void use(struct ipam_index *ix)
{
	struct fl_err err = { 0 };
	struct fl_ip ip = { 0 }, from = { 0 }, to = { 0 };
	struct fl_hash key = ipam_index_key("c1\r\neth0", 8);
	uint32_t pos = 0;

	while (ipam_index_find(ix, &key, &pos, &ip))
		continue;
	pos = 0;
	while (ipam_index_each(ix, &pos, &key, &ip))
		(void)ipam_index_is_used(ix, &ip);
	MUST(fl_ip_parse("10.1.0.1", &from, &err) == 0 && fl_ip_parse("10.1.3.0", &to, &err) == 0);
	if (ipam_index_next_free(ix, &from, &to, &ip)) {
		MUST(fl_ip_cmp(&from, &ip) <= 0 && fl_ip_cmp(&ip, &to) <= 0);
		(void)!ipam_index_insert(ix, &key, &ip);
	}
	ipam_index_remove(ix, &key, &from);
	(void)!ipam_index_insert(ix, NULL, &to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_free void *block = malloc(size);
	struct ipam_index ix = { .head = block };

	if (!block || size < sizeof(struct ipam_index_head))
		return 0;
	memcpy(block, data, size);
	if (ipam_index_is_sound(block, size))
		use(&ix);
	return 0;
}
