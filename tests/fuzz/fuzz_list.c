// SPDX-License-Identifier: Apache-2.0
/* Network configuration lists and single-plugin files as berth reads them from disk. */
#include "fuzz.h"

#include "runtime/net_conf.h"

static void look(struct berth_list *list)
{
	struct fl_err err = { 0 };

	if (berth_list_check(list, &err) == 0) {
		MUST(list->name && fl_json_len(list->plugins) > 0);
		for (size_t i = 0; i < fl_json_len(list->plugins); i++)
			MUST(berth_list_type(list, i)[0]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct berth_list list = { 0 };
	struct fl_err err = { 0 };

	if (berth_list_parse(text, size, &list, &err) == 0) {
		look(&list);
		if (berth_list_append(&list, text, size, &err) == 0)
			look(&list);
	}
	berth_list_done(&list);
	if (berth_list_parse_single(text, size, &list, &err) == 0)
		look(&list);
	berth_list_done(&list);
	return 0;
}
