// SPDX-License-Identifier: Apache-2.0
/* The host's ways to the routed pods: which are missing, and putting them back. */
#include "agent/podways.h"

#include <errno.h>

#include "agent/pace.h"
#include "base/log.h"
#include "base/text.h"
#include "net/link.h"
#include "net/podway.h"
#include "net/route.h"
#include "net/watch.h"
#include "state/endpoint.h"

struct podways {
	const char *root; /* borrowed for life */
	struct fl_nl *nl;
	struct fl_watch *watch;
	uv_poll_t poll;
	uv_timer_t pause;
	unsigned int handles; /* that are not closed yet */
	uint64_t took_ms;     /* by the last look */
	bool complained;
};

struct way {
	struct fl_ip ip;
	uint32_t link;
	uint8_t mac[FL_MAC_LEN];
};

/* One look: the routes to pods that there are, and the ways that are missing. */
struct look {
	struct fl_nl *nl; /* borrowed */
	struct fl_ip *led;
	struct way *missing;
	size_t n_led, n_missing;
};

static void look_done(struct look *l)
{
	fl_free_p(&l->led);
	fl_free_p(&l->missing);
}

static int each_route(const struct fl_route *route, void *arg, struct fl_err *err)
{
	struct look *l = arg;
	struct fl_ip *more = reallocarray(l->led, l->n_led + 1, sizeof(*more));

	if (!more)
		return fl_fail_errno(err, ENOMEM, "keep %zu routes to pods", l->n_led + 1);
	l->led = more;
	l->led[l->n_led++] = route->dst.ip;
	return 0;
}

static int by_ip(const void *a, const void *b)
{
	return fl_ip_cmp(a, b);
}

static bool is_led(const struct look *l, const struct fl_ip *ip)
{
	return l->n_led > 0 && bsearch(ip, l->led, l->n_led, sizeof(*ip), by_ip);
}

static int add_missing(struct look *l, const struct fl_endpoint *ep, uint32_t link,
		       const struct fl_ip *ip, struct fl_err *err)
{
	struct way *more = reallocarray(l->missing, l->n_missing + 1, sizeof(*more));

	if (!more)
		return fl_fail_errno(err, ENOMEM, "keep %zu ways to pods", l->n_missing + 1);
	l->missing = more;
	more[l->n_missing] = (struct way){ .ip = *ip, .link = link };
	memcpy(more[l->n_missing++].mac, ep->mac, FL_MAC_LEN);
	return 0;
}

/* Only through the very interface that an ADD has made and named, and while it is up. */
static int find_link(struct look *l, const struct fl_endpoint *ep, struct fl_link *out,
		     struct fl_err *err)
{
	int r = fl_link_get(l->nl, ep->host_ifname, out, err);

	if (r == -ENODEV)
		return 0;
	return r < 0 ? r : out->up && fl_streq(out->kind, "veth") && out->master == 0;
}

static int each_record(const struct fl_endpoint *ep, void *arg, struct fl_err *err)
{
	struct look *l = arg;
	struct fl_link link = { 0 };
	int r = 0;

	if (!fl_streq(ep->mode, "vxlan") && !fl_streq(ep->mode, "bgp-route"))
		return 0;
	for (size_t i = 0; r >= 0 && i < ep->n_ips; i++) {
		if (is_led(l, &ep->ips[i].ip))
			continue;
		if (link.index == 0)
			r = find_link(l, ep, &link, err);
		if (r <= 0)
			return r;
		r = add_missing(l, ep, link.index, &ep->ips[i].ip, err) ?: 1;
	}
	return r < 0 ? r : 0;
}

/* Two records that are not the same pod's: only one of them is right, and nobody says which. */
static bool is_disputed(const struct look *l, size_t i)
{
	for (size_t k = 0; k < l->n_missing; k++)
		if (k != i && fl_ip_cmp(&l->missing[k].ip, &l->missing[i].ip) == 0)
			return true;
	return false;
}

/* Somebody else leads there, or the interface has gone, or is down, by now: all is well. */
static int judge(size_t index, void *arg, struct fl_err *why)
{
	(void)index;
	(void)arg;
	return why->sys == EEXIST || why->sys == ENODEV || why->sys == ENETDOWN ? 0 : -why->sys;
}

static int put_back(struct look *l, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r = fl_batch_new(&b, err);

	for (size_t i = 0; r == 0 && i < l->n_missing; i++) {
		const struct way *w = &l->missing[i];

		if (is_disputed(l, i))
			continue;
		fl_podway_put(b, w->link, &w->ip, w->mac);
		if (fl_batch_room(b) < FL_PODWAY_MESSAGES)
			r = fl_batch_send_judged(l->nl, b, judge, NULL, err);
	}
	return r < 0 ? r : fl_batch_send_judged(l->nl, b, judge, NULL, err);
}

static int look(struct podways *p, struct fl_err *err)
{
	fl_auto(look_done) struct look l = { .nl = p->nl };
	int r = fl_route_list_by(p->nl, FL_ROUTE_BY_POD, each_route, &l, err);

	if (r < 0)
		return r;
	if (l.n_led > 0)
		qsort(l.led, l.n_led, sizeof(*l.led), by_ip);
	r = fl_endpoint_list(p->root, NULL, each_record, &l, err);
	return r < 0 || l.n_missing == 0 ? r : put_back(&l, err);
}

void podways_look(struct podways *p)
{
	uint64_t began = uv_hrtime();
	struct fl_err err;
	int r = look(p, &err);

	p->took_ms = (uv_hrtime() - began) / 1000000;
	if (r < 0 && !p->complained)
		fl_warn("ways to pods: %s, going on", err.text);
	p->complained = r < 0;
}

static void on_pause(uv_timer_t *timer)
{
	podways_look(timer->data);
}

static void look_soon(struct podways *p)
{
	/* Several interfaces may come and go at once. */
	if (!uv_is_active((const uv_handle_t *)&p->pause))
		(void)uv_timer_start(&p->pause, on_pause, agent_pace_lazy(p->took_ms), 0);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct podways *p = poll->data;
	unsigned int what = 0;
	struct fl_err ignored;

	(void)events;
	/* The loop listens no more to what had more to say than there was room for. */
	if (status < 0)
		(void)uv_poll_start(poll, UV_READABLE, on_poll);
	/* What cannot be heard may be anything. */
	if (fl_watch_take(p->watch, NULL, &what, &ignored) < 0 || what != 0)
		look_soon(p);
}

static void on_closed(uv_handle_t *handle)
{
	struct podways *p = handle->data;

	if (--p->handles > 0)
		return;
	fl_watch_close(&p->watch);
	fl_nl_close(&p->nl);
	fl_free_p(&p);
}

void podways_close(struct podways **p)
{
	if (!*p)
		return;
	uv_close((uv_handle_t *)&(*p)->pause, on_closed);
	if ((*p)->handles > 1)
		uv_close((uv_handle_t *)&(*p)->poll, on_closed);
	*p = NULL;
}

static bool is_no_pod(const char *ifname)
{
	return !fl_is_host_ifname(ifname);
}

int podways_open(uv_loop_t *loop, const char *root, struct podways **out, struct fl_err *err)
{
	fl_auto(podways_close) struct podways *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return fl_fail_errno(err, ENOMEM, "keep the ways to pods");
	p->root = root;
	p->pause.data = p->poll.data = p;
	(void)uv_timer_init(loop, &p->pause);
	p->handles = 1;
	r = fl_nl_open(FL_NL_ROUTE, &p->nl, err)
		    ?: fl_watch_open(FL_WATCH_LINKS | FL_WATCH_PODWAYS, &p->watch, err);
	if (r < 0)
		return r;
	fl_watch_pass_over(p->watch, is_no_pod);
	(void)uv_poll_init(loop, &p->poll, fl_watch_fd(p->watch));
	p->handles = 2;
	r = uv_poll_start(&p->poll, UV_READABLE, on_poll);
	if (r < 0)
		return fl_fail_errno(err, -r, "watch the interfaces of pods");
	look_soon(p);
	*out = FL_TAKE(p);
	return 0;
}
