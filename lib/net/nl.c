// SPDX-License-Identifier: Apache-2.0
/* The netlink socket: batches and queries. */
#include "net/msg.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/if.h>
#include <linux/sockios.h>

#define ANSWER_MAX	32768 /* the kernel fills at most 32 KiB a read */
#define DUMP_TRIES	5
#define TRANSACTION_MAX 256 /* messages of netfilter, of which one refusal refuses all */

struct fl_nl {
	enum fl_nl_proto proto;
	int fd;
	uint32_t seq; /* of the last message sent */
	bool strict;  /* dumps are filtered by the kernel */
};

/* A message of a batch. */
struct item {
	struct nl_msg *msg;
	int tolerated[2]; /* errnos that count as done, or 0 */
	char what[96];
};

struct fl_batch {
	size_t n, room;
	bool broken; /* a message could not be built */
	struct item *items;
};

static const int families[] = {
	[FL_NL_ROUTE] = NETLINK_ROUTE,
	[FL_NL_NETFILTER] = NETLINK_NETFILTER,
	[FL_NL_XFRM] = NETLINK_XFRM,
};

int fl_nl_open(enum fl_nl_proto proto, struct fl_nl **out, struct fl_err *err)
{
	static const int on = 1;
	fl_auto_nl struct fl_nl *nl = malloc(sizeof(*nl));

	if (!nl)
		return fl_fail_errno(err, ENOMEM, "open netlink socket");
	*nl = (struct fl_nl){ .proto = proto };
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, families[proto]);
	if (nl->fd < 0)
		return fl_fail_errno(err, errno, "open netlink socket");
	/* Only makes errors better: an old kernel may refuse it. */
	(void)setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	*out = FL_TAKE(nl);
	return 0;
}

void fl_nl_close(struct fl_nl **nl)
{
	if (*nl)
		fl_close_p(&(*nl)->fd);
	fl_free_p(nl);
}

int fl_nl_netns(const struct fl_nl *nl)
{
	int fd = ioctl(nl->fd, SIOCGSKNS);

	return fd < 0 ? -errno : fd;
}

bool fl_nl_has_link(const struct fl_nl *nl, const char *name)
{
	struct ifreq req = { 0 };

	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	return ioctl(nl->fd, SIOCGIFINDEX, &req) == 0 || errno != ENODEV;
}

uint32_t fl_nl_port(const struct fl_nl *nl)
{
	struct sockaddr_nl addr = { 0 };
	socklen_t len = sizeof(addr);

	return getsockname(nl->fd, (struct sockaddr *)&addr, &len) == 0 ? addr.nl_pid : 0;
}

int fl_batch_new(struct fl_batch **out, struct fl_err *err)
{
	struct fl_batch *b = malloc(sizeof(*b));

	if (!b)
		return fl_fail_errno(err, ENOMEM, "prepare netlink messages");
	*b = (struct fl_batch){ 0 };
	*out = b;
	return 0;
}

size_t fl_batch_room(const struct fl_batch *b)
{
	return b->n < FL_BATCH_MAX ? FL_BATCH_MAX - b->n : 0;
}

static void empty_batch(struct fl_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		nlmsg_free(b->items[i].msg);
	b->n = 0;
	b->broken = false;
}

void fl_batch_free(struct fl_batch **b)
{
	if (*b) {
		empty_batch(*b);
		fl_free_p(&(*b)->items);
	}
	fl_free_p(b);
}

/* True when there is room for one more item. */
static bool grow(struct fl_batch *b)
{
	size_t room = b->room ? 2 * b->room : 16;
	struct item *more;

	if (b->n < b->room)
		return true;
	more = room <= TRANSACTION_MAX ? reallocarray(b->items, room, sizeof(*more)) : NULL;
	if (!more)
		return false;
	b->items = more;
	b->room = room;
	return true;
}

struct nl_msg *fl_batch_add(struct fl_batch *b, const struct fl_hdr *hdr, const char *what, ...)
{
	size_t room = hdr->room ? hdr->room : FL_MSG_ROOM;
	struct nl_msg *m = grow(b) ? nlmsg_alloc_size(room) : NULL;
	struct item *item;
	va_list ap;

	if (!m || !nlmsg_put(m, 0, 0, hdr->type, 0, hdr->flags | NLM_F_REQUEST) ||
	    nlmsg_append(m, (void *)(uintptr_t)hdr->data, hdr->len, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(m);
		b->broken = true;
		return NULL;
	}
	item = &b->items[b->n++];
	item->msg = m;
	memset(item->tolerated, 0, sizeof(item->tolerated));
	va_start(ap, what);
	(void)vsnprintf(item->what, sizeof(item->what), what, ap);
	va_end(ap);
	return m;
}

void fl_batch_tolerate(struct fl_batch *b, int error)
{
	int *t = b->n > 0 ? b->items[b->n - 1].tolerated : NULL;

	if (t)
		t[t[0] ? 1 : 0] = error;
}

static bool is_tolerated(const struct fl_batch *b, size_t index, int error)
{
	const int *t = b->items[index].tolerated;

	return !error || error == t[0] || error == t[1];
}

void fl_batch_break(struct fl_batch *b)
{
	b->broken = true;
}

/* A socket takes 208 KiB in one call; a large transaction of netfilter is more. */
static void make_room(struct fl_nl *nl, size_t total)
{
	int size = (int)(total + total / 8);

	if (total > 100000)
		(void)setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
}

static int transmit(struct fl_nl *nl, struct fl_batch *b, struct fl_err *err)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct iovec iov[TRANSACTION_MAX];
	struct msghdr msg = { .msg_name = &kernel, .msg_namelen = sizeof(kernel), .msg_iov = iov };

	size_t total = 0;

	if (b->broken || (nl->proto == FL_NL_ROUTE && b->n > FL_BATCH_MAX))
		return fl_fail_errno(err, ENOMEM, "build netlink messages");
	for (size_t i = 0; i < b->n; i++) {
		struct nlmsghdr *h = nlmsg_hdr(b->items[i].msg);

		h->nlmsg_seq = ++nl->seq;
		iov[i] = (struct iovec){ h, h->nlmsg_len };
		total += h->nlmsg_len;
	}
	make_room(nl, total);
	msg.msg_iovlen = b->n;
	while (sendmsg(nl->fd, &msg, 0) < 0)
		if (errno != EINTR)
			return fl_fail_errno(err, errno, "%s: send", b->items[0].what);
	return 0;
}

/* What recv() or recvmmsg() returned, or the error that it means. */
static int check_received(ssize_t n, const char *what, struct fl_err *err)
{
	if (n < 0 && errno == EAGAIN)
		return fl_fail(err, EIO, "%s: no answer from the kernel", what);
	if (n < 0)
		return fl_fail_errno(err, errno, "%s: receive", what);
	if (n > ANSWER_MAX)
		return fl_fail(err, EMSGSIZE, "%s: answer of %zd bytes", what, n);
	return (int)n;
}

static int receive(struct fl_nl *nl, char *buf, const char *what, struct fl_err *err)
{
	ssize_t n;

	do
		n = recv(nl->fd, buf, ANSWER_MAX, MSG_DONTWAIT | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	return check_received(n, what, err);
}

/* The sentence of an extended acknowledgement, or NULL. */
static const char *extack_text(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1];
	size_t skip = sizeof(*e);

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
	if (NLMSG_HDRLEN + skip > h->nlmsg_len ||
	    nla_parse(tb, NLMSGERR_ATTR_MAX, (struct nlattr *)((char *)NLMSG_DATA(h) + skip),
		      (int)(h->nlmsg_len - NLMSG_HDRLEN - skip), NULL) < 0)
		return NULL;
	return fl_attr_str(tb[NLMSGERR_ATTR_MSG]);
}

static int kernel_error(const struct nlmsghdr *h, const char *what, struct fl_err *err)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	const char *text = extack_text(h);
	int r = fl_fail_errno(err, -e->error, "%s", what);
	size_t used = strlen(err->text);

	if (text)
		(void)snprintf(err->text + used, sizeof(err->text) - used, " (%s)", text);
	return r;
}

/* An acknowledgement: error 0, or an error. */
static bool is_ack(const struct nlmsghdr *h)
{
	return h->nlmsg_type == NLMSG_ERROR &&
	       h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr));
}

/*
 * The message whose answer comes last. A netfilter transaction is framed by two messages; the
 * one at its end is not acknowledged before Linux 6.10.
 */
static size_t last_asked(const struct fl_nl *nl, const struct fl_batch *b)
{
	return b->n - (nl->proto == FL_NL_NETFILTER ? 2 : 1);
}

/* Who decides what a refused message means; without one it is an error. */
struct judge {
	fl_batch_judge *fn;
	void *arg;
};

/* A message's acknowledgement; only the first error is kept. Returns the result so far. */
static int take_ack(const struct nlmsghdr *h, const char *what, size_t index,
		    const struct judge *judge, struct fl_err *err, int result)
{
	struct fl_err mine;
	int r = kernel_error(h, what, &mine);

	if (judge->fn)
		r = judge->fn(index, judge->arg, &mine);
	if (r >= 0 || result < 0)
		return result;
	*err = mine;
	return r;
}

/*
 * Reads answers up to that of the last message. A netfilter transaction that fails as a whole
 * is reported under its first message, and nothing may follow.
 */
static int read_acks(struct fl_nl *nl, struct fl_batch *b, const struct judge *judge,
		     struct fl_err *err)
{
	size_t last = last_asked(nl, b);
	char buf[ANSWER_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	uint32_t first = nl->seq - (uint32_t)b->n + 1;
	int result = 0;

	for (;;) {
		int n = receive(nl, buf, b->items[last].what, err);

		if (n < 0)
			return n;
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, (unsigned int)n);
		     h = NLMSG_NEXT(h, n)) {
			const struct nlmsgerr *e = NLMSG_DATA(h);
			uint32_t index = h->nlmsg_seq - first;

			if (!is_ack(h) || index >= b->n)
				continue;
			if (!is_tolerated(b, index, -e->error))
				result = take_ack(h, b->items[index].what, index, judge, err,
						  result);
			if (index == last)
				return result;
			if (index == 0 && e->error && nl->proto == FL_NL_NETFILTER)
				return result;
		}
	}
}

static int send_batch(struct fl_nl *nl, struct fl_batch *b, const struct judge *judge,
		      struct fl_err *err)
{
	bool empty = b->n <= (nl->proto == FL_NL_NETFILTER ? 2 : 0);
	int r = 0;

	if (!empty)
		nlmsg_hdr(b->items[last_asked(nl, b)].msg)->nlmsg_flags |= NLM_F_ACK;
	if (!empty || b->broken)
		r = transmit(nl, b, err);
	if (r == 0 && !empty)
		r = read_acks(nl, b, judge, err);
	empty_batch(b);
	return r;
}

int fl_batch_send(struct fl_nl *nl, struct fl_batch *b, struct fl_err *err)
{
	return send_batch(nl, b, &(struct judge){ 0 }, err);
}

int fl_batch_send_judged(struct fl_nl *nl, struct fl_batch *b, fl_batch_judge *judge, void *arg,
			 struct fl_err *err)
{
	return send_batch(nl, b, &(struct judge){ judge, arg }, err);
}

/* Without it the kernel ignores what a dump asks for; an old one may, so callers filter too. */
static void be_strict(struct fl_nl *nl)
{
	static const int on = 1;

	if (!nl->strict && nl->proto == FL_NL_ROUTE)
		(void)setsockopt(nl->fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	nl->strict = true;
}

struct query {
	struct fl_nl *nl;
	const struct fl_batch *batch;
	uint32_t first; /* sequence number of the batch's first message */
	bool dump, interrupted;
	int given_up; /* what each() has returned, if it was an error */
	fl_nl_each *each;
	void *arg;
};

/* What a message of the answer means: 1: more to come, 0: that was all, or an error. */
static int take_message(struct query *q, const struct nlmsghdr *h, struct fl_err *err)
{
	uint32_t index = h->nlmsg_seq - q->first, last = (uint32_t)q->batch->n - 1;
	const char *what;
	int r;

	if (index > last)
		return 1;
	what = q->batch->items[index].what;
	if (is_ack(h) && !is_tolerated(q->batch, index, -((struct nlmsgerr *)NLMSG_DATA(h))->error))
		return kernel_error(h, what, err);
	if (index < last)
		return 1;
	q->interrupted |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	if (h->nlmsg_type == NLMSG_DONE || is_ack(h))
		return 0;
	r = q->given_up ? 0 : q->each(h, q->arg, err);
	/* The rest is read all the same: the kernel begins no other dump on this socket before. */
	if (r < 0)
		q->given_up = fl_wrap(err, r, "%s", what);
	return q->dump ? 1 : 0;
}

/*
 * Reads what is there. Of a dump that is two datagrams, since a short one is one of data and one
 * that says that it was all.
 */
static int read_answer(struct query *q, struct fl_err *err)
{
	char buf[2][ANSWER_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct iovec iov[2] = { { buf[0], ANSWER_MAX }, { buf[1], ANSWER_MAX } };
	struct mmsghdr m[2] = { { .msg_hdr = { .msg_iov = &iov[0], .msg_iovlen = 1 } },
				{ .msg_hdr = { .msg_iov = &iov[1], .msg_iovlen = 1 } } };
	const char *what = q->batch->items[q->batch->n - 1].what;
	int count, n, r = 1;

	do
		count = recvmmsg(q->nl->fd, m, q->dump ? 2 : 1, MSG_DONTWAIT | MSG_TRUNC, NULL);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return check_received(count, what, err);
	for (int i = 0; r == 1 && i < count; i++) {
		n = check_received(m[i].msg_len, what, err);
		if (n < 0)
			return n;
		for (struct nlmsghdr *h = (void *)buf[i]; r == 1 && NLMSG_OK(h, (unsigned int)n);
		     h = NLMSG_NEXT(h, n))
			r = take_message(q, h, err);
	}
	return r;
}

/* 1: the answers may be of several moments. */
static int query(struct fl_nl *nl, struct fl_batch *b, fl_nl_each *each, void *arg,
		 struct fl_err *err)
{
	struct query q = { .nl = nl, .batch = b, .each = each, .arg = arg };
	int r;

	q.dump = b->n > 0 &&
		 (nlmsg_hdr(b->items[b->n - 1].msg)->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	if (q.dump)
		be_strict(nl);
	r = transmit(nl, b, err);
	q.first = nl->seq - (uint32_t)b->n + 1;
	while (r == 0 && (r = read_answer(&q, err)) == 1)
		r = 0;
	return r ?: q.given_up ?: q.interrupted;
}

int fl_nl_dump_once(struct fl_nl *nl, struct fl_batch *b, fl_nl_each *each, void *arg,
		    struct fl_err *err)
{
	int r = query(nl, b, each, arg, err);

	empty_batch(b);
	return r;
}

int fl_nl_query(struct fl_nl *nl, struct fl_batch *b, fl_nl_each *each, void *arg,
		struct fl_err *err)
{
	int tries = 0, r;

	while ((r = query(nl, b, each, arg, err)) == 1 && ++tries < DUMP_TRIES)
		(void)each(NULL, arg, err);
	if (r == 1)
		r = fl_fail(err, EAGAIN, "%s: interrupted %d times", b->items[0].what, DUMP_TRIES);
	empty_batch(b);
	return r;
}
