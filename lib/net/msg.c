// SPDX-License-Identifier: Apache-2.0
/* Attributes, put and read; lists of what a dump tells. */
#include "net/msg.h"

#include <errno.h>
#include <string.h>

void fl_put(struct fl_batch *b, struct nl_msg *m, int type, const void *data, size_t len)
{
	if (m && data && nla_put(m, type, (int)len, data) < 0)
		fl_batch_break(b);
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
		fl_batch_break(b);
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
	/* Room for a power of two, so that it is full when their number is one. */
	if ((l->n & (l->n - 1)) == 0) {
		void *grown = reallocarray(l->items, l->n ? 2 * l->n : 1, size);

		if (!grown)
			return fl_fail_errno(err, ENOMEM, "collect %zu items", l->n + 1);
		l->items = grown;
	}
	memcpy((char *)l->items + l->n++ * size, item, size);
	return 0;
}

void fl_list_done(struct fl_list *l)
{
	fl_free_p(&l->items);
	l->n = 0;
}
