// SPDX-License-Identifier: Apache-2.0
/*
 * agent/api: clients that send or fetch a byte now and then, so that something always moves. Needs
 * root, for a network namespace of its own.
 */
#include "api_world.h"

#define STEP_MS	 500 /* far below what is idle */
#define LATEST_S (API_TAKE_S + 5)
#define LARGE	 (4 << 20) /* bytes, more than a socket's buffers hold */

static int get_large(void *arg, const struct api_call *call, struct fl_json **out,
		     struct fl_err *err)
{
	fl_auto_free char *text = malloc(LARGE + 1);

	(void)arg;
	(void)call;
	(void)err;
	calls++;
	assert_non_null(text);
	memset(text, 'x', LARGE);
	text[LARGE] = '\0';
	*out = fl_json_new_str(text);
	return 0;
}

static const struct api_route routes[] = {
	{ "GET", "/v1/large", get_large },
};

SERVE(routes);

/* Turns the loop for one step. */
static void step(void)
{
	struct fl_deadline until = fl_deadline_in(STEP_MS);

	while (fl_deadline_left(&until)) {
		struct pollfd p = { .fd = uv_backend_fd(&loop), .events = POLLIN };

		FL_IGNORE(poll(&p, 1, 10));
		uv_run(&loop, UV_RUN_NOWAIT);
	}
}

/* Sends a byte of a request that has no end; false when the server has closed the connection. */
static bool drip(int fd, size_t n)
{
	static const char head[] = "GET /metrics HTTP/1.1\r\nHost: agent\r\nX-Long: ";

	return send(fd, n < sizeof(head) - 1 ? &head[n] : "x", 1, 0) == 1 &&
	       recv(fd, answer, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

static void clients_that_drip_do_not_fill_the_door_for_ever(void **state)
{
	int fds[API_CONNECTIONS + 1];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < API_CONNECTIONS; i++)
		fds[i] = dial_from(INADDR_LOOPBACK + (in_addr_t)(i / API_OF_ONE));
	step();
	fds[API_CONNECTIONS] = dial_from(INADDR_LOOPBACK + 9);
	send_all(fds[API_CONNECTIONS], "GET /healthz HTTP/1.0\r\n\r\n", 25);
	for (struct fl_deadline until = fl_deadline_in(LATEST_S * 1000);
	     recv(fds[API_CONNECTIONS], answer, 1, MSG_PEEK) != 1; n++) {
		if (!fl_deadline_left(&until))
			fail_msg("nobody else is served after %d s", LATEST_S);
		for (size_t i = 0; i < API_CONNECTIONS; i++)
			FL_IGNORE(drip(fds[i], n));
		step();
	}
	/* Not before their time. */
	CHECK(n >= (API_TAKE_S - 2) * 1000 / STEP_MS);
	read_to_end(fds[API_CONNECTIONS], 10000);
	check_answer(answer, 200, TEXT, "ok\n");
	for (size_t i = 0; i < FL_ARRAY_LEN(fds); i++) {
		CHECK(i == API_CONNECTIONS || !drip(fds[i], n));
		fl_close_p(&fds[i]);
	}
}

/* Asks, and is answered. */
static void ask_again(int fd)
{
	static const char request[] = "GET /healthz HTTP/1.1\r\nHost: agent\r\n\r\n";
	ssize_t n;

	send_all(fd, request, strlen(request));
	step();
	n = recv(fd, answer, sizeof(answer) - 1, 0);
	CHECK(n > 0);
	answer[n] = '\0';
	check_answer(answer, 200, TEXT, "ok\n");
}

/* Fetches what there is to the end, and no more than a few seconds; false: there was no end. */
static bool fetch_rest(int fd, size_t *got)
{
	struct fl_deadline until = fl_deadline_in(5000);
	ssize_t n = -1;

	while (n != 0 && fl_deadline_left(&until)) {
		uv_run(&loop, UV_RUN_NOWAIT);
		n = recv(fd, answer, sizeof(answer), 0);
		*got += n > 0 ? (size_t)n : 0;
	}
	return n == 0;
}

/*
 * Three clients side by side: one whose body drips, one that fetches its answer in drops, and one
 * that asks again and again, which may stay, as each request has a time of its own.
 */
static void bodies_and_answers_that_drip_are_no_better(void **state)
{
	static const char head[] =
		"GET /v1/large HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n\r\n";
	struct fl_deadline until = fl_deadline_in(LATEST_S * 1000);
	fl_auto_close int body = -1, drops = -1, asker = -1;
	bool drips = true;
	size_t got = 0;

	(void)state;
	body = dial(false);
	drops = dial(false);
	asker = dial(true);
	send_all(body, head, strlen(head));
	send_all(drops, "GET /v1/large HTTP/1.1\r\nHost: a\r\n\r\n", 35);
	while (fl_deadline_left(&until)) {
		ssize_t n;

		ask_again(asker);
		drips = drips && drip(body, sizeof(head));
		/* So much that the server can send some more each time. */
		n = recv(drops, answer, 65536, 0);
		got += n > 0 ? (size_t)n : 0;
	}
	CHECK(!drips);
	/* What was sent in time may be fetched still. */
	CHECK(fetch_rest(drops, &got) && got < LARGE);
	CHECK(calls == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(clients_that_drip_do_not_fill_the_door_for_ever),
		SERVED(bodies_and_answers_that_drip_are_no_better),
	};

	return cmocka_run_group_tests(tests, enter_namespace, leave_namespace);
}
