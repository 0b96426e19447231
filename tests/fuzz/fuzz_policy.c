// SPDX-License-Identifier: Apache-2.0
/*
 * Objects for the policy compiler: a JSON list of Namespaces, Pods and NetworkPolicies, one of them
 * put at a time. Every text is refused or compiled; what is compiled is consistent; taking
 * everything out again leaves nothing.
 */
#include "fuzz.h"

#include "agent/policy/ask.h"
#include "agent/policy/read.h"
#include "base/text.h"

static void take_out_one(struct pol_world *w, const struct fl_json *object)
{
	const struct fl_json *meta = fl_json_get(object, "metadata");
	const char *name = fl_json_str(fl_json_get(meta, "name"));
	const char *ns = fl_json_str(fl_json_get(meta, "namespace")) ?: "default";
	struct fl_err err = { 0 };

	if (!name)
		return;
	MUST(pol_world_del_pod(w, ns, name, &err) == 0);
	MUST(pol_world_del_policy(w, ns, name, &err) == 0);
	MUST(pol_world_del_namespace(w, name, &err) == 0);
}

static void take_out(struct pol_world *w, const struct fl_json *object)
{
	const struct fl_json *items = fl_json_get(object, "items");

	for (size_t i = 0; i < fl_json_len(items); i++)
		take_out_one(w, fl_json_at(items, i));
	take_out_one(w, object);
}

static size_t commit(struct pol_world *w)
{
	fl_auto_pol_diff struct pol_diff diff = { 0 }, all = { 0 };
	struct pol_stats s;
	struct fl_err err = { 0 };
	size_t rules = 0;

	MUST(pol_world_commit(w, &diff, &err) == 0);
	MUST(pol_world_snapshot(w, &all, &err) == 0);
	for (size_t i = 0; i < all.n; i++) {
		MUST(!all.ops[i].del);
		rules += all.ops[i].e.map == POL_MAP_RULES;
	}
	s = pol_world_stats(w);
	MUST(rules == s.rules && s.rules <= 64 && s.ports <= 64);
	return all.n;
}

/* Every pod may be asked about, and so may every policy. */
static void ask(const struct pol_world *w, const struct fl_json *object)
{
	const struct fl_json *meta = fl_json_get(object, "metadata");
	const char *name = fl_json_str(fl_json_get(meta, "name"));
	const char *ns = fl_json_str(fl_json_get(meta, "namespace")) ?: "default";
	struct pol_question q = { "10.0.0.1", NULL, "80/tcp" };
	fl_auto_json struct fl_json *answer = NULL, *list = NULL;
	struct fl_err err = { 0 };
	char pod[400];

	MUST(pol_show(w, NULL, NULL, &list, &err) == 0);
	if (!name || fl_format(pod, sizeof(pod), &err, "%s/%s", ns, name) < 0)
		return;
	q.to = pod;
	FL_IGNORE(pol_ask(w, &q, &answer, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pol_options tight = { .limits = { .rules = 64, .ports = 64, .prefixes = 32 } };
	fl_auto_pol_world struct pol_world *w = NULL;
	fl_auto_free char *text = fuzz_text(data, size);
	fl_auto_json struct fl_json *v = NULL;
	struct fl_err err = { 0 };
	struct fl_cur root;

	if (fl_json_parse(text, strlen(text), &v, &err) < 0)
		return 0;
	MUST(pol_world_new(&tight, &w, &err) == 0);
	root = fl_cur_root(v, "objects");
	for (size_t i = 0; i < fl_json_len(v) && i < 64; i++) {
		struct fl_cur at = fl_cur_at(&root, i);

		if (pol_world_put_object(w, &at, NULL, NULL, &err) < 0)
			MUST(err.text[0]);
		if (i % 3 == 0)
			commit(w);
	}
	commit(w);
	for (size_t i = 0; i < fl_json_len(v) && i < 64; i++)
		ask(w, fl_json_at(v, i));
	for (size_t i = 0; i < fl_json_len(v) && i < 64; i++)
		take_out(w, fl_json_at(v, i));
	/* The closed slot and all of IPv4. */
	MUST(commit(w) == 2);
	return 0;
}
