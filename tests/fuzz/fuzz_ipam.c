// SPDX-License-Identifier: Apache-2.0
/*
 * host-local's configuration. The input is CNI_ARGS, a line feed, and the network configuration.
 * What is accepted must be sound: sets without an empty one, ranges within their subnets, none
 * overlapping, and a walk over each that ends.
 */
#include "fuzz.h"

#include "plugins/ipam/conf.h"

static void check_set(const struct ipam_set *set)
{
	struct ipam_walk walk = ipam_walk_begin(set, &set->ranges[0].end);
	struct fl_ip from, to;
	size_t pieces = 0;

	MUST(set->n > 0);
	for (size_t i = 0; i < set->n; i++) {
		const struct ipam_range *r = &set->ranges[i];

		MUST(fl_ip_cmp(&r->start, &r->end) <= 0);
		MUST(fl_prefix_contains(&r->subnet, &r->start));
		MUST(fl_prefix_contains(&r->subnet, &r->end));
		for (size_t j = 0; j < i; j++)
			MUST(!ipam_range_overlaps(r, &set->ranges[j]));
	}
	while (ipam_walk_next(&walk, &from, &to)) {
		MUST(fl_ip_cmp(&from, &to) <= 0);
		MUST(++pieces <= set->n + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_free char *text = fuzz_text(data, size);
	fl_auto_ipam_conf struct ipam_conf conf = { 0 };
	fl_auto_json struct fl_json *tree = NULL;
	struct fl_err err = { 0 };
	const char *dir = NULL;
	char *json = strchr(text, '\n');
	struct fl_cur root;

	if (!json)
		return 0;
	*json++ = '\0';
	if (fl_json_parse(json, strlen(json), &tree, &err) < 0)
		return 0;
	root = fl_cur_root(tree, "config");
	if (ipam_conf_read(&root, FL_CNI_NEWEST, text, &conf, &err) < 0) {
		MUST(err.code != 0 && err.text[0]);
		MUST(!conf.sets && !conf.want);
		return 0;
	}
	MUST(conf.n_sets > 0);
	for (size_t i = 0; i < conf.n_sets; i++)
		check_set(&conf.sets[i]);
	MUST(ipam_conf_data_dir(&root, &dir, &err) == 0 && strcmp(dir, conf.data_dir) == 0);
	return 0;
}
