// SPDX-License-Identifier: Apache-2.0
/* Reading the ring of events. */
#include "agent/datapath/events.h"

#include <errno.h>

#include <bpf/libbpf.h>

#include "agent/datapath/dp.h"
#include "bpf/datapath.skel.h"

struct dp_events {
	struct ring_buffer *ring; /* owned */
	/* While reading: */
	void (*each)(const struct fl_event *event, void *arg);
	void *arg;
	size_t n, max;
};

/* Called by the library; a negative result ends the walk, with this event read. */
static int on_sample(void *ctx, void *data, size_t size)
{
	struct dp_events *e = ctx;

	e->n++;
	if (size >= sizeof(struct fl_event))
		e->each(data, e->arg);
	return e->n < e->max ? 0 : -EAGAIN;
}

int dp_events_open(struct dp *d, struct dp_events **out, struct fl_err *err)
{
	fl_auto_dp_events struct dp_events *e = calloc(1, sizeof(*e));

	if (!e)
		return fl_fail_errno(err, ENOMEM, "read events");
	e->ring = ring_buffer__new(bpf_map__fd(d->bpf->maps.fl_events), on_sample, e, NULL);
	if (!e->ring)
		return fl_fail_errno(err, errno, "read events");
	*out = FL_TAKE(e);
	return 0;
}

void dp_events_close(struct dp_events **e)
{
	if (*e)
		ring_buffer__free((*e)->ring);
	fl_free_p(e);
}

int dp_events_fd(const struct dp_events *e)
{
	return ring_buffer__epoll_fd(e->ring);
}

size_t dp_events_read(struct dp_events *e, size_t max,
		      void (*each)(const struct fl_event *event, void *arg), void *arg)
{
	e->each = each;
	e->arg = arg;
	e->max = max;
	e->n = 0;
	(void)ring_buffer__consume(e->ring); /* ends early where on_sample() says so */
	return e->n;
}
