// SPDX-License-Identifier: Apache-2.0
/* Connections that take too long, closed. */
#include "agent/api/visits.h"

#include <sys/socket.h>

#include "base/log.h"

#define LOOK_MS 500 /* how often it is looked who has been there for too long */

static void show_out(struct api_visit *visit)
{
	const union MHD_ConnectionInfo *info;

	visit->over = true;
	info = MHD_get_connection_info(visit->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	fl_debug("http: a client took longer than %d s over a request or its answer", API_TAKE_S);
	/* The library finds it closed, as if the client had gone. */
	if (info)
		(void)shutdown(info->connect_fd, SHUT_RDWR);
}

static void on_timer(uv_timer_t *timer)
{
	struct api_visits *v = (struct api_visits *)timer;

	for (size_t i = 0; i < API_CONNECTIONS; i++) {
		struct api_visit *visit = &v->all[i];

		if (visit->connection && !visit->over && !fl_deadline_left(&visit->until))
			show_out(visit);
	}
}

void api_visits_open(struct api_visits *v, uv_loop_t *loop)
{
	(void)uv_timer_init(loop, &v->timer); /* cannot fail */
}

static void come(struct api_visits *v, struct MHD_Connection *c, void **context)
{
	size_t i = 0;

	while (i < API_CONNECTIONS && v->all[i].connection)
		i++;
	/* The library has no more at once than it was told to. */
	if (i == API_CONNECTIONS)
		return;
	v->all[i] = (struct api_visit){ c, fl_deadline_in(API_TAKE_S * 1000), false };
	*context = &v->all[i];
	if (v->n++ == 0)
		(void)uv_timer_start(&v->timer, on_timer, LOOK_MS, LOOK_MS);
}

static void go(struct api_visits *v, void **context)
{
	struct api_visit *visit = *context;

	if (!visit)
		return;
	*context = NULL;
	visit->connection = NULL;
	if (--v->n == 0)
		(void)uv_timer_stop(&v->timer);
}

void api_visits_notify(void *arg, struct MHD_Connection *c, void **context,
		       enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		come(arg, c, context);
	else
		go(arg, context);
}

void api_visits_renew(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info;
	struct api_visit *visit;

	info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	visit = info ? info->socket_context : NULL;
	if (visit)
		visit->until = fl_deadline_in(API_TAKE_S * 1000);
}
