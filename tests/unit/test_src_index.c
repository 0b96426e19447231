// SPDX-License-Identifier: Apache-2.0
/* agent/source: what the sink is told of namespaces, pods and policies in the manifests folder. */
#include "agent/source/index.h"

#include "inject.h"
#include "src_world.h"

static void objects_are_put_and_deleted_and_then_done(void **state)
{
	struct world *w = *state;
	struct src_stats s;

	write_file(w, "m/b.yaml", POLICY("q") "---\n" NODE("n1", "1"));
	write_file(w, "m/a.yaml", NAMESPACE("a") "---\n" POD("p", "10.0.0.1"));
	open_source(w, "m");
	/* Before the first changed(), which says so. */
	wait_for_told(w, "put a a.yaml:1; put p 10.0.0.1/a.yaml:5; put a/q b.yaml:1; done; ");
	wait_for(w, "n1 ", "");
	s = src_manifests_stats(w->m);
	CHECK(s.namespaces == 1 && s.pods == 1 && s.policies == 1);
	/* Only what is another; and what it takes the place of goes first. */
	replace_file(w, "m/a.yaml",
		     POD("r", "10.0.0.1") "---\n" NAMESPACE("a") "---\n" POD("s", "10.0.0.2"));
	wait_for_told(w,
		      "del default/p; put r 10.0.0.1/a.yaml:1; put s 10.0.0.2/a.yaml:10; done; ");
	replace_file(w, "m/a.yaml",
		     POD("r", "10.0.0.3") "---\n" NAMESPACE("a") "---\n" POD("s", "10.0.0.2"));
	wait_for_told(w, "put r 10.0.0.3/a.yaml:1; done; ");
	CHECK(unlink(below(w, "m/b.yaml")) == 0);
	wait_for_told(w, "del a/q; done; ");
	wait_for(w, "", "");
	s = src_manifests_stats(w->m);
	CHECK(s.namespaces == 1 && s.pods == 2 && s.policies == 0);
}

static void without_objects_the_sink_hears_that_it_is_done_once(void **state)
{
	struct world *w = *state;

	open_source(w, "m");
	wait_for_told(w, "done; ");
	write_file(w, "m/a.yaml", NODE("n1", "1"));
	wait_for(w, "n1 ", "");
	src_manifests_reload(w->m);
	assert_string_equal(w->told, "");
}

static void the_same_object_elsewhere_or_with_other_details_is_no_news(void **state)
{
	struct world *w = *state;
	uint64_t reads;

	write_file(w, "m/a.yaml", POD("p", "10.0.0.1") "spec: {nodeName: node}\n");
	open_source(w, "m");
	wait_for_told(w, "put p 10.0.0.1/a.yaml:1; done; ");
	CHECK(rename(below(w, "m/a.yaml"), below(w, "m/z.yaml")) == 0);
	wait_quietly(w, 150);
	reads = src_manifests_stats(w->m).reads;
	replace_file(w, "m/z.yaml",
		     "# moved\n" POD("p", "10.0.0.1") "spec: {nodeName: node, volumes: []}\n");
	wait_quietly(w, 150);
	assert_string_equal(w->told, "");
	CHECK(src_manifests_stats(w->m).reads > reads && src_manifests_stats(w->m).pods == 1);
}

static void a_wrong_object_or_file_keeps_what_was_put(void **state)
{
	struct world *w = *state;

	write_file(w, "m/a.yaml", POD("p", "10.0.0.1") "---\n" POD("q", "10.0.0.2"));
	open_source(w, "m");
	wait_for_told(w, "put p 10.0.0.1/a.yaml:1; put q 10.0.0.2/a.yaml:6; done; ");
	wait_for(w, "", "");
	replace_file(w, "m/a.yaml", POD("p", "x") "---\n" POD("q", "10.0.0.3"));
	wait_for_told(w, "put q 10.0.0.3/a.yaml:6; done; ");
	wait_for(w, "", "a.yaml:4: Pod default/p 'status.podIP': ");
	replace_file(w, "m/a.yaml", "a: [\n");
	wait_for(w, "", "a.yaml:2:1: did not find");
	assert_string_equal(w->told, "");
	replace_file(w, "m/a.yaml", POD("q", "10.0.0.3"));
	wait_for_told(w, "del default/p; done; ");
	wait_for(w, "", "");
}

static void of_the_same_object_in_two_files_the_one_in_force_stays(void **state)
{
	struct world *w = *state;

	write_file(w, "m/c.yaml", POD("p", "10.0.0.3"));
	write_file(w, "m/b.yaml", POD("p", "10.0.0.2"));
	open_source(w, "m");
	wait_for_told(w, "put p 10.0.0.2/b.yaml:1; done; ");
	wait_for(w, "", "c.yaml:1: Pod 'default/p': is already in b.yaml:1");
	/* One whose name would be first comes too late. */
	replace_file(w, "m/a.yaml", POD("p", "10.0.0.1"));
	wait_for(w, "", "a.yaml:1: Pod 'default/p': is already in b.yaml:1");
	assert_string_equal(w->told, "");
	CHECK(src_manifests_stats(w->m).pods == 1);
	/* It may change, and stays the one in force. */
	replace_file(w, "m/b.yaml", "\n" POD("p", "10.0.0.4"));
	wait_for_told(w, "put p 10.0.0.4/b.yaml:2; done; ");
	wait_for(w, "", "c.yaml:1: Pod 'default/p': is already in b.yaml:2");
	/* When it goes, the next takes its place. */
	CHECK(unlink(below(w, "m/b.yaml")) == 0);
	wait_for_told(w, "put p 10.0.0.1/a.yaml:1; done; ");
	wait_for(w, "", "c.yaml:1: Pod 'default/p': is already in a.yaml:1");
	CHECK(unlink(below(w, "m/c.yaml")) == 0);
	wait_for(w, "", "");
	CHECK(unlink(below(w, "m/a.yaml")) == 0);
	wait_for_told(w, "del default/p; done; ");
}

static void of_the_same_object_twice_in_a_file_the_first_is_in_force(void **state)
{
	struct world *w = *state;

	write_file(w, "m/a.yaml", NAMESPACE("a") "---\n" NAMESPACE("a") "---\n" POLICY("a"));
	open_source(w, "m");
	wait_for_told(w, "put a a.yaml:1; put a/a a.yaml:9; done; ");
	wait_for(w, "", "a.yaml:5: Namespace 'a': is already in a.yaml:1");
	replace_file(w, "m/a.yaml", NAMESPACE("a"));
	wait_for_told(w, "del a/a; done; ");
	wait_for(w, "", "");
}

static void of_thousands_of_files_only_the_one_that_changed_costs(void **state)
{
	struct world *w = *state;
	char name[32], text[256];
	uint64_t reads;

	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "m/%d.yaml", i);
		snprintf(text, sizeof(text), POD("p%d", "10.0.%d.%d"), i, i / 250, i % 250 + 1);
		write_file(w, name, text);
	}
	open_source(w, "m");
	wait_for(w, "", "");
	CHECK(src_manifests_stats(w->m).pods == 2000);
	w->told[0] = '\0';
	reads = src_manifests_stats(w->m).reads;
	replace_file(w, "m/1234.yaml", POD("p1234", "10.1.0.1"));
	wait_for_told(w, "put p1234 10.1.0.1/1234.yaml:1; done; ");
	CHECK(src_manifests_stats(w->m).reads <= reads + 2);
}

static void count_put(enum pol_kind kind, const struct fl_json *object, const char *where,
		      void *arg)
{
	CHECK(pol_kind_of(object) == kind && strcmp(where, "b.yaml:1") != 0);
	++*(int *)arg;
}

static void no_kind(const char *where, const char *version, const char *kind, void *arg)
{
	(void)where;
	(void)version;
	(void)kind;
	(void)arg;
}

static int read_objects(const char *name, const char *text, struct src_objects *out)
{
	struct fl_err err = { 0 };

	return src_objects_read(
		&(struct src_input){ name, text, strlen(text), NULL, no_kind, NULL }, out, &err);
}

/* Whatever fails is tried once more. */
static int fill_index(void *arg)
{
	fl_auto(src_objects_done) struct src_objects a = { 0 }, b = { 0 };
	fl_auto(src_index_done) struct src_index ix = { 0 };
	int puts = 0, first, r;
	bool changed = false, any = false;
	struct fl_err err = { 0 };
	const struct src_sink sink = { .put = count_put, .arg = &puts };

	(void)arg;
	r = read_objects("a.yaml", POD("p", "10.0.0.1") "---\n" NAMESPACE("a"), &a)
		    ?: read_objects("b.yaml", POD("p", "10.0.0.2"), &b);
	if (r < 0)
		return r;
	first = src_index_enter(&ix, &b, &err);
	if (first < 0)
		CHECK_OK(src_index_enter(&ix, &b, &err), &err);
	r = src_index_enter(&ix, &a, &err);
	if (r < 0)
		CHECK_OK(src_index_enter(&ix, &a, &err), &err);
	first = first ?: r;
	r = src_index_settle(&ix, &changed, &err);
	if (r < 0)
		CHECK_OK(src_index_settle(&ix, &changed, &err), &err);
	first = first ?: r;
	r = src_index_tell(&ix, &sink, &any, &err);
	CHECK((r == 0) == (puts == 2));
	if (r < 0)
		CHECK_OK(src_index_tell(&ix, &sink, &any, &err), &err);
	first = first ?: r;
	CHECK(changed && any && puts == 2);
	any = false;
	CHECK_OK(src_index_tell(&ix, &sink, &any, &err), &err);
	CHECK(!any && puts == 2);
	/* All of it once more, or an error. */
	r = src_index_retell(&ix, &sink, &err);
	CHECK((r == 0) == (puts == 4));
	first = first ?: r;
	return first;
}

static void every_lack_of_memory_leaves_the_index_as_it_was(void **state)
{
	(void)state;
	CHECK(inject_each(fill_index, NULL) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(objects_are_put_and_deleted_and_then_done),
		T(without_objects_the_sink_hears_that_it_is_done_once),
		T(the_same_object_elsewhere_or_with_other_details_is_no_news),
		T(a_wrong_object_or_file_keeps_what_was_put),
		T(of_the_same_object_in_two_files_the_one_in_force_stays),
		T(of_the_same_object_twice_in_a_file_the_first_is_in_force),
		cmocka_unit_test(every_lack_of_memory_leaves_the_index_as_it_was),
		T(of_thousands_of_files_only_the_one_that_changed_costs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
