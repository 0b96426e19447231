// SPDX-License-Identifier: Apache-2.0
/* The agent's small parts: notification, run directory, problems. In a folder of their own. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "agent/notify.h"
#include "agent/problems.h"
#include "agent/rundir.h"
#include "base/file.h"
#include "base/log.h"
#include "folder.h"

static char root[FOLDER_MAX];
static struct fl_err err;

static int setup(void **state)
{
	(void)state;
	return folder_make(root, "agent");
}

static int teardown(void **state)
{
	(void)state;
	return folder_remove(root);
}

/* A datagram socket at this path; '@' for an abstract one. */
static int listener(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	strcpy(at.sun_path, path);
	if (*path == '@')
		at.sun_path[0] = '\0';
	CHECK(bind(fd, (struct sockaddr *)&at,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))) == 0);
	return fd;
}

static void check_notified(const char *path)
{
	fl_auto_close int fd = listener(path);
	char got[64] = "";

	CHECK_OK(agent_notify(path, "READY=1", &err), &err);
	CHECK(recv(fd, got, sizeof(got) - 1, 0) == 7);
	assert_string_equal(got, "READY=1");
}

static void notification_reaches_a_socket_by_path_or_abstract_name(void **state)
{
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/notify", root);
	check_notified(path);
	(void)snprintf(path, sizeof(path), "@%s", root);
	check_notified(path);
}

static void notification_without_a_socket_is_done(void **state)
{
	(void)state;
	CHECK_OK(agent_notify(NULL, "READY=1", &err), &err);
	CHECK_OK(agent_notify("", "READY=1", &err), &err);
}

static void notification_to_nowhere_fails_and_names_the_socket(void **state)
{
	char path[200];

	(void)state;
	CHECK_FAILS(agent_notify("notify", "READY=1", &err), EINVAL, &err, "'notify'");
	(void)snprintf(path, sizeof(path), "%s/nobody", root);
	CHECK_FAILS(agent_notify(path, "READY=1", &err), ENOENT, &err, "nobody'");
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	CHECK_FAILS(agent_notify(path, "READY=1", &err), EINVAL, &err, "NOTIFY_SOCKET");
}

static void second_lock_is_ebusy_and_names_the_process_until_the_first_is_let_go(void **state)
{
	fl_auto_close int dir = -1, first = -1, second = -1;
	char pid[32];

	(void)state;
	CHECK_OK(agent_rundir_open(root, &dir, &err), &err);
	CHECK_OK(agent_rundir_lock(dir, &first, &err), &err);
	(void)snprintf(pid, sizeof(pid), "process %d", getpid());
	CHECK_FAILS(agent_rundir_lock(dir, &second, &err), EBUSY, &err, pid);
	assert_int_equal(second, -1);
	fl_close_p(&first);
	CHECK_OK(agent_rundir_lock(dir, &second, &err), &err);
}

static void drained_is_remembered_and_may_be_set_twice(void **state)
{
	fl_auto_close int dir = -1;
	bool drained = true;

	(void)state;
	CHECK_OK(agent_rundir_open(root, &dir, &err), &err);
	CHECK_OK(agent_drained_get(dir, &drained, &err), &err);
	CHECK(!drained);
	for (int i = 0; i < 2; i++)
		CHECK_OK(agent_drained_set(dir, true, &err), &err);
	CHECK_OK(agent_drained_get(dir, &drained, &err), &err);
	CHECK(drained);
	for (int i = 0; i < 2; i++)
		CHECK_OK(agent_drained_set(dir, false, &err), &err);
	CHECK_OK(agent_drained_get(dir, &drained, &err), &err);
	CHECK(!drained);
}

/* What telling these problems writes to the log; *last as agent_trouble_tell() leaves it. */
static const char *told(struct agent_trouble *last, const char *const *where, size_t n)
{
	static char text[8192];
	agent_auto_trouble struct agent_trouble now = { 0 };
	fl_auto_close int fd = open(root, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	ssize_t len;

	for (size_t i = 0; i < n; i++)
		agent_trouble_add(where[i], "broken", &now);
	fl_log_setup(FL_LOG_INFO, FL_LOG_TEXT, fd);
	agent_trouble_tell(last, &now);
	fl_log_setup(FL_LOG_WARN, FL_LOG_TEXT, STDERR_FILENO);
	len = pread(fd, text, sizeof(text) - 1, 0);
	CHECK(len >= 0 && now.n == 0);
	text[len] = '\0';
	return text;
}

static void problems_are_told_when_they_come_and_when_they_go(void **state)
{
	agent_auto_trouble struct agent_trouble last = { 0 };

	(void)state;
	assert_string_equal(told(&last, (const char *[]){ "n2", "n1" }, 2),
			    "warning: n1: broken\nwarning: n2: broken\n");
	assert_string_equal(told(&last, (const char *[]){ "n1", "n2" }, 2), "");
	assert_string_equal(told(&last, (const char *[]){ "n2", "n3" }, 2),
			    "info: mended: n1: broken\nwarning: n3: broken\n");
	assert_string_equal(told(&last, NULL, 0),
			    "info: mended: n2: broken\ninfo: mended: n3: broken\n");
}

static void many_problems_at_once_are_told_as_twenty_and_a_count(void **state)
{
	agent_auto_trouble struct agent_trouble last = { 0 };
	const char *where[100];
	const char *text;
	int lines = 0;

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(where); i++)
		where[i] = "n";
	text = told(&last, where, FL_ARRAY_LEN(where));
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 21);
	CHECK(strstr(text, "warning: 80 more\n"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(notification_reaches_a_socket_by_path_or_abstract_name),
		T(notification_without_a_socket_is_done),
		T(notification_to_nowhere_fails_and_names_the_socket),
		T(second_lock_is_ebusy_and_names_the_process_until_the_first_is_let_go),
		T(drained_is_remembered_and_may_be_set_twice),
		T(problems_are_told_when_they_come_and_when_they_go),
		T(many_problems_at_once_are_told_as_twenty_and_a_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
