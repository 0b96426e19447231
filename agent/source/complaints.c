// SPDX-License-Identifier: Apache-2.0
/* Lists of complaints. */
#include "agent/source/complaints.h"

#include <stdio.h>
#include <string.h>

void src_complaints_done(struct src_complaints *c)
{
	for (size_t i = 0; i < c->n; i++) {
		fl_free_p(&c->list[i].where);
		fl_free_p(&c->list[i].text);
	}
	fl_free_p(&c->list);
	*c = (struct src_complaints){ 0 };
}

void src_complaints_add(const char *where, const char *text, void *arg)
{
	struct src_complaints *c = arg;
	fl_auto_free char *at = strdup(where), *what = strdup(text);

	if (!c->list)
		c->list = calloc(SRC_COMPLAINTS_MAX, sizeof(*c->list));
	if (!c->list || !at || !what || c->n == SRC_COMPLAINTS_MAX) {
		c->more++;
		return;
	}
	c->list[c->n++] = (struct src_complaint){ FL_TAKE(at), FL_TAKE(what) };
}

void src_complaints_each(const struct src_complaints *c, const char *where, agent_complain *each,
			 void *arg)
{
	char text[64];

	for (size_t i = 0; i < c->n; i++)
		each(c->list[i].where, c->list[i].text, arg);
	if (c->more == 0)
		return;
	(void)snprintf(text, sizeof(text), "%zu complaints more", c->more);
	each(where, text, arg);
}

bool src_complaints_equal(const struct src_complaints *a, const struct src_complaints *b)
{
	if (a->n != b->n || a->more != b->more)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->list[i].where, b->list[i].where) != 0 ||
		    strcmp(a->list[i].text, b->list[i].text) != 0)
			return false;
	}
	return true;
}
