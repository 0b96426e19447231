// SPDX-License-Identifier: Apache-2.0
/*
 * Deleting links, alone or with others. What a deletion costs is the kernel's grace periods, under
 * the rtnl lock and after it, and many links that go at once share them.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "net/link.h"
#include "net/msg.h"

/* A group of links that is nobody's ("flDL"); 0 is that of all who were never given one. */
#define CONDEMNED 0x666c444cu

static struct nl_msg *put(struct fl_batch *b, uint16_t type, const char *what, const char *name)
{
	struct ifinfomsg ifi = { 0 };
	struct nl_msg *m = fl_batch_add(b, &(struct fl_hdr){ type, 0, &ifi, sizeof(ifi) },
					"%s link '%s'", what, name);

	fl_batch_tolerate(b, ENODEV);
	return m;
}

static void put_del(struct fl_batch *b, const char *name)
{
	fl_put_str(b, put(b, RTM_DELLINK, "delete", name), IFLA_IFNAME, name);
}

int fl_link_del(struct fl_nl *nl, const char *name, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	put_del(b, name);
	return fl_batch_send(nl, b, err);
}

int fl_link_condemn(struct fl_nl *nl, const char *name, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	struct nl_msg *m;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	/* Not RTM_NEWLINK: without such a link, an old kernel would change the links of the group.
	 */
	m = put(b, RTM_SETLINK, "condemn", name);
	fl_put_str(b, m, IFLA_IFNAME, name);
	fl_put_u32(b, m, IFLA_GROUP, CONDEMNED);
	return fl_batch_send(nl, b, err);
}

/*
 * Who has just given the rtnl lock back would have it again before those who wait for it, and find
 * its own link alone in the group: they go first. By its name at last, whatever became of the
 * group: it may hold a link of somebody's that cannot be deleted, and then the kernel deletes none.
 * Where the link is gone already that waits for whoever is about it, who holds the lock.
 */
int fl_link_del_condemned(struct fl_nl *nl, const char *name, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	(void)sched_yield();
	if (fl_nl_has_link(nl, name)) {
		fl_put_u32(b, put(b, RTM_DELLINK, "delete what is condemned with", name),
			   IFLA_GROUP, CONDEMNED);
		fl_batch_tolerate(b, EOPNOTSUPP);
	}
	put_del(b, name);
	return fl_batch_send(nl, b, err);
}
