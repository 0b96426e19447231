// SPDX-License-Identifier: Apache-2.0
/* One request, one answer. */
#include "cli/client.h"

#include <errno.h>
#include <limits.h>

#include <curl/curl.h>

#include "base/text.h"

struct answer {
	char *text; /* owned */
	size_t len;
	bool too_large, no_memory;
};

static void close_curl(CURL **curl)
{
	if (*curl)
		curl_easy_cleanup(*curl);
	*curl = NULL;
}

static void answer_done(struct answer *a)
{
	fl_free_p(&a->text);
}

static size_t on_data(char *data, size_t one, size_t n, void *arg)
{
	struct answer *a = arg;
	char *more;

	(void)one; /* is 1 */
	a->too_large = a->len + n > CLI_ANSWER_MAX;
	if (a->too_large)
		return 0;
	more = realloc(a->text, a->len + n + 1);
	a->no_memory = !more;
	if (!more)
		return 0;
	a->text = more;
	memcpy(a->text + a->len, data, n);
	a->len += n;
	a->text[a->len] = '\0';
	return n;
}

/* What is asked; body NULL: none. */
struct question {
	const char *method, *path, *body;
};

static CURLcode set_up(CURL *curl, const struct question *q, const char *url, const char *socket,
		       struct answer *a)
{
	CURLcode code = !q->body ? CURLE_OK : curl_easy_setopt(curl, CURLOPT_POSTFIELDS, q->body);

	return code ?: curl_easy_setopt(curl, CURLOPT_URL, url)
		       ?: curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket)
		       ?: curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, q->method)
		       ?: curl_easy_setopt(curl, CURLOPT_PROXY, "") /* whatever http_proxy says */
		       ?: curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http")
		       ?: curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L)
		       ?: curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)CLI_TIMEOUT_S)
		       ?: curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data)
		       ?: curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
}

/* What it means that there is no answer. */
static int explain(CURL *curl, CURLcode code, const char *socket, const struct answer *a,
		   struct fl_err *err)
{
	long sys = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &sys);
	if (a->no_memory || code == CURLE_OUT_OF_MEMORY)
		return fl_fail(err, ENOMEM, "ask the agent: out of memory");
	if (a->too_large)
		return fl_fail(err, EFBIG, "ask the agent: an answer of more than %u bytes",
			       CLI_ANSWER_MAX);
	if (code == CURLE_COULDNT_CONNECT && sys == EACCES)
		(void)fl_fail(err, EACCES, "no access to the agent at '%s': run as root", socket);
	else if (code == CURLE_COULDNT_CONNECT)
		(void)fl_fail(err, sys > 0 ? (int)sys : ECONNREFUSED,
			      "no agent at '%s' (%s): start fairleadd, or name its socket by "
			      "--socket",
			      socket, sys > 0 ? strerror((int)sys) : "no connection");
	else
		(void)fl_fail(err, EIO, "no answer from the agent at '%s': %s", socket,
			      curl_easy_strerror(code));
	return fl_class(err, -err->sys, CLI_NO_AGENT);
}

static int judge(long status, struct answer *a, struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *doc = NULL;
	const char *text;
	int r;

	if (status == 204) {
		*out = NULL;
		return 0;
	}
	r = fl_json_parse(a->text ? a->text : "", a->len, &doc, err);
	if (r < 0)
		return fl_wrap(err, r, "the agent's answer, status %ld", status);
	if (status == 200) {
		*out = FL_TAKE(doc);
		return 0;
	}
	text = fl_json_str(fl_json_get(doc, "error"));
	return fl_fail(err, status == 404 ? ENOENT : EREMOTEIO, "%s",
		       text ? text : "the agent says no, and not why");
}

static int ask(const struct cli *c, const struct question *q, struct fl_json **out,
	       struct fl_err *err)
{
	fl_auto(answer_done) struct answer a = { 0 };
	fl_auto(close_curl) CURL *curl = NULL;
	char socket[PATH_MAX], url[2048];
	long status = 0;
	CURLcode code;
	int r;

	r = c->socket
		    ? fl_copy(socket, sizeof(socket), c->socket, err)
		    : fl_format(socket, sizeof(socket), err, "%s/run/fairlead/agent.sock", c->root);
	r = r ?: fl_format(url, sizeof(url), err, "http://agent%s", q->path);
	if (r < 0)
		return r;
	curl = curl_easy_init();
	if (!curl)
		return fl_fail(err, ENOMEM, "ask the agent: out of memory");
	code = set_up(curl, q, url, socket, &a) ?: curl_easy_perform(curl);
	if (code != CURLE_OK)
		return explain(curl, code, socket, &a, err);
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return judge(status, &a, out, err);
}

int cli_ask(const struct cli *c, const char *method, const char *path, struct fl_json **out,
	    struct fl_err *err)
{
	return ask(c, &(struct question){ method, path, NULL }, out, err);
}

int cli_post(const struct cli *c, const char *path, const struct fl_json *body,
	     struct fl_json **out, struct fl_err *err)
{
	fl_auto_free char *text = NULL;
	int r = fl_json_print(body, 0, &text, err);

	return r < 0 ? r : ask(c, &(struct question){ "POST", path, text }, out, err);
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~", c));
}

int cli_escape(const char *text, char *out, size_t size, struct fl_err *err)
{
	size_t n = 0;
	int r = 0;

	for (; r == 0 && *text; text++, n += strlen(out + n))
		r = fl_format(out + n, size - n, err, is_plain(*text) ? "%c" : "%%%02X",
			      (unsigned char)*text);
	if (r == 0)
		out[n] = '\0';
	return r;
}
