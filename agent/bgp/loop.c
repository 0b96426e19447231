// SPDX-License-Identifier: Apache-2.0
/*
 * The loop's handles behind a simpler face: libuv wants a handle to live until its close
 * callback, so each is memory of its own that only the callback frees.
 */
#include <errno.h>
#include <string.h>

#include "agent/bgp/supervise.h"

struct bgp_watch {
	uv_poll_t poll;
	bgp_ready *ready;
	void *arg;
};

struct bgp_timer {
	uv_timer_t timer;
	bgp_ready *ready;
	void *arg;
};

static void handle_free(uv_handle_t *h)
{
	free(h->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct bgp_watch *w = poll->data;

	(void)status; /* an error is one for whoever reads, too */
	(void)events;
	w->ready(w->arg);
}

int bgp_watch_open(uv_loop_t *loop, int fd, bgp_ready *ready, void *arg, struct bgp_watch **out,
		   struct fl_err *err)
{
	fl_auto_free struct bgp_watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return fl_fail_errno(err, ENOMEM, "watch a descriptor");
	w->ready = ready;
	w->arg = arg;
	r = uv_poll_init(loop, &w->poll, fd);
	if (r < 0)
		return fl_fail_errno(err, -r, "watch a descriptor");
	w->poll.data = w;
	*out = FL_TAKE(w);
	r = uv_poll_start(&(*out)->poll, UV_READABLE, on_poll);
	if (r == 0)
		return 0;
	bgp_watch_close(out);
	return fl_fail_errno(err, -r, "watch a descriptor");
}

void bgp_watch_close(struct bgp_watch **w)
{
	if (*w)
		uv_close((uv_handle_t *)&(*w)->poll, handle_free);
	*w = NULL;
}

static void on_timer(uv_timer_t *timer)
{
	struct bgp_timer *t = timer->data;

	t->ready(t->arg);
}

int bgp_timer_open(uv_loop_t *loop, bgp_ready *ready, void *arg, struct bgp_timer **out,
		   struct fl_err *err)
{
	struct bgp_timer *t = calloc(1, sizeof(*t));

	if (!t)
		return fl_fail_errno(err, ENOMEM, "make a timer");
	t->ready = ready;
	t->arg = arg;
	FL_IGNORE(uv_timer_init(loop, &t->timer)); /* cannot fail */
	t->timer.data = t;
	*out = t;
	return 0;
}

void bgp_timer_set(struct bgp_timer *t, uint64_t ms)
{
	uv_update_time(t->timer.loop);
	FL_IGNORE(uv_timer_start(&t->timer, on_timer, ms, 0)); /* fails only when closing */
}

void bgp_timer_close(struct bgp_timer **t)
{
	if (*t)
		uv_close((uv_handle_t *)&(*t)->timer, handle_free);
	*t = NULL;
}

void bgp_problems_done(struct bgp_problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		fl_free_p(&p->all[i].where);
		fl_free_p(&p->all[i].text);
	}
	fl_free_p(&p->all);
	p->n = 0;
}

void bgp_problems_add(const char *where, const char *text, void *problems)
{
	struct bgp_problems *p = problems;
	struct bgp_problem one = { strdup(where), strdup(text) };
	struct bgp_problem *grown = realloc(p->all, (p->n + 1) * sizeof(*grown));

	if (grown)
		p->all = grown;
	if (grown && one.where && one.text) {
		p->all[p->n++] = one;
		return;
	}
	fl_free_p(&one.where);
	fl_free_p(&one.text);
}
