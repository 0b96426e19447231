// SPDX-License-Identifier: Apache-2.0
/*
 * The manifests folder, watched on a real loop with real files below $TMPDIR. Waits for what is to
 * come, at most 10 s.
 */
#pragma once

#include "agent/source/manifests.h"

#include "test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "folder.h"

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
	char root[FOLDER_MAX];
	uv_loop_t loop;
	uv_timer_t limit;
	struct src_manifests *m;
	int changes;
	char names[256]; /* "n1 n2 " */
	char problems[1024];
	uint64_t limit_ms; /* of the loop's time */
	bool too_late;
	bool no_folder; /* when the source was opened */
};

static inline const char *below(const struct world *w, const char *path)
{
	static char text[4][2 * PATH_MAX];
	static int at;

	at = (at + 1) % 4;
	snprintf(text[at], sizeof(text[at]), "%s/%s", w->root, path);
	return text[at];
}

static inline void on_changed(const struct agent_cluster *nodes, void *arg)
{
	struct world *w = arg;
	size_t n = 0;

	w->changes++;
	CHECK(strcmp(w->told, "") != 0 || w->changes > 1 || w->no_folder);
	w->names[0] = '\0';
	for (size_t i = 0; i < nodes->n && n < sizeof(w->names) - 16; i++)
		n += (size_t)snprintf(w->names + n, sizeof(w->names) - n, "%s ",
				      nodes->nodes[i].name);
}

static inline void tell(struct world *w, const char *what, const char *ns, const char *name)
{
	size_t n = strlen(w->told);

	snprintf(w->told + n, sizeof(w->told) - n, "%s%s%s%s%s", what, *name ? " " : "", ns,
		 *ns ? "/" : "", name);
}

static inline void on_put(enum pol_kind kind, const struct fl_json *object, const char *where,
			  void *arg)
{
	const struct fl_json *meta = fl_json_get(object, "metadata");
	const char *ns = fl_json_str(fl_json_get(meta, "namespace"));
	const char *ip = fl_json_str(fl_json_get(fl_json_get(object, "status"), "podIP"));

	CHECK(pol_kind_of(object) == kind);
	tell(arg, "put", ns ?: "", fl_json_str(fl_json_get(meta, "name")));
	tell(arg, "", ip ?: "", where);
	tell(arg, "; ", "", "");
}

static inline void on_del(enum pol_kind kind, const char *ns, const char *name, void *arg)
{
	CHECK((kind == POL_KIND_NAMESPACE) == (*ns == '\0'));
	tell(arg, "del", ns, name);
	tell(arg, "; ", "", "");
}

static inline void on_done(void *arg)
{
	tell(arg, "done", "", "");
	tell(arg, "; ", "", "");
}

static inline void on_lack(void *arg)
{
	tell(arg, "lack", "", "");
	tell(arg, "; ", "", "");
}

static inline void add_problem(const char *where, const char *text, void *arg)
{
	struct world *w = arg;
	size_t n = strlen(w->problems), root = strlen(w->root);

	/* The folder's path is another in each test. */
	if (strncmp(where, w->root, root) == 0)
		where += root;
	snprintf(w->problems + n, sizeof(w->problems) - n, "%s: %s\n", where, text);
}

static inline const char *problems(struct world *w)
{
	w->problems[0] = '\0';
	src_manifests_problems(w->m, add_problem, w);
	return w->problems;
}

/* A turn of the loop may end in waiting for events when what is waited for has come: it is woken.
 */
enum { TICK_MS = 2, LIMIT_MS = 30000 };

static inline void on_tick(uv_timer_t *timer)
{
	struct world *w = timer->data;

	w->too_late = uv_now(timer->loop) >= w->limit_ms;
}

/* Begins a wait of so many milliseconds at most. */
static inline void wait_begin(struct world *w, unsigned int ms)
{
	w->too_late = false;
	/* The loop's idea of now is that of its last turn. */
	uv_update_time(&w->loop);
	w->limit_ms = uv_now(&w->loop) + ms;
	uv_timer_start(&w->limit, on_tick, TICK_MS, TICK_MS);
}

static inline bool is_so(struct world *w, const char *names, const char *problem)
{
	bool fits = *problem ? strstr(problems(w), problem) != NULL : !*problems(w);

	return fits && w->changes > 0 && strcmp(w->names, names) == 0;
}

/* Turns the loop until these are the nodes, and the problems contain the text ("": none). */
static inline void wait_for(struct world *w, const char *names, const char *problem)
{
	wait_begin(w, LIMIT_MS);
	while (!w->too_late && !is_so(w, names, problem))
		uv_run(&w->loop, UV_RUN_ONCE);
	uv_timer_stop(&w->limit);
	if (!is_so(w, names, problem))
		fail_msg("expected nodes '%s' and '%s', found '%s' and '%s'", names, problem,
			 w->names, problems(w));
}

/* Turns the loop for a while in which nothing is to happen. */
static inline void wait_quietly(struct world *w, unsigned int ms)
{
	wait_begin(w, ms);
	while (!w->too_late)
		uv_run(&w->loop, UV_RUN_ONCE);
	uv_timer_stop(&w->limit);
}

static inline void write_file(const struct world *w, const char *path, const char *text)
{
	struct fl_err err = { 0 };
	fl_auto_close int fd = -1;

	fd = open(below(w, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	CHECK(fd >= 0);
	CHECK_OK(fl_write_all(fd, text, strlen(text), &err), &err);
}

/* As a careful writer does it. */
static inline void replace_file(const struct world *w, const char *path, const char *text)
{
	write_file(w, "new", text);
	CHECK(rename(below(w, "new"), below(w, path)) == 0);
}

/* Turns the loop until the sink has been told this since the last time. */
static inline void wait_for_told(struct world *w, const char *told)
{
	wait_begin(w, LIMIT_MS);
	while (!w->too_late && !strstr(w->told, "done"))
		uv_run(&w->loop, UV_RUN_ONCE);
	uv_timer_stop(&w->limit);
	assert_string_equal(w->told, told);
	w->told[0] = '\0';
}

static inline void make_dir(const struct world *w, const char *path)
{
	CHECK(mkdir(below(w, path), 0755) == 0);
}

static inline void open_source(struct world *w, const char *folder)
{
	struct fl_err err = { 0 };

	CHECK_OK(src_manifests_open(&w->loop, below(w, folder), on_changed, w, &w->sink, &w->m,
				    &err),
		 &err);
}

static inline int make_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (folder_make(w->root, "src") < 0)
		return -1;
	make_dir(w, "m");
	w->sink = (struct src_sink){ on_put, on_del, on_done, on_lack, w };
	uv_loop_init(&w->loop);
	uv_timer_init(&w->loop, &w->limit);
	w->limit.data = w;
	*state = w;
	return 0;
}

static inline int end_world(void **state)
{
	struct world *w = *state;

	src_manifests_close(&w->m);
	uv_close((uv_handle_t *)&w->limit, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	CHECK(uv_loop_close(&w->loop) == 0);
	CHECK(folder_remove(w->root) == 0);
	free(w);
	return 0;
}

#define T(test) cmocka_unit_test_setup_teardown(test, make_world, end_world)
