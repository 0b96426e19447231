// SPDX-License-Identifier: Apache-2.0
/* The two doors of the agent: its unix socket and, for metrics, a TCP address. */
#include "agent/api/api.h"

#include <errno.h>
#include <string.h>

#include "agent/api/http.h"
#include "agent/api/listen.h"

struct api {
	char *path; /* owned */
	struct stat as;
	struct api_http *local, *network; /* network NULL: no metrics.listen */
};

static int open_local(uv_loop_t *loop, struct api *a, const struct api_table *table,
		      struct fl_err *err)
{
	fl_auto_close int fd = -1;
	int r;

	r = api_listen_unix(a->path, &fd, &a->as, err);
	if (r < 0)
		return r;
	r = api_http_open(loop, FL_TAKE_FD(fd), API_LOCAL, table, &a->local, err);
	if (r < 0)
		api_listen_remove(a->path, &a->as);
	return r;
}

static int open_network(uv_loop_t *loop, struct api *a, const char *listen_text,
			const struct api_table *table, struct fl_err *err)
{
	fl_auto_close int fd = -1;
	int r;

	if (!listen_text)
		return 0;
	r = api_listen_tcp(listen_text, &fd, err);
	if (r < 0)
		return r;
	return api_http_open(loop, FL_TAKE_FD(fd), API_NETWORK, table, &a->network, err);
}

#define api_auto_api fl_auto(api_close)

int api_open(uv_loop_t *loop, const char *path, const char *metrics_listen,
	     const struct api_table *table, struct api **out, struct fl_err *err)
{
	api_auto_api struct api *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return fl_fail(err, ENOMEM, "open the api: out of memory");
	a->path = strdup(path);
	if (!a->path)
		return fl_fail(err, ENOMEM, "open the api: out of memory");
	r = open_local(loop, a, table, err) ?: open_network(loop, a, metrics_listen, table, err);
	if (r < 0)
		return r;
	*out = FL_TAKE(a);
	return 0;
}

void api_wake(struct api *a)
{
	api_http_wake(a->local);
}

void api_close(struct api **a)
{
	struct api *own = *a;

	*a = NULL;
	if (!own)
		return;
	api_http_close(&own->network);
	if (own->local)
		api_listen_remove(own->path, &own->as);
	api_http_close(&own->local);
	free(own->path);
	free(own);
}
