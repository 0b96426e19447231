// SPDX-License-Identifier: Apache-2.0
/*
 * One listening socket on the loop. libmicrohttpd keeps its sockets in an epoll descriptor of its
 * own, which the loop watches; it has no thread. The only files that know it are this folder's
 * http.c and visits.c.
 */
#pragma once

#include "agent/api/dispatch.h"
#include "agent/api/visits.h"

#define API_OF_ONE     16    /* of these by TCP, from one address; more are closed */
#define API_IDLE_S     5     /* a connection on which nothing moves is closed */
#define API_HEADER_MAX 32768 /* bytes: what a connection may hold, request line and headers */

struct api_http;

/*
 * Serves the table on the listening socket, which it takes over whatever happens. table is
 * borrowed for life; *out is the caller's.
 */
fl_must int api_http_open(uv_loop_t *loop, int listen_fd, enum api_door door,
			  const struct api_table *table, struct api_http **out, struct fl_err *err);

/* Has the requests that wait asked again on the loop's next turn. */
void api_http_wake(struct api_http *h);

/*
 * Stops serving at once; memory is freed on the loop's next turn. Not from within a handler.
 */
void api_http_close(struct api_http **h);
#define api_auto_http fl_auto(api_http_close)
