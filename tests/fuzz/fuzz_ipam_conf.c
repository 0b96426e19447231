// SPDX-License-Identifier: Apache-2.0
/* host-local's configuration; after a NUL, the text of CNI_ARGS. */
#include "fuzz.h"

#include "plugins/ipam/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_free char *text = fuzz_text(data, size);
	fl_auto_json struct fl_json *v = NULL;
	struct ipam_conf conf = { 0 };
	struct fl_err err = { 0 };
	const char *dir = NULL, *args = NULL;
	size_t len = strlen(text);
	struct fl_cur root;

	if (len < size)
		args = text + len + 1;
	if (fl_json_parse(text, len, &v, &err) < 0)
		return 0;
	root = fl_cur_root(v, "config");
	(void)!ipam_conf_data_dir(&root, &dir, &err);
	for (int i = 0; i < 2; i++) {
		if (ipam_conf_read(&root, i ? FL_CNI_V0_2_0 : FL_CNI_NEWEST, args, &conf, &err) < 0)
			MUST(err.code != 0);
		for (size_t s = 0; s < conf.n_sets; s++)
			for (size_t n = 0; n < conf.sets[s].n; n++) {
				const struct ipam_range *r = &conf.sets[s].ranges[n];

				MUST(fl_ip_cmp(&r->start, &r->end) <= 0);
				MUST(fl_prefix_contains(&r->subnet, &r->start));
				MUST(fl_prefix_contains(&r->subnet, &r->end));
			}
		ipam_conf_done(&conf);
	}
	return 0;
}
