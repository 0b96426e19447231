// SPDX-License-Identifier: Apache-2.0
/* fairlead identities: what pods network policies tell apart. */
#include "base/text.h"
#include "cli/client.h"
#include "cli/print.h"

/* "app=web,tier=front" */
static void add_labels(struct cli_table *t, const struct fl_json *row)
{
	const struct fl_json *labels = fl_json_get(row, "labels");
	fl_auto_json struct fl_json *list = fl_json_array();
	struct fl_json *value;
	const char *key = NULL;
	char text[400]; /* a key has 317 characters at most, and a value 63 */
	struct fl_err cut;

	while (list && (key = fl_json_next(labels, key, &value)))
		if (fl_format(text, sizeof(text), &cut, "%s=%s", key, fl_json_str(value) ?: "") <
			    0 ||
		    fl_json_append(list, fl_json_new_str(text)) < 0)
			break;
	cli_table_add_json(t, fl_json_len(list) ? list : NULL);
}

int cli_identities(const struct cli *c, struct fl_err *err)
{
	static const struct cli_column columns[] = {
		{ "IDENTITY", "identity" },	{ "NAMESPACE", "namespace" },
		{ "LABELS", NULL, add_labels }, { "PODS", "pods" },
		{ "LOCAL", "localPods" },	{ "POLICIES", "policies" },
	};
	fl_auto_json struct fl_json *doc = NULL;
	int r = cli_ask(c, "GET", "/v1/identities", &doc, err) ?: cli_print_doc(c, doc, err);

	if (r != 0)
		return r < 0 ? r : CLI_OK;
	return cli_print_list(doc, columns, FL_ARRAY_LEN(columns), "identities", err);
}
