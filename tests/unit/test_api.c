// SPDX-License-Identifier: Apache-2.0
/*
 * agent/api: a real loop, real sockets, requests byte by byte. Needs root, for a network namespace
 * of its own.
 */
#include "api_world.h"
#include "few_files.h"

static int get_status(void *arg, const struct api_call *call, struct fl_json **out,
		      struct fl_err *err)
{
	struct fl_json *v = fl_json_object();

	(void)arg;
	(void)err;
	calls++;
	CHECK(!call->body);
	CHECK(v && fl_json_set_str(v, "version", "1") == 0);
	*out = v;
	return 0;
}

static int get_large(void *arg, const struct api_call *call, struct fl_json **out,
		     struct fl_err *err)
{
	struct fl_json *v = fl_json_array();

	(void)arg;
	(void)call;
	(void)err;
	CHECK(v);
	for (int i = 0; i < 50000; i++)
		CHECK(fl_json_append(v, fl_json_new_str("0123456789")) == 0);
	*out = v;
	return 0;
}

static int post_echo(void *arg, const struct api_call *call, struct fl_json **out,
		     struct fl_err *err)
{
	(void)arg;
	(void)err;
	calls++;
	*out = call->body ? fl_json_copy(call->body) : NULL;
	return 0;
}

/* The error that the body asks for. */
static int post_fail(void *arg, const struct api_call *call, struct fl_json **out,
		     struct fl_err *err)
{
	(void)arg;
	(void)out;
	return fl_fail(err, (int)fl_json_int(call->body), "it is \"so\"\n");
}

static const struct api_route routes[] = {
	{ "GET", "/v1/status", get_status }, { "GET", "/v1/large", get_large },
	{ "GET", "/v1/both", get_status },   { "POST", "/v1/both", post_echo },
	{ "POST", "/v1/fail", post_fail },
};

SERVE(routes);

static void what_the_table_holds_is_answered(void **state)
{
	(void)state;
	check_answer(ask(false, "GET", "/v1/status", ""), 200, JSON, "{\"version\":\"1\"}\n");
	check_answer(ask(false, "GET", "/v1/status?", ""), 200, JSON, "{\"version\"");
	check_answer(ask(false, "POST", "/v1/both", "{\"a\":[1]}"), 200, JSON, "{\"a\":[1]}\n");
	CHECK(!strstr(answer, "Allow:"));
	check_answer(ask(false, "POST", "/v1/both", ""), 204, "HTTP", "");
	CHECK(!*body_of(answer) && !strstr(answer, "Content-Type"));
	CHECK(calls == 4);
}

static void head_is_get_without_the_body(void **state)
{
	(void)state;
	check_answer(ask(false, "HEAD", "/v1/status", ""), 200, JSON, "");
	CHECK(strstr(answer, "Content-Length: 16\r\n") && !*body_of(answer));
	check_answer(ask(true, "HEAD", "/healthz", ""), 200, "Content-Length: 3\r\n", "");
	CHECK(!*body_of(answer));
}

static void other_methods_and_paths_are_refused(void **state)
{
	static const char *const none[] = { "/",	   "/v1",	    "/v1/",
					    "/v1/status/", "/v1/Status",    "/v1//status",
					    "/healthz/",   "/v1/status%00x" };

	(void)state;
	check_answer(ask(false, "DELETE", "/v1/both", ""), 405, "Allow: GET, HEAD, POST\r\n",
		     "{\"error\":\"method 'DELETE' on '/v1/both': expected GET, HEAD, POST\"}\n");
	check_answer(ask(false, "POST", "/v1/status", "{}"), 405, "Allow: GET, HEAD\r\n", "'POST'");
	check_answer(ask(false, "HEAD", "/v1/fail", ""), 405, "Allow: POST\r\n", "");
	check_answer(ask(true, "POST", "/metrics", ""), 405, "Allow: GET, HEAD\r\n", "'/metrics'");
	for (size_t i = 0; i < FL_ARRAY_LEN(none) - 1; i++)
		check_answer(ask(false, "GET", none[i], ""), 404, JSON, "there is nothing at '/");
	CHECK(calls == 0);
}

static void errors_become_their_status(void **state)
{
	static const struct {
		int sys, status;
	} t[] = { { EINVAL, 400 }, { ENOENT, 404 }, { EEXIST, 409 }, { EBUSY, 409 },
		  { EAGAIN, 503 }, { EIO, 500 },    { ENOMEM, 500 } };
	char body[16];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		(void)snprintf(body, sizeof(body), "%d", t[i].sys);
		check_answer(ask(false, "POST", "/v1/fail", body), t[i].status, JSON,
			     "{\"error\":\"it is \\\"so\\\"\\n\"}\n");
	}
}

static void health_and_readiness_and_metrics_are_at_both_doors(void **state)
{
	(void)state;
	for (int tcp = 0; tcp < 2; tcp++) {
		is_ready = true;
		check_answer(ask(tcp, "GET", "/healthz", ""), 200, TEXT, "ok\n");
		check_answer(ask(tcp, "GET", "/readyz", ""), 200, TEXT, "ready\n");
		check_answer(ask(tcp, "GET", "/metrics", ""), 200, PROM, "\nfl_up 1\n");
		is_ready = false;
		check_answer(ask(tcp, "GET", "/readyz", ""), 503, TEXT, "not ready\n");
		check_answer(ask(tcp, "GET", "/healthz", ""), 200, TEXT, "ok\n");
	}
}

static void the_network_sees_no_more_than_that(void **state)
{
	(void)state;
	check_answer(ask(true, "GET", "/v1/status", ""), 404, JSON, "nothing at '/v1/status'");
	check_answer(ask(true, "POST", "/v1/both", "{}"), 404, JSON, "nothing at");
	CHECK(calls == 0);
}

static void a_body_that_is_no_json_is_refused(void **state)
{
	(void)state;
	check_answer(ask(false, "POST", "/v1/both", "{"), 400, JSON, "{\"error\":\"body: ");
	check_answer(ask(false, "POST", "/v1/both", "{} {}"), 400, JSON, "body: ");
	check_answer(ask(false, "POST", "/v1/both", "\xff"), 400, JSON, "body: ");
	CHECK(calls == 0);
}

/* A request with n bytes of body: a JSON text in quotes, by length or in chunks. */
static const char *ask_large(size_t n, bool chunked)
{
	fl_auto_free char *text = malloc(n + 300);
	char *p = text;

	CHECK(text && n >= 2);
	p += sprintf(p, "POST /v1/both HTTP/1.1\r\nHost: a\r\nConnection: close\r\n");
	if (chunked)
		p += sprintf(p, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", n);
	else
		p += sprintf(p, "Content-Length: %zu\r\n\r\n", n);
	memset(p, 'x', n);
	p[0] = p[n - 1] = '"';
	p += n;
	if (chunked)
		p += sprintf(p, "\r\n0\r\n\r\n");
	return talk_bytes(false, text, (size_t)(p - text));
}

static void a_body_has_a_limit_and_reaches_it(void **state)
{
	(void)state;
	for (int chunked = 0; chunked < 2; chunked++) {
		calls = 0;
		check_answer(ask_large(API_BODY_MAX, chunked), 200, JSON, "xxx");
		CHECK(strlen(body_of(answer)) == API_BODY_MAX + 1 && calls == 1);
		check_answer(ask_large(API_BODY_MAX + 1, chunked), 413, JSON,
			     "{\"error\":\"the body has more than 65536 bytes\"}");
		CHECK(calls == 1);
	}
	/* without end, the connection is: nobody reads all that */
	ask_large(40 * API_BODY_MAX, true);
	assert_string_equal(answer, "");
}

static void a_large_answer_arrives_whole(void **state)
{
	(void)state;
	check_answer(ask(false, "GET", "/v1/large", ""), 200, JSON, "[\"0123456789\",");
	CHECK(strlen(body_of(answer)) == 50000 * 13 + 2);
}

static void a_connection_serves_several_requests(void **state)
{
	static const char three[] =
		"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
		"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"
		"GET /v1/status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

	(void)state;
	talk_bytes(false, three, strlen(three));
	CHECK(strstr(answer, "\r\nok\nHTTP/1.1 200") && strstr(answer, "\r\nready\nHTTP/1.1 200"));
	CHECK(strstr(answer, "{\"version\":\"1\"}\n"));
}

static void what_is_no_http_is_refused_and_others_are_served(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} t[] = {
#define BYTES(s) { s, sizeof(s) - 1 }
		BYTES("GET\r\n\r\n"),
		BYTES("GET /healthz\r\n\r\n"),
		BYTES("GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n"),
		BYTES("GET /healthz HTTP/1.1\r\n\r\n"),			       /* no Host */
		BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"), /* TLS */
		BYTES("POST /v1/both HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
		BYTES("POST /v1/both HTTP/1.1\r\nHost: a\r\nContent-Length: 1e3\r\n\r\n"),
		BYTES("POST /v1/both HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
		      "chunked\r\n\r\nzz\r\n"),
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_close int fd = -1;

		fd = dial(false);
		send_all(fd, t[i].bytes, t[i].len);
		read_to_end(fd, 10000);
		if (strstr(answer, "HTTP/1.1 2"))
			fail_msg("request %zu was served: %s", i, answer);
		check_answer(ask(false, "GET", "/healthz", ""), 200, TEXT, "ok\n");
	}
	CHECK(calls == 0);
}

static void headers_without_end_are_refused(void **state)
{
	static char bytes[2 * API_HEADER_MAX];

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	memcpy(bytes, "GET /healthz HTTP/1.1\r\nHost: ", 29);
	talk_bytes(true, bytes, sizeof(bytes));
	CHECK(!*answer || strstr(answer, "HTTP/1.1 431") == answer);
	check_answer(ask(true, "GET", "/healthz", ""), 200, TEXT, "ok\n");
}

static void a_client_that_goes_away_leaves_nothing(void **state)
{
	static const char half[] =
		"POST /v1/both HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{";

	(void)state;
	for (int i = 0; i < 200; i++) {
		fl_auto_close int fd = -1;

		fd = dial(i % 2);
		send_all(fd, half, strlen(half));
	}
	check_answer(ask(false, "GET", "/v1/status", ""), 200, JSON, "version");
}

static void idle_connections_do_not_keep_others_out_for_ever(void **state)
{
	static const char late[] = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
	int idle[API_CONNECTIONS + 1];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(idle); i++) {
		idle[i] = dial(false);
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	/* the other door is not concerned */
	check_answer(ask(true, "GET", "/healthz", ""), 200, TEXT, "ok\n");
	/* the one too many is served when the others have been closed for being idle */
	send_all(idle[API_CONNECTIONS], late, strlen(late));
	read_to_end(idle[API_CONNECTIONS], (API_IDLE_S + 20) * 1000);
	check_answer(answer, 200, TEXT, "ok\n");
	for (size_t i = 0; i < FL_ARRAY_LEN(idle); i++)
		fl_close_p(&idle[i]);
}

static void a_client_that_opens_many_keeps_nobody_else_out(void **state)
{
	static const char late[] = "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
	int slow[API_CONNECTIONS];
	fl_auto_close int fd = -1;

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(slow); i++) {
		slow[i] = dial_from(INADDR_LOOPBACK + 1);
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	/* The last that it may have is open, the next is closed, and another client is served. */
	CHECK(recv(slow[API_OF_ONE - 1], answer, 1, 0) < 0 && errno == EAGAIN);
	read_to_end(slow[API_OF_ONE], 1000);
	fd = dial_from(INADDR_LOOPBACK + 2);
	send_all(fd, late, strlen(late));
	read_to_end(fd, 1000);
	CHECK(strstr(answer, "HTTP/1.1 200 ") == answer);
	for (size_t i = 0; i < FL_ARRAY_LEN(slow); i++)
		fl_close_p(&slow[i]);
}

/* How often the loop has something to do within so many milliseconds. */
static int turns_in(int ms)
{
	struct fl_deadline until = fl_deadline_in(ms);
	int n = 0;

	for (; fl_deadline_left(&until); n++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		(void)poll(&(struct pollfd){ .fd = uv_backend_fd(&loop), .events = POLLIN }, 1, 10);
	}
	return n;
}

static void a_client_that_cannot_be_let_in_does_not_keep_the_loop_busy(void **state)
{
	static const char late[] = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
	int turns;

	(void)state;
	for (int others = 0; others < 2; others++) {
		fl_auto_close int in = -1, fd = -1;

		in = others ? dial(false) : -1;
		uv_run(&loop, UV_RUN_NOWAIT);
		fd = dial(false);
		allow_files(0);
		turns = turns_in(300);
		allow_files(RLIM_INFINITY);
		/* 30 by the clock, and some ten thousand when it spins */
		if (turns > 300)
			fail_msg("%d turns", turns);
		fl_close_p(&in);
		send_all(fd, late, strlen(late));
		read_to_end(fd, 10000);
		check_answer(answer, 200, TEXT, "ok\n");
	}
}

static void the_socket_is_roots_and_in_a_folder_that_is_made(void **state)
{
	struct stat st;

	(void)state;
	CHECK(stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600);
}

static void a_living_agents_socket_is_left_alone(void **state)
{
	struct api *second = NULL;
	struct fl_err err = { 0 };

	(void)state;
	CHECK_FAILS(api_open(&loop, path, NULL, &table, &second, &err), EADDRINUSE, &err,
		    "an agent is running there");
	CHECK(!second);
	check_answer(ask(false, "GET", "/healthz", ""), 200, TEXT, "ok\n");
}

/* One that was started on another path, but wants the same port. */
static void a_port_in_use_is_an_error_that_leaves_no_socket(void **state)
{
	struct api *second = NULL;
	struct fl_err err = { 0 };
	char other[220];

	(void)state;
	(void)snprintf(other, sizeof(other), "%s2", path);
	CHECK_FAILS(api_open(&loop, other, "127.0.0.1:9464", &table, &second, &err), EADDRINUSE,
		    &err, "metrics.listen '127.0.0.1:9464'");
	CHECK(access(other, F_OK) < 0 && errno == ENOENT);
	CHECK_FAILS(api_open(&loop, other, "192.0.2.1:9464", &table, &second, &err), EADDRNOTAVAIL,
		    &err, "metrics.listen '192.0.2.1:9464'");
	CHECK_OK(api_open(&loop, other, "[fd00::1]:9464", &table, &second, &err), &err);
	api_close(&second);
	CHECK(access(other, F_OK) < 0 && !second);
	api_close(&second);
}

static void a_dead_agents_socket_is_replaced(void **state)
{
	struct fl_err err = { 0 };
	struct stat st;
	int fd = -1;
	pid_t child;

	(void)state;
	child = fork();
	if (child == 0)
		_exit(api_listen_unix(path, &fd, &st, &err) == 0 ? 0 : 1);
	CHECK(waitpid(child, &fd, 0) == child && fd == 0 && access(path, F_OK) == 0);
	CHECK(start(NULL) == 0);
	check_answer(ask(false, "GET", "/healthz", ""), 200, TEXT, "ok\n");
	CHECK(stop(NULL) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(what_the_table_holds_is_answered),
		SERVED(head_is_get_without_the_body),
		SERVED(other_methods_and_paths_are_refused),
		SERVED(errors_become_their_status),
		SERVED(health_and_readiness_and_metrics_are_at_both_doors),
		SERVED(the_network_sees_no_more_than_that),
		SERVED(a_body_that_is_no_json_is_refused),
		SERVED(a_body_has_a_limit_and_reaches_it),
		SERVED(a_large_answer_arrives_whole),
		SERVED(a_connection_serves_several_requests),
		SERVED(what_is_no_http_is_refused_and_others_are_served),
		SERVED(headers_without_end_are_refused),
		SERVED(a_client_that_goes_away_leaves_nothing),
		SERVED(idle_connections_do_not_keep_others_out_for_ever),
		SERVED(a_client_that_opens_many_keeps_nobody_else_out),
		SERVED(a_client_that_cannot_be_let_in_does_not_keep_the_loop_busy),
		SERVED(the_socket_is_roots_and_in_a_folder_that_is_made),
		SERVED(a_living_agents_socket_is_left_alone),
		SERVED(a_port_in_use_is_an_error_that_leaves_no_socket),
		cmocka_unit_test(a_dead_agents_socket_is_replaced),
	};

	return cmocka_run_group_tests(tests, enter_namespace, leave_namespace);
}
