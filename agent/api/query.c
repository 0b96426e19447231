// SPDX-License-Identifier: Apache-2.0
/* A request's parameters. */
#include "agent/api/query.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes in place: the text only gets shorter. */
static int decode(char *text, struct fl_err *err)
{
	char *to = text;

	for (const char *p = text; *p; to++) {
		int high = *p == '%' ? hex(p[1]) : 0, low = *p == '%' && high >= 0 ? hex(p[2]) : 0;
		size_t n = *p == '%' ? 3 : 1;

		if (high < 0 || low < 0)
			return fl_fail(err, EINVAL,
				       "query: '%.3s' is not a '%%' and two hexadecimal digits", p);
		*to = n == 3 ? (char)(high << 4 | low) : *p;
		if (!*to)
			return fl_fail(err, EINVAL, "query: a NUL is in no name and no value");
		p += n;
	}
	*to = '\0';
	return 0;
}

static int refuse(const char *name, const char *const *known, struct fl_err *err)
{
	char list[256] = "";
	struct fl_err cut;

	for (size_t n = 0; known && known[0]; known++, n = strlen(list))
		if (fl_format(list + n, sizeof(list) - n, &cut, "%s'%s'", n ? ", " : "", known[0]) <
		    0)
			break;
	return fl_fail(err, EINVAL, "query: unknown parameter '%.64s', expected %s", name,
		       *list ? list : "none");
}

static int add(struct api_query *q, const char *name, const char *value, const char *const *known,
	       struct fl_err *err)
{
	const char *const *k = known;

	while (k && *k && !fl_streq(*k, name))
		k++;
	if (!k || !*k)
		return refuse(name, known, err);
	if (api_query_get(q, name))
		return fl_fail(err, EINVAL, "query: parameter '%s' comes twice", name);
	if (q->n == API_QUERY_MAX)
		return fl_fail(err, EINVAL, "query: more than %d parameters", API_QUERY_MAX);
	q->v[q->n].name = name;
	q->v[q->n++].value = value;
	return 0;
}

int api_query_parse(const char *text, const char *const *known, struct api_query *out,
		    struct fl_err *err)
{
	char *rest = out->text, *one;
	struct fl_err cut;
	int r = 0;

	out->n = 0;
	if (fl_copy(out->text, sizeof(out->text), text ? text : "", &cut) < 0)
		return fl_fail(err, EINVAL, "query: more than %d bytes", API_QUERY_SIZE);
	while (r == 0 && (one = strsep(&rest, "&"))) {
		char *value = strchr(one, '=');

		if (!*one)
			continue;
		if (value)
			*value++ = '\0';
		r = decode(one, err) ?: value ? decode(value, err) : 0;
		r = r ?: add(out, one, value ? value : "", known, err);
	}
	return r;
}

const char *api_query_get(const struct api_query *q, const char *name)
{
	for (size_t i = 0; i < q->n; i++)
		if (fl_streq(q->v[i].name, name))
			return q->v[i].value;
	return NULL;
}

int api_query_u64(const struct api_query *q, const char *name, uint64_t min, uint64_t max,
		  uint64_t *out, struct fl_err *err)
{
	const char *text = api_query_get(q, name), *p = text;
	uint64_t n = 0;
	bool good = text && *text;

	if (!text)
		return 0;
	for (; good && *p; p++)
		good = *p >= '0' && *p <= '9' && !__builtin_mul_overflow(n, 10, &n) &&
		       !__builtin_add_overflow(n, (uint64_t)(*p - '0'), &n);
	if (!good || n < min || n > max)
		return fl_fail(err, EINVAL,
			       "query: %s '%.64s': expected a whole number from %llu to %llu", name,
			       text, (unsigned long long)min, (unsigned long long)max);
	*out = n;
	return 0;
}

int api_query_bool(const struct api_query *q, const char *name, bool *out, struct fl_err *err)
{
	const char *text = api_query_get(q, name);

	if (!text)
		return 0;
	if (*text && !fl_streq(text, "0") && !fl_streq(text, "1"))
		return fl_fail(err, EINVAL, "query: %s '%.64s': expected 0 or 1", name, text);
	*out = !fl_streq(text, "0");
	return 0;
}
