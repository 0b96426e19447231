// SPDX-License-Identifier: Apache-2.0
/*
 * What the kernel answers to lib/net's questions. The first byte of an input chooses the question,
 * the rest is the answer: one datagram, after which the dump is over. The calls that would reach
 * the kernel are replaced here; numbers of messages are made to fit, or nothing would be read.
 */
#include "fuzz.h"

#include <errno.h>
#include <sys/socket.h>

#include "net/addr.h"
#include "net/link.h"
#include "net/neigh.h"
#include "net/netns.h"
#include "net/nft_rule.h"
#include "net/route.h"

/* The head of a netlink message, as the kernel's header has it. */
struct head {
	uint32_t len;
	uint16_t type, flags;
	uint32_t seq, pid;
};

enum { DONE = 3, HEAD = 16, BUFFER = 32768 };

static uint32_t seq;	      /* of the last message sent */
static const uint8_t *answer; /* what is still to be received */
static size_t answer_len;
static bool over; /* the end was received too */

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	struct head h = { 0 };
	ssize_t total = 0;

	(void)fd, (void)flags;
	for (size_t i = 0; i < m->msg_iovlen; i++) {
		memcpy(&h, m->msg_iov[i].iov_base, HEAD);
		total += (ssize_t)m->msg_iov[i].iov_len;
	}
	seq = h.seq;
	return total;
}

/* Makes the messages answers to the last question. */
static void number(uint8_t *data, size_t len)
{
	struct head h;

	for (size_t at = 0; at + HEAD <= len;) {
		memcpy(&h, data + at, HEAD);
		h.seq = seq;
		memcpy(data + at, &h, HEAD);
		if (h.len < HEAD || h.len > len - at)
			return;
		at += (h.len + 3u) & ~3u;
	}
}

static ssize_t serve(void *buf)
{
	struct head end = { HEAD + 4, DONE, 2, seq, 0 };
	size_t len = answer_len;

	if (over) {
		errno = EAGAIN;
		return -1;
	}
	if (len == 0) {
		over = true;
		memset(buf, 0, HEAD + 4);
		memcpy(buf, &end, HEAD);
		return HEAD + 4;
	}
	memcpy(buf, answer, len);
	number(buf, len);
	answer_len = 0;
	return (ssize_t)len;
}

ssize_t recv(int fd, void *buf, size_t size, int flags)
{
	(void)fd, (void)flags;
	MUST(size == BUFFER);
	return serve(buf);
}

int recvmmsg(int fd, struct mmsghdr *m, unsigned int n, int flags, struct timespec *timeout)
{
	ssize_t len = 0;
	unsigned int i;

	(void)fd, (void)flags, (void)timeout;
	for (i = 0; i < n; i++) {
		len = serve(m[i].msg_hdr.msg_iov->iov_base);
		if (len < 0)
			break;
		m[i].msg_len = (unsigned int)len;
	}
	return i ? (int)i : (int)len;
}

static int each_route(const struct fl_route *r, void *arg, struct fl_err *err)
{
	(void)arg, (void)err;
	MUST(r->dst.len <= fl_ip_bits(&r->dst.ip));
	return 0;
}

static int each_neigh(const struct fl_neigh *n, void *arg, struct fl_err *err)
{
	(void)err;
	MUST(n->link == *(uint32_t *)arg);
	return 0;
}

static int each_fdb(const struct fl_fdb *f, void *arg, struct fl_err *err)
{
	(void)err;
	MUST(f->link == *(uint32_t *)arg);
	return 0;
}

static void check_link(const struct fl_link *l)
{
	MUST(memchr(l->name, '\0', sizeof(l->name)) && memchr(l->kind, '\0', sizeof(l->kind)) &&
	     memchr(l->alias, '\0', sizeof(l->alias)));
}

static int each_link(const struct fl_link *l, void *arg, struct fl_err *err)
{
	(void)arg, (void)err;
	check_link(l);
	return 0;
}

static int each_addr(const struct fl_addr *a, void *arg, struct fl_err *err)
{
	(void)a, (void)arg, (void)err;
	return 0;
}

static int each_elem(const struct fl_nft_elem *e, void *arg, struct fl_err *err)
{
	(void)arg, (void)err;
	MUST(memchr(e->comment, '\0', sizeof(e->comment)));
	return 0;
}

static void ask_nft(struct fl_nl *nl, int what)
{
	static const struct fl_nft_table t = { FL_NFT_INET, "t" };
	static const struct fl_nft_set s = { "s", FL_NFT_IPV4, true };
	static const struct fl_nft_chain c = { "c", FL_NFT_SRCNAT };
	static const struct fl_nft_rule rule = { 1, { { FL_NFT_MASQUERADE } }, "" };
	struct fl_err err;
	uint32_t gen;
	bool found;

	if (what == 0)
		FL_IGNORE(fl_nft_table_verify(nl, &t, &err));
	else if (what == 1)
		FL_IGNORE(fl_nft_set_verify(nl, &t, &s, &err));
	else if (what == 2)
		FL_IGNORE(fl_nft_chain_verify(nl, &t, &c, &err));
	else if (what == 3)
		FL_IGNORE(fl_nft_elems_each(nl, &t, &s, each_elem, NULL, &err));
	else if (what == 4)
		FL_IGNORE(fl_nft_rules_find(nl, &t, "c", &rule, 1, &found, &err));
	else
		FL_IGNORE(fl_nft_generation(nl, &gen, &err));
}

static void ask_route(struct fl_nl *nl, int what)
{
	struct fl_ip to = { { 0x20, 1 } };
	struct fl_port_vlans vlans;
	struct fl_route route;
	struct fl_link link;
	struct fl_err err;
	uint32_t index = 2; /* as the corpus has it */
	bool on;

	if (what == 0)
		FL_IGNORE(fl_route_list(nl, index, each_route, NULL, &err));
	else if (what == 1)
		FL_IGNORE(fl_route_list_by(nl, 0, each_route, NULL, &err));
	else if (what == 2 && fl_route_lookup(nl, &to, &route, &err) == 0)
		FL_IGNORE(each_route(&route, NULL, &err));
	else if (what == 3)
		FL_IGNORE(fl_neigh_list(nl, index, each_neigh, &index, &err));
	else if (what == 4)
		FL_IGNORE(fl_fdb_list(nl, index, each_fdb, &index, &err));
	else if (what == 5 && fl_link_get(nl, "x", &link, &err) == 0)
		check_link(&link);
	else if (what == 6)
		FL_IGNORE(fl_link_list(nl, 0, each_link, NULL, &err));
	else if (what == 7)
		FL_IGNORE(fl_addr_list(nl, index, 0, each_addr, NULL, &err));
	else if (what == 8)
		FL_IGNORE(fl_link_vlans(nl, index, &vlans, &err));
	else if (what == 9)
		FL_IGNORE(fl_ipv6_forwarding_get(nl, &on, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_nl struct fl_nl *nl = NULL;
	struct fl_err err;
	bool nft = size > 0 && data[0] >= 16;

	if (size < 1 || size > BUFFER)
		return 0;
	answer = data + 1;
	answer_len = size - 1;
	over = false;
	MUST(fl_nl_open(nft ? FL_NL_NETFILTER : FL_NL_ROUTE, &nl, &err) == 0);
	if (nft)
		ask_nft(nl, data[0] % 16 % 6);
	else
		ask_route(nl, data[0] % 10);
	return 0;
}
