// SPDX-License-Identifier: Apache-2.0
/*
 * Delegation: foreign plugins are small shell scripts in a temporary directory. Each script
 * writes the verb it was called with to the file "log" beside it.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/text.h"
#include "cni/delegate.h"

static char dir[64];   /* scripts */
static char path[160]; /* CNI_PATH: an empty directory, nothing, one that is not there, dir */
static const char conf[] = "{\"cniVersion\":\"1.0.0\",\"name\":\"pods\"}";

static struct fl_cni_req request(void)
{
	return (struct fl_cni_req){ .verb = FL_CNI_ADD,
				    .version = FL_CNI_V1_0_0,
				    .answer = FL_CNI_V1_0_0,
				    .netns_fd = -1,
				    .path = path,
				    .stdin_text = conf,
				    .stdin_len = strlen(conf),
				    .deadline = fl_deadline_in(10000) };
}

static char *in_dir(const char *name)
{
	static char full[128];

	(void)snprintf(full, sizeof(full), "%s/%s", dir, name);
	return full;
}

/* An executable script that logs its verb and then does what body says. */
static void script(const char *name, const char *body)
{
	char text[1024];
	int n = snprintf(text, sizeof(text),
			 "#!/bin/sh\ncd '%s' || exit\necho $CNI_COMMAND >>log\n%s\n", dir, body);
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	CHECK(fd >= 0 && write(fd, text, (size_t)n) == n);
	close(fd);
}

/* What the file has, without its last newline; "" when there is none. */
static const char *content(const char *name)
{
	static char text[65536];
	struct fl_err ignored;

	if (fl_read_small(AT_FDCWD, in_dir(name), text, sizeof(text), &ignored) < 0)
		text[0] = '\0';
	return text;
}

static int clean(void **state)
{
	char command[256];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf '%s' && mkdir -p '%s/empty'", dir, dir);
	return system(command);
}

static int make_dir(void **state)
{
	(void)state;
	(void)strcpy(dir, "/tmp/test_cni_delegate.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/empty::/nonexistent:%s", dir, dir);
	setenv("CNI_COMMAND", "ADD", 1);
	setenv("CNI_CONTAINERID", "a", 1);
	signal(SIGPIPE, SIG_IGN); /* as the skeleton has it */
	return 0;
}

static int remove_dir(void **state)
{
	char command[256];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static void a_foreign_add_gets_stdin_and_environment_and_its_result_is_read(void **state)
{
	const struct fl_cni_req req = request();
	fl_auto_json struct fl_json *result = NULL;
	struct fl_err err = { 0 };

	(void)state;
	script("ipam", "cat >stdin; echo \"$CNI_CONTAINERID\" >id\n"
		       "echo '{\"cniVersion\":\"1.0.0\",\"x\":1}'");
	CHECK_OK(fl_cni_delegate_add(&req, "ipam", &result, &err), &err);
	assert_int_equal(fl_json_int(fl_json_get(result, "x")), 1);
	assert_string_equal(content("stdin"), conf);
	assert_string_equal(content("id"), "a");
	assert_string_equal(content("log"), "ADD");
}

static void a_plugin_may_hand_over_a_document_of_its_own(void **state)
{
	const struct fl_cni_req req = request();
	fl_auto_json struct fl_json *doc = fl_json_object();
	fl_auto_free char *text = NULL;
	struct fl_err err = { 0 };
	struct fl_cni_req theirs;

	(void)state;
	script("ipam", "cat >stdin");
	CHECK(fl_json_set_str(doc, "name", "other") == 0);
	CHECK_OK(fl_cni_delegate_conf(&req, doc, &theirs, &text, &err), &err);
	CHECK_OK(fl_cni_delegate_call(&theirs, FL_CNI_CHECK, "ipam", &err), &err);
	assert_string_equal(content("stdin"), "{\"name\":\"other\"}");
	assert_string_equal(content("log"), "CHECK");
	assert_ptr_equal(theirs.conf.v, doc); /* what one of ours is called with */
	assert_string_equal(req.stdin_text, conf);
}

static void each_verb_is_what_the_delegate_is_told(void **state)
{
	static const enum fl_cni_verb verbs[] = { FL_CNI_DEL, FL_CNI_CHECK, FL_CNI_GC,
						  FL_CNI_STATUS };
	const struct fl_cni_req req = request();
	struct fl_err err = { 0 };

	(void)state;
	script("ipam", "echo anything");
	for (size_t i = 0; i < FL_ARRAY_LEN(verbs); i++)
		CHECK_OK(fl_cni_delegate_call(&req, verbs[i], "ipam", &err), &err);
	assert_string_equal(content("log"), "DEL\nCHECK\nGC\nSTATUS");
}

static void the_first_file_of_that_name_in_cni_path_is_taken(void **state)
{
	struct fl_cni_req req = request();
	struct fl_err err = { 0 };
	char both[160];

	(void)state;
	script("ipam", "echo outer >which");
	script("empty/ipam", "echo inner >which");
	CHECK_OK(fl_cni_delegate_call(&req, FL_CNI_DEL, "ipam", &err), &err);
	assert_string_equal(content("which"), "inner");
	(void)snprintf(both, sizeof(both), "%s:%s/empty", dir, dir);
	req.path = both;
	CHECK_OK(fl_cni_delegate_call(&req, FL_CNI_DEL, "ipam", &err), &err);
	assert_string_equal(content("which"), "outer");
}

static void a_delegate_that_cannot_be_found_is_named_with_the_path(void **state)
{
	struct fl_cni_req req = request();
	struct fl_json *result = NULL;
	struct fl_err err = { 0 };

	(void)state;
	CHECK_FAILS(fl_cni_delegate_add(&req, "nosuch", &result, &err), ENOENT, &err,
		    "find plugin 'nosuch': not in CNI_PATH '");
	CHECK(strstr(err.text, dir));
	assert_int_equal(err.code, FL_CNI_CONFIG);
	CHECK_FAILS(fl_cni_delegate_call(&req, FL_CNI_DEL, "empty", &err), ENOENT, &err, "'empty'");
	req.path = NULL;
	CHECK_FAILS(fl_cni_delegate_add(&req, "nosuch", &result, &err), EINVAL, &err,
		    "required env variables [CNI_PATH] missing");
	assert_int_equal(err.code, FL_CNI_ENV);
}

static void a_type_with_a_path_in_it_is_never_run(void **state)
{
	static const char *const types[] = { "../ipam", "empty/../ipam", "/bin/sh", "..", ".", "" };
	const struct fl_cni_req req = request();

	(void)state;
	script("ipam", "");
	for (size_t i = 0; i < FL_ARRAY_LEN(types); i++) {
		struct fl_json *result = NULL;
		struct fl_err err = { 0 };

		CHECK_FAILS(fl_cni_delegate_add(&req, types[i], &result, &err), EINVAL, &err,
			    "plugin type");
		assert_int_equal(err.code, FL_CNI_CONFIG);
	}
	assert_string_equal(content("log"), "");
}

static void a_file_that_cannot_be_executed_is_named_and_not_deleted_after(void **state)
{
	const struct fl_cni_req req = request();
	struct fl_json *result = NULL;
	struct fl_err err = { 0 };

	(void)state;
	script("ipam", "");
	chmod(in_dir("ipam"), 0644);
	CHECK_FAILS(fl_cni_delegate_add(&req, "ipam", &result, &err), EACCES, &err, "execute '");
	assert_string_equal(content("log"), "");
}

static void a_failing_add_keeps_code_and_words_and_is_followed_by_del(void **state)
{
	static const struct {
		const char *body, *part;
		int sys, code;
	} t[] = {
		{ "echo '{\"code\":11,\"msg\":\"m\",\"details\":\"d\"}'; exit 1",
		  "plugin 'ipam': m: d", EREMOTEIO, 11 },
		{ "echo '{\"code\":101,\"msg\":\"m\"}'; exit 3", "plugin 'ipam': m", EREMOTEIO,
		  101 },
		{ "echo '{\"msg\":\"m\"}'; exit 1", "plugin 'ipam': m", EREMOTEIO, 999 },
		{ "echo '{\"code\":-1,\"details\":\"d\"}'; exit 1", "plugin 'ipam': d", EREMOTEIO,
		  999 },
		{ "exit 7", "plugin 'ipam': exit status 7 and no answer", EREMOTEIO, 999 },
		{ "echo oops; exit 1", "the answer is no CNI error: 'oops", EREMOTEIO, 999 },
		{ "echo '{}'; exit 1", "the answer is no CNI error: '{}", EREMOTEIO, 999 },
		{ "kill -9 $$", "plugin 'ipam': killed by signal 9", EREMOTEIO, 999 },
		{ "", "plugin 'ipam': no answer, expected a result", EINVAL, 6 },
		{ "echo oops", "plugin 'ipam': answer 'oops", EINVAL, 6 },
		{ "echo '[]'", "expected an object", EINVAL, 6 },
		{ "echo '{} {}'", "plugin 'ipam': answer '{} {}", EINVAL, 6 },
	};
	const struct fl_cni_req req = request();

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct fl_json *result = NULL;
		struct fl_err err = { 0 };

		clean(NULL);
		script("ipam", t[i].body);
		CHECK_FAILS(fl_cni_delegate_add(&req, "ipam", &result, &err), t[i].sys, &err,
			    t[i].part);
		if (err.code != t[i].code)
			fail_msg("'%s': code %d", t[i].body, err.code);
		assert_null(result);
		assert_string_equal(content("log"), "ADD\nDEL");
	}
}

static void a_failing_del_keeps_its_code_and_is_not_repeated(void **state)
{
	const struct fl_cni_req req = request();
	struct fl_err err = { 0 };

	(void)state;
	script("ipam", "echo '{\"code\":7,\"msg\":\"m\",\"details\":\"d\"}'; exit 1");
	CHECK_FAILS(fl_cni_delegate_call(&req, FL_CNI_DEL, "ipam", &err), EREMOTEIO, &err, "m: d");
	assert_int_equal(err.code, FL_CNI_CONFIG);
	assert_string_equal(content("log"), "DEL");
}

/* Milliseconds since then. */
static int64_t since(int64_t then)
{
	return fl_deadline_in(0).at_ms - then;
}

/* Dead may also mean a zombie: who reaps an orphan, and when, is the machine's matter. */
static bool runs(pid_t pid)
{
	char name[32], text[256];
	struct fl_err ignored;

	(void)snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	return fl_read_small(AT_FDCWD, name, text, sizeof(text), &ignored) == 0 &&
	       !strstr(text, ") Z ");
}

static void a_hanging_add_is_killed_with_its_children_and_gets_time_for_a_del(void **state)
{
	struct fl_cni_req req = request();
	struct fl_json *result = NULL;
	struct fl_err err = { 0 };
	int64_t start = fl_deadline_in(0).at_ms;
	pid_t left;

	(void)state;
	script("ipam", "[ $CNI_COMMAND = ADD ] || exit 0\nsleep 30 &\necho $! >pid\nwait");
	req.deadline = fl_deadline_in(1500);
	CHECK_FAILS(fl_cni_delegate_add(&req, "ipam", &result, &err), ETIMEDOUT, &err,
		    "ADD did not end in time, killed");
	CHECK(since(start) >= 1500 && since(start) < 25000);
	assert_string_equal(content("log"), "ADD\nDEL");
	left = atoi(content("pid"));
	CHECK(left > 0);
	for (int i = 0; i < 1000 && runs(left); i++)
		usleep(20000);
	CHECK(!runs(left));
}

static void a_delegate_that_closes_stdout_and_stays_is_killed_too(void **state)
{
	struct fl_cni_req req = request();
	struct fl_err err = { 0 };

	(void)state;
	script("ipam", "exec >&- <&-; exec sleep 30");
	req.deadline = fl_deadline_in(200);
	CHECK_FAILS(fl_cni_delegate_call(&req, FL_CNI_CHECK, "ipam", &err), ETIMEDOUT, &err,
		    "CHECK did not end in time");
}

static void what_a_delegate_leaves_running_is_not_waited_for(void **state)
{
	const struct fl_cni_req req = request();
	fl_auto_json struct fl_json *result = NULL;
	struct fl_err err = { 0 };
	int64_t start = fl_deadline_in(0).at_ms;

	(void)state;
	script("ipam", "sleep 20 & echo '{\"x\":2}'");
	CHECK_OK(fl_cni_delegate_add(&req, "ipam", &result, &err), &err);
	assert_int_equal(fl_json_int(fl_json_get(result, "x")), 2);
	CHECK(since(start) < 15000);
}

static void large_documents_pass_both_ways_at_once(void **state)
{
	const size_t len = 1 << 20;
	fl_auto_free char *text = malloc(len + 1);
	struct fl_cni_req req = request();
	fl_auto_json struct fl_json *result = NULL;
	struct fl_err err = { 0 };

	(void)state;
	CHECK(text);
	memset(text, ' ', len);
	memcpy(text, "{\"x\":3", 6);
	text[len - 1] = '}';
	text[len] = '\0';
	req.stdin_text = text;
	req.stdin_len = len;
	script("ipam", "exec cat");
	CHECK_OK(fl_cni_delegate_add(&req, "ipam", &result, &err), &err);
	assert_int_equal(fl_json_int(fl_json_get(result, "x")), 3);
}

static void a_delegate_need_not_read_its_stdin(void **state)
{
	const size_t len = 1 << 20;
	fl_auto_free char *text = calloc(1, len + 1);
	struct fl_cni_req req = request();
	struct fl_err err = { 0 };

	(void)state;
	CHECK(text);
	memset(text, ' ', len);
	req.stdin_text = text;
	req.stdin_len = len;
	script("ipam", "exit 0");
	CHECK_OK(fl_cni_delegate_call(&req, FL_CNI_DEL, "ipam", &err), &err);
	script("ipam", "exec <&-; sleep 0.1; exit 0");
	CHECK_OK(fl_cni_delegate_call(&req, FL_CNI_DEL, "ipam", &err), &err);
}

static void an_endless_answer_is_cut_off(void **state)
{
	const struct fl_cni_req req = request();
	struct fl_err err = { 0 };

	(void)state;
	script("ipam", "exec yes");
	CHECK_FAILS(fl_cni_delegate_call(&req, FL_CNI_GC, "ipam", &err), EFBIG, &err,
		    "answers more than 4194304 bytes");
}

static void an_ignored_sigchld_does_not_hide_the_exit_status(void **state)
{
	const struct fl_cni_req req = request();
	struct fl_err err = { 0 };

	(void)state;
	script("ipam", "exit 5");
	signal(SIGCHLD, SIG_IGN);
	CHECK_FAILS(fl_cni_delegate_call(&req, FL_CNI_DEL, "ipam", &err), EREMOTEIO, &err,
		    "exit status 5");
	signal(SIGCHLD, SIG_DFL);
}

static char seen[256]; /* what the builtin was called for */

static int note(const struct fl_cni_req *req)
{
	(void)snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s ",
		       fl_cni_verb_text(req->verb));
	return 0;
}

static int own_add(const struct fl_cni_req *req, struct fl_json **result, struct fl_err *err)
{
	(void)err;
	*result = fl_json_object();
	return note(req);
}

static int own_verb(const struct fl_cni_req *req, struct fl_err *err)
{
	(void)err;
	return note(req);
}

static int own_del(const struct fl_cni_req *req, struct fl_err *err)
{
	/* The undo of an ADD has time even when the ADD's is over. */
	CHECK(fl_deadline_left(&req->deadline) > 0);
	return own_verb(req, err);
}

static const struct fl_cni_plugin own = { .name = "own",
					  .add = own_add,
					  .del = own_del,
					  .check = own_verb,
					  .gc = own_verb,
					  .status = own_verb };

static const struct fl_cni_plugin *const builtins[] = { &own, NULL };

static void our_own_file_is_called_in_process(void **state)
{
	struct fl_cni_req req = request();
	fl_auto_json struct fl_json *result = NULL;
	struct fl_err err = { 0 };

	(void)state;
	seen[0] = '\0';
	req.builtins = builtins;
	req.deadline = fl_deadline_in(0);
	assert_int_equal(symlink("/proc/self/exe", in_dir("own")), 0);
	CHECK_OK(fl_cni_delegate_add(&req, "own", &result, &err), &err);
	CHECK_OK(fl_cni_delegate_call(&req, FL_CNI_DEL, "own", &err), &err);
	CHECK_OK(fl_cni_delegate_call(&req, FL_CNI_CHECK, "own", &err), &err);
	CHECK_OK(fl_cni_delegate_call(&req, FL_CNI_GC, "own", &err), &err);
	CHECK_OK(fl_cni_delegate_call(&req, FL_CNI_STATUS, "own", &err), &err);
	assert_string_equal(seen, "ADD DEL CHECK GC STATUS ");
}

static void another_file_with_a_builtins_name_is_executed(void **state)
{
	struct fl_cni_req req = request();
	struct fl_err err = { 0 };

	(void)state;
	seen[0] = '\0';
	req.builtins = builtins;
	script("own", "");
	CHECK_OK(fl_cni_delegate_call(&req, FL_CNI_DEL, "own", &err), &err);
	assert_string_equal(seen, "");
	assert_string_equal(content("log"), "DEL");
}

#define TEST(f) cmocka_unit_test_setup(f, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_foreign_add_gets_stdin_and_environment_and_its_result_is_read),
		TEST(a_plugin_may_hand_over_a_document_of_its_own),
		TEST(each_verb_is_what_the_delegate_is_told),
		TEST(the_first_file_of_that_name_in_cni_path_is_taken),
		TEST(a_delegate_that_cannot_be_found_is_named_with_the_path),
		TEST(a_type_with_a_path_in_it_is_never_run),
		TEST(a_file_that_cannot_be_executed_is_named_and_not_deleted_after),
		TEST(a_failing_add_keeps_code_and_words_and_is_followed_by_del),
		TEST(a_failing_del_keeps_its_code_and_is_not_repeated),
		TEST(a_hanging_add_is_killed_with_its_children_and_gets_time_for_a_del),
		TEST(a_delegate_that_closes_stdout_and_stays_is_killed_too),
		TEST(what_a_delegate_leaves_running_is_not_waited_for),
		TEST(large_documents_pass_both_ways_at_once),
		TEST(a_delegate_need_not_read_its_stdin),
		TEST(an_endless_answer_is_cut_off),
		TEST(an_ignored_sigchld_does_not_hide_the_exit_status),
		TEST(our_own_file_is_called_in_process),
		TEST(another_file_with_a_builtins_name_is_executed),
	};

	return cmocka_run_group_tests_name("cni_delegate", tests, make_dir, remove_dir);
}
