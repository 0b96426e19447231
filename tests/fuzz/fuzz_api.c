// SPDX-License-Identifier: Apache-2.0
/*
 * What a client may ask: the input is METHOD, PATH and a body, each ended by a newline but the
 * last. Whatever it is, there is an answer with a status, and JSON where JSON is announced. The
 * same text is read as metrics.listen.
 */
#include "fuzz.h"

#include "agent/api/dispatch.h"
#include "agent/api/listen.h"
#include "agent/api/metrics.h"

static int echo(void *arg, const struct fl_json *body, struct fl_json **out, struct fl_err *err)
{
	(void)arg;
	(void)err;
	*out = body ? fl_json_copy(body) : NULL;
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

static const struct api_route routes[] = {
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
	char *path = cut(text), *body = cut(path);
	const struct api_table table = { routes, FL_ARRAY_LEN(routes), ready, metrics, body };
	struct fl_err err = { 0 };
	struct fl_ip ip;
	uint16_t port;

	for (int door = API_LOCAL; door <= API_NETWORK; door++) {
		const struct api_request q = { text, path, *body ? body : NULL, strlen(body),
					       false };
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
