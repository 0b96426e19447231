// SPDX-License-Identifier: Apache-2.0
/* Whom IPsec allows to send what goes to other nodes. */
#include "agent/lease.h"

#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "net/watch.h"
#include "net/xfrm.h"

#define RENEW_MS (FL_LEASE_S * 1000 / 3)

struct lease {
	struct enf *enf;
	struct fl_nl *nl; /* NULL: the kernel does not say of IPsec */
	struct fl_watch *watch;
	uv_timer_t timer;
	uv_poll_t poll;
	unsigned int handles;  /* that are not closed yet */
	bool lent;	       /* when last looked */
	bool complained, kept; /* and why, has been said */
};

/*
 * How many policies of IPsec there are. A kernel that does not say may still take some by PF_KEY,
 * the older way, which tells nobody how many: then as if there were one.
 */
static int count(struct lease *l, uint32_t *policies, struct fl_err *err)
{
	if (l->nl)
		return fl_xfrm_policies(l->nl, policies, err);
	*policies = access("/proc/self/net/pfkey", F_OK) == 0;
	return 0;
}

/* Lets the programs work, or the stack and the VTEP. */
static int direct(struct lease *l, bool by_stack, struct fl_err *err)
{
	bool lends = l->lent || enf_has_tunnels(l->enf);
	int r = enf_go_by_stack(l->enf, by_stack, err);

	/* Where there is no overlay, there is nothing to lend. */
	l->lent = enf_has_tunnels(l->enf);
	return r < 0 || !lends ? r : enf_lend_tunnels(l->enf, !by_stack, err);
}

void lease_renew(struct lease *l)
{
	uint32_t policies = 0;
	struct fl_err err, later;
	int r, done;

	if (!l)
		return;
	r = count(l, &policies, &err);
	done = direct(l, r < 0 || policies > 0, r < 0 ? &later : &err);
	r = r ?: done;
	/* The lease has run out, or does so soon. */
	if (r < 0 && !l->complained)
		fl_warn("%s, so packets to other nodes go by the stack", err.text);
	l->complained = r < 0;
	if (r == 0 && policies && !l->kept)
		fl_info("this node %s IPsec policies: packets to other nodes go by the stack",
			l->nl ? "has" : "may have");
	l->kept = policies > 0;
}

static void on_timer(uv_timer_t *timer)
{
	lease_renew(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct lease *l = poll->data;
	unsigned int what = 0;
	struct fl_err ignored;

	(void)events;
	/* The loop listens no more to what had more to say than there was room for. */
	if (status < 0)
		(void)uv_poll_start(poll, UV_READABLE, on_poll);
	/* What cannot be heard may be anything. */
	if (fl_watch_take(l->watch, NULL, &what, &ignored) < 0 || what != 0)
		lease_renew(l);
}

static void on_closed(uv_handle_t *handle)
{
	struct lease *l = handle->data;

	if (--l->handles > 0)
		return;
	fl_watch_close(&l->watch);
	fl_nl_close(&l->nl);
	fl_free_p(&l);
}

void lease_close(struct lease **l)
{
	if (!*l)
		return;
	uv_close((uv_handle_t *)&(*l)->timer, on_closed);
	if ((*l)->handles > 1)
		uv_close((uv_handle_t *)&(*l)->poll, on_closed);
	*l = NULL;
}

/* A kernel may be without IPsec. */
static int open_ipsec(struct lease *l, struct fl_err *err)
{
	int r = fl_nl_open(FL_NL_XFRM, &l->nl, err) ?: fl_watch_open_xfrm(&l->watch, err);

	return r == -EPROTONOSUPPORT ? 0 : r;
}

int lease_open(uv_loop_t *loop, struct enf *e, struct lease **out, struct fl_err *err)
{
	fl_auto(lease_close) struct lease *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return fl_fail_errno(err, ENOMEM, "lend the overlay to the datapath");
	l->enf = e;
	l->timer.data = l->poll.data = l;
	(void)uv_timer_init(loop, &l->timer);
	l->handles = 1;
	r = open_ipsec(l, err);
	if (r < 0)
		return r;
	if (l->watch) {
		(void)uv_poll_init(loop, &l->poll, fl_watch_fd(l->watch));
		l->handles = 2;
		r = uv_poll_start(&l->poll, UV_READABLE, on_poll);
	}
	if (r == 0)
		r = uv_timer_start(&l->timer, on_timer, RENEW_MS, RENEW_MS);
	if (r < 0)
		return fl_fail_errno(err, -r, "watch for IPsec policies");
	/* Before the programs are told of any other node. */
	lease_renew(l);
	*out = FL_TAKE(l);
	return 0;
}
