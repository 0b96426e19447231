// SPDX-License-Identifier: Apache-2.0
/* The ring of events on the loop. */
#include "agent/flows.h"

#include <errno.h>

/*
 * Events are a sample, and a pod that floods must not keep the agent busy: 12,800 a second at most
 * are read. What is not is lost, and counted, by the programs, for which the ring has no room.
 */
#define GULP	 256
#define PAUSE_MS 20

struct flows {
	struct enf *enf;
	struct dp_events *events;
	struct flowlog *log;
	uv_poll_t poll;
	uv_timer_t pause;
	unsigned int handles; /* that are not closed yet */
	flows_news *news;
	void *arg;
	uint64_t n_read;
	bool full;
};

/* Addresses say who it was, unless that is what is wrong with the packet. */
static bool is_about_interface(const struct fl_event *e)
{
	return e->reason != FL_R_FORWARDED && e->reason != FL_R_REDIRECTED &&
	       e->reason != FL_R_POLICY_INGRESS && e->reason != FL_R_POLICY_EGRESS;
}

static void on_event(const struct fl_event *event, void *arg)
{
	struct flows *f = arg;
	struct pol_who who;
	bool known = is_about_interface(event) && enf_name_endpoint(f->enf, event->ifindex, &who);

	f->full |= event->reason == FL_R_FLOWS_FULL;
	flowlog_add(f->log, enf_is_settled(f->enf) ? enf_world(f->enf) : NULL, event,
		    known ? &who : NULL);
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void on_pause(uv_timer_t *timer)
{
	struct flows *f = timer->data;

	(void)uv_poll_start(&f->poll, UV_READABLE, on_poll);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct flows *f = poll->data;

	(void)status;
	(void)events;
	flowlog_begin(f->log);
	f->n_read += dp_events_read(f->events, GULP, on_event, f);
	(void)uv_poll_stop(poll);
	(void)uv_timer_start(&f->pause, on_pause, PAUSE_MS, 0);
	f->news(f->arg);
}

static void flows_free(struct flows *f)
{
	dp_events_close(&f->events);
	flowlog_free(&f->log);
	fl_free_p(&f);
}

static void on_closed(uv_handle_t *handle)
{
	struct flows *f = handle->data;

	if (--f->handles == 0)
		flows_free(f);
}

void flows_close(struct flows **f)
{
	struct flows *own = *f;

	*f = NULL;
	if (!own)
		return;
	if (own->handles == 0) {
		flows_free(own);
		return;
	}
	uv_close((uv_handle_t *)&own->poll, on_closed);
	uv_close((uv_handle_t *)&own->pause, on_closed);
	/* The ring is the datapath's, which may be gone before the loop turns again. */
	dp_events_close(&own->events);
}

int flows_open(uv_loop_t *loop, struct enf *e, flows_news *news, void *arg, struct flows **out,
	       struct fl_err *err)
{
	flows_auto struct flows *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return fl_fail_errno(err, ENOMEM, "read events");
	f->enf = e;
	f->news = news;
	f->arg = arg;
	r = flowlog_new(&f->log, err) ?: dp_events_open(enf_datapath(e), &f->events, err);
	if (r < 0)
		return r;
	r = uv_poll_init(loop, &f->poll, dp_events_fd(f->events));
	if (r < 0)
		return fl_fail_errno(err, -r, "watch for events");
	(void)uv_timer_init(loop, &f->pause);
	f->poll.data = f->pause.data = f;
	f->handles = 2;
	r = uv_poll_start(&f->poll, UV_READABLE, on_poll);
	if (r < 0)
		return fl_fail_errno(err, -r, "watch for events");
	*out = FL_TAKE(f);
	return 0;
}

const struct flowlog *flows_log(const struct flows *f)
{
	return f->log;
}

bool flows_take_full(struct flows *f)
{
	bool full = f->full;

	f->full = false;
	return full;
}

uint64_t flows_read(const struct flows *f)
{
	return f->n_read;
}
