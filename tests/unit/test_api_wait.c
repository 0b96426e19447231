// SPDX-License-Identifier: Apache-2.0
/*
 * agent/api: paths with open parts, parameters, and requests that wait for news. Needs root, for a
 * network namespace of its own.
 */
#include "api_world.h"

/* Says what it was asked with. */
static int get_parts(void *arg, const struct api_call *call, struct fl_json **out,
		     struct fl_err *err)
{
	struct fl_json *v = fl_json_object();

	(void)arg;
	(void)err;
	CHECK(v && fl_json_set_str(v, "a", call->parts[0]) == 0 &&
	      fl_json_set_str(v, "b", call->parts[1]) == 0 &&
	      fl_json_set_str(v, "one", api_query_get(call->query, "one") ?: "-") == 0);
	*out = v;
	return 0;
}

/* Waits for news. */
static bool has_news;
static int get_news(void *arg, const struct api_call *call, struct fl_json **out,
		    struct fl_err *err)
{
	(void)arg;
	(void)err;
	calls++;
	if (!has_news && call->may_wait)
		return -EINPROGRESS;
	*out = fl_json_new_bool(has_news);
	return 0;
}

static const char *const params[] = { "one", "two", NULL };

static const struct api_route routes[] = {
	{ "GET", "/v1/parts/*/*", get_parts, params },
	{ "GET", "/v1/news", get_news },
};

SERVE(routes);

static void paths_have_open_parts_and_queries_known_parameters(void **state)
{
	(void)state;
	check_answer(ask(false, "GET", "/v1/parts/x/y%20z?one=a%2fb%26%3d+&two", ""), 200, JSON,
		     "{\"a\":\"x\",\"b\":\"y z\",\"one\":\"a/b&=+\"}\n");
	check_answer(ask(false, "GET", "/v1/parts/x", ""), 404, JSON, "nothing at '/v1/parts/x'");
	check_answer(ask(false, "GET", "/v1/parts/x/", ""), 404, JSON, "nothing at");
	check_answer(ask(false, "GET", "/v1/parts//y", ""), 404, JSON, "nothing at");
	check_answer(ask(false, "GET", "/v1/parts/x/y/z", ""), 404, JSON, "nothing at");
	check_answer(ask(false, "POST", "/v1/parts/x/y", ""), 405, "Allow: GET, HEAD\r\n", "");
	check_answer(ask(false, "GET", "/v1/parts/x/y?three=3", ""), 400, JSON,
		     "unknown parameter 'three', expected 'one', 'two'");
	check_answer(ask(false, "GET", "/v1/news?pretty=1", ""), 400, JSON,
		     "unknown parameter 'pretty', expected none");
	check_answer(ask(true, "GET", "/metrics?x=1", ""), 200, PROM, "fl_up 1");
	CHECK(calls == 0);
}

/* Turns the loop until the handler has been called so often. */
static void turn_until_calls(int n)
{
	struct fl_deadline until = fl_deadline_in(10000);

	while (calls < n) {
		uv_run(&loop, UV_RUN_NOWAIT);
		CHECK(fl_deadline_left(&until));
	}
}

static const char news[] = "GET /v1/news HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

static void a_request_may_wait_and_others_are_served_meanwhile(void **state)
{
	fl_auto_close int fd = -1;

	(void)state;
	has_news = false;
	fd = dial(false);
	send_all(fd, news, strlen(news));
	turn_until_calls(1);
	check_answer(ask(false, "GET", "/healthz", ""), 200, TEXT, "ok\n");
	api_wake(api); /* for something else */
	turn_until_calls(2);
	has_news = true;
	api_wake(api);
	read_to_end(fd, 10000);
	check_answer(answer, 200, JSON, "true\n");
	CHECK(calls == 3);
}

static void nobody_waits_for_ever_nor_too_many_at_once(void **state)
{
	int fds[API_WAITERS + 1];

	(void)state;
	has_news = false;
	for (int i = 0; i <= API_WAITERS; i++) {
		fds[i] = dial(false);
		send_all(fds[i], news, strlen(news));
		turn_until_calls(i + 1);
	}
	/* The one too many is answered though the others wait. */
	read_to_end(fds[API_WAITERS], 10000);
	check_answer(answer, 200, JSON, "false\n");
	CHECK(calls == API_WAITERS + 1);
	fl_close_p(&fds[0]); /* who goes away while waiting is not missed */
	for (int i = 1; i <= API_WAITERS; i++) {
		if (i < API_WAITERS) {
			read_to_end(fds[i], API_WAIT_MS + 10000);
			check_answer(answer, 200, JSON, "false\n");
		}
		fl_close_p(&fds[i]);
	}
	CHECK(calls == 2 * API_WAITERS + 1);
}

/* The end of the server with somebody waiting; the fixture stops it. */
static void an_end_while_somebody_waits_is_clean(void **state)
{
	fl_auto_close int fd = -1;

	(void)state;
	has_news = false;
	fd = dial(false);
	send_all(fd, news, strlen(news));
	turn_until_calls(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(paths_have_open_parts_and_queries_known_parameters),
		SERVED(a_request_may_wait_and_others_are_served_meanwhile),
		SERVED(nobody_waits_for_ever_nor_too_many_at_once),
		SERVED(an_end_while_somebody_waits_is_clean),
	};

	return cmocka_run_group_tests(tests, enter_namespace, leave_namespace);
}
