// SPDX-License-Identifier: Apache-2.0
/* YAML: what was read is printed and read again as the same; every place has a line. */
#include "fuzz.h"

#include "yaml/yaml.h"

static void visit(const struct fl_yaml *y, size_t doc, const struct fl_cur *c, unsigned int lines)
{
	struct fl_json *value = NULL;
	const char *key = NULL;
	unsigned int line = fl_yaml_line(y, doc, c);

	MUST(line >= 1 && line <= lines);
	while ((key = fl_json_next(c->v, key, &value))) {
		struct fl_cur m = { .v = value, .up = c, .key = key };

		visit(y, doc, &m, lines);
	}
	for (size_t i = 0; fl_json_type(c->v) == FL_JSON_ARRAY && i < fl_json_len(c->v); i++) {
		struct fl_cur e = fl_cur_at(c, i);

		visit(y, doc, &e, lines);
	}
}

static void print_and_read(const struct fl_json *v)
{
	fl_auto_yaml struct fl_yaml *again = NULL;
	fl_auto_free char *text = NULL;
	struct fl_err err = { 0 };

	/* A key may be too long for it, and the text longer than what is read. */
	if (fl_yaml_print(v, &text, &err) < 0 || strlen(text) > FL_YAML_FILE_MAX)
		return;
	MUST(fl_yaml_parse("again", text, strlen(text), &again, &err) == 0);
	MUST(fl_yaml_docs(again) == 1);
	MUST(fl_json_equal(fl_yaml_doc(again, 0, NULL), v));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_yaml struct fl_yaml *y = NULL;
	struct fl_err err = { 0 };

	if (fl_yaml_parse("f", (const char *)data, size, &y, &err) < 0) {
		MUST(strncmp(err.text, "f:", 2) == 0);
		return 0;
	}
	for (size_t i = 0; i < fl_yaml_docs(y); i++) {
		struct fl_cur root = fl_cur_root(fl_yaml_doc(y, i, NULL), "config");

		visit(y, i, &root, (unsigned int)size + 1);
		print_and_read(root.v);
	}
	return 0;
}
