// SPDX-License-Identifier: Apache-2.0
/*
 * The agent's HTTP server (libmicrohttpd, on the agent's own loop, one thread): JSON on a unix
 * socket, and /metrics, /healthz and /readyz there and on a TCP address. Knows HTTP and nothing of
 * what is served: that comes as a table. docs/api.md has the documents.
 */
#pragma once

#include <uv.h>

#include "agent/api/query.h"
#include "json/json.h"

#define API_PARTS_MAX 2	   /* of a path that a route leaves open */
#define API_WAIT_MS   1000 /* a request without an answer yet waits at most so long */
#define API_WAITERS   16   /* requests that wait at once, on each socket */

/* What is asked. Everything is borrowed until the handler returns. */
struct api_call {
	const struct fl_json *body;	  /* what was sent, or NULL */
	const char *parts[API_PARTS_MAX]; /* what stands where the route's path has a '*' */
	const struct api_query *query;	  /* only parameters that the route knows */
	bool may_wait;			  /* -EINPROGRESS may be returned */
};

/*
 * Answers one request. *out is the answer's document, or NULL for 204. An error becomes
 * {"error": text} with status 400 (-EINVAL), 404 (-ENOENT), 409 (-EEXIST, -EBUSY), 503 (-EAGAIN) or
 * 500. -EINPROGRESS: there is nothing to say yet; the handler is called again after api_wake(), and
 * for the last time after API_WAIT_MS.
 */
typedef int api_handler(void *arg, const struct api_call *call, struct fl_json **out,
			struct fl_err *err);

struct api_route {
	const char *method, *path; /* "GET", "/v1/status"; a part that is '*' may be any text */
	api_handler *handle;
	const char *const *params; /* what may follow a '?', up to a NULL; or NULL */
};

struct api_metrics; /* Prometheus text under construction: metrics.h */

struct api_table {
	const struct api_route *routes;
	size_t n_routes;
	bool (*ready)(void *arg);
	void (*metrics)(void *arg, struct api_metrics *m);
	void *arg;
};

struct api;

/*
 * Serves the table on the unix socket at path (mode 0600, a dead one is replaced, a living agent's
 * is -EADDRINUSE) and, unless metrics_listen is NULL, on that TCP address. table is borrowed for
 * life; *out is the caller's.
 */
fl_must int api_open(uv_loop_t *loop, const char *path, const char *metrics_listen,
		     const struct api_table *table, struct api **out, struct fl_err *err);

/* Something has happened that requests may wait for. Not from within a handler. */
void api_wake(struct api *a);

/* Stops serving and removes the socket. */
void api_close(struct api **a);
