// SPDX-License-Identifier: Apache-2.0
/*
 * agent/source: the manifests folder, watched on a real loop with real files below $TMPDIR. Waits
 * for what is to come, at most 10 s.
 */
#include "agent/source/manifests.h"

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/source/folder.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

#define NODE(name, n)                                                                   \
	"apiVersion: v1\nkind: Node\nmetadata: {name: " name "}\nspec: {podCIDR: 10." n \
	".0.0/16}\nstatus: {addresses: [{type: InternalIP, address: 192.0.2." n "}]}\n"

#define POD(name, ip) \
	"apiVersion: v1\nkind: Pod\nmetadata: {name: " name "}\nstatus: {podIP: " ip "}\n"
#define NAMESPACE(name) "apiVersion: v1\nkind: Namespace\nmetadata: {name: " name "}\n"
#define POLICY(name)                                                                    \
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " name \
	", namespace: a}\nspec: {podSelector: {}}\n"

/* The folder's parent, and the source on it. */
struct world {
	struct src_sink sink;
	char told[1024]; /* what the sink was told since somebody looked */
	char root[PATH_MAX];
	uv_loop_t loop;
	uv_timer_t limit;
	struct src_manifests *m;
	int changes;
	char names[256]; /* "n1 n2 " */
	char problems[1024];
	bool too_late;
};

static const char *below(const struct world *w, const char *path)
{
	static char text[4][2 * PATH_MAX];
	static int at;

	at = (at + 1) % 4;
	snprintf(text[at], sizeof(text[at]), "%s/%s", w->root, path);
	return text[at];
}

static void on_changed(const struct agent_cluster *nodes, void *arg)
{
	struct world *w = arg;
	size_t n = 0;

	w->changes++;
	CHECK(strcmp(w->told, "") != 0 || w->changes > 1);
	w->names[0] = '\0';
	for (size_t i = 0; i < nodes->n && n < sizeof(w->names) - 16; i++)
		n += (size_t)snprintf(w->names + n, sizeof(w->names) - n, "%s ",
				      nodes->nodes[i].name);
}

static void tell(struct world *w, const char *what, const char *ns, const char *name)
{
	size_t n = strlen(w->told);

	snprintf(w->told + n, sizeof(w->told) - n, "%s%s%s%s%s", what, *name ? " " : "", ns,
		 *ns ? "/" : "", name);
}

static void on_put(enum pol_kind kind, const struct fl_json *object, const char *where, void *arg)
{
	const struct fl_json *meta = fl_json_get(object, "metadata");
	const char *ns = fl_json_str(fl_json_get(meta, "namespace"));
	const char *ip = fl_json_str(fl_json_get(fl_json_get(object, "status"), "podIP"));

	CHECK(pol_kind_of(object) == kind);
	tell(arg, "put", ns ?: "", fl_json_str(fl_json_get(meta, "name")));
	tell(arg, "", ip ?: "", where);
	tell(arg, "; ", "", "");
}

static void on_del(enum pol_kind kind, const char *ns, const char *name, void *arg)
{
	CHECK((kind == POL_KIND_NAMESPACE) == (*ns == '\0'));
	tell(arg, "del", ns, name);
	tell(arg, "; ", "", "");
}

static void on_done(void *arg)
{
	tell(arg, "done", "", "");
	tell(arg, "; ", "", "");
}

static void add_problem(const char *where, const char *text, void *arg)
{
	struct world *w = arg;
	size_t n = strlen(w->problems), root = strlen(w->root);

	/* The folder's path is another in each test. */
	if (strncmp(where, w->root, root) == 0)
		where += root;
	snprintf(w->problems + n, sizeof(w->problems) - n, "%s: %s\n", where, text);
}

static const char *problems(struct world *w)
{
	w->problems[0] = '\0';
	src_manifests_problems(w->m, add_problem, w);
	return w->problems;
}

static void on_limit(uv_timer_t *timer)
{
	((struct world *)timer->data)->too_late = true;
	uv_stop(timer->loop);
}

static bool is_so(struct world *w, const char *names, const char *problem)
{
	bool fits = *problem ? strstr(problems(w), problem) != NULL : !*problems(w);

	return fits && w->changes > 0 && strcmp(w->names, names) == 0;
}

/* Turns the loop until these are the nodes, and the problems contain the text ("": none). */
static void wait_for(struct world *w, const char *names, const char *problem)
{
	w->too_late = false;
	/* The loop's idea of now is that of its last turn. */
	uv_update_time(&w->loop);
	uv_timer_start(&w->limit, on_limit, 10000, 0);
	while (!w->too_late && !is_so(w, names, problem))
		uv_run(&w->loop, UV_RUN_ONCE);
	uv_timer_stop(&w->limit);
	if (!is_so(w, names, problem))
		fail_msg("expected nodes '%s' and '%s', found '%s' and '%s'", names, problem,
			 w->names, problems(w));
}

/* Turns the loop for a while in which nothing is to happen. */
static void wait_quietly(struct world *w, unsigned int ms)
{
	w->too_late = false;
	uv_update_time(&w->loop);
	uv_timer_start(&w->limit, on_limit, ms, 0);
	while (!w->too_late)
		uv_run(&w->loop, UV_RUN_ONCE);
}

static void write_file(const struct world *w, const char *path, const char *text)
{
	struct fl_err err = { 0 };
	fl_auto_close int fd = -1;

	fd = open(below(w, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	CHECK(fd >= 0);
	CHECK_OK(fl_write_all(fd, text, strlen(text), &err), &err);
}

/* As a careful writer does it. */
static void replace_file(const struct world *w, const char *path, const char *text)
{
	write_file(w, "new", text);
	CHECK(rename(below(w, "new"), below(w, path)) == 0);
}

/* Turns the loop until the sink has been told this since the last time. */
static void wait_for_told(struct world *w, const char *told)
{
	w->too_late = false;
	uv_update_time(&w->loop);
	uv_timer_start(&w->limit, on_limit, 10000, 0);
	while (!w->too_late && !strstr(w->told, "done"))
		uv_run(&w->loop, UV_RUN_ONCE);
	uv_timer_stop(&w->limit);
	assert_string_equal(w->told, told);
	w->told[0] = '\0';
}

static void make_dir(const struct world *w, const char *path)
{
	CHECK(mkdir(below(w, path), 0755) == 0);
}

static void open_source(struct world *w, const char *folder)
{
	struct fl_err err = { 0 };

	CHECK_OK(src_manifests_open(&w->loop, below(w, folder), on_changed, w, &w->sink, &w->m,
				    &err),
		 &err);
}

static int make_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	snprintf(w->root, sizeof(w->root), "%s/fairlead-src.XXXXXX", getenv("TMPDIR") ?: "/tmp");
	if (!mkdtemp(w->root))
		return -1;
	make_dir(w, "m");
	w->sink = (struct src_sink){ on_put, on_del, on_done, w };
	uv_loop_init(&w->loop);
	uv_timer_init(&w->loop, &w->limit);
	w->limit.data = w;
	*state = w;
	return 0;
}

static int end_world(void **state)
{
	struct world *w = *state;
	char command[PATH_MAX + 16];

	src_manifests_close(&w->m);
	uv_close((uv_handle_t *)&w->limit, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	CHECK(uv_loop_close(&w->loop) == 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", w->root);
	CHECK(system(command) == 0);
	free(w);
	return 0;
}

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

	CHECK(rmdir(below(w, "m")) == 0);
	open_source(w, "m/x/y");
	wait_for(w, "", "/m/x/y: no such folder: waiting for it");
	make_dir(w, "m");
	make_dir(w, "m/x");
	make_dir(w, "m/x/y");
	write_file(w, "m/x/y/a.yaml", NODE("n1", "1"));
	wait_for(w, "n1 ", "");
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
	wait_for(w, "", "a.yaml:1: Pod default/p 'status.podIP': ");
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

#define T(test) cmocka_unit_test_setup_teardown(test, make_world, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_empty_folder_is_told_of_at_once),
		T(files_are_read_followed_and_forgotten),
		T(other_files_are_passed_over),
		T(a_broken_file_keeps_its_objects_and_is_complained_of_until_mended),
		T(what_is_no_file_is_complained_of),
		T(nodes_that_clash_are_complained_of_with_both_places),
		T(a_folder_that_comes_later_is_waited_for),
		T(a_folder_that_goes_takes_nothing_with_it_and_is_replaced),
		T(links_on_the_way_are_followed_when_they_are_switched),
		T(a_config_map_is_followed_when_its_data_is_switched),
		T(only_changed_files_are_read_again),
		T(two_changes_within_a_tick_are_both_seen),
		T(a_change_without_meaning_is_not_told),
		T(a_stream_of_changes_starves_nobody),
		T(a_kind_that_is_not_used_is_warned_of_once),
		T(objects_are_put_and_deleted_and_then_done),
		T(without_objects_the_sink_hears_that_it_is_done_once),
		T(the_same_object_elsewhere_or_with_other_details_is_no_news),
		T(a_wrong_object_or_file_keeps_what_was_put),
		T(of_the_same_object_in_two_files_the_one_in_force_stays),
		T(of_the_same_object_twice_in_a_file_the_first_is_in_force),
		T(of_thousands_of_files_only_the_one_that_changed_costs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
