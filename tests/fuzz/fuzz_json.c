// SPDX-License-Identifier: Apache-2.0
/* JSON: what was read is printed and read again as the same; cursors meet every value. */
#include "fuzz.h"

#include "json/cur.h"

/* Reads c with every reader; what they say is their business, that they come back is ours. */
static void visit(const struct fl_cur *c, int depth)
{
	const int64_t range[2] = { INT64_MIN, INT64_MAX };
	struct fl_json *value = NULL;
	const char *key = NULL, *s = NULL;
	struct fl_err err = { 0 };

	if (depth > 40)
		return;
	if (fl_cur_as_str(c, &s, &err) == 0)
		MUST(s);
	while ((key = fl_json_next(c->v, key, &value))) {
		struct fl_cur m = fl_cur_member(c, key), at = { 0 };
		struct fl_prefix net = { 0 };
		struct fl_ip ip = { 0 };
		int64_t n = 0;
		bool b = false;

		MUST(fl_json_has(c->v, key));
		(void)!fl_cur_obj(c, key, FL_OPTIONAL, &at, &err);
		(void)!fl_cur_arr(c, key, FL_REQUIRED, &at, &err);
		(void)!fl_cur_bool(c, key, FL_OPTIONAL, &b, &err);
		(void)!fl_cur_int(c, key, FL_REQUIRED, range, &n, &err);
		(void)!fl_cur_ip(c, key, FL_OPTIONAL, &ip, &err);
		(void)!fl_cur_prefix(c, key, FL_OPTIONAL, &net, &err);
		visit(&m, depth + 1);
	}
	for (size_t i = 0; fl_json_type(c->v) == FL_JSON_ARRAY && i < fl_json_len(c->v); i++) {
		struct fl_cur e = fl_cur_at(c, i);

		visit(&e, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_json struct fl_json *v = NULL, *again = NULL;
	fl_auto_free char *text = NULL;
	struct fl_err err = { 0 };
	struct fl_cur root;

	if (fl_json_parse((const char *)data, size, &v, &err) < 0)
		return 0;
	root = fl_cur_root(v, "config");
	visit(&root, 0);
	MUST(fl_json_print(v, 0, &text, &err) == 0);
	MUST(fl_json_parse(text, strlen(text), &again, &err) == 0);
	MUST(fl_json_equal(v, again));
	return 0;
}
