// SPDX-License-Identifier: Apache-2.0
/* The records of this node's attachments, read all at once, with the links that they speak of. */
#include <errno.h>
#include <stdio.h>

#include "agent/enforce/inside.h"
#include "net/link.h"

/* The links of the host by name. */
struct links {
	struct enf *e;
	struct enf_link *v;
	size_t n, room;
	int failed; /* of the records */
	struct fl_err first;
};

void enf_bad_done(struct enf *e)
{
	for (size_t i = 0; i < e->n_bad; i++) {
		fl_free_p(&e->bad[i].path);
		fl_free_p(&e->bad[i].why);
	}
	fl_free_p(&e->bad);
	e->n_bad = 0;
}

static void links_done(struct links *l)
{
	fl_free_p(&l->v);
}

struct enf_link enf_link_of(const struct fl_link *link)
{
	struct enf_link k = { .index = link->index,
			      .master = link->master,
			      .is_bridge = fl_streq(link->kind, "bridge"),
			      .up = link->up };

	_Static_assert(sizeof(k.name) == sizeof(link->name), "names of links");
	memcpy(k.name, link->name, sizeof(k.name));
	memcpy(k.mac, link->mac, FL_MAC_LEN);
	memcpy(k.router_mac, link->mac, FL_MAC_LEN);
	return k;
}

/* A pod's interface that somebody has renamed counts by the name that it was given. */
static void call_as_given(const struct fl_nl *nl, const struct fl_link *link, struct enf_link *k)
{
	char given[FL_HOST_IFNAME];

	if (fl_streq(link->kind, "veth") && !fl_is_host_ifname(link->name) &&
	    fl_alias_host_ifname(link->alias, given) && !fl_nl_has_link(nl, given))
		memcpy(k->name, given, sizeof(given));
}

static int each_link(const struct fl_link *link, void *arg, struct fl_err *err)
{
	struct links *l = arg;
	struct enf_link *k;

	if (l->n == l->room) {
		struct enf_link *grown = reallocarray(l->v, l->room + 256, sizeof(*grown));

		if (!grown)
			return fl_fail_errno(err, ENOMEM, "list links");
		l->v = grown;
		l->room += 256;
	}
	k = &l->v[l->n++];
	*k = enf_link_of(link);
	call_as_given(l->e->nl, link, k);
	return 0;
}

/* To the ports of a bridge the bridge is the router. */
static void find_routers(struct links *l)
{
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; l->v[i].is_bridge && k < l->n; k++)
			if (l->v[k].master == l->v[i].index)
				memcpy(l->v[k].router_mac, l->v[i].mac, FL_MAC_LEN);
}

static int compare_links(const void *a, const void *b)
{
	return strcmp(((const struct enf_link *)a)->name, ((const struct enf_link *)b)->name);
}

static int each_record(const struct fl_endpoint *rec, void *arg, struct fl_err *err)
{
	struct links *l = arg;
	struct enf_link key = { 0 };
	const struct enf_link *k;
	struct fl_err one;
	int r;

	memcpy(key.name, rec->host_ifname, sizeof(key.name));
	k = l->n ? bsearch(&key, l->v, l->n, sizeof(key), compare_links) : NULL;
	r = enf_att_take(l->e, rec, k, &one);
	(void)err;
	if (r < 0 && l->failed == 0) {
		l->failed = r;
		l->first = one;
	}
	return 0;
}

static void each_bad(const char *path, const char *why, void *arg)
{
	struct links *l = arg;
	struct enf *e = l->e;
	fl_auto_free char *path_copy = strdup(path), *why_copy = strdup(why);
	struct enf_bad *grown = reallocarray(e->bad, e->n_bad + 1, sizeof(*grown));

	if (grown)
		e->bad = grown;
	if (!grown || !path_copy || !why_copy) {
		l->failed = l->failed ?: fl_fail_errno(&l->first, ENOMEM, "list endpoints");
		return;
	}
	e->bad[e->n_bad++] = (struct enf_bad){ FL_TAKE(path_copy), FL_TAKE(why_copy) };
}

void enf_complain_of_bad(const struct enf *e, enf_complain *each, void *arg)
{
	for (size_t i = 0; i < e->n_bad; i++) {
		char ifname[FL_HOST_IFNAME], text[700];

		if (!fl_endpoint_path_host_ifname(e->bad[i].path, ifname)) {
			each(e->bad[i].path, e->bad[i].why, arg);
			continue;
		}
		(void)snprintf(text, sizeof(text),
			       "%s: nothing passes to the pod behind interface '%s' or from it",
			       e->bad[i].why, ifname);
		each(e->bad[i].path, text, arg);
	}
}

static void mark_seen(struct enf *e, bool seen)
{
	for (size_t i = 0; i < e->n_atts; i++)
		e->atts[i]->seen = seen;
}

/* What attachments there are. */
int enf_read_records(struct enf *e, struct fl_err *err)
{
	fl_auto(links_done) struct links l = { .e = e };
	const struct fl_endpoint_visitor v = { .each = each_record, .bad = each_bad, .arg = &l };
	int r = fl_link_list(e->nl, 0, each_link, &l, err);

	if (r < 0)
		return r;
	find_routers(&l);
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), compare_links);
	mark_seen(e, false);
	enf_bad_done(e);
	r = fl_endpoint_visit(e->o.root, &v, err);
	if (r < 0) {
		/* Whose record was not come to is not gone. */
		mark_seen(e, true);
		return r;
	}
	if (l.failed)
		*err = l.first;
	return l.failed;
}
