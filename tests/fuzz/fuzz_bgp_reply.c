// SPDX-License-Identifier: Apache-2.0
/*
 * BIRD's answers. Whatever comes through the socket, an answer ends where a prefix of it does not,
 * and what is read of it are whole texts.
 */
#include "fuzz.h"

#include "agent/bgp/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_free char *text = fuzz_text(data, size);
	bgp_auto_rows struct bgp_rows rows = { 0 };
	struct fl_err err = { 0 };
	size_t n = bgp_reply_length(text, size);
	char version[16];

	MUST(n <= size);
	if (n) {
		MUST(text[n - 1] == '\n' && bgp_reply_length(text, n) == n);
		MUST(bgp_reply_length(text, n - 1) == 0);
	}
	if (bgp_reply_check(text, &err) < 0)
		MUST(err.text[0]);
	bgp_reply_version(text, version, sizeof(version));
	MUST(strlen(version) < sizeof(version));
	MUST(bgp_reply_protocols(text, &rows, &err) == 0);
	bgp_reply_bfd(text, &rows);
	for (size_t i = 0; i < rows.n; i++) {
		MUST(strlen(rows.rows[i].symbol) < sizeof(rows.rows[i].symbol));
		MUST(strlen(rows.rows[i].state) < sizeof(rows.rows[i].state));
		MUST(strlen(rows.rows[i].last_error) < sizeof(rows.rows[i].last_error));
	}
	return 0;
}
