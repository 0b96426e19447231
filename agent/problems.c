// SPDX-License-Identifier: Apache-2.0
/* Lists of problems, their difference in the log. */
#include "agent/problems.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define TOLD_MAX 20 /* lines of one kind at a time */

void agent_trouble_done(struct agent_trouble *t)
{
	for (size_t i = 0; i < t->n; i++)
		fl_free_p(&t->lines[i]);
	fl_free_p(&t->lines);
	t->n = 0;
}

void agent_trouble_add(const char *where, const char *text, void *arg)
{
	struct agent_trouble *t = arg;
	char **grown = t->lines;
	char *line = NULL;

	/* Room for twice as many whenever the number is a power of two. */
	if ((t->n & (t->n - 1)) == 0)
		grown = reallocarray(t->lines, t->n ? t->n * 2 : 1, sizeof(*grown));
	if (!grown)
		return;
	t->lines = grown;
	if (asprintf(&line, "%s: %s", where, text) >= 0)
		t->lines[t->n++] = line;
}

static int cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct told {
	const char *form;
	enum fl_log_level level;
	size_t n;
};

static void tell(struct told *told, const char *line)
{
	if (told->n++ < TOLD_MAX)
		fl_log(told->level, "%s%s", told->form, line);
}

static void tell_rest(const struct told *told)
{
	if (told->n > TOLD_MAX)
		fl_log(told->level, "%s%zu more", told->form, told->n - TOLD_MAX);
}

void agent_trouble_tell(struct agent_trouble *last, struct agent_trouble *now)
{
	struct told come = { "", FL_LOG_WARN }, gone = { "mended: ", FL_LOG_INFO };

	if (now->n)
		qsort(now->lines, now->n, sizeof(*now->lines), cmp);
	for (size_t i = 0, j = 0; i < last->n || j < now->n;) {
		int c = i == last->n ? 1 : j == now->n ? -1 : strcmp(last->lines[i], now->lines[j]);

		if (c < 0)
			tell(&gone, last->lines[i]);
		if (c > 0)
			tell(&come, now->lines[j]);
		i += c <= 0;
		j += c >= 0;
	}
	tell_rest(&come);
	tell_rest(&gone);
	agent_trouble_done(last);
	*last = *now;
	*now = (struct agent_trouble){ 0 };
}

void agent_trouble_json_add(const char *where, const char *text, void *arg)
{
	fl_auto_json struct fl_json *o = fl_json_object();
	struct agent_trouble_json *j = arg;

	if (j->r < 0)
		return;
	if (!o)
		j->r = -ENOMEM;
	else
		j->r = fl_json_set_str(o, "where", where) ?: fl_json_set_str(o, "text", text) ?:
		       fl_json_append(j->array, FL_TAKE(o));
}
