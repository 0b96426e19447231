// SPDX-License-Identifier: Apache-2.0
/* A list of problems. */
#include "agent/topology/problems.h"

#include <string.h>

#include "base/text.h"

static void done(struct topo_problem *p)
{
	fl_free_p(&p->where);
	fl_free_p(&p->text);
}

void topo_problems_clear(struct topo_problems *p)
{
	for (size_t i = 0; i < p->n; i++)
		done(&p->items[i]);
	fl_free_p(&p->items);
	p->n = 0;
}

void topo_problems_add(struct topo_problems *p, bool of_peer, const char *where, const char *text)
{
	struct topo_problem one = { strdup(where), strdup(text), of_peer };
	struct topo_problem *grown = reallocarray(p->items, p->n + 1, sizeof(*grown));

	if (grown)
		p->items = grown;
	if (grown && one.where && one.text)
		grown[p->n++] = one;
	else
		done(&one);
}

void topo_problems_forget(struct topo_problems *p, const char *peer)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct topo_problem *one = &p->items[i];

		if (one->of_peer && fl_streq(one->where, peer))
			done(one);
		else
			p->items[kept++] = *one;
	}
	p->n = kept;
}

const char *topo_problems_of(const struct topo_problems *p, const char *peer)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->items[i].of_peer && fl_streq(p->items[i].where, peer))
			return p->items[i].text;
	return NULL;
}

bool topo_problems_general(const struct topo_problems *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (!p->items[i].of_peer)
			return true;
	return false;
}
