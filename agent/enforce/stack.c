// SPDX-License-Identifier: Apache-2.0
/* What pods send to Services, where the stack has put in whom they lead to. */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>

#include "agent/enforce/inside.h"

static int listen_to(struct enf *e, const struct fl_watch *w, struct fl_err *err)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (epoll_ctl(e->watches, EPOLL_CTL_ADD, fl_watch_fd(w), &event) < 0)
		return fl_fail_errno(err, errno, "watch the datapath");
	return 0;
}

int enf_watch_open(struct enf *e, struct fl_err *err)
{
	int r;

	e->watches = epoll_create1(EPOLL_CLOEXEC);
	if (e->watches < 0)
		return fl_fail_errno(err, errno, "watch the datapath");
	r = fl_watch_open(FL_WATCH_TC, &e->watch, err) ?: listen_to(e, e->watch, err);
	/* Where there is no netfilter, that is a problem when its rules are to be made. */
	if (r < 0 || !e->o.n_services || fl_watch_open_nft(DP_STACK_TABLE, &e->nft_watch, err) < 0)
		return r;
	return listen_to(e, e->nft_watch, err);
}

void enf_watch_close(struct enf *e)
{
	fl_watch_close(&e->watch);
	fl_watch_close(&e->nft_watch);
	fl_close_p(&e->watches);
}

int enf_watch_fd(const struct enf *e)
{
	return e->watches;
}

/* What cannot be heard may be anything. */
static bool take(struct fl_watch *w, const struct fl_nl *by)
{
	unsigned int what = 0;
	struct fl_err ignored;

	return fl_watch_take(w, by, &what, &ignored) < 0 || what != 0;
}

static int join(struct enf *e, struct fl_err *err)
{
	return (e->nft ? 0 : fl_nl_open(FL_NL_NETFILTER, &e->nft, err))
		       ?: dp_join_stack(e->dp, e->nft, err);
}

/* An earlier agent's rules go once, and then there is nothing to keep. */
static int leave(struct enf *e, struct fl_err *err)
{
	fl_auto_nl struct fl_nl *nft = NULL;
	int r;

	if (e->left_stack)
		return 0;
	r = fl_nl_open(FL_NL_NETFILTER, &nft, err);
	if (r == -EPROTONOSUPPORT)
		r = 0;
	else if (r == 0)
		r = dp_leave_stack(nft, err);
	e->left_stack = r == 0;
	return r;
}

void enf_stack(struct enf *e)
{
	struct fl_err err;

	e->stack_broken.sys = 0;
	if ((e->o.n_services ? join(e, &err) : leave(e, &err)) < 0)
		e->stack_broken = err;
}

bool enf_watch_take(struct enf *e, bool at_once)
{
	bool due = take(e->watch, e->nl), broken = e->nft_watch && take(e->nft_watch, e->nft);

	/* Until they are there again, what goes to Services of the node itself is not judged. */
	if (broken && at_once && e->began)
		enf_stack(e);
	return due || broken;
}

void enf_complain_of_stack(const struct enf *e, enf_complain *each, void *arg)
{
	char text[700];

	if (!e->stack_broken.sys)
		return;
	(void)snprintf(text, sizeof(text),
		       "make the rules by which netfilter has Services judged: %s: what pods send "
		       "there is judged where it leaves the node only",
		       e->stack_broken.text);
	each("policy", text, arg);
}
