// SPDX-License-Identifier: Apache-2.0
/* Setting the host's end of a pair up, and waiting until packets pass at each end. */
#include <errno.h>

#include "attach/pair.h"
#include "net/netns.h"
#include "net/route.h"
#include "net/watch.h"

static bool passes(const struct fl_link *link)
{
	return link->up && link->carrier && (link->master == 0 || link->bridging);
}

void fl_pair_put_raise(struct fl_batch *b, const struct fl_pair *p)
{
	fl_link_put_set(b, &(struct fl_link_set){ .name = p->host,
						  .alias = p->alias,
						  .ipv6_auto = FL_OFF,
						  .up = FL_ON,
						  .hairpin = p->hairpin,
						  .isolated = p->isolated });
}

int fl_pair_wait(struct fl_nl *host, const char *name, const struct fl_deadline *deadline,
		 struct fl_err *err)
{
	fl_auto_watch struct fl_watch *watch = NULL;
	struct fl_link link = { 0 };
	int r;

	r = fl_link_get(host, name, &link, err);
	/* Seldom: the kernel's own worker was not yet there. Listen first, then look again. */
	while (r == 0 && !passes(&link)) {
		if (!watch)
			r = fl_watch_open(FL_WATCH_LINKS, &watch, err);
		else
			r = fl_watch_wait(watch, fl_deadline_left(deadline), err);
		if (r == 0)
			r = fl_link_get(host, name, &link, err);
	}
	return r < 0 ? fl_wrap(err, r, "wait for '%s' to pass packets", name) : 0;
}

int fl_pair_send_raise(struct fl_nl *host, struct fl_batch *b, const struct fl_pair *p,
		       const struct fl_deadline *deadline, struct fl_err *err)
{
	struct fl_link link = { 0 };
	int r = fl_link_send_and_get(host, b, p->host, &link, err);

	if (r < 0 || !deadline || passes(&link))
		return r;
	return fl_pair_wait(host, p->host, deadline, err);
}

int fl_pair_raise(struct fl_nl *host, const struct fl_pair *p, const struct fl_deadline *deadline,
		  struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	fl_pair_put_raise(b, p);
	return fl_pair_send_raise(host, b, p, deadline, err);
}

struct opening {
	unsigned int what;
	struct fl_watch *watch;
};

static int open_watch(void *arg, struct fl_err *err)
{
	struct opening *o = arg;

	return fl_watch_open(o->what, &o->watch, err);
}

/*
 * For a pod that is not yet as it should be: the first time listens in it to what, and then waits
 * for news. The caller looks again after each.
 */
static int wait_in_pod(const struct fl_pod *pod, unsigned int what, struct fl_watch **watch,
		       const struct fl_deadline *deadline, struct fl_err *err)
{
	struct opening o = { .what = what };
	int r;

	if (*watch)
		return fl_watch_wait(*watch, fl_deadline_left(deadline), err);
	r = fl_netns_run(pod->netns_fd, pod->home_fd, open_watch, &o, err);
	*watch = o.watch;
	return r;
}

int fl_pod_wait(const struct fl_pod *pod, struct fl_nl *nl, const struct fl_deadline *deadline,
		struct fl_err *err)
{
	fl_auto_watch struct fl_watch *watch = NULL;
	struct fl_link link = { 0 };
	int r;

	/* From Linux 6.8 on, who asks is answered when the kernel's worker has done its part. */
	r = fl_link_get_index(nl, pod->index, &link, err);
	while (r == 0 && !link.operational)
		r = wait_in_pod(pod, FL_WATCH_LINKS, &watch, deadline, err)
			    ?: fl_link_get_index(nl, pod->index, &link, err);
	return r < 0 ? fl_wrap(err, r, "wait for '%s' to send packets", pod->ifname) : 0;
}

/* 1: packets to the address are taken, 0: not yet. */
static int is_taken(struct fl_nl *nl, const struct fl_ip *ip, struct fl_err *err)
{
	struct fl_route route = { 0 };
	int r = fl_route_lookup(nl, ip, &route, err);

	return r == -ENETUNREACH ? 0 : r ?: route.local;
}

int fl_pod_settle(const struct fl_pod *pod, const struct fl_cni_result *res,
		  const struct fl_deadline *deadline, struct fl_err *err)
{
	fl_auto_watch struct fl_watch *watch = NULL;
	char text[FL_IP_STR];

	for (size_t i = 0; pod->ipv6 == FL_POD_IPV6 && i < res->n_ips; i++) {
		const struct fl_ip *ip = &res->ips[i].address.ip;
		int r = 1;

		if (res->ips[i].interface == pod->iface && !fl_ip_is4(ip))
			r = is_taken(*pod->nl, ip, err);
		while (r == 0)
			r = wait_in_pod(pod, FL_WATCH_ROUTES, &watch, deadline, err)
				    ?: is_taken(*pod->nl, ip, err);
		if (r < 0)
			return fl_wrap(err, r, "wait for '%s' to take packets to '%s'", pod->ifname,
				       fl_ip_format(ip, text));
	}
	return 0;
}
