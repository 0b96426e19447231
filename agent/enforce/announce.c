// SPDX-License-Identifier: Apache-2.0
/* Whose address it is now: for the neighbours of a pod that was attached in the agent's absence. */
#include <errno.h>
#include <fcntl.h>

#include "agent/enforce/inside.h"
#include "base/log.h"
#include "net/link.h"
#include "net/netns.h"

/*
 * The pod's end of the attachment. 0: it is not what the record says, and another's namespace may
 * have the path by now.
 */
static int find_end(struct fl_nl *nl, const struct enf_att *a, struct fl_link *out,
		    struct fl_err *err)
{
	int r = fl_link_get(nl, a->rec.key.ifname, out, err);

	if (r == -ENODEV)
		return 0;
	return r < 0 ? r
		     : out->up && out->peer == a->ifindex &&
			       memcmp(out->mac, a->rec.mac, FL_MAC_LEN) == 0;
}

/* The kernel says so to the whole link when an interface is given its MAC address, once more. */
static int announce(const struct enf_att *a, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	fl_auto_nl struct fl_nl *nl = NULL;
	fl_auto_close int netns = -1;
	struct fl_link end = { 0 };
	int r;

	netns = open(a->rec.netns, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (netns < 0)
		return fl_fail_errno(err, errno, "open '%s'", a->rec.netns);
	r = fl_netns_open_nl(netns, 0, &nl, err) ?: find_end(nl, a, &end, err);
	if (r <= 0)
		return r;
	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	fl_link_put_set(b, &(struct fl_link_set){ .index = end.index, .mac = a->rec.mac });
	return fl_batch_send(nl, b, err);
}

void enf_atts_announce(struct enf *e)
{
	struct fl_err err;

	for (size_t i = 0; i < e->n_atts; i++) {
		struct enf_att *a = e->atts[i];

		if (!a->is_unheard || a->is_shut || a->place != ENF_INSIDE)
			continue;
		a->is_unheard = false;
		if (!fl_streq(a->rec.mode, "bridge") || !a->rec.netns)
			continue;
		if (announce(a, &err) < 0)
			fl_warn("pod '%s/%s': its neighbours may look for it elsewhere for some "
				"seconds: %s",
				a->pod->ns, a->pod->name, err.text);
	}
}
