// SPDX-License-Identifier: Apache-2.0
/* Which handler a request is for, and what its result is in HTTP. */
#include "agent/api/dispatch.h"

#include <assert.h>
#include <errno.h>

#include "agent/api/metrics.h"
#include "base/text.h"

#define TYPE_JSON    "application/json"
#define TYPE_TEXT    "text/plain; charset=utf-8"
#define TYPE_METRICS "text/plain; version=0.0.4; charset=utf-8"

void api_answer_done(struct api_answer *a)
{
	fl_free_p(&a->body);
	a->len = 0;
}

static int say_text(struct api_answer *out, unsigned int status, const char *text,
		    struct fl_err *err)
{
	out->body = strdup(text);
	if (!out->body)
		return fl_fail(err, ENOMEM, "answer: out of memory");
	out->len = strlen(text);
	out->status = status;
	out->type = TYPE_TEXT;
	return 0;
}

/* The document and a newline. */
static int say_json(struct api_answer *out, unsigned int status, const struct fl_json *v,
		    struct fl_err *err)
{
	fl_auto_free char *text = NULL;
	char *longer;
	size_t len;
	int r;

	r = fl_json_print(v, 0, &text, err);
	if (r < 0)
		return r;
	len = strlen(text);
	longer = realloc(text, len + 2);
	if (!longer)
		return fl_fail(err, ENOMEM, "answer: out of memory");
	text = longer;
	memcpy(text + len, "\n", 2);
	out->body = FL_TAKE(text);
	out->len = len + 1;
	out->status = status;
	out->type = TYPE_JSON;
	return 0;
}

static int say_error(struct api_answer *out, unsigned int status, const char *text,
		     struct fl_err *err)
{
	fl_auto_json struct fl_json *v = fl_json_object();

	if (!v || fl_json_set_str(v, "error", text) < 0)
		return fl_fail(err, ENOMEM, "answer: out of memory");
	return say_json(out, status, v, err);
}

static int answer_health(const struct api_table *t, struct api_answer *out, struct fl_err *err)
{
	(void)t;
	return say_text(out, 200, "ok\n", err);
}

static int answer_ready(const struct api_table *t, struct api_answer *out, struct fl_err *err)
{
	return t->ready(t->arg) ? say_text(out, 200, "ready\n", err)
				: say_text(out, 503, "not ready\n", err);
}

static int answer_metrics(const struct api_table *t, struct api_answer *out, struct fl_err *err)
{
	api_auto_metrics struct api_metrics *m = NULL;
	int r;

	r = api_metrics_new(&m, err);
	if (r < 0)
		return r;
	t->metrics(t->arg, m);
	r = api_metrics_take(m, &out->body, &out->len, err);
	if (r < 0)
		return r;
	out->status = 200;
	out->type = TYPE_METRICS;
	return 0;
}

static const struct {
	const char *path;
	int (*answer)(const struct api_table *t, struct api_answer *out, struct fl_err *err);
} open_pages[] = {
	{ "/healthz", answer_health },
	{ "/readyz", answer_ready },
	{ "/metrics", answer_metrics },
};

static unsigned int status_of(int r)
{
	switch (r) {
	case -EINVAL:
		return 400;
	case -ENOENT:
		return 404;
	case -EEXIST:
	case -EBUSY:
		return 409;
	case -EAGAIN:
		return 503;
	default:
		return 500;
	}
}

/*
 * True when the path is the route's. What stands where the route has a '*' goes to parts, cut out
 * of text, a copy of the path.
 */
static bool is_path(const struct api_route *route, char *text, struct api_call *call)
{
	const char *want = route->path;
	size_t n = 0;

	for (; *want && *want != '*'; want++, text++)
		if (*text != *want)
			return false;
	if (!*want)
		return !*text;
	while (*want == '*') {
		char *end = text + strcspn(text, "/");
		bool is_last = !want[1];

		if (end == text || (*end == '/') == is_last)
			return false;
		assert(n < API_PARTS_MAX); /* the routes are ours */
		call->parts[n++] = text;
		*end = '\0';
		text = end + 1;
		want += is_last ? 1 : 2;
	}
	return true;
}

static int run_handler(const struct api_table *table, const struct api_route *route,
		       const struct api_request *q, struct api_call *call, struct api_answer *out,
		       struct fl_err *err)
{
	fl_auto_json struct fl_json *body = NULL, *doc = NULL;
	struct api_query query;
	struct fl_err why = { 0 };
	int r = 0;

	if (api_query_parse(q->query, route->params, &query, &why) < 0)
		return say_error(out, 400, why.text, err);

	if (q->body) {
		r = fl_json_parse(q->body, q->len, &body, &why);
		if (r < 0)
			return say_error(out, r == -ENOMEM ? 500 : 400,
					 (fl_wrap(&why, r, "body"), why.text), err);
	}
	call->body = body;
	call->query = &query;
	call->may_wait = q->may_wait;
	r = route->handle(table->arg, call, &doc, &why);
	if (r == -EINPROGRESS && q->may_wait)
		return 0;
	if (r < 0)
		return say_error(out, status_of(r), why.text, err);
	if (doc)
		return say_json(out, 200, doc, err);
	out->status = 204;
	return 0;
}

/* HEAD is answered as GET wherever there is GET. */
static bool is_method(const char *asked, const char *method)
{
	return fl_streq(asked, method) || (fl_streq(asked, "HEAD") && fl_streq(method, "GET"));
}

static void allow(struct api_answer *out, const char *method)
{
	size_t n = strlen(out->allow);
	struct fl_err none;
	int r;

	r = fl_format(out->allow + n, sizeof(out->allow) - n, &none, "%s%s%s", n ? ", " : "",
		      method, fl_streq(method, "GET") ? ", HEAD" : "");
	assert(r == 0); /* a path has two or three methods, and they are ours */
}

static int refuse(const struct api_request *q, struct api_answer *out, struct fl_err *err)
{
	struct fl_err why;

	if (*out->allow) {
		(void)fl_fail(&why, ENOTSUP, "method '%s' on '%s': expected %s", q->method, q->path,
			      out->allow);
		return say_error(out, 405, why.text, err);
	}
	(void)fl_fail(&why, ENOENT, "there is nothing at '%s'", q->path);
	return say_error(out, 404, why.text, err);
}

static int too_large(struct api_answer *out, struct fl_err *err)
{
	struct fl_err why;

	(void)fl_fail(&why, EFBIG, "the body has more than %d bytes", API_BODY_MAX);
	return say_error(out, 413, why.text, err);
}

int api_dispatch(const struct api_table *table, enum api_door door,
		 const struct api_request *request, struct api_answer *out, struct fl_err *err)
{
	fl_auto_free char *parts = strdup(request->path);

	*out = (struct api_answer){ 0 };
	if (!parts)
		return fl_fail(err, ENOMEM, "answer: out of memory");
	if (request->too_large)
		return too_large(out, err);
	for (size_t i = 0; i < FL_ARRAY_LEN(open_pages); i++) {
		if (!fl_streq(request->path, open_pages[i].path))
			continue;
		if (is_method(request->method, "GET"))
			return open_pages[i].answer(table, out, err);
		allow(out, "GET");
	}
	for (size_t i = 0; door == API_LOCAL && i < table->n_routes; i++) {
		const struct api_route *route = &table->routes[i];
		struct api_call call = { 0 };

		strcpy(parts, request->path);
		if (!is_path(route, parts, &call))
			continue;
		if (is_method(request->method, route->method)) {
			*out->allow = '\0'; /* of a route before this one */
			return run_handler(table, route, request, &call, out, err);
		}
		allow(out, route->method);
	}
	return refuse(request, out, err);
}
