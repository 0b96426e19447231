// SPDX-License-Identifier: Apache-2.0
/* The attachments of this node, as their records say, and the datapath's endpoints. */
#include <errno.h>

#include "agent/enforce/inside.h"
#include "agent/policy/valid.h"
#include "net/link.h"

static void close_att(struct enf_att **a)
{
	if (*a)
		fl_endpoint_done(&(*a)->rec);
	fl_free_p(a);
}

void enf_atts_done(struct enf *e)
{
	for (size_t i = 0; i < e->n_atts; i++)
		close_att(&e->atts[i]);
	fl_free_p(&e->atts);
	e->n_atts = 0;
}

static size_t place_of(const struct enf *e, const char *host_ifname)
{
	size_t low = 0, high = e->n_atts;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(e->atts[middle]->rec.host_ifname, host_ifname) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct enf_att *enf_att_find(const struct enf *e, const char *host_ifname)
{
	size_t at = place_of(e, host_ifname);

	return at < e->n_atts && fl_streq(e->atts[at]->rec.host_ifname, host_ifname) ? e->atts[at]
										     : NULL;
}

/*
 * Kubernetes' name of the pod; a container without one is in "default", under its own, or if that
 * is no name for a pod, its interface's.
 */
static int pod_of(struct enf *e, const struct fl_endpoint *rec, struct enf_pod **out,
		  struct fl_err *err)
{
	bool named = !fl_empty(rec->pod_name);
	const char *id = pol_valid_dns_subdomain(rec->key.container_id) ? rec->key.container_id
									: rec->host_ifname;

	return enf_pod_get(e,
			   named && !fl_empty(rec->pod_namespace) ? rec->pod_namespace : "default",
			   named ? rec->pod_name : id, out, err);
}

static void leave_pod(struct enf_att *a)
{
	if (!a->pod)
		return;
	a->pod->attachments--;
	a->pod->is_stale = true;
	a->pod = NULL;
}

static int copy_record(const struct fl_endpoint *rec, struct fl_endpoint *out, struct fl_err *err)
{
	struct fl_json *tree = fl_json_copy(rec->tree);

	if (!tree)
		return fl_fail_errno(err, ENOMEM, "remember an endpoint");
	return fl_endpoint_from_json(tree, out, err);
}

/* The attachment's place in the list, with what it had there before. */
static int slot_for(struct enf *e, const struct fl_endpoint *rec, struct enf_att **out,
		    struct fl_err *err)
{
	fl_auto(close_att) struct enf_att *a = NULL;
	size_t at = place_of(e, rec->host_ifname);
	struct enf_att **grown;

	if (at < e->n_atts && fl_streq(e->atts[at]->rec.host_ifname, rec->host_ifname)) {
		*out = e->atts[at];
		return 0;
	}
	grown = reallocarray(e->atts, e->n_atts + 1, sizeof(struct enf_att *));
	if (grown)
		e->atts = grown;
	a = calloc(1, sizeof(*a));
	if (!grown || !a)
		return fl_fail_errno(err, ENOMEM, "remember an endpoint");
	memmove(e->atts + at + 1, e->atts + at, (e->n_atts - at) * sizeof(struct enf_att *));
	memcpy(a->rec.host_ifname, rec->host_ifname, sizeof(a->rec.host_ifname));
	e->n_atts++;
	*out = e->atts[at] = FL_TAKE(a);
	return 0;
}

int enf_att_take(struct enf *e, const struct fl_endpoint *rec, const struct enf_link *link,
		 struct fl_err *err)
{
	fl_auto_endpoint struct fl_endpoint copy = { 0 };
	struct enf_att *a = NULL;
	struct enf_pod *pod = NULL;
	int r = slot_for(e, rec, &a, err);

	if (r < 0)
		return r;
	a->seen = true;
	if (!link || link->index != a->ifindex) {
		a->place = ENF_OUTSIDE;
		a->was_inside = false;
		a->pick_up_until_s = 0;
	}
	if (a->pod && !a->ifindex != !link)
		a->pod->is_stale = true;
	a->ifindex = link ? link->index : 0;
	a->up = link && link->up;
	if (link)
		memcpy(a->host_mac, link->router_mac, FL_MAC_LEN);
	if (a->rec.tree && fl_json_equal(a->rec.tree, rec->tree))
		return 0;
	r = copy_record(rec, &copy, err) ?: pod_of(e, rec, &pod, err);
	if (r < 0)
		return r;
	leave_pod(a);
	fl_endpoint_done(&a->rec);
	a->rec = copy;
	copy = (struct fl_endpoint){ 0 };
	a->pod = pod;
	a->pod->attachments++;
	a->pod->is_stale = true;
	return 0;
}

/* Nobody points to what is about to go; who went before it has left NULL in its place. */
static void forget_clash(struct enf *e, const struct enf_att *gone)
{
	for (size_t i = 0; i < e->n_atts; i++) {
		struct enf_att *a = e->atts[i];

		if (a && a->clash == gone) {
			a->clash = NULL;
			a->pod->is_stale = true;
		}
	}
}

/* Takes it out of the datapath, if it may be there. */
static int withdraw(struct enf *e, struct enf_att *a, struct fl_err *err)
{
	int r = a->is_live || a->is_half ? dp_remove_endpoint(e->dp, &a->live, err) : 0;

	if (r == 0)
		a->is_live = a->is_half = a->is_barred = false;
	return r;
}

int enf_atts_sweep(struct enf *e, struct fl_err *err)
{
	size_t kept = 0;
	int first = 0;

	for (size_t i = 0; i < e->n_atts; i++) {
		struct enf_att *a = e->atts[i];
		struct fl_err one;
		int r = a->seen ? 0 : withdraw(e, a, &one);

		if (r < 0 && first == 0) {
			first = r;
			*err = one;
		}
		if (a->seen || r < 0) {
			e->atts[kept++] = a;
			continue;
		}
		e->atts[i] = NULL;
		leave_pod(a);
		forget_clash(e, a);
		close_att(&a);
	}
	e->n_atts = kept;
	return first;
}

bool enf_share_address(const struct fl_endpoint *a, const struct fl_endpoint *b)
{
	for (size_t i = 0; i < a->n_ips; i++)
		for (size_t k = 0; k < b->n_ips; k++)
			if (fl_ip_cmp(&a->ips[i].ip, &b->ips[k].ip) == 0)
				return true;
	return false;
}

/* An address is free when its interface has gone, and its record goes last. */
static bool is_gone(struct enf *e, const struct enf_att *a)
{
	fl_auto_endpoint struct fl_endpoint now = { 0 };
	struct fl_link link = { 0 };
	struct fl_err ignored;

	return fl_endpoint_read(e->o.root, &a->rec.key, &now, &ignored) == -ENOENT ||
	       fl_link_get(e->nl, a->rec.host_ifname, &link, &ignored) == -ENODEV;
}

int enf_atts_give_way(struct enf *e, const struct fl_endpoint *rec, struct fl_err *err)
{
	bool any = false;

	for (size_t i = 0; i < e->n_atts; i++) {
		struct enf_att *a = e->atts[i];

		a->seen = fl_streq(a->rec.host_ifname, rec->host_ifname) ||
			  !enf_share_address(&a->rec, rec) || !is_gone(e, a);
		any |= !a->seen;
	}
	return any ? enf_atts_sweep(e, err) : 0;
}

static void fill(const struct enf *e, const struct enf_att *a, struct dp_endpoint *out)
{
	*out = (struct dp_endpoint){ .ifindex = a->ifindex, .n_ips = a->rec.n_ips };
	out->info.identity = a->pod->identity;
	out->info.ns = a->pod->ns_number;
	out->info.slot = a->pod->slot == POL_SLOT_NONE ? 0 : e->kernel_slot[a->pod->slot];
	out->info.pick_up_until_s = a->pick_up_until_s;
	memcpy(out->info.mac, a->rec.mac, FL_MAC_LEN);
	memcpy(out->info.host_mac, a->host_mac, FL_MAC_LEN);
	for (size_t i = 0; i < a->rec.n_ips; i++)
		out->ips[i] = dp_in(&a->rec.ips[i].ip);
}

/* The time that an earlier agent gave it. */
static void inherit_time(struct enf *e, struct enf_att *a)
{
	struct fl_endpoint_info have;
	struct fl_err ignored;

	if (dp_get_endpoint(e->dp, a->ifindex, &have, &ignored) == 0 &&
	    memcmp(have.mac, a->rec.mac, FL_MAC_LEN) == 0 &&
	    have.pick_up_until_s > a->pick_up_until_s)
		a->pick_up_until_s = have.pick_up_until_s;
}

/* What had the number of its interface before is not there any more. */
static int end_namesakes(struct enf *e, const struct enf_att *a, struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < e->n_atts; i++) {
		struct enf_att *other = e->atts[i];

		if (other != a && other->live.ifindex == a->ifindex)
			r = withdraw(e, other, err);
	}
	return r;
}

/* Known by its interface alone: it is shut even where who is not known may talk. */
static int bar(struct enf *e, struct enf_att *a, struct fl_err *err)
{
	int r;

	if (a->is_barred && a->live.ifindex == a->ifindex)
		return 0;
	r = withdraw(e, a, err) ?: end_namesakes(e, a, err);
	if (r < 0)
		return r;
	a->live = (struct dp_endpoint){ .ifindex = a->ifindex };
	a->is_half = true;
	r = dp_set_endpoint(e->dp, &a->live, NULL, &a->is_shut, err);
	a->is_barred = r == 0;
	return r < 0 ? fl_wrap(err, r, "endpoint '%s'", a->rec.host_ifname) : 0;
}

int enf_att_apply(struct enf *e, struct enf_att *a, struct fl_err *err)
{
	bool belongs = enf_att_belongs(a) && a->place != ENF_FOREIGN;
	bool refused = belongs && (a->clash || a->pod->problem);
	bool wanted = belongs && !refused && a->pod->told;
	fl_auto_free struct dp_endpoint *want = NULL;
	int r = 0;

	if (refused)
		return bar(e, a, err);

	if (!wanted || a->live.ifindex != a->ifindex)
		r = withdraw(e, a, err);
	if (r < 0 || !wanted)
		return r;
	if (!a->is_live) {
		r = end_namesakes(e, a, err);
		inherit_time(e, a);
	}
	if (r < 0)
		return r;
	want = malloc(sizeof(*want));
	if (!want)
		return fl_fail_errno(err, ENOMEM, "describe an endpoint");
	fill(e, a, want);
	if (a->is_live && !a->is_half && memcmp(want, &a->live, sizeof(*want)) == 0)
		return 0;
	r = dp_set_endpoint(e->dp, want, a->is_live ? &a->live : NULL, &a->is_shut, err);
	if (r == 0 || !a->is_live)
		a->live = *want;
	a->is_half = r < 0;
	a->is_barred = false;
	if (r < 0)
		return fl_wrap(err, r, "endpoint '%s'", a->rec.host_ifname);
	a->is_live = true;
	e->some_shut |= a->is_shut;
	/* Before there were maps nobody was shut. */
	a->is_unheard |= a->is_shut && a->place == ENF_INSIDE && !dp_is_fresh(e->dp) &&
			 !dp_former_knows(e->dp, want);
	return 0;
}

int enf_atts_open(struct enf *e, struct fl_err *err)
{
	int r = 0;

	if (!e->some_shut)
		return 0;
	r = dp_next_generation(e->dp, err);
	for (size_t i = 0; r == 0 && i < e->n_atts; i++) {
		struct enf_att *a = e->atts[i];

		if (!a->is_live || !a->is_shut)
			continue;
		r = dp_open_endpoint(e->dp, &a->live, err);
		a->is_shut = r < 0;
	}
	e->some_shut = r < 0;
	return r;
}

bool enf_name_endpoint(struct enf *e, uint32_t ifindex, struct pol_who *out)
{
	const struct enf_att *a = e->named < e->n_atts ? e->atts[e->named] : NULL;

	/* Who was asked for last is asked for again, by a flood of events about one of them. */
	if (!a || a->ifindex != ifindex) {
		for (e->named = 0; e->named < e->n_atts; e->named++)
			if (e->atts[e->named]->ifindex == ifindex)
				break;
		a = e->named < e->n_atts ? e->atts[e->named] : NULL;
	}
	if (!a || !a->pod)
		return false;
	*out = (struct pol_who){ a->pod->ns, a->pod->name, a->live.info.identity };
	return true;
}
