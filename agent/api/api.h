// SPDX-License-Identifier: Apache-2.0
/*
 * The agent's HTTP server (libmicrohttpd, on the agent's own loop, one thread): JSON on a unix
 * socket, and /metrics, /healthz and /readyz there and on a TCP address. Knows HTTP and nothing of
 * what is served: that comes as a table. docs/api.md has the documents.
 */
#pragma once

#include <uv.h>

#include "json/json.h"

/* Answers one request. body: what was sent, or NULL. *out is the answer's document, or NULL for
 * 204. An error becomes {"error": text} with status 400 (-EINVAL), 404 (-ENOENT), 409 (-EEXIST,
 * -EBUSY), 503 (-EAGAIN) or 500. */
typedef int api_handler(void *arg, const struct fl_json *body, struct fl_json **out,
			struct fl_err *err);

struct api_route {
	const char *method, *path; /* "GET", "/v1/status" */
	api_handler *handle;
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

/* Stops serving and removes the socket. */
void api_close(struct api **a);
