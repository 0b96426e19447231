// SPDX-License-Identifier: Apache-2.0
/*
 * What a client may ask: the input is METHOD, PATH (with a query) and a body, each ended by a
 * newline but the last. Whatever it is, there is an answer with a status, and JSON where JSON is
 * announced. The same text is read as metrics.listen.
 */
#include "fuzz.h"

#include <errno.h>

#include "agent/api/dispatch.h"
#include "agent/api/listen.h"
#include "agent/api/metrics.h"

static int echo(void *arg, const struct api_call *call, struct fl_json **out, struct fl_err *err)
{
	(void)arg;
	(void)err;
	*out = call->body ? fl_json_copy(call->body) : NULL;
	return 0;
}

static bool ready(void *arg)
{
	(void)arg;
	return true;
}

static void metrics(void *arg, struct api_metrics *m)
{
	api_metrics_family(m, API_GAUGE, "input", "What came in.");
	api_metrics_count(m, 1, (struct api_label[]){ { "text", arg }, { NULL } });
}

static const char *const params[] = { "after", "drops", NULL };

/* The parts and the parameters, as they were understood. */
static int tell(void *arg, const struct api_call *call, struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *obj = fl_json_object();
	uint64_t after = 0;
	bool drops = false;
	int r;

	(void)arg;
	MUST(call->parts[0] && *call->parts[0] && call->parts[1] && *call->parts[1]);
	r = api_query_u64(call->query, "after", 1, 1000, &after, err)
		    ?: api_query_bool(call->query, "drops", &drops, err);
	if (r < 0)
		return r;
	MUST(after <= 1000);
	if (after == 1000)
		return -EINPROGRESS;
	MUST(obj && fl_json_set_str(obj, "part", call->parts[1]) == 0);
	*out = FL_TAKE(obj);
	return 0;
}

static const struct api_route routes[] = {
	{ "GET", "/v1/both/*/*", tell, params },
	{ "GET", "/v1/both", echo },
	{ "POST", "/v1/both", echo },
	{ "POST", "/v1/post", echo },
};

/* Cuts the line off; the rest. */
static char *cut(char *text)
{
	char *end = text + strcspn(text, "\n");

	if (*end)
		*end++ = '\0';
	return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_free char *text = fuzz_text(data, size);
	char *path = cut(text), *body = cut(path), *query = strchr(path, '?');
	const struct api_table table = { routes, FL_ARRAY_LEN(routes), ready, metrics, body };
	struct fl_err err = { 0 };
	struct fl_ip ip;
	uint16_t port;

	if (query)
		*query++ = '\0';
	for (int door = API_LOCAL; door <= API_NETWORK; door++) {
		const struct api_request q = { .method = text,
					       .path = path,
					       .query = query,
					       .body = *body ? body : NULL,
					       .len = strlen(body) };
		api_auto_answer struct api_answer a = { 0 };
		fl_auto_json struct fl_json *doc = NULL;

		MUST(api_dispatch(&table, (enum api_door)door, &q, &a, &err) == 0);
		MUST(a.status >= 200 && a.status < 600);
		MUST((a.status == 405) == (*a.allow != '\0'));
		MUST(!a.body == (a.status == 204) && strlen(a.body ? a.body : "") == a.len);
		if (a.type && strcmp(a.type, "application/json") == 0)
			MUST(fl_json_parse(a.body, a.len, &doc, &err) == 0);
	}
	if (api_listen_parse(text, &ip, &port, &err) == 0)
		MUST(port > 0);
	return 0;
}
