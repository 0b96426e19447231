// SPDX-License-Identifier: Apache-2.0
/*
 * A real loop and real sockets for the tests of agent/api, which serve their own table. Needs
 * root, for a network namespace of its own.
 */
#pragma once

#include "agent/api/api.h"
#include "agent/api/http.h"
#include "agent/api/listen.h"
#include "agent/api/metrics.h"
#include "base/deadline.h"
#include "base/text.h"
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define ANSWER_MAX (1 << 20)

/* Not each file needs all of it. */
#define TEST_MAYBE __attribute__((unused))

/* What is served: the test's own, by SERVE. */
static const struct api_table table;

static char folder[] = "/tmp/fairlead-test-api.XXXXXX";
static char path[200];
static uv_loop_t loop;
static struct api *api;
static bool is_ready;
TEST_MAYBE static int calls;

static bool ready(void *arg)
{
	(void)arg;
	return is_ready;
}

static void metrics(void *arg, struct api_metrics *m)
{
	(void)arg;
	api_metrics_gauge(m, "fl_up", "It is up.", 1);
}

/* Serves these routes, readiness as is_ready says, and one metric. */
#define SERVE(routes) \
	static const struct api_table table = { routes, FL_ARRAY_LEN(routes), ready, metrics, NULL }

static int enter_namespace(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(folder) || unshare(CLONE_NEWNET) < 0 ||
	    system("ip link set lo up && ip addr add fd00::1/64 dev lo nodad") != 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/run/agent.sock", folder);
	return uv_loop_init(&loop);
}

static int leave_namespace(void **state)
{
	char run[220];

	(void)state;
	(void)snprintf(run, sizeof(run), "%s/run", folder);
	return uv_loop_close(&loop) || rmdir(run) < 0 || rmdir(folder) < 0;
}

static int start(void **state)
{
	struct fl_err err = { 0 };

	(void)state;
	calls = 0;
	is_ready = true;
	return api_open(&loop, path, "127.0.0.1:9464", &table, &api, &err);
}

static int stop(void **state)
{
	(void)state;
	api_close(&api);
	uv_run(&loop, UV_RUN_DEFAULT);
	return access(path, F_OK) == 0;
}

/* By TCP, from this address of the loopback interface. */
TEST_MAYBE static int dial_from(in_addr_t from)
{
	const struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(from) };
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(9464),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && bind(fd, (const void *)&at, sizeof(at)) == 0);
	CHECK(connect(fd, (const void *)&to, sizeof(to)) == 0);
	CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	return fd;
}

static int dial_unix(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(un.sun_path, path);
	CHECK(fd >= 0);
	CHECK(connect(fd, (void *)&un, sizeof(un)) == 0);
	CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	return fd;
}

static int dial(bool tcp)
{
	return tcp ? dial_from(INADDR_LOOPBACK) : dial_unix();
}

/* Turns the loop until the server closes the connection; what it sent is in answer. */
static char answer[ANSWER_MAX];

static void read_to_end(int fd, int limit_ms)
{
	struct fl_deadline until = fl_deadline_in(limit_ms);
	size_t n = 0;
	ssize_t got;

	for (;;) {
		uv_run(&loop, UV_RUN_NOWAIT);
		got = recv(fd, answer + n, sizeof(answer) - n - 1, 0);
		if (got == 0 || (got < 0 && errno == ECONNRESET))
			break;
		if (got < 0)
			(void)poll(&(struct pollfd){ .fd = uv_backend_fd(&loop), .events = POLLIN },
				   1, 20);
		n += got > 0 ? (size_t)got : 0;
		if (!fl_deadline_left(&until))
			fail_msg("no end of the answer; so far: %.*s", (int)n, answer);
	}
	answer[n] = '\0';
}

/* Sends all of it while the loop turns; the server may close before the end. */
static void send_all(int fd, const char *data, size_t len)
{
	struct fl_deadline until = fl_deadline_in(10000);
	ssize_t n;

	while (len) {
		uv_run(&loop, UV_RUN_NOWAIT);
		n = send(fd, data, len, 0);
		if (n < 0 && errno != EAGAIN)
			return;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
		CHECK(fl_deadline_left(&until));
	}
}

/* A whole conversation: the answer's head and body. */
static const char *talk_bytes(bool tcp, const char *bytes, size_t len)
{
	fl_auto_close int fd = -1;

	fd = dial(tcp);
	send_all(fd, bytes, len);
	read_to_end(fd, 10000);
	return answer;
}

TEST_MAYBE static const char *ask(bool tcp, const char *method, const char *what, const char *body)
{
	static char request[4096];

	(void)snprintf(request, sizeof(request),
		       "%s %s HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n"
		       "Content-Length: %zu\r\n\r\n%s",
		       method, what, strlen(body), body);
	return talk_bytes(tcp, request, strlen(request));
}

TEST_MAYBE static const char *body_of(const char *text)
{
	const char *end = strstr(text, "\r\n\r\n");

	return end ? end + 4 : "";
}

static void check_answer(const char *text, int status, const char *type, const char *body)
{
	char head[32];

	(void)snprintf(head, sizeof(head), "HTTP/1.1 %d ", status);
	if (strncmp(text, head, strlen(head)) != 0 || !strstr(text, type) ||
	    !strstr(body_of(text), body))
		fail_msg("expected %d, '%s' and '%s': %s", status, type, body, text);
}

#define JSON "Content-Type: application/json\r\n"
#define TEXT "Content-Type: text/plain; charset=utf-8\r\n"
#define PROM "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"

#define SERVED(test) cmocka_unit_test_setup_teardown(test, start, stop)
