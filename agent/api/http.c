// SPDX-License-Identifier: Apache-2.0
/* libmicrohttpd on a libuv loop. */
#include "agent/api/http.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include <microhttpd.h>

#include "base/deadline.h"
#include "base/log.h"
#include "base/text.h"

/* What a client may send too much before it is cut off instead of answered. */
#define SWALLOW_MAX (16 * API_BODY_MAX)

/* How often it is looked whether a request has waited for long enough. */
#define PATIENCE_MS 100

/* How long nothing is looked at when a client cannot be let in. */
#define PAUSE_MS 100

struct exchange;

struct api_http {
	const struct api_table *table;
	enum api_door door;
	int listen_fd; /* the library's */
	struct MHD_Daemon *daemon;
	uv_poll_t poll;
	uv_timer_t timer, patience;
	struct api_visits visits;
	int open_handles;
	struct exchange *waiting[API_WAITERS]; /* connections that are suspended */
	size_t n_waiting;
};

/* A request: its body is on its way, or its answer is waited for. */
struct exchange {
	char *query; /* what follows the '?'; owned, NULL: nothing */
	char *body;  /* owned */
	size_t len;
	bool too_large, begun;
	struct MHD_Connection *connection;
	struct fl_deadline until; /* of its patience */
	bool has_waited;
};

static void exchange_free(struct exchange *x)
{
	free(x->query);
	free(x->body);
	free(x);
}

/* Called first of all, with what stands in the request line. NULL: out of memory. */
static void *on_uri(void *arg, const char *uri, struct MHD_Connection *c)
{
	struct exchange *x = calloc(1, sizeof(*x));
	const char *query = strchr(uri, '?');

	(void)arg;
	if (!x)
		return NULL;
	x->connection = c;
	x->query = query ? strdup(query + 1) : NULL;
	if (query && !x->query) {
		exchange_free(x);
		return NULL;
	}
	return x;
}

static void on_done(void *arg, struct MHD_Connection *c, void **state,
		    enum MHD_RequestTerminationCode how)
{
	(void)arg;
	(void)how;
	api_visits_renew(c);
	if (*state)
		exchange_free(*state);
	*state = NULL;
}

/* How large the client says its body is, or 0. */
static bool announces_too_much(struct MHD_Connection *c)
{
	const char *text = MHD_lookup_connection_value(c, MHD_HEADER_KIND,
						       MHD_HTTP_HEADER_CONTENT_LENGTH);
	struct fl_err none;
	uint32_t n;

	return text && fl_parse_u32(text, 0, API_BODY_MAX, &n, &none) < 0;
}

static enum MHD_Result send_answer(struct MHD_Connection *c, struct api_answer *a)
{
	struct MHD_Response *response;
	enum MHD_Result ok = MHD_YES;

	response = MHD_create_response_from_buffer(a->len, a->body ? a->body : "",
						   a->body ? MHD_RESPMEM_MUST_FREE
							   : MHD_RESPMEM_PERSISTENT);
	if (!response)
		return MHD_NO;
	a->body = NULL; /* the response has it */
	if (a->type)
		ok &= MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
	if (*a->allow)
		ok &= MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, a->allow);
	if (ok == MHD_YES)
		ok = MHD_queue_response(c, a->status, response);
	MHD_destroy_response(response);
	return ok;
}

static void on_patience(uv_timer_t *timer);
static void on_timer(uv_timer_t *timer);

/* The library does not look at the connection, nor at its idle time, before it is resumed. */
static void wait_for_news(struct api_http *h, struct exchange *x)
{
	if (!x->has_waited)
		x->until = fl_deadline_in(API_WAIT_MS);
	x->has_waited = true;
	MHD_suspend_connection(x->connection);
	h->waiting[h->n_waiting++] = x;
	if (!uv_is_active((uv_handle_t *)&h->patience))
		(void)uv_timer_start(&h->patience, on_patience, PATIENCE_MS, PATIENCE_MS);
}

/* Resumes those that wait, or of them only those that have waited for long enough. */
static void resume(struct api_http *h, bool all)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->n_waiting; i++) {
		struct exchange *x = h->waiting[i];

		if (all || !fl_deadline_left(&x->until))
			MHD_resume_connection(x->connection);
		else
			h->waiting[kept++] = x;
	}
	/* The library takes them up in its next run, and asks for none. */
	if (kept < h->n_waiting)
		(void)uv_timer_start(&h->timer, on_timer, 0, 0);
	h->n_waiting = kept;
	if (kept == 0)
		(void)uv_timer_stop(&h->patience);
}

void api_http_wake(struct api_http *h)
{
	resume(h, true);
}

/* True while the request may still be told to wait. */
static bool may_wait(const struct api_http *h, const struct exchange *x)
{
	return h->n_waiting < API_WAITERS && (!x->has_waited || fl_deadline_left(&x->until));
}

static enum MHD_Result answer(struct api_http *h, struct exchange *x, const struct api_request *q)
{
	api_auto_answer struct api_answer a = { 0 };
	struct fl_err err = { 0 };

	if (api_dispatch(h->table, h->door, q, &a, &err) < 0) {
		fl_warn("%s %s: %s, connection closed", q->method, q->path, err.text);
		return MHD_NO;
	}
	if (a.status == 0) {
		wait_for_news(h, x);
		return MHD_YES;
	}
	return send_answer(x->connection, &a);
}

/* MHD_NO closes the connection. */
static enum MHD_Result take_body(struct exchange *x, const char *data, size_t len)
{
	char *more;

	x->len += len;
	if (x->len > SWALLOW_MAX)
		return MHD_NO;
	x->too_large |= x->len > API_BODY_MAX;
	if (x->too_large)
		return MHD_YES;
	more = realloc(x->body, x->len);
	if (!more)
		return MHD_NO;
	x->body = more;
	memcpy(x->body + x->len - len, data, len);
	return MHD_YES;
}

/* Called when the headers are there, then for each piece of the body, then at its end. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *len, void **state)
{
	struct exchange *x = *state;
	enum MHD_Result ok;

	(void)version;
	if (!x)
		return MHD_NO;
	if (!x->begun) {
		x->begun = true;
		x->too_large = announces_too_much(c);
		if (!x->too_large)
			return MHD_YES;
	} else if (*len) {
		ok = take_body(x, data, *len);
		*len = 0;
		return ok;
	}
	api_visits_renew(c);
	return answer(arg, x,
		      &(struct api_request){
			      .method = method,
			      .path = url,
			      .query = x->query,
			      .body = x->too_large ? NULL : x->body,
			      .len = x->len,
			      .too_large = x->too_large,
			      .may_wait = may_wait(arg, x),
		      });
}

static unsigned int connections(const struct api_http *h)
{
	const union MHD_DaemonInfo *info;

	info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
	return info ? info->num_connections : 0;
}

/*
 * True when somebody is at the door though nobody is in: out of descriptors, the library cannot let
 * him in, and epoll says at once that he is there still. While others are in it waits, by itself,
 * for one of them to go.
 */
static bool is_stuck(const struct api_http *h)
{
	struct pollfd door = { .fd = h->listen_fd, .events = POLLIN };

	return connections(h) == 0 && poll(&door, 1, 0) > 0;
}

static void on_poll(uv_poll_t *poll, int status, int events);

/*
 * Lets the library work, and asks when it wants to be called next though nothing happens. Runs it
 * again after a connection has come or gone: libmicrohttpd 0.9.75 takes up listening after it was
 * at its limit only in the next run, and asks for none.
 */
static void turn(struct api_http *h)
{
	MHD_UNSIGNED_LONG_LONG wait_ms = 0;
	unsigned int before;

	do {
		before = connections(h);
		if (MHD_run(h->daemon) != MHD_YES)
			fl_warn("serve http: the library gives up on a connection, going on");
	} while (connections(h) != before);
	if (is_stuck(h))
		FL_IGNORE(MHD_run(h->daemon)); /* he may have come only now */
	if (is_stuck(h)) {
		(void)uv_poll_stop(&h->poll);
		(void)uv_timer_start(&h->timer, on_timer, PAUSE_MS, 0);
		return;
	}
	if (!uv_is_active((uv_handle_t *)&h->poll))
		(void)uv_poll_start(&h->poll, UV_READABLE, on_poll);
	if (MHD_get_timeout(h->daemon, &wait_ms) == MHD_YES)
		(void)uv_timer_start(&h->timer, on_timer, wait_ms, 0);
	else
		(void)uv_timer_stop(&h->timer);
}

/*
 * A connection that has been idle for too long is shut down in one run and closed in the next one,
 * for which libmicrohttpd 0.9.75 does not ask.
 */
static void on_timer(uv_timer_t *timer)
{
	struct api_http *h = timer->data;

	(void)MHD_run(h->daemon);
	turn(h);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	turn(poll->data);
}

static void on_patience(uv_timer_t *timer)
{
	resume(timer->data, false);
}

static void log_library(void *arg, const char *fmt, va_list args) fl_printf(2, 0);

static void log_library(void *arg, const char *fmt, va_list args)
{
	char text[256];

	(void)arg;
	(void)vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\n")] = '\0';
	fl_debug("libmicrohttpd: %s", text);
}

static int start_daemon(struct api_http *h, int fd, struct fl_err *err)
{
	h->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		on_request, h, MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL,
		MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_NOTIFY_CONNECTION,
		api_visits_notify, &h->visits, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)API_CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		(unsigned int)API_OF_ONE, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)API_IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)API_HEADER_MAX,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (!h->daemon)
		return fl_fail(err, ENOMEM, "start the http server: refused by libmicrohttpd");
	return 0;
}

static void free_when_closed(uv_handle_t *handle)
{
	struct api_http *h = handle->data;

	if (--h->open_handles == 0)
		fl_free_p(&h);
}

/* Puts the library's epoll descriptor on the loop. */
static int join_loop(struct api_http *h, uv_loop_t *loop, struct fl_err *err)
{
	const union MHD_DaemonInfo *info;
	int r;

	info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return fl_fail(err, ENOTSUP, "start the http server: libmicrohttpd has no epoll");
	(void)uv_timer_init(loop, &h->timer); /* cannot fail */
	(void)uv_timer_init(loop, &h->patience);
	api_visits_open(&h->visits, loop);
	h->timer.data = h->patience.data = h->visits.timer.data = h;
	h->open_handles = 3;
	r = uv_poll_init(loop, &h->poll, info->epoll_fd);
	if (r == 0) {
		h->poll.data = h;
		h->open_handles = 4;
		r = uv_poll_start(&h->poll, UV_READABLE, on_poll);
	}
	return r < 0 ? fl_fail(err, -r, "start the http server: %s", uv_strerror(r)) : 0;
}

int api_http_open(uv_loop_t *loop, int listen_fd, enum api_door door, const struct api_table *table,
		  struct api_http **out, struct fl_err *err)
{
	fl_auto_close int fd = listen_fd;
	api_auto_http struct api_http *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return fl_fail(err, ENOMEM, "start the http server: out of memory");
	h->table = table;
	h->door = door;
	h->listen_fd = listen_fd;
	r = start_daemon(h, fd, err);
	if (r < 0)
		return r;
	(void)FL_TAKE_FD(fd); /* the library closes it */
	r = join_loop(h, loop, err);
	if (r < 0)
		return r;
	*out = FL_TAKE(h);
	return 0;
}

void api_http_close(struct api_http **h)
{
	struct api_http *own = *h;

	*h = NULL;
	if (!own)
		return;
	if (own->open_handles == 4)
		(void)uv_poll_stop(&own->poll); /* before its descriptor goes */
	resume(own, true);			/* as the library wants it */
	if (own->daemon)
		MHD_stop_daemon(own->daemon);
	if (own->open_handles == 4)
		uv_close((uv_handle_t *)&own->poll, free_when_closed);
	if (own->open_handles == 0) {
		free(own);
		return;
	}
	uv_close((uv_handle_t *)&own->timer, free_when_closed);
	uv_close((uv_handle_t *)&own->patience, free_when_closed);
	uv_close((uv_handle_t *)&own->visits.timer, free_when_closed);
}
