// SPDX-License-Identifier: Apache-2.0
/* agent/api/listen.c: where the API listens. Needs nothing. */
#include "agent/api/listen.h"

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static char folder[] = "/tmp/fairlead-test-listen.XXXXXX";
static char path[200];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/run/agent.sock", folder);
	return 0;
}

static int remove_folder(void **state)
{
	char run[220];

	(void)state;
	(void)snprintf(run, sizeof(run), "%s/run", folder);
	return rmdir(run) < 0 || rmdir(folder) < 0;
}

static void a_socket_that_is_anothers_by_now_is_not_removed(void **state)
{
	struct stat first, second;
	struct fl_err err = { 0 };
	int a = -1, b = -1;

	(void)state;
	CHECK_OK(api_listen_unix(path, &a, &first, &err), &err);
	CHECK(unlink(path) == 0);
	CHECK_OK(api_listen_unix(path, &b, &second, &err), &err);
	api_listen_remove(path, &first);
	CHECK(access(path, F_OK) == 0);
	api_listen_remove(path, &second);
	CHECK(access(path, F_OK) < 0);
	fl_close_p(&a);
	fl_close_p(&b);
}

static void a_path_has_107_bytes_at_most(void **state)
{
	char longest[120] = "";
	struct fl_err err = { 0 };
	struct stat st;
	int fd = -1;

	(void)state;
	(void)snprintf(longest, sizeof(longest), "%s/run/", folder);
	memset(longest + strlen(longest), 'x', 107 - strlen(longest));
	CHECK(strlen(longest) == 107);
	CHECK_OK(api_listen_unix(longest, &fd, &st, &err), &err);
	api_listen_remove(longest, &st);
	fl_close_p(&fd);
	longest[107] = 'x';
	CHECK_FAILS(api_listen_unix(longest, &fd, &st, &err), ENAMETOOLONG, &err, "107 bytes");
}

static void addresses_to_listen_on_are_read(void **state)
{
	static const struct {
		const char *text, *ip;
		uint16_t port;
	} good[] = {
		{ "127.0.0.1:9464", "127.0.0.1", 9464 },
		{ "[::1]:9464", "::1", 9464 },
		{ "0.0.0.0:1", "0.0.0.0", 1 },
		{ "[::]:65535", "::", 65535 },
	};
	static const char *const bad[] = { "",
					   ":9464",
					   "9464",
					   "localhost:9464",
					   "127.0.0.1",
					   "::1:9464",
					   "[::1]",
					   "[127.0.0.1]:1",
					   "127.0.0.1:",
					   "127.0.0.1:0",
					   "127.0.0.1:65536",
					   "127.0.0.1:x",
					   "127.0.0.1:-1",
					   "[::1:9464",
					   "::1]:9464",
					   "[]:1",
					   "[:1",
					   "]:1",
					   " 127.0.0.1:1" };
	char out[FL_IP_STR];
	struct fl_err err;
	struct fl_ip ip;
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(good); i++) {
		CHECK_OK(api_listen_parse(good[i].text, &ip, &port, &err), &err);
		assert_string_equal(fl_ip_format(&ip, out), good[i].ip);
		CHECK(port == good[i].port);
	}
	for (size_t i = 0; i < FL_ARRAY_LEN(bad); i++) {
		CHECK_FAILS(api_listen_parse(bad[i], &ip, &port, &err), EINVAL, &err,
			    "metrics.listen '");
		CHECK(strstr(err.text, bad[i]));
	}
}

static void what_is_no_socket_is_not_removed(void **state)
{
	struct fl_err err = { 0 };
	struct stat st;
	int fd = -1;

	(void)state;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	fl_close_p(&fd);
	CHECK_FAILS(api_listen_unix(path, &fd, &st, &err), EEXIST, &err, "no socket");
	CHECK(unlink(path) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_that_is_anothers_by_now_is_not_removed),
		cmocka_unit_test(what_is_no_socket_is_not_removed),
		cmocka_unit_test(a_path_has_107_bytes_at_most),
		cmocka_unit_test(addresses_to_listen_on_are_read),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
