// SPDX-License-Identifier: Apache-2.0
/*
 * berth's driver against plugins that misbehave: shell scripts in a temporary folder. Needs no
 * root.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/deadline.h"
#include "base/text.h"
#include "folder.h"
#include "runtime/net_driver.h"
#include "runtime/net_exec.h"

static char folder[FOLDER_MAX], cache[FOLDER_MAX + 16], locks[FOLDER_MAX + 16];

static int make_folder(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN); /* as berth's main does */
	if (folder_make(folder, "driver") < 0)
		return -1;
	(void)snprintf(cache, sizeof(cache), "%s/results", folder);
	(void)snprintf(locks, sizeof(locks), "%s/locks", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	return folder_remove(folder);
}

static void plugin(const char *body)
{
	char path[FOLDER_MAX + 16];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/bad", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fprintf(f, "#!/bin/sh\n[ $CNI_COMMAND = DEL ] && exit 0\n%s\n", body);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

static int add(int timeout_ms, int keep_fd, struct fl_json **result, struct fl_err *err)
{
	static const char conf[] = "{\"name\":\"n\",\"cniVersion\":\"1.0.0\","
				   "\"plugins\":[{\"type\":\"bad\"}]}";
	const struct berth_driver d = { .cni_path = folder,
					.cache_dir = cache,
					.lock_dir = locks,
					.keep_fd = keep_fd,
					.timeout_ms = timeout_ms };
	const struct berth_rt rt = { .id = "c", .ifname = "eth0", .netns = "/nowhere" };
	berth_auto_list struct berth_list list = { 0 };

	CHECK_OK(berth_list_parse(conf, strlen(conf), &list, err), err);
	return berth_driver_add(&d, &list, &rt, result, err);
}

static void an_answer_that_is_no_result_is_an_error_that_names_the_plugin(void **state)
{
	static const struct {
		const char *body, *part;
		int sys;
	} t[] = {
		{ "exit 0", "success, but no result", EIO },
		{ "echo hello", "its result: line 1", EINVAL },
		{ "echo '{}{}'", "its result: line 1", EINVAL },
		{ "echo '[]'", "result", EINVAL },
		{ "echo '{\"cniVersion\":\"7.0.0\"}'", "7.0.0", EINVAL },
		{ "exit 3", "exit status 3 and no message", EIO },
		{ "echo oops; exit 1", "no JSON object: 'oops", EIO },
		{ "kill -SEGV $$", "killed by signal 11", EIO },
		{ "echo '{\"code\":7,\"msg\":\"m\",\"details\":\"d\"}'; exit 1", "code 7: m; d",
		  EIO },
		{ "yes 0123456789 | head -c 5000000", "more than", EFBIG },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_json struct fl_json *result = NULL;
		struct fl_err err = { 0 };

		plugin(t[i].body);
		CHECK_FAILS(add(0, 0, &result, &err), t[i].sys, &err, t[i].part);
		CHECK(strstr(err.text, "network 'n': plugin 'bad': ADD: "));
	}
}

static void a_plugin_that_hangs_is_killed_with_its_children_at_its_limit(void **state)
{
	fl_auto_json struct fl_json *result = NULL;
	struct fl_deadline d = fl_deadline_in(60000);
	fl_auto_close int lock = -1, own = -1;
	struct fl_err err = { 0 };

	(void)state;
	/* The lock that it and its children inherit tells whether any of them lives. */
	own = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(own > 2 && flock(own, LOCK_EX) == 0);
	plugin("sleep 300 & sleep 300");
	CHECK_FAILS(add(200, own, &result, &err), ETIMEDOUT, &err, "did not end in time");
	CHECK(fl_deadline_left(&d) > 0);
	fl_close_p(&own);
	lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fl_deadline_in(30000);
	CHECK_OK(fl_flock(lock, LOCK_EX, &d, &err), &err);
}

static void a_lock_given_to_a_plugin_is_held_until_the_plugin_ends(void **state)
{
	fl_auto_json struct fl_json *result = NULL;
	fl_auto_close int lock = -1, own = -1;
	struct fl_err err = { 0 };

	(void)state;
	own = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(own > 2 && flock(own, LOCK_EX) == 0);
	/* Something in the background of the plugin: it stands for one that berth left behind. */
	plugin("sleep 10 >/dev/null & echo '{}'");
	CHECK_OK(add(0, own, &result, &err), &err);
	assert_string_equal(fl_json_str(fl_json_get(result, "cniVersion")), "1.0.0");
	fl_close_p(&own);
	lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(flock(lock, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK);
}

static void *close_soon(void *fd)
{
	usleep(500000);
	fl_close_p(fd);
	return NULL;
}

static void a_file_that_is_being_written_is_tried_again_until_it_runs(void **state)
{
	fl_auto_json struct fl_json *result = NULL;
	fl_auto_close int writer = -1;
	struct fl_err err = { 0 };
	char path[FOLDER_MAX + 16], cmd[128];
	pthread_t thread;

	(void)state;
	/* A script can be executed while it is written to, so this one is a program. */
	(void)snprintf(cmd, sizeof(cmd), "cp /bin/true '%s/bad'", folder);
	assert_int_equal(system(cmd), 0);
	(void)snprintf(path, sizeof(path), "%s/bad", folder);
	writer = open(path, O_WRONLY | O_CLOEXEC);
	CHECK(writer >= 0);
	assert_int_equal(pthread_create(&thread, NULL, close_soon, &writer), 0);
	CHECK_FAILS(add(0, 0, &result, &err), EIO, &err, "success, but no result");
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void the_first_folder_of_the_path_that_has_a_regular_file_wins(void **state)
{
	char path[4 * FOLDER_MAX + 32], found[PATH_MAX] = "", cmd[256];
	struct fl_err err = { 0 };

	(void)state;
	(void)snprintf(cmd, sizeof(cmd), "cd '%s' && mkdir -p x/bad y z && : >y/bad && : >z/bad",
		       folder);
	assert_int_equal(system(cmd), 0);
	(void)snprintf(path, sizeof(path), ":%s/none:%s/x:%s/y:%s/z", folder, folder, folder,
		       folder);
	CHECK_OK(berth_plugin_find("bad", path, found, sizeof(found), &err), &err);
	(void)snprintf(cmd, sizeof(cmd), "%s/y/bad", folder);
	assert_string_equal(found, cmd);
	CHECK_FAILS(berth_plugin_find("none", path, found, sizeof(found), &err), ENOENT, &err,
		    "no plugin 'none'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_that_is_no_result_is_an_error_that_names_the_plugin),
		cmocka_unit_test(a_plugin_that_hangs_is_killed_with_its_children_at_its_limit),
		cmocka_unit_test(a_lock_given_to_a_plugin_is_held_until_the_plugin_ends),
		cmocka_unit_test(a_file_that_is_being_written_is_tried_again_until_it_runs),
		cmocka_unit_test(the_first_folder_of_the_path_that_has_a_regular_file_wins),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
