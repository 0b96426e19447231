// SPDX-License-Identifier: Apache-2.0
/* Tables, and documents as JSON or YAML. */
#include "cli/print.h"

#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "base/text.h"
#include "base/utf8.h"
#include "yaml/yaml.h"

#define COLUMNS_MAX 12
#define GAP	    2

struct cli_table {
	size_t n_columns, n_cells, size;
	unsigned int least[COLUMNS_MAX]; /* widths */
	char **cells;			 /* owned, and each of them */
	bool no_memory;
};

int cli_print_doc(const struct cli *c, const struct fl_json *doc, struct fl_err *err)
{
	fl_auto_free char *text = NULL;
	int r;

	if (c->form == CLI_TABLE)
		return 0;
	r = c->form == CLI_JSON ? fl_json_print(doc, 2, &text, err)
				: fl_yaml_print(doc, &text, err);
	if (r < 0)
		return r;
	(void)fputs(text, stdout);
	if (!*text || text[strlen(text) - 1] != '\n')
		(void)putchar('\n');
	return 1;
}

int cli_print_one(const struct cli *c, const struct fl_json *doc, struct fl_err *err)
{
	fl_auto_free char *text = NULL;
	int r;

	if (c->form == CLI_TABLE)
		return 0;
	r = c->form == CLI_JSON ? fl_json_print(doc, 0, &text, err)
				: fl_yaml_print(doc, &text, err);
	if (r < 0)
		return r;
	(void)printf("%s%s%s", c->form == CLI_YAML ? "---\n" : "", text,
		     c->form == CLI_JSON ? "\n" : "");
	return 1;
}

int cli_table_new(const char *const *titles, size_t n, struct cli_table **out, struct fl_err *err)
{
	cli_auto_table struct cli_table *t = calloc(1, sizeof(*t));

	if (!t || n > COLUMNS_MAX)
		return fl_fail(err, ENOMEM, "make a table: out of memory");
	t->n_columns = n;
	for (size_t i = 0; titles && i < n; i++)
		cli_table_add(t, titles[i]);
	*out = FL_TAKE(t);
	return 0;
}

void cli_table_free(struct cli_table **t)
{
	if (!*t)
		return;
	for (size_t i = 0; i < (*t)->n_cells; i++)
		free((*t)->cells[i]);
	free((*t)->cells);
	free(*t);
	*t = NULL;
}

/* Control characters, also those above ASCII (U+0080 to U+009F), and what is no UTF-8. */
static void clean(char *text)
{
	size_t n;

	for (char *p = text; *p; p += n) {
		n = fl_utf8_step(p);
		if (n == 2 && p[0] == '\xc2' && (unsigned char)p[1] < 0xa0)
			p[0] = p[1] = '?';
		if (n == 0 || (unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
		n = n ? n : 1;
	}
}

static bool has_room(struct cli_table *t)
{
	char **more;

	if (t->n_cells < t->size)
		return true;
	more = realloc(t->cells, (t->size + 64) * 2 * sizeof(*more));
	if (!more)
		return false;
	t->cells = more;
	t->size = (t->size + 64) * 2;
	return true;
}

void cli_table_add(struct cli_table *t, const char *text)
{
	char *copy = strdup(fl_empty(text) ? "-" : text);

	if (!copy || !has_room(t)) {
		fl_free_p(&copy);
		t->no_memory = true;
		return;
	}
	clean(copy);
	t->cells[t->n_cells++] = copy;
}

/* The elements of a list, with commas between. */
static void add_list(struct cli_table *t, const struct fl_json *list)
{
	fl_auto_free char *text = NULL;
	size_t size = 1;
	char *end;

	for (size_t i = 0; i < fl_json_len(list); i++)
		size += strlen(fl_json_str(fl_json_at(list, i)) ?: "?") + 1;
	text = malloc(size);
	if (!text) {
		t->no_memory = true;
		return;
	}
	*text = '\0';
	end = text;
	for (size_t i = 0; i < fl_json_len(list); i++) {
		end = stpcpy(end, i ? "," : "");
		end = stpcpy(end, fl_json_str(fl_json_at(list, i)) ?: "?");
	}
	cli_table_add(t, text);
}

void cli_table_add_json(struct cli_table *t, const struct fl_json *v)
{
	fl_auto_free char *text = NULL;
	struct fl_err err;

	switch (fl_json_type(v)) {
	case FL_JSON_NULL:
		return cli_table_add(t, NULL);
	case FL_JSON_STRING:
		return cli_table_add(t, fl_json_str(v));
	case FL_JSON_BOOL:
		return cli_table_add(t, fl_json_true(v) ? "yes" : "no");
	case FL_JSON_ARRAY:
		return add_list(t, v);
	default:
		if (fl_json_print(v, 0, &text, &err) < 0)
			t->no_memory = true;
		else
			cli_table_add(t, text);
	}
}

/* Characters, not bytes. */
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text += fl_utf8_step(text))
		n++;
	return n;
}

void cli_table_add_end(struct cli_table *t, const struct fl_json *end)
{
	const char *ip = fl_json_str(fl_json_get(end, "ip")) ?: "?";
	const char *pod = fl_json_str(fl_json_get(end, "pod"));
	const struct fl_json *port = fl_json_get(end, "port");
	bool brackets = !pod && port && strchr(ip, ':');
	char text[512], number[24] = "";

	if (port)
		(void)snprintf(number, sizeof(number), ":%" PRId64, fl_json_int(port));
	(void)snprintf(text, sizeof(text), "%s%s%s%s", brackets ? "[" : "", pod ?: ip,
		       brackets ? "]" : "", number);
	cli_table_add(t, text);
}

int cli_table_print(const struct cli_table *t, FILE *to, struct fl_err *err)
{
	size_t width[COLUMNS_MAX];

	if (t->no_memory)
		return fl_fail(err, ENOMEM, "make a table: out of memory");
	for (size_t i = 0; i < t->n_columns; i++)
		width[i] = t->least[i];
	for (size_t i = 0; i < t->n_cells; i++)
		if (width_of(t->cells[i]) > width[i % t->n_columns])
			width[i % t->n_columns] = width_of(t->cells[i]);
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t column = i % t->n_columns;

		(void)fputs(t->cells[i], to);
		if (column + 1 == t->n_columns)
			(void)fputc('\n', to);
		else
			(void)fprintf(to, "%*s", (int)(width[column] - width_of(t->cells[i]) + GAP),
				      "");
	}
	return 0;
}

void cli_table_widths(struct cli_table *t, const unsigned int *widths)
{
	memcpy(t->least, widths, t->n_columns * sizeof(*widths));
}

int cli_print_list(const struct fl_json *list, const struct cli_column *columns, size_t n,
		   const char *what, struct fl_err *err)
{
	cli_auto_table struct cli_table *t = NULL;
	const char *titles[COLUMNS_MAX];
	int r;

	if (fl_json_type(list) != FL_JSON_ARRAY)
		return fl_fail(err, EPROTO, "the agent's answer: expected a list of %s", what);
	if (fl_json_len(list) == 0) {
		fl_info("no %s", what);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		titles[i] = columns[i].title;
	r = cli_table_new(titles, n, &t, err);
	if (r < 0)
		return r;
	for (size_t row = 0; row < fl_json_len(list); row++)
		for (size_t i = 0; i < n; i++)
			if (columns[i].add)
				columns[i].add(t, fl_json_at(list, row));
			else
				cli_table_add_json(
					t, fl_json_get(fl_json_at(list, row), columns[i].key));
	return cli_table_print(t, stdout, err);
}
