// SPDX-License-Identifier: Apache-2.0
/* nf_tables: transactions, tables, chains, sets, elements. */
#include "net/nft.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/text.h"
#include "net/nft_msg.h"

/* The first attribute of each kind of message is the table's name. */
_Static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_SET_TABLE == 1 &&
		       NFTA_SET_ELEM_LIST_TABLE == 1 && NFTA_RULE_TABLE == 1,
	       "the table's name has one attribute number");

/* Younger than the headers that we build with: from Linux 5.12, 6.9 and 6.3 on. */
enum { TABLE_OWNER = 1 << 1, TABLE_PERSIST = 1 << 2, MSG_DESTROYTABLE = 26 };

#define MSG_ROOM 4096 /* bytes: rules and elements need more than others do */
#define ELEM_MAX 72   /* bytes: no element is longer, nor is its comment */
#define ELEMS	 900  /* in one message: their list must stay below 64 KiB */

/*
 * The nft tool's numbers for data types, and for byte orders, by which it prints keys (1 is
 * the host's, 2 the network's, 0 for a concatenation). They are its own and in no header.
 */
static const struct {
	uint32_t type, len;
	uint8_t order;
} key_types[] = {
	[FL_NFT_IPV4] = { 7, 4, 2 },
	[FL_NFT_IPV6] = { 8, 16, 2 },
	[FL_NFT_IFNAME] = { 41, 16, 1 },
	[FL_NFT_IFNAME_MAC] = { 41 << 6 | 9, 24, 0 },
};

static const struct {
	const char *type, *text;
	uint32_t hook, prio;
} hooks[] = {
	[FL_NFT_SRCNAT] = { "nat", "nat chain at hook postrouting", NF_INET_POST_ROUTING, 100 },
	[FL_NFT_INPUT] = { "filter", "filter chain at hook input", NF_INET_LOCAL_IN, 0 },
	[FL_NFT_FORWARD] = { "filter", "filter chain at hook forward", NF_INET_FORWARD, 0 },
	[FL_NFT_OUTPUT] = { "filter", "filter chain at hook output", NF_INET_LOCAL_OUT, 0 },
	[FL_NFT_BRIDGE_FIRST] = { "filter", "filter chain at hook prerouting", 0, (uint32_t)-400 },
};

static uint8_t family(const struct fl_nft_table *t)
{
	static const uint8_t numbers[] = {
		[FL_NFT_INET] = NFPROTO_INET,
		[FL_NFT_BRIDGE] = NFPROTO_BRIDGE,
		[FL_NFT_IP] = NFPROTO_IPV4,
		[FL_NFT_IP6] = NFPROTO_IPV6,
	};

	return numbers[t->family];
}

uint16_t fl_nft_msg_type(int type)
{
	return (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
}

static struct nl_msg *new_msg(struct fl_batch *b, uint16_t type_flags[2],
			      const struct fl_nft_table *t, const char *what, size_t room)
{
	struct nfgenmsg g = { .nfgen_family = t ? family(t) : NFPROTO_UNSPEC };
	struct fl_hdr hdr = { fl_nft_msg_type(type_flags[0]), type_flags[1], &g, sizeof(g), room };
	struct nl_msg *m = fl_batch_add(b, &hdr, "%s", what);

	if (t)
		fl_put_str(b, m, NFTA_TABLE_NAME, t->name);
	return m;
}

struct nl_msg *fl_nft_msg(struct fl_batch *b, int type, uint16_t flags,
			  const struct fl_nft_table *t, const char *what)
{
	return new_msg(b, (uint16_t[]){ (uint16_t)type, flags }, t, what, MSG_ROOM);
}

int fl_nft_parse(const struct nlmsghdr *h, struct nlattr **tb, int max, struct fl_err *err)
{
	if (nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(struct nfgenmsg), tb, max, NULL) <
	    0)
		return fl_fail(err, EPROTO, "read the kernel's answer: malformed attributes");
	return 0;
}

void fl_nft_comment_put(struct fl_batch *b, struct nl_msg *m, int attr, const char *text)
{
	uint8_t data[2 + FL_NFT_COMMENT_SIZE] = { 0 }; /* type 0: a comment; length; text, NUL */
	size_t len = strlen(text) + 1;

	if (len == 1 || len > FL_NFT_COMMENT_SIZE)
		return;
	data[1] = (uint8_t)len;
	memcpy(data + 2, text, len);
	fl_put(b, m, attr, data, 2 + len);
}

static struct nl_msg *put_frame(struct fl_batch *b, uint16_t type)
{
	struct nfgenmsg g = { .nfgen_family = AF_UNSPEC, .res_id = htons(NFNL_SUBSYS_NFTABLES) };
	struct fl_hdr hdr = { type, 0, &g, sizeof(g) };

	return fl_batch_add(b, &hdr, "change nf_tables");
}

void fl_nft_begin(struct fl_batch *b, uint32_t gen)
{
	struct nl_msg *m = put_frame(b, NFNL_MSG_BATCH_BEGIN);

	if (gen)
		fl_put_be32(b, m, NFNL_BATCH_GENID, gen);
}

void fl_nft_end(struct fl_batch *b)
{
	(void)put_frame(b, NFNL_MSG_BATCH_END);
}

void fl_nft_table_put(struct fl_batch *b, const struct fl_nft_table *t)
{
	struct nl_msg *m = fl_nft_msg(b, NFT_MSG_NEWTABLE, NLM_F_CREATE, t, "create table");

	if (t->kept)
		fl_put_be32(b, m, NFTA_TABLE_FLAGS, TABLE_OWNER | TABLE_PERSIST);
}

void fl_nft_table_drop_put(struct fl_batch *b, const struct fl_nft_table *t)
{
	/* As one that is kept it could not be made where there is another. */
	if (t->kept) {
		(void)fl_nft_msg(b, MSG_DESTROYTABLE, 0, t, "remove table");
		return;
	}
	/* What is not there cannot be removed, and would refuse the transaction: made first. */
	fl_nft_table_put(b, t);
	(void)fl_nft_msg(b, NFT_MSG_DELTABLE, 0, t, "remove table");
}

void fl_nft_chain_put(struct fl_batch *b, const struct fl_nft_table *t,
		      const struct fl_nft_chain *c)
{
	struct nl_msg *m = fl_nft_msg(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, t, "create chain");
	struct nlattr *nest;

	fl_put_str(b, m, NFTA_CHAIN_NAME, c->name);
	fl_put_str(b, m, NFTA_CHAIN_TYPE, hooks[c->hook].type);
	nest = fl_nest(b, m, NFTA_CHAIN_HOOK);
	fl_put_be32(b, m, NFTA_HOOK_HOOKNUM, hooks[c->hook].hook);
	fl_put_be32(b, m, NFTA_HOOK_PRIORITY, hooks[c->hook].prio);
	fl_nest_end(m, nest);
}

void fl_nft_set_put(struct fl_batch *b, const struct fl_nft_table *t, const struct fl_nft_set *s)
{
	/* User data: type 0, the key's byte order, as a 32-bit number of the nft tool's. */
	uint8_t order[] = { 0, 4, key_types[s->type].order, 0, 0, 0 };
	struct nl_msg *m = fl_nft_msg(b, NFT_MSG_NEWSET, NLM_F_CREATE, t, "create set");

	fl_put_str(b, m, NFTA_SET_NAME, s->name);
	fl_put_be32(b, m, NFTA_SET_FLAGS, s->interval ? NFT_SET_INTERVAL : 0);
	fl_put_be32(b, m, NFTA_SET_KEY_TYPE, key_types[s->type].type);
	fl_put_be32(b, m, NFTA_SET_KEY_LEN, key_types[s->type].len);
	/* Required, though nothing here refers to a set by it. */
	fl_put_be32(b, m, NFTA_SET_ID, (uint32_t)s->type + 1);
	fl_put(b, m, NFTA_SET_USERDATA, order, sizeof(order));
}

static void put_elem(struct fl_batch *b, struct nl_msg *m, const struct fl_nft_set *s,
		     const struct fl_nft_elem *e)
{
	struct nlattr *elem = fl_nest(b, m, NFTA_LIST_ELEM);
	struct nlattr *key = fl_nest(b, m, NFTA_SET_ELEM_KEY);

	fl_put(b, m, NFTA_DATA_VALUE, e->key, key_types[s->type].len);
	fl_nest_end(m, key);
	if (e->end)
		fl_put_be32(b, m, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
	fl_nft_comment_put(b, m, NFTA_SET_ELEM_USERDATA, e->comment);
	fl_nest_end(m, elem);
}

/* As many messages as the elements need. */
static void put_elems(struct fl_batch *b, int type, const struct fl_nft_table *t,
		      const struct fl_nft_set *s, const struct fl_nft_elem *elems, size_t n)
{
	bool del = type == NFT_MSG_DELSETELEM;
	uint16_t type_flags[2] = { (uint16_t)type, del ? 0 : NLM_F_CREATE };
	size_t i = 0;

	while (i < n) {
		size_t end = n - i < ELEMS ? n : i + ELEMS;
		struct nl_msg *m = new_msg(b, type_flags, t,
					   del ? "remove elements" : "add elements",
					   MSG_ROOM + (end - i) * ELEM_MAX);
		struct nlattr *list;

		fl_put_str(b, m, NFTA_SET_ELEM_LIST_SET, s->name);
		list = fl_nest(b, m, NFTA_SET_ELEM_LIST_ELEMENTS);
		if (!list)
			return;
		while (i < end)
			put_elem(b, m, s, &elems[i++]);
		fl_nest_end(m, list);
	}
}

void fl_nft_elems_put(struct fl_batch *b, const struct fl_nft_table *t, const struct fl_nft_set *s,
		      const struct fl_nft_elem *elems, size_t n)
{
	put_elems(b, NFT_MSG_NEWSETELEM, t, s, elems, n);
}

void fl_nft_elems_drop_put(struct fl_batch *b, const struct fl_nft_table *t,
			   const struct fl_nft_set *s, const struct fl_nft_elem *elems, size_t n)
{
	/*
	 * Removing an element that is not there would refuse the whole transaction, and only
	 * Linux 6.3 and later have a message without that. Adding it first works everywhere, but
	 * for intervals, which might overlap others.
	 */
	if (!s->interval)
		put_elems(b, NFT_MSG_NEWSETELEM, t, s, elems, n);
	put_elems(b, NFT_MSG_DELSETELEM, t, s, elems, n);
}

static int take_generation(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	struct nlattr *tb[NFTA_GEN_MAX + 1];
	int r;

	if (!h)
		return 0;
	r = fl_nft_parse(h, tb, NFTA_GEN_MAX, err);
	if (r < 0)
		return r;
	*(uint32_t *)arg = ntohl(fl_attr_u32(tb[NFTA_GEN_ID], 0));
	return 0;
}

int fl_nft_generation(struct fl_nl *nl, uint32_t *gen, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	uint32_t got = 0;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	(void)fl_nft_msg(b, NFT_MSG_GETGEN, 0, NULL, "read the generation of nf_tables");
	r = fl_nl_query(nl, b, take_generation, &got, err);
	if (r == -EINVAL) /* nfnetlink's word for an unknown subsystem; ours takes no argument */
		return fl_fail(err, EOPNOTSUPP, "the kernel has no nf_tables");
	if (r < 0)
		return r;
	if (!got)
		return fl_fail(err, EPROTO, "read the generation of nf_tables: none in the answer");
	*gen = got;
	return 0;
}

/* Asks for one table, chain or set by its table's and its own name. */
static int get_object(struct fl_nl *nl, const struct fl_nft_table *t, int type, const char *name,
		      fl_nl_each *each, void *arg, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	struct nl_msg *m;
	char what[FL_NFT_NAME_SIZE + 16];
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	(void)snprintf(what, sizeof(what), "look for %s '%s'",
		       type == NFT_MSG_GETTABLE	  ? "table"
		       : type == NFT_MSG_GETCHAIN ? "chain"
						  : "set",
		       name);
	m = fl_nft_msg(b, type, 0, t, what);
	if (type != NFT_MSG_GETTABLE)
		fl_put_str(b, m, type == NFT_MSG_GETCHAIN ? NFTA_CHAIN_NAME : NFTA_SET_NAME, name);
	return fl_nl_query(nl, b, each, arg, err);
}

static int verify_table(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	struct nlattr *tb[NFTA_TABLE_MAX + 1];
	int r;

	(void)arg;
	if (!h)
		return 0;
	r = fl_nft_parse(h, tb, NFTA_TABLE_MAX, err);
	if (r < 0)
		return r;
	if (ntohl(fl_attr_u32(tb[NFTA_TABLE_FLAGS], 0)) & NFT_TABLE_F_DORMANT)
		return fl_fail(err, EUCLEAN, "expected in force, found switched off (dormant)");
	return 0;
}

int fl_nft_table_verify(struct fl_nl *nl, const struct fl_nft_table *t, struct fl_err *err)
{
	return get_object(nl, t, NFT_MSG_GETTABLE, t->name, verify_table, NULL, err);
}

static int verify_chain(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	const struct fl_nft_chain *c = arg;
	struct nlattr *tb[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1] = { NULL };
	int r;

	if (!h)
		return 0;
	r = fl_nft_parse(h, tb, NFTA_CHAIN_MAX, err);
	if (r < 0)
		return r;
	if (tb[NFTA_CHAIN_HOOK] &&
	    nla_parse_nested(hook, NFTA_HOOK_MAX, tb[NFTA_CHAIN_HOOK], NULL) < 0)
		return fl_fail(err, EPROTO, "read the kernel's answer: malformed attributes");
	if (!fl_streq(fl_attr_str(tb[NFTA_CHAIN_TYPE]), hooks[c->hook].type) ||
	    ntohl(fl_attr_u32(hook[NFTA_HOOK_HOOKNUM], UINT32_MAX)) != hooks[c->hook].hook)
		return fl_fail(err, EEXIST, "expected a %s, found another chain",
			       hooks[c->hook].text);
	return 0;
}

int fl_nft_chain_verify(struct fl_nl *nl, const struct fl_nft_table *t,
			const struct fl_nft_chain *c, struct fl_err *err)
{
	struct fl_nft_chain copy = *c;

	return get_object(nl, t, NFT_MSG_GETCHAIN, c->name, verify_chain, &copy, err);
}

static int verify_set(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	const struct fl_nft_set *s = arg;
	struct nlattr *tb[NFTA_SET_MAX + 1];
	uint32_t type, len, flags;
	int r;

	if (!h)
		return 0;
	r = fl_nft_parse(h, tb, NFTA_SET_MAX, err);
	if (r < 0)
		return r;
	type = ntohl(fl_attr_u32(tb[NFTA_SET_KEY_TYPE], 0));
	len = ntohl(fl_attr_u32(tb[NFTA_SET_KEY_LEN], 0));
	flags = ntohl(fl_attr_u32(tb[NFTA_SET_FLAGS], 0));
	/* Elements of intervals, maps and constant sets are added in other ways than ours. */
	flags &= NFT_SET_CONSTANT | NFT_SET_INTERVAL | NFT_SET_MAP | NFT_SET_OBJECT;
	if (type != key_types[s->type].type || len != key_types[s->type].len ||
	    flags != (s->interval ? NFT_SET_INTERVAL : 0))
		return fl_fail(err, EEXIST,
			       "expected keys of type %u and %u bytes, found a set with keys of "
			       "type %u and %u bytes, flags 0x%x",
			       key_types[s->type].type, key_types[s->type].len, type, len, flags);
	return 0;
}

int fl_nft_set_verify(struct fl_nl *nl, const struct fl_nft_table *t, const struct fl_nft_set *s,
		      struct fl_err *err)
{
	struct fl_nft_set copy = *s;

	return get_object(nl, t, NFT_MSG_GETSET, s->name, verify_set, &copy, err);
}

struct elem_walk {
	int (*each)(const struct fl_nft_elem *elem, void *arg, struct fl_err *err);
	void *arg;
};

/* False when the attributes are not those of an element with a key that fits. */
static bool read_elem(struct nlattr *a, struct fl_nft_elem *e)
{
	struct nlattr *tb[NFTA_SET_ELEM_MAX + 1], *key[NFTA_DATA_MAX + 1];
	const uint8_t *u;
	size_t len;

	*e = (struct fl_nft_elem){ 0 };
	if (nla_parse_nested(tb, NFTA_SET_ELEM_MAX, a, NULL) < 0 || !tb[NFTA_SET_ELEM_KEY] ||
	    nla_parse_nested(key, NFTA_DATA_MAX, tb[NFTA_SET_ELEM_KEY], NULL) < 0 ||
	    !key[NFTA_DATA_VALUE] || nla_len(key[NFTA_DATA_VALUE]) > FL_NFT_KEY_MAX)
		return false;
	memcpy(e->key, nla_data(key[NFTA_DATA_VALUE]), (size_t)nla_len(key[NFTA_DATA_VALUE]));
	e->end = ntohl(fl_attr_u32(tb[NFTA_SET_ELEM_FLAGS], 0)) & NFT_SET_ELEM_INTERVAL_END;
	if (!tb[NFTA_SET_ELEM_USERDATA])
		return true;
	/* A comment that is not in our form or too long cannot be ours: leave it out. */
	u = nla_data(tb[NFTA_SET_ELEM_USERDATA]);
	len = (size_t)nla_len(tb[NFTA_SET_ELEM_USERDATA]);
	if (len >= 3 && u[0] == 0 && u[1] <= len - 2 && u[1] >= 1 && u[1] <= sizeof(e->comment))
		memcpy(e->comment, u + 2, u[1] - 1U);
	return true;
}

static int walk_elems(const struct nlmsghdr *h, void *arg, struct fl_err *err)
{
	struct elem_walk *w = arg;
	struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1], *a;
	int rem, r;

	if (!h || h->nlmsg_type != fl_nft_msg_type(NFT_MSG_NEWSETELEM))
		return 0;
	r = fl_nft_parse(h, tb, NFTA_SET_ELEM_LIST_MAX, err);
	if (r < 0 || !tb[NFTA_SET_ELEM_LIST_ELEMENTS])
		return r;
	nla_for_each_nested(a, tb[NFTA_SET_ELEM_LIST_ELEMENTS], rem)
	{
		struct fl_nft_elem e;

		if (!read_elem(a, &e))
			continue;
		r = w->each(&e, w->arg, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int fl_nft_elems_each(struct fl_nl *nl, const struct fl_nft_table *t, const struct fl_nft_set *s,
		      int (*each)(const struct fl_nft_elem *elem, void *arg, struct fl_err *err),
		      void *arg, struct fl_err *err)
{
	struct elem_walk w = { each, arg };
	fl_auto_batch struct fl_batch *b = NULL;
	struct nl_msg *m;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	m = fl_nft_msg(b, NFT_MSG_GETSETELEM, NLM_F_DUMP, t, "read elements");
	fl_put_str(b, m, NFTA_SET_ELEM_LIST_SET, s->name);
	return fl_nl_dump_once(nl, b, walk_elems, &w, err);
}

static int copy_elem(const struct fl_nft_elem *elem, void *arg, struct fl_err *err)
{
	(void)err;
	*(struct fl_nft_elem *)arg = *elem;
	return 0;
}

int fl_nft_elem_get(struct fl_nl *nl, const struct fl_nft_table *t, const struct fl_nft_set *s,
		    struct fl_nft_elem *elem, struct fl_err *err)
{
	struct fl_nft_elem ask = *elem, got = { 0 };
	struct elem_walk w = { copy_elem, &got };
	fl_auto_batch struct fl_batch *b = NULL;
	struct nlattr *list;
	struct nl_msg *m;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	ask.comment[0] = '\0';
	m = fl_nft_msg(b, NFT_MSG_GETSETELEM, 0, t, "look for an element");
	fl_put_str(b, m, NFTA_SET_ELEM_LIST_SET, s->name);
	list = fl_nest(b, m, NFTA_SET_ELEM_LIST_ELEMENTS);
	put_elem(b, m, s, &ask);
	fl_nest_end(m, list);
	r = fl_nl_query(nl, b, walk_elems, &w, err);
	if (r < 0)
		return r;
	if (memcmp(got.key, ask.key, sizeof(ask.key)) != 0)
		return fl_fail(err, EPROTO, "look for an element: another one in the answer");
	*elem = got;
	return 0;
}
