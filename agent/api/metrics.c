// SPDX-License-Identifier: Apache-2.0
/* Metrics as text. */
#include "agent/api/metrics.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/text.h"
#include "base/utf8.h"

#define NUMBER_SIZE 32 /* "-1.7976931348623157e+308" and its NUL */

struct api_metrics {
	char *text; /* owned */
	size_t len, size;
	bool no_memory;
	const char *family;    /* begun last; NULL: none */
	const char **families; /* all, each borrowed: names are literals; owned */
	size_t n_families;
};

int api_metrics_new(struct api_metrics **out, struct fl_err *err)
{
	struct api_metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return fl_fail(err, ENOMEM, "make metrics: out of memory");
	*out = m;
	return 0;
}

void api_metrics_free(struct api_metrics **m)
{
	if (!*m)
		return;
	free((*m)->text);
	free(FL_TAKE((*m)->families));
	free(*m);
	*m = NULL;
}

static void add(struct api_metrics *m, const char *bytes, size_t n)
{
	if (m->no_memory)
		return;
	if (m->len + n + 1 > m->size) {
		size_t size = (m->len + n + 1) * 2;
		char *more = realloc(m->text, size);

		if (!more) {
			m->no_memory = true;
			return;
		}
		m->text = more;
		m->size = size;
	}
	memcpy(m->text + m->len, bytes, n);
	m->len += n;
	m->text[m->len] = '\0';
}

static void add_text(struct api_metrics *m, const char *text)
{
	add(m, text, strlen(text));
}

/* The text as UTF-8, with backslashes, newlines and, in a label's value, quotes escaped. */
static void add_escaped(struct api_metrics *m, const char *text, bool quotes)
{
	while (*text) {
		size_t n = fl_utf8_step(text);

		if (!n)
			add_text(m, "\xef\xbf\xbd"); /* U+FFFD */
		else if (*text == '\\')
			add_text(m, "\\\\");
		else if (*text == '\n')
			add_text(m, "\\n");
		else if (*text == '"' && quotes)
			add_text(m, "\\\"");
		else
			add(m, text, n);
		text += n ? n : 1;
	}
}

static bool is_name(const char *name, const char *more)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";

	if (!*name || !(strchr(first, *name) || strchr(more, *name)))
		return false;
	for (; *name; name++)
		if (!strchr(first, *name) && !strchr("0123456789", *name) && !strchr(more, *name))
			return false;
	return true;
}

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), e = strlen(end);

	return n > e && fl_streq(name + n - e, end);
}

/* Remembers the name; a second family of the same name is a bug. */
static void note_family(struct api_metrics *m, const char *name)
{
	const char **more;

	for (size_t i = 0; i < m->n_families; i++)
		assert(!fl_streq(m->families[i], name));
	more = realloc(m->families, (m->n_families + 1) * sizeof(*more));
	if (!more) {
		m->no_memory = true;
		return;
	}
	m->families = more;
	m->families[m->n_families++] = name;
}

void api_metrics_family(struct api_metrics *m, enum api_metric_kind kind, const char *name,
			const char *help)
{
	assert(is_name(name, ":"));
	assert((kind == API_COUNTER) == ends_in(name, "_total"));
	note_family(m, name);
	m->family = name;
	add_text(m, "# HELP ");
	add_text(m, name);
	add_text(m, " ");
	add_escaped(m, help, false);
	add_text(m, "\n# TYPE ");
	add_text(m, name);
	add_text(m, kind == API_COUNTER ? " counter\n" : " gauge\n");
}

static void add_sample(struct api_metrics *m, const struct api_label *labels, const char *value)
{
	const char *before = "{";

	assert(m->family);
	add_text(m, m->family);
	for (; labels && labels->name; labels++) {
		assert(is_name(labels->name, ""));
		add_text(m, before);
		add_text(m, labels->name);
		add_text(m, "=\"");
		add_escaped(m, labels->value ? labels->value : "", true);
		add_text(m, "\"");
		before = ",";
	}
	add_text(m, *before == ',' ? "} " : " ");
	add_text(m, value);
	add_text(m, "\n");
}

void api_metrics_count(struct api_metrics *m, uint64_t value, const struct api_label *labels)
{
	char text[NUMBER_SIZE];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	add_sample(m, labels, text);
}

/* Seventeen digits say every double exactly; fifteen are nicer where they do as well. */
void api_metrics_real(struct api_metrics *m, double value, const struct api_label *labels)
{
	char text[NUMBER_SIZE];

	if (isnan(value))
		return add_sample(m, labels, "NaN");
	if (isinf(value))
		return add_sample(m, labels, value > 0 ? "+Inf" : "-Inf");
	(void)snprintf(text, sizeof(text), "%.15g", value);
	if (strtod(text, NULL) != value)
		(void)snprintf(text, sizeof(text), "%.17g", value);
	add_sample(m, labels, text);
}

void api_metrics_counter(struct api_metrics *m, const char *name, const char *help, uint64_t value)
{
	api_metrics_family(m, API_COUNTER, name, help);
	api_metrics_count(m, value, NULL);
}

void api_metrics_gauge(struct api_metrics *m, const char *name, const char *help, double value)
{
	api_metrics_family(m, API_GAUGE, name, help);
	api_metrics_real(m, value, NULL);
}

int api_metrics_take(struct api_metrics *m, char **out, size_t *len, struct fl_err *err)
{
	add(m, "", 0); /* an empty text is one */
	if (m->no_memory)
		return fl_fail(err, ENOMEM, "write metrics: out of memory");
	*len = m->len;
	*out = FL_TAKE(m->text);
	m->len = m->size = 0;
	return 0;
}
