// SPDX-License-Identifier: Apache-2.0
/* Opening, closing, watching; what is asked of a topology without changing anything. */
#include "agent/topology/topo.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "state/endpoint.h"

static int add_watch(struct topo *t, const struct fl_watch *w, struct fl_err *err)
{
	struct epoll_event e = { .events = EPOLLIN };

	if (epoll_ctl(t->watches, EPOLL_CTL_ADD, fl_watch_fd(w), &e) < 0)
		return fl_fail_errno(err, errno, "watch the kernel's networking");
	return 0;
}

static int open_watches(struct topo *t, struct fl_err *err)
{
	int r;

	t->watches = epoll_create1(EPOLL_CLOEXEC);
	if (t->watches < 0)
		return fl_fail_errno(err, errno, "watch the kernel's networking");
	r = fl_watch_open(FL_WATCH_LINKS | FL_WATCH_ADDRS | FL_WATCH_ROUTES | FL_WATCH_NEIGHS |
				  FL_WATCH_QUEUES,
			  &t->watch, err);
	if (r < 0)
		return r;
	fl_watch_pass_over(t->watch, fl_is_host_ifname);
	r = add_watch(t, t->watch, err);
	/* A kernel without netfilter is complained about when there is something to masquerade. */
	if (r < 0 || !t->conf->masquerade || fl_watch_open_nft(TOPO_TABLE, &t->nft_watch, err) < 0)
		return r;
	return add_watch(t, t->nft_watch, err);
}

static int open_all(struct topo *t, const char *node_name, const char *root, struct fl_err *err)
{
	t->node_name = strdup(node_name);
	t->root = strdup(root);
	if (!t->node_name || !t->root)
		return fl_fail_errno(err, ENOMEM, "prepare the topology");
	return fl_nl_open(FL_NL_ROUTE, &t->nl, err) ?: open_watches(t, err);
}

int topo_open(const struct agent_config *conf, const char *node_name, const char *root,
	      struct topo **out, struct fl_err *err)
{
	struct topo *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return fl_fail_errno(err, ENOMEM, "prepare the topology");
	t->conf = conf;
	t->watches = -1;
	r = open_all(t, node_name, root, err);
	if (r < 0) {
		topo_close(&t);
		return r;
	}
	*out = t;
	return 0;
}

void topo_close(struct topo **t)
{
	if (!*t)
		return;
	fl_free_p(&(*t)->node_name);
	fl_free_p(&(*t)->root);
	fl_nl_close(&(*t)->nl);
	fl_nl_close(&(*t)->nft);
	fl_watch_close(&(*t)->watch);
	fl_watch_close(&(*t)->nft_watch);
	fl_close_p(&(*t)->watches);
	topo_set_done(&(*t)->set);
	topo_view_done(&(*t)->view);
	topo_problems_clear(&(*t)->problems);
	fl_free_p(t);
}

int topo_watch_fd(const struct topo *t)
{
	return t->watches;
}

/* What cannot be heard may be anything. */
static bool take(struct fl_watch *w, const struct fl_nl *by)
{
	unsigned int what = 0;
	struct fl_err err;

	return fl_watch_take(w, by, &what, &err) < 0 || what != 0;
}

bool topo_watch_take(struct topo *t)
{
	bool due = take(t->watch, t->nl);

	return (t->nft_watch && take(t->nft_watch, t->nft)) || due;
}

void topo_problems(const struct topo *t, agent_complain *each, void *arg)
{
	for (size_t i = 0; i < t->problems.n; i++)
		each(t->problems.items[i].where, t->problems.items[i].text, arg);
}

struct topo_local topo_local(const struct topo *t)
{
	return t->local;
}

struct topo_stats topo_stats(const struct topo *t)
{
	return t->stats;
}
