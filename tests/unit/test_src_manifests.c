// SPDX-License-Identifier: Apache-2.0
/* agent/source: the manifests folder, watched on a real loop with real files. */
#include "agent/source/manifests.h"

#include "few_files.h"
#include "inject.h"
#include "src_world.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/source/folder.h"
#include "base/log.h"
#include "base/text.h"

static void an_empty_folder_is_told_of_at_once(void **state)
{
	struct world *w = *state;

	open_source(w, "m");
	CHECK(w->changes == 0);
	wait_for(w, "", "");
	CHECK(w->changes == 1);
}

static void files_are_read_followed_and_forgotten(void **state)
{
	struct world *w = *state;

	write_file(w, "m/a.yaml", NODE("n1", "1") "---\n" NODE("n2", "2"));
	write_file(w, "m/b.json", "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[]}");
	open_source(w, "m");
	wait_for(w, "n1 n2 ", "");
	CHECK(src_manifests_stats(w->m).files == 2 && src_manifests_stats(w->m).objects == 2);
	replace_file(w, "m/c.yml", NODE("n3", "3"));
	wait_for(w, "n1 n2 n3 ", "");
	write_file(w, "m/a.yaml", NODE("n1", "1"));
	wait_for(w, "n1 n3 ", "");
	CHECK(unlink(below(w, "m/c.yml")) == 0);
	wait_for(w, "n1 ", "");
	CHECK(rename(below(w, "m/a.yaml"), below(w, "m/z.yaml")) == 0);
	wait_for(w, "n1 ", "");
	CHECK(rename(below(w, "m/z.yaml"), below(w, "away")) == 0);
	wait_for(w, "", "");
}

static void other_files_are_passed_over(void **state)
{
	static const char *const names[] = { "m/.hidden.yaml", "m/a.yaml~",  "m/#a.yaml#",
					     "m/.a.yaml.swp",  "m/4913",     "m/a.yaml.bak",
					     "m/yaml",	       "m/.#a.yaml", "m/a.yaml.tmp",
					     "m/a.YAML.orig" };
	struct world *w = *state;
	int changes;

	open_source(w, "m");
	wait_for(w, "", "");
	changes = w->changes;
	for (size_t i = 0; i < FL_ARRAY_LEN(names); i++)
		write_file(w, names[i], NODE("n1", "1"));
	wait_quietly(w, 150);
	CHECK(w->changes == changes && src_manifests_stats(w->m).reads == 0);
	CHECK(src_manifests_stats(w->m).files == 0);
}

static void a_broken_file_keeps_its_objects_and_is_complained_of_until_mended(void **state)
{
	struct world *w = *state;

	write_file(w, "m/a.yaml", NODE("n1", "1"));
	write_file(w, "m/b.yaml", NODE("n2", "2"));
	open_source(w, "m");
	wait_for(w, "n1 n2 ", "");
	replace_file(w, "m/a.yaml", "a: [\n");
	wait_for(w, "n1 n2 ", "a.yaml:2:1: did not find expected node content");
	CHECK(src_manifests_stats(w->m).broken_files == 1);
	CHECK(src_manifests_stats(w->m).failed_reads >= 1);
	/* Others go on, and the complaint stands. */
	replace_file(w, "m/c.yaml", NODE("n3", "3"));
	wait_for(w, "n1 n2 n3 ", "a.yaml:2:1: did not find");
	replace_file(w, "m/a.yaml", "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n");
	wait_for(w, "n1 n2 n3 ", "a.yaml:1: node 'n1': object 'status.addresses': no address");
	replace_file(w, "m/a.yaml", NODE("n4", "4"));
	wait_for(w, "n2 n3 n4 ", "");
	replace_file(w, "m/a.yaml", "a: [\n");
	wait_for(w, "n2 n3 n4 ", "a.yaml:2:1");
	CHECK(unlink(below(w, "m/a.yaml")) == 0);
	wait_for(w, "n2 n3 ", "");
}

static void a_file_that_cannot_be_looked_at_has_not_gone(void **state)
{
	struct world *w = *state;

	write_file(w, "m/a.yaml", NODE("n1", "1"));
	open_source(w, "m");
	wait_for(w, "n1 ", "");
	inject_no_stat(EIO);
	src_manifests_reload(w->m);
	inject_no_stat(0);
	wait_for(w, "n1 ", "a.yaml: look at 'a.yaml': Input/output error");
	src_manifests_reload(w->m);
	wait_for(w, "n1 ", "");
}

static void what_is_no_file_is_complained_of(void **state)
{
	struct world *w = *state;
	fl_auto_close int fd = -1;

	make_dir(w, "m/dir.yaml");
	CHECK(symlink("nowhere", below(w, "m/link.yaml")) == 0);
	CHECK(mkfifo(below(w, "m/pipe.yaml"), 0644) == 0);
	write_file(w, "m/big.yaml", "");
	CHECK(truncate(below(w, "m/big.yaml"), (16 << 20) + 1) == 0);
	write_file(w, "m/n1.yaml", NODE("n1", "1"));
	open_source(w, "m");
	wait_for(w, "n1 ", "dir.yaml: 'dir.yaml' is a folder, expected a file\n");
	wait_for(w, "n1 ", "link.yaml: open 'link.yaml': the link leads nowhere\n");
	wait_for(w, "n1 ", "pipe.yaml: 'pipe.yaml' is no regular file, expected a file\n");
	wait_for(w, "n1 ", "big.yaml: 'big.yaml' has 16777217 bytes, expected at most 16777216\n");
	CHECK(src_manifests_stats(w->m).broken_files == 4);
	CHECK(rmdir(below(w, "m/dir.yaml")) == 0 && unlink(below(w, "m/link.yaml")) == 0);
	CHECK(unlink(below(w, "m/pipe.yaml")) == 0 && unlink(below(w, "m/big.yaml")) == 0);
	wait_for(w, "n1 ", "");
}

static void nodes_that_clash_are_complained_of_with_both_places(void **state)
{
	struct world *w = *state;

	write_file(w, "m/a.yaml", NODE("n1", "1"));
	open_source(w, "m");
	wait_for(w, "n1 ", "");
	replace_file(w, "m/0.yaml", NODE("n0", "1"));
	wait_for(w, "n1 ",
		 "0.yaml:1: node 'n0': block '10.1.0.0/16' clashes with block "
		 "'10.1.0.0/16' of node 'n1' in a.yaml:1");
	CHECK(unlink(below(w, "m/a.yaml")) == 0);
	wait_for(w, "n0 ", "");
}

static void a_folder_that_comes_later_is_waited_for(void **state)
{
	struct world *w = *state;
	struct fl_err err = { 0 };

	CHECK(rmdir(below(w, "m")) == 0);
	w->no_folder = true;
	open_source(w, "m/x/y");
	wait_for(w, "", "/m/x/y: no such folder: waiting for it");
	/* Nobody says that there are no policies. */
	src_manifests_reload(w->m);
	CHECK_OK(src_manifests_retell(w->m, &err), &err);
	assert_string_equal(w->told, "");
	make_dir(w, "m");
	make_dir(w, "m/x");
	make_dir(w, "m/x/y");
	wait_for_told(w, "done; ");
	write_file(w, "m/x/y/a.yaml", NODE("n1", "1"));
	wait_for(w, "n1 ", "");
}

/* For none, and for that of the folder. */
static void what_there_is_no_descriptor_for_is_read_later_and_no_fault_of_it(void **state)
{
	struct world *w = *state;

	write_file(w, "m/a.yaml", NODE("n1", "1") "---\n" NAMESPACE("a"));
	for (rlim_t more = 0; more < 2; more++) {
		w->changes = 0;
		open_source(w, "m");
		allow_files(more);
		wait_quietly(w, 150);
		allow_files(RLIM_INFINITY);
		CHECK(w->changes == 0);
		assert_string_equal(w->told, "");
		assert_string_equal(problems(w), "");
		wait_for_told(w, "put a a.yaml:7; done; ");
		wait_for(w, "n1 ", "");
		src_manifests_close(&w->m);
	}
}

static void a_folder_that_goes_takes_nothing_with_it_and_is_replaced(void **state)
{
	struct world *w = *state;

	write_file(w, "m/a.yaml", NODE("n1", "1"));
	open_source(w, "m");
	wait_for(w, "n1 ", "");
	CHECK(rename(below(w, "m"), below(w, "old")) == 0);
	wait_for(w, "n1 ", "/m: no such folder: waiting for it");
	make_dir(w, "next");
	write_file(w, "next/b.yaml", NODE("n2", "2"));
	CHECK(rename(below(w, "next"), below(w, "m")) == 0);
	wait_for(w, "n2 ", "");
	write_file(w, "m/c.yaml", NODE("n3", "3"));
	wait_for(w, "n2 n3 ", "");
	/* The old one is nobody's business any more. */
	write_file(w, "old/d.yaml", NODE("n4", "4"));
	wait_quietly(w, 100);
	CHECK(strcmp(w->names, "n2 n3 ") == 0);
}

static void links_on_the_way_are_followed_when_they_are_switched(void **state)
{
	struct world *w = *state;

	make_dir(w, "v1");
	make_dir(w, "v2");
	write_file(w, "v1/a.yaml", NODE("n1", "1"));
	write_file(w, "v2/a.yaml", NODE("n2", "2"));
	CHECK(symlink("v1", below(w, "current")) == 0);
	CHECK(symlink(below(w, "current"), below(w, "link")) == 0);
	open_source(w, "link");
	wait_for(w, "n1 ", "");
	CHECK(symlink("v2", below(w, "next")) == 0);
	CHECK(rename(below(w, "next"), below(w, "current")) == 0);
	wait_for(w, "n2 ", "");
	write_file(w, "v2/b.yaml", NODE("n3", "3"));
	wait_for(w, "n2 n3 ", "");
}

/* a.yaml -> ..data/a.yaml, ..data -> ..1: as kubelet mounts a ConfigMap and switches it over. */
static void a_config_map_is_followed_when_its_data_is_switched(void **state)
{
	struct world *w = *state;

	make_dir(w, "m/..1");
	write_file(w, "m/..1/a.yaml", NODE("n1", "1"));
	CHECK(symlink("..1", below(w, "m/..data")) == 0);
	CHECK(symlink("..data/a.yaml", below(w, "m/a.yaml")) == 0);
	open_source(w, "m");
	wait_for(w, "n1 ", "");
	make_dir(w, "m/..2");
	write_file(w, "m/..2/a.yaml", NODE("n2", "2"));
	CHECK(symlink("..2", below(w, "m/..data_tmp")) == 0);
	CHECK(rename(below(w, "m/..data_tmp"), below(w, "m/..data")) == 0);
	wait_for(w, "n2 ", "");
}

static void only_changed_files_are_read_again(void **state)
{
	struct world *w = *state;
	uint64_t reads;

	for (int i = 0; i < 20; i++) {
		char path[32];

		snprintf(path, sizeof(path), "m/%d.yaml", i);
		write_file(w, path, "");
	}
	/* Older than the clock's tick, so that equal times mean equal files. */
	usleep(50000);
	open_source(w, "m");
	wait_for(w, "", "");
	reads = src_manifests_stats(w->m).reads;
	CHECK(reads == 20);
	replace_file(w, "m/7.yaml", NODE("n7", "7"));
	wait_for(w, "n7 ", "");
	CHECK(src_manifests_stats(w->m).reads - reads == 1);
	src_manifests_reload(w->m);
	CHECK(src_manifests_stats(w->m).reads - reads >= 21);
}

/* Same size, and maybe the same times: the second must not be taken for the first. */
static void two_changes_within_a_tick_are_both_seen(void **state)
{
	struct world *w = *state;

	write_file(w, "m/a.yaml", NODE("n1", "1"));
	open_source(w, "m");
	wait_for(w, "n1 ", "");
	for (int i = 0; i < 10; i++) {
		write_file(w, "m/a.yaml", NODE("n2", "2"));
		wait_for(w, "n2 ", "");
		write_file(w, "m/a.yaml", NODE("n1", "1"));
		wait_for(w, "n1 ", "");
	}
}

static void a_change_without_meaning_is_not_told(void **state)
{
	struct world *w = *state;
	int changes;
	uint64_t reads;

	write_file(w, "m/a.yaml", NODE("n1", "1"));
	open_source(w, "m");
	wait_for(w, "n1 ", "");
	changes = w->changes;
	reads = src_manifests_stats(w->m).reads;
	replace_file(w, "m/a.yaml", NODE("n1", "1") "# a comment\n");
	for (int i = 0; i < 100 && src_manifests_stats(w->m).reads == reads; i++)
		wait_quietly(w, 150);
	CHECK(w->changes == changes && src_manifests_stats(w->m).reads > reads);
	src_manifests_reload(w->m);
	CHECK(w->changes == changes + 1);
}

static void a_stream_of_changes_starves_nobody(void **state)
{
	struct world *w = *state;

	open_source(w, "m");
	wait_for(w, "", "");
	write_file(w, "m/a.yaml", NODE("n1", "1"));
	/* A change every few milliseconds, for as long as it takes: the quiet never comes. */
	for (int i = 0; i < 1000 && !*w->names; i++) {
		write_file(w, "m/noise.yaml", i % 2 ? "a: 1\n" : "");
		usleep(3000);
		uv_run(&w->loop, UV_RUN_NOWAIT);
	}
	CHECK(strcmp(w->names, "n1 ") == 0);
}

static void a_kind_that_is_not_used_is_warned_of_once(void **state)
{
	struct world *w = *state;
	char path[2 * PATH_MAX];
	fl_auto_close int fd = -1;
	fl_auto_free char *text = NULL;
	size_t len = 0;
	struct fl_err err = { 0 };

	snprintf(path, sizeof(path), "%s/log", w->root);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	fl_log_setup(FL_LOG_WARN, FL_LOG_TEXT, fd);
	write_file(w, "m/a.yaml",
		   "apiVersion: apps/v1\nkind: Deployment\n---\n"
		   "apiVersion: apps/v1\nkind: Deployment\n");
	write_file(w, "m/b.yaml",
		   "apiVersion: apps/v1\nkind: Deployment\n---\n"
		   "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n");
	open_source(w, "m");
	wait_for(w, "", "");
	src_manifests_reload(w->m);
	fl_log_setup(FL_LOG_WARN, FL_LOG_TEXT, 2);
	CHECK_OK(fl_read_file(AT_FDCWD, path, 4096, &text, &len, &err), &err);
	assert_string_equal(text,
			    "warning: a.yaml:1: objects of kind 'Deployment' in 'apps/v1' are "
			    "not used\n");
	CHECK(src_manifests_stats(w->m).ignored_objects == 6);
}

/* Counts the loop's turns, and in which of them the sink is told what. */
struct turns {
	uv_prepare_t prepare;
	unsigned int turn, read, put, done;
	struct world *w;
};

static void on_turn(uv_prepare_t *prepare)
{
	struct turns *t = prepare->data;

	t->turn++;
	if (!t->read && src_manifests_stats(t->w->m).reads > 0)
		t->read = t->turn;
	if (!t->put && strstr(t->w->told, "put"))
		t->put = t->turn;
	if (!t->done && strstr(t->w->told, "done"))
		t->done = t->turn;
}

/* A source, and a file with a namespace and so many bytes, which it is yet to see. */
static void put_bytes(struct world *w, size_t bytes)
{
	fl_auto_free char *text = malloc(bytes + 100);
	int n;

	assert_non_null(text);
	n = sprintf(text, NAMESPACE("a") "# ");
	memset(text + n, 'x', bytes);
	strcpy(text + n + bytes, "\n");
	open_source(w, "m");
	wait_for_told(w, "done; ");
	replace_file(w, "m/a.yaml", text);
}

/* In which turns what becomes of it. */
static void count_turns(struct world *w, struct turns *t)
{
	*t = (struct turns){ .w = w };
	CHECK(uv_prepare_init(&w->loop, &t->prepare) == 0);
	t->prepare.data = t;
	CHECK(uv_prepare_start(&t->prepare, on_turn) == 0);
	wait_begin(w, LIMIT_MS);
	while (!w->too_late && !t->done)
		uv_run(&w->loop, UV_RUN_ONCE);
	uv_timer_stop(&w->limit);
	uv_close((uv_handle_t *)&t->prepare, NULL);
	uv_run(&w->loop, UV_RUN_NOWAIT);
	assert_string_equal(w->told, "put a a.yaml:1; done; ");
}

static void a_small_change_is_read_and_in_force_in_one_turn(void **state)
{
	struct turns t;

	put_bytes(*state, 1000);
	count_turns(*state, &t);
	CHECK(t.read == t.put && t.put == t.done);
}

static void between_the_steps_of_a_large_change_it_is_others_turn(void **state)
{
	struct turns t;

	put_bytes(*state, 300000);
	count_turns(*state, &t);
	CHECK(t.read < t.put && t.put < t.done);
}

static void a_large_change_that_is_under_way_is_told_at_once_when_asked_for_and_only_once(
	void **state)
{
	struct world *w = *state;

	put_bytes(w, 300000);
	wait_begin(w, LIMIT_MS);
	while (!w->too_late && src_manifests_stats(w->m).reads == 0)
		uv_run(&w->loop, UV_RUN_ONCE);
	uv_timer_stop(&w->limit);
	assert_string_equal(w->told, "");
	src_manifests_reload(w->m);
	assert_string_equal(w->told, "put a a.yaml:1; done; ");
	wait_quietly(w, 60);
	assert_string_equal(w->told, "put a a.yaml:1; done; ");
}

static void read_once_more(struct world *w)
{
	uint64_t reads = src_manifests_stats(w->m).reads;

	wait_begin(w, LIMIT_MS);
	while (!w->too_late && src_manifests_stats(w->m).reads == reads)
		uv_run(&w->loop, UV_RUN_ONCE);
	uv_timer_stop(&w->limit);
}

static void large_changes_that_come_before_the_turn_of_the_last_are_told(void **state)
{
	struct world *w = *state;
	fl_auto_free char *text = NULL;
	struct fl_err err = { 0 };
	size_t len = 0;

	put_bytes(w, 300000);
	read_once_more(w);
	CHECK_OK(fl_read_file(AT_FDCWD, below(w, "m/a.yaml"), 1 << 20, &text, &len, &err), &err);
	text[len - 2] ^= 1; /* another comment */
	replace_file(w, "m/a.yaml", text);
	read_once_more(w);
	assert_string_equal(w->told, "put a a.yaml:1; done; ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_empty_folder_is_told_of_at_once),
		T(files_are_read_followed_and_forgotten),
		T(other_files_are_passed_over),
		T(a_broken_file_keeps_its_objects_and_is_complained_of_until_mended),
		T(a_file_that_cannot_be_looked_at_has_not_gone),
		T(what_is_no_file_is_complained_of),
		T(nodes_that_clash_are_complained_of_with_both_places),
		T(a_folder_that_comes_later_is_waited_for),
		T(what_there_is_no_descriptor_for_is_read_later_and_no_fault_of_it),
		T(a_folder_that_goes_takes_nothing_with_it_and_is_replaced),
		T(links_on_the_way_are_followed_when_they_are_switched),
		T(a_config_map_is_followed_when_its_data_is_switched),
		T(only_changed_files_are_read_again),
		T(two_changes_within_a_tick_are_both_seen),
		T(a_change_without_meaning_is_not_told),
		T(a_stream_of_changes_starves_nobody),
		T(a_kind_that_is_not_used_is_warned_of_once),
		T(a_small_change_is_read_and_in_force_in_one_turn),
		T(between_the_steps_of_a_large_change_it_is_others_turn),
		T(a_large_change_that_is_under_way_is_told_at_once_when_asked_for_and_only_once),
		T(large_changes_that_come_before_the_turn_of_the_last_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
