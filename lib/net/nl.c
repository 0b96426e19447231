// SPDX-License-Identifier: Apache-2.0
/* The netlink socket: batches and queries. */
#include "net/msg.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MAX 32768 /* the kernel fills at most 32 KiB a read */
#define DUMP_TRIES 5

struct fl_nl {
	enum fl_nl_proto proto;
	int fd;
	uint32_t seq; /* of the last message sent */
	bool strict;  /* dumps are filtered by the kernel */
};

struct fl_batch {
	size_t n;
	bool broken; /* a message could not be built */
	struct nl_msg *msg[FL_BATCH_MAX];
	int tolerated[FL_BATCH_MAX][2]; /* errnos that count as done, or 0 */
	char what[FL_BATCH_MAX][96];
};

int fl_nl_open(enum fl_nl_proto proto, struct fl_nl **out, struct fl_err *err)
{
	static const int on = 1;
	fl_auto_nl struct fl_nl *nl = malloc(sizeof(*nl));

	if (!nl)
		return fl_fail_errno(err, ENOMEM, "open netlink socket");
	*nl = (struct fl_nl){ .proto = proto };
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			proto == FL_NL_ROUTE ? NETLINK_ROUTE : NETLINK_NETFILTER);
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
	b->n = 0;
	b->broken = false;
	*out = b;
	return 0;
}

size_t fl_batch_room(const struct fl_batch *b)
{
	return FL_BATCH_MAX - b->n;
}

static void empty_batch(struct fl_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		nlmsg_free(b->msg[i]);
	b->n = 0;
	b->broken = false;
}

void fl_batch_free(struct fl_batch **b)
{
	if (*b)
		empty_batch(*b);
	fl_free_p(b);
}

struct nl_msg *fl_batch_add(struct fl_batch *b, const struct fl_hdr *hdr, const char *what, ...)
{
	size_t room = hdr->room ? hdr->room : FL_MSG_ROOM;
	struct nl_msg *m = b->n < FL_BATCH_MAX ? nlmsg_alloc_size(room) : NULL;
	va_list ap;

	if (!m || !nlmsg_put(m, 0, 0, hdr->type, 0, hdr->flags | NLM_F_REQUEST) ||
	    nlmsg_append(m, (void *)(uintptr_t)hdr->data, hdr->len, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(m);
		b->broken = true;
		return NULL;
	}
	va_start(ap, what);
	(void)vsnprintf(b->what[b->n], sizeof(b->what[0]), what, ap);
	va_end(ap);
	memset(b->tolerated[b->n], 0, sizeof(b->tolerated[0]));
	b->msg[b->n++] = m;
	return m;
}

void fl_batch_tolerate(struct fl_batch *b, int error)
{
	int *t = b->n > 0 ? b->tolerated[b->n - 1] : NULL;

	if (t)
		t[t[0] ? 1 : 0] = error;
}

static bool is_tolerated(const struct fl_batch *b, size_t index, int error)
{
	return !error || error == b->tolerated[index][0] || error == b->tolerated[index][1];
}

void fl_batch_break(struct fl_batch *b)
{
	b->broken = true;
}

void fl_put(struct fl_batch *b, struct nl_msg *m, int type, const void *data, size_t len)
{
	if (m && data && nla_put(m, type, (int)len, data) < 0)
		b->broken = true;
}

void fl_put_u8(struct fl_batch *b, struct nl_msg *m, int type, uint8_t v)
{
	fl_put(b, m, type, &v, sizeof(v));
}

void fl_put_u32(struct fl_batch *b, struct nl_msg *m, int type, uint32_t v)
{
	fl_put(b, m, type, &v, sizeof(v));
}

void fl_put_be32(struct fl_batch *b, struct nl_msg *m, int type, uint32_t v)
{
	fl_put_u32(b, m, type, htobe32(v));
}

void fl_put_str(struct fl_batch *b, struct nl_msg *m, int type, const char *text)
{
	fl_put(b, m, type, text, text ? strlen(text) + 1 : 0);
}

struct nlattr *fl_nest(struct fl_batch *b, struct nl_msg *m, int type)
{
	struct nlattr *nest = m ? nla_nest_start(m, type | NLA_F_NESTED) : NULL;

	if (!nest)
		b->broken = true;
	return nest;
}

void fl_nest_end(struct nl_msg *m, struct nlattr *nest)
{
	if (m && nest)
		nla_nest_end(m, nest);
}

const char *fl_attr_str(const struct nlattr *a)
{
	if (!a || nla_len(a) < 1 || !memchr(nla_data(a), '\0', (size_t)nla_len(a)))
		return NULL;
	return nla_data(a);
}

uint32_t fl_attr_u32(const struct nlattr *a, uint32_t fallback)
{
	return a && nla_len(a) == 4 ? nla_get_u32(a) : fallback;
}

uint8_t fl_attr_u8(const struct nlattr *a, uint8_t fallback)
{
	return a && nla_len(a) == 1 ? nla_get_u8(a) : fallback;
}

int fl_list_add(struct fl_list *l, const void *item, size_t size, struct fl_err *err)
{
	void *grown = reallocarray(l->items, l->n + 1, size);

	if (!grown)
		return fl_fail_errno(err, ENOMEM, "collect %zu items", l->n + 1);
	l->items = grown;
	memcpy((char *)grown + l->n++ * size, item, size);
	return 0;
}

void fl_list_done(struct fl_list *l)
{
	fl_free_p(&l->items);
	l->n = 0;
}

static int transmit(struct fl_nl *nl, struct fl_batch *b, struct fl_err *err)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct iovec iov[FL_BATCH_MAX];
	struct msghdr msg = { .msg_name = &kernel, .msg_namelen = sizeof(kernel), .msg_iov = iov };

	if (b->broken)
		return fl_fail_errno(err, ENOMEM, "build netlink messages");
	for (size_t i = 0; i < b->n; i++) {
		struct nlmsghdr *h = nlmsg_hdr(b->msg[i]);

		h->nlmsg_seq = ++nl->seq;
		iov[i] = (struct iovec){ h, h->nlmsg_len };
	}
	msg.msg_iovlen = b->n;
	while (sendmsg(nl->fd, &msg, 0) < 0)
		if (errno != EINTR)
			return fl_fail_errno(err, errno, "%s: send", b->what[0]);
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
		int n = receive(nl, buf, b->what[last], err);

		if (n < 0)
			return n;
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, (unsigned int)n);
		     h = NLMSG_NEXT(h, n)) {
			const struct nlmsgerr *e = NLMSG_DATA(h);
			uint32_t index = h->nlmsg_seq - first;

			if (!is_ack(h) || index >= b->n)
				continue;
			if (!is_tolerated(b, index, -e->error))
				result = take_ack(h, b->what[index], index, judge, err, result);
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
		nlmsg_hdr(b->msg[last_asked(nl, b)])->nlmsg_flags |= NLM_F_ACK;
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
	what = q->batch->what[index];
	if (is_ack(h) && !is_tolerated(q->batch, index, -((struct nlmsgerr *)NLMSG_DATA(h))->error))
		return kernel_error(h, what, err);
	if (index < last)
		return 1;
	q->interrupted |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	if (h->nlmsg_type == NLMSG_DONE || is_ack(h))
		return 0;
	r = q->each(h, q->arg, err);
	if (r < 0)
		return fl_wrap(err, r, "%s", what);
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
	const char *what = q->batch->what[q->batch->n - 1];
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

	q.dump = b->n > 0 && (nlmsg_hdr(b->msg[b->n - 1])->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	if (q.dump)
		be_strict(nl);
	r = transmit(nl, b, err);
	q.first = nl->seq - (uint32_t)b->n + 1;
	while (r == 0 && (r = read_answer(&q, err)) == 1)
		r = 0;
	return r < 0 ? r : q.interrupted;
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
		r = fl_fail(err, EAGAIN, "%s: interrupted %d times", b->what[0], DUMP_TRIES);
	empty_batch(b);
	return r;
}
