// SPDX-License-Identifier: Apache-2.0
/* agent/source: what an agent that starts knows of manifests that are wrong by then. */
#include "agent/source/manifests.h"

#include "inject.h"
#include "src_world.h"

#include <errno.h>

#include "agent/source/kept.h"

#define WRONG "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n"

static const char broken[] = "a: [\n", wrong[] = WRONG;

/* As an agent that starts; the one before it has been killed. */
static void start(struct world *w)
{
	struct fl_err err = { 0 };

	src_manifests_close(&w->m);
	w->changes = 0;
	w->names[0] = w->told[0] = '\0';
	open_source(w, "m");
	CHECK_OK(src_manifests_keep(w->m, below(w, "kept/here"), &err), &err);
}

static bool is_kept(const struct world *w, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "kept/here/%s", name);
	return access(below(w, path), F_OK) == 0;
}

static void a_file_that_is_broken_says_what_it_said_to_the_agent_before(void **state)
{
	struct world *w = *state;

	write_file(w, "m/a.yaml", NODE("n1", "1") "---\n" POLICY("p"));
	start(w);
	wait_for(w, "n1 ", "");
	write_file(w, "m/a.yaml", broken);
	start(w);
	wait_for(w, "n1 ", "a.yaml:2:1: did not find expected node content");
	assert_string_equal(w->told, "put a/p a.yaml:7; done; ");
	/* And still the next time. */
	start(w);
	wait_for(w, "n1 ", "a.yaml:2:1: did not find");
	write_file(w, "m/a.yaml", NODE("n2", "2"));
	wait_for(w, "n2 ", "");
	write_file(w, "m/a.yaml", broken);
	start(w);
	wait_for(w, "n2 ", "a.yaml:2:1: did not find");
}

static void of_a_file_with_a_wrong_object_the_others_are_as_they_are_now(void **state)
{
	struct world *w = *state;

	write_file(w, "m/a.yaml", NODE("n1", "1") "---\n" NODE("n2", "2"));
	start(w);
	wait_for(w, "n1 n2 ", "");
	replace_file(w, "m/a.yaml", NODE("n3", "3"));
	wait_for(w, "n3 ", "");
	replace_file(w, "m/a.yaml", NODE("n1", "1"));
	wait_for(w, "n1 ", "");
	replace_file(w, "m/a.yaml", wrong);
	start(w);
	wait_for(w, "n1 ", "a.yaml:1: node 'n1': object 'status.addresses': no address");
}

static void while_an_object_is_wrong_what_the_others_say_is_kept(void **state)
{
	struct world *w = *state;

	write_file(w, "m/a.yaml", NODE("n1", "1") "---\n" NODE("n2", "2") "---\n" POLICY("p"));
	start(w);
	wait_for(w, "n1 n2 ", "");
	/* n1 stays as it was, n2 is another, and so is the policy's name. */
	replace_file(w, "m/a.yaml", WRONG "---\n" NODE("n3", "3") "---\n" POLICY("q"));
	wait_for(w, "n1 n3 ", "a.yaml:1: node 'n1': object 'status.addresses': no address");
	replace_file(w, "m/a.yaml", broken);
	start(w);
	wait_for(w, "n1 n3 ", "a.yaml:2:1: did not find");
	assert_string_equal(w->told, "put a/q a.yaml:4; done; ");
}

static void a_file_that_was_never_right_says_nothing(void **state)
{
	struct world *w = *state;

	write_file(w, "m/a.yaml", broken);
	start(w);
	wait_for(w, "", "a.yaml:2:1: did not find");
	CHECK(!is_kept(w, "a.yaml"));
	/* Nor one whose copy is none. */
	write_file(w, "kept/here/a.yaml", broken);
	start(w);
	wait_for(w, "", "a.yaml:2:1: did not find");
}

static void with_a_file_its_copy_goes(void **state)
{
	struct world *w = *state;

	write_file(w, "m/a.yaml", NODE("n1", "1"));
	write_file(w, "m/b.yaml", NODE("n2", "2"));
	start(w);
	wait_for(w, "n1 n2 ", "");
	CHECK(is_kept(w, "a.yaml") && is_kept(w, "b.yaml"));
	CHECK(unlink(below(w, "m/a.yaml")) == 0);
	wait_for(w, "n2 ", "");
	CHECK(!is_kept(w, "a.yaml") && is_kept(w, "b.yaml"));
	/* While no agent was there. */
	src_manifests_close(&w->m);
	CHECK(unlink(below(w, "m/b.yaml")) == 0);
	start(w);
	wait_for(w, "", "");
	CHECK(!is_kept(w, "b.yaml"));
	/* What comes again is new. */
	write_file(w, "m/b.yaml", broken);
	wait_for(w, "", "b.yaml:2:1: did not find");
}

static void a_folder_that_is_not_there_takes_no_copy_with_it(void **state)
{
	struct world *w = *state;

	write_file(w, "m/a.yaml", NODE("n1", "1"));
	start(w);
	wait_for(w, "n1 ", "");
	CHECK(rename(below(w, "m"), below(w, "away")) == 0);
	w->no_folder = true;
	start(w);
	wait_for(w, "", "no such folder: waiting for it");
	CHECK(is_kept(w, "a.yaml"));
	CHECK(unlink(below(w, "away/a.yaml")) == 0);
	write_file(w, "away/a.yaml", broken);
	CHECK(rename(below(w, "away"), below(w, "m")) == 0);
	wait_for(w, "n1 ", "a.yaml:2:1: did not find");
}

static void a_copy_that_cannot_be_written_is_no_trouble(void **state)
{
	struct world *w = *state;

	start(w);
	wait_for(w, "", "");
	CHECK(folder_remove(below(w, "kept")) == 0);
	write_file(w, "m/a.yaml", NODE("n1", "1"));
	wait_for(w, "n1 ", "");
	CHECK(!is_kept(w, "a.yaml"));
}

static void a_copy_that_the_disk_does_not_take_leaves_the_one_before(void **state)
{
	struct world *w = *state;

	write_file(w, "m/a.yaml", NODE("n1", "1"));
	start(w);
	wait_for(w, "n1 ", "");
	inject_no_sync(EIO);
	replace_file(w, "m/a.yaml", NODE("n2", "2"));
	wait_for(w, "n2 ", "");
	inject_no_sync(0);
	CHECK(!is_kept(w, ".new"));
	write_file(w, "m/a.yaml", broken);
	start(w);
	wait_for(w, "n1 ", "a.yaml:2:1: did not find");
}

static int read_copy(void *arg)
{
	struct world *w = arg;
	struct fl_err err;
	struct src_kept k = SRC_KEPT_NONE;
	fl_auto_free char *text = NULL;
	size_t len = 0;
	int r = src_kept_open(below(w, "kept/here"), &k, &err)
			?: src_kept_read(&k, "a.yaml", &text, &len, &err);

	src_kept_close(&k);
	return r;
}

static void for_want_of_memory_no_copy_is_taken_to_be_none(void **state)
{
	struct world *w = *state;

	write_file(w, "m/a.yaml", NODE("n1", "1"));
	start(w);
	wait_for(w, "n1 ", "");
	CHECK(inject_each(read_copy, w) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_file_that_is_broken_says_what_it_said_to_the_agent_before),
		T(of_a_file_with_a_wrong_object_the_others_are_as_they_are_now),
		T(while_an_object_is_wrong_what_the_others_say_is_kept),
		T(a_file_that_was_never_right_says_nothing),
		T(with_a_file_its_copy_goes),
		T(a_folder_that_is_not_there_takes_no_copy_with_it),
		T(a_copy_that_cannot_be_written_is_no_trouble),
		T(a_copy_that_the_disk_does_not_take_leaves_the_one_before),
		T(for_want_of_memory_no_copy_is_taken_to_be_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
