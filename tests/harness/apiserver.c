// SPDX-License-Identifier: Apache-2.0
/*
 * An agent that has nothing but its API: serves the documents of a folder, for tests of the
 * command line.
 *
 * usage: apiserver SOCKET FOLDER
 *
 * GET /v1/NAME is FOLDER/NAME.json, and 404 without it. POSTs are appended to FOLDER/posts, and
 * refused with 409 when there is FOLDER/refuse. It is ready when there is FOLDER/ready.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/api/api.h"
#include "agent/api/metrics.h"
#include "base/file.h"

#define DOC_MAX (16u << 20) /* bytes */

/* arg is a descriptor of the folder. */
static int folder(void *arg)
{
	return *(int *)arg;
}

static int serve(void *arg, const char *name, struct fl_json **out, struct fl_err *err)
{
	return fl_json_read(folder(arg), name, DOC_MAX, out, err);
}

static int note(void *arg, const char *path, struct fl_err *err)
{
	fl_auto_close int fd = -1;

	if (faccessat(folder(arg), "refuse", F_OK, 0) == 0)
		return fl_fail(err, EBUSY, "not in this mode");
	fd = openat(folder(arg), "posts", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0 || dprintf(fd, "%s\n", path) < 0)
		return fl_fail_errno(err, errno, "write 'posts'");
	return 0;
}

#define GET(name)                                                                           \
	static int get_##name(void *arg, const struct api_call *call, struct fl_json **out, \
			      struct fl_err *err)                                           \
	{                                                                                   \
		(void)call;                                                                 \
		return serve(arg, #name ".json", out, err);                                 \
	}
#define POST(name, path)                                                                     \
	static int post_##name(void *arg, const struct api_call *call, struct fl_json **out, \
			       struct fl_err *err)                                           \
	{                                                                                    \
		(void)call;                                                                  \
		(void)out;                                                                   \
		return note(arg, path, err);                                                 \
	}

GET(status)
GET(peers)
GET(routes)
GET(endpoints)
GET(bgp)
POST(drain, "/v1/node/drain")
POST(undrain, "/v1/node/undrain")
POST(reload, "/v1/reload")

static const struct api_route routes[] = {
	{ "GET", "/v1/status", get_status },
	{ "GET", "/v1/peers", get_peers },
	{ "GET", "/v1/routes", get_routes },
	{ "GET", "/v1/endpoints", get_endpoints },
	{ "GET", "/v1/bgp", get_bgp },
	{ "POST", "/v1/node/drain", post_drain },
	{ "POST", "/v1/node/undrain", post_undrain },
	{ "POST", "/v1/reload", post_reload },
};

static bool ready(void *arg)
{
	return faccessat(folder(arg), "ready", F_OK, 0) == 0;
}

static void metrics(void *arg, struct api_metrics *m)
{
	api_metrics_gauge(m, "apiserver_ready", "Whether it is ready.", ready(arg));
}

int main(int argc, char **argv)
{
	struct api_table table = { routes, FL_ARRAY_LEN(routes), ready, metrics, NULL };
	struct fl_err err = { 0 };
	struct api *api = NULL;
	uv_loop_t loop;
	int dir = -1;

	if (argc == 3)
		dir = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || uv_loop_init(&loop) < 0) {
		(void)fprintf(stderr, "usage: apiserver SOCKET FOLDER\n");
		return 2;
	}
	table.arg = &dir;
	if (api_open(&loop, argv[1], NULL, &table, &api, &err) < 0) {
		(void)fprintf(stderr, "apiserver: %s\n", err.text);
		return 1;
	}
	return uv_run(&loop, UV_RUN_DEFAULT);
}
