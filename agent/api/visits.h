// SPDX-License-Identifier: Apache-2.0
/*
 * How long a connection may take over what it does: libmicrohttpd knows only how long nothing has
 * moved, so who sends or fetches a byte now and then could keep a place for ever. A client has
 * API_TAKE_S for each request, from its coming or from the end of the last answer to the request's
 * last byte, and as long to fetch the answer. Then its connection is closed.
 */
#pragma once

#include <uv.h>

#include <microhttpd.h>

#include "base/deadline.h"

#define API_CONNECTIONS 64 /* at once on each socket; more wait in the backlog */
#define API_TAKE_S	10

struct api_visit {
	struct MHD_Connection *connection; /* NULL: the place is free */
	struct fl_deadline until;
	bool over; /* it has been told to go */
};

struct api_visits {
	uv_timer_t timer;
	struct api_visit all[API_CONNECTIONS];
	size_t n;
};

/* Prepares; the timer's data and its end are the caller's. */
void api_visits_open(struct api_visits *v, uv_loop_t *loop);

/* A connection has come or gone: the library's notification, arg the visits. */
void api_visits_notify(void *arg, struct MHD_Connection *c, void **context,
		       enum MHD_ConnectionNotificationCode code);

/* The connection's next part begins: the answer, or another request. */
void api_visits_renew(struct MHD_Connection *c);
