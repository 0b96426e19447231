// SPDX-License-Identifier: Apache-2.0
/* A manifest's text, read twice: before the first NUL what the file held, after it what it holds.
 */
#include "fuzz.h"

#include "agent/source/objects.h"

static void unknown(const char *where, const char *version, const char *kind, void *arg)
{
	(void)arg;
	MUST(where && version && kind);
}

/* What was cut down is as right as it was, and loses nothing when it is read again. */
static void must_be_whole(const struct src_object *o)
{
	fl_auto_src_object struct src_object *again = NULL;
	fl_auto_json struct fl_json *tree = NULL;
	struct fl_err err = { 0 };

	MUST(src_object_tree(o, &tree, &err) == 0);
	MUST(pol_kind_of(tree) == o->kind);
	MUST(src_object_read(o->kind, tree, o->where, &again, &err) == 0);
	MUST(src_object_equal(o, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto(src_objects_done) struct src_objects first = { 0 }, second = { 0 };
	fl_auto_free char *text = fuzz_text(data, size);
	struct src_input in = { "f", text, strlen(text), NULL, unknown, NULL };
	struct fl_err err = { 0 };

	if (src_objects_read(&in, &first, &err) < 0)
		MUST(strncmp(err.text, "f:", 2) == 0);
	if (in.len == size)
		return 0;
	in = (struct src_input){ "f", text + in.len + 1, size - in.len - 1, &first, unknown, NULL };
	if (src_objects_read(&in, &second, &err) < 0)
		return 0;
	for (size_t i = 0; i < second.n_nodes; i++)
		MUST(second.nodes[i].net.n_ips > 0 && second.nodes[i].net.n_cidrs > 0);
	for (size_t i = 0; i < second.n_objects; i++)
		must_be_whole(second.objects[i]);
	return 0;
}
